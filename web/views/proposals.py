"""A volunteer answers a question: by the link of a message, without logging in, or signed in."""

from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from matching.errors import AlreadyTaken, LinkUnusable, NotFound
from matching.models import Pairing, Proposal
from matching.models.base import utcnow
from matching.services import answering, links
from web import facts, pairing_pages
from web.access import signed_in, with_link
from web.auth import viewer
from web.db import db
from web.links import link_id

bp = Blueprint("proposals", __name__)
REASONS = {"tijd": "time", "ver": "far", "soort": "kind", "weg": "away"}
STATUS = {"unknown": 404}  # every other reason is 410: it was here, and it is over


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"in_words": facts}


@bp.route("/voorstel/<token>", methods=["GET", "POST"])
@with_link
def answer(token: str) -> ResponseReturnValue:
    """The question. Opening it uses nothing up: programs that check mail open every link in it."""
    try:
        found = link_id(links.ANSWER, token)
        if request.method == "GET":
            return _page(answering.look(db(), found, now=utcnow()), by_link=True)
        return _answered_by_link(token, found)
    except LinkUnusable as error:
        return _over(error.why)


def _answered_by_link(token: str, link: str) -> ResponseReturnValue:
    proposal = answering.look(db(), link, now=utcnow(), used=True)
    wanted = _wanted()
    if wanted is None:
        return _page(proposal, by_link=True, nothing_chosen=True), 422
    try:
        made = _take(proposal, *wanted, link=link)
    except (LinkUnusable, AlreadyTaken):
        db().rollback()
        return _said_already(token, link, says_yes=wanted[0])
    if made is None:
        return redirect(url_for(".done", token=token))
    pairing_pages.remember(made, proposal.volunteer_id)
    return redirect(url_for("pairings.show", pairing_id=made.id, ja=1))


def _said_already(token: str, link: str, *, says_yes: bool) -> ResponseReturnValue:
    """The link was spent: a double tap sees what the first tap sees, everybody else reads how it stands."""
    found, made = answering.answer_given(db(), link)
    if found is None or says_yes != (made is not None):
        return _over(answering.why_over(db(), link, now=utcnow()))
    if made is not None and pairing_pages.is_second_tap(found, now=utcnow()):
        pairing_pages.remember(made, found.account_id)
        return redirect(url_for("pairings.show", pairing_id=made.id, ja=1))
    return redirect(url_for(".done", token=token))
