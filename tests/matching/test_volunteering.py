"""Becoming a volunteer, the profile, pause and absence."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, select

from matching.errors import Invalid, NotFound
from matching.models import Absence, Event, Tag, Volunteer
from matching.services import drafts, volunteering
from matching.services.volunteering import Home, Profile
from tests.people import DRIFTBUURT, GEUZENBUURT, MONDAY, NOW, TUESDAY, Cast

PROFILE = Profile(
    skills=("groceries", "pet"), slots=0b11, radius_m=1000, languages=("nl", "en"), weekly_max=3, has_car=True
)


def tags(db: Session) -> list[str]:
    return list(db.exec(select(Event.tag).where(Event.subject == "volunteer").order_by(col(Event.id))))


def bram(db: Session, cast: Cast) -> Volunteer:
    return db.get_one(Volunteer, cast.bram.id)


class DescribeJoining:
    def it_makes_a_volunteer_of_somebody_who_asks(self, db: Session, cast: Cast) -> None:
        volunteer = volunteering.join(db, cast.anna.id or 0, PROFILE, now=NOW)
        assert volunteering.profile_of(volunteer) == PROFILE
        assert tags(db) == [Tag.VOLUNTEER_JOINED]

    def it_keeps_anywhere_as_anywhere(self, db: Session, cast: Cast) -> None:
        volunteering.join(db, cast.anna.id or 0, replace(PROFILE, radius_m=None), now=NOW)
        db.expire_all()
        assert db.get_one(Volunteer, cast.anna.id).radius_m is None

    def it_changes_nothing_when_sent_twice(self, db: Session, cast: Cast) -> None:
        for _ in range(2):
            volunteering.join(db, cast.anna.id or 0, PROFILE, now=NOW)
        assert tags(db) == [Tag.VOLUNTEER_JOINED]

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("skills", ()),
            ("skills", ("groceries", "flying")),
            ("slots", 0),
            ("slots", 2**28),
            ("slots", -1),
            ("radius_m", 0),
            ("radius_m", 10**9),
            ("languages", ()),
            ("languages", ("klingon",)),
            ("weekly_max", 0),
            ("weekly_max", 8),
        ],
    )
    def it_refuses_what_cannot_be(self, db: Session, cast: Cast, field: str, value: object) -> None:
        with pytest.raises(Invalid) as refusal:
            volunteering.join(db, cast.anna.id or 0, replace(PROFILE, **{field: value}), now=NOW)  # type: ignore[arg-type]
        assert refusal.value.field == field
        assert volunteering.find(db, cast.anna.id or 0) is None

    def it_records_a_change_only_when_something_changed(self, db: Session, cast: Cast) -> None:
        volunteer = bram(db, cast)
        volunteering.save_profile(db, volunteer, volunteering.profile_of(volunteer), now=NOW)
        assert tags(db) == []
        volunteering.save_profile(db, volunteer, PROFILE, now=NOW)
        assert tags(db) == [Tag.VOLUNTEER_CHANGED]

    def it_keeps_a_profile_for_its_owner_without_changing_anything(self, db: Session, cast: Cast) -> None:
        before = volunteering.profile_of(bram(db, cast))
        volunteering.keep_for_later(db, cast.bram.id or 0, replace(PROFILE, weekly_max=1), now=NOW)
        volunteering.keep_for_later(db, cast.bram.id or 0, PROFILE, now=NOW + timedelta(minutes=1))
        assert volunteering.profile_of(bram(db, cast)) == before
        assert volunteering.kept_profile(db, cast.bram.id or 0) == PROFILE
        assert volunteering.kept_profile(db, cast.daan.id or 0) is None
        volunteering.forget_kept_profile(db, cast.bram.id or 0)
        assert volunteering.kept_profile(db, cast.bram.id or 0) is None

    def it_takes_a_draft_away_once(self, db: Session, cast: Cast) -> None:
        draft = drafts.save(db, None, "volunteer", {}, account_id=None, now=NOW)
        db.flush()
        assert volunteering.take_draft(db, draft.id)
        assert not volunteering.take_draft(db, draft.id)


class DescribeAPause:
    def it_lasts_until_told_otherwise(self, db: Session, cast: Cast) -> None:
        volunteer = bram(db, cast)
        volunteering.pause(db, volunteer, today=MONDAY, now=NOW)
        assert not volunteer.is_available(MONDAY + timedelta(days=3650))
        volunteering.resume(db, volunteer, now=NOW)
        assert volunteer.is_available(MONDAY)
        assert tags(db) == [Tag.VOLUNTEER_PAUSED, Tag.VOLUNTEER_RESUMED]

    def it_may_end_on_a_day(self, db: Session, cast: Cast) -> None:
        volunteer = bram(db, cast)
        volunteering.pause(db, volunteer, until=TUESDAY, today=MONDAY, now=NOW)
        assert not volunteer.is_available(MONDAY)
        assert volunteer.is_available(TUESDAY)

    def it_is_one_pause_when_sent_twice(self, db: Session, cast: Cast) -> None:
        for _ in range(2):
            volunteering.pause(db, bram(db, cast), today=MONDAY, now=NOW)
        for _ in range(2):
            volunteering.resume(db, bram(db, cast), now=NOW)
        assert tags(db) == [Tag.VOLUNTEER_PAUSED, Tag.VOLUNTEER_RESUMED]

    @pytest.mark.parametrize(
        ("until", "reason"), [(MONDAY, "past"), (date(1, 1, 1), "past"), (date(9999, 12, 31), "too_far")]
    )
    def it_refuses_a_day_that_makes_no_sense(self, db: Session, cast: Cast, until: date, reason: str) -> None:
        with pytest.raises(Invalid) as refusal:
            volunteering.pause(db, bram(db, cast), until=until, today=MONDAY, now=NOW)
        assert (refusal.value.field, refusal.value.reason) == ("until", reason)


class DescribeAnAbsence:
    def it_is_kept_and_removed(self, db: Session, cast: Cast) -> None:
        volunteer = bram(db, cast)
        later = volunteering.add_absence(db, volunteer, date(2027, 2, 1), date(2027, 2, 2), today=MONDAY, now=NOW)
        sooner = volunteering.add_absence(db, volunteer, MONDAY, MONDAY, today=MONDAY, now=NOW)
        assert list(volunteering.absences(db, volunteer.account_id, today=MONDAY)) == [sooner, later]
        assert list(volunteering.absences(db, volunteer.account_id, today=TUESDAY)) == [later]
        volunteering.remove_absence(db, volunteer, later.id or 0, now=NOW)
        assert list(volunteering.absences(db, volunteer.account_id, today=MONDAY)) == [sooner]

    @pytest.mark.parametrize(
        ("first", "last", "field", "reason"),
        [
            (TUESDAY, MONDAY, "last_day", "order"),
            (MONDAY - timedelta(days=1), TUESDAY, "first_day", "past"),
            (date(1, 1, 1), date(1, 1, 2), "first_day", "past"),
            (MONDAY, date(9999, 12, 31), "last_day", "too_far"),
        ],
    )
    def it_refuses_days_that_make_no_sense(
        self, db: Session, cast: Cast, first: date, last: date, field: str, reason: str
    ) -> None:
        with pytest.raises(Invalid) as refusal:
            volunteering.add_absence(db, bram(db, cast), first, last, today=MONDAY, now=NOW)
        assert (refusal.value.field, refusal.value.reason) == (field, reason)

    def it_is_one_absence_when_sent_twice(self, db: Session, cast: Cast) -> None:
        for _ in range(2):
            volunteering.add_absence(db, bram(db, cast), MONDAY, TUESDAY, today=MONDAY, now=NOW)
        assert len(db.exec(select(Absence)).all()) == 1

    def it_has_a_limit(self, db: Session, cast: Cast) -> None:
        volunteer = bram(db, cast)
        for day in range(20):
            first = TUESDAY + timedelta(days=day)
            volunteering.add_absence(db, volunteer, first, first, today=MONDAY, now=NOW)
        with pytest.raises(Invalid) as refusal:
            volunteering.add_absence(db, volunteer, MONDAY, MONDAY, today=MONDAY, now=NOW)
        assert refusal.value.reason == "too_many"

    def it_belongs_to_one_volunteer(self, db: Session, cast: Cast) -> None:
        absence = volunteering.add_absence(db, bram(db, cast), MONDAY, TUESDAY, today=MONDAY, now=NOW)
        with pytest.raises(NotFound):
            volunteering.remove_absence(db, db.get_one(Volunteer, cast.daan.id), absence.id or 0, now=NOW)


class DescribeTheBuurtenOneReaches:
    def it_names_the_nearest_first_and_ones_own_always(self, db: Session, cast: Cast) -> None:
        home = volunteering.home_of(cast.bram)
        assert home is not None
        near = volunteering.reached(db, replace(home, x=home.x + 900), 500)
        assert near[0] == (GEUZENBUURT, "Geuzenbuurt")
        assert (DRIFTBUURT, "Kleine Driftbuurt") in volunteering.reached(db, home, 2000)
        assert len(volunteering.reached(db, home, 1000)) < len(volunteering.reached(db, home, 3000)) < 43
        assert len(volunteering.reached(db, home, None)) == 43

    def it_needs_a_home(self, db: Session, cast: Cast) -> None:
        cast.bram.buurt_code = None
        assert volunteering.home_of(cast.bram) is None
        volunteering.settle(db, cast.bram.id or 0, DRIFTBUURT, 140_049, 470_051)
        assert volunteering.home_of(cast.bram) == Home(DRIFTBUURT, 140_000, 470_100)

    def it_finds_the_middle_of_a_buurt(self, db: Session) -> None:
        x, y = volunteering.middle_of(db, DRIFTBUURT)
        assert x % 100 == y % 100 == 0
        with pytest.raises(Invalid):
            volunteering.middle_of(db, "BU00000000")
