"""A volunteer at home: looking, the same face, the steps, and who steps in, at the page of one time off."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotFound
from matching.models import Arrangement, CareSituation, ReliefRequest
from matching.models.base import utcnow
from matching.services import arranging, covering, relief
from web import arrangement_pages, arranging_words, desk_words
from web.auth import viewer
from web.db import db
from web.forms.arranging import DeskStopForm, StepDayForm, say_day
from web.views.care.blueprint import trace_id
from web.views.desk.blueprint import KEY, at_desk, bp, me

ONE = f"/respijt/{KEY.format('relief_id')}"
STEP = f"/respijt/vrijwilliger/{KEY.format('arrangement_id')}"
OFFER = f"/respijt/invallen/{KEY.format('offer_id')}"
GAP = f"/respijt/gat/{KEY.format('gap_id')}"


def _look(relief_id: int) -> tuple[CareSituation, ReliefRequest]:
    return relief.look(db(), viewer(), relief_id, activity="relief.arrange", trace_id=trace_id(), now=utcnow())


def _one(arrangement_id: int) -> tuple[int, Arrangement]:
    """An arrangement with a volunteer and the time off it is for, or a 404."""
    found = db().get(Arrangement, arrangement_id)
    if found is None or found.volunteer_id is None:
        raise NotFound
    _look(found.relief_id)
    return found.relief_id, found


def _done(relief_id: int, step: Callable[[], object], sentence: str) -> ResponseReturnValue:
    """Take a step and say so; what is refused is said too, and nothing of it is kept."""
    try:
        step()
    except Invalid as error:
        return _back(relief_id, _refusal(error), "warning")
    except (IllegalMove, AlreadyTaken):
        return _back(relief_id, _("This request has changed in the meantime. Look how it stands."), "warning")
    return _back(relief_id, sentence)


def _back(relief_id: int, sentence: str, kind: str = "ok") -> ResponseReturnValue:
    if kind != "ok":
        db().rollback()
    flash(sentence, kind)
    return redirect(f"{url_for('.relief', relief_id=relief_id)}#vrijwilliger")


def _refusal(error: Invalid) -> str:
    if error.field == "volunteer":
        return str(desk_words.OBSTACLES[error.reason])
    if error.reason in arranging_words.LACKS:
        return str(arranging_words.LACKS[error.reason])
    return _("This can not be done now.")


@bp.post(f"{ONE}/zoeken")
@at_desk
def arranging_search(relief_id: int) -> ResponseReturnValue:
    """Let the matcher look for a volunteer."""
    _situation, found = _look(relief_id)
    return _done(
        relief_id,
        lambda: arranging.search(db(), found, viewer=viewer(), now=utcnow()),
        _("We are looking for somebody. You see the proposals at the request."),
    )


@bp.post(f"{ONE}/bekend")
@at_desk
def arranging_same_face(relief_id: int) -> ResponseReturnValue:
    """Ask somebody they know, before anybody else."""
    _situation, found = _look(relief_id)
    typed = request.form.get("wie", "")
    volunteer_id = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) < 10 else 0
    reason = _("They know each other from before.")
    return _done(
        relief_id,
        lambda: arranging.offer_same_face(db(), found, volunteer_id, viewer=viewer(), reason=reason, now=utcnow()),
        _("Our question goes out in a minute. You can still take it back at the request."),
    )


@bp.post(f"{STEP}/kennisgemaakt")
@at_desk
def arranging_introduced(arrangement_id: int) -> ResponseReturnValue:
    relief_id, found = _one(arrangement_id)
    return _dated(
        relief_id,
        lambda form: arranging.introduced(db(), found, form.on.data, by=me(), now=utcnow()),
        _("Noted. Now they try it once."),
    )


@bp.post(f"{STEP}/geprobeerd")
@at_desk
def arranging_tried(arrangement_id: int) -> ResponseReturnValue:
    relief_id, found = _one(arrangement_id)
    well = {"goed": True, "niet": False}.get(request.form.get("ging", ""))
    if well is None:
        return _back(relief_id, _("Choose how it went."), "warning")
    sentence = _("Noted. Both can read the agreement now.") if well else _("Noted. Try it once more, or stop with it.")
    return _dated(
        relief_id,
        lambda form: arranging.tried(db(), found, form.on.data, went_well=well, by=me(), now=utcnow()),
        sentence,
    )


def _dated(relief_id: int, step: Callable[[StepDayForm], object], sentence: str) -> ResponseReturnValue:
    form = StepDayForm(request.form)
    if not form.validate():
        return _back(relief_id, str(form.on.errors[0]), "warning")
    try:
        step(form)
    except Invalid as error:
        return _back(relief_id, say_day(form, error), "warning")
    except IllegalMove:
        return _back(relief_id, _("This request has changed in the meantime. Look how it stands."), "warning")
    return _back(relief_id, sentence)


@bp.post(f"{STEP}/starten")
@at_desk
def arranging_start(arrangement_id: int) -> ResponseReturnValue:
    relief_id, found = _one(arrangement_id)
    return _done(
        relief_id,
        lambda: arranging.start(db(), found, by=me(), now=utcnow()),
        _("It has started. Now put the times in the calendar."),
    )


@bp.post(f"{STEP}/reserve")
@at_desk
def arranging_backup(arrangement_id: int) -> ResponseReturnValue:
    """Look for a second person beside the one who comes."""
    relief_id, found = _one(arrangement_id)
    return _done(
        relief_id,
        lambda: arranging.backup(db(), found, viewer=viewer(), now=utcnow()),
        _("We are looking for a back-up person. You see the proposals at the request."),
    )


@bp.post(f"{STEP}/vast")
@at_desk
def arranging_regular(arrangement_id: int) -> ResponseReturnValue:
    relief_id, found = _one(arrangement_id)
    return _done(
        relief_id, lambda: arranging.make_regular(db(), found, by=me(), now=utcnow()), _("Noted: comes every time now.")
    )


@bp.post(f"{STEP}/stoppen")
@at_desk
def arranging_stop(arrangement_id: int) -> ResponseReturnValue:
    relief_id, found = _one(arrangement_id)
    form = DeskStopForm(request.form)
    if not form.validate():
        return _back(relief_id, str(form.reason.errors[0]), "warning")
    return _done(
        relief_id,
        lambda: arrangement_pages.halt(found)(db(), found, reason=form.reason.data, by=me(), now=utcnow()),
        _("It has stopped. Both hear it from us."),
    )


@bp.post(OFFER)
@at_desk
def arranging_gap_answer(offer_id: int) -> ResponseReturnValue:
    """What a back-up person told on the telephone."""
    offer, relief_id = covering.offer_with_relief(db(), offer_id)
    _look(relief_id)
    yes = {"ja": True, "nee": False}.get(request.form.get("antwoord", ""))
    if yes is None:
        return _back(relief_id, _("Choose yes or no."), "warning")
    sentence = _("Noted, and it stands in the calendar.") if yes else _("Noted.")
    return _done(relief_id, lambda: covering.answer(db(), offer, yes=yes, by=me(), now=utcnow()), sentence)


@bp.post(f"{GAP}/sluiten")
@at_desk
def arranging_gap_close(gap_id: int) -> ResponseReturnValue:
    """Found in another way, or not needed."""
    relief_id = covering.relief_of_gap(db(), gap_id)
    situation, _found = _look(relief_id)
    return _done(relief_id, lambda: covering.close(db(), gap_id, situation, by=me(), now=utcnow()), _("Noted."))
