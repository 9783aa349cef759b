"""A gemeente that knows many mantelzorgers: rows written in bulk, for measuring only.

Made up, as an assumption of what a year leaves behind: thirteen checks each, and for every other one a weekly half-day
at home, of which one in ten was called off or missed, from a right to sixty half-days.
"""

from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import insert
from sqlmodel import Session, SQLModel, select

from matching.models import (
    Account,
    Arrangement,
    Buurt,
    CareSituation,
    Entitlement,
    LedgerLine,
    ReliefRequest,
    RespijtBooking,
    StrainCheck,
    Volunteer,
)
from matching.workflow import ArrangementState, BookingState, ReliefState
from tests.caring import DETAILS

WEEKS, AHEAD = 52, 4
STATES = [*[BookingState.USED] * 18, BookingState.CANCELLED, BookingState.NO_SHOW]
Row = dict[str, Any]


def add_carers(session: Session, count: int, *, now: datetime) -> None:
    """So many mantelzorgers more, spread over all buurten, each known for a year."""
    random, begun, today = Random(count), now - timedelta(weeks=WEEKS), now.date()
    buurten = session.exec(select(Buurt.code).order_by(Buurt.code)).all()
    volunteers = session.exec(select(Volunteer.account_id).order_by(Volunteer.account_id).limit(500)).all()
    people = [Account(first_name=f"Els {n}", buurt_code=random.choice(buurten), created_at=begun) for n in range(count)]
    known = _kept(session, people)
    situations = _kept(
        session,
        [
            CareSituation(
                mantelzorger_id=key,
                buurt_code=random.choice(buurten),
                details=DETAILS,
                next_check_on=today + timedelta(days=random.randint(-20, 40)),
                created_at=begun,
                updated_at=begun,
            )
            for key in known
        ],
    )
    _put(
        session,
        StrainCheck,
        [row for pair in zip(known, situations, strict=True) for row in _checks(random, *pair, now)],
    )
    relieved = list(zip(known, situations, strict=True))[::2]
    reliefs = _kept(session, [_relief(situation, now) for _carer, situation in relieved])
    arrangements = _kept(session, [_arrangement(random, relief, volunteers, begun) for relief in reliefs])
    rights = _kept(session, [_right(random, carer, situation, now) for carer, situation in relieved])
    bookings = zip(arrangements, (situation for _carer, situation in relieved), strict=True)
    _put(session, RespijtBooking, [row for pair in bookings for row in _bookings(random, *pair, now)])
    _put(session, LedgerLine, [row for right in rights for row in _lines(right, now)])


def _kept(session: Session, rows: list[Any]) -> list[int]:
    """Write rows that others refer to, and give their keys."""
    session.add_all(rows)
    session.flush()
    keys = [row.id for row in rows]
    session.expunge_all()
    return keys


def _put(session: Session, entity: type[SQLModel], rows: list[Row]) -> None:
    for start in range(0, len(rows), 2000):
        session.connection().execute(insert(entity), rows[start : start + 2000])


def _checks(random: Random, carer: int, situation: int, now: datetime) -> list[Row]:
    answers = [[random.randint(0, 2) for _question in range(6)] for _check in range(13)]
    return [
        {
            "situation_id": situation,
            "day": now.date() - timedelta(weeks=4 * number + 1),
            "instrument": "own",
            "result": {"answers": said, "score": sum(said)},
            "recorded_by_id": carer,
            "at": now,
        }
        for number, said in enumerate(answers)
    ]


def _relief(situation: int, now: datetime) -> ReliefRequest:
    begun = now - timedelta(weeks=WEEKS)
    return ReliefRequest(
        situation_id=situation, form="home_volunteer", rrule="FREQ=WEEKLY", first_day=begun.date(), words="Graag.",
        state=ReliefState.RUNNING, first_relief_on=begun.date(), created_at=begun, updated_at=begun,
    )  # fmt: skip


def _arrangement(random: Random, relief: int, volunteers: Any, begun: datetime) -> Arrangement:
    return Arrangement(
        relief_id=relief, volunteer_id=random.choice(volunteers), state=ArrangementState.RUNNING, created_at=begun
    )


def _right(random: Random, carer: int, situation: int, now: datetime) -> Entitlement:
    first = (now - timedelta(weeks=WEEKS)).date()
    last = now.date() + timedelta(days=random.randint(20, 200))
    return Entitlement(
        situation_id=situation, payer="volunteer", unit="half_day", first_day=first, last_day=last,
        created_by_id=carer, created_at=now,
    )  # fmt: skip


def _bookings(random: Random, arrangement: int, situation: int, now: datetime) -> list[Row]:
    moments = [now + timedelta(weeks=AHEAD - week, hours=1) for week in range(WEEKS)]
    return [
        {
            "situation_id": situation,
            "arrangement_id": arrangement,
            "payer": "volunteer",
            "starts_at": moment,
            "ends_at": moment + timedelta(hours=3),
            "state": BookingState.PLANNED if moment > now else random.choice(STATES),
            "created_at": now,
        }
        for moment in moments
    ]


def _lines(right: int, now: datetime) -> list[Row]:
    usual = {"entitlement_id": right, "granted": 0, "planned": 0, "used": 0, "day": now.date(), "at": now}
    used = [{**usual, "kind": "use", "used": 1, "key": f"bench:{right}:{n}"} for n in range(30)]
    return [{**usual, "kind": "grant", "granted": 60, "key": f"bench:{right}"}, *used]
