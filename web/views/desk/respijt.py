"""What mantelzorgers asked: the list, one request, taking it up, and referring it to an organisation."""

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotFound
from matching.models import Account, CareSituation, ReliefRequest, RespijtProvider
from matching.models.base import utcnow
from matching.respijt_catalogue import FORMS
from matching.services import arranging, care, providers, referring, relief, strain
from matching.workflow import ReliefState
from web import desk_words, relief_words, strain_words
from web.auth import viewer
from web.care_parts import arranging as arranging_part
from web.db import db
from web.forms.relief import AgainForm, CloseForm, FormForm, MomentForm, ReferForm, WhyForm
from web.i18n import today as current_day
from web.views.care.blueprint import trace_id
from web.views.desk.blueprint import KEY, at_desk, bp, me

ONE = f"/respijt/{KEY.format('relief_id')}"
REFERRAL = f"/respijt/verwijzing/{KEY.format('arrangement_id')}"
SHOWN = {"open": relief.WAITING, "loopt": (ReliefState.RUNNING,)}


@bp.get("/respijt")
@at_desk
def reliefs() -> ResponseReturnValue:
    """Who needs help now first, then who waits longest. Every name shown is a look."""
    what = request.args.get("toon", "")
    what = what if what in SHOWN else "open"
    rows = relief.open_for_desk(db(), viewer(), states=SHOWN[what])
    relief.note_looks(db(), viewer(), rows, activity="relief.list", trace_id=trace_id(), now=utcnow())
    return render_template(
        "desk/respijt.html",
        what=what,
        rows=rows,
        gaps=arranging_part.gaps_at_desk(db(), viewer(), trace_id=trace_id(), now=utcnow()),
        day=current_day(),
        relief_words=relief_words,
        words=desk_words,
    )


@bp.get(ONE, endpoint="relief")
@at_desk
def relief_page(relief_id: int) -> ResponseReturnValue:
    situation, found = _look(relief_id, "relief.one")
    return _page(situation, found)


def _look(relief_id: int, activity: str) -> tuple[CareSituation, ReliefRequest]:
    return relief.look(db(), viewer(), relief_id, activity=activity, trace_id=trace_id(), now=utcnow())


def _page(situation: CareSituation, found: ReliefRequest, **refused: Any) -> str:
    """The whole request; with a form that was refused, if any."""
    now, day = utcnow(), current_day()
    assert situation.id is not None
    assert found.id is not None
    row = next(each for each in relief.of(db(), situation.id) if each.id == found.id)
    fitting = providers.find(db(), [f"GM{situation.buurt_code[2:6]}"], form=found.form) if found.form else []
    checked = strain.last(db(), situation.id)
    form = FORMS.get(found.form)
    given = {
        "choosing": FormForm(None, data={"form": found.form or None}),
        "moment": MomentForm(None, slots=found.slots),
        "referring": refer_form(fitting, None, found),
        "closing": CloseForm(None),
    }
    return render_template(
        "desk/respijt_one.html",
        situation=situation,
        relief=found,
        row=row,
        carer=db().get_one(Account, situation.mantelzorger_id),
        buurt_name=care.buurt_name(db(), situation),
        obstacle=care.at_home_obstacle(situation),
        title=relief_words.title(found),
        when=relief_words.when(found, found.slots),
        period=relief_words.period(found),
        need=relief_words.NEEDS_AT_DESK.get(found.need, ""),
        strain=(checked.day, strain_words.band_text(checked)) if checked else None,
        fitting=fitting,
        referrals=referring.of(db(), found.id),
        by_volunteer=form is not None and form.by_volunteer,
        is_arranged_with=[each for each in arranging.of(db(), found.id) if not each.ended_at],
        arranging_view=arranging_part.desk(db(), found, now),
        several_moments=bool(found.rrule) and found.slots.bit_count() > 1,
        relief_words=relief_words,
        again=AgainForm(None, data={"follow_up_on": referring.usual_follow_up(now)}),
        no=WhyForm(None, reasons=relief_words.REFUSALS),
        stop=WhyForm(None, reasons=relief_words.ENDINGS),
        day=day,
        refused=next(iter(refused.values()), None),
        **(given | refused),
    )


def refer_form(fitting: list[providers.ProviderRow], sent: Any, found: ReliefRequest) -> ReferForm:
    """A referral to one of these; a week from now somebody asks how it stands."""
    named = [(row.id, row.name) for row in fitting]
    usual = {"follow_up_on": referring.usual_follow_up(utcnow())}
    return ReferForm(sent, providers=named, data=usual)


@bp.post(f"{ONE}/oppakken")
@at_desk
def take_up_relief(relief_id: int) -> ResponseReturnValue:
    """This is mine to arrange from now on. The second of two hears who was first."""
    _situation, found = _look(relief_id, "relief.arrange")
    try:
        relief.take_up(db(), found, viewer=viewer(), now=utcnow())
    except AlreadyTaken:
        name = db().get_one(Account, found.taken_by_id).first_name
        return _back(relief_id, _("%(name)s took this up a moment before you.", name=name), "warning")
    except IllegalMove:
        return _changed(relief_id)
    return _back(relief_id, _("You arrange this. The mantelzorger hears that you look at it."))


def _back(relief_id: int, sentence: str, kind: str = "ok") -> ResponseReturnValue:
    if kind != "ok":
        db().rollback()
    flash(sentence, kind)
    return redirect(url_for(".relief", relief_id=relief_id))


def _changed(relief_id: int) -> ResponseReturnValue:
    return _back(relief_id, _("This request has changed in the meantime. Look how it stands."), "warning")


@bp.post(f"{ONE}/vorm")
@at_desk
def choose_relief_form(relief_id: int) -> ResponseReturnValue:
    """What it becomes, where the mantelzorger left that open or something else fits better."""
    situation, found = _look(relief_id, "relief.arrange")
    form = FormForm(request.form)
    if not form.validate():
        return _page(situation, found, choosing=form), 422
    try:
        relief.choose_form(db(), found, str(form.form.data), viewer=viewer(), now=utcnow())
    except Invalid as error:
        form.form.errors = [relief_words.refusal(error.field, error.reason)]
        return _page(situation, found, choosing=form), 422
    except IllegalMove:
        return _changed(relief_id)
    return _back(relief_id, _("Noted. Now look for who can do this."))


@bp.post(f"{ONE}/moment")
@at_desk
def settle_relief(relief_id: int) -> ResponseReturnValue:
    """Which of the moments that suit it becomes."""
    situation, found = _look(relief_id, "relief.arrange")
    form = MomentForm(request.form, slots=found.slots)
    if not form.validate():
        return _page(situation, found, moment=form), 422
    try:
        relief.settle(db(), found, form.chosen(found.slots), viewer=viewer(), now=utcnow())
    except (Invalid, IllegalMove):
        return _changed(relief_id)
    return _back(relief_id, _("Noted: this moment it becomes."))


@bp.post(f"{ONE}/verwijzen")
@at_desk
def refer_relief(relief_id: int) -> ResponseReturnValue:
    """Ask an organisation, and choose the day to look again."""
    situation, found = _look(relief_id, "relief.arrange")
    fitting = providers.find(db(), [f"GM{situation.buurt_code[2:6]}"], form=found.form)
    form = refer_form(fitting, request.form, found)
    if not form.validate():
        return _page(situation, found, referring=form), 422
    chosen = db().get(RespijtProvider, int(form.provider.data))
    if chosen is None:
        raise NotFound
    try:
        referring.refer(
            db(),
            found,
            chosen,
            viewer=viewer(),
            now=utcnow(),
            follow_up_on=form.follow_up_on.data,
            words=form.words.data or "",
        )
    except Invalid as error:
        form.refuse(error)
        return _page(situation, found, referring=form), 422
    except IllegalMove:
        return _changed(relief_id)
    return _back(relief_id, _("Noted. The mantelzorger hears that you asked %(name)s.", name=chosen.name))


@bp.post(f"{ONE}/sluiten")
@at_desk
def close_relief(relief_id: int) -> ResponseReturnValue:
    """End it with a reason that the mantelzorger reads."""
    situation, found = _look(relief_id, "relief.arrange")
    form = CloseForm(request.form)
    if not form.validate():
        return _page(situation, found, closing=form), 422
    try:
        relief.close(db(), found, reason=str(form.reason.data), by=me(), now=utcnow())
    except IllegalMove:
        return _changed(relief_id)
    return _back(relief_id, _("This is closed. The mantelzorger hears of it."))


@bp.post(f"{REFERRAL}/plek")
@at_desk
def place_referral(arrangement_id: int) -> ResponseReturnValue:
    """They have a place: it runs."""
    return _step(arrangement_id, referring.place, _("There is a place. The mantelzorger hears of it."))


@bp.post(f"{REFERRAL}/wachtlijst")
@at_desk
def wait_referral(arrangement_id: int) -> ResponseReturnValue:
    return _dated(arrangement_id, referring.wait, _("Noted: on the waiting list."))


@bp.post(f"{REFERRAL}/later")
@at_desk
def ask_referral_again(arrangement_id: int) -> ResponseReturnValue:
    return _dated(arrangement_id, referring.ask_again, _("Noted. You see it again on that day."))


@bp.post(f"{REFERRAL}/nee")
@at_desk
def refuse_referral(arrangement_id: int) -> ResponseReturnValue:
    return _with_reason(arrangement_id, referring.refuse, relief_words.REFUSALS, _("Noted. Look for another."))


@bp.post(f"{REFERRAL}/stopt")
@at_desk
def end_referral(arrangement_id: int) -> ResponseReturnValue:
    return _with_reason(arrangement_id, referring.end, relief_words.ENDINGS, _("Noted: this has ended."))


def _step(arrangement_id: int, step: Callable[..., None], sentence: str, **facts_: Any) -> ResponseReturnValue:
    found, arrangement = referring.look(
        db(), viewer(), arrangement_id, activity="relief.arrange", trace_id=trace_id(), now=utcnow()
    )
    assert found.id is not None
    try:
        step(db(), arrangement, viewer=viewer(), now=utcnow(), **facts_)
    except Invalid as error:
        refused = ReferForm(None, providers=[])
        refused.refuse(error)
        return _back(found.id, str(next(iter(refused.errors.values()))[0]), "warning")
    except IllegalMove:
        return _changed(found.id)
    return _back(found.id, sentence)


def _dated(arrangement_id: int, step: Callable[..., None], sentence: str) -> ResponseReturnValue:
    form = AgainForm(request.form)
    if not form.validate():
        return _sorry(arrangement_id, str(next(iter(form.errors.values()))[0]))
    return _step(arrangement_id, step, sentence, follow_up_on=form.follow_up_on.data)


def _with_reason(
    arrangement_id: int, step: Callable[..., None], reasons: dict[str, Any], sentence: str
) -> ResponseReturnValue:
    form = WhyForm(request.form, reasons=reasons)
    if not form.validate():
        return _sorry(arrangement_id, str(next(iter(form.errors.values()))[0]))
    return _step(arrangement_id, step, sentence, reason=str(form.reason.data))


def _sorry(arrangement_id: int, sentence: str) -> ResponseReturnValue:
    found, _arrangement = referring.look(
        db(), viewer(), arrangement_id, activity="relief.arrange", trace_id=trace_id(), now=utcnow()
    )
    assert found.id is not None
    return _back(found.id, sentence, "warning")
