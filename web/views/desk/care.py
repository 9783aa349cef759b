"""Mantelzorgers of my buurten: the list, and one situation with everything that is arranged. Every look is noted."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import IllegalMove, Invalid
from matching.models import CareSituation
from matching.models.base import utcnow
from matching.services import care, care_desk, strain
from web import care_words
from web.auth import viewer
from web.care_parts import calendar, ledger, plan, relief, signals
from web.care_parts import strain as strain_part
from web.db import db
from web.forms.strain import ScoreForm
from web.i18n import today
from web.views.care.blueprint import trace_id
from web.views.desk.blueprint import KEY, MOST, PAGE, at_desk, bp, me, whole

ONE = f"/mantelzorg/{KEY.format('situation_id')}"
# What stands on the page of one situation, each with its own template.
PARTS = {
    "signals": signals,
    "relief": relief,
    "calendar": calendar,
    "ledger": ledger,
    "strain": strain_part,
    "plan": plan,
}


@bp.get("/mantelzorg")
@at_desk
def carers() -> ResponseReturnValue:
    """The mantelzorgers we know, whoever should be asked first on top."""
    sheet = care_desk.known(
        db(),
        viewer(),
        page=whole("pagina", 1, 10**6),
        size=whole("aantal", PAGE, MOST),
        trace_id=trace_id(),
        now=utcnow(),
    )
    return render_template("desk/care.html", sheet=sheet, today=today())


@bp.get(ONE)
@at_desk
def care_situation(situation_id: int) -> ResponseReturnValue:
    return _page(_look(situation_id, "care.situation"), ScoreForm(None, data={"day": today()}))


def _look(situation_id: int, activity: str) -> CareSituation:
    return care.look(db(), viewer(), situation_id, activity=activity, trace_id=trace_id(), now=utcnow())


def _page(situation: CareSituation, form: ScoreForm) -> str:
    now = utcnow()
    carer, buurt = care.names(db(), situation)
    return render_template(
        "desk/care_situation.html",
        situation=situation,
        carer=carer,
        buurt_name=buurt,
        form=form,
        parts={name: part.desk(db(), situation, now) for name, part in PARTS.items()},
        is_open=care.is_open(situation),
        obstacle=care.at_home_obstacle(situation),
        care_words=care_words,
    )


@bp.post(f"{ONE}/score")
@at_desk
def record_score(situation_id: int) -> ResponseReturnValue:
    """The score of a list that a professional filled in together with the mantelzorger."""
    found = _look(situation_id, "strain.record")
    form = ScoreForm(request.form)
    if not form.validate():
        return _page(found, form), 422
    try:
        strain.record_score(
            db(),
            found,
            instrument=form.instrument.data,
            score=form.score.data or 0,
            day=form.day.data,
            by=me(),
            now=utcnow(),
        )
    except IllegalMove:
        db().rollback()
        flash(_("This situation is closed."), "warning")
        return redirect(url_for(".care_situation", situation_id=situation_id))
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return _page(_look(situation_id, "strain.record"), form), 422
    flash(_("The score is noted."), "ok")
    return redirect(url_for(".care_situation", situation_id=situation_id))


@bp.post(f"{ONE}/sluiten")
@at_desk
def close_care(situation_id: int) -> ResponseReturnValue:
    """Somebody told the desk that the care has ended. Pressed twice, it is done once."""
    found = _look(situation_id, "care.situation")
    reason = request.form.get("reden", "")
    if reason not in care.CLOSE_REASONS:
        flash(_("Choose why the care has ended."), "warning")
    elif care.is_open(found):
        care.close(db(), found, reason=reason, by=me(), now=utcnow())
        _look(situation_id, "care.closed")
        flash(_("Closed. Whoever was to take over hears it from us."), "ok")
    return redirect(url_for(".care_situation", situation_id=situation_id))
