"""Looking around: open requests nearby that fit a volunteer, without anything personal, and offering to do one.

An offer is a proposal like the matcher's: it goes through the same rules and waits for the desk.
"""

import json
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from math import isqrt
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Row, func, select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from matching.catalogue import CATEGORIES
from matching.errors import AlreadyTaken, IllegalMove, NotFound, OmzienError
from matching.models import HelpRequest, Proposal, Tag, Volunteer
from matching.services import eligibility, looking_queries
from matching.services.eligibility import Helper
from matching.services.history import record
from matching.services.looking_queries import ANSWERED_STATES, NO_VALUES, VISIBLE_STATES
from matching.workflow import PROPOSAL_MOVES, ProposalState, RequestState, after

OFFER = "offer"
SPARE_OFFERS = 2  # how many offers may wait above the weekly maximum: the desk may choose somebody else
ANY_DISTANCE = 10_000_000  # metres: farther than any two points of the country
PARTS = ("morning", "afternoon", "evening", "night")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class NoFit(OmzienError):
    """The rules stand between this volunteer and this request; `why` as in eligibility.obstacle."""

    def __init__(self, why: str) -> None:
        super().__init__(f"no fit: {why}")
        self.why = why


class TooManyOffers(OmzienError):
    """This volunteer has `most` offers waiting already."""

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} offers wait already")
        self.most = most


class NearbyRequest(NamedTuple):
    """A request as a volunteer may see it before both said yes: what, when and roughly where."""

    id: int
    category: str
    frequency: str
    day: date | None
    slots: int
    minutes: int
    languages: tuple[str, ...]
    buurt_code: str
    buurt_name: str
    distance_m: int
    created_at: datetime


class Fit(NamedTuple):
    """A request that fits, as short as a long list needs it. `squared`: the distance in square metres."""

    id: int
    category: str
    buurt_code: str
    squared: int


class Candidate(NamedTuple):
    """What the rules need to know of a request (eligibility.Opening)."""

    id: int
    asker_id: int
    posted_by_id: int
    category: str
    day: date | None
    slots: int
    languages: tuple[str, ...]
    buurt_code: str
    x: int
    y: int


def helper_of(session: Session, volunteer_id: int, *, today: date) -> Helper:
    """What the rules need to know of this volunteer, in three queries.

    Raises NotFound when this person is no volunteer, and NoFit("no_home") without a home point.
    """
    session.flush()  # what was just changed counts too
    row = session.connection().execute(looking_queries.of_volunteer(), {"volunteer_id": volunteer_id}).one_or_none()
    if row is None:
        raise NotFound(f"no volunteer {volunteer_id}")
    if row.x is None or row.y is None or row.gemeente_code is None:
        raise NoFit("no_home")
    proposals = session.connection().execute(looking_queries.of_proposals(), {"volunteer_id": volunteer_id}).all()
    on_pause = row.is_paused and (row.paused_until is None or row.paused_until > today)
    return Helper(
        account_id=volunteer_id,
        skills=frozenset(row.skills),
        slots=row.slots,
        radius_m=row.radius_m,
        languages=frozenset(row.languages),
        has_car=row.has_car,
        has_vog=row.vog_seen_on is not None and (row.vog_renew_by is None or row.vog_renew_by > today),
        is_introduced=row.introduced_on is not None,
        is_trained=row.trained_on is not None,
        is_available=not on_pause,
        gemeente_code=row.gemeente_code,
        x=row.x,
        y=row.y,
        absences=_absences(session, volunteer_id, today),
        blocked=_blocked(session, volunteer_id),
        answered=frozenset(key for key, state, _source in proposals if state in ANSWERED_STATES),
        # What only the matcher proposed is no secret and no hindrance: the volunteer may well offer first.
        live=frozenset(
            key
            for key, state, source in proposals
            if state in (ProposalState.ASKED, ProposalState.ACCEPTED)
            or (state == ProposalState.PROPOSED and source == OFFER)
        ),
    )


def nearby(session: Session, volunteer_id: int, *, today: date, limit: int | None = None) -> list[NearbyRequest]:
    """The open requests that fit this volunteer, nearest first and of equals the oldest first.

    Raises NotFound and NoFit as `helper_of` does.
    """
    return shown(session, fitting(session, helper_of(session, volunteer_id, today=today), today=today)[:limit])


def fitting(session: Session, helper: Helper, *, today: date) -> list[Fit]:
    """As `nearby`, for a helper at hand and without the details, which only the page that is shown needs. The
    database narrows down, and the rules decide wherever it cannot be sure."""
    if not helper.is_available:
        return []
    rows = session.connection().execute(looking_queries.of_candidates(), _narrowed_to(helper, today)).all()
    known, anywhere = helper.live | helper.answered, helper.radius_m is None
    found = []
    for row in rows:
        key, asker, poster, category, day, _slots, languages, buurt_code, _x, _y, squared = row
        is_plain = day is None and languages == NO_VALUES and not anywhere
        is_new = key not in known and asker not in helper.blocked and helper.account_id not in (asker, poster)
        if (is_plain and is_new) or eligibility.obstacle(helper, _candidate(row), today) is None:
            found.append(Fit(key, category, buurt_code, int(squared)))
    found.sort(key=attrgetter("squared"))  # stable: of equals the oldest stays first
    return found


def shown(session: Session, fits: Sequence[Fit]) -> list[NearbyRequest]:
    """The details of these requests, in this order."""
    if not fits:
        return []
    found = session.connection().execute(looking_queries.of_shown(), {"ids": [fit.id for fit in fits]}).all()
    rows = {row[0]: row for row in found}
    return [_without_secrets(rows[fit.id], fit.squared) for fit in fits if fit.id in rows]


def look(session: Session, volunteer_id: int, request_id: int, *, today: date) -> NearbyRequest:
    """One request as this volunteer may see it: it fits, or the volunteer's own offer for it waits.

    Raises NotFound for what volunteers never saw, AlreadyTaken for what they no longer see, else as `helper_of`;
    NoFit when it does not fit.
    """
    helper = helper_of(session, volunteer_id, today=today)
    row = _request(session, request_id)
    why = eligibility.obstacle(helper, row, today)
    if why is not None and not (why == "live" and waiting_offer(session, volunteer_id, request_id)):
        raise NoFit(why)
    squared = eligibility.squared_distance(helper, row)
    return shown(session, [Fit(request_id, row.category, row.buurt_code, squared)])[0]


def per_buurt(found: Sequence[Fit]) -> Counter[str]:
    """How many of these requests lie in each buurt, by code."""
    return Counter(each.buurt_code for each in found)


def offer(session: Session, volunteer_id: int, request_id: int, *, today: date, now: datetime) -> Proposal:
    """Offer to do a request: a proposal that waits for the desk. The same offer twice is one offer.

    Raises as `look` does, and TooManyOffers.
    """
    row = _request(session, request_id, lock=True)  # before the volunteer, as whoever asks does
    most = _lock_offers(session, volunteer_id) + SPARE_OFFERS
    helper = helper_of(session, volunteer_id, today=today)
    known = waiting_offer(session, volunteer_id, request_id)
    if known is not None:
        return known
    why = eligibility.obstacle(helper, row, today)
    if why is not None:
        raise NoFit(why)
    if _count_waiting(session, volunteer_id) >= most:
        raise TooManyOffers(most)
    return _store(session, helper, row, now=now)


def withdraw_offer(session: Session, volunteer_id: int, proposal_id: int, *, now: datetime) -> Proposal:
    """Take an offer back as long as the desk has not decided.

    Raises NotFound for somebody else's and for what is no offer, IllegalMove when the desk was first.
    """
    proposal = session.get(Proposal, proposal_id, with_for_update={"key_share": True}, populate_existing=True)
    if proposal is None or proposal.volunteer_id != volunteer_id or proposal.source != OFFER:
        raise NotFound(f"no offer {proposal_id}")
    if proposal.state == ProposalState.ACCEPTED:  # the yes of the desk was first; from here "lukt het niet?" helps
        raise IllegalMove("cannot take back an offer that was accepted")
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "withdraw")
    session.add(proposal)
    record(session, Tag.PROPOSAL_WITHDRAWN, proposal, now=now, actor_id=volunteer_id)
    return proposal


def waiting_offer(session: Session, volunteer_id: int, request_id: int) -> Proposal | None:
    """The offer of this volunteer for this request that waits for the desk."""
    return session.scalars(
        select(Proposal).where(*_waiting(volunteer_id), col(Proposal.request_id) == request_id)
    ).one_or_none()


def _waiting(volunteer_id: int) -> tuple[ColumnElement[bool], ...]:
    return (
        col(Proposal.volunteer_id) == volunteer_id,
        col(Proposal.source) == OFFER,
        col(Proposal.state) == ProposalState.PROPOSED,
    )


def _count_waiting(session: Session, volunteer_id: int) -> int:
    count = select(func.count()).select_from(Proposal).where(*_waiting(volunteer_id))
    return session.connection().execute(count).scalar_one()


def _lock_offers(session: Session, volunteer_id: int) -> int:
    """Let two offers of one volunteer be counted one after the other; the weekly maximum. The lock with
    key_share lets others go on pointing at the row (foreign keys), so that nobody waits in a circle."""
    query = select(col(Volunteer.weekly_max)).where(col(Volunteer.account_id) == volunteer_id)
    return session.connection().execute(query.with_for_update(key_share=True)).scalar() or 0


def _absences(session: Session, volunteer_id: int, today: date) -> tuple[tuple[date, date], ...]:
    rows = session.connection().execute(looking_queries.of_absences(), {"volunteer_id": volunteer_id, "today": today})
    return tuple((first, last) for first, last in rows)


def _blocked(session: Session, account_id: int) -> frozenset[int]:
    """People who asked not to be brought together with this person, and the other way round: who helps and who
    asks can change."""
    rows = session.connection().execute(looking_queries.of_blocks(), {"account_id": account_id})
    return frozenset(one if other == account_id else other for one, other in rows)


def _narrowed_to(helper: Helper, today: date) -> dict[str, Any]:
    reach = helper.radius_m if helper.radius_m is not None else ANY_DISTANCE
    return {
        "categories": eligibility.possible_categories(helper),
        "slots": helper.slots,
        "today": today,
        "x": float(helper.x),
        "y": float(helper.y),
        "reach": float(reach**2),
    }


def _candidate(row: Any) -> Candidate:
    key, asker, poster, category, day, slots, languages, buurt_code, x, y, _squared = row
    return Candidate(key, asker, poster, category, day, slots, _read(languages), buurt_code, x, y)


def _request(session: Session, request_id: int, *, lock: bool = False) -> Row[Any]:
    """The request, visible to volunteers now. With `lock` nobody changes it until this transaction ends."""
    query = select(HelpRequest.__table__).where(col(HelpRequest.id) == request_id)  # type: ignore[attr-defined]  # SQLModel
    if lock:
        query = query.with_for_update(key_share=True)
    row = session.connection().execute(query).one_or_none()
    if row is None or row.is_discreet or row.risks or not row.is_verified or row.kept_back:
        raise NotFound(f"no request {request_id}")
    if row.state == RequestState.HELD:
        raise NotFound(f"no request {request_id}")
    if row.state not in VISIBLE_STATES:
        raise AlreadyTaken(f"request {request_id} is {row.state}")
    return row


def _without_secrets(row: Any, squared: int) -> NearbyRequest:
    key, category, frequency, day, slots, minutes, languages, buurt_code, created_at, buurt_name = row
    return NearbyRequest(
        key,
        category,
        frequency,
        day,
        slots,
        minutes,
        _read(languages),
        buurt_code,
        buurt_name,
        round(isqrt(squared) / 100) * 100,
        created_at,
    )


def _read(languages: str) -> tuple[str, ...]:
    """The codes in a list as the database keeps it; hardly anybody has a wish, so JSON is seldom needed."""
    return () if languages == NO_VALUES else tuple(json.loads(languages))


def _store(session: Session, helper: Helper, row: Row[Any], *, now: datetime) -> Proposal:
    try:
        proposal = _offer_of(session, helper, row, now=now)
    except IntegrityError:  # the matcher proposed this very pair a moment ago: now it is there to be taken over
        proposal = _offer_of(session, helper, row, now=now)
    record(session, Tag.PROPOSAL_OFFERED, proposal, now=now, actor_id=helper.account_id)
    return proposal


def _offer_of(session: Session, helper: Helper, row: Row[Any], *, now: datetime) -> Proposal:
    """The offer: what the matcher proposed for this very pair becomes it, so that the desk sees one of the two."""
    matched = session.scalars(
        select(Proposal).where(
            col(Proposal.request_id) == row.id,
            col(Proposal.volunteer_id) == helper.account_id,
            col(Proposal.state) == ProposalState.PROPOSED,
        )
    ).one_or_none()
    proposal = matched or Proposal(request_id=row.id, volunteer_id=helper.account_id, created_at=now)
    with session.begin_nested():
        proposal.source, proposal.rank = OFFER, 1
        proposal.p = 1.0  # the yes is there already
        proposal.distance_m = isqrt(eligibility.squared_distance(helper, row))
        proposal.reasons = reasons(helper, row)
        session.add(proposal)
    return proposal


def reasons(helper: Helper, row: Any) -> list[dict[str, Any]]:
    """Why this pair, as facts that were just checked; the words are the web's."""
    slot = next(bit for bit in range(28) if eligibility.shared_slots(helper, row) >> bit & 1)
    found: list[dict[str, Any]] = [
        {"key": "offered"},
        {"key": "near", "value": isqrt(eligibility.squared_distance(helper, row))},
        {"key": "skill", "value": row.category},
        {"key": "slot", "value": f"{DAYS[slot // 4]}-{PARTS[slot % 4]}"},
    ]
    spoken = [code for code in row.languages if code in helper.languages]
    if spoken:
        found.append({"key": "language", "value": spoken[0]})
    category = CATEGORIES[row.category]
    if category.needs_vog or category.needs_introduction:
        found.append({"key": "clearance"})
    return found
