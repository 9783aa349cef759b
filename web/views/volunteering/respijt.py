"""Taking over for a mantelzorger: one arrangement, and stepping in for somebody else."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import AlreadyTaken, Invalid
from matching.models import Arrangement, RespijtBooking
from matching.models.base import utcnow
from matching.services import arranging, covering, evaluating, respijt_moments, standing_in
from matching.workflow import GapState
from web import arrangement_pages, arranging_words, relief_words
from web.access import signed_in
from web.arrangement_pages import Side
from web.db import db
from web.views.volunteering.blueprint import KEY, bp, me

ONE = f"/respijt/{KEY.format('arrangement_id')}"
OFFER = f"/respijt/invallen/{KEY.format('offer_id')}"


def _mine(arrangement_id: int) -> tuple[Arrangement, Side]:
    found = arranging.of_volunteer(db(), me(), arrangement_id)
    return found, Side(
        False,
        me(),
        here=url_for(".respijt_arrangement", arrangement_id=arrangement_id),
        agreement=url_for(".respijt_agreement", arrangement_id=arrangement_id),
        evaluation=url_for(".respijt_evaluation", arrangement_id=arrangement_id),
        stop=url_for(".respijt_stop", arrangement_id=arrangement_id),
    )


@bp.get(ONE)
@signed_in
def respijt_arrangement(arrangement_id: int) -> ResponseReturnValue:
    """With whom, where it stands, and what they want me to know. Once it is over: only that it was."""
    found, side = _mine(arrangement_id)
    if found.state not in standing_in.LIVE:
        return render_template("volunteering/respijt_arrangement_over.html", arrangement=found)
    who, asked, _situation = arrangement_pages.people(found)
    return render_template(
        "volunteering/respijt_arrangement.html",
        arrangement=found,
        side=side,
        who=who,
        when=relief_words.when(asked, asked.slots),
        period=relief_words.period(asked),
        how_long=relief_words.how_long(asked.minutes),
        steps=arranging_words.steps(found, names=who.opbouwwerkers, is_carer=False),
        may_evaluate=evaluating.is_asked(db(), arrangement_id, me()),
    )


@bp.route(f"{ONE}/overeenkomst", methods=["GET", "POST"])
@signed_in
def respijt_agreement(arrangement_id: int) -> ResponseReturnValue:
    found, side = _mine(arrangement_id)
    if found.state not in standing_in.LIVE:
        return redirect(side.here)
    return arrangement_pages.agreement(found, side)


@bp.route(f"{ONE}/terugkijken", methods=["GET", "POST"])
@signed_in
def respijt_evaluation(arrangement_id: int) -> ResponseReturnValue:
    return arrangement_pages.evaluate(*_mine(arrangement_id))


@bp.route(f"{ONE}/stoppen", methods=["GET", "POST"])
@signed_in
def respijt_stop(arrangement_id: int) -> ResponseReturnValue:
    return arrangement_pages.stop(*_mine(arrangement_id))


@bp.route(OFFER, methods=["GET", "POST"])
@signed_in
def respijt_gap(offer_id: int) -> ResponseReturnValue:
    """Somebody dropped out: can you come? Yes or no; the first yes counts."""
    offer, gap, booking = covering.offer_of(db(), me(), offer_id)
    arrangement = arranging.of_volunteer(db(), me(), offer.arrangement_id)
    is_live = arrangement.state in standing_in.LIVE
    here = redirect(url_for(".respijt_gap", offer_id=offer_id))
    wanted = {"ja": True, "nee": False}.get(request.form.get("antwoord", ""))
    if request.method == "POST" and wanted is not None and is_live:
        try:
            covering.answer(db(), offer, yes=wanted, by=me(), now=utcnow())
        except AlreadyTaken:
            db().rollback()
        except Invalid:
            db().rollback()
            flash(_("This can not be booked now. Please call the opbouwwerker."), "warning")
        return here
    covered = db().get(RespijtBooking, gap.covered_by_id) if gap.covered_by_id is not None else None
    mine = covered is not None and covered.arrangement_id == arrangement.id
    return render_template(
        "volunteering/respijt_gap.html",
        offer=offer,
        is_open=is_live and gap.state == GapState.OPEN and booking.starts_at > utcnow() and not offer.answer,
        comes=is_live and mine and covered is not None and covered.state in respijt_moments.LIVE,
        when=arranging_words.span(booking.starts_at, booking.ends_at),
        who=arrangement_pages.people(arrangement)[0] if is_live else None,
        nothing_chosen=request.method == "POST",
    )
