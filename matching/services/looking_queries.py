"""The queries behind looking around. Each is built once: building one takes longer than running it.

They select columns and no entities, because a list can be long.
"""

from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Float, Text, bindparam, cast, or_, select
from sqlmodel import col

from matching.models import Absence, Account, Block, Buurt, HelpRequest, Proposal, Volunteer
from matching.services.reach import squared_metres
from matching.workflow import LIVE_PROPOSAL_STATES, ProposalState, RequestState

NO_VALUES = "[]"  # an empty list as both databases keep it
VISIBLE_STATES = (RequestState.OPEN, RequestState.ASKED)
# A desk that said no is not asked again by the same volunteer; a volunteer who said no is not shown it again.
ANSWERED_STATES = (ProposalState.DECLINED, ProposalState.REJECTED)


@cache
def of_volunteer() -> Any:  # an SQL expression; its generic type says nothing here
    return (
        select(
            col(Volunteer.skills),
            col(Volunteer.slots),
            col(Volunteer.radius_m),
            col(Volunteer.languages),
            col(Volunteer.has_car),
            col(Volunteer.is_paused),
            col(Volunteer.paused_until),
            col(Volunteer.vog_seen_on),
            col(Volunteer.vog_renew_by),
            col(Volunteer.introduced_on),
            col(Volunteer.trained_on),
            col(Account.x),
            col(Account.y),
            col(Buurt.gemeente_code),
        )
        .join(Account, col(Account.id) == col(Volunteer.account_id))
        .outerjoin(Buurt, col(Buurt.code) == col(Account.buurt_code))
        .where(col(Volunteer.account_id) == bindparam("volunteer_id"))
    )


@cache
def of_proposals() -> Any:  # as above
    return select(col(Proposal.request_id), col(Proposal.state), col(Proposal.source)).where(
        col(Proposal.volunteer_id) == bindparam("volunteer_id"),
        col(Proposal.state).in_((*LIVE_PROPOSAL_STATES, *ANSWERED_STATES)),
    )


@cache
def of_absences() -> Any:  # as above
    return select(col(Absence.first_day), col(Absence.last_day)).where(
        col(Absence.volunteer_id) == bindparam("volunteer_id"), col(Absence.last_day) >= bindparam("today")
    )


@cache
def of_blocks() -> Any:  # as above
    person: BindParameter[int] = bindparam("account_id")
    return select(col(Block.volunteer_id), col(Block.asker_id)).where(
        or_(col(Block.volunteer_id) == person, col(Block.asker_id) == person)
    )


@cache
def of_shown() -> Any:  # as above
    request = HelpRequest
    return (
        select(
            col(request.id),
            col(request.category),
            col(request.frequency),
            col(request.day),
            col(request.slots),
            col(request.minutes),
            cast(col(request.languages), Text).label("languages"),
            col(request.buurt_code),
            col(request.created_at),
            col(Buurt.name).label("buurt_name"),
        )
        .join(Buurt, col(Buurt.code) == col(request.buurt_code))
        .where(col(request.id).in_(bindparam("ids", expanding=True)))
    )


@cache
def of_candidates() -> Any:  # as above
    """What the database can't rule out, the oldest first, and the square of its distance. It does rule out what asks
    another skill or clearance, what is at other dagdelen or over, and what is farther away: `reach` in square
    metres."""
    request = HelpRequest
    x, y = bindparam("x", type_=Float), bindparam("y", type_=Float)
    squared = squared_metres(col(request.x), col(request.y), x, y)
    return (
        select(
            col(request.id),
            col(request.asker_id),
            col(request.posted_by_id),
            col(request.category),
            col(request.day),
            col(request.slots),
            cast(col(request.languages), Text),
            col(request.buurt_code),
            col(request.x),
            col(request.y),
            squared.label("squared"),
        )
        .where(
            col(request.state).in_(VISIBLE_STATES),
            col(request.is_discreet).is_(False),
            col(request.is_verified).is_(True),
            col(request.kept_back) == "",
            cast(col(request.risks), Text) == NO_VALUES,
            col(request.category).in_(bindparam("categories", expanding=True)),
            col(request.slots).bitwise_and(bindparam("slots")) != 0,
            or_(col(request.day).is_(None), col(request.day) >= bindparam("today")),
            squared <= bindparam("reach", type_=Float),
        )
        .order_by(col(request.created_at), col(request.id))
    )
