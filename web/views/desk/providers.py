"""The directory of organisations that take over care: finding one, adding, changing, checking and retiring."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import Invalid
from matching.models import RespijtProvider
from matching.models.base import utcnow
from matching.services import providers
from web import facts, relief_words
from web.auth import viewer
from web.db import db
from web.forms.providers import FindForm, ProviderForm
from web.i18n import today as current_day
from web.views.desk.blueprint import KEY, at_desk, bp, me

ONE = f"/aanbieders/{KEY.format('provider_id')}"


@bp.get("/aanbieders", endpoint="providers")
@at_desk
def index() -> ResponseReturnValue:
    """By form, payer and wijk; what nobody checked for half a year comes with a mark."""
    gemeenten = providers.gemeenten(viewer())
    form = FindForm(request.args, areas=providers.areas(db(), gemeenten))
    rows = providers.find(db(), gemeenten, form=form.vorm.data, payer=form.betaler.data, area=form.wijk.data)
    return render_template(
        "desk/providers.html",
        form=form,
        rows=rows,
        day=current_day(),
        stale=sum(row.needs_check(current_day()) for row in rows),
        relief_words=relief_words,
    )


@bp.route("/aanbieders/nieuw", methods=["GET", "POST"])
@at_desk
def new_provider() -> ResponseReturnValue:
    form = _form(None)
    if request.method == "GET" or not form.validate():
        return _page(form, None), 422 if form.errors else 200
    try:
        made = providers.add(
            db(), str(form.gemeente.data), form.entry(), viewer=viewer(), today=current_day(), now=utcnow()
        )
    except Invalid as refused:
        form.refuse(refused)
        return _page(form, None), 422
    flash(_("%(name)s is in the directory.", name=made.name), "ok")
    return redirect(url_for(".providers"))


@bp.route(ONE, methods=["GET", "POST"])
@at_desk
def edit_provider(provider_id: int) -> ResponseReturnValue:
    found = providers.look(db(), viewer(), provider_id)
    form = _form(found)
    if request.method == "GET" or not form.validate():
        return _page(form, found), 422 if form.errors else 200
    try:
        providers.change(db(), found, form.entry(), by=me(), today=current_day(), now=utcnow())
    except Invalid as refused:
        db().rollback()
        form.refuse(refused)
        return _page(form, providers.look(db(), viewer(), provider_id)), 422
    flash(_("We have kept your changes."), "ok")
    return redirect(url_for(".providers"))


def _form(found: RespijtProvider | None) -> ProviderForm:
    codes = [found.gemeente_code] if found else providers.gemeenten(viewer())
    kept = (
        {
            "gemeente": codes[0],
            "name": found.name,
            "forms": found.forms,
            "payers": found.payers,
            "buurt": found.buurt_code or "",
            "capacity": found.capacity,
            "phone": facts.phone_text(found.phone),
            "url": found.url,
            "note": found.note,
        }
        if found
        else {"gemeente": codes[0]}
    )
    return ProviderForm(
        request.form if request.method == "POST" else None,
        data=kept,
        gemeenten=[(code, providers.gemeente(db(), code).name) for code in codes],
        buurten=providers.buurten(db(), codes),
    )


def _page(form: ProviderForm, found: RespijtProvider | None) -> str:
    return render_template(
        "desk/providers_edit.html", form=form, provider=found, several=len(form.gemeente.choices) > 1
    )


@bp.post(f"{ONE}/klopt")
@at_desk
def provider_still_right(provider_id: int) -> ResponseReturnValue:
    """Somebody asked, and everything still holds."""
    found = providers.look(db(), viewer(), provider_id)
    providers.still_right(db(), found, by=me(), today=current_day(), now=utcnow())
    flash(_("Noted: %(name)s still holds today.", name=found.name), "ok")
    return redirect(url_for(".providers"))


@bp.post(f"{ONE}/weg")
@at_desk
def retire_provider(provider_id: int) -> ResponseReturnValue:
    found = providers.look(db(), viewer(), provider_id)
    providers.retire(db(), found, by=me(), now=utcnow())
    flash(_("%(name)s is no longer in the directory. What was arranged with them goes on.", name=found.name), "ok")
    return redirect(url_for(".providers"))
