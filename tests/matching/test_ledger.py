"""The ledger: what was granted, what a booking takes and gives back, and what is refused."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from matching.database import WRITES, open_engine
from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import Account, CareSituation, Entitlement, Event, LedgerLine, RespijtBooking, Tag
from matching.services import ledger
from matching.services.ledger_rules import NoEntitlement, Overlap, TooLittleLeft, YearFull
from matching.workflow import CareState
from tests.caring import DETAILS, make_arrangement, make_booking, make_provider, make_relief, make_situation
from tests.people import MONDAY, NOW, Cast, make_cast

JANUARY, DECEMBER = date(2026, 1, 1), date(2026, 12, 31)


@pytest.fixture
def els(db: Session, cast: Cast) -> CareSituation:
    """Els's care situation."""
    return make_situation(db, cast.els)


def grant(db: Session, situation: CareSituation, cast: Cast, **facts: Any) -> Entitlement:
    """Twelve half-days of a volunteer in 2026, written down by Chantal."""
    usual: dict[str, Any] = {
        "payer": "volunteer",
        "form": "home_volunteer",
        "unit": "half_day",
        "units": 12,
        "first_day": JANUARY,
        "last_day": DECEMBER,
        "indication_ends": None,
        "by": cast.chantal.id,
        "now": NOW,
    }
    return ledger.add_entitlement(db, situation, **(usual | facts))


def nights(db: Session, situation: CareSituation, cast: Cast, **facts: Any) -> Entitlement:
    """Fourteen nights in a guest house by the Wmo in 2026."""
    return grant(db, situation, cast, **({"payer": "wmo", "form": "guest_house", "unit": "night", "units": 14} | facts))


def booked(
    db: Session, situation: CareSituation, starts_at: datetime, hours: float = 3, *,
    form: str = "home_volunteer", payer: str = "volunteer",
) -> RespijtBooking:  # fmt: skip
    relief = make_relief(db, situation, form=form)
    arrangement = make_arrangement(db, relief, provider_id=make_provider(db).id)
    ends_at = starts_at + timedelta(hours=hours)
    return make_booking(db, arrangement, situation, starts_at, ends_at=ends_at, payer=payer)


def stay(db: Session, situation: CareSituation, first: date, count: int, payer: str = "wmo") -> RespijtBooking:
    """So many nights in the guest house, from three in the afternoon."""
    starts_at = datetime(first.year, first.month, first.day, 14, tzinfo=UTC)
    return booked(db, situation, starts_at, 24 * count - 4, form="guest_house", payer=payer)


def sums(db: Session, situation: CareSituation) -> list[tuple[int, int, int, int]]:
    found = ledger.balances(db, situation.id or 0, today=MONDAY)
    return [(each.granted, each.planned, each.used, each.left) for each in found]


def refusal(action: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        action()
    return caught.value.field, caught.value.reason


def is_refused(db: Session, line: LedgerLine) -> bool:
    """Whether the database itself refuses this line."""
    undone = db.begin_nested()
    db.add(line)
    try:
        db.flush()
    except IntegrityError:
        undone.rollback()
        return True
    return False


class DescribeEntitlements:
    def it_starts_with_all_of_it_left(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        assert sums(db, els) == [(12, 0, 0, 12)]
        (line,) = ledger.lines(db, els.id or 0)
        assert (line.kind, line.granted, line.by, line.payer) == ("grant", 12, "Chantal", "volunteer")
        assert db.exec(select(Event).where(Event.tag == Tag.ENTITLEMENT_ADDED)).one().data["units"] == 12

    @pytest.mark.parametrize(
        ("facts", "field", "reason"),
        [
            ({"units": 0}, "units", "too_few"),
            ({"units": -3}, "units", "too_few"),
            ({"units": 2.5}, "units", "not_whole"),
            ({"units": True}, "units", "not_whole"),
            ({"units": 4 * 365 + 1}, "units", "too_many"),
            ({"units": 10**30}, "units", "too_many"),
            ({"last_day": date(2025, 12, 31)}, "last_day", "before_first"),
            ({"last_day": date(2031, 1, 1)}, "last_day", "too_long"),
            ({"first_day": date(24, 1, 1)}, "first_day", "too_far"),
            ({"first_day": date(9999, 12, 1), "last_day": date(9999, 12, 31)}, "first_day", "too_far"),
            ({"indication_ends": date(2025, 12, 31)}, "indication_ends", "before_first"),
            ({"payer": "lottery"}, "payer", "unknown"),
            ({"form": "palace"}, "form", "unknown"),
            ({"unit": "fortnight"}, "unit", "unknown"),
            ({"payer": "wmo"}, "form", "not_paid"),
        ],
    )
    def it_refuses_what_cannot_be(
        self, db: Session, cast: Cast, els: CareSituation, facts: dict[str, Any], field: str, reason: str
    ) -> None:
        assert refusal(lambda: grant(db, els, cast, **facts)) == (field, reason)
        assert ledger.lines(db, els.id or 0) == []

    def it_takes_five_whole_years(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast, last_day=date(2030, 12, 31))
        assert sums(db, els) == [(12, 0, 0, 12)]

    @pytest.mark.parametrize(("first", "last"), [((1, 1), (12, 31)), ((12, 31), (12, 31)), ((5, 1), (6, 1))])
    def it_refuses_the_same_twice_and_names_the_one_that_exists(
        self, db: Session, cast: Cast, els: CareSituation, first: tuple[int, int], last: tuple[int, int]
    ) -> None:
        grant(db, els, cast)
        with pytest.raises(Overlap) as caught:
            grant(db, els, cast, units=1, first_day=date(2026, *first), last_day=date(2026, *last))
        assert (caught.value.reason, caught.value.payer, caught.value.ends_on) == ("overlap", "volunteer", DECEMBER)

    def it_takes_an_extension_as_a_new_one(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast, indication_ends=date(2026, 6, 30))
        grant(db, els, cast, first_day=date(2026, 7, 1), units=6)
        assert sorted(sums(db, els)) == [(6, 0, 0, 6), (12, 0, 0, 12)]

    def it_takes_another_form_unit_or_payer_beside_it(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        grant(db, els, cast, unit="hour")
        grant(db, els, cast, form="")
        grant(db, els, cast, form="visiting", payer="wmo")
        assert len(sums(db, els)) == 4

    def it_takes_the_place_of_one_that_was_corrected_to_nothing(
        self, db: Session, cast: Cast, els: CareSituation
    ) -> None:
        wrong = grant(db, els, cast)
        line = db.exec(select(LedgerLine).where(LedgerLine.entitlement_id == wrong.id)).one()
        ledger.correct(db, line, units=0, reason="typed", by=cast.chantal.id or 0, now=NOW)
        grant(db, els, cast, units=8)
        assert sorted(sums(db, els)) == [(0, 0, 0, 0), (8, 0, 0, 8)]

    def it_does_not_join_wmo_and_wlz(self, db: Session, cast: Cast, els: CareSituation) -> None:
        nights(db, els, cast)
        with pytest.raises(Overlap) as caught:
            nights(db, els, cast, payer="wlz", first_day=date(2026, 12, 1))
        assert (caught.value.field, caught.value.reason) == ("payer", "wmo_and_wlz")
        nights(db, els, cast, payer="wlz", first_day=date(2027, 1, 1), last_day=date(2027, 12, 31))
        assert len(sums(db, els)) == 2

    def it_gives_wlz_only_at_home(self, db: Session, cast: Cast) -> None:
        away = make_situation(db, cast.els, details=DETAILS | {"lives": "institution"})
        assert refusal(lambda: nights(db, away, cast, payer="wlz")) == ("payer", "not_at_home")

    def it_refuses_a_closed_situation(self, db: Session, cast: Cast) -> None:
        closed = make_situation(db, cast.els, state=CareState.CLOSED)
        with pytest.raises(IllegalMove):
            grant(db, closed, cast)

    def it_lets_the_carer_tell_of_own_money_and_insurance_only(
        self, db: Session, cast: Cast, els: CareSituation
    ) -> None:
        nights(db, els, cast, payer="insurance", by=cast.els.id)
        nights(db, els, cast, payer="own", by=cast.els.id)
        assert refusal(lambda: nights(db, els, cast, by=cast.els.id)) == ("payer", "desk_only")
        assert {line.by for line in ledger.lines(db, els.id or 0)} == {"Els"}


class DescribeTheNightsOfTheWlz:
    def it_grants_156_in_a_calendar_year(self, db: Session, cast: Cast, els: CareSituation) -> None:
        nights(db, els, cast, payer="wlz", units=100)
        with pytest.raises(YearFull) as caught:
            nights(db, els, cast, payer="wlz", form="night_care", units=57)
        assert (caught.value.year, caught.value.left, caught.value.limit) == (2026, 56, 156)
        nights(db, els, cast, payer="wlz", form="night_care", units=56)
        nights(db, els, cast, payer="wlz", first_day=date(2027, 1, 1), last_day=date(2027, 12, 31), units=156)

    def it_counts_a_grant_over_two_years_in_both(self, db: Session, cast: Cast, els: CareSituation) -> None:
        over = {"payer": "wlz", "first_day": date(2026, 7, 1), "last_day": date(2027, 6, 30)}
        nights(db, els, cast, **over, units=250)
        nights(db, els, cast, payer="wlz", form="night_care", units=62)
        with pytest.raises(YearFull):
            nights(db, els, cast, payer="wlz", form="host_family", units=1, first_day=JANUARY)

    def it_does_not_use_more_than_156_in_a_year(self, db: Session, cast: Cast, els: CareSituation) -> None:
        last = date(2030, 12, 31)
        nights(db, els, cast, payer="wlz", units=300, last_day=last)
        ledger.plan(db, stay(db, els, date(2026, 3, 1), 150, "wlz"), by=None, now=NOW)
        with pytest.raises(YearFull) as caught:
            ledger.plan(db, stay(db, els, date(2026, 10, 1), 7, "wlz"), by=None, now=NOW)
        assert (caught.value.year, caught.value.left) == (2026, 6)
        ledger.plan(db, stay(db, els, date(2026, 12, 26), 12, "wlz"), by=None, now=NOW)  # six in each year
        assert sums(db, els) == [(300, 162, 0, 138)]

    def it_counts_of_an_ended_one_only_what_was_taken(self, db: Session, cast: Cast, els: CareSituation) -> None:
        first = nights(db, els, cast, payer="wlz", units=156)
        ledger.plan(db, stay(db, els, date(2026, 3, 1), 20, "wlz"), by=None, now=NOW)
        ledger.end(db, first, last_day=date(2026, 5, 31), by=cast.chantal.id or 0, now=NOW)
        with pytest.raises(YearFull) as caught:
            nights(db, els, cast, payer="wlz", units=137, first_day=date(2026, 6, 1))
        assert caught.value.left == 136


class DescribeBookings:
    def it_moves_from_planned_to_used(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        booking = booked(db, els, NOW)
        ledger.plan(db, booking, by=cast.chantal.id, now=NOW)
        assert sums(db, els) == [(12, 1, 0, 11)]
        ledger.use(db, booking, by=None, now=NOW)
        assert sums(db, els) == [(12, 0, 1, 11)]

    def it_gives_back_what_does_not_happen(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        booking = booked(db, els, NOW, 8)
        ledger.plan(db, booking, by=None, now=NOW)
        assert sums(db, els) == [(12, 2, 0, 10)]
        ledger.release(db, booking, by=None, now=NOW)
        assert sums(db, els) == [(12, 0, 0, 12)]
        assert [line.kind for line in ledger.lines(db, els.id or 0)] == ["release", "plan", "grant"]

    def it_gives_back_what_was_used_by_mistake(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        booking = booked(db, els, NOW)
        for act in (ledger.plan, ledger.use, ledger.release):
            act(db, booking, by=None, now=NOW)
        assert sums(db, els) == [(12, 0, 0, 12)]
        assert sorted(line.kind for line in ledger.lines(db, els.id or 0)) == [
            "correct", "grant", "plan", "release", "use",
        ]  # fmt: skip

    @pytest.mark.parametrize("act", [ledger.plan, ledger.use, ledger.release])
    def it_writes_the_same_thing_once(self, db: Session, cast: Cast, els: CareSituation, act: Any) -> None:
        grant(db, els, cast)
        booking = booked(db, els, NOW)
        if act is not ledger.plan:
            ledger.plan(db, booking, by=None, now=NOW)
        act(db, booking, by=None, now=NOW)
        before = sums(db, els)
        assert act(db, booking, by=None, now=NOW) == []
        assert sums(db, els) == before

    def it_has_a_database_that_refuses_the_same_line_twice(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        (line,) = ledger.plan(db, booked(db, els, NOW), by=None, now=NOW)
        twin = LedgerLine(**line.model_dump(exclude={"id"}))
        assert is_refused(db, twin)

    def it_can_be_planned_again_after_it_came_back(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        booking = booked(db, els, NOW)
        for act in (ledger.plan, ledger.release, ledger.plan, ledger.use, ledger.release, ledger.plan):
            act(db, booking, by=None, now=NOW)
        assert sums(db, els) == [(12, 1, 0, 11)]

    def it_takes_nothing_without_a_payer(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        booking = booked(db, els, NOW, payer="")
        assert [act(db, booking, by=None, now=NOW) for act in (ledger.plan, ledger.use, ledger.release)] == [[]] * 3

    def it_takes_what_is_for_this_form_first(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast, form="", last_day=date(2026, 11, 30))
        own = grant(db, els, cast, units=1)
        (line,) = ledger.plan(db, booked(db, els, NOW), by=None, now=NOW)
        assert line.entitlement_id == own.id
        (line,) = ledger.plan(db, booked(db, els, NOW + timedelta(days=1)), by=None, now=NOW)
        assert line.entitlement_id != own.id, "the one for this form is empty"

    def it_counts_in_the_unit_that_the_payer_gave(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast, unit="hour", units=20)
        (line,) = ledger.plan(db, booked(db, els, NOW, 2.5), by=None, now=NOW)
        assert line.planned == 3

    def it_takes_a_stay_over_new_year_from_two(self, db: Session, cast: Cast, els: CareSituation) -> None:
        nights(db, els, cast)
        nights(db, els, cast, first_day=date(2027, 1, 1), last_day=date(2027, 12, 31))
        booking = stay(db, els, date(2026, 12, 29), 5)
        old, new = ledger.plan(db, booking, by=None, now=NOW)
        assert (old.planned, old.day) == (3, date(2026, 12, 29))
        assert (new.planned, new.day) == (2, date(2027, 1, 1))
        ledger.use(db, booking, by=None, now=NOW)
        assert sums(db, els) == [(14, 0, 3, 11), (14, 0, 2, 12)]

    def it_splits_the_years_of_one_entitlement(self, db: Session, cast: Cast, els: CareSituation) -> None:
        nights(db, els, cast, last_day=date(2027, 6, 30))
        lines = ledger.plan(db, stay(db, els, date(2026, 12, 29), 5), by=None, now=NOW)
        assert [(line.day.year, line.planned) for line in lines] == [(2026, 3), (2027, 2)]

    def it_refuses_a_day_that_nothing_holds(self, db: Session, cast: Cast, els: CareSituation) -> None:
        nights(db, els, cast)
        with pytest.raises(NoEntitlement) as caught:
            ledger.plan(db, stay(db, els, date(2026, 12, 29), 5), by=None, now=NOW)
        assert (caught.value.payer, caught.value.day) == ("wmo", date(2027, 1, 1))
        with pytest.raises(NoEntitlement) as caught:
            ledger.plan(db, booked(db, els, NOW, payer="own"), by=None, now=NOW)
        assert (caught.value.payer, caught.value.day) == ("own", MONDAY)
        assert sums(db, els) == [(14, 0, 0, 14)]

    def it_refuses_days_after_the_indication(self, db: Session, cast: Cast, els: CareSituation) -> None:
        nights(db, els, cast, indication_ends=date(2026, 12, 10))
        ledger.plan(db, stay(db, els, date(2026, 12, 9), 2), by=None, now=NOW)
        with pytest.raises(NoEntitlement) as caught:
            ledger.plan(db, stay(db, els, date(2026, 12, 10), 2), by=None, now=NOW)
        assert caught.value.day == date(2026, 12, 11)

    def it_says_how_little_is_left(self, db: Session, cast: Cast, els: CareSituation) -> None:
        nights(db, els, cast, units=3)
        ledger.plan(db, stay(db, els, date(2026, 12, 1), 1), by=None, now=NOW)
        with pytest.raises(TooLittleLeft) as caught:
            ledger.plan(db, stay(db, els, date(2026, 12, 9), 3), by=None, now=NOW)
        error = caught.value
        assert (error.unit, error.left, error.needed, error.ends_on) == ("night", 2, 3, DECEMBER)
        assert sums(db, els) == [(3, 1, 0, 2)]

    def it_gives_no_wlz_to_somebody_who_moved_to_an_institution(
        self, db: Session, cast: Cast, els: CareSituation
    ) -> None:
        nights(db, els, cast, payer="wlz")
        els.details = DETAILS | {"lives": "institution"}
        db.add(els)
        db.flush()
        booking = stay(db, els, date(2026, 12, 9), 2, "wlz")
        assert refusal(lambda: ledger.plan(db, booking, by=None, now=NOW)) == ("payer", "not_at_home")


class DescribeCorrections:
    @pytest.fixture
    def planned(self, db: Session, cast: Cast, els: CareSituation) -> tuple[RespijtBooking, LedgerLine]:
        nights(db, els, cast)
        booking = stay(db, els, date(2026, 12, 1), 4)
        (line,) = ledger.plan(db, booking, by=None, now=NOW)
        return booking, line

    @staticmethod
    def put_right(db: Session, cast: Cast, line: LedgerLine, units: int, reason: str = "typed") -> list[LedgerLine]:
        return ledger.correct(db, line, units=units, reason=reason, by=cast.chantal.id or 0, now=NOW)

    def it_adds_two_lines_and_changes_none(
        self, db: Session, cast: Cast, els: CareSituation, planned: tuple[RespijtBooking, LedgerLine]
    ) -> None:
        before = [line.model_dump() for line in db.exec(select(LedgerLine).order_by(LedgerLine.id))]
        undone, right = self.put_right(db, cast, planned[1], 3)
        assert (undone.kind, undone.planned, undone.corrects_id, undone.reason) == (
            "correct", -4, planned[1].id, "typed",
        )  # fmt: skip
        assert (right.kind, right.planned) == ("plan", 3)
        assert sums(db, els) == [(14, 3, 0, 11)]
        db.expire_all()
        after = [line.model_dump() for line in db.exec(select(LedgerLine).order_by(LedgerLine.id))]
        assert after[: len(before)] == before
        assert db.exec(select(Event).where(Event.tag == Tag.LEDGER_CORRECTED)).one().data["units"] == 3

    def it_gives_back_what_was_not_used_after_all(
        self, db: Session, cast: Cast, els: CareSituation, planned: tuple[RespijtBooking, LedgerLine]
    ) -> None:
        (used,) = ledger.use(db, planned[0], by=None, now=NOW)
        _undone, right = self.put_right(db, cast, used, 2, "happened")
        assert sums(db, els) == [(14, 0, 2, 12)]
        self.put_right(db, cast, right, 5, "typed")
        assert sums(db, els) == [(14, 0, 5, 9)]

    def it_corrects_a_use_to_nothing(
        self, db: Session, cast: Cast, els: CareSituation, planned: tuple[RespijtBooking, LedgerLine]
    ) -> None:
        (used,) = ledger.use(db, planned[0], by=None, now=NOW)
        self.put_right(db, cast, used, 0)
        assert sums(db, els) == [(14, 0, 0, 14)]
        ledger.release(db, planned[0], by=None, now=NOW)
        assert sums(db, els) == [(14, 0, 0, 14)]

    def it_corrects_what_was_granted(
        self, db: Session, cast: Cast, els: CareSituation, planned: tuple[RespijtBooking, LedgerLine]
    ) -> None:
        line = db.exec(select(LedgerLine).where(LedgerLine.kind == "grant")).one()
        assert refusal(lambda: self.put_right(db, cast, line, 3)) == ("units", "below_booked")
        assert refusal(lambda: self.put_right(db, cast, line, 366)) == ("units", "too_many")
        self.put_right(db, cast, line, 4, "decision")
        assert sums(db, els) == [(4, 4, 0, 0)]

    def it_corrects_what_was_granted_of_one_that_ended(self, db: Session, cast: Cast, els: CareSituation) -> None:
        ended = grant(db, els, cast, units=100)
        ledger.end(db, ended, last_day=date(2026, 1, 10), by=cast.chantal.id or 0, now=NOW)
        line = db.exec(select(LedgerLine).where(LedgerLine.kind == "grant")).one()
        assert refusal(lambda: self.put_right(db, cast, line, 101)) == ("units", "too_many")
        self.put_right(db, cast, line, 90)
        assert sums(db, els) == [(90, 0, 0, 90)]

    def it_corrects_nothing_when_the_care_is_over(
        self, db: Session, cast: Cast, els: CareSituation, planned: tuple[RespijtBooking, LedgerLine]
    ) -> None:
        els.state = CareState.CLOSED
        with pytest.raises(IllegalMove):
            self.put_right(db, cast, planned[1], 3)
        assert sums(db, els) == [(14, 4, 0, 10)]

    def it_corrects_nothing_twice(
        self, db: Session, cast: Cast, els: CareSituation, planned: tuple[RespijtBooking, LedgerLine]
    ) -> None:
        line = planned[1]
        undone, _right = self.put_right(db, cast, line, 3)
        assert refusal(lambda: self.put_right(db, cast, line, 2)) == ("line", "already")
        assert refusal(lambda: self.put_right(db, cast, undone, 2)) == ("line", "not_correctable")
        assert is_refused(db, LedgerLine(**undone.model_dump(exclude={"id", "key"}), key="another"))

    @pytest.mark.parametrize(
        ("units", "reason", "refused"),
        [
            (4, "typed", ("units", "same")),
            (15, "typed", ("units", "too_little_left")),
            (-1, "typed", ("units", "too_few")),
            (1.5, "typed", ("units", "not_whole")),
            (2, "because", ("reason", "unknown")),
        ],
    )
    def it_refuses_what_cannot_be(
        self, db: Session, cast: Cast, planned: tuple[RespijtBooking, LedgerLine], units: Any, reason: str,
        refused: tuple[str, str],
    ) -> None:  # fmt: skip
        assert refusal(lambda: self.put_right(db, cast, planned[1], units, reason)) == refused

    def it_takes_the_later_line_of_a_booking(
        self, db: Session, cast: Cast, planned: tuple[RespijtBooking, LedgerLine]
    ) -> None:
        ledger.use(db, planned[0], by=None, now=NOW)
        assert refusal(lambda: self.put_right(db, cast, planned[1], 2)) == ("line", "moved_on")

    def it_keeps_to_the_nights_of_a_year(self, db: Session, cast: Cast, els: CareSituation) -> None:
        nights(db, els, cast, payer="wlz", units=160, last_day=date(2027, 6, 30))
        (line,) = ledger.plan(db, stay(db, els, date(2026, 1, 2), 150, "wlz"), by=None, now=NOW)
        with pytest.raises(YearFull):
            self.put_right(db, cast, line, 157)
        self.put_right(db, cast, line, 156)
        granted = db.exec(select(LedgerLine).where(LedgerLine.kind == "grant")).one()
        with pytest.raises(YearFull):
            self.put_right(db, cast, granted, 313)


class DescribeEndingEarly:
    def it_moves_the_last_day_and_tells_what_lies_beyond(self, db: Session, cast: Cast, els: CareSituation) -> None:
        entitlement = nights(db, els, cast)
        over_the_edge = stay(db, els, date(2026, 11, 29), 3)
        within = stay(db, els, date(2026, 11, 28), 1)
        for booking in (over_the_edge, within):
            ledger.plan(db, booking, by=None, now=NOW)
        beyond = ledger.end(db, entitlement, last_day=date(2026, 11, 30), by=cast.chantal.id or 0, now=NOW)
        assert [(each.booking_id, each.units) for each in beyond] == [(over_the_edge.id, 3)]
        (balance,) = ledger.balances(db, els.id or 0, today=MONDAY)
        assert (balance.ends_on, balance.left) == (date(2026, 11, 30), 10)
        assert ledger.lines(db, els.id or 0)[0].kind == "end"
        with pytest.raises(NoEntitlement):
            ledger.plan(db, stay(db, els, date(2026, 12, 5), 1), by=None, now=NOW)

    def it_refuses_days_that_make_no_sense(self, db: Session, cast: Cast, els: CareSituation) -> None:
        entitlement = nights(db, els, cast, indication_ends=date(2026, 12, 10))
        booking = stay(db, els, date(2026, 11, 1), 3)
        ledger.plan(db, booking, by=None, now=NOW)
        ledger.use(db, booking, by=None, now=NOW)

        def end(last_day: date) -> tuple[str, str]:
            return refusal(lambda: ledger.end(db, entitlement, last_day=last_day, by=cast.chantal.id or 0, now=NOW))

        assert end(date(2025, 12, 31)) == ("last_day", "before_first")
        assert end(date(2026, 12, 10)) == ("last_day", "not_earlier")
        assert end(date(2026, 11, 2)) == ("last_day", "used_after")
        ledger.end(db, entitlement, last_day=date(2026, 11, 3), by=cast.chantal.id or 0, now=NOW)

    def it_looks_only_at_the_days_that_it_gave(self, db: Session, cast: Cast, els: CareSituation) -> None:
        of_form = nights(db, els, cast, units=2, last_day=date(2027, 6, 30))
        nights(db, els, cast, form="", units=50, last_day=date(2027, 6, 30))
        over_new_year = stay(db, els, date(2026, 12, 30), 4)
        ledger.plan(db, over_new_year, by=None, now=NOW)
        ledger.use(db, over_new_year, by=None, now=NOW)
        assert ledger.end(db, of_form, last_day=DECEMBER, by=cast.chantal.id or 0, now=NOW) == []
        assert refusal(
            lambda: ledger.end(db, of_form, last_day=date(2026, 12, 30), by=cast.chantal.id or 0, now=NOW)
        ) == ("last_day", "used_after")

    def it_tells_what_lies_beyond_once_for_each_booking(self, db: Session, cast: Cast, els: CareSituation) -> None:
        entitlement = nights(db, els, cast, last_day=date(2027, 6, 30))
        over_new_year = stay(db, els, date(2026, 12, 30), 4)
        ledger.plan(db, over_new_year, by=None, now=NOW)
        for last_day, units in ((DECEMBER, 2), (date(2026, 12, 1), 4)):
            told = ledger.end(db, entitlement, last_day=last_day, by=cast.chantal.id or 0, now=NOW)
            assert [(each.booking_id, each.units) for each in told] == [(over_new_year.id, units)]
            assert ledger.beyond(db, els.id or 0) == told

    def it_ends_nothing_when_the_care_is_over(self, db: Session, cast: Cast, els: CareSituation) -> None:
        entitlement = nights(db, els, cast)
        els.state = CareState.CLOSED
        with pytest.raises(IllegalMove):
            ledger.end(db, entitlement, last_day=date(2026, 11, 3), by=cast.chantal.id or 0, now=NOW)

    def it_can_be_ended_earlier_still(self, db: Session, cast: Cast, els: CareSituation) -> None:
        entitlement = nights(db, els, cast)
        for day in (30, 20):
            ledger.end(db, entitlement, last_day=date(2026, 11, day), by=cast.chantal.id or 0, now=NOW)
        assert entitlement.last_day == date(2026, 11, 20)


class DescribeReading:
    def it_puts_what_ends_soonest_first_and_what_is_over_last(
        self, db: Session, cast: Cast, els: CareSituation
    ) -> None:
        grant(db, els, cast)
        nights(db, els, cast, indication_ends=date(2026, 12, 10))
        nights(db, els, cast, form="night_care", last_day=date(2026, 11, 22))
        nights(db, els, cast, form="holiday", last_day=date(2026, 3, 1))
        found = ledger.balances(db, els.id or 0, today=MONDAY)
        assert [(each.entitlement.form, each.is_over) for each in found] == [
            ("guest_house", False), ("home_volunteer", False), ("night_care", True), ("holiday", True),
        ]  # fmt: skip

    def it_reads_lines_by_the_page(self, db: Session, cast: Cast, els: CareSituation) -> None:
        grant(db, els, cast)
        for n in range(4):
            ledger.plan(db, booked(db, els, NOW + timedelta(days=n)), by=None, now=NOW)
        situation_id = els.id or 0
        assert ledger.count(db, situation_id) == 5
        every = [line.id for line in ledger.lines(db, situation_id)]
        assert [line.id for line in ledger.lines(db, situation_id, limit=2, offset=1)] == every[1:3]
        assert [line.id for line in ledger.lines(db, situation_id, oldest_first=True)] == every[::-1]
        assert ledger.lines(db, situation_id)[0].by is None

    def it_keeps_situations_apart(self, db: Session, cast: Cast, els: CareSituation) -> None:
        other = make_situation(db, cast.anna)
        grant(db, els, cast)
        theirs = grant(db, other, cast, units=5)
        assert sums(db, els) == [(12, 0, 0, 12)]
        assert sums(db, other) == [(5, 0, 0, 5)]
        (line,) = ledger.lines(db, other.id or 0)
        assert ledger.line_of(db, line.id)[1] is ledger.entitlement_of(db, theirs.id or 0)

    @pytest.mark.parametrize("look", [ledger.entitlement_of, ledger.line_of])
    def it_finds_nothing_where_nothing_is(self, db: Session, look: Callable[[Session, int], object]) -> None:
        with pytest.raises(NotFound):
            look(db, 10**6)


class DescribeTwoAtOnce:
    """Two connections, as when two colleagues press a button in the same second."""

    @pytest.fixture
    def engine(self, app: object, separate_database: str) -> Iterator[Engine]:
        engine = open_engine(separate_database).execution_options(**{WRITES: True})
        with Session(engine) as session:
            make_cast(session)
            session.commit()
        yield engine
        engine.dispose()

    @staticmethod
    def situation(session: Session) -> CareSituation:
        els = session.exec(select(Account).where(Account.first_name == "Els")).one()
        return make_situation(session, els)

    def at_once(self, engine: Engine, acts: list[Callable[[Session], object]]) -> list[str]:
        """What came of each: "done", or the reason why not."""
        together = threading.Barrier(len(acts))
        outcomes: list[str] = []

        def run(act: Callable[[Session], object]) -> None:
            with Session(engine) as session:
                together.wait()
                try:
                    act(session)
                    session.commit()
                    outcomes.append("done")
                except Invalid as error:
                    outcomes.append(error.reason)

        threads = [threading.Thread(target=run, args=(act,)) for act in acts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(outcomes)

    def it_gives_the_last_unit_to_one(self, engine: Engine) -> None:
        with Session(engine, expire_on_commit=False) as session:
            situation = self.situation(session)
            staff = session.exec(select(Account).where(Account.first_name == "Chantal")).one()
            grant(session, situation, Cast(*[staff] * 8), units=1)
            bookings = [booked(session, situation, NOW + timedelta(days=n)) for n in range(4)]
            session.commit()

        def plan(booking: RespijtBooking) -> Callable[[Session], object]:
            return lambda session: ledger.plan(session, session.get_one(RespijtBooking, booking.id), by=None, now=NOW)

        outcomes = self.at_once(engine, [plan(booking) for booking in bookings])
        assert outcomes == ["done", *["too_little_left"] * 3]
        with Session(engine) as session:
            assert sums(session, situation) == [(1, 1, 0, 0)]

    def it_plans_and_uses_one_booking_once(self, engine: Engine) -> None:
        with Session(engine, expire_on_commit=False) as session:
            situation = self.situation(session)
            staff = session.exec(select(Account).where(Account.first_name == "Chantal")).one()
            grant(session, situation, Cast(*[staff] * 8))
            booking = booked(session, situation, NOW)
            session.commit()
        for act, expected in ((ledger.plan, (12, 1, 0, 11)), (ledger.use, (12, 0, 1, 11))):

            def once(session: Session, act: Any = act) -> object:
                return act(session, session.get_one(RespijtBooking, booking.id), by=None, now=NOW)

            assert self.at_once(engine, [once] * 3) == ["done"] * 3
            with Session(engine) as session:
                assert sums(session, situation) == [expected]

    def it_writes_one_of_two_that_overlap(self, engine: Engine) -> None:
        with Session(engine, expire_on_commit=False) as session:
            situation = self.situation(session)
            staff = session.exec(select(Account).where(Account.first_name == "Chantal")).one()
            session.commit()

        def add(session: Session) -> object:
            return grant(session, session.get_one(CareSituation, situation.id), Cast(*[staff] * 8))

        assert self.at_once(engine, [add, add]) == ["done", "overlap"]

    def it_gives_nothing_to_a_situation_that_is_closed_meanwhile(self, engine: Engine) -> None:
        with Session(engine, expire_on_commit=False) as session:
            situation = self.situation(session)
            staff = session.exec(select(Account).where(Account.first_name == "Chantal")).one()
            session.commit()
        with Session(engine, expire_on_commit=False) as late:
            as_it_was = late.get_one(CareSituation, situation.id)
            late.commit()
            with Session(engine) as other:
                other.get_one(CareSituation, situation.id).state = CareState.CLOSED
                other.commit()
            with pytest.raises(IllegalMove):
                grant(late, as_it_was, Cast(*[staff] * 8))

    def it_corrects_a_line_once(self, engine: Engine) -> None:
        with Session(engine, expire_on_commit=False) as session:
            situation = self.situation(session)
            staff = session.exec(select(Account).where(Account.first_name == "Chantal")).one()
            grant(session, situation, Cast(*[staff] * 8))
            line = session.exec(select(LedgerLine)).one()
            session.commit()

        def correct(session: Session) -> object:
            found = session.get_one(LedgerLine, line.id)
            return ledger.correct(session, found, units=8, reason="typed", by=staff.id or 0, now=NOW)

        assert self.at_once(engine, [correct, correct]) == ["already", "done"]
        with Session(engine) as session:
            assert sums(session, situation) == [(8, 0, 0, 8)]
