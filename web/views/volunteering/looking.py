"""What is under way for a volunteer, looking around, and offering help."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from matching.errors import AlreadyTaken, IllegalMove, NotFound
from matching.models.base import utcnow
from matching.services import covering, looking_around, my_help, standing_in
from matching.services.looking_around import NoFit, TooManyOffers
from web import nearby as wording
from web.access import signed_in
from web.coloured_map import colour
from web.db import db
from web.facts import language_name
from web.i18n import today
from web.views.places import atlas_and_map
from web.views.volunteering.blueprint import KEY, begin, bp, me, my_volunteer

TEASER = 3  # requests shown on the overview


@bp.get("")
@signed_in
def index() -> ResponseReturnValue:
    """What waits for me, whom I help, and what fits now."""
    try:
        helper = looking_around.helper_of(db(), me(), today=today())
    except NotFound:
        return begin()
    except NoFit:
        helper = None
    found = looking_around.fitting(db(), helper, today=today()) if helper else []
    on_pause = helper is not None and not helper.is_available
    overview = my_help.overview(db(), me())
    takes_over = standing_in.live_of(db(), me()) if overview.took_over else []
    return render_template(
        "volunteering/index.html",
        takes_over=takes_over,
        gaps=covering.waiting_offers(db(), me(), now=utcnow()) if takes_over else [],
        overview=overview,
        lines=wording.lines(looking_around.shown(db(), found[:TEASER]), today()),
        total=len(found),
        has_home=helper is not None,
        paused=my_volunteer() if on_pause else None,
    )


@bp.get("/vragen")
@signed_in
def nearby() -> ResponseReturnValue:
    """Open requests nearby that fit: what, when and roughly where, nothing personal."""
    try:
        helper = looking_around.helper_of(db(), me(), today=today())
    except NotFound:
        return begin()
    except NoFit:
        return render_template("volunteering/nearby.html", why="no_home", map=None)
    found = looking_around.fitting(db(), helper, today=today())
    category = request.args.get("soort", "")
    chosen = [each for each in found if each.category == category]
    sheet = wording.sheet(chosen or found, request.args.get("pagina"), request.args.get("aantal"))
    counts = looking_around.per_buurt(chosen or found)
    atlas, drawn = atlas_and_map(helper.gemeente_code) if "kaart" in request.args and found else (None, None)
    return render_template(
        "volunteering/nearby.html",
        why="" if helper.is_available else "paused",
        sheet=sheet,
        lines=wording.lines(looking_around.shown(db(), sheet.shown), today()),
        chips=wording.chips(found),
        total=len(found),
        category=category if chosen else "",
        atlas=atlas,
        map=colour(drawn, None, counts, counts) if drawn else None,
    )


@bp.get(f"/vragen/{KEY.format('request_id')}")
@signed_in
def opening(request_id: int) -> ResponseReturnValue:
    """One open request, to think it over; or my offer for it."""
    try:
        found = looking_around.look(db(), me(), request_id, today=today())
    except (NoFit, AlreadyTaken) as error:
        return _sorry(error)
    return render_template(
        "volunteering/opening.html",
        found=found,
        line=wording.lines([found], today())[0],
        mine=looking_around.waiting_offer(db(), me(), request_id),
        speaks=[language_name(code) for code in found.languages],
    )


@bp.post(f"/vragen/{KEY.format('request_id')}/aanbieden")
@signed_in
def offer(request_id: int) -> ResponseReturnValue:
    """Offer to do it. The rules are checked again at this moment."""
    try:
        looking_around.offer(db(), me(), request_id, today=today(), now=utcnow())
    except (NoFit, AlreadyTaken, TooManyOffers) as error:
        return _sorry(error)
    return redirect(url_for(".opening", request_id=request_id))


@bp.post(f"/aanbod/{KEY.format('proposal_id')}/intrekken")
@signed_in
def withdraw_offer(proposal_id: int) -> ResponseReturnValue:
    try:
        looking_around.withdraw_offer(db(), me(), proposal_id, now=utcnow())
    except IllegalMove:
        flash(_("The opbouwwerker has just decided about your offer. See below how it stands."), "info")
    else:
        flash(_("Your offer is taken back. Thank you for thinking of it."), "ok")
    return redirect(url_for(".index"))


def _sorry(error: Exception) -> ResponseReturnValue:
    """Back to the list, with the reason in kind words. Who is blocked or declined is not told."""
    flash(_why_not(error), "info")
    return redirect(url_for(".nearby"))


def _why_not(error: Any) -> str:
    if isinstance(error, TooManyOffers):
        return ngettext(
            "You have %(num)d offer waiting. Wait for an answer first, or take it back.",
            "You have %(num)d offers waiting. Wait for an answer first, or take one back.",
            error.most,
        )
    if isinstance(error, AlreadyTaken):
        return _("Somebody was just before you: this request is taken care of. Thank you for looking.")
    return {
        "paused": _("You are on pause. Say that you are available again, then you can offer your help."),
        "live": _("You are in the picture for this request already. You will hear from us."),
        "own": _("This is your own request."),
        "past": _("The day of this request is over. Thank you for looking."),
        "no_home": _("We do not know your buurt yet. Tell us, then we can look nearby."),
    }.get(error.why, _("This request does not fit your profile now. Below is what does."))
