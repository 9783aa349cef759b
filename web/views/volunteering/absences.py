"""Days away, and the pause."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import Invalid
from matching.models import Volunteer
from matching.models.base import utcnow
from matching.services import volunteering
from web.access import signed_in
from web.db import db
from web.forms.fields import say
from web.forms.volunteering import AbsenceForm, PauseForm
from web.i18n import today
from web.views.volunteering.blueprint import KEY, bp, my_volunteer


@bp.post("/pauze")
@signed_in
def pause() -> ResponseReturnValue:
    """No questions for now: one tap, and a day if one wants."""
    volunteer = my_volunteer()
    form = PauseForm(formdata=request.form)
    if form.validate():
        try:
            volunteering.pause(db(), volunteer, until=form.until.data, today=today(), now=utcnow())
        except Invalid as error:
            say(form.until, _absence_sentence(error))
    if form.errors:
        return _absences_page(volunteer, pause_form=form), 422
    flash(_("You are on pause. We ask you nothing for now."), "ok")
    return redirect(url_for(".index"))


@bp.post("/hervatten")
@signed_in
def resume() -> ResponseReturnValue:
    volunteering.resume(db(), my_volunteer(), now=utcnow())
    flash(_("Good to have you back. We can ask you again."), "ok")
    return redirect(url_for(".index"))


@bp.route("/afwezig", methods=["GET", "POST"])
@signed_in
def absences() -> ResponseReturnValue:
    """Days away, and the pause."""
    volunteer = my_volunteer()
    if request.method == "GET":
        return _absences_page(volunteer)
    form = AbsenceForm(formdata=request.form)
    if form.validate():
        assert form.first_day.data is not None
        assert form.last_day.data is not None
        try:
            volunteering.add_absence(
                db(), volunteer, form.first_day.data, form.last_day.data, today=today(), now=utcnow()
            )
        except Invalid as error:
            say(form[error.field], _absence_sentence(error))
    if form.errors:
        return _absences_page(volunteer, absence_form=form), 422
    flash(_("We know that you are away. We ask you nothing for those days."), "ok")
    return redirect(url_for(".absences"))


@bp.post(f"/afwezig/{KEY.format('absence_id')}/weg")
@signed_in
def remove_absence(absence_id: int) -> ResponseReturnValue:
    volunteering.remove_absence(db(), my_volunteer(), absence_id, now=utcnow())
    flash(_("We can ask you for those days again."), "ok")
    return redirect(url_for(".absences"))


def _absences_page(
    volunteer: Volunteer, absence_form: AbsenceForm | None = None, pause_form: PauseForm | None = None
) -> str:
    return render_template(
        "volunteering/absences.html",
        volunteer=volunteer,
        is_available=volunteer.is_available(today()),
        absences=volunteering.absences(db(), volunteer.account_id, today=today()),
        form=absence_form if absence_form and absence_form.errors else pause_form,
        absence_form=absence_form or AbsenceForm(formdata=None),
        pause_form=pause_form or PauseForm(formdata=None),
        most=volunteering.MOST_ABSENCES,
    )


def _absence_sentence(error: Invalid) -> str:
    texts = {
        "past": _("Choose a day from today on.") if error.field != "until" else _("Choose a day after today."),
        "order": _("The last day cannot be before the first day."),
        "too_far": _("Choose a day within two years. For longer, take a pause without a day."),
        "too_many": _("You have noted many absences. Remove one first, or take a pause."),
    }
    return texts[error.reason]
