"""Time for yourself: asking for it, calling for help now, and where it stands."""

from flask import current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from matching.errors import IllegalMove, Invalid
from matching.models import CareSituation
from matching.models.base import utcnow
from matching.respijt_catalogue import FORMS
from matching.services import arranging, care, providers, referring, relief
from matching.services import relief_rules as rules
from matching.workflow import RELIEF_MOVES, can
from web import care_words, facts, relief_words
from web.access import public, signed_in
from web.db import db
from web.forms.providers import FindForm
from web.forms.relief import AskForm, NowForm
from web.request_status import numbers_to_call
from web.views.care.blueprint import KEY, bp, me, my_situation

SITUATION, RELIEF = KEY.format("situation_id"), KEY.format("relief_id")


@bp.route(f"/{SITUATION}/even-vrij", methods=["GET", "POST"])
@signed_in
def ask_relief(situation_id: int) -> ResponseReturnValue:
    """One calm page: choices first, words last. What was typed stays when something is refused."""
    situation = my_situation(situation_id)
    if not care.is_open(situation):
        return _closed(situation)
    if request.method == "GET":
        wanted = request.args.get("vorm", "")
        return _ask_page(situation, AskForm(None, data={"form": wanted} if wanted in FORMS else None))
    form = AskForm(request.form)
    asked = form.asked() if form.validate() else None
    if asked is None:
        return _ask_page(situation, form), 422
    before = {row.id for row in relief.of(db(), situation_id)}
    try:
        made = relief.ask(db(), situation, asked, by=me(), now=utcnow())
    except Invalid as refused:
        form.refuse(refused)
        return _ask_page(situation, form), 422
    if made.id in before:
        flash(_("You have asked this already. This is how it stands."), "info")
        return redirect(url_for(".relief", relief_id=made.id))
    return redirect(url_for(".relief", relief_id=made.id, gevraagd=1))


def _ask_page(situation: CareSituation, form: AskForm) -> str:
    return render_template(
        "care/relief_ask.html",
        situation=situation,
        form=form,
        hints=care_words.FORM_HINTS,
        obstacle=care.at_home_obstacle(situation),
    )


def _closed(situation: CareSituation) -> ResponseReturnValue:
    flash(_("This is closed, so nothing is arranged. You can open it again."), "info")
    return redirect(url_for(".situation", situation_id=situation.id))


@bp.route(f"/{SITUATION}/nu-hulp", methods=["GET", "POST"])
@signed_in
def help_now(situation_id: int) -> ResponseReturnValue:
    """One choice and one button; a human hears of it at once."""
    situation = my_situation(situation_id)
    if not care.is_open(situation):
        return _closed(situation)
    if request.method == "GET":
        return _now_page(situation, NowForm(None))
    form = NowForm(request.form)
    if not form.validate():
        return _now_page(situation, form), 422
    made = relief.ask_now(db(), situation, need=str(form.need.data), words=form.words.data or "", by=me(), now=utcnow())
    return redirect(url_for(".relief", relief_id=made.id, gevraagd=1))


def _now_page(situation: CareSituation, form: NowForm) -> str:
    opens = rules.desk_opens(utcnow())
    return render_template(
        "care/relief_now.html",
        situation=situation,
        form=form,
        is_open_now=opens is None,
        reads=relief_words.reads_when(relief.who_reads(db(), situation.buurt_code), opens),
        has_plan=relief.has_plan(db(), situation.id),
    )


@bp.get(f"/even-vrij/{RELIEF}", endpoint="relief")
@signed_in
def relief_page(relief_id: int) -> ResponseReturnValue:
    """Where it stands, who looks at it, and what comes next."""
    now = utcnow()
    situation, found = relief.own(db(), me(), relief_id)
    row = next(each for each in relief.of(db(), found.situation_id) if each.id == relief_id)
    names = [row.taken_by] if row.taken_by else relief.who_reads(db(), situation.buurt_code)
    referrals = referring.of(db(), relief_id)
    return render_template(
        "care/relief.html",
        situation=situation,
        relief=found,
        title=relief_words.title(found),
        badge=relief_words.STATES[row.state],
        entries=relief_words.timeline(row, names, referrals),
        when=relief_words.when(found, found.slots),
        period=relief_words.period(found),
        how_long="" if found.need else relief_words.how_long(found.minutes),
        need=relief_words.NEEDS.get(found.need, ""),
        reads=relief_words.reads_when(names, rules.desk_opens(now)) if found.need and row.state == "asked" else "",
        is_open_now=rules.desk_opens(now) is None,
        closed_why=relief_words.CLOSED_WHY.get(found.end_reason, ""),
        numbers=numbers_to_call(found.risks) if row.is_open else [],
        referrals=[each for each in referrals if each.is_asked or each.is_running],
        referral_states=relief_words.REFERRALS,
        volunteers=[each for each in arranging.of(db(), relief_id) if each.is_live and each.volunteer_id],
        phone_text=facts.phone_text,
        just_asked="gevraagd" in request.args,
        is_open=row.is_open,
        has_plan=relief.has_plan(db(), situation.id) if found.need else False,
    )


@bp.route(f"/even-vrij/{RELIEF}/intrekken", methods=["GET", "POST"])
@signed_in
def withdraw_relief(relief_id: int) -> ResponseReturnValue:
    """Take it back, after one question. What was arranged ends with it."""
    _situation, found = relief.own(db(), me(), relief_id)
    back = redirect(url_for(".relief", relief_id=relief_id))
    if not can(RELIEF_MOVES, found.state, "withdraw"):
        return back
    if request.method == "GET":
        live = relief.live_arrangements(db(), found)
        return render_template(
            "care/relief_withdraw.html", relief=found, title=relief_words.title(found), has_arrangements=bool(live)
        )
    try:
        relief.withdraw(db(), found, by=me(), now=utcnow())
    except IllegalMove:
        db().rollback()
        return back
    flash(_("You took this back. You can always ask again."), "ok")
    return back


@bp.get("/aanbieders")
@public
def around_here() -> ResponseReturnValue:
    """What there is in this gemeente: organisations that take over, to read for everybody."""
    buurt_code = current_user.buurt_code if current_user.is_authenticated else None
    gemeente_code = f"GM{buurt_code[2:6]}" if buurt_code else current_app.config["OMZIEN"].gemeente
    gemeente = providers.gemeente(db(), gemeente_code)
    form = FindForm(request.args, areas=providers.areas(db(), [gemeente.code]))
    found = providers.find(db(), [gemeente.code], form=form.vorm.data, payer=form.betaler.data, area=form.wijk.data)
    return render_template(
        "care/providers.html",
        form=form,
        place=gemeente.name,
        rows=found,
        hints=care_words.FORM_HINTS,
        words=relief_words,
        phone_text=facts.phone_text,
    )
