"""Requests: the list, one request with its history, and what the desk does with it besides choosing."""

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import AlreadyTaken, IllegalMove, NotFound
from matching.models import HelpRequest, Pairing
from matching.models.base import utcnow
from matching.services import answering, desk, desk_request, moderating, pairing
from matching.workflow import PairingState, ProposalState
from web import asking_words, desk_words, facts
from web.auth import viewer
from web.db import db
from web.forms.desk import ReasonForm
from web.i18n import today as current_day
from web.views.desk.blueprint import (
    KEY,
    MOST,
    PAGE,
    at_desk,
    bp,
    just_decided,
    me,
    my_places,
    my_request,
    note_respijt,
    sorry,
    whole,
)

ONE = f"/vragen/{KEY.format('request_id')}"


@bp.get("/vragen")
@at_desk
def requests() -> ResponseReturnValue:
    """All requests of my places, by what they wait for or by state, and by buurt."""
    places = my_places()
    what = request.args.get("toon", "")
    what = what if what in desk_words.FILTERS else desk.OPEN
    tally = desk.tally(db(), places)
    buurt = request.args.get("buurt", "")
    buurt = buurt if buurt in tally.buurten else ""
    sheet = desk.requests(
        db(),
        places,
        tally,
        what=what,
        buurt_code=buurt,
        page=whole("pagina", 1, 10**6),
        size=whole("aantal", PAGE, MOST),
    )
    note_respijt([(row.id, row.category) for row in sheet.rows], "relief.list")
    return render_template(
        "desk/requests.html",
        what=what,
        buurt=buurt,
        tally=tally,
        sheet=sheet,
        lines=desk_words.lines(sheet.rows),
    )


@bp.get(ONE, endpoint="request")
@at_desk
def show(request_id: int) -> ResponseReturnValue:
    return page(my_request(request_id))


def page(found: HelpRequest, *, nobody: ReasonForm | None = None, closing: ReasonForm | None = None) -> str:
    """The whole request; with a form that was refused, if any."""
    people = desk_request.people_of(db(), found)
    proposals = desk_request.all_proposals(db(), found)
    name = found.other_name or people.name
    return render_template(
        "desk/request.html",
        found=found,
        people=people,
        name=name,
        title=desk_words.title(found.category, name),
        options=desk_words.options([row for row in proposals if row.state == ProposalState.PROPOSED]),
        earlier=[row for row in proposals if row.state != ProposalState.PROPOSED],
        asked=[row for row in proposals if row.state == ProposalState.ASKED],
        around=asking_words.around(found, people.asking_by, proposals),
        may_ask_around=asking_words.may_start(found),
        pairing=desk_request.live_pairing(db(), found),
        history=desk_words.history(desk_request.history(db(), found)),
        clock=desk_words.clock(found.created_at, found.contact_due, current_day()),
        speaks=facts.listed(facts.language_name(code) for code in found.languages),
        decided=just_decided(),
        nobody=nobody or nobody_form(),
        closing=closing or _closing_form(),
        form=next((form for form in (nobody, closing) if form), None),
    )


def nobody_form() -> ReasonForm:
    return ReasonForm(request.form if request.method == "POST" else None, label=_("Why does nobody fit?"), prefix="n-")


def _closing_form() -> ReasonForm:
    return ReasonForm(request.form if request.method == "POST" else None, label=_("Why do you close it?"), prefix="s-")


@bp.post(f"{ONE}/contact")
@at_desk
def contacted(request_id: int) -> ResponseReturnValue:
    """Somebody of us spoke with the asker."""
    return _moved(request_id, moderating.contacted, _("Noted: you spoke with the asker today."))


@bp.post(f"{ONE}/vasthouden")
@at_desk
def hold(request_id: int) -> ResponseReturnValue:
    return _moved(request_id, moderating.hold, _("Volunteers do not see this request now."))


@bp.post(f"{ONE}/vrijgeven")
@at_desk
def release(request_id: int) -> ResponseReturnValue:
    return _moved(request_id, moderating.release, _("We look for a volunteer for this request now."))


def _moved(request_id: int, move: Callable[..., None], sentence: str) -> ResponseReturnValue:
    found = my_request(request_id)
    try:
        move(db(), found, by=me(), now=utcnow())
    except IllegalMove:
        return sorry(_("This request has changed in the meantime. Look how it stands."), request_id=request_id)
    flash(sentence, "ok")
    return redirect(url_for(".request", request_id=request_id))


@bp.post(f"{ONE}/sluiten")
@at_desk
def close(request_id: int) -> ResponseReturnValue:
    """End it, with a reason that the asker can read."""
    found, form = my_request(request_id), _closing_form()
    if not form.validate():
        return page(found, closing=form), 422
    try:
        moderating.close(db(), found, by=me(), now=utcnow(), reason=form.reason.data or "")
    except IllegalMove:
        return sorry(_("This request is over already."), request_id=request_id)
    flash(_("The request is closed. Whoever was asked hears of it."), "ok")
    return redirect(url_for(".request", request_id=request_id))


@bp.post(f"{ONE}/antwoord")
@at_desk
def answer(request_id: int) -> ResponseReturnValue:
    """The asker's yes or no, told by telephone: not everybody reads mail."""
    found = my_request(request_id)
    live = desk_request.live_pairing(db(), found)
    said = request.form.get("antwoord")
    if live is None or live.state != PairingState.WAITING:
        return sorry(_("This request has changed in the meantime. Look how it stands."), request_id=request_id)
    if said not in ("ja", "nee"):
        return sorry(_("Choose what the asker said."), request_id=request_id)
    made = db().get(Pairing, live.id)
    if made is None:
        raise NotFound(f"no pairing {live.id}")
    try:
        (pairing.agree if said == "ja" else pairing.refuse)(db(), made, now=utcnow(), actor_id=me())
    except (IllegalMove, AlreadyTaken):
        return sorry(_("This request has changed in the meantime. Look how it stands."), request_id=request_id)
    flash(_("Noted. Both hear of it.") if said == "ja" else _("Noted. We look for somebody else."), "ok")
    return redirect(url_for(".request", request_id=request_id))


@bp.post(f"/keuzes/{KEY.format('proposal_id')}/antwoord")
@at_desk
def answer_of_volunteer(proposal_id: int) -> ResponseReturnValue:
    """The volunteer's yes or no, told by telephone."""
    found = desk_request.proposal(db(), viewer(), proposal_id)
    said = request.form.get("antwoord")
    if said not in ("ja", "nee"):
        return sorry(_("Choose what the volunteer said."), request_id=found.request_id)
    try:
        if said == "ja":
            answering.accept_proposal(db(), found, now=utcnow(), actor_id=me())
        else:
            answering.decline(db(), found, "", now=utcnow(), actor_id=me())
    except AlreadyTaken:
        return sorry(_("This request has changed in the meantime. Look how it stands."), request_id=found.request_id)
    flash(_("Noted, thank you."), "ok")
    return redirect(url_for(".request", request_id=found.request_id))
