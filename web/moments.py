"""One moment of time off, on the pages of all three sides: the mantelzorger, whoever takes over, and the desk.

Each side finds the moment in its own way (the views do); what can be done with it is the same.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import IllegalMove, Invalid
from matching.models import CareSituation
from matching.models.base import utcnow
from matching.services import covering, respijt_calendar
from matching.services.respijt_calendar import Moment
from matching.workflow import BookingState, GapState
from web import calendar_words
from web.auth import viewer
from web.db import db
from web.forms.calendar import OffForm, TimesForm
from web.i18n import local, today


@dataclass(frozen=True, slots=True)
class Paths:
    """Where this side's pages are. move: empty where this side can't move a moment. settle: where this side says that
    nobody has to be found any more; empty where it can't."""

    back: str  # the calendar
    here: str
    went: str
    off: str
    move: str = ""
    settle: str = ""


def month_asked() -> date:
    """The month in the address, like "2026-11"; this month for nonsense."""
    found = re.fullmatch(r"(20\d\d)-(0[1-9]|1[0-2])", request.args.get("maand", ""), re.ASCII)
    if found is not None:
        return date(int(found[1]), int(found[2]), 1)
    return today().replace(day=1)


def words() -> dict[str, Any]:
    """What the templates of the calendar say the same way everywhere."""
    return {"calendar_words": calendar_words, "now": utcnow(), "today": today()}


def show(moment: Moment, side: str, paths: Paths) -> str:
    """When, who, where it stands, and what can be done."""
    now = utcnow()
    is_planned = moment.state == BookingState.PLANNED
    has_begun = moment.booking.starts_at <= now
    return render_template(
        "care/moment.html",
        moment=moment,
        side=side,
        paths=paths,
        can_confirm=is_planned and has_begun,
        can_cancel=is_planned,
        can_correct=moment.state == BookingState.USED and side != calendar_words.STAND_IN,
        can_move=is_planned and not has_begun and bool(paths.move),
        can_settle=moment.gap_state == GapState.OPEN and not has_begun and bool(paths.settle),
        **words(),
    )


def went(moment: Moment, paths: Paths) -> ResponseReturnValue:
    """It went ahead."""
    try:
        respijt_calendar.use(db(), moment.booking, by=viewer().account_id, now=utcnow())
    except IllegalMove:
        return _too_late(paths)
    flash(_("Thank you. It is noted that this went ahead."), "ok")
    return redirect(paths.back)


def off(moment: Moment, side: str, paths: Paths) -> ResponseReturnValue:
    """It does not, or did not, go ahead: why?"""
    is_over = moment.booking.starts_at <= utcnow()
    reasons = calendar_words.choices(side, is_over=is_over)
    form = OffForm(request.form if request.method == "POST" else None, choices=reasons)
    if not _can_end(moment, side):
        return _too_late(paths)
    if request.method != "POST" or not form.validate():
        page = render_template(
            "care/moment_off.html", moment=moment, side=side, paths=paths, form=form, is_over=is_over, **words()
        )
        return page, 422 if request.method == "POST" else 200
    try:
        sentence = _end(moment, str(form.reason.data))
    except IllegalMove:
        return _too_late(paths)
    flash(sentence, "ok")
    return redirect(paths.back)


def settle(moment: Moment, situation: CareSituation, paths: Paths) -> ResponseReturnValue:
    """Nobody has to be found any more for what fell through."""
    by = viewer().account_id
    if moment.gap_id is None or by is None:
        return _too_late(paths)
    try:
        covering.close(db(), moment.gap_id, situation, by=by, now=utcnow())
    except IllegalMove:
        return _too_late(paths)
    flash(_("It is noted. We do not look for anybody any more for this time."), "ok")
    return redirect(paths.here)


def _can_end(moment: Moment, side: str) -> bool:
    if moment.state == BookingState.USED:  # put right by whoever it is counted for, and by the desk
        return side != calendar_words.STAND_IN
    return moment.state == BookingState.PLANNED


def _end(moment: Moment, reason: str) -> str:
    """Raises IllegalMove, when somebody else was first."""
    by, now = viewer().account_id, utcnow()
    if reason == calendar_words.NO_SHOW and moment.state == BookingState.PLANNED:
        respijt_calendar.miss(db(), moment.booking, by=by, now=now)
        return _("How annoying. The opbouwwerker hears of it at once.")
    respijt_calendar.cancel(db(), moment.booking, reason=reason, by=by, now=now)
    if moment.booking.starts_at <= now:
        return _("It is noted that this did not go ahead. It does not count.")
    if reason in respijt_calendar.STAND_IN_REASONS:
        return _("It is called off. We look for somebody else at once.")
    return _("It is called off. Whoever was to come hears it from us.")


def move(moment: Moment, side: str, paths: Paths) -> ResponseReturnValue:
    """To another time."""
    if moment.state != BookingState.PLANNED or moment.booking.starts_at <= utcnow():
        return _too_late(paths)
    form = TimesForm(request.form) if request.method == "POST" else TimesForm(None, data=_times_of(moment))
    if request.method == "POST" and form.validate():
        try:
            starts_at, ends_at = form.times()
            respijt_calendar.swap(
                db(), moment.booking, starts_at=starts_at, ends_at=ends_at, by=viewer().account_id, now=utcnow()
            )
        except IllegalMove:
            return _too_late(paths)
        except Invalid as error:
            form.refuse(error, calendar_words.refusal(error, side))
        else:
            flash(_("It is moved. Whoever takes over hears it, and can say when it does not suit."), "ok")
            return redirect(paths.back)
    page = render_template("care/moment_move.html", moment=moment, side=side, paths=paths, form=form, **words())
    return page, 422 if form.errors else 200


def _times_of(moment: Moment) -> dict[str, Any]:
    starts, ends = local(moment.booking.starts_at), local(moment.booking.ends_at)
    is_stay = (ends.date() - starts.date()).days > 1
    return {
        "day": starts.date(),
        "start": starts.time(),
        "end": ends.time(),
        "last_day": ends.date() if is_stay else None,
    }


def _too_late(paths: Paths) -> ResponseReturnValue:
    db().rollback()
    flash(_("Something has changed in the meantime. See here how it stands now."), "info")
    return redirect(paths.here)
