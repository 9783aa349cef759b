"""The calendar of one mantelzorger at the desk. Every look at it is noted."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import Invalid
from matching.models import Arrangement, CareSituation
from matching.models.base import utcnow
from matching.services import care, respijt_calendar
from matching.services.respijt_calendar import Moment
from web import calendar_words, care_words, moments
from web.auth import viewer
from web.calendar_words import DESK
from web.db import db
from web.forms.calendar import BookForm, LayOutForm
from web.forms.fields import say
from web.i18n import today
from web.moments import Paths
from web.views.care.blueprint import trace_id
from web.views.desk.blueprint import KEY, at_desk, bp, me

CALENDAR = f"/mantelzorg/{KEY.format('situation_id')}/agenda"
ONE = f"/mantelzorg/moment/{KEY.format('booking_id')}"


@bp.get(CALENDAR)
@at_desk
def care_calendar(situation_id: int) -> ResponseReturnValue:
    return _page(_look(situation_id))


@bp.post(f"{CALENDAR}/moment")
@at_desk
def book_moment(situation_id: int) -> ResponseReturnValue:
    """One moment by hand."""
    found = _look(situation_id)
    form = BookForm(request.form)
    form.offer(_people(found), care_words.PAYERS)
    if form.validate():
        try:
            starts_at, ends_at = form.times()
            respijt_calendar.book(
                db(),
                db().get_one(Arrangement, int(form.arrangement.data)),
                starts_at=starts_at,
                ends_at=ends_at,
                payer=form.payer.data,
                by=me(),
                now=utcnow(),
            )
        except Invalid as error:
            form.refuse(error, calendar_words.refusal(error, DESK))
        else:
            flash(_("It is in the calendar."), "ok")
            return redirect(url_for(".care_calendar", situation_id=situation_id, maand=f"{form.day.data:%Y-%m}"))
    db().rollback()
    return _page(_look(situation_id), book_form=form), 422


@bp.post(f"{CALENDAR}/ritme")
@at_desk
def lay_out(situation_id: int) -> ResponseReturnValue:
    """A rhythm until a day: what can be planned is planned, and what not is said."""
    found = _look(situation_id)
    form = LayOutForm(request.form, prefix="ritme_")
    form.offer(_people(found), care_words.PAYERS)
    if form.validate():
        try:
            laid = respijt_calendar.lay_out(
                db(),
                db().get_one(Arrangement, int(form.arrangement.data)),
                until=form.until.data,
                payer=form.payer.data,
                hour=form.hour.data,
                by=me(),
                now=utcnow(),
            )
        except Invalid as error:
            say(form._fields.get(error.field, form.until), calendar_words.refusal(error, DESK))
        else:
            first, *refused = calendar_words.laid_out(laid)
            flash(first, "ok" if laid.made else "info")
            for sentence in refused:
                flash(sentence, "warning")
            return redirect(url_for(".care_calendar", situation_id=situation_id))
    db().rollback()
    return _page(_look(situation_id), lay_out_form=form), 422


def _look(situation_id: int) -> CareSituation:
    return care.look(db(), viewer(), situation_id, activity=_activity(), trace_id=trace_id(), now=utcnow())


def _activity() -> str:
    return "calendar.change" if request.method == "POST" else "calendar"


def _people(situation: CareSituation) -> list[tuple[str, str]]:
    assert situation.id is not None
    return [
        (str(key), f"{who} ({care_words.FORMS.get(form, '')})")
        for key, who, form in respijt_calendar.bookable(db(), situation.id)
    ]


def _page(situation: CareSituation, book_form: BookForm | None = None, lay_out_form: LayOutForm | None = None) -> str:
    assert situation.id is not None
    asked, now = moments.month_asked(), utcnow()
    people = _people(situation)
    if book_form is None:
        book_form = BookForm(None)
    if lay_out_form is None:
        lay_out_form = LayOutForm(None, prefix="ritme_", data={"until": today() + respijt_calendar.AHEAD})
    for form in (book_form, lay_out_form):
        form.offer(people, care_words.PAYERS)
    carer, _buurt = care.names(db(), situation)
    facts: dict[str, Any] = {
        "month": respijt_calendar.month(db(), situation.id, asked.year, asked.month),
        "to_confirm": respijt_calendar.to_confirm(db(), situation_id=situation.id, now=now),
        "warnings": respijt_calendar.warnings(db(), situation.id, now=now),
    }
    return render_template(
        "desk/respijt_calendar.html",
        situation=situation,
        carer=carer,
        people=people,
        book_form=book_form,
        lay_out_form=lay_out_form,
        **facts,
        **moments.words(),
    )


@bp.get(ONE)
@at_desk
def care_moment(booking_id: int) -> ResponseReturnValue:
    found, paths = _seen(booking_id)
    return moments.show(found, DESK, paths)


@bp.post(f"{ONE}/ging-door")
@at_desk
def care_moment_went(booking_id: int) -> ResponseReturnValue:
    return moments.went(*_seen(booking_id))


@bp.route(f"{ONE}/niet-door", methods=["GET", "POST"])
@at_desk
def care_moment_off(booking_id: int) -> ResponseReturnValue:
    found, paths = _seen(booking_id)
    return moments.off(found, DESK, paths)


@bp.route(f"{ONE}/verzetten", methods=["GET", "POST"])
@at_desk
def care_moment_move(booking_id: int) -> ResponseReturnValue:
    found, paths = _seen(booking_id)
    return moments.move(found, DESK, paths)


def _seen(booking_id: int) -> tuple[Moment, Paths]:
    """The moment for the desk of its buurt, with the look noted; or a 404."""
    situation, found = respijt_calendar.look(
        db(), viewer(), booking_id, activity=_activity(), trace_id=trace_id(), now=utcnow()
    )
    return found, Paths(
        back=url_for(".care_calendar", situation_id=situation.id, maand=f"{found.first_day:%Y-%m}"),
        here=url_for(".care_moment", booking_id=booking_id),
        went=url_for(".care_moment_went", booking_id=booking_id),
        off=url_for(".care_moment_off", booking_id=booking_id),
        move=url_for(".care_moment_move", booking_id=booking_id),
    )
