"""My moments in a calendar of my own: the address, and the file that is read there."""

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import LinkUnusable, NotFound
from matching.models.base import utcnow
from matching.services import feeds, links
from web.access import signed_in, with_link
from web.auth import viewer
from web.db import db
from web.i18n import CODES
from web.links import link_id, token
from web.respijt_feed import feed as calendar_file

bp = Blueprint("calendar_feed", __name__)


@bp.get("/agenda")
@signed_in
def address() -> ResponseReturnValue:
    """How to see it in one's own calendar."""
    link = feeds.address(db(), _me(), now=utcnow())
    path = url_for(".feed", token=token(links.FEED, link.id), _external=True) if link else ""
    return render_template("care/calendar_address.html", address=path, webcal=f"webcal:{path.partition(':')[2]}")


@bp.post("/agenda/adres")
@signed_in
def renew() -> ResponseReturnValue:
    """A first address, or a new one that takes the place of the old."""
    feeds.renew(db(), _me(), now=utcnow())
    flash(_("Here is your address. Keep it to yourself."), "ok")
    return redirect(url_for(".address"))


@bp.post("/agenda/stoppen")
@signed_in
def stop() -> ResponseReturnValue:
    feeds.stop(db(), _me(), now=utcnow())
    flash(_("The address no longer works."), "ok")
    return redirect(url_for(".address"))


@bp.get("/agenda/<token>.ics")
@with_link
def feed(token: str) -> ResponseReturnValue:
    """The moments, for a calendar that looks now and then. Nothing is sent when nothing changed."""
    try:
        account, mine, turns = feeds.read(db(), link_id(links.FEED, token), now=utcnow())
    except LinkUnusable:
        raise NotFound("no such feed") from None
    g.message_locale = account.locale if account.locale in CODES else "nl"
    response = Response(calendar_file(mine, turns), mimetype="text/calendar")
    response.headers["Content-Disposition"] = 'inline; filename="omzien.ics"'
    response.cache_control.private = True
    response.cache_control.no_cache = True  # ask again, with the ETag
    response.add_etag()
    return response.make_conditional(request)


def _me() -> int:
    account_id = viewer().account_id
    assert account_id is not None
    return account_id
