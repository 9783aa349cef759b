"""How the mantelzorger is doing: six questions, bands, a rhythm, scores of professionals, the weeks in a picture."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update
from sqlmodel import Session, select

from matching import jobs
from matching.errors import IllegalMove, Invalid
from matching.models import CareSituation, Event, OutboxMessage, StrainCheck, Tag
from matching.services import care, strain
from matching.services.strain import INSTRUMENTS, OWN, QUESTIONS
from matching.workflow import CareState
from tests.caring import make_arrangement, make_booking, make_relief, make_situation
from tests.people import MONDAY, NOW, Cast


def all_of(points: int, **others: int) -> dict[str, int]:
    return dict.fromkeys(QUESTIONS, points) | others


@pytest.fixture
def situation(db: Session, cast: Cast) -> CareSituation:
    return make_situation(db, cast.els, next_check_on=MONDAY)


class DescribeBands:
    @pytest.mark.parametrize(
        ("instrument", "bands"),
        [
            (OWN, {0: "good", 3: "good", 4: "fair", 6: "fair", 7: "heavy", 9: "heavy", 10: "too_much", 12: "too_much"}),
            ("ediz_plus", {0: "none", 1: "light", 3: "light", 4: "moderate", 8: "moderate", 9: "heavy", 15: "heavy"}),
            ("csi", {0: "usual", 6: "usual", 7: "high", 13: "high"}),
        ],
    )
    def it_says_how_heavy_a_score_is(self, instrument: str, bands: dict[int, str]) -> None:
        assert {score: strain.band(instrument, score) for score in bands} == bands
        assert max(bands) == INSTRUMENTS[instrument]

    def it_never_says_that_it_goes_well_to_somebody_who_cannot_go_on(self) -> None:
        assert strain.band(OWN, 2, all_of(0, go_on=2)) == "too_much"
        assert strain.band(OWN, 1, all_of(0, go_on=1)) == "good"

    @given(st.lists(st.integers(0, 2), min_size=6, max_size=6), st.integers(0, 5))
    def it_is_never_lighter_when_an_answer_is_heavier(self, points: list[int], which: int) -> None:
        bands = [name for _least, name in strain.BANDS[OWN]]
        heavier = [min(2, each + (n == which)) for n, each in enumerate(points)]
        before, after = (
            bands.index(strain.band(OWN, sum(given), dict(zip(QUESTIONS, given, strict=True))))
            for given in (points, heavier)
        )
        assert after >= before

    def it_offers_one_step_for_every_band(self) -> None:
        assert list(strain.STEPS) == [name for _least, name in strain.BANDS[OWN]]


class DescribeAnswering:
    def it_keeps_the_answers_and_plans_the_next_time(self, db: Session, situation: CareSituation) -> None:
        check = strain.answer(db, situation, all_of(1), now=NOW)
        assert (check.day, check.score, check.share, check.band) == (MONDAY, 6, 0.5, "fair")
        assert situation.next_check_on == MONDAY + timedelta(weeks=4)
        assert strain.last(db, situation.id or 0) == check == strain.last_own(db, situation.id or 0)
        (event,) = db.exec(select(Event).where(Event.tag == Tag.STRAIN_CHECKED)).all()
        assert event.data == {"instrument": "own"}

    def it_is_one_answer_a_day_by_the_dutch_clock(self, db: Session, situation: CareSituation) -> None:
        late = datetime(2026, 11, 23, 22, 59, tzinfo=UTC)  # 23.59 in Hilversum
        strain.answer(db, situation, all_of(2), now=NOW)
        strain.answer(db, situation, all_of(0), now=late)
        assert [check.score for check in strain.series(db, situation.id or 0, since=MONDAY)] == [0]
        strain.answer(db, situation, all_of(1), now=late + timedelta(minutes=1))
        checks = strain.series(db, situation.id or 0, since=MONDAY)
        assert [(check.day, check.score) for check in checks] == [(MONDAY, 0), (MONDAY + timedelta(days=1), 6)]

    def it_shows_the_answers_of_today_again(self, db: Session, situation: CareSituation) -> None:
        assert strain.today_answers(db, situation.id or 0, today=MONDAY) is None
        strain.answer(db, situation, all_of(1, sleep=2), now=NOW)
        assert strain.today_answers(db, situation.id or 0, today=MONDAY) == all_of(1, sleep=2)

    @pytest.mark.parametrize("wrong", [{"body": 3}, {"body": -1}, {"body": None}])
    def it_refuses_an_answer_that_is_none(self, db: Session, situation: CareSituation, wrong: dict[str, int]) -> None:
        with pytest.raises(Invalid) as refused:
            strain.answer(db, situation, all_of(1) | wrong, now=NOW)
        assert refused.value.field == "body"
        assert db.exec(select(StrainCheck)).all() == []

    def it_refuses_a_closed_situation(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        care.close(db, situation, reason="stopped", by=cast.els.id or 0, now=NOW)
        with pytest.raises(IllegalMove):
            strain.answer(db, situation, all_of(1), now=NOW)

    def it_refuses_one_that_was_closed_a_moment_before(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        """Another tab closed it after this one had read it as open."""
        db.flush()
        db.connection().execute(update(CareSituation).values(state=CareState.CLOSED))
        assert care.is_open(situation)
        with pytest.raises(IllegalMove):
            strain.answer(db, situation, all_of(1), now=NOW)
        with pytest.raises(IllegalMove):
            strain.set_rhythm(db, situation, weeks=8, now=NOW)
        with pytest.raises(IllegalMove):
            strain.record_score(db, situation, instrument="csi", score=7, day=MONDAY, by=cast.chantal.id or 0, now=NOW)
        assert db.exec(select(StrainCheck)).all() == []


class DescribeScoresOfProfessionals:
    def score(self, db: Session, situation: CareSituation, by: int, **facts: object) -> strain.Check:
        usual = {"instrument": "ediz_plus", "score": 9, "day": MONDAY}
        return strain.record_score(db, situation, by=by, now=NOW, **(usual | facts))

    def it_keeps_the_score_and_who_noted_it(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        check = self.score(db, situation, cast.chantal.id or 0)
        assert (check.band, check.share) == ("heavy", 0.6)
        (row,) = db.exec(select(StrainCheck)).all()
        assert (row.result, row.recorded_by_id) == ({"score": 9}, cast.chantal.id)
        assert situation.next_check_on == MONDAY, "the own check is still to come"

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"instrument": "own"}, "instrument"),
            ({"score": 16}, "score"),
            ({"score": -1}, "score"),
            ({"instrument": "csi", "score": 14}, "score"),
            ({"day": MONDAY + timedelta(days=1)}, "day"),
            ({"day": date(2020, 1, 1)}, "day"),
        ],
    )
    def it_refuses_what_cannot_be(
        self, db: Session, cast: Cast, situation: CareSituation, wrong: dict[str, object], field: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            self.score(db, situation, cast.chantal.id or 0, **wrong)
        assert refused.value.field == field

    def it_stands_beside_the_own_check_of_that_day(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        strain.answer(db, situation, all_of(0), now=NOW)
        self.score(db, situation, cast.chantal.id or 0)
        assert [c.instrument for c in strain.series(db, situation.id or 0, since=MONDAY)] == ["own", "ediz_plus"]
        own = strain.last_own(db, situation.id or 0)
        assert own is not None and own.band == "good"


class DescribeTheRhythm:
    @pytest.mark.parametrize("weeks", [1, 2, 4, 8])
    def it_counts_from_today(self, db: Session, situation: CareSituation, weeks: int) -> None:
        strain.set_rhythm(db, situation, weeks=weeks, now=NOW)
        assert situation.next_check_on == MONDAY + timedelta(weeks=weeks)

    def it_may_be_never(self, db: Session, situation: CareSituation) -> None:
        strain.set_rhythm(db, situation, weeks=0, now=NOW)
        assert situation.next_check_on is None
        strain.answer(db, situation, all_of(1), now=NOW)
        assert situation.next_check_on is None

    @pytest.mark.parametrize("weeks", [3, -1, 52])
    def it_is_one_of_a_few(self, db: Session, situation: CareSituation, weeks: int) -> None:
        with pytest.raises(Invalid):
            strain.set_rhythm(db, situation, weeks=weeks, now=NOW)


class DescribeReminding:
    @pytest.fixture
    def open_session(self, app: Flask, db: Session) -> Callable[[bool], Session]:
        found: Callable[[bool], Session] = app.extensions["omzien.sessions"]
        return found

    def it_asks_once_on_the_day(
        self, open_session: Callable[[bool], Session], db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        db.commit()
        assert jobs.run("check_in", open_session, now=NOW - timedelta(days=1)) == 0
        assert jobs.run("check_in", open_session, now=NOW) == 1
        assert jobs.run("check_in", open_session, now=NOW + timedelta(hours=3)) == 0
        assert jobs.run("check_in", open_session, now=NOW + timedelta(days=3)) == 0
        (message,) = db.exec(select(OutboxMessage)).all()
        assert (message.template, message.account_id, message.context) == ("check_in", cast.els.id, {})

    def it_asks_after_all_when_the_worker_stood_still(
        self, open_session: Callable[[bool], Session], db: Session, situation: CareSituation
    ) -> None:
        db.commit()
        assert jobs.run("check_in", open_session, now=NOW + timedelta(days=7)) == 0
        assert jobs.run("check_in", open_session, now=NOW + timedelta(days=6)) == 1

    def it_asks_anew_at_the_next_date(
        self, open_session: Callable[[bool], Session], db: Session, situation: CareSituation
    ) -> None:
        db.commit()
        jobs.run("check_in", open_session, now=NOW)
        strain.answer(db, situation, all_of(1), now=NOW)
        db.commit()
        assert jobs.run("check_in", open_session, now=NOW + timedelta(weeks=4)) == 1

    def it_leaves_those_alone_who_do_not_want_it(
        self, open_session: Callable[[bool], Session], db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        strain.set_rhythm(db, situation, weeks=0, now=NOW)
        closed = make_situation(db, cast.anna, next_check_on=MONDAY)
        care.close(db, closed, reason="died", by=cast.anna.id or 0, now=NOW)
        db.commit()
        assert jobs.run("check_in", open_session, now=NOW) == 0


class DescribeTheWeeks:
    def it_holds_the_last_own_answer_and_the_relief_taken(
        self, db: Session, cast: Cast, situation: CareSituation
    ) -> None:
        running = make_arrangement(db, make_relief(db, situation), volunteer_id=cast.bram.id)
        for days, hours, state in ((7, 3, "used"), (6, 8, "used"), (5, 50, "used"), (4, 3, "cancelled")):
            starts = NOW - timedelta(days=days)
            make_booking(db, running, situation, starts, ends_at=starts + timedelta(hours=hours), state=state)
        for days, points in ((15, 2), (7, 2), (3, 1)):
            strain.answer(db, situation, all_of(points), now=NOW - timedelta(days=days))
        strain.record_score(db, situation, instrument="csi", score=13, day=MONDAY, by=cast.chantal.id or 0, now=NOW)
        found, relief = strain.history(db, situation.id or 0, today=MONDAY, weeks=4)
        weeks = strain.by_week(found, relief, today=MONDAY, count=4)
        assert [week.monday for week in weeks] == [MONDAY - timedelta(weeks=n) for n in (3, 2, 1, 0)]
        assert [week.check.band if week.check else None for week in weeks] == ["too_much", None, "fair", None]
        assert [week.relief for week in weeks] == [0, 0, 1 + 2 + 2, 0]

    @pytest.mark.parametrize(("hours", "bricks"), [(3, 1), (5, 1), (6.5, 2), (12, 2), (24, 1), (49, 2)])
    def it_draws_a_night_or_half_days(self, hours: float, bricks: int) -> None:
        assert strain.rest(NOW, NOW + timedelta(hours=hours)) == bricks
