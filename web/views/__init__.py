"""One module is one blueprint is one thing. (INTERIM while the slices are being built: registers what exists.)"""

import importlib
import importlib.util

from flask import Flask

NAMES = "pages account places help_requests volunteering proposals pairings desk care staff mailbox".split()


def init_app(app: Flask, *, demo: bool) -> None:
    for name in NAMES:
        if importlib.util.find_spec(f"web.views.{name}") and (name != "mailbox" or demo):
            app.register_blueprint(importlib.import_module(f"web.views.{name}").bp)
