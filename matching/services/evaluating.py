"""How it is after the third time: the mantelzorger and the volunteer say so, each once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, func, select

from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import Account, Arrangement, ReliefRequest, RespijtBooking, RespijtEvaluation, Tag
from matching.services import opbouwwerkers, standing_in, strain
from matching.services.history import record
from matching.services.strain import Check
from matching.workflow import ArrangementState, BookingState
from matching.working_days import AMSTERDAM

AFTER = 3  # times
WENT = ("good", "fair", "bad")
RESTED = ("yes", "some", "no")
GO_ON = ("yes", "changes", "stop")
LONGEST_WORDS = 1000
LONGEST_BEFORE = timedelta(weeks=26)  # an answer of longer before the first time says little about it


@dataclass(frozen=True, slots=True)
class Answers:
    """went: how it was. rest: whether the mantelzorger got rest, empty for the volunteer. again: whether it goes on.
    words: their own."""

    went: str
    rest: str
    again: str
    words: str

    @property
    def is_worrying(self) -> bool:
        """Whether a human should ask what is the matter."""
        return self.went == "bad" or self.again == "stop" or self.rest == "no"


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody said of an arrangement, for the desk."""

    arrangement_id: int
    name: str
    is_carer: bool
    answers: Answers
    at: datetime


def due(session: Session, arrangement_id: int) -> bool:
    """Whether the third time is behind them and it goes on with a volunteer."""
    arrangement = session.get(Arrangement, arrangement_id)
    if arrangement is None or arrangement.volunteer_id is None or arrangement.state != ArrangementState.RUNNING:
        return False
    used = select(func.count(col(RespijtBooking.id))).where(
        RespijtBooking.arrangement_id == arrangement_id, RespijtBooking.state == BookingState.USED
    )
    return session.exec(used).one() >= AFTER


def is_asked(session: Session, arrangement_id: int, account_id: int) -> bool:
    """Whether this person still has to say how it is."""
    return due(session, arrangement_id) and given(session, arrangement_id, account_id) is None


def asked_in(session: Session, situation_id: int, account_id: int) -> set[int]:
    """The same for all arrangements of a care situation, in one query: those of which they still have to say it."""
    used = (
        select(func.count(col(RespijtBooking.id)))
        .where(col(RespijtBooking.arrangement_id) == col(Arrangement.id), RespijtBooking.state == BookingState.USED)
        .correlate(Arrangement)
        .scalar_subquery()
    )
    told = select(RespijtEvaluation.arrangement_id).where(RespijtEvaluation.by_id == account_id)
    found = (
        select(Arrangement.id)
        .join(ReliefRequest, col(ReliefRequest.id) == col(Arrangement.relief_id))
        .where(
            ReliefRequest.situation_id == situation_id,
            col(Arrangement.volunteer_id).is_not(None),
            Arrangement.state == ArrangementState.RUNNING,
            col(Arrangement.id).not_in(told),
            used >= AFTER,
        )
    )
    return {key for key in session.exec(found) if key is not None}


def invite(session: Session, arrangement_id: int, *, now: datetime) -> bool:
    """Ask both how it is, once, when it is time. Called whenever a time off was used; False when it is not time."""
    session.flush()
    if not due(session, arrangement_id):
        return False
    standing_in.tell_both(session, session.get_one(Arrangement, arrangement_id), "evaluate", now=now)
    return True


def given(session: Session, arrangement_id: int, account_id: int) -> RespijtEvaluation | None:
    """What this person said, if anything yet."""
    return session.exec(
        select(RespijtEvaluation).where(
            RespijtEvaluation.arrangement_id == arrangement_id, RespijtEvaluation.by_id == account_id
        )
    ).first()


def evaluate(
    session: Session, arrangement: Arrangement, answers: Answers, *, by: int, now: datetime
) -> RespijtEvaluation:
    """Keep how it is. A second time gives the first answers back. What worries is told to the desk.

    Raises NotFound for who is neither of the two, IllegalMove before the third time, Invalid("went", "rest", "again":
    "missing" or "words": "too_long").
    """
    carer = standing_in.carer_id(session, arrangement)
    if by not in (carer, arrangement.volunteer_id) or arrangement.id is None:
        raise NotFound
    _check(answers, is_carer=by == carer)
    # Two taps at once: the second one waits here and finds the first one's answer.
    session.refresh(arrangement, with_for_update={"key_share": True})
    before = given(session, arrangement.id, by)
    if before is not None:
        return before
    if not due(session, arrangement.id):
        raise IllegalMove("it is not time to look back yet")
    rest = answers.rest if by == carer else ""
    kept = {"went": answers.went, "rest": rest, "again": answers.again, "words": answers.words.strip()}
    made = RespijtEvaluation(arrangement_id=arrangement.id, by_id=by, answers=kept, at=now)
    session.add(made)
    session.flush()
    record(session, Tag.ARRANGEMENT_EVALUATED, arrangement, now=now, actor_id=by)
    if Answers(**kept).is_worrying:
        opbouwwerkers.tell(session, arrangement.relief_id, f"evaluated:{arrangement.id}:{by}", now=now)
    return made


def strain_around(session: Session, arrangement: Arrangement) -> tuple[Check | None, Check | None]:
    """How heavy it was by the mantelzorger's own answers: the last one up to the first time together, and the last one
    after it. None where there is none, or no such time."""
    situation_id = session.get_one(ReliefRequest, arrangement.relief_id).situation_id
    first = session.exec(
        select(func.min(col(RespijtBooking.starts_at))).where(
            RespijtBooking.arrangement_id == arrangement.id, RespijtBooking.state == BookingState.USED
        )
    ).one()
    if first is None:
        return None, None
    began = first.astimezone(AMSTERDAM).date()
    found = strain.series(session, situation_id, since=began - LONGEST_BEFORE)
    own = [check for check in found if check.instrument == strain.OWN]
    before = [check for check in own if check.day <= began]
    after = [check for check in own if check.day > began]
    return (before[-1] if before else None), (after[-1] if after else None)


def said(session: Session, arrangement_ids: list[int]) -> list[Said]:
    """What was said of these, for the desk of their buurt: the latest first."""
    rows = session.exec(
        select(RespijtEvaluation, Account.first_name, Arrangement.volunteer_id)
        .join(Account, col(Account.id) == col(RespijtEvaluation.by_id))
        .join(Arrangement, col(Arrangement.id) == col(RespijtEvaluation.arrangement_id))
        .where(col(RespijtEvaluation.arrangement_id).in_(arrangement_ids))
        .order_by(col(RespijtEvaluation.at).desc(), col(RespijtEvaluation.id).desc())
    )
    return [
        Said(row.arrangement_id, name, row.by_id != volunteer, Answers(**row.answers), row.at)
        for row, name, volunteer in rows
    ]


def _check(answers: Answers, *, is_carer: bool) -> None:
    if answers.went not in WENT:
        raise Invalid("went", "missing")
    if is_carer and answers.rest not in RESTED:
        raise Invalid("rest", "missing")
    if answers.again not in GO_ON:
        raise Invalid("again", "missing")
    if len(answers.words) > LONGEST_WORDS:
        raise Invalid("words", "too_long")
