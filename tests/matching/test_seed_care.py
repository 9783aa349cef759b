"""Mantelzorgers of the made-up city: believable, lawful, and something of everything."""

import json
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, col, select

from matching.catalogue import personal_details, risks
from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    DataLook,
    Entitlement,
    LedgerLine,
    OutboxMessage,
    ReliefRequest,
    RespijtBooking,
    RespijtProvider,
    RespijtSignal,
    StrainCheck,
    Volunteer,
)
from matching.respijt_catalogue import FORMS, PAYERS
from matching.seed import build_city
from matching.seed_care import PLOTS
from matching.services import covering, drop_out, ledger, relief, respijt_calendar, respijt_figures, signals, strain
from matching.services.signal_rules import KINDS
from matching.workflow import ArrangementState, BookingState, CareState, ReliefState
from tests.people import HILVERSUM, NOW

DEMO = Path(__file__).parents[2] / "matching" / "data" / "demo" / "care.json"
EVERYBODY = len(PLOTS) + 1  # Els, and each story once
AS_IN_THE_DEMONSTRATION = 60
TODAY = date(2026, 11, 23)


def build(db: Session, *, carers: int, seed: int = 1, now: datetime = NOW) -> None:
    build_city(db, volunteers=0, requests=0, carers=carers, seed=seed, now=now)


def texts(value: Any) -> list[str]:
    """All texts in a piece of JSON."""
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for each in inside for text in texts(each)]


def els(db: Session) -> CareSituation:
    found = select(CareSituation).join(Account, col(Account.id) == col(CareSituation.mantelzorger_id))
    return db.exec(found.where(Account.email == "els@voorbeeld.nl")).one()


class DescribeDemonstrationTexts:
    def it_needs_no_human_and_gives_nothing_away(self) -> None:
        told = json.loads(DEMO.read_text(encoding="utf-8"))
        said = [text for part in ("words", "asks", "evaluations", "plans", "els", "now") for text in texts(told[part])]
        assert [text for text in said if risks(text) or personal_details(text)] == []

    def it_calls_every_organisation_an_example(self) -> None:
        rows = json.loads(DEMO.read_text(encoding="utf-8"))["providers"]
        assert len(rows) == 10
        assert all(row["name"].startswith("Voorbeeld: ") for row in rows)

    def it_only_uses_what_the_program_knows(self) -> None:
        rows = json.loads(DEMO.read_text(encoding="utf-8"))["providers"]
        for row in rows:
            assert set(row["forms"]) <= FORMS.keys()
            assert set(row["payers"]) <= PAYERS.keys()


class DescribeMantelzorgersOfTheCity:
    def it_makes_as_many_as_were_asked(self, db: Session) -> None:
        build(db, carers=4)
        assert len(db.exec(select(CareSituation)).all()) == 4
        assert els(db)

    def it_leaves_them_out_where_none_were_asked(self, db: Session) -> None:
        build(db, carers=0)
        assert not db.exec(select(CareSituation)).all()
        assert not db.exec(select(RespijtProvider)).all()

    def it_makes_the_same_ones_from_the_same_seed(self, db: Session) -> None:
        def city(seed: int) -> list[tuple[object, ...]]:
            with db.begin_nested() as inner:
                build(db, carers=6, seed=seed)
                checks = db.exec(select(StrainCheck).order_by(col(StrainCheck.id)))
                rows: list[tuple[object, ...]] = [(each.day, each.result["score"]) for each in checks]
                bookings = db.exec(select(RespijtBooking).order_by(col(RespijtBooking.id)))
                rows += [(each.starts_at, each.state, each.payer) for each in bookings]
                rows += [
                    (s.buurt_code, str(s.details))
                    for s in db.exec(select(CareSituation).order_by(col(CareSituation.id)))
                ]
                inner.rollback()
            db.expire_all()
            return rows

        assert city(7) == city(7) != city(8)

    def it_shows_every_kind_of_signal_and_figures(self, db: Session) -> None:
        build(db, carers=AS_IN_THE_DEMONSTRATION)
        signals.run(db, today=TODAY, now=NOW)
        assert {signal.kind for signal in db.exec(select(RespijtSignal))} == set(KINDS)
        closed = select(CareSituation.id).where(CareSituation.state == CareState.CLOSED)
        assert not db.exec(select(RespijtSignal).where(col(RespijtSignal.situation_id).in_(closed))).all()
        figures = respijt_figures.calculate(db, HILVERSUM, today=TODAY)
        for name in ("known", "relieved"):
            shown = [number for number in figures[name] if number is not None]
            assert len(shown) > 1
        for table in figures["hours"].values():
            assert sum(row[-1] is not None for row in table) >= 4  # payers, and all of them together
            assert sum(number is not None for number in table[-1]) > 1  # wijken
        assert figures["strain"] is not None
        assert figures["strain"]["carers"] >= 20
        assert figures["strain"]["change"] < 0
        assert figures["waiting"]["median"] is not None
        assert figures["waiting"]["still_waiting"] is not None
        assert {each.payer for each in db.exec(select(Entitlement))} == set(PAYERS)
        assert all(provider.is_example for provider in db.exec(select(RespijtProvider)))

    def it_keeps_to_the_rules(self, db: Session) -> None:
        build(db, carers=EVERYBODY)
        self._sums_are_right(db)
        self._nothing_is_of_later_than_now(db)
        self._nobody_stays_without_a_certificate(db)
        for situation in db.exec(select(CareSituation).where(CareSituation.state == CareState.CLOSED)):
            left = relief.of(db, situation.id or 0)
            assert left
            assert all(row.state not in (ReliefState.ASKED, ReliefState.ARRANGING, ReliefState.RUNNING) for row in left)
            assert not respijt_calendar.coming(db, situation.id or 0, now=NOW)
        assert not [m for m in db.exec(select(OutboxMessage)) if m.sent_at is None and m.due_at < NOW]

    def _sums_are_right(self, db: Session) -> None:
        """Each booking stands in the ledger as what became of it, and nothing is below zero."""
        sums: dict[int, Counter[str]] = defaultdict(Counter)
        for line in db.exec(select(LedgerLine).where(col(LedgerLine.booking_id).is_not(None))):
            sums[line.booking_id or 0].update(planned=line.planned, used=line.used)
        bookings = db.exec(select(RespijtBooking)).all()
        assert {BookingState.USED, BookingState.PLANNED, BookingState.CANCELLED} <= {each.state for each in bookings}
        for booking in bookings:
            units = sums[booking.id or 0]
            is_counted = bool(booking.payer)
            assert (units["planned"] > 0) == (is_counted and booking.state == BookingState.PLANNED)
            assert (units["used"] > 0) == (is_counted and booking.state == BookingState.USED)
        for situation in db.exec(select(CareSituation)):
            for balance in ledger.balances(db, situation.id or 0, today=TODAY):
                assert balance.left == balance.granted - balance.planned - balance.used >= 0
                assert balance.planned >= 0
                assert balance.used >= 0

    def _nothing_is_of_later_than_now(self, db: Session) -> None:
        moments = [
            each.created_at for kind in (CareSituation, ReliefRequest, Arrangement) for each in db.exec(select(kind))
        ]
        moments += [each.at for kind in (StrainCheck, DataLook) for each in db.exec(select(kind))]
        moments += [each.ended_at for each in db.exec(select(RespijtBooking)) if each.ended_at]
        assert max(moments) <= NOW
        used = select(RespijtBooking.starts_at).where(RespijtBooking.state == BookingState.USED)
        assert max(db.exec(used).all()) <= NOW

    def _nobody_stays_without_a_certificate(self, db: Session) -> None:
        rows = db.exec(
            select(RespijtBooking, Volunteer)
            .join(Arrangement, col(Arrangement.id) == col(RespijtBooking.arrangement_id))
            .join(Volunteer, col(Volunteer.account_id) == col(Arrangement.volunteer_id))
        ).all()
        assert rows
        for booking, volunteer in rows:
            assert volunteer.has_valid_vog(booking.ends_at.date())
            assert volunteer.introduced_on is not None
            assert volunteer.trained_on is not None


class DescribeEls:
    @pytest.fixture
    def situation(self, db: Session) -> CareSituation:
        build(db, carers=1)
        return els(db)

    def it_got_too_heavy_and_then_lighter(self, db: Session, situation: CareSituation) -> None:
        own = [
            each for each in strain.series(db, situation.id or 0, since=date(2025, 1, 1)) if each.instrument == "own"
        ]
        assert len(own) > 40
        worst = max(own, key=lambda check: check.score)
        assert worst.band == "too_much"
        assert all(check.band in ("good", "fair") for check in own[-6:])
        assert situation.next_check_on is not None
        assert situation.next_check_on > TODAY

    def it_has_bram_and_somebody_behind_him(self, db: Session, situation: CareSituation) -> None:
        rows = db.exec(
            select(RespijtBooking, Arrangement, Account)
            .join(Arrangement, col(Arrangement.id) == col(RespijtBooking.arrangement_id))
            .join(Account, col(Account.id) == col(Arrangement.volunteer_id))
        ).all()
        with_bram = Counter(booking.state for booking, _arrangement, who in rows if who.email == "bram@voorbeeld.nl")
        assert with_bram[BookingState.USED] >= 12
        assert with_bram[BookingState.PLANNED] >= 6
        assert with_bram[BookingState.CANCELLED] == 2
        backup = [booking for booking, arrangement, _who in rows if arrangement.is_backup]
        assert [booking.state for booking in backup] == [BookingState.USED]
        assert len(covering.open_gaps(db, now=NOW, situation_id=situation.id)) == 1

    def it_has_three_payers_and_nights_that_expire_with_the_year(self, db: Session, situation: CareSituation) -> None:
        found = {row.entitlement.payer: row for row in ledger.balances(db, situation.id or 0, today=TODAY)}
        assert set(found) == {"volunteer", "wmo", "insurance"}
        assert found["insurance"].ends_on == date(2026, 12, 31)
        assert (found["insurance"].planned, found["insurance"].left) == (3, 11)
        assert all(row.used for payer, row in found.items() if payer != "insurance")
        assert all(row.left for row in found.values())

    def it_has_a_plan_with_two_people_of_whom_one_agreed(self, db: Session, situation: CareSituation) -> None:
        plan = drop_out.of(db, situation.id or 0)
        assert plan is not None
        assert [(person.name, person.standing) for person in plan.stand_ins] == [("Karin", "agreed"), ("Toos", "asked")]

    def it_shows_who_looked(self, db: Session, situation: CareSituation) -> None:
        looks = db.exec(select(DataLook).where(DataLook.subject_id == situation.mantelzorger_id)).all()
        assert {look.viewer_role for look in looks} == {"opbouwwerker", "coordinator"}

    def it_runs_with_bram_from_introduction_to_agreement(self, db: Session, situation: CareSituation) -> None:
        regular = select(Arrangement).where(Arrangement.state == ArrangementState.RUNNING, ~col(Arrangement.is_backup))
        bram = db.exec(regular.where(col(Arrangement.volunteer_id).is_not(None))).one()
        assert bram.introduced_on is not None
        assert bram.tried_on is not None
        assert bram.introduced_on < bram.tried_on
        assert bram.mantelzorger_agreed_at is not None
        assert bram.stand_in_agreed_at is not None


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 12, 30, 22, 30, tzinfo=UTC),
        datetime(2027, 1, 1, 0, 5, tzinfo=UTC),
        datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2028, 2, 29, 4, 0, tzinfo=UTC),
    ],
    ids=["before new year", "new year's night", "summer time begins", "summer time ends", "leap day"],
)
def it_can_be_built_on_any_day(db: Session, now: datetime) -> None:
    build(db, carers=EVERYBODY if now.month == 1 else 1, now=now)
    assert len(db.exec(select(StrainCheck).where(StrainCheck.situation_id == els(db).id)).all()) > 40
