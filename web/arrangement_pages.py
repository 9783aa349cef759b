"""The pages of an arrangement that are the same for both sides: the agreement, how it was, stopping.

Each side finds its own arrangement (the views do); here is what can be done with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import IllegalMove, Invalid
from matching.models import Account, Arrangement, Buurt, CareSituation, ReliefRequest
from matching.models.base import utcnow
from matching.services import arranging, evaluating, relief, standing_in
from matching.services.arrangement_steps import AGREEMENT
from matching.workflow import ArrangementState
from web import arranging_words as words
from web import strain_words
from web.db import db
from web.forms.arranging import AgreeForm, EvaluationForm, StopForm


@dataclass(frozen=True, slots=True)
class Side:
    """Who looks, and where this side's pages are. is_carer: the mantelzorger, else the volunteer."""

    is_carer: bool
    account_id: int
    here: str
    agreement: str
    evaluation: str
    stop: str

    @property
    def key(self) -> str:
        return words.CARER if self.is_carer else words.STAND_IN


@dataclass(frozen=True, slots=True)
class People:
    """First names: of the two, of whoever is cared for (empty when that may not be kept), of the opbouwwerkers,
    and the name of the buurt."""

    carer: str
    volunteer: str
    cared_for: str
    opbouwwerkers: Sequence[str]
    buurt: str


def people(arrangement: Arrangement) -> tuple[People, ReliefRequest, CareSituation]:
    """Who they are, and what was asked."""
    asked = db().get_one(ReliefRequest, arrangement.relief_id)
    situation = db().get_one(CareSituation, asked.situation_id)
    names = {
        each: db().get_one(Account, each).first_name
        for each in (situation.mantelzorger_id, arrangement.volunteer_id)
        if each is not None
    }
    found = People(
        carer=names[situation.mantelzorger_id],
        volunteer=names.get(arrangement.volunteer_id or 0, ""),
        cared_for=str((situation.details or {}).get("cared_for_name") or ""),
        opbouwwerkers=relief.who_reads(db(), situation.buurt_code),
        buurt=db().get_one(Buurt, situation.buurt_code).name,
    )
    return found, asked, situation


def agreement(arrangement: Arrangement, side: Side) -> ResponseReturnValue:
    """The whole text, to read, to print, and to agree with by a tick."""
    mine = arrangement.mantelzorger_agreed_at if side.is_carer else arrangement.stand_in_agreed_at
    can_agree = arrangement.state == ArrangementState.AGREEING and mine is None
    if request.method == "POST" and not can_agree:
        return redirect(side.here)  # sent twice, or it is no longer the time for it
    if request.method == "GET":
        return _agreement_page(arrangement, side, AgreeForm(None, data={"version": AGREEMENT}), can_agree)
    form = AgreeForm(request.form)
    if not form.validate():
        return _agreement_page(arrangement, side, form, can_agree), 422
    try:
        arranging.agree(db(), arrangement, by=side.account_id, version=form.version.data or "", now=utcnow())
    except Invalid:
        db().rollback()
        flash(_("The text has changed. Please read it once more."), "warning")
        return redirect(side.agreement)
    except IllegalMove:
        db().rollback()
        return redirect(side.here)
    flash(_("Thank you. It is noted that you agree."), "ok")
    return redirect(side.here)


def _agreement_page(arrangement: Arrangement, side: Side, form: AgreeForm, can_agree: bool) -> str:
    who, _asked, _situation = people(arrangement)
    return render_template(
        "arrangement/agreement.html",
        arrangement=arrangement,
        side=side,
        who=who,
        form=form,
        can_agree=can_agree,
        my_name=who.carer if side.is_carer else who.volunteer,
    )


def evaluate(arrangement: Arrangement, side: Side) -> ResponseReturnValue:
    """How it is after the third time; once."""
    assert arrangement.id is not None
    if not evaluating.is_asked(db(), arrangement.id, side.account_id):
        return redirect(side.here)
    form = EvaluationForm(request.form if request.method == "POST" else None, is_carer=side.is_carer)
    if request.method == "GET" or not form.validate():
        who, _asked, situation = people(arrangement)
        page = render_template(
            "arrangement/evaluate.html",
            arrangement=arrangement,
            side=side,
            who=who,
            form=form,
            situation=situation,
            # How heavy it was and is stays between the mantelzorger and the desk.
            strain=evaluating.strain_around(db(), arrangement) if side.is_carer else (None, None),
            strain_words=strain_words,
        )
        return page, 422 if request.method == "POST" else 200
    evaluating.evaluate(db(), arrangement, form.answers, by=side.account_id, now=utcnow())
    if form.answers.is_worrying:
        flash(_("Thank you for telling us. The opbouwwerker calls you about it."), "ok")
    else:
        flash(_("Thank you for telling us."), "ok")
    return redirect(side.here)


def stop(arrangement: Arrangement, side: Side) -> ResponseReturnValue:
    """It does not go on, before or after it runs. Nobody has to explain themselves."""
    if arrangement.state not in standing_in.LIVE:
        return redirect(side.here)
    form = StopForm(request.form if request.method == "POST" else None, reasons=words.REASONS[side.key])
    if request.method == "GET" or not form.validate():
        who, _asked, _situation = people(arrangement)
        page = render_template("arrangement/stop.html", arrangement=arrangement, side=side, who=who, form=form)
        return page, 422 if request.method == "POST" else 200
    try:
        halt(arrangement)(db(), arrangement, reason=str(form.reason.data), by=side.account_id, now=utcnow())
    except IllegalMove:
        db().rollback()
        return redirect(side.here)
    flash(_("It has stopped. The others hear it from us, kindly."), "ok")
    return redirect(side.here)


def halt(arrangement: Arrangement) -> Callable[..., None]:
    """What stopping is: of what runs an end, before that a refusal."""
    return arranging.end if arrangement.state == ArrangementState.RUNNING else arranging.refuse
