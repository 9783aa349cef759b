"""Volunteers of my places: the list, and one person with the certificate, the introduction and the training."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.access import works_in
from matching.catalogue import CATEGORIES
from matching.errors import Invalid
from matching.models.base import utcnow
from matching.services import desk_people, moderating
from web import desk_words, facts
from web.auth import viewer
from web.db import db
from web.forms.desk import TrainingForm, VogForm
from web.forms.fields import one_line, say
from web.i18n import today as current_day
from web.views.desk.blueprint import KEY, MOST, PAGE, at_desk, bp, me, my_places, whole

ONE = f"/mensen/{KEY.format('account_id')}"


@bp.get("/mensen")
@at_desk
def people() -> ResponseReturnValue:
    """Volunteers of my places, by name or by what they wait for."""
    what = request.args.get("toon", "")
    what = what if what in desk_words.PEOPLE_FILTERS else desk_people.ALL
    name = one_line(request.args.get("naam", "")[:80]) or ""
    day = current_day()
    sheet = desk_people.people(
        db(),
        my_places(),
        what=what,
        name=name,
        today=day,
        page=whole("pagina", 1, 10**6),
        size=whole("aantal", PAGE, MOST),
    )
    helps = {key: _(each.help) for key, each in CATEGORIES.items()}
    people = [(row, desk_words.volunteer_badges(row, day), _skills(row.skills, helps)) for row in sheet.rows]
    return render_template("desk/people.html", what=what, name=name, sheet=sheet, people=people)


def _skills(keys: list[str], helps: dict[str, str]) -> str:
    return ", ".join(helps[key] for key in keys if key in helps)


@bp.get(ONE)
@at_desk
def person(account_id: int) -> ResponseReturnValue:
    return _page(account_id, VogForm(None))


def _page(account_id: int, form: VogForm, training: TrainingForm | None = None) -> str:
    account, volunteer = desk_people.person(db(), viewer(), account_id)
    tasks = desk_people.tasks(db(), account_id)
    return render_template(
        "desk/person.html",
        account=account,
        volunteer=volunteer,
        buurt_name=desk_people.buurt_name(db(), account.buurt_code),
        skills=[facts.what(key) for key in volunteer.skills if key in CATEGORIES],
        speaks=facts.listed(facts.language_name(code) for code in volunteer.languages),
        badges=desk_words.volunteer_badges(volunteer, current_day()),
        tasks=[(row, works_in(viewer(), row.buurt_code)) for row in tasks],
        form=form,
        training=training or TrainingForm(None),
        has_valid_vog=volunteer.has_valid_vog(current_day()),
        is_me=account_id == me(),
    )


@bp.post(f"{ONE}/vog")
@at_desk
def vog(account_id: int) -> ResponseReturnValue:
    """The certificate was shown. Nobody notes this of themselves."""
    _account, volunteer = desk_people.person(db(), viewer(), account_id)
    form = VogForm(request.form)
    if not form.validate():
        return _page(account_id, form), 422
    try:
        moderating.vog_seen(db(), volunteer, by=me(), today=current_day(), renew_by=form.renew_by.data, now=utcnow())
    except Invalid as error:
        say(form.renew_by, _vog_problem(error.reason))
        return _page(account_id, form), 422
    flash(_("Noted: you have seen the VOG."), "ok")
    return redirect(url_for(".person", account_id=account_id))


def _vog_problem(reason: str) -> str:
    if reason == "past":
        return _("This day is over. Choose a day that has yet to come.")
    return _("This is far away. Choose a day within five years.")


@bp.post(f"{ONE}/kennismaking")
@at_desk
def introduction(account_id: int) -> ResponseReturnValue:
    """The introduction was held."""
    _account, volunteer = desk_people.person(db(), viewer(), account_id)
    moderating.introduced(db(), volunteer, by=me(), today=current_day(), now=utcnow())
    flash(_("Noted: the introduction is done."), "ok")
    return redirect(url_for(".person", account_id=account_id))


@bp.post(f"{ONE}/training")
@at_desk
def training(account_id: int) -> ResponseReturnValue:
    """The training in taking over care was finished."""
    _account, volunteer = desk_people.person(db(), viewer(), account_id)
    form = TrainingForm(request.form)
    if not form.validate():
        return _page(account_id, VogForm(None), form), 422
    day = form.trained_on.data
    assert day is not None
    try:
        moderating.trained(db(), volunteer, by=me(), on=day, today=current_day(), now=utcnow())
    except Invalid as error:
        say(form.trained_on, _training_problem(error.reason))
        return _page(account_id, VogForm(None), form), 422
    flash(_("Noted: the training is done."), "ok")
    return redirect(url_for(".person", account_id=account_id))


def _training_problem(reason: str) -> str:
    if reason == "future":
        return _("This day has yet to come. Choose the day on which the training was finished.")
    return _("This is more than ten years ago. The training has to be done again.")
