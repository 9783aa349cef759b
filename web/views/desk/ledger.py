"""What a mantelzorger has a right to: written down from the decision, stopped early, and lines put right. Every look
is noted."""

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import Invalid
from matching.models import CareSituation, Entitlement
from matching.models.base import utcnow
from matching.services import care, ledger
from web import ledger_export, ledger_words
from web.auth import viewer
from web.db import db
from web.forms.ledger import CorrectionForm, EndForm, EntitlementForm
from web.i18n import today
from web.ledger_pages import sheet
from web.views.care.blueprint import trace_id
from web.views.desk.blueprint import KEY, at_desk, bp, me

ONE = f"/mantelzorg/{KEY.format('situation_id')}/recht"
LOOK, CHANGE = "ledger", "ledger.change"


def _look(situation_id: int) -> CareSituation:
    activity = CHANGE if request.method == "POST" else LOOK
    return care.look(db(), viewer(), situation_id, activity=activity, trace_id=trace_id(), now=utcnow())


def _page(template: str, situation: CareSituation, **more: object) -> str:
    carer, _buurt = care.names(db(), situation)
    return render_template(template, situation=situation, carer=carer, is_open=care.is_open(situation), **more)


@bp.get(ONE, endpoint="ledger")
@at_desk
def show(situation_id: int) -> ResponseReturnValue:
    """What is left by payer, and the lines."""
    found = _look(situation_id)
    return _page("desk/ledger.html", found, sheet=sheet(db(), found, at_desk=True))


@bp.get(f"{ONE}.csv")
@at_desk
def ledger_csv(situation_id: int) -> Response:
    """All lines, as a text file."""
    return _file(ledger_export.CSV, _look(situation_id))


@bp.get(f"{ONE}.xlsx")
@at_desk
def ledger_xlsx(situation_id: int) -> Response:
    """All lines, for a spreadsheet."""
    return _file(ledger_export.XLSX, _look(situation_id))


def _file(kind: str, situation: CareSituation) -> Response:
    lines = ledger.lines(db(), situation.id or 0, oldest_first=True)
    return ledger_export.download(kind, lines, today=today(), at_desk=True)


@bp.route(f"{ONE}/nieuw", methods=["GET", "POST"], endpoint="ledger_new")
@at_desk
def new(situation_id: int) -> ResponseReturnValue:
    """Write down what stands in a decision."""
    found = _look(situation_id)
    if not care.is_open(found):
        return _closed(situation_id)
    if request.method != "POST":
        return _page("desk/ledger_new.html", found, form=EntitlementForm(None))
    form = EntitlementForm(request.form)
    if not form.validate():
        return _page("desk/ledger_new.html", found, form=form), 422
    try:
        ledger.add_entitlement(db(), found, **form.given(), by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        return _page("desk/ledger_new.html", _look(situation_id), form=form), 422
    flash(_("Written down. The mantelzorger sees it too."), "ok")
    return redirect(url_for(".ledger", situation_id=situation_id))


def _closed(situation_id: int) -> ResponseReturnValue:
    flash(_("This situation is closed."), "warning")
    return redirect(url_for(".ledger", situation_id=situation_id))


@bp.route(f"/mantelzorg/recht/{KEY.format('entitlement_id')}/stoppen", methods=["GET", "POST"], endpoint="ledger_end")
@at_desk
def end(entitlement_id: int) -> ResponseReturnValue:
    """It stops earlier than was written down."""
    entitlement = ledger.entitlement_of(db(), entitlement_id)
    found = _look(entitlement.situation_id)
    if request.method != "POST":
        return _end_page(found, entitlement, EndForm(None))
    form = EndForm(request.form)
    if not form.validate():
        return _end_page(found, entitlement, form), 422
    try:
        ledger.end(db(), entitlement, last_day=form.last_day.data, by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        form.refuse(error)
        entitlement = ledger.entitlement_of(db(), entitlement_id)
        return _end_page(_look(entitlement.situation_id), entitlement, form), 422
    flash(_("Stopped. Its last day has changed."), "ok")
    return redirect(url_for(".ledger", situation_id=entitlement.situation_id))


def _end_page(situation: CareSituation, entitlement: Entitlement, form: EndForm) -> str:
    found = ledger.balances(db(), situation.id or 0, today=today())
    balance = next(each for each in found if each.entitlement.id == entitlement.id)
    shown = ledger_words.entry(balance, today=today(), carer_id=situation.mantelzorger_id, at_desk=True)
    return _page("desk/ledger_end.html", situation, entry=shown, form=form)


@bp.route(f"/mantelzorg/recht/regel/{KEY.format('line_id')}", methods=["GET", "POST"], endpoint="ledger_correct")
@at_desk
def correct(line_id: int) -> ResponseReturnValue:
    """A line is wrong: another undoes it, and a third says what is right."""
    line, entitlement = ledger.line_of(db(), line_id)
    situation_id = entitlement.situation_id
    found = _look(situation_id)
    if request.method != "POST":
        return _correct_page(found, line_id, CorrectionForm(None))
    form = CorrectionForm(request.form)
    if not form.validate():
        return _correct_page(found, line_id, form), 422
    try:
        ledger.correct(db(), line, units=form.units.data or 0, reason=form.reason.data, by=me(), now=utcnow())
    except Invalid as error:
        db().rollback()
        found = _look(situation_id)
        if error.field == "line":
            flash(ledger_words.refusal(error, today(), at_desk=True), "warning")
            return redirect(url_for(".ledger", situation_id=situation_id))
        form.refuse(error)
        return _correct_page(found, line_id, form), 422
    flash(_("Corrected. The old line stays, with a new one that says what is right."), "ok")
    return redirect(url_for(".ledger", situation_id=situation_id, pagina=1))


def _correct_page(situation: CareSituation, line_id: int, form: CorrectionForm) -> str:
    line = ledger.line_row(db(), line_id)
    shown = ledger_words.told(line, today=today(), carer_id=situation.mantelzorger_id, at_desk=True)
    return _page("desk/ledger_correct.html", situation, line=shown, form=form)
