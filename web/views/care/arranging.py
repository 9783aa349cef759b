"""Somebody takes over: the arrangement with one volunteer, for its mantelzorger."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import IllegalMove
from matching.models import Arrangement
from matching.models.base import utcnow
from matching.services import arranging, covering, evaluating, standing_in
from web import arrangement_pages, arranging_words
from web.access import signed_in
from web.arrangement_pages import Side
from web.db import db
from web.forms.arranging import TellForm
from web.views.care.blueprint import KEY, bp, me

ONE = f"/afspraak/{KEY.format('arrangement_id')}"


def _mine(arrangement_id: int) -> tuple[Arrangement, Side]:
    found = arranging.of_carer(db(), me(), arrangement_id)
    return found, Side(
        True,
        me(),
        here=url_for(".arrangement", arrangement_id=arrangement_id),
        agreement=url_for(".arrangement_agreement", arrangement_id=arrangement_id),
        evaluation=url_for(".arrangement_evaluation", arrangement_id=arrangement_id),
        stop=url_for(".arrangement_stop", arrangement_id=arrangement_id),
    )


@bp.get(ONE)
@signed_in
def arrangement(arrangement_id: int) -> ResponseReturnValue:
    """Who comes, where it stands, and what is asked of me now."""
    found, side = _mine(arrangement_id)
    who, asked, situation = arrangement_pages.people(found)
    gaps = covering.open_gaps(db(), now=utcnow(), relief_id=asked.id)
    return render_template(
        "care/arrangement.html",
        arrangement=found,
        side=side,
        who=who,
        relief=asked,
        situation=situation,
        steps=arranging_words.steps(found, names=who.opbouwwerkers, is_carer=True),
        gaps=[
            (arranging_words.span(gap.starts_at, gap.ends_at), arranging_words.gap_text(gap, who.opbouwwerkers))
            for gap in gaps
        ],
        is_live=found.state in standing_in.LIVE,
        may_evaluate=evaluating.is_asked(db(), arrangement_id, me()),
    )


@bp.route(f"{ONE}/overeenkomst", methods=["GET", "POST"])
@signed_in
def arrangement_agreement(arrangement_id: int) -> ResponseReturnValue:
    return arrangement_pages.agreement(*_mine(arrangement_id))


@bp.route(f"{ONE}/terugkijken", methods=["GET", "POST"])
@signed_in
def arrangement_evaluation(arrangement_id: int) -> ResponseReturnValue:
    return arrangement_pages.evaluate(*_mine(arrangement_id))


@bp.route(f"{ONE}/stoppen", methods=["GET", "POST"])
@signed_in
def arrangement_stop(arrangement_id: int) -> ResponseReturnValue:
    return arrangement_pages.stop(*_mine(arrangement_id))


@bp.route(f"{ONE}/vertellen", methods=["GET", "POST"])
@signed_in
def arrangement_tell(arrangement_id: int) -> ResponseReturnValue:
    """What this volunteer should know: habits, where things are. Only this one reads it, and the desk."""
    found, side = _mine(arrangement_id)
    if found.state not in standing_in.LIVE:
        return redirect(side.here)
    form = TellForm(request.form if request.method == "POST" else None, data={"words": found.words})
    if request.method == "GET" or not form.validate():
        who, _asked, _situation = arrangement_pages.people(found)
        page = render_template("care/arrangement_tell.html", arrangement=found, side=side, who=who, form=form)
        return page, 422 if request.method == "POST" else 200
    try:
        arranging.tell(db(), found, form.words.data or "", by=me(), now=utcnow())
    except IllegalMove:
        db().rollback()
        return redirect(side.here)
    flash(_("Kept."), "ok")
    return redirect(side.here)
