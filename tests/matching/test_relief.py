"""Asking for time off: what can be asked, what the desk does with it, and what ends with it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from dateutil.rrule import rrulestr
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from matching.access import HeldRole, Viewer
from matching.database import open_engine
from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotFound
from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    DataLook,
    Event,
    OutboxMessage,
    ReliefRequest,
    RespijtBooking,
    Tag,
)
from matching.services import care, looks, relief
from matching.services import relief_rules as rules
from matching.services.relief_rules import Ask, Home
from matching.workflow import ArrangementState, BookingState, CareState, ReliefState
from tests.caring import make_arrangement, make_booking, make_provider, make_relief, make_situation
from tests.people import BLOEMENKWARTIER, HILVERSUM, MONDAY, NOW, OOST, ZUID, Cast, make_cast, make_person
from web.db import session_factory

AT_HOME = Home("together", has_consent=True)
TUESDAY_AFTERNOON = 1 << 5
WEEKLY = Ask("home_volunteer", "FREQ=WEEKLY;BYDAY=TU", MONDAY, None, TUESDAY_AFTERNOON, 180)
SUNDAY_NIGHT = datetime(2026, 11, 22, 22, 30, tzinfo=UTC)


def chantal(cast: Cast) -> Viewer:
    return Viewer(cast.chantal.id, (HeldRole("opbouwwerker", OOST),))


def refused(asked: Ask, home: Home = AT_HOME) -> str:
    with pytest.raises(Invalid) as error:
        rules.check(asked, home, now=NOW)
    return f"{error.value.field}.{error.value.reason}"


def messages(db: Session, account: Account, template: str) -> list[OutboxMessage]:
    query = select(OutboxMessage).where(OutboxMessage.account_id == account.id, OutboxMessage.template == template)
    return list(db.exec(query))


def tags(db: Session, asked: ReliefRequest) -> list[str]:
    found = select(Event.tag).where(Event.subject == "relief_request", Event.subject_id == asked.id)
    return list(db.exec(found.order_by(col(Event.id))))


class DescribeRules:
    @pytest.mark.parametrize(
        ("rhythm", "nth", "slots", "rule"),
        [
            (rules.ONCE, 1, 0, ""),
            (rules.WEEKLY, 1, TUESDAY_AFTERNOON, "FREQ=WEEKLY;BYDAY=TU"),
            (rules.WEEKLY, 1, TUESDAY_AFTERNOON | 1, "FREQ=WEEKLY"),
            (rules.FORTNIGHTLY, 1, 1, "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"),
            (rules.WEEKEND, -1, 0, "FREQ=MONTHLY;BYDAY=-1SA"),
            (rules.MONTHLY, 1, TUESDAY_AFTERNOON, "FREQ=MONTHLY;BYDAY=1TU"),
        ],
    )
    def it_makes_a_rule_of_each_rhythm(self, rhythm: str, nth: int, slots: int, rule: str) -> None:
        made = rules.rule(rhythm, nth=nth, slots=slots)
        assert made == rule
        minutes = rules.WEEKEND_MINUTES if rhythm == rules.WEEKEND else 180
        assert rules.rhythm_of(made, minutes)[0] == rhythm

    @pytest.mark.parametrize(
        ("rhythm", "nth", "slots", "why"),
        [
            ("daily", 1, 1, "rhythm.missing"),
            (rules.WEEKLY, 1, 0, "slots.missing"),
            (rules.WEEKEND, 5, 0, "nth.missing"),
            (rules.MONTHLY, 0, 1, "nth.missing"),
            (rules.MONTHLY, 1, 1 | 1 << 4, "slots.one_day"),
        ],
    )
    def it_refuses_what_makes_no_rhythm(self, rhythm: str, nth: int, slots: int, why: str) -> None:
        with pytest.raises(Invalid) as error:
            rules.rule(rhythm, nth=nth, slots=slots)
        assert f"{error.value.field}.{error.value.reason}" == why

    @given(
        rhythm=st.sampled_from(rules.RHYTHMS[1:]),
        nth=st.sampled_from(rules.NTH),
        slots=st.integers(1, rules.ALL_SLOTS),
    )
    def it_makes_rules_that_the_calendar_reads_and_the_check_takes(self, rhythm: str, nth: int, slots: int) -> None:
        slots = slots if rhythm != rules.MONTHLY else slots & 0b1111 or 1
        rule = rules.rule(rhythm, nth=nth, slots=slots)
        occurrences = rrulestr(rule, dtstart=NOW).xafter(NOW, count=3)
        assert len(list(occurrences)) == 3
        rules.check(Ask("", rule, MONDAY, None, slots, 180), AT_HOME, now=NOW)

    def it_takes_no_rule_of_somebody_elses(self) -> None:
        for foreign in ("FREQ=SECONDLY", "FREQ=WEEKLY;COUNT=99999", "FREQ=WEEKLY;BYDAY=XX", "DTSTART:20200101"):
            assert refused(replace(WEEKLY, rrule=foreign)) == "rhythm.missing"

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"form": "spa"}, "form.unknown"),
            ({"first_day": MONDAY - timedelta(days=1)}, "first_day.past"),
            ({"first_day": MONDAY + timedelta(days=400)}, "first_day.too_far"),
            ({"last_day": MONDAY - timedelta(days=1)}, "last_day.before_first"),
            ({"last_day": date(2036, 1, 1)}, "last_day.too_far"),
            ({"urgency": "yesterday"}, "urgency.missing"),
            ({"minutes": 0}, "minutes.missing"),
            ({"slots": 2**28}, "slots.missing"),
            ({"words": "Bel 06 12 34 56 78"}, "words.phone"),
            ({"words": "Mijn BSN is 111222333"}, "words.bsn"),
            ({"words": "x" * 2001}, "words.too_long"),
            ({"form": "holiday", "rrule": ""}, "last_day.least_days"),
            ({"form": "holiday", "rrule": "", "last_day": MONDAY + timedelta(days=1)}, "last_day.least_days"),
            ({"form": "holiday", "last_day": MONDAY + timedelta(days=9)}, "rhythm.stay"),
            ({"rrule": "", "slots": TUESDAY_AFTERNOON}, "slots.other_day"),
            ({"rrule": "", "slots": 0, "last_day": MONDAY + timedelta(days=90)}, "last_day.too_far"),
        ],
    )
    def it_refuses_with_the_field_and_the_reason(self, change: dict[str, object], why: str) -> None:
        assert refused(replace(WEEKLY, **change)) == why  # type: ignore[arg-type]  # one field at a time

    def it_takes_a_holiday_of_three_days(self) -> None:
        rules.check(Ask("holiday", "", MONDAY, MONDAY + timedelta(days=2), 0, 2880), AT_HOME, now=NOW)

    def it_sends_nobody_to_a_home_without_a_yes(self) -> None:
        assert refused(WEEKLY, Home("together", has_consent=False)) == "form.consent"
        assert refused(WEEKLY, Home("institution", has_consent=True)) == "form.institution"
        rules.check(replace(WEEKLY, form="guest_house"), Home("institution", has_consent=False), now=NOW)
        rules.check(replace(WEEKLY, form=""), Home("together", has_consent=False), now=NOW)

    @pytest.mark.parametrize(
        ("now", "opens"),
        [
            (datetime(2026, 11, 23, 9, 0, tzinfo=UTC), None),  # Monday, 10 o'clock here
            (datetime(2026, 11, 23, 7, 59, tzinfo=UTC), datetime(2026, 11, 23, 8, 0, tzinfo=UTC)),
            (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), datetime(2026, 11, 24, 8, 0, tzinfo=UTC)),
            (SUNDAY_NIGHT, datetime(2026, 11, 23, 8, 0, tzinfo=UTC)),
            (datetime(2026, 12, 24, 20, 0, tzinfo=UTC), datetime(2026, 12, 28, 8, 0, tzinfo=UTC)),  # Christmas
            (datetime(2026, 7, 3, 20, 0, tzinfo=UTC), datetime(2026, 7, 6, 7, 0, tzinfo=UTC)),  # summer time
        ],
    )
    def it_says_honestly_when_somebody_is_at_work(self, now: datetime, opens: datetime | None) -> None:
        assert rules.desk_opens(now) == opens


class DescribeAsking:
    def it_keeps_what_was_asked(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        made = relief.ask(
            db, situation, replace(WEEKLY, words=" Dinsdag wil ik zingen. "), by=cast.els.id or 0, now=NOW
        )
        assert made.state == ReliefState.ASKED
        assert (made.rrule, made.slots, made.words) == (WEEKLY.rrule, WEEKLY.slots, "Dinsdag wil ik zingen.")
        assert tags(db, made) == [Tag.RELIEF_ASKED]
        assert messages(db, cast.chantal, "relief_now") == []

    def it_is_one_request_when_the_form_is_sent_twice(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        first = relief.ask(db, situation, WEEKLY, by=cast.els.id or 0, now=NOW)
        assert relief.ask(db, situation, WEEKLY, by=cast.els.id or 0, now=NOW).id == first.id
        assert tags(db, first) == [Tag.RELIEF_ASKED]
        assert len(relief.of(db, situation.id or 0)) == 1

    @pytest.mark.parametrize("is_taken_up", [True, False])
    @pytest.mark.parametrize("change", [{"words": "Iets anders."}, {"rrule": "", "slots": 0}, {"urgency": "now"}])
    def it_keeps_whatever_is_asked_otherwise_beside_it(
        self, db: Session, cast: Cast, is_taken_up: bool, change: dict[str, object]
    ) -> None:
        situation = make_situation(db, cast.els)
        first = relief.ask(db, situation, WEEKLY, by=cast.els.id or 0, now=NOW)
        if is_taken_up:
            relief.take_up(db, first, viewer=chantal(cast), now=NOW)
        other = replace(WEEKLY, **change)  # type: ignore[arg-type]  # one field at a time
        second = relief.ask(db, situation, other, by=cast.els.id or 0, now=NOW)
        assert second.id != first.id
        assert (first.words, first.rrule, first.urgency) == ("", WEEKLY.rrule, WEEKLY.urgency)
        assert (second.words, second.rrule, second.urgency) == (other.words, other.rrule, other.urgency)
        assert relief.ask(db, situation, other, by=cast.els.id or 0, now=NOW).id == second.id
        assert len(messages(db, cast.chantal, "relief_now")) == ("urgency" in change)

    def it_can_be_asked_again_after_it_was_taken_back(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        first = relief.ask(db, situation, WEEKLY, by=cast.els.id or 0, now=NOW)
        relief.withdraw(db, first, by=cast.els.id or 0, now=NOW)
        assert relief.ask(db, situation, WEEKLY, by=cast.els.id or 0, now=NOW).id != first.id

    def it_knows_how_long_a_stay_and_a_weekend_take(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        stay = Ask("guest_house", "", MONDAY, MONDAY + timedelta(days=4), 0, 60)
        assert relief.ask(db, situation, stay, by=cast.els.id or 0, now=NOW).minutes == 4 * 1440
        weekend = Ask("guest_house", "FREQ=MONTHLY;BYDAY=2SA", MONDAY + timedelta(days=1), None, 1, 2880)
        assert relief.ask(db, situation, weekend, by=cast.els.id or 0, now=NOW).slots == rules.SATURDAY_MORNING

    def it_calls_the_desk_for_worrying_words(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        made = relief.ask(db, situation, replace(WEEKLY, words="Ik wil niet meer leven."), by=cast.els.id or 0, now=NOW)
        assert "suicide" in made.risks
        assert len(messages(db, cast.chantal, "relief_now")) == 1
        assert messages(db, cast.saskia, "relief_now") == []

    def it_refuses_what_the_rules_refuse(self, db: Session, cast: Cast) -> None:
        alone = make_situation(db, cast.els, cared_for_consent_id=None)
        with pytest.raises(Invalid):
            relief.ask(db, alone, WEEKLY, by=cast.els.id or 0, now=NOW)
        assert relief.of(db, alone.id or 0) == []

    def it_refuses_a_closed_situation(self, db: Session, cast: Cast) -> None:
        closed = make_situation(db, cast.els, state=CareState.CLOSED)
        with pytest.raises(IllegalMove):
            relief.ask(db, closed, WEEKLY, by=cast.els.id or 0, now=NOW)
        with pytest.raises(IllegalMove):
            relief.ask_now(db, closed, need="here", words="", by=cast.els.id or 0, now=NOW)


class DescribeHelpNow:
    def it_reaches_a_human_at_once_at_night_too(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els, cared_for_consent_id=None)
        made = relief.ask_now(
            db, situation, need="here", words="Bel 06 12 34 56 78", by=cast.els.id or 0, now=SUNDAY_NIGHT
        )
        assert (made.urgency, made.need, made.first_day) == ("now", "here", date(2026, 11, 22))
        sent = messages(db, cast.chantal, "relief_now")
        assert [message.due_at for message in sent] == [SUNDAY_NIGHT]
        assert messages(db, cast.els, "relief_now") == []

    def it_is_one_call_however_often_the_button_is_pressed(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        first = relief.ask_now(db, situation, need="here", words="Ik val om.", by=cast.els.id or 0, now=NOW)
        relief.ask_now(db, situation, need="here", words="Ik val om.", by=cast.els.id or 0, now=NOW)
        again = relief.ask_now(db, situation, need="stay", words="Bel mijn zus.", by=cast.els.id or 0, now=NOW)
        assert again.id == first.id
        assert (again.need, again.words) == ("stay", "Ik val om.\nBel mijn zus.")
        assert len(messages(db, cast.chantal, "relief_now")) == 1

    @pytest.mark.parametrize("is_taken_up", [True, False])
    def it_reaches_a_human_again_when_it_is_asked_again_later(self, db: Session, cast: Cast, is_taken_up: bool) -> None:
        situation = make_situation(db, cast.els)
        first = relief.ask_now(db, situation, need="talk", words="", by=cast.els.id or 0, now=NOW)
        if is_taken_up:
            relief.take_up(db, first, viewer=chantal(cast), now=NOW)
        for minutes, calls in ((9, 1), (11, 2), (20, 2), (60 * 24 * 9, 3)):
            later = NOW + timedelta(minutes=minutes)
            again = relief.ask_now(db, situation, need="talk", words="", by=cast.els.id or 0, now=later)
            assert again.id == first.id
            assert len(messages(db, cast.chantal, "relief_now")) == calls
        assert tags(db, first).count(Tag.RELIEF_ASKED) == 3

    def it_does_not_wait_when_the_words_become_dangerous(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        relief.ask_now(db, situation, need="talk", words="", by=cast.els.id or 0, now=NOW)
        later = NOW + timedelta(minutes=1)
        relief.ask_now(db, situation, need="talk", words="Ik wil niet meer leven.", by=cast.els.id or 0, now=later)
        assert len(messages(db, cast.chantal, "relief_now")) == 2

    def it_is_the_form_that_fits_what_is_needed_now(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        forms = []
        for need in ("stay", "here", "stay"):
            forms.append(relief.ask_now(db, situation, need=need, words="", by=cast.els.id or 0, now=NOW).form)
        assert forms == ["guest_house", "", "guest_house"]

    def it_keeps_the_form_that_the_desk_chose(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        asked = relief.ask_now(db, situation, need="here", words="", by=cast.els.id or 0, now=NOW)
        relief.choose_form(db, asked, "home_volunteer", viewer=chantal(cast), now=NOW)
        relief.ask_now(db, situation, need="stay", words="", by=cast.els.id or 0, now=NOW)
        assert (asked.form, asked.need) == ("home_volunteer", "stay")

    def it_loses_no_words_however_often_it_is_asked(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        said = [f"{n} " + "a" * 290 for n in range(9)]
        for words in said:
            relief.ask_now(db, situation, need="here", words=words, by=cast.els.id or 0, now=NOW)
        asked = db.exec(select(ReliefRequest).order_by(col(ReliefRequest.id))).all()
        assert "\n".join(each.words for each in asked).split("\n") == said
        assert all(len(each.words) <= rules.LONGEST_TEXT for each in asked)

    def it_stands_beside_a_question_without_hurry(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        asked = relief.ask(db, situation, replace(WEEKLY, form=""), by=cast.els.id or 0, now=NOW)
        assert relief.ask_now(db, situation, need="talk", words="", by=cast.els.id or 0, now=NOW).id != asked.id

    def it_needs_one_choice(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        with pytest.raises(Invalid):
            relief.ask_now(db, situation, need="pizza", words="", by=cast.els.id or 0, now=NOW)


class DescribeTheDesk:
    def it_shows_who_needs_help_now_first_and_then_who_waits_longest(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        young = make_relief(db, situation, created_at=NOW)
        old = make_relief(db, situation, form="guest_house", created_at=NOW - timedelta(weeks=3))
        now = relief.ask_now(db, situation, need="here", words="", by=cast.els.id or 0, now=NOW)
        make_relief(db, situation, form="day_care", state=ReliefState.DONE)
        rows = relief.open_for_desk(db, chantal(cast))
        assert [row.id for row in rows] == [now.id, old.id, young.id]
        assert {(row.name, row.buurt_name) for row in rows} == {("Els", "Kleine Driftbuurt")}

    def it_shows_only_ones_own_places(self, db: Session, cast: Cast) -> None:
        make_relief(db, make_situation(db, cast.daan, BLOEMENKWARTIER))
        assert relief.open_for_desk(db, chantal(cast)) == []
        assert relief.open_for_desk(db, Viewer(cast.els.id)) == []
        assert len(relief.open_for_desk(db, Viewer(cast.saskia.id, (HeldRole("opbouwwerker", ZUID),)))) == 1

    def it_shows_the_first_day_to_ask_an_organisation_again(self, db: Session, cast: Cast) -> None:
        asked = make_relief(db, make_situation(db, cast.els), form="guest_house", state=ReliefState.ARRANGING)
        provider = make_provider(db)
        for days, state in ((9, "proposed"), (4, "waiting"), (1, "refused")):
            make_arrangement(db, asked, provider_id=provider.id, state=state, follow_up_on=MONDAY + timedelta(days))
        assert relief.open_for_desk(db, chantal(cast))[0].follow_up_on == MONDAY + timedelta(days=4)

    def it_notes_a_look_for_every_name(self, db: Session, cast: Cast) -> None:
        make_relief(db, make_situation(db, cast.els))
        rows = relief.open_for_desk(db, chantal(cast))
        relief.note_looks(db, chantal(cast), rows, activity="relief.list", trace_id="0" * 32, now=NOW)
        noted: list[DataLook] = looks.take(db)
        assert [(look.subject_id, look.viewer_role) for look in noted] == [(cast.els.id, "opbouwwerker")]

    def it_is_taken_up_by_one(self, db: Session, cast: Cast) -> None:
        asked = make_relief(db, make_situation(db, cast.els))
        relief.take_up(db, asked, viewer=chantal(cast), now=NOW)
        relief.take_up(db, asked, viewer=chantal(cast), now=NOW + timedelta(hours=1))
        assert (asked.state, asked.taken_by_id, asked.taken_at) == (ReliefState.ARRANGING, cast.chantal.id, NOW)
        assert tags(db, asked) == [Tag.RELIEF_TAKEN_UP]
        assert len(messages(db, cast.els, "relief_news")) == 1
        farid = Viewer(cast.farid.id, (HeldRole("coordinator", HILVERSUM),))
        with pytest.raises(AlreadyTaken):
            relief.take_up(db, asked, viewer=farid, now=NOW)
        with pytest.raises(NotFound):
            relief.take_up(db, asked, viewer=Viewer(cast.saskia.id, (HeldRole("opbouwwerker", ZUID),)), now=NOW)

    def it_is_not_taken_up_when_it_is_over(self, db: Session, cast: Cast) -> None:
        asked = make_relief(db, make_situation(db, cast.els), state=ReliefState.WITHDRAWN)
        with pytest.raises(IllegalMove):
            relief.take_up(db, asked, viewer=chantal(cast), now=NOW)

    def it_chooses_a_form_where_that_was_left_open(self, db: Session, cast: Cast) -> None:
        asked = make_relief(db, make_situation(db, cast.els), form="")
        relief.choose_form(db, asked, "day_care", viewer=chantal(cast), now=NOW)
        assert asked.form == "day_care"
        make_arrangement(db, asked, provider_id=make_provider(db).id, state=ArrangementState.PROPOSED)
        with pytest.raises(IllegalMove):
            relief.choose_form(db, asked, "care_farm", viewer=chantal(cast), now=NOW)

    def it_chooses_no_form_at_home_without_a_yes(self, db: Session, cast: Cast) -> None:
        asked = make_relief(db, make_situation(db, cast.els, cared_for_consent_id=None), form="")
        with pytest.raises(Invalid):
            relief.choose_form(db, asked, "home_volunteer", viewer=chantal(cast), now=NOW)

    def it_settles_on_one_of_the_moments_that_suit(self, db: Session, cast: Cast) -> None:
        both = TUESDAY_AFTERNOON | 1 << 13
        asked = make_relief(db, make_situation(db, cast.els), rrule="FREQ=WEEKLY;INTERVAL=2", slots=both)
        with pytest.raises(Invalid):
            relief.settle(db, asked, 0, viewer=chantal(cast), now=NOW)
        relief.settle(db, asked, 13, viewer=chantal(cast), now=NOW)
        assert (asked.rrule, asked.slots) == ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TH", 1 << 13)


class DescribeWhoMaySee:
    def it_is_there_for_its_own_mantelzorger_and_the_desk_of_the_buurt(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        asked = make_relief(db, situation)
        assert relief.own(db, cast.els.id, asked.id or 0) == (situation, asked)
        seen = relief.look(db, chantal(cast), asked.id or 0, activity="relief.one", trace_id="0" * 32, now=NOW)
        assert seen == (situation, asked)
        assert len(looks.take(db)) == 1

    def it_hides_from_strangers(self, db: Session, cast: Cast) -> None:
        asked = make_relief(db, make_situation(db, cast.els))
        for account_id in (cast.anna.id, cast.chantal.id, None):
            with pytest.raises(NotFound):
                relief.own(db, account_id, asked.id or 0)
        saskia = Viewer(cast.saskia.id, (HeldRole("opbouwwerker", ZUID),))
        with pytest.raises(NotFound):
            relief.look(db, saskia, asked.id or 0, activity="relief.one", trace_id="0" * 32, now=NOW)
        assert looks.take(db) == []

    def it_keeps_the_words_unreadable_in_the_database(self, db: Session, cast: Cast) -> None:
        made = relief.ask(
            db, make_situation(db, cast.els), replace(WEEKLY, words="Ik wil zingen."), by=cast.els.id or 0, now=NOW
        )
        stored = db.connection().exec_driver_sql(f"select words from relief_request where id = {made.id}").scalar()
        assert "zingen" not in str(stored)


class DescribeEnding:
    def it_ends_what_was_arranged_and_cancels_what_was_planned(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        asked = make_relief(db, situation, form="guest_house", state=ReliefState.RUNNING)
        provider = make_provider(db)
        running = make_arrangement(db, asked, provider_id=provider.id)
        waiting = make_arrangement(db, asked, provider_id=provider.id, state=ArrangementState.WAITING)
        ahead = make_booking(db, running, situation, NOW + timedelta(days=3))
        relief.withdraw(db, asked, by=cast.els.id or 0, now=NOW)
        assert (asked.state, running.state, waiting.state) == ("withdrawn", "ended", "refused")
        assert db.get_one(RespijtBooking, ahead.id).state == BookingState.CANCELLED
        with pytest.raises(IllegalMove):
            relief.withdraw(db, asked, by=cast.els.id or 0, now=NOW)

    def it_takes_back_the_call_that_did_not_leave_yet(self, db: Session, cast: Cast) -> None:
        asked = relief.ask_now(db, make_situation(db, cast.els), need="here", words="", by=cast.els.id or 0, now=NOW)
        relief.withdraw(db, asked, by=cast.els.id or 0, now=NOW)
        assert [message.cancelled_at for message in messages(db, cast.chantal, "relief_now")] == [NOW]

    def it_tells_the_mantelzorger_when_the_desk_closes_it(self, db: Session, cast: Cast) -> None:
        asked = make_relief(db, make_situation(db, cast.els))
        relief.close(db, asked, reason="solved", by=cast.chantal.id or 0, now=NOW)
        assert (asked.state, asked.end_reason) == (ReliefState.CLOSED, "solved")
        assert len(messages(db, cast.els, "relief_news")) == 1

    def it_ends_everything_with_the_situation_and_nothing_of_others(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        asked, done = make_relief(db, situation), make_relief(db, situation, state=ReliefState.DONE)
        elsewhere = make_relief(db, make_situation(db, make_person(db, "Ineke", BLOEMENKWARTIER, 91)))
        care.close(db, situation, reason="recovered", by=cast.els.id or 0, now=NOW)
        assert (asked.state, done.state, elsewhere.state) == ("closed", "done", "asked")
        assert db.exec(select(Arrangement)).all() == []


class DescribeTwoAtTheSameMoment:
    def it_is_taken_up_by_exactly_one(self, app: Flask, separate_database: str) -> None:
        open_session, start = session_factory(open_engine(separate_database)), Barrier(2)
        with open_session(True) as session:
            cast = make_cast(session)
            key = make_relief(session, make_situation(session, cast.els)).id or 0
            session.commit()
        viewers = [chantal(cast), Viewer(cast.farid.id, (HeldRole("coordinator", HILVERSUM),))]

        def take(viewer: Viewer) -> bool:
            start.wait()
            with open_session(True) as session:
                try:
                    relief.take_up(session, session.get_one(ReliefRequest, key), viewer=viewer, now=NOW)
                except AlreadyTaken:
                    return False
                session.commit()
                return True

        with ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(take, viewers)) == [False, True]
        with open_session(False) as session:
            assert session.get_one(ReliefRequest, key).state == ReliefState.ARRANGING

    def it_is_one_request_of_a_form_sent_twice(self, app: Flask, separate_database: str) -> None:
        open_session, start = session_factory(open_engine(separate_database)), Barrier(2)
        with open_session(True) as session:
            cast = make_cast(session)
            key = make_situation(session, cast.els).id or 0
            session.commit()

        def send(_number: int) -> int | None:
            start.wait()
            with open_session(True) as session:
                situation = session.get_one(CareSituation, key)
                made = relief.ask(session, situation, WEEKLY, by=cast.els.id or 0, now=NOW)
                session.commit()
                return made.id

        with ThreadPoolExecutor(2) as pool:
            assert len(set(pool.map(send, range(2)))) == 1
