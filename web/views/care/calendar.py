"""The mantelzorger's calendar: who takes over when, and what can be done about it."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue

from matching.models.base import utcnow
from matching.services import respijt_calendar
from matching.services.respijt_calendar import Moment
from web import moments
from web.access import signed_in
from web.auth import viewer
from web.calendar_words import CARER
from web.db import db
from web.moments import Paths
from web.views.care.blueprint import KEY, bp, my_situation

ONE = f"/moment/{KEY.format('booking_id')}"


@bp.get(f"/{KEY.format('situation_id')}/agenda")
@signed_in
def calendar(situation_id: int) -> ResponseReturnValue:
    """A month: a list first, and a grid where there is room for it."""
    found = my_situation(situation_id)
    asked, now = moments.month_asked(), utcnow()
    return render_template(
        "care/calendar.html",
        situation=found,
        month=respijt_calendar.month(db(), situation_id, asked.year, asked.month),
        to_confirm=respijt_calendar.to_confirm(db(), situation_id=situation_id, now=now),
        warnings=respijt_calendar.warnings(db(), situation_id, now=now),
        **moments.words(),
    )


@bp.get(ONE)
@signed_in
def moment(booking_id: int) -> ResponseReturnValue:
    found, paths = _mine(booking_id)
    return moments.show(found, CARER, paths)


@bp.post(f"{ONE}/ging-door")
@signed_in
def moment_went(booking_id: int) -> ResponseReturnValue:
    return moments.went(*_mine(booking_id))


@bp.route(f"{ONE}/niet-door", methods=["GET", "POST"])
@signed_in
def moment_off(booking_id: int) -> ResponseReturnValue:
    found, paths = _mine(booking_id)
    return moments.off(found, CARER, paths)


@bp.route(f"{ONE}/verzetten", methods=["GET", "POST"])
@signed_in
def moment_move(booking_id: int) -> ResponseReturnValue:
    found, paths = _mine(booking_id)
    return moments.move(found, CARER, paths)


@bp.post(f"{ONE}/niet-nodig")
@signed_in
def moment_settled(booking_id: int) -> ResponseReturnValue:
    """It fell through, and nobody else has to come."""
    situation, _moment = respijt_calendar.my_moment(db(), viewer().account_id, booking_id)
    found, paths = _mine(booking_id)
    return moments.settle(found, situation, paths)


def _mine(booking_id: int) -> tuple[Moment, Paths]:
    """The moment for its own mantelzorger, or a 404."""
    situation, found = respijt_calendar.my_moment(db(), viewer().account_id, booking_id)
    return found, Paths(
        back=url_for(".calendar", situation_id=situation.id, maand=f"{found.first_day:%Y-%m}"),
        here=url_for(".moment", booking_id=booking_id),
        went=url_for(".moment_went", booking_id=booking_id),
        off=url_for(".moment_off", booking_id=booking_id),
        move=url_for(".moment_move", booking_id=booking_id),
        settle=url_for(".moment_settled", booking_id=booking_id),
    )
