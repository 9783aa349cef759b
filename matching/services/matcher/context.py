"""What a model may know besides the town itself: how often people were asked of late, and the help itself."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import case, func, select
from sqlmodel import Session, col

from matching.catalogue import CATEGORIES
from matching.models import HelpRequest, Proposal
from matching.ranking.acceptance import AcceptanceModel, AcceptanceRule
from matching.ranking.features import OfferContext
from matching.ranking.problem import FloatArray
from matching.services.matcher.hours import wall_hours
from matching.services.matcher.town import Town
from matching.workflow import ProposalState

RECENT = timedelta(days=28)
ACCEPTED = (ProposalState.ACCEPTED, ProposalState.FELL_THROUGH)
ANSWERED = (*ACCEPTED, ProposalState.DECLINED)
NAN = float("nan")


def offer_context(
    session: Session, town: Town, *, now: datetime, hours_to_deadline: FloatArray | None = None
) -> OfferContext:
    """The context of asking people of this town now. hours_to_deadline: float64[m], where it is known."""
    recent = _recent_offers(session, now)
    help_of = _help(session, town.request_ids)
    shares = yes_shares(session)
    helps = [help_of[key] for key in town.request_ids]
    return OfferContext(
        now_h=wall_hours(now),
        recent_offers=np.array([recent.get(who, 0) for who in town.volunteer_ids], float),
        hours_to_deadline=hours_to_deadline,
        minutes=np.array([minutes for _category, minutes in helps], float),
        needs_car=np.array([CATEGORIES[category].needs_car for category, _minutes in helps], float),
        skill_yes_share=np.array([shares.get(category, NAN) for category, _minutes in helps], float),
    )


def in_context(rule: AcceptanceRule, context: OfferContext) -> AcceptanceRule:
    """A model that learned is told what holds now; the stated rule does not ask."""
    return rule.in_context(context) if isinstance(rule, AcceptanceModel) else rule


def _recent_offers(session: Session, now: datetime) -> dict[int, int]:
    asked = col(Proposal.asked_at)
    query: Any = select(col(Proposal.volunteer_id), func.count()).where(asked > now - RECENT, asked <= now)
    rows = session.connection().execute(query.group_by(col(Proposal.volunteer_id)))
    return {who: int(count) for who, count in rows}


def _help(session: Session, ids: Sequence[int]) -> Mapping[int, tuple[str, int]]:
    """Category and minutes of each request."""
    found: dict[int, tuple[str, int]] = {}
    for start in range(0, len(ids), 1000):
        some = col(HelpRequest.id).in_(ids[start : start + 1000])
        rows = session.connection().execute(
            select(col(HelpRequest.id), col(HelpRequest.category), col(HelpRequest.minutes)).where(some)
        )
        found |= {key: (category, minutes) for key, category, minutes in rows if key is not None}
    return found


def yes_shares(session: Session) -> dict[str, float]:
    """By category: the share of answered questions that got a yes so far."""
    query: Any = (
        select(
            col(HelpRequest.category),
            func.count(),
            func.sum(case((col(Proposal.state).in_(ACCEPTED), 1), else_=0)),
        )
        .select_from(Proposal)
        .join(HelpRequest, col(HelpRequest.id) == col(Proposal.request_id))
        .where(col(Proposal.asked_at).is_not(None), col(Proposal.state).in_(ANSWERED))
        .group_by(col(HelpRequest.category))
    )
    return {category: int(yes) / int(count) for category, count, yes in session.connection().execute(query)}
