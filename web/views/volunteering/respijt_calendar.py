"""Taking over: a volunteer's moments with the people they take over from."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from matching.models.base import utcnow
from matching.services import respijt_calendar
from matching.services.respijt_calendar import Moment
from web import moments
from web.access import signed_in
from web.auth import viewer
from web.calendar_words import STAND_IN
from web.db import db
from web.moments import Paths
from web.views.volunteering.blueprint import KEY, bp, me, my_volunteer

ONE = f"/respijt/moment/{KEY.format('booking_id')}"


@bp.get("/respijt")
@signed_in
def respijt() -> ResponseReturnValue:
    """My moments: what comes, what has to be confirmed, and a month."""
    my_volunteer()
    asked, now = moments.month_asked(), utcnow()
    return render_template(
        "volunteering/respijt_calendar.html",
        month=respijt_calendar.month_of_stand_in(db(), me(), asked.year, asked.month),
        to_confirm=respijt_calendar.to_confirm(db(), volunteer_id=me(), now=now),
        **moments.words(),
    )


@bp.get(ONE)
@signed_in
def respijt_moment(booking_id: int) -> ResponseReturnValue:
    found, paths = _mine(booking_id)
    return moments.show(found, STAND_IN, paths)


@bp.post(f"{ONE}/ging-door")
@signed_in
def respijt_went(booking_id: int) -> ResponseReturnValue:
    return moments.went(*_mine(booking_id))


@bp.route(f"{ONE}/lukt-niet", methods=["GET", "POST"])
@signed_in
def respijt_off(booking_id: int) -> ResponseReturnValue:
    """I can't come: somebody else is asked at once."""
    found, paths = _mine(booking_id)
    return moments.off(found, STAND_IN, paths)


def _mine(booking_id: int) -> tuple[Moment, Paths]:
    """The moment for whoever takes over, or a 404."""
    found = respijt_calendar.my_turn(db(), viewer().account_id, booking_id)
    return found, Paths(
        back=url_for(".respijt", maand=f"{found.first_day:%Y-%m}"),
        here=url_for(".respijt_moment", booking_id=booking_id),
        went=url_for(".respijt_went", booking_id=booking_id),
        off=url_for(".respijt_off", booking_id=booking_id),
    )
