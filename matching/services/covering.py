"""A time off fell through while somebody counts on it: the back-up persons are asked at once, and the first yes counts.

The desk hears of it at once, because somebody who was asked may not read it in time, and again when nobody is left to
ask. Then the mantelzorger reads that a human looks for somebody.
"""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from matching import notices
from matching.access import DESK_ROLES, Viewer
from matching.errors import AlreadyTaken, NotFound
from matching.models import (
    Absence,
    Account,
    Arrangement,
    CareSituation,
    GapOffer,
    ReliefRequest,
    RespijtBooking,
    RespijtGap,
    Tag,
    Volunteer,
)
from matching.services import locks, opbouwwerkers, outbox
from matching.services.history import record
from matching.services.reach import within
from matching.services.standing_in import kept_apart, may_stand_in
from matching.workflow import GAP_MOVES, OPEN_RELIEF_STATES, ArrangementState, BookingState, GapState, after
from matching.working_days import AMSTERDAM

YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class GapRow:
    """A moment for which nobody is found yet: when, whose, and the first names of who was asked and said no."""

    id: int
    relief_id: int
    situation_id: int
    mantelzorger_id: int
    name: str  # of the mantelzorger
    buurt_code: str
    starts_at: datetime
    ends_at: datetime
    waiting: tuple[tuple[int, str], ...]  # offers without an answer: their id, and the first name
    said_no: tuple[str, ...]


def reoffer(session: Session, booking: RespijtBooking, *, now: datetime) -> RespijtGap | None:
    """Ask the back-up persons to take over a booking that was cancelled or missed beforehand. Once for each booking.

    None when the moment is over, or somebody else comes already.
    """
    session.flush()
    if booking.starts_at <= now or booking.state == BookingState.PLANNED or _is_covered(session, booking):
        return None
    assert booking.id is not None
    gap = RespijtGap(booking_id=booking.id, situation_id=booking.situation_id, created_at=now)
    try:
        with session.begin_nested():
            session.add(gap)
    except IntegrityError:  # it was offered a moment earlier
        return session.exec(select(RespijtGap).where(RespijtGap.booking_id == booking.id)).one()
    assert gap.id is not None
    record(session, Tag.GAP_OPENED, gap, now=now)
    asked = _stand_ins(session, booking, now=now)
    for arrangement in asked:
        assert arrangement.id is not None
        assert arrangement.volunteer_id is not None
        offer = GapOffer(gap_id=gap.id, arrangement_id=arrangement.id, asked_at=now)
        session.add(offer)
        session.flush()
        outbox.post(session, notices.gap_offered(arrangement.volunteer_id, offer.id or 0), now=now)
    if asked:
        opbouwwerkers.tell(session, _relief_id(session, booking), f"gap:{gap.id}", now=now)
    else:
        _nobody_left(session, gap, booking, now=now)
    return gap


def fill(session: Session, booking: RespijtBooking, *, by: int | None, now: datetime) -> None:
    """Somebody was booked: what fell through at that moment is covered, and nobody has to answer any more. Whoever has
    the care situation calls this (matching.services.locks)."""
    session.flush()
    query = (
        select(RespijtGap)
        .join(RespijtBooking, col(RespijtBooking.id) == col(RespijtGap.booking_id))
        .where(
            RespijtGap.situation_id == booking.situation_id,
            RespijtGap.state == GapState.OPEN,
            RespijtBooking.starts_at < booking.ends_at,
            RespijtBooking.ends_at > booking.starts_at,
        )
        .order_by(col(RespijtGap.id))
    )
    carer = session.get_one(CareSituation, booking.situation_id).mantelzorger_id
    for gap in session.exec(query).all():
        gap.state, gap.closed_at = after(GAP_MOVES, gap.state, "cover"), now
        gap.covered_by_id = booking.id
        session.add(gap)
        record(session, Tag.GAP_COVERED, gap, now=now, actor_id=by)
        if by != carer:
            news = notices.gap_news(carer, gap.id or 0, booking.arrangement_id, "covered")
            outbox.post(session, news, now=now)


def offer_of(session: Session, account_id: int | None, offer_id: int) -> tuple[GapOffer, RespijtGap, RespijtBooking]:
    """What a back-up person was asked, for that person. Raises NotFound for everybody else."""
    offer = session.get(GapOffer, offer_id)
    arrangement = session.get(Arrangement, offer.arrangement_id) if offer is not None else None
    if offer is None or arrangement is None or account_id is None or arrangement.volunteer_id != account_id:
        raise NotFound
    gap = session.get_one(RespijtGap, offer.gap_id)
    return offer, gap, session.get_one(RespijtBooking, gap.booking_id)


def offer_with_relief(session: Session, offer_id: int) -> tuple[GapOffer, int]:
    """What a back-up person was asked, and for which time off; who may see it is up to the caller. Raises NotFound."""
    offer = session.get(GapOffer, offer_id)
    if offer is None:
        raise NotFound
    return offer, session.get_one(Arrangement, offer.arrangement_id).relief_id


def relief_of_gap(session: Session, gap_id: int) -> int:
    """For which time off nobody comes: who may see that, the caller decides. Raises NotFound."""
    query = (
        select(Arrangement.relief_id)
        .join(RespijtBooking, col(RespijtBooking.arrangement_id) == col(Arrangement.id))
        .join(RespijtGap, col(RespijtGap.booking_id) == col(RespijtBooking.id))
        .where(RespijtGap.id == gap_id)
    )
    found = session.exec(query).first()
    if found is None:
        raise NotFound
    return found


def answer(session: Session, offer: GapOffer, *, yes: bool, by: int, now: datetime) -> RespijtBooking | None:
    """Yes or no to taking over; a yes is a booking. Of all who say yes, one wins.

    Raises AlreadyTaken when somebody was first or was booked otherwise, the moment is over, or this person answered
    already; and what booking raises (Invalid), for example when the VOG is over by then.
    """
    gap = _hold(session, offer.gap_id)
    session.refresh(offer)
    fell = session.get_one(RespijtBooking, gap.booking_id)
    if offer.answer or gap.state != GapState.OPEN or fell.starts_at <= now or _is_covered(session, fell):
        raise AlreadyTaken("this question is over")
    offer.answer, offer.answered_at = (YES if yes else NO), now
    session.add(offer)
    record(session, Tag.GAP_ANSWERED, gap, now=now, actor_id=by, answer=offer.answer)
    if yes:
        return _cover(session, gap, fell, offer, by=by, now=now)
    session.flush()
    if not _waiting(session, gap):
        _nobody_left(session, gap, fell, now=now)
    return None


def close(session: Session, gap_id: int, situation: CareSituation, *, by: int, now: datetime) -> None:
    """The desk found another way, or it is not needed. Raises NotFound, and IllegalMove when it is settled."""
    found = session.get(RespijtGap, gap_id)
    if found is None or found.situation_id != situation.id:
        raise NotFound
    gap = _hold(session, gap_id)
    gap.state, gap.closed_at = after(GAP_MOVES, gap.state, "close"), now
    session.add(gap)
    record(session, Tag.GAP_CLOSED, gap, now=now, actor_id=by)


def open_gaps(
    session: Session,
    *,
    now: datetime,
    viewer: Viewer | None = None,
    situation_id: int | None = None,
    relief_id: int | None = None,
) -> list[GapRow]:
    """Moments to come for which nobody is found yet, the first one first: of the viewer's places, of one situation, or
    of one time off. Whoever shows the names at the desk notes the looks."""
    g, b, s, r = RespijtGap, RespijtBooking, CareSituation, ReliefRequest
    query = (
        select(g, b, r.id, s.mantelzorger_id, Account.first_name, s.buurt_code)  # type: ignore[call-overload]  # six
        .join(b, col(b.id) == col(g.booking_id))
        .join(Arrangement, col(Arrangement.id) == col(b.arrangement_id))
        .join(r, col(r.id) == col(Arrangement.relief_id))
        .join(s, col(s.id) == col(g.situation_id))
        .join(Account, col(Account.id) == col(s.mantelzorger_id))
        .where(g.state == GapState.OPEN, b.starts_at > now, col(r.state).in_(OPEN_RELIEF_STATES))
        .order_by(col(b.starts_at), col(g.id))
    )
    if viewer is not None:
        query = query.where(within(col(s.buurt_code), viewer.places(*DESK_ROLES)))
    if situation_id is not None:
        query = query.where(g.situation_id == situation_id)
    if relief_id is not None:
        query = query.where(r.id == relief_id)
    rows = session.exec(query).all()
    offers = _offers(session, [gap.id for gap, *_rest in rows]) if rows else {}
    return [
        GapRow(
            id=gap.id,
            relief_id=of_relief,
            situation_id=gap.situation_id,
            mantelzorger_id=carer,
            name=name,
            buurt_code=buurt,
            starts_at=booking.starts_at,
            ends_at=booking.ends_at,
            waiting=tuple((key, who) for key, who, said in offers.get(gap.id, ()) if not said),
            said_no=tuple(who for _key, who, said in offers.get(gap.id, ()) if said == NO),
        )
        for gap, booking, of_relief, carer, name, buurt in rows
    ]


def waiting_offers(session: Session, volunteer_id: int, *, now: datetime) -> list[tuple[GapOffer, RespijtBooking]]:
    """What this volunteer was asked to take over and may still answer."""
    query = (
        select(GapOffer, RespijtBooking)
        .join(Arrangement, col(Arrangement.id) == col(GapOffer.arrangement_id))
        .join(RespijtGap, col(RespijtGap.id) == col(GapOffer.gap_id))
        .join(RespijtBooking, col(RespijtBooking.id) == col(RespijtGap.booking_id))
        .where(
            Arrangement.volunteer_id == volunteer_id,
            Arrangement.state == ArrangementState.RUNNING,
            GapOffer.answer == "",
            RespijtGap.state == GapState.OPEN,
            RespijtBooking.starts_at > now,
        )
        .order_by(col(RespijtBooking.starts_at))
    )
    return [(offer, booking) for offer, booking in session.exec(query)]


def _hold(session: Session, gap_id: int) -> RespijtGap:
    locks.situation(session, session.get_one(RespijtGap, gap_id).situation_id)
    query = select(RespijtGap).where(RespijtGap.id == gap_id).with_for_update(key_share=True)
    return session.exec(query.execution_options(populate_existing=True)).one()


def _cover(
    session: Session, gap: RespijtGap, fell: RespijtBooking, offer: GapOffer, *, by: int, now: datetime
) -> RespijtBooking:
    """One statement that only one can win, whatever was locked."""
    from matching.services import respijt_calendar  # it asks this module when a booking falls through

    session.flush()
    won = session.connection().execute(
        update(RespijtGap)
        .where(col(RespijtGap.id) == gap.id, col(RespijtGap.state) == GapState.OPEN)
        .values(state=GapState.COVERED, closed_at=now)
    )
    if won.rowcount != 1:
        raise AlreadyTaken("somebody was first")
    session.refresh(gap)
    arrangement = session.get_one(Arrangement, offer.arrangement_id)
    made = respijt_calendar.book(
        session, arrangement, starts_at=fell.starts_at, ends_at=fell.ends_at, payer=fell.payer, by=by, now=now
    )
    session.flush()
    gap.covered_by_id = made.id
    session.add(gap)
    record(session, Tag.GAP_COVERED, gap, now=now, actor_id=by)
    carer = session.get_one(CareSituation, gap.situation_id).mantelzorger_id
    outbox.post(session, notices.gap_news(carer, gap.id or 0, arrangement.id or 0, "covered"), now=now)
    return made


def _is_covered(session: Session, booking: RespijtBooking) -> bool:
    """Whether somebody else comes at that moment."""
    query = select(RespijtBooking.id).where(
        RespijtBooking.situation_id == booking.situation_id,
        RespijtBooking.state == BookingState.PLANNED,
        RespijtBooking.starts_at < booking.ends_at,
        RespijtBooking.ends_at > booking.starts_at,
    )
    return session.exec(query).first() is not None


def _stand_ins(session: Session, booking: RespijtBooking, *, now: datetime) -> list[Arrangement]:
    """Who else has an agreement here and may and can come then, in the order in which they agreed. Whoever already let
    this moment go, takes no questions now or is kept apart from the mantelzorger is not asked."""
    today = now.astimezone(AMSTERDAM).date()
    apart = kept_apart(session, session.get_one(CareSituation, booking.situation_id).mantelzorger_id)
    fell = session.get_one(Arrangement, booking.arrangement_id)
    let_go = select(RespijtBooking.arrangement_id).where(
        RespijtBooking.situation_id == booking.situation_id,
        RespijtBooking.starts_at == booking.starts_at,
        col(RespijtBooking.state).in_((BookingState.CANCELLED, BookingState.NO_SHOW)),
    )
    query = (
        select(Arrangement)
        .where(
            Arrangement.relief_id == fell.relief_id,
            Arrangement.state == ArrangementState.RUNNING,
            col(Arrangement.volunteer_id).is_not(None),
            col(Arrangement.volunteer_id).not_in(apart),
            Arrangement.id != fell.id,
            col(Arrangement.id).not_in(let_go),
        )
        .order_by(col(Arrangement.stand_in_agreed_at), col(Arrangement.id))
    )
    return [each for each in session.exec(query).all() if _can_come(session, each, booking, today=today)]


def _can_come(session: Session, arrangement: Arrangement, booking: RespijtBooking, *, today: date) -> bool:
    assert arrangement.volunteer_id is not None
    day = booking.starts_at.astimezone(AMSTERDAM).date()
    volunteer = session.get_one(Volunteer, arrangement.volunteer_id)
    if not volunteer.is_available(today):
        return False
    away = select(Absence.id).where(
        Absence.volunteer_id == arrangement.volunteer_id, Absence.first_day <= day, Absence.last_day >= day
    )
    elsewhere = (
        select(RespijtBooking.id)
        .join(Arrangement, col(Arrangement.id) == col(RespijtBooking.arrangement_id))
        .where(
            Arrangement.volunteer_id == arrangement.volunteer_id,
            RespijtBooking.state == BookingState.PLANNED,
            RespijtBooking.starts_at < booking.ends_at,
            RespijtBooking.ends_at > booking.starts_at,
        )
    )
    is_free = session.exec(away).first() is None and session.exec(elsewhere).first() is None
    return is_free and not may_stand_in(session, volunteer, day)


def _waiting(session: Session, gap: RespijtGap) -> bool:
    query = select(GapOffer.id).where(GapOffer.gap_id == gap.id, GapOffer.answer == "")
    return session.exec(query).first() is not None


def _nobody_left(session: Session, gap: RespijtGap, fell: RespijtBooking, *, now: datetime) -> None:
    """A human looks now, and the mantelzorger knows."""
    opbouwwerkers.tell(session, _relief_id(session, fell), f"gap:{gap.id}:nobody", now=now)
    situation = session.get_one(CareSituation, gap.situation_id)
    arrangement = session.get_one(Arrangement, fell.arrangement_id)
    news = notices.gap_news(situation.mantelzorger_id, gap.id or 0, arrangement.id or 0, "nobody_yet")
    outbox.post(session, news, now=now)


def _relief_id(session: Session, fell: RespijtBooking) -> int:
    return session.get_one(Arrangement, fell.arrangement_id).relief_id


def _offers(session: Session, gap_ids: list[int | None]) -> dict[int, list[tuple[int, str, str]]]:
    """By gap: the offers with first name and answer, in the order of asking."""
    query = (
        select(GapOffer.gap_id, GapOffer.id, Account.first_name, GapOffer.answer)
        .join(Arrangement, col(Arrangement.id) == col(GapOffer.arrangement_id))
        .join(Account, col(Account.id) == col(Arrangement.volunteer_id))
        .where(col(GapOffer.gap_id).in_(gap_ids))
        .order_by(col(GapOffer.id))
    )
    found: dict[int, list[tuple[int, str, str]]] = {}
    for gap_id, offer_id, name, said in session.exec(query):
        found.setdefault(gap_id, []).append((offer_id or 0, name, said))
    return found
