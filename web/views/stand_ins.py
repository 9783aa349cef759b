"""Somebody who was asked to step in: by the link of a message, without logging in, or signed in."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError

from matching.errors import IllegalMove, LinkUnusable, NotFound
from matching.models.base import utcnow
from matching.services import drop_out_call, links, stand_ins
from matching.services.stand_ins import Asked
from web import plan_words
from web.access import signed_in, with_link
from web.auth import viewer
from web.db import db
from web.links import link_id

bp = Blueprint("stand_ins", __name__, url_prefix="/inspringen")
GONE = {"unknown": 404}  # every other reason is 410: it was here, and it is over


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"plan_words": plan_words}


@bp.errorhandler(CSRFError)
def stale(_error: CSRFError) -> ResponseReturnValue:
    """The page was open longer than the session: show it again, nothing is lost."""
    flash(_("This page was open for too long. Please give your answer once more."), "warning")
    return redirect(request.path)


@bp.route("/vraag/<token>", methods=["GET", "POST"])
@with_link
def answer(token: str) -> ResponseReturnValue:
    """Would you step in, and does that still hold? Opening it uses nothing up."""
    return _answer_page(links.STAND_IN, token, {"ja": True, "nee": False})


@bp.route("/stoppen/<token>", methods=["GET", "POST"])
@with_link
def leave(token: str) -> ResponseReturnValue:
    """A stand-in no longer can or wants to."""
    return _answer_page(links.STAND_IN_LEAVE, token, {"nee": False})


def _answer_page(purpose: str, token: str, answers: dict[str, bool]) -> ResponseReturnValue:
    link, now = "", utcnow()
    try:
        link = link_id(purpose, token)
        asked = stand_ins.asked_by_link(db(), link, purpose, now=now)
        wanted = request.form.get("antwoord", "") if request.method == "POST" else None
        if wanted is None or wanted not in answers:
            return _question(asked, nothing_chosen=wanted is not None, only_leave=purpose == links.STAND_IN_LEAVE)
        stand_ins.answer_by_link(db(), link, purpose, yes=answers[wanted], now=now)
    except IllegalMove:
        db().rollback()
        return _over("unknown")
    except LinkUnusable as error:
        db().rollback()
        used = stand_ins.used_link(db(), link, purpose) if error.why == "used" else None
        return _done(used) if used else _over(error.why)
    return redirect(request.path)


def _question(asked: Asked, *, nothing_chosen: bool = False, only_leave: bool = False) -> ResponseReturnValue:
    page = render_template(
        "stand_ins/question.html", asked=asked, nothing_chosen=nothing_chosen, only_leave=only_leave, by_link=True
    )
    return page, 422 if nothing_chosen else 200


def _done(asked: Asked) -> ResponseReturnValue:
    return render_template("stand_ins/done.html", asked=asked)


def _over(why: str) -> ResponseReturnValue:
    return render_template("stand_ins/over.html", why=why), GONE.get(why, 410)


@bp.route("/nu/<token>", methods=["GET", "POST"])
@with_link
def called(token: str) -> ResponseReturnValue:
    """The carer dropped out: the plan, and "I come". The link works as often as wanted, for three days."""
    try:
        asked, plan = drop_out_call.plan_by_link(db(), link_id(links.STAND_IN_CALL, token), now=utcnow())
    except LinkUnusable as error:
        return _over(error.why)
    if request.method == "POST":
        return _come(asked)
    return _plan_page(asked, plan)


def _come(asked: Asked) -> ResponseReturnValue:
    wanted = {"ja": True, "nee": False}.get(request.form.get("kom", ""))
    if wanted is not None:
        drop_out_call.come(db(), asked, comes=wanted, now=utcnow())
    return redirect(request.path)


def _plan_page(asked: Asked, plan: Any) -> str:
    return render_template("stand_ins/plan.html", asked=asked, plan=plan)


@bp.get("")
@signed_in
def index() -> ResponseReturnValue:
    """Everything that one said yes to, or was asked."""
    return render_template("stand_ins/index.html", everything=stand_ins.mine(db(), viewer().account_id or 0))


@bp.route("/<int(max=2147483647):stand_in_id>", methods=["GET", "POST"])
@signed_in
def show(stand_in_id: int) -> ResponseReturnValue:
    """The same signed in: the question, or the plan while it is needed."""
    asked, now = stand_ins.own(db(), viewer().account_id, stand_in_id), utcnow()
    wanted = request.form.get("antwoord", "")
    if request.method == "POST" and wanted in ("ja", "nee"):
        try:
            stand_ins.answer(db(), asked, yes=wanted == "ja", now=now)
        except IllegalMove:
            db().rollback()
        return redirect(url_for(".show", stand_in_id=stand_in_id))
    try:
        plan = drop_out_call.plan_for(db(), asked, now=now)
    except NotFound:
        if asked.row.standing == "declined":
            return _done(asked)
        return render_template(
            "stand_ins/question.html", asked=asked, nothing_chosen=False, by_link=False,
            only_leave=asked.row.standing == "agreed",
        )  # fmt: skip
    return _come(asked) if request.method == "POST" else _plan_page(asked, plan)
