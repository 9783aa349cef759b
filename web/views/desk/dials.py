"""Sharing help fairly: the two dials of a gemeente and the weights of its wijken, with what a choice would change."""

from dataclasses import replace

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.access import may_set_dials
from matching.errors import IllegalMove, Invalid, NotAllowed
from matching.models import Role
from matching.models.base import utcnow
from matching.services import dials
from matching.services.dials import BY_KEY, Dials
from web import dial_words
from web.access import staff
from web.auth import viewer
from web.db import db
from web.forms.dials import WEIGHT, DialsForm, weights_form
from web.forms.fields import Form, one_line, say
from web.views.desk.blueprint import bp

ROLES = (Role.COORDINATOR, Role.BEHEERDER)
NAMES = ("buurten", "vrijwilligers", "wijken")


@bp.get("/verdeling", endpoint="dials")
@staff(*ROLES)
def show() -> ResponseReturnValue:
    """What is set; with a choice in the address also what that would change."""
    found = _mine()
    if not any(name in request.args for name in NAMES):
        return _page(found)
    form = DialsForm(request.args)
    return _page(found, form) if form.validate() else (_page(found, form), 422)


@bp.post("/verdeling", endpoint="set_dials")
@staff(*ROLES)
def save() -> ResponseReturnValue:
    """Keep the choice."""
    found, form = _mine(), DialsForm(request.form)
    if not form.validate():
        return _page(found, form), 422
    equity, balance, uses = form.chosen
    new = replace(found, equity=BY_KEY[equity].equity, balance=BY_KEY[balance].balance, uses_area_weights=uses)
    try:
        changed = _save(new)
    except IllegalMove:
        db().rollback()
        return _page(_mine(), form, beaten=True), 409
    flash(_("Saved. It counts from the next time we look.") if changed else _("Nothing has changed."), "ok")
    return _back(found)


@bp.post("/verdeling/wijken", endpoint="set_weights")
@staff(*ROLES)
def save_weights() -> ResponseReturnValue:
    """Keep the weights of the wijken. Whether they count is chosen with the dials."""
    found = _mine()
    wijken = dials.wijken(db(), found.gemeente_code)
    form = weights_form(wijken, {}, request.form)
    if not form.validate():
        return _page(found, weights=form), 422
    given = {code: form[code].number for code in wijken}
    strange = [name.removeprefix(WEIGHT) for name in request.form if name.startswith(WEIGHT)]
    given |= dict.fromkeys((code for code in strange if code not in wijken), dials.USUAL_WEIGHT)
    try:
        changed = _save(replace(found, area_weights=given))
    except IllegalMove:
        db().rollback()
        return _page(_mine(), weights=form, beaten=True), 409
    except Invalid:
        say(next(iter(form)), _("One of these wijken is not of this gemeente. Load the page again."))
        return _page(found, weights=form), 422
    flash(_("We saved the weights.") if changed else _("Nothing has changed."), "ok")
    return _back(found)


def _save(new: Dials) -> bool:
    return dials.save(
        db(),
        viewer(),
        new.gemeente_code,
        **new.values(),
        now=utcnow(),
        seen=(one_line(request.form.get("stand", "")) or "")[:40],
    )


def _gemeenten() -> list[str]:
    return sorted({code for code in viewer().places(*ROLES) if may_set_dials(viewer(), code) and code[:2] == "GM"})


def _mine() -> Dials:
    """What the gemeente in the address (or the first of the viewer's) is set to."""
    wanted = (one_line(request.values.get("gemeente", "")) or "")[:10]
    mine = _gemeenten()
    if not (wanted or mine):
        raise NotAllowed("coordinator of no gemeente")
    return dials.look(db(), viewer(), wanted or mine[0])


def _back(found: Dials) -> ResponseReturnValue:
    several = len(_gemeenten()) > 1
    return redirect(url_for(".dials", gemeente=found.gemeente_code if several else None))


def _page(found: Dials, form: DialsForm | None = None, *, weights: Form | None = None, beaten: bool = False) -> str:
    """form: with a choice, good or refused. weights: refused ones."""
    mine = _gemeenten()
    in_use = (found.equity_step, found.balance_step, found.uses_area_weights)
    chosen = form.chosen if form and not form.errors else in_use
    wijken = dials.wijken(db(), found.gemeente_code)
    preview = dials.preview(db(), found.gemeente_code)
    return render_template(
        "desk/dials.html",
        found=found,
        mine=dials.read(db(), mine) if len(mine) > 1 else {},
        dials_form=form or DialsForm(None, equity=in_use[0], balance=in_use[1], uses_area_weights=in_use[2]),
        weights_form=weights or weights_form(wijken, found.area_weights),
        form=form if form and form.errors else weights,
        is_choice=chosen != in_use,
        chosen=chosen,
        seen=dial_words.seen(preview, found, chosen, wijken) if preview else None,
        beaten=beaten,
    )
