"""The plan for when a mantelzorger drops out, at the desk: to read, to see who comes, and to start for a mantelzorger
who cannot. The look is noted."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import NotFound
from matching.models import CareSituation
from matching.models.base import utcnow
from matching.services import care, drop_out, drop_out_call
from web import plan_words
from web.auth import viewer
from web.db import db
from web.views.care.blueprint import trace_id
from web.views.desk.blueprint import KEY, at_desk, bp, me

ONE = f"/mantelzorg/{KEY.format('situation_id')}/noodplan"


def _open(situation_id: int) -> CareSituation:
    """The situation while it is open; after that the plan is hidden."""
    activity = "plan.call" if request.method == "POST" else "plan"
    found = care.look(db(), viewer(), situation_id, activity=activity, trace_id=trace_id(), now=utcnow())
    if not care.is_open(found):
        raise NotFound
    return found


@bp.get(ONE)
@at_desk
def care_plan(situation_id: int) -> ResponseReturnValue:
    situation, now = _open(situation_id), utcnow()
    carer, _buurt = care.names(db(), situation)
    found = drop_out.of(db(), situation_id)
    is_called = found is not None and found.is_called(now)
    return render_template(
        "desk/care_plan.html",
        situation=situation,
        carer=carer,
        plan=found,
        plan_words=plan_words,
        is_called=is_called,
        called_by=drop_out_call.called_by(db(), found, situation) if found is not None and is_called else "",
    )


@bp.route(f"{ONE}/nu", methods=["GET", "POST"])
@at_desk
def care_plan_now(situation_id: int) -> ResponseReturnValue:
    """Somebody phoned: the mantelzorger drops out. What happens then, and one button."""
    situation, now = _open(situation_id), utcnow()
    if request.method == "POST":
        if drop_out_call.call(db(), situation, by=me(), now=now):
            flash(_("Everybody who said yes has a message. Call the first one yourself too."), "ok")
        return _back(situation_id)
    found = drop_out.of(db(), situation_id)
    if found is not None and found.is_called(now):
        return _back(situation_id)
    carer, _buurt = care.names(db(), situation)
    return render_template(
        "desk/care_plan_now.html",
        situation=situation,
        carer=carer,
        people=[row for row in found.stand_ins if row.said_yes] if found else [],
        plan_words=plan_words,
    )


@bp.post(f"{ONE}/opgelost")
@at_desk
def care_plan_over(situation_id: int) -> ResponseReturnValue:
    """It is solved: the stand-ins and the mantelzorger hear it. Pressed twice, it is done once."""
    situation = _open(situation_id)
    if drop_out.of(db(), situation_id) is not None:
        drop_out_call.end(db(), situation, by=me(), now=utcnow())
        flash(_("Noted. Whoever was asked to come hears it from us, and so does the mantelzorger."), "ok")
    return _back(situation_id)


def _back(situation_id: int) -> ResponseReturnValue:
    return redirect(url_for(".care_plan", situation_id=situation_id))
