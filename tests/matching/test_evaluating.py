"""How it is after the third time: when it is asked, what is kept, and what the desk hears."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, select

from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import Account, Arrangement, CareSituation, OutboxMessage, ReliefRequest, RespijtEvaluation
from matching.services import evaluating, respijt_calendar, strain
from matching.services.evaluating import Answers
from matching.workflow import ArrangementState, BookingState, ReliefState
from tests.caring import make_arrangement, make_booking, make_relief, make_situation
from tests.people import NOW, Cast

GOOD = Answers("good", "yes", "yes", "Zij lachten samen.")


def after(db: Session, cast: Cast, times: int, **facts: object) -> Arrangement:
    """Bram came so many times."""
    situation = make_situation(db, cast.els)
    relief = make_relief(db, situation, state=ReliefState.RUNNING)
    arrangement = make_arrangement(db, relief, volunteer_id=cast.bram.id, **facts)
    for week in range(times):
        make_booking(db, arrangement, situation, NOW - timedelta(weeks=week + 1), state=BookingState.USED)
    return arrangement


def keys(db: Session, person: Account) -> list[str]:
    return list(db.exec(select(OutboxMessage.key).where(OutboxMessage.account_id == person.id)))


@pytest.mark.parametrize(("times", "is_due"), [(0, False), (2, False), (3, True), (7, True)])
def it_is_time_after_the_third(db: Session, cast: Cast, times: int, is_due: bool) -> None:
    assert evaluating.due(db, after(db, cast, times).id or 0) is is_due


@pytest.mark.parametrize("state", [ArrangementState.ENDED, ArrangementState.TRIAL])
def it_is_not_asked_when_it_does_not_run(db: Session, cast: Cast, state: ArrangementState) -> None:
    assert not evaluating.due(db, after(db, cast, 3, state=state).id or 0)


def it_asks_both_once_when_the_third_time_was_used(db: Session, cast: Cast) -> None:
    arrangement = after(db, cast, 2)
    situation = db.get_one(CareSituation, db.get_one(ReliefRequest, arrangement.relief_id).situation_id)
    for days in (2, 1):
        booking = make_booking(db, arrangement, situation, NOW - timedelta(days=days))
        respijt_calendar.use(db, booking, by=cast.els.id, now=NOW)
    for person in (cast.els, cast.bram):
        assert keys(db, person).count(f"arrangement_news:{arrangement.id}:evaluate:{person.id}") == 1


def it_keeps_what_each_said_once(db: Session, cast: Cast) -> None:
    arrangement = after(db, cast, 3)
    first = evaluating.evaluate(db, arrangement, GOOD, by=cast.els.id or 0, now=NOW)
    again = evaluating.evaluate(db, arrangement, Answers("bad", "no", "stop", ""), by=cast.els.id or 0, now=NOW)
    evaluating.evaluate(db, arrangement, GOOD, by=cast.bram.id or 0, now=NOW)
    assert again.id == first.id
    assert not evaluating.is_asked(db, arrangement.id or 0, cast.els.id or 0)
    said = {each.name: each for each in evaluating.said(db, [arrangement.id or 0])}
    assert said["Els"].answers == GOOD
    assert (said["Bram"].is_carer, said["Bram"].answers.rest) == (False, "")


def it_encrypts_what_they_said(db: Session, cast: Cast) -> None:
    evaluating.evaluate(db, after(db, cast, 3), GOOD, by=cast.els.id or 0, now=NOW)
    db.flush()
    (stored,) = db.connection().execute(text("select answers from respijt_evaluation")).one()
    assert "lachten" not in stored
    assert db.exec(select(RespijtEvaluation)).one().answers["words"] == "Zij lachten samen."


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        (GOOD, False),
        (Answers("fair", "some", "changes", ""), False),
        (Answers("bad", "yes", "yes", ""), True),
        (Answers("good", "no", "yes", ""), True),
        (Answers("good", "yes", "stop", ""), True),
    ],
)
def it_tells_the_desk_what_worries(db: Session, cast: Cast, answers: Answers, calls: bool) -> None:
    evaluating.evaluate(db, after(db, cast, 3), answers, by=cast.els.id or 0, now=NOW)
    assert any(key.startswith("respijt_at_desk:evaluated") for key in keys(db, cast.chantal)) is calls


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        (Answers("", "yes", "yes", ""), "went"),
        (Answers("good", "", "yes", ""), "rest"),
        (Answers("good", "yes", "perhaps", ""), "again"),
        (Answers("good", "yes", "yes", "x" * 1001), "words"),
    ],
)
def it_refuses_what_is_no_answer(db: Session, cast: Cast, answers: Answers, field: str) -> None:
    with pytest.raises(Invalid, match=f"{field}: "):
        evaluating.evaluate(db, after(db, cast, 3), answers, by=cast.els.id or 0, now=NOW)


def it_is_only_theirs_to_say(db: Session, cast: Cast) -> None:
    with pytest.raises(NotFound):
        evaluating.evaluate(db, after(db, cast, 3), GOOD, by=cast.chantal.id or 0, now=NOW)


def it_waits_until_the_third_time(db: Session, cast: Cast) -> None:
    with pytest.raises(IllegalMove):
        evaluating.evaluate(db, after(db, cast, 2), GOOD, by=cast.els.id or 0, now=NOW)


def it_knows_how_heavy_it_was_before_and_after(db: Session, cast: Cast) -> None:
    arrangement = after(db, cast, 3)
    situation = db.get_one(CareSituation, db.get_one(ReliefRequest, arrangement.relief_id).situation_id)
    assert evaluating.strain_around(db, arrangement) == (None, None)
    for days, score in ((60, 2), (30, 2), (10, 1), (0, 0)):
        answers = dict.fromkeys(strain.QUESTIONS, score)
        strain.answer(db, situation, answers, now=NOW - timedelta(days=days))
    strain.record_score(db, situation, instrument="csi", score=9, day=NOW.date(), by=cast.chantal.id or 0, now=NOW)
    before, now = evaluating.strain_around(db, arrangement)
    assert before is not None
    assert (before.day, before.band) == ((NOW - timedelta(days=30)).date(), "too_much")
    assert now is not None
    assert (now.instrument, now.band) == ("own", "good")


def it_knows_no_before_when_nobody_came_yet(db: Session, cast: Cast) -> None:
    assert evaluating.strain_around(db, after(db, cast, 0)) == (None, None)
