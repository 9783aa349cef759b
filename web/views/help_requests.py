"""Asking for help, and following, changing or taking back what was asked."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError

from matching.access import may_see_request, works_in
from matching.catalogue import CATEGORIES
from matching.errors import Invalid, NotFound
from matching.models import Account, Consent, Frequency, HelpRequest
from matching.models.base import utcnow
from matching.services import drafts, posting, standing_in, status, wishes
from matching.workflow import REQUEST_MOVES, can
from web import asking, facts, request_status
from web.access import public, signed_in
from web.auth import viewer
from web.db import db
from web.facts import slot_key, slot_list
from web.forms import help_requests as forms
from web.forms.fields import Form
from web.forms.where import buurten_map
from web.i18n import PARTS

bp = Blueprint("help_requests", __name__, url_prefix="/hulpvragen")
ENDPOINTS = {step: f".{step if step != 'what' else 'new'}" for step in (*asking.STEPS, "check")}
PAGE = 20
ID = "<int(max=2147483647):request_id>"


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"facts": facts}


@bp.route("/nieuw", methods=["GET", "POST"])
@public
def new() -> ResponseReturnValue:
    return _step("what")


@bp.route("/nieuw/wanneer", methods=["GET", "POST"])
@public
def when() -> ResponseReturnValue:
    return _step("when")


@bp.route("/nieuw/waar", methods=["GET", "POST"])
@public
def where() -> ResponseReturnValue:
    return _step("where")


@bp.route("/nieuw/wie", methods=["GET", "POST"])
@public
def who() -> ResponseReturnValue:
    return _step("who")


def _step(step: str) -> ResponseReturnValue:
    now = asking.current()
    if request.method == "GET":
        missing = now.first_unfinished(before=step)
        if missing or (step == "who" and step not in now.steps):
            return redirect(url_for(ENDPOINTS[missing or "check"]))
        form = now.form(step)
        if "kijk" in request.args:
            form.validate()
        return _page(step, now, form)
    posted = _posted_before(now)
    if posted is not None:
        return posted
    return _answered(step, now, now.form(step, request.form))


def _answered(step: str, now: asking.Asking, form: Any) -> ResponseReturnValue:
    """Keep what was sent and go on, or show the form again with what is missing."""
    if getattr(form, "tapped", False):
        return _page(step, now, form)
    good = form.validate()
    if "later" in request.form and not _too_long():
        now.keep(step, form, request.form, done=good)
        return redirect(url_for(".saved"))
    if not good:
        return _page(step, now, form), 422
    now.keep(step, form, request.form, done=True)
    missing = now.first_unfinished(before=step)
    if missing:
        flash(_("Something is still missing here. What you filled in later on is kept."), "info")
        return redirect(url_for(ENDPOINTS[missing]))
    return redirect(url_for(ENDPOINTS["check" if "terug" in request.form else now.next_step(step)]))


def _too_long() -> bool:
    return any(len(value) > asking.MOST_KEPT for value in request.form.values())


def _page(step: str, now: asking.Asking, form: Form, **more: Any) -> str:
    return render_template(
        f"help_requests/{step}.html",
        form=form,
        asking=now,
        draft_key=now.draft.id if now.draft else "",
        categories=CATEGORIES,
        back_to_check="terug" in request.values,
        **more,
    )


def _posted_before(now: asking.Asking) -> ResponseReturnValue | None:
    """Where to go when this form belongs to a request that was posted already: sent twice, or the back button."""
    key = request.form.get("draft_key", "")
    if not key or (now.draft and now.draft.id == key):
        return None
    earlier = posting.posted_from(db(), key[:32].replace("\0", ""))
    if earlier is None:
        return None
    if viewer().account_id is None:
        asking.remember(earlier)  # only this browser ever knew the key
    flash(_("You have asked this already. This is how it stands."), "info")
    return redirect(url_for(".show", request_id=earlier.id))


@bp.errorhandler(CSRFError)
def stale(_error: CSRFError) -> ResponseReturnValue:
    """The session ended while somebody was writing: show the page again, with everything that was typed."""
    here = (request.endpoint or "").removeprefix("help_requests")
    step = next((step for step in asking.STEPS if ENDPOINTS[step] == here), None)
    if step is None:
        flash(_("This page was open for too long. Please do it once more."), "warning")
        return redirect(url_for(".check" if here == ".check" else ".index"))
    again = _("This page was open for too long. Look whether everything is right, and press the button once more.")
    flash(again, "warning")
    now = asking.current()
    return _page(step, now, now.form(step, request.form)), 400


@bp.route("/nieuw/controleren", methods=["GET", "POST"])
@public
def check() -> ResponseReturnValue:
    now = asking.current()
    if request.method == "POST":
        posted = _posted_before(now)
        if posted is not None:
            return posted
    # What is asked is judged by the service when it is sent; who asks is not.
    wrong = now.first_wrong(("who",) if request.method == "POST" else asking.STEPS)
    if wrong:
        return redirect(url_for(ENDPOINTS[wrong], kijk=1 if now.values(wrong) else None))
    if request.method == "GET":
        return _check_page(now)
    try:
        made = asking.publish(now)
    except Invalid:
        db().rollback()
        return redirect(url_for(".check"))  # which looks again and points at what is wrong
    return redirect(url_for(".show", request_id=made.id, gesteld=1))


def _check_page(now: asking.Asking) -> str:
    wish = now.wish()
    return _page(
        "check",
        now,
        Form(),
        wish=wish,
        buurt=buurten_map().names[wish.buurt_code],
        who=now.form("who") if "who" in now.steps else None,
        on_behalf=now.on_behalf(),
    )


@bp.get("/nieuw/bewaard")
@public
def saved() -> ResponseReturnValue:
    now = asking.current()
    step = now.first_unfinished() if now.draft else "what"
    return render_template("help_requests/saved.html", continue_at=url_for(ENDPOINTS[step or "check"]))


@bp.post("/nieuw/weg")
@public
def discard() -> ResponseReturnValue:
    drafts.discard(db(), asking.current().draft)
    flash(_("We threw away what you had filled in."), "ok")
    return redirect(url_for(".new"))


@bp.get("")
@public
def index() -> ResponseReturnValue:
    page = request.args.get("pagina", 1, int)
    page = min(max(page, 1), 10_000)
    rows = status.own_requests(db(), viewer().account_id, asking.remembered(), limit=PAGE + 1, offset=(page - 1) * PAGE)
    certain = viewer().account_id is not None
    return render_template(
        "help_requests/index.html",
        rows=[(row, request_status.badge(row, certain=certain)) for row in rows[:PAGE]],
        draft=asking.current().draft if page == 1 else None,
        page=page,
        more=len(rows) > PAGE,
    )


def load(request_id: int) -> HelpRequest:
    """The request, for the people who asked, for this browser if it asked, and for the desk of its buurt."""
    found = db().get(HelpRequest, request_id)
    if found is None or not (may_see_request(viewer(), found) or request_id in asking.remembered()):
        raise NotFound(f"no request {request_id} for this viewer")
    relief = standing_in.relief_of(db(), found) if viewer().account_id == found.asker_id else None
    if relief is not None:  # a mantelzorger asked for time off, and that has a page of its own
        abort(redirect(url_for("care.relief", relief_id=relief.id)))
    return found


@bp.get(f"/{ID}")
@public
def show(request_id: int) -> ResponseReturnValue:
    found = load(request_id)
    certain = viewer().account_id is not None
    where = status.standing(db(), found, now=utcnow())
    return render_template(
        "help_requests/show.html",
        request_=found,
        where=where,
        entries=request_status.timeline(found, where, certain=certain),
        badge=request_status.badge(found, certain=certain),
        numbers=request_status.numbers_to_call(found.risks),
        just_posted="gesteld" in request.args,
        is_editable=found.state in posting.EDITABLE,
        can_withdraw=can(REQUEST_MOVES, found.state, "withdraw"),
        asks_for_proof=not found.is_verified and viewer().account_id == found.asker_id,
        sent_link=not certain and db().get_one(Account, found.asker_id).email is not None,
        at_desk=works_in(viewer(), found.buurt_code),
    )


@bp.route(f"/{ID}/wijzig", methods=["GET", "POST"], defaults={"part": "wat"})
@bp.route(f"/{ID}/wijzig/<any(wat, wanneer, waar):part>", methods=["GET", "POST"])
@public
def edit(request_id: int, part: str) -> ResponseReturnValue:
    found = load(request_id)
    if found.state not in posting.EDITABLE:
        flash(_("Somebody said yes to this already, or it is over. Call us to change something."), "info")
        return redirect(url_for(".show", request_id=request_id))
    form = _edit_form(found, part)
    sent = request.method == "POST"
    if not sent or getattr(form, "tapped", False) or not form.validate():
        page = render_template("help_requests/edit.html", request_=found, form=form, part=part)
        return page, (422 if sent and form.errors else 200)
    now = utcnow()
    posting.edit(db(), found, _changed(found, form, part), actor_id=viewer().account_id, now=now)
    flash(_("Your request has been changed."), "ok")
    return redirect(url_for(".show", request_id=request_id))


def _edit_form(found: HelpRequest, part: str) -> Any:
    sent = request.form if request.method == "POST" else None
    if part == "wat":
        return forms.TextForm(formdata=sent, data={"description": found.description})
    if part == "wanneer":
        slots = slot_list(found.slots)
        parts = [PARTS[slot % 4] for slot in slots] if found.frequency == Frequency.ONCE else []
        grid = [] if found.frequency == Frequency.ONCE or found.slots == wishes.ALL_SLOTS else slots
        kept = {"frequency": found.frequency, "day": found.day, "minutes": str(found.minutes)}
        return forms.WhenForm(formdata=sent, data={**kept, "parts": parts, "slots": [slot_key(slot) for slot in grid]})
    place = {"buurt": found.buurt_code, "x": str(found.x), "y": str(found.y), "language": (found.languages or [""])[0]}
    return forms.PlaceForm(formdata=sent, data=place | {"welcomes_anyone": found.welcomes_anyone})


def _changed(found: HelpRequest, form: Any, part: str) -> wishes.Wish:
    """What the request asks with this part filled in anew."""
    before = wishes.wish_of(found)
    if part == "wat":
        return replace(before, description=form.description.data)
    if part == "wanneer":
        day = form.day.data if form.frequency.data == Frequency.ONCE else None
        how = Frequency(form.frequency.data)
        return replace(before, frequency=how, day=day, slots=form.mask, minutes=int(form.minutes.data))
    x, y = form.point()
    return replace(
        before,
        buurt_code=form.buurt.data,
        x=x,
        y=y,
        languages=form.languages,
        welcomes_anyone=form.welcomes_anyone.data,
    )


@bp.route(f"/{ID}/intrekken", methods=["GET", "POST"])
@public
def withdraw(request_id: int) -> ResponseReturnValue:
    found = load(request_id)
    if not can(REQUEST_MOVES, found.state, "withdraw"):
        return redirect(url_for(".show", request_id=request_id))
    form = forms.WithdrawForm(formdata=request.form if request.method == "POST" else None)
    if request.method == "GET" or not form.validate():
        return render_template("help_requests/withdraw.html", request_=found, form=form), (422 if form.errors else 200)
    posting.withdraw(db(), found, actor_id=viewer().account_id, now=utcnow(), reason=form.reason.data or "")
    flash(_("You took your request back. You can always ask again."), "ok")
    return redirect(url_for(".show", request_id=request_id))


@bp.post(f"/{ID}/van-mij")
@signed_in
def confirm(request_id: int) -> ResponseReturnValue:
    """The owner of an address says that a request sent with it is really theirs."""
    found = load(request_id)
    if viewer().account_id != found.asker_id:
        raise NotFound("only the asker can say so")
    posting.verify(db(), found, actor_id=viewer().account_id, now=utcnow())
    flash(_("Thank you. We go to work on your request."), "ok")
    return redirect(url_for(".show", request_id=request_id))


@bp.get(f"/{ID}/afdrukken")
@public
def print_page(request_id: int) -> ResponseReturnValue:
    """What was asked for somebody else, on one sheet with the text they agreed to."""
    found = load(request_id)
    if found.consent_id is None:
        raise NotFound("only what was asked for somebody else has a sheet")
    return render_template(
        "help_requests/print.html",
        request_=found,
        consent=db().get_one(Consent, found.consent_id),
        where=status.standing(db(), found, now=utcnow()),
    )
