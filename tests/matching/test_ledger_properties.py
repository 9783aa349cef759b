"""The ledger under anything that can happen: its sums are the sums of its lines, and nothing is taken twice."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlmodel import Session, col, select

from matching.errors import Invalid
from matching.models import CareSituation, Entitlement, LedgerLine, RespijtBooking
from matching.respijt_catalogue import FORMS, UNITS
from matching.services import ledger
from matching.services.ledger_rules import Grant, allot, ends_on, in_order, units_by_day, year_with_too_much
from matching.working_days import AMSTERDAM
from tests.caring import make_arrangement, make_booking, make_provider, make_relief, make_situation
from tests.people import NOW, Cast

STARTS = st.integers(0, 6 * 366 * 24 * 60).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
LENGTHS = st.integers(1, 60 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
HOURS = {"hour": 1, "half_day": 5}


class DescribeUnitsByDay:
    @given(STARTS, LENGTHS, st.sampled_from(UNITS))
    def it_counts_whole_units_within_the_days_touched(self, start: datetime, length: timedelta, unit: str) -> None:
        days = units_by_day(start, start + length, unit)
        first = start.astimezone(AMSTERDAM).date()
        last = (start + length - timedelta(microseconds=1)).astimezone(AMSTERDAM).date()
        assert all(first <= day <= last for day in days)
        assert all(isinstance(units, int) and units > 0 for units in days.values())
        assert first in days

    @given(STARTS, LENGTHS)
    def it_counts_time_that_really_passed(self, start: datetime, length: timedelta) -> None:
        for unit, hours in HOURS.items():
            total = sum(units_by_day(start, start + length, unit).values())
            assert (total - 1) * timedelta(hours=hours) < length <= total * timedelta(hours=hours)

    @given(STARTS, LENGTHS)
    def it_counts_days_and_nights_by_the_dutch_calendar(self, start: datetime, length: timedelta) -> None:
        days = units_by_day(start, start + length, "day")
        assert all(later - earlier == timedelta(days=1) for earlier, later in pairwise(days))
        nights = units_by_day(start, start + length, "night")
        assert sum(nights.values()) == max(sum(days.values()) - 1, 1)
        assert set(nights) <= set(days)

    @given(STARTS, LENGTHS, LENGTHS, st.sampled_from(UNITS))
    def it_never_counts_less_for_a_longer_time(
        self, start: datetime, one: timedelta, other: timedelta, unit: str
    ) -> None:
        shorter, longer = sorted((one, other))
        total = sum(units_by_day(start, start + shorter, unit).values())
        assert total <= sum(units_by_day(start, start + longer, unit).values())

    @pytest.mark.parametrize(
        ("start", "end", "unit", "expected"),
        [
            ((11, 24, 13), (11, 24, 16), "half_day", {24: 1}),
            ((11, 24, 9), (11, 24, 14), "half_day", {24: 1}),
            ((11, 24, 9), (11, 24, 15), "half_day", {24: 2}),
            ((11, 24, 22), (11, 25, 7), "night", {24: 1}),
            ((11, 25, 1), (11, 25, 7), "night", {25: 1}),
            ((11, 24, 20), (11, 25, 0), "day", {24: 1}),
            ((10, 24, 12), (10, 25, 12), "hour", {24: 12, 25: 13}),  # the clock goes back in this night
            ((3, 28, 12), (3, 29, 12), "hour", {28: 12, 29: 11}),  # and forward in this one
            ((10, 24, 12), (10, 25, 12), "day", {24: 1, 25: 1}),
        ],
    )
    def it_counts_as_people_do(
        self, start: tuple[int, int, int], end: tuple[int, int, int], unit: str, expected: dict[int, int]
    ) -> None:
        starts_at, ends_at = (datetime(2026, *moment, tzinfo=AMSTERDAM) for moment in (start, end))
        assert {day.day: units for day, units in units_by_day(starts_at, ends_at, unit).items()} == expected

    def it_knows_what_a_form_is_counted_in(self) -> None:
        end = NOW + timedelta(days=3)
        for form in FORMS.values():
            assert units_by_day(NOW, end, form=form.key) == units_by_day(NOW, end, form.unit)

    @pytest.mark.parametrize(("hours", "reason"), [(0, "before_start"), (-1, "before_start"), (24 * 367, "too_long")])
    def it_refuses_no_time_and_endless_time(self, hours: int, reason: str) -> None:
        with pytest.raises(Invalid, match=f"ends_at: {reason}"):
            units_by_day(NOW, NOW + timedelta(hours=hours), "hour")


GRANTS = st.lists(
    st.tuples(st.integers(2026, 2029), st.integers(0, 3), st.integers(0, 300)).map(
        lambda each: Grant(each[0], each[0] + each[1], each[2])
    ),
    max_size=6,
)


class DescribeTheLimitOfAYear:
    @given(GRANTS)
    def it_says_no_exactly_where_it_cannot_all_be_used(self, grants: list[Grant]) -> None:
        assert (year_with_too_much(grants, 156) is None) == _can_be_used(grants, 156)


def _can_be_used(grants: list[Grant], limit: int) -> bool:
    """Fill the years one after another, each time what ends soonest first."""
    waiting = {n: grant.units for n, grant in enumerate(grants)}
    for year in range(2026, 2033):
        room = limit
        for n in sorted(waiting, key=lambda n: grants[n].last_year):
            if grants[n].first_year <= year <= grants[n].last_year:
                taken = min(room, waiting[n])
                waiting[n] -= taken
                room -= taken
    return not any(waiting.values())


PERIODS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 5), st.sampled_from(["", "guest_house"]), st.integers(0, 3)),
    min_size=1,
    max_size=4,
)
NEEDED = st.dictionaries(st.integers(1, 8), st.integers(1, 2), min_size=1, max_size=4)


class DescribeAllotting:
    @given(PERIODS, NEEDED)
    @settings(max_examples=300, deadline=None)
    def it_finds_a_way_exactly_where_there_is_one(
        self, given: list[tuple[int, int, str, int]], needed: dict[int, int]
    ) -> None:
        periods = [
            Entitlement(
                id=n, situation_id=1, payer="wmo", form=form, unit="half_day", created_by_id=1, created_at=NOW,
                first_day=date(2026, 1, first), last_day=date(2026, 1, first + length),
            )
            for n, (first, length, form, _units) in enumerate(given)
        ]  # fmt: skip
        left = {n: units for n, (_first, _length, _form, units) in enumerate(given)}
        days = {date(2026, 1, day): units for day, units in needed.items()}
        try:
            taken = allot(days, in_order(periods, "guest_house"), left)
        except Invalid:
            assert not _fits(sorted(Counter(days).elements()), periods, left)
            return
        assert sum(taken.values()) == sum(days.values())
        assert all(taken[n, 2026] <= units for n, units in left.items())
        assert _fits(sorted(Counter(days).elements()), periods, left)

    def it_takes_what_was_made_for_the_form_first(self) -> None:
        usual = {"situation_id": 1, "payer": "wmo", "unit": "night", "created_by_id": 1, "created_at": NOW}
        of_form = Entitlement(
            id=1, form="guest_house", first_day=date(2026, 1, 1), last_day=date(2026, 12, 31), **usual
        )
        of_any = Entitlement(id=2, form="", first_day=date(2026, 1, 1), last_day=date(2026, 6, 30), **usual)
        both = in_order([of_any, of_form], "guest_house")
        june, july = date(2026, 6, 30), date(2026, 7, 1)
        assert allot({june: 1, july: 1}, both, {1: 2, 2: 2}) == {(1, 2026): 2}
        assert allot({june: 1, july: 1}, both, {1: 1, 2: 1}) == {(1, 2026): 1, (2, 2026): 1}


def _fits(units: list[date], periods: list[Entitlement], left: dict[int, int]) -> bool:
    """Try every way."""
    if not units:
        return True
    return any(
        _fits(units[1:], periods, left | {period.id or 0: left[period.id or 0] - 1})
        for period in periods
        if period.first_day <= units[0] <= period.last_day and left[period.id or 0] > 0
    )


FORM = "guest_house"
PAYERS = ("wmo", "own")


class LedgerMachine(RuleBasedStateMachine):
    """Grants, bookings and corrections in any order, beside a list of what should have come of it."""

    def __init__(self, session: Session, situation: CareSituation, by: int) -> None:
        super().__init__()
        self.session, self.situation, self.by = session, situation, by
        self.undo = session.begin_nested()
        relief = make_relief(session, situation, form=FORM)
        self.arrangement = make_arrangement(session, relief, provider_id=make_provider(session).id)
        self.bookings: dict[int, tuple[str, int]] = {}  # id: (planned, used or free; units)
        self.seen: list[dict[str, Any]] = []

    def teardown(self) -> None:
        self.undo.rollback()
        self.session.expunge_all()

    @rule(
        payer=st.sampled_from(PAYERS), form=st.sampled_from((FORM, "")), units=st.integers(1, 12),
        first=st.dates(date(2026, 1, 1), date(2027, 12, 31)), days=st.integers(0, 500),
    )  # fmt: skip
    def grant(self, payer: str, form: str, units: int, first: date, days: int) -> None:
        def act() -> None:
            ledger.add_entitlement(
                self.session, self.situation, payer=payer, form=form, unit="night", units=units, first_day=first,
                last_day=first + timedelta(days=days), indication_ends=None, by=self.by, now=NOW,
            )  # fmt: skip

        self.refused(act)

    @rule(payer=st.sampled_from(PAYERS), first=st.dates(date(2026, 1, 1), date(2028, 3, 1)), nights=st.integers(1, 5))
    def book(self, payer: str, first: date, nights: int) -> None:
        starts_at = datetime(first.year, first.month, first.day, 14, 0, len(self.bookings), tzinfo=UTC)
        booking = make_booking(
            self.session, self.arrangement, self.situation, starts_at,
            ends_at=starts_at + timedelta(hours=24 * nights - 4), payer=payer,
        )  # fmt: skip
        refused = self.refused(lambda: ledger.plan(self.session, booking, by=None, now=NOW))
        self.bookings[booking.id or 0] = ("free", 0) if refused else ("planned", nights)

    @precondition(lambda self: self.bookings)
    @rule(data=st.data())
    def use(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.bookings)))
        ledger.use(self.session, self.session.get_one(RespijtBooking, key), by=None, now=NOW)
        state, units = self.bookings[key]
        self.bookings[key] = ("used" if state == "planned" else state, units)

    @precondition(lambda self: self.bookings)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.bookings)))
        ledger.release(self.session, self.session.get_one(RespijtBooking, key), by=None, now=NOW)
        self.bookings[key] = ("free", 0)

    @precondition(lambda self: self.seen)
    @rule(data=st.data(), units=st.integers(0, 12))
    def correct(self, data: st.DataObject, units: int) -> None:
        key = data.draw(st.sampled_from([line["id"] for line in self.seen]))
        line = self.session.get_one(LedgerLine, key)
        said = line.used if line.kind == "use" else line.planned

        def act() -> None:
            ledger.correct(self.session, line, units=units, reason="typed", by=self.by, now=NOW)

        if not self.refused(act) and line.booking_id is not None:
            state, before = self.bookings[line.booking_id]
            self.bookings[line.booking_id] = (state, before + units - said)

    @precondition(lambda self: self.seen)
    @rule(data=st.data(), last_day=st.dates(date(2026, 1, 1), date(2028, 6, 1)))
    def end(self, data: st.DataObject, last_day: date) -> None:
        found = data.draw(st.sampled_from(self.balances()))
        self.refused(lambda: ledger.end(self.session, found.entitlement, last_day=last_day, by=self.by, now=NOW))

    def refused(self, act: Any) -> bool:
        """Whether it was refused; then nothing was written."""
        try:
            act()
        except Invalid:
            assert len(self.raw()) == len(self.seen), "what is refused writes nothing"
            return True
        return False

    def balances(self) -> list[ledger.Balance]:
        return ledger.balances(self.session, self.situation.id or 0, today=date(2026, 6, 1))

    def raw(self) -> list[dict[str, Any]]:
        """All lines as the database holds them."""
        query = select(LedgerLine).order_by(col(LedgerLine.id)).execution_options(populate_existing=True)
        self.session.flush()
        return [line.model_dump() for line in self.session.exec(query)]

    @invariant()
    def it_holds(self) -> None:
        now = self.raw()
        assert now[: len(self.seen)] == self.seen, "lines are only added"
        self.seen = now
        self.it_sums_its_lines_and_never_falls_below_zero()
        self.it_knows_every_booking()
        self.it_plans_on_days_that_were_granted()

    def it_sums_its_lines_and_never_falls_below_zero(self) -> None:
        for each in self.balances():
            mine = [line for line in self.seen if line["entitlement_id"] == each.entitlement.id]
            totals = tuple(sum(line[name] for line in mine) for name in ("granted", "planned", "used"))
            assert (each.granted, each.planned, each.used) == totals
            assert each.left == totals[0] - totals[1] - totals[2]
            assert min(*totals, each.left) >= 0

    def it_knows_every_booking(self) -> None:
        for key, (state, units) in self.bookings.items():
            mine = [line for line in self.seen if line["booking_id"] == key]
            planned, used = (sum(line[name] for line in mine) for name in ("planned", "used"))
            assert (planned, used) == {"planned": (units, 0), "used": (0, units), "free": (0, 0)}[state]

    def it_plans_on_days_that_were_granted(self) -> None:
        periods = {each.entitlement.id: each.entitlement for each in self.balances()}
        for line in self.seen:
            entitlement = periods[line["entitlement_id"]]
            if line["kind"] == "plan" and entitlement.closed_at is None:
                assert entitlement.first_day <= line["day"] <= ends_on(entitlement)


class DescribeTheLedger:
    def it_holds_whatever_happens(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        db.commit()
        situation_id, by = situation.id or 0, cast.chantal.id or 0
        run_state_machine_as_test(
            lambda: LedgerMachine(db, db.get_one(CareSituation, situation_id), by),
            settings=settings(
                max_examples=40,
                stateful_step_count=25,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
