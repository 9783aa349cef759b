"""How the mantelzorger is doing: a short check of our own, scores that professionals took elsewhere, and the picture
over time.

The six questions ask about six different things and are our own; they diagnose nothing. Of EDIZ-plus and CSI only the
score is kept: their items are not ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from matching import notices
from matching.errors import IllegalMove, Invalid
from matching.models import CareSituation, RespijtBooking, StrainCheck, Tag
from matching.services import care, outbox
from matching.services.history import record
from matching.workflow import BookingState, CareState
from matching.working_days import AMSTERDAM

OWN = "own"
INSTRUMENTS = {OWN: 12, "ediz_plus": 15, "csi": 13}  # the most points each can give
PROFESSIONAL = ("ediz_plus", "csi")
QUESTIONS = ("sleep", "time", "worries", "body", "others", "go_on")
ANSWERS = (0, 1, 2)  # lighter to heavier
RHYTHMS = (1, 2, 4, 8, 0)  # weeks; 0: only when I want
# The lowest score of every band, lightest first. EDIZ-plus and CSI: as professionals use them.
BANDS: dict[str, tuple[tuple[int, str], ...]] = {
    OWN: ((0, "good"), (4, "fair"), (7, "heavy"), (10, "too_much")),
    "ediz_plus": ((0, "none"), (1, "light"), (4, "moderate"), (9, "heavy")),
    "csi": ((0, "usual"), (7, "high")),
}
STEPS = {"good": "nothing", "fair": "time_off", "heavy": "call", "too_much": "now"}
REMIND_LATE = timedelta(days=6)  # a worker that stood still for some days reminds after all
OLDEST_SCORE = timedelta(days=3 * 366)


@dataclass(frozen=True, slots=True)
class Check:
    """How heavy it was on one day. share: score of the most points of the instrument, 0 to 1."""

    day: date
    instrument: str
    score: int
    share: float
    band: str  # of BANDS


@dataclass(frozen=True, slots=True)
class Week:
    """A week of the picture: the Monday, the last own check in it, and the half-days and nights of relief."""

    monday: date
    check: Check | None
    relief: int


def band(instrument: str, score: int, answers: Mapping[str, int] | None = None) -> str:
    """How heavy that is. Whoever answers that it cannot go on like this is never told that it goes well."""
    if answers is not None and answers.get("go_on") == ANSWERS[-1]:
        return "too_much"
    return next(name for least, name in reversed(BANDS[instrument]) if score >= least)


def answer(session: Session, situation: CareSituation, answers: Mapping[str, int], *, now: datetime) -> Check:
    """Keep the mantelzorger's own answers of today; a second time on the same day replaces the first.

    answers: 0 to 2 for each of QUESTIONS. Raises Invalid for a question without an answer, and IllegalMove when it is
    closed.
    """
    _lock_open(session, situation)
    for question in QUESTIONS:
        if answers.get(question) not in ANSWERS:
            raise Invalid(question, "missing")
    today = now.astimezone(AMSTERDAM).date()
    kept = {question: answers[question] for question in QUESTIONS}
    result = {"answers": [kept[question] for question in QUESTIONS], "score": sum(kept.values())}
    row = _keep(session, situation, OWN, today, result, by=situation.mantelzorger_id, now=now)
    plan_next(session, situation, today=today, now=now)
    return _check_of(row)


def record_score(
    session: Session, situation: CareSituation, *, instrument: str, score: int, day: date, by: int, now: datetime
) -> Check:
    """Note the score that a professional took with another instrument, never its items.

    Raises Invalid for an unknown instrument, a score it cannot give, or a day that has yet to come, and IllegalMove
    when it is closed.
    """
    _lock_open(session, situation)
    if instrument not in PROFESSIONAL:
        raise Invalid("instrument", "unknown")
    if not 0 <= score <= INSTRUMENTS[instrument]:
        raise Invalid("score", "out_of_range")
    today = now.astimezone(AMSTERDAM).date()
    if day > today:
        raise Invalid("day", "future")
    if day < today - OLDEST_SCORE:
        raise Invalid("day", "too_old")
    return _check_of(_keep(session, situation, instrument, day, {"score": score}, by=by, now=now))


def _lock_open(session: Session, situation: CareSituation) -> None:
    care.lock(session, situation)
    if not care.is_open(situation):
        raise IllegalMove("the situation is closed")


def _keep(
    session: Session,
    situation: CareSituation,
    instrument: str,
    day: date,
    result: dict[str, object],
    *,
    by: int,
    now: datetime,
) -> StrainCheck:
    assert situation.id is not None
    row = StrainCheck(
        situation_id=situation.id, day=day, instrument=instrument, result=result, recorded_by_id=by, at=now
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # of that day there is one already, perhaps written this very second
        row = session.scalars(
            select(StrainCheck).where(
                col(StrainCheck.situation_id) == situation.id,
                col(StrainCheck.instrument) == instrument,
                col(StrainCheck.day) == day,
            )
        ).one()
        row.result, row.recorded_by_id, row.at = result, by, now
        session.add(row)
    record(session, Tag.STRAIN_CHECKED, situation, now=now, actor_id=by, instrument=instrument)
    return row


def _check_of(row: StrainCheck) -> Check:
    score = int(row.result["score"])
    given = row.result.get("answers")
    answers = dict(zip(QUESTIONS, given, strict=True)) if given else None
    name = band(row.instrument, score, answers)
    return Check(row.day, row.instrument, score, score / INSTRUMENTS[row.instrument], name)


def last(session: Session, situation_id: int) -> Check | None:
    """The newest check of any instrument; of one day the one that was written last."""
    newest = (col(StrainCheck.day).desc(), col(StrainCheck.id).desc())
    found = select(StrainCheck).where(col(StrainCheck.situation_id) == situation_id).order_by(*newest).limit(1)
    row = session.scalars(found).first()
    return _check_of(row) if row is not None else None


def last_own(session: Session, situation_id: int) -> Check | None:
    """The newest of the mantelzorger's own answers."""
    found = select(StrainCheck).where(col(StrainCheck.situation_id) == situation_id, col(StrainCheck.instrument) == OWN)
    row = session.scalars(found.order_by(col(StrainCheck.day).desc()).limit(1)).first()
    return _check_of(row) if row is not None else None


def today_answers(session: Session, situation_id: int, *, today: date) -> dict[str, int] | None:
    """What the mantelzorger answered today, to change it; None when nothing yet."""
    row = session.scalars(
        select(StrainCheck).where(
            col(StrainCheck.situation_id) == situation_id,
            col(StrainCheck.instrument) == OWN,
            col(StrainCheck.day) == today,
        )
    ).first()
    return dict(zip(QUESTIONS, row.result["answers"], strict=True)) if row is not None else None


def series(session: Session, situation_id: int, *, since: date) -> list[Check]:
    """All checks from that day on, of every instrument, oldest first."""
    found = (
        select(StrainCheck)
        .where(col(StrainCheck.situation_id) == situation_id, col(StrainCheck.day) >= since)
        .order_by(col(StrainCheck.day), col(StrainCheck.id))
    )
    return [_check_of(row) for row in session.scalars(found)]


def by_key(session: Session, keys: Sequence[int]) -> dict[int, Check]:
    """These checks, by their key."""
    found = select(StrainCheck).where(col(StrainCheck.id).in_(keys))
    return {row.id: _check_of(row) for row in session.scalars(found) if row.id is not None} if keys else {}


def next_step(check: Check) -> str:
    """The one thing to offer after an own check: nothing, time_off, call or now."""
    return STEPS[check.band]


def set_rhythm(session: Session, situation: CareSituation, *, weeks: int, now: datetime) -> None:
    """How often we ask: every so many weeks, or (0) only when the mantelzorger wants.

    Raises Invalid, and IllegalMove when it is closed.
    """
    _lock_open(session, situation)
    if weeks not in RHYTHMS:
        raise Invalid("weeks", "unknown")
    situation.check_every_weeks = weeks
    plan_next(session, situation, today=now.astimezone(AMSTERDAM).date(), now=now)


def plan_next(session: Session, situation: CareSituation, *, today: date, now: datetime) -> None:
    """Put the next moment in the rhythm that was chosen, counted from today."""
    weeks = situation.check_every_weeks
    situation.next_check_on = today + timedelta(weeks=weeks) if weeks else None
    situation.updated_at = now
    outbox.cancel(session, f"check_in:{situation.id}:", now=now)
    session.add(situation)


def due(session: Session, *, today: date) -> list[int]:
    """Situations whose mantelzorger is asked today how it goes, and of some days before that nobody was asked."""
    found = select(col(CareSituation.id)).where(
        col(CareSituation.state) == CareState.OPEN,
        col(CareSituation.next_check_on).between(today - REMIND_LATE, today),
    )
    return [key for key in session.scalars(found.order_by(col(CareSituation.id))) if key is not None]


def remind(session: Session, situation_id: int, *, now: datetime) -> bool:
    """Ask how it goes, once for each day on which it was due. Returns whether there was anything new to send."""
    situation = session.get_one(CareSituation, situation_id)
    if situation.state != CareState.OPEN or situation.next_check_on is None:
        return False
    notice = notices.check_in(situation.mantelzorger_id, situation_id, situation.next_check_on)
    return outbox.post(session, notice, now=now)


def history(session: Session, situation_id: int, *, today: date, weeks: int) -> tuple[list[Check], dict[date, int]]:
    """All checks of the last so many weeks, oldest first, and the half-days and nights of relief that were really
    taken in each (by its Monday). Two queries."""
    since = _monday(today) - timedelta(weeks=weeks - 1)
    return series(session, situation_id, since=since), _relief_by_week(session, situation_id, since)


def by_week(found: list[Check], relief: Mapping[date, int], *, today: date, count: int) -> list[Week]:
    """The last `count` weeks up to this one, oldest first, with the last own check in each."""
    last_of = {_monday(check.day): check for check in found if check.instrument == OWN}
    mondays = [_monday(today) - timedelta(weeks=n) for n in reversed(range(count))]
    return [Week(monday, last_of.get(monday), relief.get(monday, 0)) for monday in mondays]


def _relief_by_week(session: Session, situation_id: int, since: date) -> dict[date, int]:
    begins = datetime.combine(since, datetime.min.time(), AMSTERDAM)
    rows = session.execute(
        select(col(RespijtBooking.starts_at), col(RespijtBooking.ends_at)).where(
            col(RespijtBooking.situation_id) == situation_id,
            col(RespijtBooking.starts_at) >= begins,
            col(RespijtBooking.state) == BookingState.USED,
        )
    ).all()
    found: dict[date, int] = {}
    for starts_at, ends_at in rows:
        monday = _monday(starts_at.astimezone(AMSTERDAM).date())
        found[monday] = found.get(monday, 0) + rest(starts_at, ends_at)
    return found


def rest(starts_at: datetime, ends_at: datetime) -> int:
    """How many half-days, or nights when somebody stayed over, this was: for a picture, not for the ledger."""
    start, end = starts_at.astimezone(AMSTERDAM), ends_at.astimezone(AMSTERDAM)
    nights = (end.date() - start.date()).days
    return nights or (1 if ends_at - starts_at <= timedelta(hours=5) else 2)


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())
