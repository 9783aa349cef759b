"""The calendar to look at: who takes over when, for a mantelzorger and for a stand-in. Reading only.

Columns are read, not whole rows with what people wrote: five years of weekly moments stay one quick query.
"""

from calendar import Calendar
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    ReliefRequest,
    RespijtBooking,
    RespijtGap,
    RespijtProvider,
)
from matching.services import standing_in
from matching.services.appointments import AMSTERDAM
from matching.services.relief_rules import LONGEST_STAY
from matching.workflow import BookingState, GapState

STAND_IN_REASONS = ("stand_in_ill", "stand_in_cannot")  # somebody else is looked for at once
MOVED = "moved"
LIVE = (BookingState.PLANNED, BookingState.USED)


@dataclass(frozen=True, slots=True)
class Moment:
    """One dated time off with who takes over. who: first name of a volunteer, or the name of a provider. carer: first
    name of the mantelzorger. gap_id, gap_state: the search when it fell through; None where nobody is looked for."""

    booking: RespijtBooking
    who: str
    carer: str
    form: str
    relief_id: int
    volunteer_id: int | None
    gap_id: int | None
    gap_state: GapState | None

    @property
    def state(self) -> BookingState:
        return BookingState(self.booking.state)

    @property
    def first_day(self) -> date:
        return day_of(self.booking.starts_at)

    @property
    def last_day(self) -> date:
        """The day on which it ends; a stay until midnight ends the day before."""
        return day_of(max(self.booking.ends_at - timedelta(minutes=1), self.booking.starts_at))

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def is_assumed(self) -> bool:
        """Counted as used although nobody said so."""
        return self.state == BookingState.USED and self.booking.ended_by_id is None

    @property
    def needs_somebody(self) -> bool:
        """It fell through on the side of the stand-in, so somebody else is looked for, until that is settled."""
        if self.gap_state not in (None, GapState.OPEN):
            return False
        fell_through = self.state == BookingState.CANCELLED and self.booking.end_reason in STAND_IN_REASONS
        return fell_through or self.state == BookingState.NO_SHOW


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the month grid."""

    day: date
    in_month: bool
    moments: list[Moment]


@dataclass(frozen=True, slots=True)
class Month:
    """A month in whole weeks, Monday first, and its moments in order."""

    first_day: date
    weeks: list[list[Day]]
    moments: list[Moment]

    @property
    def earlier(self) -> date:
        return (self.first_day - timedelta(days=1)).replace(day=1)

    @property
    def later(self) -> date:
        return (self.first_day + timedelta(days=31)).replace(day=1)


def day_of(moment: datetime) -> date:
    """The day on the Dutch clock."""
    return moment.astimezone(AMSTERDAM).date()


def midnight(day: date) -> datetime:
    """The moment at which a day begins on the Dutch clock, in UTC."""
    return datetime.combine(day, time(), AMSTERDAM).astimezone(UTC)


def month(session: Session, situation_id: int, year: int, number: int) -> Month:
    """A month of a mantelzorger's calendar, cancelled moments too. Raises ValueError for a month that is none."""
    return _grid(date(year, number, 1), lambda first, end: between(session, first, end, situation_id=situation_id))


def month_of_stand_in(session: Session, volunteer_id: int, year: int, number: int) -> Month:
    """The same for a stand-in, over all situations. Raises ValueError."""
    return _grid(date(year, number, 1), lambda first, end: between(session, first, end, volunteer_id=volunteer_id))


def _grid(first_day: date, read: Any) -> Month:
    weeks = Calendar().monthdatescalendar(first_day.year, first_day.month)
    found: list[Moment] = read(midnight(weeks[0][0]), midnight(weeks[-1][-1] + timedelta(days=1)))
    on: dict[date, list[Moment]] = {day: [] for week in weeks for day in week}
    for moment in found:
        for day in _covered(moment, weeks[0][0], weeks[-1][-1]):
            on[day].append(moment)
    days = [[Day(day, day.month == first_day.month, on[day]) for day in week] for week in weeks]
    next_month = (first_day + timedelta(days=31)).replace(day=1)
    inside = [m for m in found if m.first_day < next_month and m.last_day >= first_day]
    return Month(first_day, days, inside)


def _covered(moment: Moment, first: date, last: date) -> list[date]:
    begin, end = max(moment.first_day, first), min(moment.last_day, last)
    return [begin + timedelta(days=n) for n in range((end - begin).days + 1)]


def coming(session: Session, situation_id: int, *, now: datetime, days: int = 31) -> list[Moment]:
    """What is going on or to come in so many days: what is planned, and what fell through and has nobody yet."""
    found = between(session, now, now + timedelta(days=days), situation_id=situation_id)
    return _without_repaired(found)


def coming_for(session: Session, volunteer_id: int, *, now: datetime, days: int = 92) -> list[Moment]:
    """What a stand-in has to come, planned only."""
    found = between(session, now, now + timedelta(days=days), volunteer_id=volunteer_id)
    return [moment for moment in found if moment.state == BookingState.PLANNED]


def to_confirm(
    session: Session, *, now: datetime, situation_id: int | None = None, volunteer_id: int | None = None
) -> list[Moment]:
    """Over, and nobody said yet whether it went ahead; oldest first."""
    return _moments(
        session,
        *_whose(situation_id, volunteer_id),
        RespijtBooking.state == BookingState.PLANNED,
        col(RespijtBooking.ends_at) <= now,
    )


def of_account(session: Session, account_id: int, begin: datetime, end: datetime) -> tuple[list[Moment], list[Moment]]:
    """All moments with any time in [begin, end), in order: of this mantelzorger, and of this stand-in."""
    mine = _moments(session, CareSituation.mantelzorger_id == account_id, *_within(begin, end))
    return mine, between(session, begin, end, volunteer_id=account_id)


def overview(session: Session, situation_id: int, *, now: datetime) -> tuple[list[Moment], int]:
    """What is to come in a month, as `coming` gives it, and how many of the last two weeks wait for an answer. One
    query."""
    found = between(session, now - timedelta(days=14), now + timedelta(days=31), situation_id=situation_id)
    over = [moment for moment in found if moment.booking.ends_at <= now]
    waiting = sum(moment.state == BookingState.PLANNED for moment in over)
    return _without_repaired([moment for moment in found if moment.booking.ends_at > now]), waiting


def _without_repaired(found: list[Moment]) -> list[Moment]:
    live = [moment for moment in found if moment.state == BookingState.PLANNED]
    open_still = [m for m in found if m.needs_somebody and not any(overlap(m.booking, o.booking) for o in live)]
    return sorted(live + open_still, key=lambda moment: moment.booking.starts_at)


def overlap(one: RespijtBooking, other: RespijtBooking) -> bool:
    """Whether two bookings share any time."""
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def between(
    session: Session,
    begin: datetime,
    end: datetime,
    *,
    situation_id: int | None = None,
    volunteer_id: int | None = None,
) -> list[Moment]:
    """All moments with any time in [begin, end), in order, of a situation or of a stand-in."""
    return _moments(
        session,
        *_whose(situation_id, volunteer_id),
        *_within(begin, end),
    )


def _within(begin: datetime, end: datetime) -> list[Any]:
    return [
        col(RespijtBooking.starts_at) > begin - LONGEST_STAY - timedelta(days=1),  # lets the index find them
        col(RespijtBooking.starts_at) < end,
        col(RespijtBooking.ends_at) > begin,
    ]


def of_booking(session: Session, booking_id: int, *, volunteer_id: int | None = None) -> Moment | None:
    """One moment; with volunteer_id: only when it is theirs, and for as long as the arrangement goes on."""
    whose = _whose(None, volunteer_id) if volunteer_id is not None else []
    return next(iter(_moments(session, RespijtBooking.id == booking_id, *whose)), None)


def _whose(situation_id: int | None, volunteer_id: int | None) -> list[Any]:
    assert (situation_id is None) != (volunteer_id is None), "of a situation or of a stand-in"
    if situation_id is not None:
        return [RespijtBooking.situation_id == situation_id]
    # Once it is over, a volunteer no longer sees from whom they took over.
    return [Arrangement.volunteer_id == volunteer_id, col(Arrangement.state).in_(standing_in.LIVE)]


def _moments(session: Session, *where: Any) -> list[Moment]:
    carer = aliased(Account)
    rows = session.execute(
        select(  # type: ignore[call-overload]  # more columns than the overloads know
            RespijtBooking,
            func.coalesce(col(Account.first_name), col(RespijtProvider.name), ""),
            carer.first_name,
            col(ReliefRequest.form),
            col(ReliefRequest.id),
            col(Arrangement.volunteer_id),
            col(RespijtGap.id),
            col(RespijtGap.state),
        )
        .join(Arrangement, col(Arrangement.id) == col(RespijtBooking.arrangement_id))
        .join(ReliefRequest, col(ReliefRequest.id) == col(Arrangement.relief_id))
        .join(CareSituation, col(CareSituation.id) == col(RespijtBooking.situation_id))
        .join(carer, col(carer.id) == col(CareSituation.mantelzorger_id))
        .outerjoin(RespijtGap, col(RespijtGap.booking_id) == col(RespijtBooking.id))
        .outerjoin(Account, col(Account.id) == col(Arrangement.volunteer_id))
        .outerjoin(RespijtProvider, col(RespijtProvider.id) == col(Arrangement.provider_id))
        .where(*where)
        .order_by(col(RespijtBooking.starts_at), col(RespijtBooking.id))
    )
    return [Moment(*row) for row in rows]
