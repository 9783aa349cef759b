"""How are you: six questions, a plain answer with one next step, and how often we ask."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.models.base import utcnow
from matching.services import care, opbouwwerkers, strain
from web import care_words, strain_words
from web.access import signed_in
from web.db import db
from web.forms.strain import CheckForm, RhythmForm, as_values
from web.i18n import day_text, today
from web.views.care.blueprint import KEY, bp, my_situation

ONE = f"/{KEY.format('situation_id')}"


@bp.route(f"{ONE}/hoe-gaat-het", methods=["GET", "POST"])
@signed_in
def check(situation_id: int) -> ResponseReturnValue:
    """The six questions. The first can be answered on the home page already: then nothing is an error yet."""
    found = my_situation(situation_id)
    if not care.is_open(found):
        return redirect(url_for(".situation", situation_id=situation_id))
    if request.method != "POST":
        earlier = strain.today_answers(db(), situation_id, today=today())
        return _questions(situation_id, CheckForm(None, data=as_values(earlier)), again=earlier is not None)
    form = CheckForm(request.form)
    if "begin" in request.form:
        return _questions(situation_id, form)
    if not form.validate():
        return _questions(situation_id, form), 422
    strain.answer(db(), found, form.answers(), now=utcnow())
    return redirect(url_for(".answer", situation_id=situation_id))


def _questions(situation_id: int, form: CheckForm, *, again: bool = False) -> str:
    return render_template(
        "care/strain_check.html", form=form, situation_id=situation_id, again=again, words=strain_words
    )


@bp.get(f"{ONE}/antwoord")
@signed_in
def answer(situation_id: int) -> ResponseReturnValue:
    """What the last own check says, and the one next step."""
    found = my_situation(situation_id)
    last = strain.last_own(db(), situation_id)
    if last is None:
        return redirect(url_for(".check", situation_id=situation_id))
    return render_template(
        "care/strain_answer.html",
        situation=found,
        last=last,
        step=strain_words.STEPS[strain.next_step(last)],
        words=strain_words,
        obstacle=care.at_home_obstacle(found),
        care_words=care_words,
        opbouwwerkers=opbouwwerkers.names(db(), found.buurt_code),
        form=RhythmForm(None, data={"weeks": str(found.check_every_weeks)}),
    )


@bp.route(f"{ONE}/hoe-vaak", methods=["GET", "POST"])
@signed_in
def rhythm(situation_id: int) -> ResponseReturnValue:
    """How often we ask."""
    found = my_situation(situation_id)
    if not care.is_open(found):
        return redirect(url_for(".situation", situation_id=situation_id))
    is_sent = request.method == "POST"
    form = RhythmForm(request.form) if is_sent else RhythmForm(None, data={"weeks": str(found.check_every_weeks)})
    if not is_sent or not form.validate():
        return render_template("care/strain_rhythm.html", form=form, situation=found), 422 if is_sent else 200
    strain.set_rhythm(db(), found, weeks=int(form.weeks.data), now=utcnow())
    if found.next_check_on:
        flash(_("Good. We ask you again on %(day)s.", day=day_text(found.next_check_on)), "ok")
    else:
        flash(_("Good. We do not ask by ourselves. You can always fill it in."), "ok")
    return redirect(url_for(".home", situation_id=situation_id))
