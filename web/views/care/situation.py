"""One's own care situation: telling it, the consent of the person cared for, changing, closing and going on."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from matching.errors import Invalid
from matching.models import CareSituation
from matching.models.base import utcnow
from matching.services import care
from web import care_words
from web.access import signed_in
from web.db import db
from web.forms.care import CaredForForm, CloseForm, NewSituationForm, StoryForm, told
from web.i18n import today
from web.views.care.blueprint import KEY, bp, me, my_situation

ONE = f"/{KEY.format('situation_id')}"


@bp.route("/nieuw", methods=["GET", "POST"])
@signed_in
def new() -> ResponseReturnValue:
    """A mantelzorger begins: for whom, since when, how much, where; and agrees that we keep that."""
    if request.method != "POST":
        form = NewSituationForm(None, data={"buurt": current_user.buurt_code})
        return render_template("care/situation_new.html", form=form)
    form = NewSituationForm(request.form)
    if form.tapped or not form.validate():
        if form.tapped:
            form.consent.errors = []
        return render_template("care/situation_new.html", form=form), 200 if form.tapped else 422
    try:
        made = care.start(db(), form.story(), mantelzorger_id=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return render_template("care/situation_new.html", form=form), 422
    return redirect(url_for(".cared_for", situation_id=made.id))


@bp.get(f"{ONE}/gegevens")
@signed_in
def situation(situation_id: int) -> ResponseReturnValue:
    """What we keep, and everything one can do about it."""
    found = my_situation(situation_id)
    return _page(found)


def _page(found: CareSituation) -> str:
    return render_template(
        "care/situation.html",
        situation=found,
        buurt_name=care.buurt_name(db(), found),
        consent=care.cared_for_consent(db(), found),
        obstacle=care.at_home_obstacle(found),
        words=care_words,
    )


@bp.route(f"{ONE}/veranderen", methods=["GET", "POST"])
@signed_in
def edit(situation_id: int) -> ResponseReturnValue:
    found = my_situation(situation_id)
    if not care.is_open(found):
        return redirect(url_for(".situation", situation_id=situation_id))
    if request.method != "POST":
        return render_template("care/situation_edit.html", form=StoryForm(None, data=told(found)), situation=found)
    form = StoryForm(request.form)
    if form.tapped or not form.validate():
        return render_template("care/situation_edit.html", form=form, situation=found), 200 if form.tapped else 422
    try:
        care.change(db(), found, form.story(), by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return render_template("care/situation_edit.html", form=form, situation=found), 422
    flash(_("We have kept your changes."), "ok")
    return redirect(url_for(".situation", situation_id=situation_id))


@bp.route(f"{ONE}/naaste", methods=["GET", "POST"])
@signed_in
def cared_for(situation_id: int) -> ResponseReturnValue:
    """The second consent. Only with it a name is asked for."""
    found = my_situation(situation_id)
    if not care.is_open(found):
        return redirect(url_for(".situation", situation_id=situation_id))
    if request.method != "POST":
        form = CaredForForm(None, data=_noted(found))
        return render_template("care/situation_cared_for.html", form=form, situation=found)
    form = CaredForForm(request.form)
    if not form.validate():
        return render_template("care/situation_cared_for.html", form=form, situation=found), 422
    try:
        care.give_cared_for_consent(db(), found, form.consent(), name=form.cared_for_name.data, by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return render_template("care/situation_cared_for.html", form=form, situation=found), 422
    flash(_("Thank you. We have noted that your loved one agrees."), "ok")
    return redirect(url_for(".home", situation_id=situation_id))


def _noted(found: CareSituation) -> dict[str, object]:
    """What was noted before, to change it; a yes of today for whoever is new."""
    noted = care.cared_for_consent(db(), found)
    if noted is None:
        return {"asked_on": today()}
    given = {"given_by": noted.given_by, "asked_by": noted.asked_by, "asked_on": noted.asked_on}
    return given | {"cared_for_name": found.details.get("cared_for_name")}


@bp.post(f"{ONE}/naaste/intrekken")
@signed_in
def withdraw_cared_for(situation_id: int) -> ResponseReturnValue:
    """The person cared for no longer agrees. Pressed twice, it is done once."""
    found = my_situation(situation_id)
    if found.cared_for_consent_id is not None:
        care.withdraw_cared_for_consent(db(), found, by=me(), now=utcnow())
    flash(_("Done. We removed the name of your loved one."), "ok")
    return redirect(url_for(".situation", situation_id=situation_id))


@bp.route(f"{ONE}/toestemming", methods=["GET", "POST"])
@signed_in
def withdraw(situation_id: int) -> ResponseReturnValue:
    """The mantelzorger's own consent: what it says, and taking it back."""
    found = my_situation(situation_id)
    if request.method != "POST":
        return render_template("care/situation_withdraw.html", situation=found)
    if found.mantelzorger_consent_id is not None:
        care.withdraw_consent(db(), found, now=utcnow())
    flash(_("Done. We removed what you told us."), "ok")
    return redirect(url_for(".index"))


@bp.route(f"{ONE}/stoppen", methods=["GET", "POST"])
@signed_in
def close(situation_id: int) -> ResponseReturnValue:
    """The caring is over, or the help with it."""
    found = my_situation(situation_id)
    if not care.is_open(found):
        return redirect(url_for(".situation", situation_id=situation_id))
    form = CloseForm(request.form if request.method == "POST" else None)
    if request.method != "POST" or not form.validate():
        status = 422 if request.method == "POST" else 200
        return render_template("care/situation_close.html", form=form, situation=found), status
    care.close(db(), found, reason=form.reason.data, by=me(), now=utcnow())
    return redirect(url_for(".situation", situation_id=situation_id))


@bp.post(f"{ONE}/verder")
@signed_in
def reopen(situation_id: int) -> ResponseReturnValue:
    found = my_situation(situation_id)
    if not care.is_open(found):
        care.reopen(db(), found, by=me(), now=utcnow())
        flash(_("Welcome back. What you told us is still here."), "ok")
    return redirect(url_for(".home", situation_id=situation_id))
