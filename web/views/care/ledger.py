"""What time off is left, who pays for it, and every line of it. Own money and insurance are added here; what one wrote
down oneself can be stopped and put right."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import Invalid
from matching.models import CareSituation, Entitlement
from matching.models.base import utcnow
from matching.services import care, ledger, ledger_own
from web import ledger_export, ledger_words
from web.access import signed_in
from web.db import db
from web.forms.ledger import EndForm, OwnCorrectionForm, OwnEndForm, OwnEntitlementForm
from web.i18n import today
from web.ledger_pages import sheet
from web.views.care.blueprint import KEY, bp, me, my_situation

ONE = f"/{KEY.format('situation_id')}/over"


@bp.get(ONE, endpoint="ledger")
@signed_in
def show(situation_id: int) -> ResponseReturnValue:
    """What is left, in bricks, and below it the lines."""
    found = my_situation(situation_id)
    return render_template("care/ledger.html", situation=found, sheet=sheet(db(), found), is_open=care.is_open(found))


@bp.get(f"{ONE}.csv")
@signed_in
def ledger_csv(situation_id: int) -> Response:
    """All lines, as a text file."""
    return _file(ledger_export.CSV, my_situation(situation_id))


@bp.get(f"{ONE}.xlsx")
@signed_in
def ledger_xlsx(situation_id: int) -> Response:
    """All lines, for a spreadsheet."""
    return _file(ledger_export.XLSX, my_situation(situation_id))


def _file(kind: str, situation: CareSituation) -> Response:
    lines = ledger.lines(db(), situation.id or 0, oldest_first=True)
    return ledger_export.download(kind, lines, today=today(), at_desk=False)


@bp.route(f"{ONE}/nieuw", methods=["GET", "POST"], endpoint="ledger_new")
@signed_in
def new(situation_id: int) -> ResponseReturnValue:
    """The mantelzorger writes down own money or insurance."""
    found = my_situation(situation_id)
    if not care.is_open(found):
        return redirect(url_for(".ledger", situation_id=situation_id))
    if request.method != "POST":
        return render_template("care/ledger_new.html", situation=found, form=OwnEntitlementForm(None))
    form = OwnEntitlementForm(request.form)
    if not form.validate():
        return render_template("care/ledger_new.html", situation=found, form=form), 422
    try:
        ledger.add_entitlement(db(), found, **form.given(), by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return render_template("care/ledger_new.html", situation=my_situation(situation_id), form=form), 422
    flash(_("Written down. You see below what is left."), "ok")
    return redirect(url_for(".ledger", situation_id=situation_id))


@bp.route(f"/recht/{KEY.format('entitlement_id')}/stoppen", methods=["GET", "POST"], endpoint="ledger_end")
@signed_in
def end(entitlement_id: int) -> ResponseReturnValue:
    """What one wrote down stops earlier."""
    found, entitlement = ledger_own.entitlement(db(), me(), entitlement_id)
    if not care.is_open(found):
        return redirect(url_for(".ledger", situation_id=found.id))
    if request.method != "POST":
        return _end_page(found, entitlement, OwnEndForm(None))
    form = OwnEndForm(request.form)
    if not form.validate():
        return _end_page(found, entitlement, form), 422
    try:
        ledger.end(db(), entitlement, last_day=form.last_day.data, by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return _end_page(*ledger_own.entitlement(db(), me(), entitlement_id), form), 422
    flash(_("Stopped. Its last day has changed."), "ok")
    return redirect(url_for(".ledger", situation_id=found.id))


def _end_page(situation: CareSituation, entitlement: Entitlement, form: EndForm) -> str:
    found = ledger.balances(db(), situation.id or 0, today=today())
    balance = next(each for each in found if each.entitlement.id == entitlement.id)
    shown = ledger_words.entry(balance, today=today(), carer_id=situation.mantelzorger_id)
    return render_template("care/ledger_end.html", situation=situation, entry=shown, form=form)


@bp.route(f"/recht/regel/{KEY.format('line_id')}", methods=["GET", "POST"], endpoint="ledger_correct")
@signed_in
def correct(line_id: int) -> ResponseReturnValue:
    """A line that one wrote is wrong: another undoes it, and a third says what is right."""
    found, line = ledger_own.line(db(), me(), line_id)
    situation_id = found.id
    if not care.is_open(found):
        return redirect(url_for(".ledger", situation_id=situation_id))
    if request.method != "POST":
        return _correct_page(found, line_id, OwnCorrectionForm(None))
    form = OwnCorrectionForm(request.form)
    if not form.validate():
        return _correct_page(found, line_id, form), 422
    try:
        ledger.correct(db(), line, units=form.units.data or 0, reason=form.reason.data, by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        if error.field == "line":
            flash(ledger_words.refusal(error, today()), "warning")
            return redirect(url_for(".ledger", situation_id=situation_id))
        form.refuse(error)
        return _correct_page(my_situation(situation_id or 0), line_id, form), 422
    flash(_("Corrected. The old line stays, with a new one that says what is right."), "ok")
    return redirect(url_for(".ledger", situation_id=situation_id, pagina=1))


def _correct_page(situation: CareSituation, line_id: int, form: OwnCorrectionForm) -> str:
    line = ledger.line_row(db(), line_id)
    shown = ledger_words.told(line, today=today(), carer_id=situation.mantelzorger_id)
    return render_template("care/ledger_correct.html", situation=situation, line=shown, form=form)
