"""Signals: each rule raises and goes, says why, and is never there twice; the job leaves a log of nothing personal."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlmodel import Session, col, select

from matching import jobs
from matching.access import HeldRole, Viewer
from matching.errors import NotFound
from matching.models import (
    CareSituation,
    Entitlement,
    Event,
    LedgerLine,
    RespijtGap,
    RespijtSignal,
    StrainCheck,
    Tag,
    Volunteer,
)
from matching.services import care, looks, signals
from matching.services.signal_facts import read_facts
from matching.services.signal_rules import (
    CANCELLED,
    EXPIRING,
    INDICATION,
    KINDS,
    NO_RELIEF,
    NO_VOG,
    OVERDUE,
    RISING,
    RULES,
    Facts,
    Found,
    Moment,
    StandIn,
    Strain,
    judge,
)
from matching.workflow import ArrangementState, BookingState, CareState, GapState, ReliefState
from tests.caring import make_arrangement, make_booking, make_provider, make_relief, make_situation
from tests.people import BLOEMENKWARTIER, MONDAY, NOW, OOST, ZUID, Cast

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
LONG_AGO = NOW - timedelta(weeks=40)


@pytest.fixture
def situation(db: Session, cast: Cast) -> CareSituation:
    """Els, known since long, asked in four weeks."""
    return make_situation(db, cast.els, created_at=LONG_AGO)


def run(db: Session, today: date = MONDAY) -> signals.Counts:
    return signals.run(db, today=today, now=datetime.combine(today, time(9), NOW.tzinfo))


def kinds(db: Session, situation: CareSituation) -> list[str]:
    assert situation.id is not None
    return [row.kind for row in signals.of(db, situation.id)]


def data(db: Session, situation: CareSituation, kind: str) -> dict[str, Any]:
    assert situation.id is not None
    return next(row.data for row in signals.of(db, situation.id) if row.kind == kind)


def check(
    db: Session, situation: CareSituation, weeks_ago: int, score: int, instrument: str = "own", go_on: int = 0
) -> StrainCheck:
    result: dict[str, Any] = {"score": score}
    if instrument == "own":
        go_on = max(go_on, score - 10)
        rest = [min(2, max(0, score - go_on - 2 * n)) for n in range(5)]
        result["answers"] = [*rest, go_on]
        assert sum(result["answers"]) == score
    assert situation.id is not None
    row = StrainCheck(
        situation_id=situation.id, day=MONDAY - weeks_ago * WEEK, instrument=instrument, result=result,
        recorded_by_id=situation.mantelzorger_id, at=NOW,
    )  # fmt: skip
    db.add(row)
    db.flush()
    return row


def right(db: Session, situation: CareSituation, last_day: date, left: int = 4, **facts: Any) -> Entitlement:
    assert situation.id is not None
    usual: dict[str, Any] = {"payer": "wmo", "unit": "half_day", "first_day": date(2026, 1, 1)}
    entitlement = Entitlement(
        situation_id=situation.id, last_day=last_day, created_by_id=situation.mantelzorger_id, created_at=NOW,
        **(usual | facts),
    )  # fmt: skip
    db.add(entitlement)
    db.flush()
    assert entitlement.id is not None
    lines: tuple[dict[str, Any], ...] = ({"granted": left + 3}, {"planned": 3})
    for number, line in enumerate(lines):
        db.add(
            LedgerLine(entitlement_id=entitlement.id, kind="x", day=MONDAY, key=f"{entitlement.id}-{number}", at=NOW,
                       **line)
        )  # fmt: skip
    db.flush()
    return entitlement


def moments(db: Session, situation: CareSituation, *weeks_ago: tuple[int, BookingState], **facts: Any) -> list[Any]:
    relief = make_relief(db, situation, state=ReliefState.DONE)
    arrangement = make_arrangement(db, relief, provider_id=make_provider(db).id)
    return [
        make_booking(db, arrangement, situation, NOW - weeks * WEEK, state=state, **facts)
        for weeks, state in weeks_ago
    ]  # fmt: skip


def desk_of(cast: Cast, name: str = "chantal", place: str = OOST) -> Viewer:
    return Viewer(getattr(cast, name).id, (HeldRole("opbouwwerker", place),))


def it_has_nothing_to_say_when_all_is_well(db: Session, situation: CareSituation) -> None:
    check(db, situation, 4, 3)
    check(db, situation, 0, 4)
    assert run(db) == signals.Counts()
    assert kinds(db, situation) == []


class DescribeStrainRising:
    def it_comes_when_it_is_clearly_heavier_than_before(self, db: Session, situation: CareSituation) -> None:
        before, last = check(db, situation, 4, 3), check(db, situation, 0, 6)
        run(db)
        assert kinds(db, situation) == [RISING]
        assert data(db, situation, RISING) == {
            "check": last.id, "day": "2026-11-23", "before": before.id, "day_before": "2026-10-26", "about": [1],
        }  # fmt: skip

    def it_holds_no_score(self, db: Session, situation: CareSituation) -> None:
        check(db, situation, 4, 2), check(db, situation, 0, 11)
        run(db)
        assert set(data(db, situation, RISING)) == {"check", "day", "before", "day_before", "about"}

    @pytest.mark.parametrize(("before", "last"), [(4, 6), (0, 3), (8, 6)])
    def it_stays_away_when_it_rose_little_or_is_still_light(
        self, db: Session, situation: CareSituation, before: int, last: int
    ) -> None:
        check(db, situation, 4, before), check(db, situation, 0, last)
        run(db)
        assert RISING not in kinds(db, situation)

    @pytest.mark.parametrize(("instrument", "score"), [("own", 10), ("ediz_plus", 9), ("csi", 7)])
    def it_comes_in_the_highest_band_without_anything_before(
        self, db: Session, situation: CareSituation, instrument: str, score: int
    ) -> None:
        check(db, situation, 0, score, instrument)
        run(db)
        assert RISING in kinds(db, situation)

    def it_comes_for_somebody_who_cannot_go_on(self, db: Session, situation: CareSituation) -> None:
        check(db, situation, 0, 3, go_on=2)
        run(db)
        assert RISING in kinds(db, situation)

    def it_compares_only_the_same_instrument(self, db: Session, situation: CareSituation) -> None:
        check(db, situation, 4, 1), check(db, situation, 0, 6, "csi")
        run(db)
        assert RISING not in kinds(db, situation)

    def it_lets_a_newer_answer_overtake_an_old_score(self, db: Session, situation: CareSituation) -> None:
        check(db, situation, 8, 12, "ediz_plus")
        run(db)
        assert RISING in kinds(db, situation)
        check(db, situation, 0, 4)
        run(db)
        assert RISING not in kinds(db, situation)

    def it_goes_with_a_lighter_check_and_says_nothing_after_half_a_year(
        self, db: Session, situation: CareSituation
    ) -> None:
        check(db, situation, 1, 11)
        run(db)
        assert run(db, MONDAY + 27 * WEEK).gone >= 1
        assert RISING not in kinds(db, situation)
        check(db, situation, 0, 11), check(db, situation, -1, 5)
        run(db, MONDAY + WEEK)
        assert RISING not in kinds(db, situation)


class DescribeNoRelief:
    def it_comes_after_four_weeks_of_waiting_for_what_was_asked(self, db: Session, situation: CareSituation) -> None:
        relief = make_relief(db, situation, created_at=NOW - 4 * WEEK, first_day=MONDAY - 4 * WEEK)
        run(db, MONDAY - DAY)
        assert kinds(db, situation) == []
        run(db)
        assert data(db, situation, NO_RELIEF) == {"since": "2026-10-26", "had": 0, "relief": relief.id, "about": []}

    def it_waits_until_what_was_asked_can_begin(self, db: Session, situation: CareSituation) -> None:
        make_relief(db, situation, created_at=NOW - 9 * WEEK, first_day=MONDAY + WEEK)
        run(db)
        assert kinds(db, situation) == []

    def it_comes_when_it_is_heavy_and_nobody_asked(self, db: Session, situation: CareSituation) -> None:
        check(db, situation, 0, 8)
        run(db)
        assert data(db, situation, NO_RELIEF)["since"] == LONG_AGO.date().isoformat()

    def it_does_not_come_without_a_question_or_a_heavy_check(self, db: Session, situation: CareSituation) -> None:
        check(db, situation, 0, 6)
        run(db)
        assert NO_RELIEF not in kinds(db, situation)

    def it_says_what_is_planned(self, db: Session, situation: CareSituation) -> None:
        check(db, situation, 0, 8)
        moments(db, situation, (6, BookingState.USED), (-1, BookingState.PLANNED))
        run(db)
        found = data(db, situation, NO_RELIEF)
        assert (found["since"], found["had"], found["planned"]) == ("2026-10-12", 1, "2026-11-30")

    @pytest.mark.parametrize("state", [BookingState.USED, BookingState.PLANNED])
    def it_goes_with_time_off(self, db: Session, situation: CareSituation, state: BookingState) -> None:
        make_relief(db, situation, created_at=LONG_AGO, first_day=LONG_AGO.date())
        run(db)
        assert kinds(db, situation) == [NO_RELIEF]
        moments(db, situation, (1, state))  # planned, over, and nobody said otherwise
        run(db)
        assert kinds(db, situation) == []


class DescribeCancelledTwice:
    def it_comes_after_two_within_six_weeks(self, db: Session, situation: CareSituation) -> None:
        moments(db, situation, (5, BookingState.NO_SHOW), (3, BookingState.USED), (1, BookingState.CANCELLED))
        run(db)
        found = data(db, situation, CANCELLED)
        assert (found["first"], found["last"]) == ("2026-10-19", "2026-11-16")

    def it_comes_after_two_in_a_row_farther_apart(self, db: Session, situation: CareSituation) -> None:
        moments(db, situation, (9, BookingState.CANCELLED), (1, BookingState.CANCELLED))
        run(db)
        assert kinds(db, situation) == [CANCELLED]

    def it_goes_when_one_goes_through(self, db: Session, situation: CareSituation) -> None:
        moments(db, situation, (3, BookingState.CANCELLED), (2, BookingState.CANCELLED))
        run(db)
        moments(db, situation, (1, BookingState.USED))
        assert run(db).gone == 1

    def it_leaves_out_what_was_moved_or_covered(self, db: Session, situation: CareSituation) -> None:
        moments(db, situation, (2, BookingState.CANCELLED), (1, BookingState.CANCELLED), end_reason="moved")
        covered, _other = moments(db, situation, (4, BookingState.CANCELLED), (3, BookingState.CANCELLED))
        assert covered.id is not None and situation.id is not None
        db.add(RespijtGap(booking_id=covered.id, situation_id=situation.id, state=GapState.COVERED, created_at=NOW))
        db.flush()
        run(db)
        assert kinds(db, situation) == []

    def it_comes_back_at_once_for_another_one(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        moments(db, situation, (4, BookingState.CANCELLED), (3, BookingState.CANCELLED))
        run(db)
        handle_all(db, cast)
        assert run(db).raised == 0
        moments(db, situation, (1, BookingState.CANCELLED))
        assert run(db).raised == 1


class DescribeStandInWithoutVog:
    def stand_in(self, db: Session, cast: Cast, situation: CareSituation, **profile: Any) -> Volunteer:
        bram = db.get_one(Volunteer, cast.bram.id)
        good = {"vog_seen_on": MONDAY, "vog_renew_by": MONDAY + 52 * WEEK, "introduced_on": MONDAY,
                "trained_on": MONDAY}  # fmt: skip
        for name, value in (good | profile).items():
            setattr(bram, name, value)
        relief = make_relief(db, situation, state=ReliefState.RUNNING, created_at=NOW, first_day=MONDAY)
        make_arrangement(db, relief, volunteer_id=bram.account_id)
        db.add(bram)
        db.flush()
        return bram

    @pytest.mark.parametrize(
        ("profile", "says"),
        [
            ({"vog_seen_on": None}, {"vog": 0, "introduced": 1, "trained": 1}),
            ({"vog_renew_by": MONDAY}, {"vog": 0, "until": "2026-11-23"}),
            ({"vog_renew_by": MONDAY + 8 * WEEK}, {"vog": 0, "until": "2027-01-18"}),
            ({"introduced_on": None}, {"vog": 1, "introduced": 0}),
            ({"trained_on": None}, {"vog": 1, "trained": 0}),
        ],
    )
    def it_says_what_is_missing(
        self, db: Session, cast: Cast, situation: CareSituation, profile: dict[str, Any], says: dict[str, Any]
    ) -> None:
        bram = self.stand_in(db, cast, situation, **profile)
        run(db)
        assert says | {"volunteer": bram.account_id} == {
            name: data(db, situation, NO_VOG)[name] for name in (*says, "volunteer")
        }

    def it_is_content_when_all_is_in_order(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        self.stand_in(db, cast, situation, vog_renew_by=None)
        run(db)
        assert kinds(db, situation) == []

    def it_goes_when_the_arrangement_ends(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        self.stand_in(db, cast, situation, vog_seen_on=None)
        run(db)
        from matching.models import Arrangement

        arrangement = db.exec(select(Arrangement)).one()
        arrangement.state = ArrangementState.ENDED
        db.add(arrangement)
        db.flush()
        assert run(db).gone == 1


class DescribeEntitlements:
    def it_warns_of_what_is_left_and_ends_within_sixty_days(self, db: Session, situation: CareSituation) -> None:
        first = right(db, situation, MONDAY + 60 * DAY)
        right(db, situation, MONDAY + 61 * DAY)
        right(db, situation, MONDAY + 10 * DAY, left=0)
        right(db, situation, MONDAY - DAY)
        right(db, situation, MONDAY + 10 * DAY, closed_at=NOW)
        run(db)
        assert data(db, situation, EXPIRING) == {
            "entitlement": first.id, "ends": "2027-01-22", "others": 0, "left": 4, "about": [first.id],
        }  # fmt: skip

    def it_warns_eight_weeks_before_an_indication_ends_and_a_while_after(
        self, db: Session, situation: CareSituation
    ) -> None:
        far = MONDAY + 52 * WEEK
        right(db, situation, far, indication_ends=MONDAY + 8 * WEEK)
        run(db, MONDAY - DAY)
        assert kinds(db, situation) == []
        run(db)
        assert kinds(db, situation) == [INDICATION]
        run(db, MONDAY + 12 * WEEK)
        assert INDICATION in kinds(db, situation)
        run(db, MONDAY + 12 * WEEK + DAY)
        assert INDICATION not in kinds(db, situation)

    def it_is_content_with_a_later_one_of_the_same_payer(self, db: Session, situation: CareSituation) -> None:
        far = MONDAY + 52 * WEEK
        right(db, situation, far, indication_ends=MONDAY + WEEK)
        right(db, situation, far, payer="wlz", indication_ends=far)
        run(db)
        assert kinds(db, situation) == [INDICATION]
        right(db, situation, far, indication_ends=far)
        assert run(db).gone == 1


class DescribeCheckOverdue:
    def it_comes_after_a_week_not_on_a_day(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els, next_check_on=MONDAY - 7 * DAY)
        run(db)
        assert kinds(db, situation) == []
        run(db, MONDAY + DAY)
        assert kinds(db, situation) == [OVERDUE]

    def it_leaves_people_alone_who_do_not_want_to_be_asked(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els, next_check_on=None)
        run(db)
        assert kinds(db, situation) == []


class DescribeWhatIsKept:
    @pytest.fixture
    def late(self, db: Session, cast: Cast) -> CareSituation:
        return make_situation(db, cast.els, next_check_on=MONDAY - 3 * WEEK)

    def it_is_raised_once(self, db: Session, late: CareSituation) -> None:
        assert run(db).raised == 1
        assert run(db) == signals.Counts()
        assert len(db.exec(select(RespijtSignal)).all()) == 1

    def it_is_gone_and_comes_again(self, db: Session, late: CareSituation) -> None:
        run(db)
        late.next_check_on = MONDAY
        db.add(late)
        db.flush()
        assert run(db) == signals.Counts(gone=1)
        late.next_check_on = MONDAY - 3 * WEEK
        db.add(late)
        db.flush()
        assert run(db).raised == 1

    def it_tells_anew_what_changed(self, db: Session, late: CareSituation) -> None:
        run(db)
        late.next_check_on = MONDAY - 2 * WEEK
        db.add(late)
        db.flush()
        assert run(db) == signals.Counts()
        assert data(db, late, OVERDUE)["due"] == "2026-11-09"

    def it_stays_silent_for_four_weeks_after_it_was_handled(self, db: Session, cast: Cast, late: CareSituation) -> None:
        run(db)
        handle_all(db, cast)
        assert kinds(db, late) == []
        assert run(db, MONDAY + 27 * DAY).raised == 0
        assert run(db, MONDAY + 28 * DAY).raised == 1

    def it_comes_back_when_it_was_gone_once(self, db: Session, cast: Cast, late: CareSituation) -> None:
        run(db)
        handle_all(db, cast)
        late.next_check_on = MONDAY
        db.add(late)
        db.flush()
        run(db)
        late.next_check_on = MONDAY - 3 * WEEK
        db.add(late)
        db.flush()
        assert run(db).raised == 1

    def it_gives_none_of_a_closed_situation(self, db: Session, cast: Cast, late: CareSituation) -> None:
        run(db)
        late.state = CareState.CLOSED
        db.add(late)
        db.flush()
        assert kinds(db, late) == []
        assert run(db).gone == 1
        assert signals.find(db, today=MONDAY) == {}

    def it_is_gone_when_the_situation_closes_by_the_desk(self, db: Session, cast: Cast, late: CareSituation) -> None:
        run(db)
        assert cast.chantal.id is not None
        care.close(db, late, reason="ended" if "ended" in care.CLOSE_REASONS else care.CLOSE_REASONS[0],
                   by=cast.chantal.id, now=NOW)  # fmt: skip
        assert db.exec(select(RespijtSignal).where(col(RespijtSignal.gone_at).is_(None))).all() == []

    def it_judges_only_those_it_is_asked_about(self, db: Session, cast: Cast, late: CareSituation) -> None:
        make_situation(db, cast.daan, BLOEMENKWARTIER, next_check_on=MONDAY - 3 * WEEK)
        assert late.id is not None
        assert set(signals.find(db, today=MONDAY, situation_ids=[late.id])) == {late.id}


def handle_all(db: Session, cast: Cast) -> None:
    for row in db.exec(select(RespijtSignal).where(col(RespijtSignal.handled_at).is_(None))).all():
        assert row.id is not None
        signals.handle(db, desk_of(cast), row.id, now=NOW)


class DescribeTheDesk:
    @pytest.fixture
    def late(self, db: Session, cast: Cast) -> CareSituation:
        situation = make_situation(db, cast.els, next_check_on=MONDAY - 3 * WEEK)
        make_situation(db, cast.daan, BLOEMENKWARTIER, next_check_on=MONDAY - 3 * WEEK)
        run(db)
        return situation

    def it_sees_its_own_places_and_every_row_is_a_look(self, db: Session, cast: Cast, late: CareSituation) -> None:
        sheet = signals.for_desk(db, desk_of(cast), trace_id="a" * 32, now=NOW)
        assert [(row.name, row.kind) for row in sheet.rows] == [("Els", OVERDUE)]
        assert sheet.counts == {OVERDUE: 1}
        (look,) = looks.take(db)
        assert (look.subject_id, look.situation_id, look.activity) == (cast.els.id, late.id, "signals")

    def it_puts_the_most_worrying_first(self, db: Session, cast: Cast, late: CareSituation) -> None:
        check(db, late, 0, 11)
        run(db)
        assert late.id is not None
        assert [row.kind for row in signals.of(db, late.id)] == [RISING, OVERDUE]

    def it_handles_once_and_remembers_who(self, db: Session, cast: Cast, late: CareSituation) -> None:
        assert late.id is not None
        (row,) = signals.of(db, late.id)
        assert signals.handle(db, desk_of(cast), row.id, now=NOW)
        assert not signals.handle(db, desk_of(cast), row.id, now=NOW)
        (event,) = db.exec(select(Event).where(Event.tag == Tag.SIGNAL_HANDLED)).all()
        assert (event.actor_id, event.subject_id, event.data) == (cast.chantal.id, late.id, {"kind": OVERDUE})

    def it_hides_from_another_desk(self, db: Session, cast: Cast, late: CareSituation) -> None:
        assert late.id is not None
        (row,) = signals.of(db, late.id)
        for viewer in (desk_of(cast, "saskia", ZUID), Viewer(cast.els.id), Viewer()):
            with pytest.raises(NotFound):
                signals.handle(db, viewer, row.id, now=NOW)


def it_runs_at_night_in_chunks(app: Flask, db: Session, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "AT_A_TIME", 1)
    first = make_situation(db, cast.els, next_check_on=MONDAY - 3 * WEEK)
    second = make_situation(db, cast.daan, BLOEMENKWARTIER, next_check_on=MONDAY - 3 * WEEK)
    db.commit()
    assert jobs.run("signals", app.extensions["omzien.sessions"], now=NOW) == 2
    db.expire_all()
    assert kinds(db, first) == kinds(db, second) == [OVERDUE]
    assert jobs.run("signals", app.extensions["omzien.sessions"], now=NOW) == 0


def it_asks_the_database_little_however_many_there_are(app: Flask, db: Session, cast: Cast) -> None:
    from tests.browse import Browser

    for _each in range(3):
        check(db, make_situation(db, cast.els), 0, 8)
    with Browser(app, db).count_queries() as queries:
        assert len(read_facts(db, today=MONDAY)) == 3
    assert len(queries) == 6


def it_has_a_rule_for_every_kind() -> None:
    worst = Facts(
        since=MONDAY - 52 * WEEK,
        next_check_on=MONDAY - 2 * WEEK,
        checks=[Strain(1, MONDAY, "own", 1.0, "too_much")],
        moments=[Moment(1, MONDAY - WEEK, True), Moment(2, MONDAY, True)],
        stand_ins=[StandIn(1, None, False, False)],
    )
    found = judge(worst, MONDAY)
    assert {one.kind for one in found} == {RISING, NO_RELIEF, CANCELLED, NO_VOG, OVERDUE}
    assert {one.kind for one in found} | {EXPIRING, INDICATION} == set(KINDS) == set(RULES)
    assert all(isinstance(one, Found) and all(isinstance(v, int | str) for v in one.data.values()) for one in found)
