"""What the rules of the signals need to know of every open situation, read for all of them at once.

Columns only: what is encrypted is read just for the latest two checks of each instrument.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from matching.models import (
    Arrangement,
    CareSituation,
    Entitlement,
    LedgerLine,
    ReliefRequest,
    RespijtBooking,
    RespijtGap,
    StrainCheck,
    Volunteer,
)
from matching.services import strain
from matching.services.respijt_moments import MOVED
from matching.services.signal_rules import (
    CHECK_SAYS,
    FAILED_WITHIN,
    Facts,
    Moment,
    Right,
    StandIn,
    Strain,
)
from matching.workflow import (
    OPEN_RELIEF_STATES,
    ArrangementState,
    BookingState,
    CareState,
    GapState,
    ReliefState,
)
from matching.working_days import AMSTERDAM

B, E = RespijtBooking, Entitlement
FAILED = (BookingState.CANCELLED, BookingState.NO_SHOW)
TAKES_OVER = (ArrangementState.TRIAL, ArrangementState.AGREEING, ArrangementState.RUNNING)
NOT_OFF = (MOVED, "ended", "situation_closed", "institution")  # reasons for which nothing went wrong that evening


class _Reader:
    """One reading: the same situations in every query."""

    def __init__(self, session: Session, today: date, situation_ids: Sequence[int] | None) -> None:
        self.session, self.today = session, today
        self.midnight = datetime.combine(today, time(), AMSTERDAM)  # what is over and what is coming
        is_open = col(CareSituation.state) == CareState.OPEN
        self.these = is_open if situation_ids is None else and_(is_open, col(CareSituation.id).in_(situation_ids))

    def rows(self, query: Any) -> Any:
        return self.session.connection().execute(query)

    def of_these(self, situation_id: Any) -> Any:
        return col(situation_id).in_(select(col(CareSituation.id)).where(self.these))


def read_facts(session: Session, *, today: date, situation_ids: Sequence[int] | None = None) -> dict[int, Facts]:
    """The facts of all open situations, or of those of them in `situation_ids`. Seven queries."""
    reader = _Reader(session, today, situation_ids)
    checks, asked = _checks(reader), _asked(reader)
    moments, rights, stand_ins = _moments(reader), _rights(reader), _stand_ins(reader)
    return {
        row.id: Facts(
            since=row.created_at.astimezone(AMSTERDAM).date(),
            next_check_on=row.next_check_on,
            last_relief=_day(row.last_relief),
            next_relief=_day(row.next_relief),
            checks=checks.get(row.id, ()),
            asked=asked.get(row.id, ()),
            moments=moments.get(row.id, ()),
            rights=rights.get(row.id, ()),
            stand_ins=stand_ins.get(row.id, ()),
        )
        for row in _situations(reader)
    }


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(AMSTERDAM).date() if moment else None


def _situations(reader: _Reader) -> Any:
    """Each with its last moment off and its next. What is over and nobody spoke about counts as used, as in the
    calendar."""
    own = col(B.situation_id) == col(CareSituation.id)
    taken = or_(
        col(B.state) == BookingState.USED,
        and_(col(B.state) == BookingState.PLANNED, col(B.ends_at) < reader.midnight),
    )
    before, after = col(B.starts_at) < reader.midnight, col(B.starts_at) >= reader.midnight
    last = select(col(B.starts_at)).where(own, before, taken).order_by(col(B.starts_at).desc()).limit(1)
    coming = select(col(B.starts_at)).where(own, after, col(B.state) == BookingState.PLANNED)
    coming = coming.order_by(col(B.starts_at)).limit(1)
    columns = (col(CareSituation.id), col(CareSituation.created_at), col(CareSituation.next_check_on))
    return reader.rows(
        select(
            *columns,
            last.correlate(CareSituation).scalar_subquery().label("last_relief"),
            coming.correlate(CareSituation).scalar_subquery().label("next_relief"),
        ).where(reader.these)
    )


def _checks(reader: _Reader) -> dict[int, list[Strain]]:
    c = StrainCheck
    newest = func.row_number().over(
        partition_by=(col(c.situation_id), col(c.instrument)), order_by=(col(c.day).desc(), col(c.id).desc())
    )
    recent = col(c.day) >= reader.today - CHECK_SAYS - timedelta(weeks=26)  # one that counts, and the one before it
    ranked = select(col(c.id), newest.label("place")).where(reader.of_these(c.situation_id), recent).subquery()
    columns = (col(c.id), col(c.situation_id), col(c.day), col(c.instrument), col(c.result))
    query = select(*columns).join(ranked, ranked.c.id == col(c.id)).where(ranked.c.place <= 2)
    found: dict[int, list[Strain]] = defaultdict(list)
    for row in reader.rows(query):
        score, answers = int(row.result["score"]), row.result.get("answers")
        named = dict(zip(strain.QUESTIONS, answers, strict=True)) if answers else None
        band = strain.band(row.instrument, score, named)
        share = score / strain.INSTRUMENTS[row.instrument]
        found[row.situation_id].append(Strain(row.id, row.day, row.instrument, share, band))
    return found


def _asked(reader: _Reader) -> dict[int, list[tuple[int, date]]]:
    r = ReliefRequest
    columns = (col(r.id), col(r.situation_id), col(r.created_at), col(r.first_day))
    found: dict[int, list[tuple[int, date]]] = defaultdict(list)
    for row in reader.rows(
        select(*columns).where(reader.of_these(r.situation_id), col(r.state).in_(OPEN_RELIEF_STATES))
    ):
        asked_on = row.created_at.astimezone(AMSTERDAM).date()
        found[row.situation_id].append((row.id, max(asked_on, row.first_day)))
    return found


def _moments(reader: _Reader) -> dict[int, list[Moment]]:
    """Of the situations in which two moments or more fell through. What somebody else took over did not."""
    covered = select(col(RespijtGap.booking_id)).where(col(RespijtGap.state) == GapState.COVERED)
    failed = and_(col(B.state).in_(FAILED), col(B.end_reason).not_in(NOT_OFF), col(B.id).not_in(covered))
    since = datetime.combine(reader.today - FAILED_WITHIN, time(), AMSTERDAM)
    recent = col(B.starts_at) >= since
    twice = (
        select(col(B.situation_id))
        .where(reader.of_these(B.situation_id), recent, failed)
        .group_by(col(B.situation_id))
        .having(func.count() > 1)
    )
    happened = or_(failed, col(B.state) == BookingState.USED)
    columns = (col(B.id), col(B.situation_id), col(B.starts_at), col(B.state))
    found: dict[int, list[Moment]] = defaultdict(list)
    for row in reader.rows(select(*columns).where(col(B.situation_id).in_(twice), recent, happened)):
        day = row.starts_at.astimezone(AMSTERDAM).date()
        found[row.situation_id].append(Moment(row.id, day, row.state in FAILED))
    return found


def _rights(reader: _Reader) -> dict[int, list[Right]]:
    line = LedgerLine
    left = func.coalesce(func.sum(col(line.granted) - col(line.planned) - col(line.used)), 0).label("left")
    columns = (col(E.id), col(E.situation_id), col(E.payer), col(E.last_day), col(E.indication_ends))
    query = (
        select(*columns, left)
        .outerjoin(LedgerLine, col(line.entitlement_id) == col(E.id))
        .where(reader.of_these(E.situation_id), col(E.closed_at).is_(None))
        .where(or_(col(E.last_day) >= reader.today, col(E.indication_ends).is_not(None)))
        .group_by(*columns)
    )
    found: dict[int, list[Right]] = defaultdict(list)
    for row in reader.rows(query):
        found[row.situation_id].append(Right(row.id, row.payer, row.last_day, row.indication_ends, int(row.left)))
    return found


def _stand_ins(reader: _Reader) -> dict[int, list[StandIn]]:
    v, a, r = Volunteer, Arrangement, ReliefRequest
    columns = (col(r.situation_id), col(v.account_id), col(v.vog_seen_on), col(v.vog_renew_by), col(v.introduced_on),
               col(v.trained_on))  # fmt: skip
    query = (
        select(*columns)
        .join_from(a, r, col(r.id) == col(a.relief_id))
        .join(v, col(v.account_id) == col(a.volunteer_id))
        .where(col(a.state).in_(TAKES_OVER), col(r.state).in_((ReliefState.ARRANGING, ReliefState.RUNNING)))
        .where(reader.of_these(r.situation_id))
        .distinct()
    )
    found: dict[int, list[StandIn]] = defaultdict(list)
    for row in reader.rows(query):
        until = (row.vog_renew_by or date.max) if row.vog_seen_on else None
        found[row.situation_id].append(
            StandIn(row.account_id, until, row.introduced_on is not None, row.trained_on is not None)
        )
    return found
