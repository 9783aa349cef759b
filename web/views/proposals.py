"""A volunteer answers a question: by the link of a message, without logging in, or signed in."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy import select
from sqlmodel import col

from matching.catalogue import CATEGORIES
from matching.errors import AlreadyTaken, LinkUnusable, NotFound
from matching.models import Account, Buurt, HelpRequest, Pairing, Proposal
from matching.models.base import utcnow
from matching.services import answering, links
from web import facts, own_pairings
from web.access import signed_in, with_link
from web.auth import viewer
from web.db import db
from web.i18n import distance_text
from web.links import link_id

bp = Blueprint("proposals", __name__)
REASONS = {"tijd": "time", "ver": "far", "soort": "kind", "weg": "away"}
GONE = {"unknown": 404}  # every other reason is 410: it was here, and it is over


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"in_words": facts}


@bp.errorhandler(CSRFError)
def stale(_error: CSRFError) -> ResponseReturnValue:
    """The page was open longer than the session: show the question again, nothing is lost."""
    flash(_("This page was open for too long. Please give your answer once more."), "warning")
    return redirect(request.path)


@bp.route("/voorstel/<token>", methods=["GET", "POST"])
@with_link
def answer(token: str) -> ResponseReturnValue:
    """The question. Opening it uses nothing up: programs that check mail open every link in it."""
    link = _link(token)
    if link is None:
        return _over("unknown")
    wanted = _wanted()
    try:
        if request.method == "GET" or wanted is None:
            return _question(answering.proposal_of(db(), link, now=utcnow()), by_link=True)
        if wanted[0]:
            return _said_yes(answering.accept(db(), link, now=utcnow()))
        answering.decline_by_link(db(), link, wanted[1], now=utcnow())
    except (LinkUnusable, AlreadyTaken):
        db().rollback()
        return _second_tap(token, link) or _over(answering.why_over(db(), link, now=utcnow()))
    return redirect(url_for(".done", token=token))


def _link(token: str) -> str | None:
    try:
        return link_id(links.ANSWER, token)
    except LinkUnusable:
        return None


def _wanted() -> tuple[bool, str] | None:
    """Yes or no, and why not; None when neither was pressed."""
    if request.form.get("nee") in REASONS:
        return False, REASONS[request.form["nee"]]
    return {"ja": (True, ""), "nee": (False, "")}.get(request.form.get("antwoord", ""))


def _said_yes(made: Pairing) -> ResponseReturnValue:
    own_pairings.remember(made, db().get_one(Account, made.volunteer_id))
    return redirect(url_for("pairings.show", pairing_id=made.id, ja=1))


def _second_tap(token: str, link: str) -> ResponseReturnValue | None:
    """The same answer sent twice sees the same page twice. None when this is something else."""
    wanted = _wanted() if request.method == "POST" else None
    given = answering.answer_given(db(), link)
    if wanted is None or given is None or wanted[0] != (given.pairing is not None):
        return None
    if given.pairing is not None and own_pairings.is_second_tap(given.link, now=utcnow()):
        return _said_yes(given.pairing)
    return redirect(url_for(".done", token=token))


@bp.get("/voorstel/<token>/klaar")
@with_link
def done(token: str) -> ResponseReturnValue:
    """What happens after the answer; nothing personal."""
    link = _link(token)
    why = answering.why_over(db(), link, now=utcnow()) if link else "unknown"
    if why in ("yes", "no"):
        return render_template("proposals/done.html", said_yes=why == "yes")
    return _over(why) if why else redirect(url_for(".answer", token=token))


@bp.route("/voorstellen/<int(max=2147483647):proposal_id>", methods=["GET", "POST"])
@signed_in
def show(proposal_id: int) -> ResponseReturnValue:
    """The same question for a volunteer who is signed in."""
    proposal, wanted = _mine(proposal_id), _wanted()
    why = answering.standing(proposal, now=utcnow())
    if not why and request.method == "POST" and wanted is not None:
        try:
            if wanted[0]:
                return _said_yes(answering.accept_question(db(), proposal, now=utcnow()))
            answering.decline(db(), proposal, wanted[1], now=utcnow())
            return redirect(request.path)
        except AlreadyTaken:
            db().rollback()
            why = answering.standing(_mine(proposal_id), now=utcnow())
    if why == "yes":
        made = answering.pairing_of(db(), proposal)
        return redirect(url_for("pairings.show", pairing_id=made.id)) if made else _over("over")
    if why == "no":
        return render_template("proposals/done.html", said_yes=False)
    return _over(why) if why else _question(proposal, by_link=False)


def _mine(proposal_id: int) -> Proposal:
    """A question that was put to whoever is signed in. Raises NotFound for others, and for what was never asked."""
    found = db().get(Proposal, proposal_id)
    if found is None or found.volunteer_id != viewer().account_id or not answering.was_asked(found):
        raise NotFound(f"no proposal {proposal_id} for this viewer")
    return found


def _question(proposal: Proposal, *, by_link: bool) -> ResponseReturnValue:
    request_ = HelpRequest  # of a request a volunteer sees these columns, and never its text
    asked: Any = db().connection().execute(
        select(
            col(request_.category), col(request_.frequency), col(request_.day), col(request_.slots),
            col(request_.minutes), col(request_.languages), col(request_.welcomes_anyone),
            col(Buurt.name).label("buurt"), col(Account.first_name).label("reader"),
        )
        .join(Buurt, col(Buurt.code) == col(request_.buurt_code))
        .join(Account, col(Account.id) == proposal.volunteer_id)
        .where(col(request_.id) == proposal.request_id)
    ).one()  # fmt: skip
    nothing_chosen = request.method == "POST"
    page = render_template(
        "proposals/question.html",
        asked=asked,
        for_respijt=CATEGORIES[asked.category].respijt,
        where=_(
            "%(buurt)s, %(distance)s away from you", buurt=asked.buurt, distance=distance_text(proposal.distance_m)
        ),
        reasons=why_you(proposal),
        until=proposal.expires_at,
        by_link=by_link,
        nothing_chosen=nothing_chosen,
    )
    return page, (422 if nothing_chosen else 200)


def why_you(proposal: Proposal) -> list[str]:
    """The reasons to ask this volunteer, as sentences to this volunteer."""
    spoken = (facts.reason_text(each, to_volunteer=True) for each in proposal.reasons if not each.get("against"))
    return list(dict.fromkeys(spoken))


def _over(why: str) -> ResponseReturnValue:
    return render_template("proposals/over.html", why=why), GONE.get(why, 410)
