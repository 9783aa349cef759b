"""One module is one blueprint is one thing."""

from flask import Flask

from web.views import (
    account,
    algorithm,
    calendar_feed,
    care,
    desk,
    help_requests,
    mailbox,
    pages,
    pairings,
    places,
    proposals,
    staff,
    stand_ins,
    volunteering,
)

THINGS = (
    pages,
    account,
    places,
    help_requests,
    volunteering,
    proposals,
    pairings,
    desk,
    care,
    stand_ins,
    calendar_feed,
    staff,
    algorithm,
)


def init_app(app: Flask, *, demo: bool) -> None:
    """Register all things; the mailbox exists in the demonstration only."""
    for thing in THINGS:
        app.register_blueprint(thing.bp)
    if demo:
        app.register_blueprint(mailbox.bp)
