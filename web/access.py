"""Every route declares who may use it; what is not declared is denied. A test reads all routes.

The declaration says who gets in at all; what they may see of a thing is decided by its loader with
matching.access. Strangers at a page for members go to sign in and come back.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from matching.models import Role
from web.auth import viewer

View = TypeVar("View", bound=Callable[..., Any])
PUBLIC, SIGNED_IN, LINK = "public", "signed_in", "link"


def _declare(view: View, access: str | tuple[str, ...]) -> View:
    view.omzien_access = access  # type: ignore[attr-defined]  # an attribute on the view is the declaration
    return view


def public(view: View) -> View:
    """Anybody."""
    return _declare(view, PUBLIC)


def signed_in(view: View) -> View:
    """Anybody with an account."""
    return _declare(view, SIGNED_IN)


def with_link(view: View) -> View:
    """Whoever holds the signed link in the address; the view checks it before anything else."""
    return _declare(view, LINK)


def staff(*roles: Role) -> Callable[[View], View]:
    """Staff with one of these roles somewhere; which places they see is up to the loaders."""

    def decorate(view: View) -> View:
        return _declare(view, tuple(roles))

    return decorate


def declared(view: Callable[..., Any]) -> str | tuple[str, ...] | None:
    """The declaration of a view; None where it is missing."""
    found: str | tuple[str, ...] | None = getattr(view, "omzien_access", None)
    return found


def init_app(app: Flask) -> None:
    app.before_request(_check)


def _check() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # no such page: the 404 says so
    access = declared(current_app.view_functions[request.endpoint])
    if access in (PUBLIC, LINK) or request.endpoint == "static":
        return None
    if access is None:
        abort(403)
    who = viewer()
    if who.account_id is None:
        back = request.full_path.rstrip("?") if request.method == "GET" else ""
        return redirect(url_for("account.sign_in", verder=back or None))
    if access != SIGNED_IN and not who.holds(*access):
        abort(403)
    return None
