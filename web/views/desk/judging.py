"""Choosing: one of those who are proposed, somebody else, or nobody; and taking it back within the minute."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import AlreadyTaken, IllegalMove, Invalid
from matching.models import HelpRequest, Proposal
from matching.models.base import utcnow
from matching.services import candidates, desk, desk_request, judging
from matching.workflow import LIVE_PROPOSAL_STATES
from web import desk_words
from web.auth import viewer
from web.db import db
from web.forms.desk import ReasonForm
from web.forms.fields import one_line
from web.i18n import today as current_day
from web.views.desk.blueprint import KEY, at_desk, bp, me, my_places, my_request, refused, sorry
from web.views.desk.requests import ONE, nobody_form, page


@bp.post(f"{ONE}/kies")
@at_desk
def judge(request_id: int) -> ResponseReturnValue:
    """The choice among those who wait for one."""
    found = my_request(request_id)
    chosen = request.form.get("kies", "")
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) < 10):
        return sorry(_("Choose one of these people first."), request_id=request_id)
    known = desk.candidates(db(), [request_id])[request_id]
    if int(chosen) not in {row.volunteer_id for row in known}:
        return sorry(_("This person is no longer proposed. Look who is now."), request_id=request_id)
    return _choose(found, int(chosen))


def _choose(found: HelpRequest, volunteer_id: int, reason: str = "") -> ResponseReturnValue:
    seen = request.form.get("stand", "")
    try:
        made = judging.choose(db(), found, volunteer_id, by=me(), now=utcnow(), reason=reason, seen=seen)
    except AlreadyTaken:
        return sorry(_("Somebody has said yes to this request in the meantime."), request_id=found.id)
    except IllegalMove:
        return sorry(_("A colleague was just before you. Look how it stands now."), request_id=found.id)
    except Invalid as error:
        return sorry(refused(error), request_id=found.id)
    return _decided(made)


@bp.post(f"{ONE}/niemand")
@at_desk
def nobody(request_id: int) -> ResponseReturnValue:
    """None of those who wait for a choice, with a reason."""
    found, form = my_request(request_id), nobody_form()
    if not form.validate():
        return page(found, nobody=form), 422
    try:
        rejected = judging.choose_nobody(db(), found, by=me(), now=utcnow(), reason=form.reason.data or "")
    except IllegalMove:
        return sorry(_("A colleague was just before you. Look how it stands now."), request_id=found.id)
    return _decided(rejected[0])


def _decided(made: Proposal) -> ResponseReturnValue:
    if request.form.get("verder") == "vandaag":
        return redirect(url_for(".today", terug=made.id))
    return redirect(url_for(".request", request_id=made.request_id, terug=made.id))


@bp.get(f"{ONE}/iemand-anders")
@at_desk
def other(request_id: int) -> ResponseReturnValue:
    """Volunteers of my places who were not proposed, with the rules that stand between."""
    return _others(my_request(request_id), ReasonForm(None, label=_("Why this person?")))


@bp.post(f"{ONE}/iemand-anders")
@at_desk
def choose_other(request_id: int) -> ResponseReturnValue:
    found = my_request(request_id)
    form = ReasonForm(request.form, label=_("Why this person?"))
    picked = request.form.get("kies", "")
    mine = _mine(found)
    if picked not in {str(each.id) for each in mine}:
        form.validate()
        return _others(found, form, problem=_("Choose one of these people.")), 422
    if not form.validate():
        return _others(found, form, picked=picked), 422
    return _choose(found, int(picked), form.reason.data or "")


def _mine(found: HelpRequest) -> list[candidates.Candidate]:
    name = one_line(request.values.get("naam", "")[:80]) or ""
    return candidates.search(db(), found, my_places(), name=name, today=current_day(), now=utcnow())


def _others(found: HelpRequest, form: ReasonForm, **more: Any) -> str:
    people = desk_request.people_of(db(), found)
    live = {row.volunteer_id for row in desk.candidates(db(), [found.id or 0])[found.id or 0]}
    return render_template(
        "desk/other.html",
        found=found,
        people=people,
        title=desk_words.title(found.category, found.other_name or people.name),
        others=[each for each in _mine(found) if each.id not in live],
        name=one_line(request.values.get("naam", "")[:80]) or "",
        form=form,
        **{"picked": "", "problem": "", **more},
    )


@bp.post(f"/keuzes/{KEY.format('proposal_id')}/terug")
@at_desk
def undo(proposal_id: int) -> ResponseReturnValue:
    """Take a decision back within the minute."""
    found = desk_request.proposal(db(), viewer(), proposal_id)
    try:
        judging.undo(db(), found, by=me(), now=utcnow())
    except IllegalMove:
        return sorry(_too_late(found), request_id=found.request_id)
    flash(_("Your choice is taken back. Nobody has heard of it."), "ok")
    if request.form.get("verder") == "vandaag":
        return redirect(url_for(".today"))
    return redirect(url_for(".request", request_id=found.request_id))


def _too_late(found: Proposal) -> str:
    if judging.is_answered(found):
        return _("The volunteer has answered already. Call if it has to stop.")
    if found.state in LIVE_PROPOSAL_STATES and found.decided_at is not None:
        return _("The minute is over: the message has gone out. Call if it has to stop.")
    return _("There is nothing to take back any more. Look how it stands.")
