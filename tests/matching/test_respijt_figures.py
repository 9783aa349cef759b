"""Figures about respijtzorg: what they count, and what they leave out."""

from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask
from scipy import stats
from sqlmodel import Session, select

from matching import jobs
from matching.access import HeldRole, Viewer
from matching.errors import NotFound
from matching.models import CareSituation, Entitlement, LedgerLine, RespijtFigures, StrainCheck
from matching.services import respijt_figures
from matching.services.respijt_figures import Figures, calculate, estimate, look
from matching.services.strain_change import summary, t_quantile
from matching.workflow import BookingState, CareState, ReliefState
from tests.caring import make_arrangement, make_booking, make_provider, make_relief, make_situation
from tests.people import BLOEMENKWARTIER, DRIFTBUURT, HILVERSUM, MONDAY, NOW, OOST, ZUID, Cast, make_person

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


def carers(db: Session, count: int, buurt: str = DRIFTBUURT, start: int = 0) -> list[CareSituation]:
    return [
        make_situation(db, make_person(db, f"Zorger{start + n}", buurt, 2000 + start + n), buurt, created_at=NOW)
        for n in range(count)
    ]


def give_relief(db: Session, situation: CareSituation, weeks_ago: int, **facts: Any) -> None:
    relief = make_relief(db, situation, state=ReliefState.RUNNING, **facts)
    arrangement = make_arrangement(db, relief, provider_id=make_provider(db).id)
    make_booking(db, arrangement, situation, NOW - weeks_ago * WEEK, state=BookingState.USED)


def entitle(
    db: Session, situation: CareSituation, payer: str, unit: str, granted: int, planned: int, used: int
) -> None:
    assert situation.id is not None
    entitlement = Entitlement(
        situation_id=situation.id, payer=payer, unit=unit, first_day=date(2026, 1, 1), last_day=date(2026, 12, 31),
        created_by_id=situation.mantelzorger_id, created_at=NOW,
    )  # fmt: skip
    db.add(entitlement)
    db.flush()
    assert entitlement.id is not None
    db.add(
        LedgerLine(entitlement_id=entitlement.id, kind="x", granted=granted, planned=planned, used=used, day=MONDAY,
                   key=f"k{entitlement.id}", at=NOW)
    )  # fmt: skip
    db.flush()


def check(db: Session, situation: CareSituation, day: date, score: int) -> None:
    assert situation.id is not None
    db.add(
        StrainCheck(situation_id=situation.id, day=day, instrument="own", result={"score": score},
                    recorded_by_id=situation.mantelzorger_id, at=NOW)
    )  # fmt: skip
    db.flush()


def made(db: Session) -> Figures:
    return calculate(db, HILVERSUM, today=MONDAY)


def at(figures: Figures, code: str) -> int:
    return [wijk for wijk, _name in figures["wijken"]].index(code)


class DescribeWhoIsKnown:
    def it_counts_by_wijk_and_who_had_time_off(self, db: Session, cast: Cast) -> None:
        oost, zuid = carers(db, 12), carers(db, 14, BLOEMENKWARTIER, 100)
        for situation in (*oost[:6], *zuid[:7]):
            give_relief(db, situation, 2)
        figures = made(db)
        assert figures["known"][-1] == 26
        assert figures["relieved"][-1] == 13
        shown = figures["known"][at(figures, OOST)], figures["relieved"][at(figures, OOST)]
        assert shown in ((12, 6), (None, None), (12, None), (None, 6))

    def it_leaves_out_fewer_than_five(self, db: Session, cast: Cast) -> None:
        carers(db, 4)
        figures = made(db)
        assert figures["known"] == [None] * 10
        assert figures["relieved"] == [None] * 10

    def it_counts_somebody_with_two_situations_once(self, db: Session, cast: Cast) -> None:
        for situation in carers(db, 6):
            give_relief(db, situation, 3)
        for situation in carers(db, 6, start=50):
            make_situation(db, db.get_one(type(cast.els), situation.mantelzorger_id), BLOEMENKWARTIER)
        assert made(db)["known"][-1] == 12

    def it_forgets_what_was_closed_and_what_is_long_ago(self, db: Session, cast: Cast) -> None:
        situations = carers(db, 12)
        for situation in situations[:6]:
            give_relief(db, situation, 14)
        for situation in situations[6:]:
            give_relief(db, situation, 2)
        for situation in carers(db, 3, start=50):
            situation.state = CareState.CLOSED
            db.add(situation)
        db.flush()
        figures = made(db)
        assert (figures["known"][-1], figures["relieved"][-1]) == (12, 6)


class DescribeHours:
    def it_adds_up_units_by_payer(self, db: Session, cast: Cast) -> None:
        for situation in carers(db, 6):
            entitle(db, situation, "wmo", "half_day", 10, 2, 3)
            entitle(db, situation, "wlz", "night", 5, 1, 1)
        hours = made(db)["hours"]
        payers = made(db)["payers"]
        wmo, wlz = payers.index("wmo"), payers.index("wlz")
        assert [hours[name][-1][-1] for name in respijt_figures.MEASURES] == [600, 120, 144]
        assert {hours["granted"][wmo][-1], hours["granted"][wlz][-1]} <= {240, 360, None}

    def it_leaves_out_what_a_few_people_have_however_much_it_is(self, db: Session, cast: Cast) -> None:
        for situation in carers(db, 4):
            entitle(db, situation, "wmo", "night", 100, 0, 0)
        assert all(number is None for row in made(db)["hours"]["granted"] for number in row)

    def it_leaves_the_same_cells_out_of_all_three(self, db: Session, cast: Cast) -> None:
        situations = carers(db, 8)
        for number, situation in enumerate(situations):
            entitle(db, situation, "wmo", "hour", 50, 0, 20 if number < 2 else 0)
        hours = made(db)["hours"]
        left_out = [[[number is None for number in row] for row in hours[name]] for name in hours]
        assert left_out[0] == left_out[1] == left_out[2]
        assert hours["used"][-1][-1] is None  # two people


class DescribeWaiting:
    def it_gives_the_middle_one_of_five_or_more(self, db: Session, cast: Cast) -> None:
        for weeks, situation in enumerate(carers(db, 5), 1):
            give_relief(db, situation, 0, created_at=NOW - 10 * WEEK, first_relief_on=MONDAY - 10 * WEEK + weeks * WEEK)
        waiting = made(db)["waiting"]
        assert (waiting["median"], waiting["carers"]) == (3.0, 5)
        assert [weeks for weeks in waiting["wijken"] if weeks is not None] == [3.0]

    def it_says_nothing_of_four_and_tells_who_still_waits(self, db: Session, cast: Cast) -> None:
        for situation in carers(db, 4):
            give_relief(db, situation, 0, created_at=NOW - 9 * WEEK, first_relief_on=MONDAY)
        for situation in carers(db, 6, start=50):
            make_relief(db, situation)
        waiting = made(db)["waiting"]
        assert waiting == {"median": None, "carers": None, "wijken": [None] * 9, "still_waiting": 6}


class DescribeBeforeAndAfter:
    def it_compares_the_same_people(self, db: Session, cast: Cast) -> None:
        for number, situation in enumerate(carers(db, 6)):
            give_relief(db, situation, 12)
            first = MONDAY - 12 * WEEK
            check(db, situation, first - 9 * WEEK, 0)  # too long before
            check(db, situation, first - 5 * WEEK, 1)  # not the last one before
            check(db, situation, first - WEEK, 8 + number % 2)
            check(db, situation, first + 3 * WEEK, 12)  # too soon
            check(db, situation, first + 7 * WEEK, 6)
            check(db, situation, first + 9 * WEEK, 0)  # not the first one after
        change = made(db)["strain"]
        assert change is not None
        assert (change["before"], change["after"], change["change"], change["carers"]) == (8.5, 6.0, -2.5, 6)
        assert change["low"] < -2.5 < change["high"]

    def it_says_nothing_of_four(self, db: Session, cast: Cast) -> None:
        for situation in carers(db, 4):
            give_relief(db, situation, 12)
            check(db, situation, MONDAY - 13 * WEEK, 9)
            check(db, situation, MONDAY - 4 * WEEK, 5)
        assert made(db)["strain"] is None

    @pytest.mark.parametrize("freedom", [4, 5, 9, 30, 200])
    def it_knows_students_t(self, freedom: int) -> None:
        assert t_quantile(0.975, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), abs=0.002)

    def it_gives_the_interval_that_scipy_gives(self) -> None:
        scores = [(9, 6), (8, 8), (10, 5), (7, 4), (11, 9), (6, 7), (9, 5)]
        found = summary(scores)
        interval = stats.ttest_rel([a for _b, a in scores], [b for b, _a in scores]).confidence_interval(0.95)
        assert found is not None
        assert (found["low"], found["high"]) == pytest.approx((interval.low, interval.high), abs=0.06)


class DescribeWhoSees:
    @pytest.fixture
    def kept(self, app: Flask, db: Session, cast: Cast) -> None:
        carers(db, 6)
        db.commit()
        assert jobs.run("figures", app.extensions["omzien.sessions"], now=NOW) >= 1
        db.expire_all()

    def it_is_kept_as_it_is_shown(self, db: Session, kept: None) -> None:
        row = db.exec(select(RespijtFigures).where(RespijtFigures.gemeente_code == HILVERSUM)).one()
        assert row.at == NOW
        assert row.figures["known"][-1] in (6, None)

    def it_is_made_anew_in_the_same_place(self, app: Flask, db: Session, kept: None) -> None:
        jobs.run("figures", app.extensions["omzien.sessions"], now=NOW + DAY)
        db.expire_all()
        assert db.exec(select(RespijtFigures)).one().at == NOW + DAY

    def it_shows_the_wijken_of_who_looks(self, db: Session, cast: Cast, kept: None) -> None:
        coordinator = look(db, Viewer(cast.farid.id, (HeldRole("coordinator", HILVERSUM),)), HILVERSUM)
        chantal = look(db, Viewer(cast.chantal.id, (HeldRole("opbouwwerker", OOST),)), HILVERSUM)
        saskia = look(db, Viewer(cast.saskia.id, (HeldRole("opbouwwerker", BLOEMENKWARTIER),)), HILVERSUM)
        assert len(coordinator.mine) == 9
        assert chantal.figures is not None
        assert chantal.mine == [at(chantal.figures, OOST)]
        assert saskia.figures is not None
        assert saskia.mine == [at(saskia.figures, ZUID)]

    def it_hides_from_whoever_does_not_work_there(self, db: Session, cast: Cast, kept: None) -> None:
        for viewer in (Viewer(), Viewer(cast.greet.id, (HeldRole("beheerder", HILVERSUM),)),
                       Viewer(cast.farid.id, (HeldRole("coordinator", "GM0406"),))):  # fmt: skip
            with pytest.raises(NotFound):
                look(db, viewer, HILVERSUM)


def it_says_whose_estimate_it_is() -> None:
    found = estimate(HILVERSUM)
    assert found is not None
    assert (found.people, found.year, found.source) == (8000, 2020, "gemeente Hilversum")
    assert estimate("GM9999") is None
