"""The plan for when the mantelzorger drops out: writing it, who steps in, on paper, and "I drop out now"."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import IllegalMove, Invalid, NotFound, TooManyAttempts
from matching.models import Account, CareSituation
from matching.models.base import utcnow
from matching.services import care, drop_out, drop_out_call, relief, relief_rules
from matching.services.drop_out import PlanView
from web import plan_words, relief_words
from web.access import signed_in
from web.db import db
from web.forms.plan import StandInForm, WordsForm
from web.i18n import language, today
from web.views.care.blueprint import KEY, bp, me, my_situation

ONE = f"/{KEY.format('situation_id')}/noodplan"


def _mine(situation_id: int) -> CareSituation:
    """One's own situation while it is open; after that the plan is hidden."""
    found = my_situation(situation_id)
    if not care.is_open(found):
        raise NotFound
    return found


def _plan(situation_id: int) -> PlanView:
    """The plan, with something on it. Raises NotFound."""
    found = drop_out.of(db(), situation_id)
    if found is None or found.is_empty:
        raise NotFound
    return found


def _back(situation_id: int) -> ResponseReturnValue:
    return redirect(url_for(".plan", situation_id=situation_id))


@bp.get(ONE)
@signed_in
def plan(situation_id: int) -> ResponseReturnValue:
    """Everything on the plan, and what can be done with it."""
    situation, now = _mine(situation_id), utcnow()
    found = drop_out.of(db(), situation_id)
    is_called = found is not None and found.is_called(now)
    return render_template(
        "care/plan.html",
        situation=situation,
        plan=found,
        plan_words=plan_words,
        now=now,
        is_called=is_called,
        called_by=drop_out_call.called_by(db(), found, situation) if found is not None and is_called else "",
        is_overdue=found is not None and found.is_overdue(today()),
        has_room=found is None or len(found.stand_ins) < drop_out.MOST_STAND_INS,
    )


@bp.route(f"{ONE}/schrijven", methods=["GET", "POST"])
@signed_in
def plan_write(situation_id: int) -> ResponseReturnValue:
    """Four texts in one's own words."""
    situation = _mine(situation_id)
    if request.method == "GET":
        found = drop_out.of(db(), situation_id)
        return _write_page(situation, WordsForm(None, data=dict(found.words) if found else None))
    form = WordsForm(request.form)
    if not form.validate():
        return _write_page(situation, form), 422
    try:
        drop_out.write(db(), situation, form.words(), by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return _write_page(situation, form), 422
    flash(_("Your plan is kept."), "ok")
    return _back(situation_id)


def _write_page(situation: CareSituation, form: WordsForm) -> str:
    return render_template("care/plan_write.html", situation=situation, form=form)


@bp.route(f"{ONE}/invallers", methods=["GET", "POST"])
@signed_in
def plan_add(situation_id: int) -> ResponseReturnValue:
    """Ask somebody to step in: a volunteer who comes here already, or anybody with an e-mail address."""
    situation = _mine(situation_id)
    if request.method == "GET":
        return _add_page(situation, StandInForm(None))
    form = StandInForm(request.form)
    chosen = request.form.get("bekend", "")
    try:
        if chosen.isascii() and chosen.isdigit() and len(chosen) < 10:
            drop_out.add_known(db(), situation, int(chosen), by=me(), now=utcnow())
        elif form.validate():
            _ask(situation, form)
        else:
            return _add_page(situation, form), 422
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return _add_page(situation, form), 422
    except TooManyAttempts:
        db().rollback()
        flash(_("You asked many people today. Try again tomorrow."), "warning")
        return _back(situation_id)
    flash(_("We have asked it. You see the answer here, and we send you a message."), "ok")
    return _back(situation_id)


def _ask(situation: CareSituation, form: StandInForm) -> None:
    drop_out.add(
        db(),
        situation,
        name=form.first_name.data or "",
        relation=form.relation.data or "",
        phone=form.phone.data or "",
        email=form.email.data or "",
        locale=language(),
        by=me(),
        now=utcnow(),
    )


def _add_page(situation: CareSituation, form: StandInForm) -> str:
    known = drop_out.known(db(), situation)
    return render_template("care/plan_add.html", situation=situation, form=form, known=known)


@bp.post(f"{ONE}/invaller")
@signed_in
def plan_stand_in(situation_id: int) -> ResponseReturnValue:
    """Earlier, later, ask once more, or off the plan: one button each."""
    situation = _mine(situation_id)
    number, wanted = request.form.get("inval", ""), request.form.get("doe", "")
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        return _back(situation_id)
    person, by, now = int(number), me(), utcnow()
    try:
        if wanted in ("eerder", "later"):
            drop_out.move(db(), situation, person, earlier=wanted == "eerder", by=by, now=now)
        elif wanted == "weg":
            drop_out.remove(db(), situation, person, by=by, now=now)
            flash(_("Taken off your plan."), "ok")
        elif wanted == "opnieuw":
            drop_out.ask_again(db(), situation, person, by=by, now=now)
            flash(_("We have asked it once more."), "ok")
    except (IllegalMove, NotFound):  # pressed twice, or answered a moment ago
        db().rollback()
        flash(_("This has changed in the meantime. This is how it stands now."), "info")
    return _back(situation_id)


@bp.post(f"{ONE}/geldt")
@signed_in
def plan_confirm(situation_id: int) -> ResponseReturnValue:
    """One button: this still holds."""
    situation = _mine(situation_id)
    if drop_out.of(db(), situation_id) is not None:
        drop_out.confirm(db(), situation, by=me(), now=utcnow())
        flash(_("Thank you. We ask you again in a year."), "ok")
    return _back(situation_id)


@bp.get(f"{ONE}/afdrukken")
@signed_in
def plan_print(situation_id: int) -> ResponseReturnValue:
    """The plan as a page to print, in every script."""
    situation = _mine(situation_id)
    return render_template(
        "care/plan_print.html", situation=situation, plan=_plan(situation_id), plan_words=plan_words, name=_name()
    )


@bp.get(f"{ONE}/noodplan.pdf")
@signed_in
def plan_pdf(situation_id: int) -> ResponseReturnValue:
    """The plan on one sheet of paper."""
    from web import plan_pdf as paper  # brings fpdf2

    situation = _mine(situation_id)
    made = paper.make(paper.sheet(db(), situation, _plan(situation_id), name=_name()))
    headers = {"Content-Disposition": "inline; filename=noodplan.pdf", "Cache-Control": "private, no-store"}
    return Response(made, mimetype="application/pdf", headers=headers)


def _name() -> str:
    return db().get_one(Account, me()).first_name


@bp.route(f"{ONE}/nu", methods=["GET", "POST"])
@signed_in
def plan_now(situation_id: int) -> ResponseReturnValue:
    """I drop out now: what happens then, and one button."""
    situation, now = _mine(situation_id), utcnow()
    if request.method == "POST":
        drop_out_call.call(db(), situation, by=me(), now=now)
        return _back(situation_id)
    found = drop_out.of(db(), situation_id)
    if found is not None and found.is_called(now):
        return _back(situation_id)
    opens = relief_rules.desk_opens(now)
    return render_template(
        "care/plan_now.html",
        situation=situation,
        reads=relief_words.reads_when(relief.who_reads(db(), situation.buurt_code), opens),
        is_open_now=opens is None,
        people=[row for row in found.stand_ins if row.said_yes] if found else [],
        plan_words=plan_words,
    )


@bp.post(f"{ONE}/opgelost")
@signed_in
def plan_over(situation_id: int) -> ResponseReturnValue:
    """It is solved: the stand-ins hear it, and no longer see the plan."""
    situation = _mine(situation_id)
    if drop_out.of(db(), situation_id) is not None:
        drop_out_call.end(db(), situation, by=me(), now=utcnow())
        flash(_("Good that it is solved. Whoever was asked to come hears it from us."), "ok")
    return _back(situation_id)
