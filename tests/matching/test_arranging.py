"""Time off at home by a volunteer: the search, the same face, the steps, and who steps in when it falls through."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from matching.access import HeldRole, Viewer
from matching.database import open_engine
from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotFound, OmzienError
from matching.models import (
    Absence,
    Account,
    Appointment,
    Arrangement,
    Block,
    CareSituation,
    Frequency,
    GapOffer,
    HelpRequest,
    OutboxMessage,
    Pairing,
    Proposal,
    ReliefRequest,
    RespijtBooking,
    RespijtGap,
    Role,
    Volunteer,
)
from matching.models.encrypted import use_keys
from matching.services import answering, arranging, covering, judging, pairing, posting, respijt_calendar
from matching.services.arrangement_steps import AGREEMENT
from matching.services.matcher.proposing import propose
from matching.workflow import (
    ArrangementState,
    BookingState,
    GapState,
    PairingState,
    ProposalState,
    ReliefState,
    RequestState,
)
from tests.caring import make_arrangement, make_booking, make_relief, make_situation
from tests.people import DRIFTBUURT, MONDAY, NOW, OOST, Cast, make_cast, make_person, make_volunteer
from web.db import session_factory

CLEARED = {
    "skills": ["sitting"],
    "vog_seen_on": date(2026, 1, 5),
    "vog_renew_by": date(2029, 1, 5),
    "introduced_on": date(2026, 1, 6),
    "trained_on": date(2026, 2, 3),
}
KEY = "b25seSBmb3IgdGVzdHMsIG5ldmVyIGluIGVhcm5lc3Q="  # of the app fixture
THURSDAY = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def clear(db: Session, person: Account, **changes: object) -> Volunteer:
    """A volunteer who may stay with somebody."""
    volunteer = db.get(Volunteer, person.id) or make_volunteer(db, person)
    for name, value in (CLEARED | changes).items():
        setattr(volunteer, name, value)
    db.add(volunteer)
    db.flush()
    return volunteer


def chantal_of(cast: Cast) -> Viewer:
    return Viewer(cast.chantal.id, (HeldRole(Role.OPBOUWWERKER, OOST),))


def taken_up(db: Session, cast: Cast, **facts: object) -> ReliefRequest:
    situation = make_situation(db, cast.els)
    return make_relief(db, situation, **({"state": ReliefState.ARRANGING, "taken_by_id": cast.chantal.id} | facts))


def both_said_yes(db: Session, cast: Cast, relief: ReliefRequest, person: Account) -> Arrangement:
    """The desk asks this volunteer, the volunteer says yes, and so does Els."""
    request = arranging.search(db, relief, viewer=chantal_of(cast), now=NOW)
    made = volunteer_says_yes(db, cast, request, person)
    pairing.answer_waiting(db, made, yes=True, now=NOW, actor_id=cast.els.id or 0)
    return db.exec(select(Arrangement).where(Arrangement.volunteer_id == person.id)).all()[-1]


def volunteer_says_yes(db: Session, cast: Cast, request: HelpRequest, person: Account) -> Pairing:
    assert person.id is not None
    proposal = judging.choose(db, request, person.id, by=cast.chantal.id or 0, reason="Past goed.", now=NOW)
    return answering.accept_question(db, proposal, now=NOW)


def run(db: Session, cast: Cast, arrangement: Arrangement) -> Arrangement:
    """All steps, until it runs."""
    by = cast.chantal.id or 0
    arranging.introduced(db, arrangement, MONDAY, by=by, now=NOW)
    arranging.tried(db, arrangement, MONDAY, went_well=True, by=by, now=NOW)
    for who in (cast.els.id, arrangement.volunteer_id):
        arranging.agree(db, arrangement, by=who or 0, version=AGREEMENT, now=NOW)
    arranging.start(db, arrangement, by=by, now=NOW)
    return arrangement


def running(db: Session, cast: Cast, person: Account, **facts: object) -> Arrangement:
    clear(db, person)
    relief = taken_up(db, cast, state=ReliefState.RUNNING, **facts)
    return make_arrangement(db, relief, volunteer_id=person.id)


def messages(db: Session, person: Account) -> list[str]:
    rows = db.exec(select(OutboxMessage).where(OutboxMessage.account_id == person.id).order_by(col(OutboxMessage.id)))
    return [row.key for row in rows if row.cancelled_at is None]


class DescribeTheSearch:
    def it_asks_the_matcher_for_nothing_personal(self, db: Session, cast: Cast) -> None:
        relief = taken_up(db, cast, words="Mijn moeder heeft Alzheimer.")
        request = arranging.search(db, relief, viewer=chantal_of(cast), now=NOW)
        assert (request.category, request.description, request.other_name) == ("sitting", "", "")
        assert (request.asker_id, request.buurt_code, request.slots) == (cast.els.id, DRIFTBUURT, relief.slots)
        assert (request.frequency, request.minutes) == (Frequency.WEEKLY, 180)
        assert not request.welcomes_anyone
        assert relief.help_request_id == request.id

    def it_is_open_at_once_because_the_desk_read_it(self, db: Session, cast: Cast) -> None:
        request = arranging.search(db, taken_up(db, cast), viewer=chantal_of(cast), now=NOW)
        assert request.state == RequestState.OPEN
        assert request.contacted_at == NOW

    def it_gives_a_search_that_goes_on_back(self, db: Session, cast: Cast) -> None:
        relief = taken_up(db, cast)
        first = arranging.search(db, relief, viewer=chantal_of(cast), now=NOW)
        assert arranging.search(db, relief, viewer=chantal_of(cast), now=NOW).id == first.id

    def it_asks_for_one_day_where_it_is_once(self, db: Session, cast: Cast) -> None:
        relief = taken_up(db, cast, rrule="", first_day=date(2026, 12, 10), slots=1 << 13)
        request = arranging.search(db, relief, viewer=chantal_of(cast), now=NOW)
        assert (request.frequency, request.day) == (Frequency.ONCE, date(2026, 12, 10))

    @pytest.mark.parametrize("rrule", ["FREQ=MONTHLY;BYDAY=1SA", "FREQ=WEEKLY;INTERVAL=2;BYDAY=TH"])
    def it_leaves_the_day_open_in_another_rhythm(self, db: Session, cast: Cast, rrule: str) -> None:
        request = arranging.search(db, taken_up(db, cast, rrule=rrule), viewer=chantal_of(cast), now=NOW)
        assert request.frequency == Frequency.FLEXIBLE

    @pytest.mark.parametrize("minutes", [10, 200, 900])
    def it_takes_any_length(self, db: Session, cast: Cast, minutes: int) -> None:
        request = arranging.search(db, taken_up(db, cast, minutes=minutes), viewer=chantal_of(cast), now=NOW)
        assert request.minutes == {10: 15, 200: 180, 900: 240}[minutes]

    @pytest.mark.parametrize("facts", [{"state": ReliefState.ASKED}, {"state": ReliefState.DONE}, {"form": "day_care"}])
    def it_looks_for_nobody_otherwise(self, db: Session, cast: Cast, facts: dict[str, object]) -> None:
        with pytest.raises(IllegalMove):
            arranging.search(db, taken_up(db, cast, **facts), viewer=chantal_of(cast), now=NOW)

    def it_cannot_be_asked_with_the_ordinary_form(self, db: Session, cast: Cast) -> None:
        wish = posting.Wish("sitting", "", Frequency.FLEXIBLE, None, 0, 180, DRIFTBUURT)
        with pytest.raises(Invalid, match="category: respijt"):
            posting.post(db, wish, asker_id=cast.anna.id or 0, posted_by_id=cast.anna.id or 0, now=NOW)

    def it_cannot_be_made_of_another_request(self, db: Session, cast: Cast) -> None:
        wish = posting.Wish("groceries", "", Frequency.FLEXIBLE, None, 0, 60, DRIFTBUURT)
        request = posting.post(db, wish, asker_id=cast.anna.id or 0, posted_by_id=cast.anna.id or 0, now=NOW)
        with pytest.raises(Invalid, match="category: respijt"):
            posting.edit(
                db,
                request,
                posting.Wish("sitting", "", Frequency.FLEXIBLE, None, 0, 60, DRIFTBUURT),
                actor_id=cast.anna.id,
                now=NOW,
            )


class DescribeTheMatcher:
    @pytest.mark.parametrize("lacks", ["vog_seen_on", "introduced_on", "trained_on"])
    def it_proposes_only_who_may_stay(self, db: Session, cast: Cast, lacks: str) -> None:
        clear(db, cast.bram)
        clear(db, make_person(db, "Fatma", DRIFTBUURT, 20), **{lacks: None})
        request = arranging.search(db, taken_up(db, cast), viewer=chantal_of(cast), now=NOW)
        propose(db, now=NOW)
        found = db.exec(select(Proposal.volunteer_id).where(Proposal.request_id == request.id)).all()
        assert found == [cast.bram.id]

    def it_says_that_training_is_missing(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram, trained_on=None)
        request = arranging.search(db, taken_up(db, cast), viewer=chantal_of(cast), now=NOW)
        propose(db, now=NOW)
        db.refresh(request)
        assert request.no_match_reason == "no_vog"
        assert request.no_match_wish is not None
        assert request.no_match_wish["change"]["key"] == "training"

    def it_lets_no_human_step_over_it(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram, trained_on=None)
        request = arranging.search(db, taken_up(db, cast), viewer=chantal_of(cast), now=NOW)
        with pytest.raises(Invalid, match="no_training"):
            volunteer_says_yes(db, cast, request, cast.bram)


class DescribeTheSameFace:
    def it_knows_who_came_before(self, db: Session, cast: Cast) -> None:
        before = running(db, cast, cast.bram)
        situation = db.get_one(CareSituation, db.get_one(ReliefRequest, before.relief_id).situation_id)
        make_booking(db, before, situation, NOW - timedelta(days=7), state=BookingState.USED)
        before.state = ArrangementState.ENDED
        again = make_relief(db, situation, state=ReliefState.ARRANGING)
        (face,) = arranging.same_faces(db, again, now=NOW)
        assert (face.volunteer_id, face.first_name, face.times) == (cast.bram.id, "Bram", 1)
        assert face.last_on == date(2026, 11, 16)

    def it_asks_this_one_first(self, db: Session, cast: Cast) -> None:
        relief = known_face(db, cast)
        asked = arranging.offer_same_face(
            db, relief, cast.bram.id or 0, viewer=chantal_of(cast), reason="Zij kennen elkaar.", now=NOW
        )
        assert asked.state == ProposalState.ASKED
        assert asked.request_id == relief.help_request_id
        assert any(key.startswith(f"volunteer_asked:{asked.id}:") for key in messages(db, cast.bram))

    @pytest.mark.parametrize(
        "why", ["vog", "training", "paused", "away", "blocked", "not_this_person", "stand_in", "comes already"]
    )
    def it_leaves_out(self, db: Session, cast: Cast, why: str) -> None:
        relief = known_face(db, cast)
        volunteer = db.get_one(Volunteer, cast.bram.id)
        if why == "vog":
            volunteer.vog_renew_by = MONDAY
        elif why == "training":
            volunteer.trained_on = None
        elif why == "paused":
            volunteer.is_paused = True
        elif why == "away":
            db.add(Absence(volunteer_id=cast.bram.id, first_day=MONDAY, last_day=MONDAY + timedelta(days=3)))
        elif why == "blocked":
            db.add(Block(volunteer_id=cast.bram.id, asker_id=cast.els.id, at=NOW))
        elif why == "comes already":
            make_arrangement(db, relief, volunteer_id=cast.bram.id)
        else:
            before = db.exec(select(Arrangement)).one()
            before.end_reason = why
        db.flush()
        assert arranging.same_faces(db, relief, now=NOW) == []
        with pytest.raises(IllegalMove):
            arranging.offer_same_face(db, relief, cast.bram.id or 0, viewer=chantal_of(cast), reason="x", now=NOW)

    def it_knows_nobody_of_another_situation(self, db: Session, cast: Cast) -> None:
        known_face(db, cast)
        other = make_relief(db, make_situation(db, cast.anna), state=ReliefState.ARRANGING)
        assert arranging.same_faces(db, other, now=NOW) == []


def known_face(db: Session, cast: Cast) -> ReliefRequest:
    """Bram came before; Els asks again."""
    before = running(db, cast, cast.bram)
    before.state, before.ended_at, before.end_reason = ArrangementState.ENDED, NOW, "done"
    situation = db.get_one(CareSituation, db.get_one(ReliefRequest, before.relief_id).situation_id)
    return make_relief(db, situation, state=ReliefState.ARRANGING)


class DescribeTwoWhoSaidYes:
    def it_begins_with_an_introduction(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram)
        relief = taken_up(db, cast)
        arrangement = both_said_yes(db, cast, relief, cast.bram)
        assert (arrangement.state, arrangement.is_backup) == (ArrangementState.INTRODUCING, False)
        assert arrangement.relief_id == relief.id
        for person in (cast.els, cast.bram):
            assert f"arrangement_news:{arrangement.id}:introducing:{person.id}" in messages(db, person)

    def it_has_no_appointment_of_the_pairing(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram)
        both_said_yes(db, cast, taken_up(db, cast), cast.bram)
        assert db.exec(select(Appointment)).all() == []
        assert not any(key.startswith("agreed:") for key in messages(db, cast.els))

    def it_asks_els_whoever_says_yes(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram)
        request = arranging.search(db, taken_up(db, cast), viewer=chantal_of(cast), now=NOW)
        made = volunteer_says_yes(db, cast, request, cast.bram)
        assert made.state == PairingState.WAITING
        assert db.exec(select(Arrangement)).all() == []

    def it_makes_no_arrangement_of_help_among_neighbours(self, db: Session, cast: Cast) -> None:
        wish = posting.Wish("groceries", "", Frequency.FLEXIBLE, None, 0, 60, DRIFTBUURT)
        request = posting.post(db, wish, asker_id=cast.anna.id or 0, posted_by_id=cast.anna.id or 0, now=NOW)
        made = volunteer_says_yes(db, cast, request, cast.bram)
        pairing.answer_waiting(db, made, yes=True, now=NOW, actor_id=cast.anna.id or 0)
        assert db.exec(select(Arrangement)).all() == []
        assert len(db.exec(select(Appointment)).all()) == 1

    def it_ends_when_the_pairing_falls_through(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram)
        arrangement = both_said_yes(db, cast, taken_up(db, cast), cast.bram)
        made = db.exec(select(Pairing)).one()
        pairing.fall_through(db, made, "time", now=NOW, actor_id=cast.bram.id or 0)
        assert (arrangement.state, arrangement.end_reason) == (ArrangementState.REFUSED, "time")


class DescribeTheSteps:
    def it_runs_after_all_of_them(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram)
        relief = taken_up(db, cast)
        arrangement = run(db, cast, both_said_yes(db, cast, relief, cast.bram))
        assert arrangement.state == ArrangementState.RUNNING
        assert (arrangement.introduced_on, arrangement.tried_on) == (MONDAY, MONDAY)
        assert relief.state == ReliefState.RUNNING
        request = db.get_one(HelpRequest, relief.help_request_id)
        assert request.state == RequestState.DONE
        assert db.exec(select(Pairing)).one().state == PairingState.DONE
        assert not any("feedback_asked" in key for key in messages(db, cast.els) + messages(db, cast.bram))

    @pytest.mark.parametrize("day", [MONDAY + timedelta(days=1), MONDAY - timedelta(days=400)])
    def it_refuses_days_that_cannot_be(self, db: Session, cast: Cast, day: date) -> None:
        arrangement = on_the_way(db, cast, ArrangementState.INTRODUCING)
        with pytest.raises(Invalid, match="on: "):
            arranging.introduced(db, arrangement, day, by=cast.chantal.id or 0, now=NOW)

    def it_tries_after_the_introduction(self, db: Session, cast: Cast) -> None:
        arrangement = on_the_way(db, cast, ArrangementState.TRIAL, introduced_on=MONDAY)
        with pytest.raises(Invalid, match="before_introduction"):
            arranging.tried(
                db, arrangement, MONDAY - timedelta(days=1), went_well=True, by=cast.chantal.id or 0, now=NOW
            )

    def it_stays_in_the_trial_when_it_did_not_go_well(self, db: Session, cast: Cast) -> None:
        arrangement = on_the_way(db, cast, ArrangementState.TRIAL, introduced_on=MONDAY)
        arranging.tried(db, arrangement, MONDAY, went_well=False, by=cast.chantal.id or 0, now=NOW)
        assert (arrangement.state, arrangement.tried_on) == (ArrangementState.TRIAL, None)

    def it_keeps_who_agreed_to_which_version_and_when(self, db: Session, cast: Cast) -> None:
        arrangement = on_the_way(db, cast, ArrangementState.AGREEING)
        arranging.agree(db, arrangement, by=cast.els.id or 0, version=AGREEMENT, now=NOW)
        later = NOW + timedelta(hours=3)
        arranging.agree(db, arrangement, by=cast.els.id or 0, version=AGREEMENT, now=later)
        assert (arrangement.mantelzorger_agreed_at, arrangement.stand_in_agreed_at) == (NOW, None)
        assert arrangement.agreement_version == AGREEMENT

    def it_asks_again_when_the_text_changed_meanwhile(self, db: Session, cast: Cast) -> None:
        arrangement = on_the_way(
            db, cast, ArrangementState.AGREEING, agreement_version="2025-01", mantelzorger_agreed_at=NOW
        )
        arranging.agree(db, arrangement, by=cast.bram.id or 0, version=AGREEMENT, now=NOW)
        assert arrangement.mantelzorger_agreed_at is None
        assert arrangement.stand_in_agreed_at == NOW

    def it_refuses_a_text_that_is_no_longer_used(self, db: Session, cast: Cast) -> None:
        arrangement = on_the_way(db, cast, ArrangementState.AGREEING)
        with pytest.raises(Invalid, match="version: old"):
            arranging.agree(db, arrangement, by=cast.els.id or 0, version="2025-01", now=NOW)

    def it_lets_nobody_agree_for_another(self, db: Session, cast: Cast) -> None:
        arrangement = on_the_way(db, cast, ArrangementState.AGREEING)
        with pytest.raises(NotFound):
            arranging.agree(db, arrangement, by=cast.chantal.id or 0, version=AGREEMENT, now=NOW)

    @pytest.mark.parametrize(
        ("changes", "obstacle"),
        [
            ({"vog_renew_by": MONDAY}, "no_vog"),
            ({"vog_seen_on": None}, "no_vog"),
            ({"introduced_on": None}, "no_introduction"),
            ({"trained_on": None}, "no_training"),
        ],
    )
    def it_does_not_start_without_every_clearance(
        self, db: Session, cast: Cast, changes: dict[str, object], obstacle: str
    ) -> None:
        arrangement = agreed(db, cast)
        clear(db, cast.bram, **changes)
        with pytest.raises(Invalid, match=f"start: {obstacle}"):
            arranging.start(db, arrangement, by=cast.chantal.id or 0, now=NOW)

    @pytest.mark.parametrize("column", ["mantelzorger_agreed_at", "stand_in_agreed_at", "introduced_on", "tried_on"])
    def it_does_not_start_without_every_step(self, db: Session, cast: Cast, column: str) -> None:
        arrangement = agreed(db, cast)
        setattr(arrangement, column, None)
        db.flush()
        with pytest.raises(Invalid, match="start: "):
            arranging.start(db, arrangement, by=cast.chantal.id or 0, now=NOW)

    def it_refuses_a_booking_on_a_day_after_the_vog(self, db: Session, cast: Cast) -> None:
        arrangement = running(db, cast, cast.bram)
        clear(db, cast.bram, vog_renew_by=date(2026, 12, 1))
        on_time = datetime(2026, 11, 30, 12, tzinfo=UTC)
        respijt_calendar.book(
            db, arrangement, starts_at=on_time, ends_at=on_time + timedelta(hours=3), payer="", by=None, now=NOW
        )
        late = datetime(2026, 12, 3, 12, tzinfo=UTC)
        with pytest.raises(Invalid, match="arrangement: no_vog"):
            respijt_calendar.book(
                db, arrangement, starts_at=late, ends_at=late + timedelta(hours=3), payer="", by=None, now=NOW
            )

    def it_looks_for_somebody_else_at_once_when_it_stops_before_it_runs(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram)
        relief = taken_up(db, cast)
        arrangement = both_said_yes(db, cast, relief, cast.bram)
        arranging.refuse(db, arrangement, reason="not_this_person", by=cast.els.id or 0, now=NOW)
        assert (arrangement.state, arrangement.end_reason) == (ArrangementState.REFUSED, "not_this_person")
        request = db.get_one(HelpRequest, relief.help_request_id)
        assert request.state == RequestState.OPEN
        propose(db, now=NOW)
        assert db.exec(select(Proposal.id).where(Proposal.state == ProposalState.PROPOSED)).all() == []

    def it_goes_back_to_the_desk_when_the_last_one_stops(self, db: Session, cast: Cast) -> None:
        arrangement = running(db, cast, cast.bram)
        relief = db.get_one(ReliefRequest, arrangement.relief_id)
        situation = db.get_one(CareSituation, relief.situation_id)
        booking = make_booking(db, arrangement, situation, THURSDAY)
        arranging.end(db, arrangement, reason="time", by=cast.bram.id or 0, now=NOW)
        assert (arrangement.state, relief.state) == (ArrangementState.ENDED, ReliefState.ARRANGING)
        assert booking.state == BookingState.CANCELLED
        assert f"arrangement_news:{arrangement.id}:ended:{cast.els.id}" in messages(db, cast.els)
        assert f"arrangement_news:{arrangement.id}:ended:{cast.bram.id}" not in messages(db, cast.bram)
        assert any(key.startswith("respijt_at_desk:ended") for key in messages(db, cast.chantal))

    def it_asks_for_a_reason_that_we_know(self, db: Session, cast: Cast) -> None:
        arrangement = running(db, cast, cast.bram)
        with pytest.raises(Invalid, match="reason: missing"):
            arranging.end(db, arrangement, reason="because", by=cast.bram.id or 0, now=NOW)

    def it_lets_only_the_mantelzorger_tell(self, db: Session, cast: Cast) -> None:
        arrangement = running(db, cast, cast.bram)
        arranging.tell(db, arrangement, "De sleutel ligt bij de buren.", by=cast.els.id or 0, now=NOW)
        assert arrangement.words == "De sleutel ligt bij de buren."
        with pytest.raises(NotFound):
            arranging.tell(db, arrangement, "x", by=cast.bram.id or 0, now=NOW)


def on_the_way(db: Session, cast: Cast, state: ArrangementState, **facts: object) -> Arrangement:
    clear(db, cast.bram)
    return make_arrangement(db, taken_up(db, cast), volunteer_id=cast.bram.id, state=state, **facts)


def agreed(db: Session, cast: Cast) -> Arrangement:
    return on_the_way(
        db,
        cast,
        ArrangementState.AGREEING,
        introduced_on=MONDAY,
        tried_on=MONDAY,
        agreement_version=AGREEMENT,
        mantelzorger_agreed_at=NOW,
        stand_in_agreed_at=NOW,
    )


class DescribeABackUp:
    def it_takes_its_own_introduction_trial_and_agreement(self, db: Session, cast: Cast) -> None:
        clear(db, cast.bram)
        relief = taken_up(db, cast)
        first = run(db, cast, both_said_yes(db, cast, relief, cast.bram))
        fatma = make_person(db, "Fatma", DRIFTBUURT, 20)
        clear(db, fatma)
        arranging.backup(db, first, viewer=chantal_of(cast), now=NOW)
        second = both_said_yes(db, cast, relief, fatma)
        assert (second.is_backup, second.state) == (True, ArrangementState.INTRODUCING)
        run(db, cast, second)
        assert [row.name for row in arranging.of(db, relief.id or 0)] == ["Bram", "Fatma"]
        assert relief.state == ReliefState.RUNNING

    def it_comes_after_the_first_one(self, db: Session, cast: Cast) -> None:
        with pytest.raises(IllegalMove):
            arranging.backup(db, on_the_way(db, cast, ArrangementState.TRIAL), viewer=chantal_of(cast), now=NOW)

    def it_becomes_the_regular_one_when_nobody_else_comes(self, db: Session, cast: Cast) -> None:
        first, second, *_others = with_back_ups(db, cast)
        with pytest.raises(IllegalMove):
            arranging.make_regular(db, second, by=cast.chantal.id or 0, now=NOW)
        arranging.end(db, first, reason="time", by=cast.bram.id or 0, now=NOW)
        arranging.make_regular(db, second, by=cast.chantal.id or 0, now=NOW)
        assert not second.is_backup
        assert db.get_one(ReliefRequest, first.relief_id).state == ReliefState.RUNNING


def with_back_ups(db: Session, cast: Cast, *names: str) -> list[Arrangement]:
    """Bram comes, and these are the back-up persons."""
    first = running(db, cast, cast.bram)
    relief = db.get_one(ReliefRequest, first.relief_id)
    found = [first]
    for number, name in enumerate(names or ("Fatma",)):
        person = make_person(db, name, DRIFTBUURT, 20 + number)
        clear(db, person)
        found.append(make_arrangement(db, relief, volunteer_id=person.id, is_backup=True))
    return found


def fell_ill(db: Session, cast: Cast, first: Arrangement, when: datetime = THURSDAY) -> RespijtBooking:
    situation = db.get_one(CareSituation, db.get_one(ReliefRequest, first.relief_id).situation_id)
    booking = make_booking(db, first, situation, when)
    respijt_calendar.cancel(db, booking, reason="ill", by=cast.bram.id, now=NOW)
    return booking


class DescribeWhatFellThrough:
    def it_asks_every_back_up_person_at_once(self, db: Session, cast: Cast) -> None:
        first, *others = with_back_ups(db, cast, "Fatma", "Gijs")
        fell_ill(db, cast, first)
        offers = db.exec(select(GapOffer).order_by(col(GapOffer.id))).all()
        assert [offer.arrangement_id for offer in offers] == [other.id for other in others]
        for offer, other in zip(offers, others, strict=True):
            keys = messages(db, db.get_one(Account, other.volunteer_id))
            assert f"gap_offered:{offer.id}" in keys

    def it_books_the_first_who_says_yes(self, db: Session, cast: Cast) -> None:
        first, second = with_back_ups(db, cast)
        fell = fell_ill(db, cast, first)
        offer = db.exec(select(GapOffer)).one()
        made = covering.answer(db, offer, yes=True, by=second.volunteer_id or 0, now=NOW)
        assert made is not None
        assert (made.arrangement_id, made.starts_at, made.ends_at) == (second.id, fell.starts_at, fell.ends_at)
        gap = db.exec(select(RespijtGap)).one()
        assert (gap.state, gap.covered_by_id) == (GapState.COVERED, made.id)
        assert f"gap_news:{gap.id}:covered" in messages(db, cast.els)

    def it_tells_the_next_one_that_somebody_was_first(self, db: Session, cast: Cast) -> None:
        first, *_others = with_back_ups(db, cast, "Fatma", "Gijs")
        fell_ill(db, cast, first)
        one, other = db.exec(select(GapOffer).order_by(col(GapOffer.id))).all()
        covering.answer(db, one, yes=True, by=cast.chantal.id or 0, now=NOW)
        with pytest.raises(AlreadyTaken):
            covering.answer(db, other, yes=True, by=cast.chantal.id or 0, now=NOW)
        assert len(db.exec(select(RespijtBooking).where(RespijtBooking.state == BookingState.PLANNED)).all()) == 1

    def it_goes_to_the_desk_when_everybody_said_no(self, db: Session, cast: Cast) -> None:
        first, *_others = with_back_ups(db, cast, "Fatma", "Gijs")
        fell_ill(db, cast, first)
        one, other = db.exec(select(GapOffer).order_by(col(GapOffer.id))).all()
        gap = db.exec(select(RespijtGap)).one()
        nobody = f"respijt_at_desk:gap:{gap.id}:nobody:{cast.chantal.id}"
        covering.answer(db, one, yes=False, by=cast.chantal.id or 0, now=NOW)
        assert nobody not in messages(db, cast.chantal)
        covering.answer(db, other, yes=False, by=cast.chantal.id or 0, now=NOW)
        assert nobody in messages(db, cast.chantal)
        assert f"gap_news:{gap.id}:nobody_yet" in messages(db, cast.els)
        (row,) = covering.open_gaps(db, now=NOW, viewer=chantal_of(cast))
        assert (row.name, row.waiting, row.said_no) == ("Els", (), ("Fatma", "Gijs"))

    @pytest.mark.parametrize("ahead", [timedelta(hours=5), timedelta(days=5)])
    def it_tells_the_desk_at_once_and_again_when_nobody_is_left(
        self, db: Session, cast: Cast, ahead: timedelta
    ) -> None:
        first, *_others = with_back_ups(db, cast, "Fatma")
        fell_ill(db, cast, first, NOW + ahead)
        offer = db.exec(select(GapOffer)).one()
        told = f"respijt_at_desk:gap:{offer.gap_id}"
        assert messages(db, cast.chantal) == [f"{told}:{cast.chantal.id}"]
        covering.answer(db, offer, yes=False, by=cast.chantal.id or 0, now=NOW)
        assert messages(db, cast.chantal)[1:] == [f"{told}:nobody:{cast.chantal.id}"]

    def it_takes_no_yes_when_somebody_was_booked_otherwise(self, db: Session, cast: Cast) -> None:
        first, second = with_back_ups(db, cast)
        fell = fell_ill(db, cast, first)
        offer = db.exec(select(GapOffer)).one()
        made = respijt_calendar.book(
            db, first, starts_at=fell.starts_at, ends_at=fell.ends_at, payer="", by=cast.chantal.id, now=NOW
        )
        gap = db.exec(select(RespijtGap)).one()
        assert (gap.state, gap.covered_by_id) == (GapState.COVERED, made.id)
        assert f"gap_news:{gap.id}:covered" in messages(db, cast.els)
        assert covering.waiting_offers(db, second.volunteer_id or 0, now=NOW) == []
        with pytest.raises(AlreadyTaken):
            covering.answer(db, offer, yes=True, by=second.volunteer_id or 0, now=NOW)
        assert len(db.exec(select(RespijtBooking).where(RespijtBooking.state == BookingState.PLANNED)).all()) == 1

    def it_leaves_other_gaps_open_when_somebody_is_booked(self, db: Session, cast: Cast) -> None:
        first, _second = with_back_ups(db, cast)
        fell = fell_ill(db, cast, first)
        respijt_calendar.book(
            db, first, starts_at=fell.ends_at, ends_at=fell.ends_at + timedelta(hours=3), payer="", by=None, now=NOW
        )
        assert db.exec(select(RespijtGap)).one().state == GapState.OPEN

    def it_goes_to_the_desk_at_once_without_a_back_up_person(self, db: Session, cast: Cast) -> None:
        first = running(db, cast, cast.bram)
        fell_ill(db, cast, first)
        assert any(key.startswith("respijt_at_desk:gap") for key in messages(db, cast.chantal))
        assert db.get_one(ReliefRequest, first.relief_id).state == ReliefState.RUNNING

    @pytest.mark.parametrize("why", ["away", "vog", "elsewhere", "ended", "on pause", "kept apart", "kept apart too"])
    def it_asks_nobody_who_cannot_come(self, db: Session, cast: Cast, why: str) -> None:
        first, second = with_back_ups(db, cast)
        if why == "away":
            day = THURSDAY.date()
            db.add(Absence(volunteer_id=second.volunteer_id, first_day=day, last_day=day))
        elif why == "vog":
            clear(db, db.get_one(Account, second.volunteer_id), vog_renew_by=THURSDAY.date())
        elif why == "ended":
            second.state = ArrangementState.ENDED
        elif why == "on pause":
            clear(db, db.get_one(Account, second.volunteer_id), is_paused=True)
        elif why == "kept apart":
            db.add(Block(volunteer_id=second.volunteer_id, asker_id=cast.els.id, at=NOW))
        elif why == "kept apart too":  # Els helps, and this neighbour asked
            make_volunteer(db, cast.els)
            db.add(Block(volunteer_id=cast.els.id, asker_id=second.volunteer_id, at=NOW))
        else:
            other = make_relief(db, make_situation(db, cast.anna), state=ReliefState.RUNNING)
            there = make_arrangement(db, other, volunteer_id=second.volunteer_id)
            elsewhere = db.get_one(CareSituation, other.situation_id)
            make_booking(db, there, elsewhere, THURSDAY + timedelta(hours=1))
        db.flush()
        fell_ill(db, cast, first)
        assert db.exec(select(GapOffer)).all() == []

    def it_asks_the_regular_one_when_the_back_up_drops_out(self, db: Session, cast: Cast) -> None:
        first, second = with_back_ups(db, cast)
        situation = db.get_one(CareSituation, db.get_one(ReliefRequest, first.relief_id).situation_id)
        booking = make_booking(db, second, situation, THURSDAY)
        respijt_calendar.cancel(db, booking, reason="ill", by=second.volunteer_id, now=NOW)
        assert db.exec(select(GapOffer.arrangement_id)).all() == [first.id]

    def it_does_not_go_round_in_circles(self, db: Session, cast: Cast) -> None:
        first, second = with_back_ups(db, cast)
        fell_ill(db, cast, first)
        offer = db.exec(select(GapOffer)).one()
        made = covering.answer(db, offer, yes=True, by=second.volunteer_id or 0, now=NOW)
        assert made is not None
        respijt_calendar.cancel(db, made, reason="ill", by=second.volunteer_id, now=NOW)
        assert len(db.exec(select(GapOffer)).all()) == 1
        assert len(covering.open_gaps(db, now=NOW)) == 1

    def it_offers_a_booking_once(self, db: Session, cast: Cast) -> None:
        first, _second = with_back_ups(db, cast)
        fell = fell_ill(db, cast, first)
        gap = arranging.reoffer(db, fell, now=NOW)
        assert gap is not None
        assert len(db.exec(select(GapOffer)).all()) == 1

    def it_offers_nothing_that_is_over(self, db: Session, cast: Cast) -> None:
        first, _second = with_back_ups(db, cast)
        situation = db.get_one(CareSituation, db.get_one(ReliefRequest, first.relief_id).situation_id)
        past = make_booking(db, first, situation, NOW - timedelta(hours=1), state=BookingState.CANCELLED)
        assert arranging.reoffer(db, past, now=NOW) is None

    def it_takes_no_yes_when_the_moment_has_come(self, db: Session, cast: Cast) -> None:
        first, second = with_back_ups(db, cast)
        fell_ill(db, cast, first)
        offer = db.exec(select(GapOffer)).one()
        with pytest.raises(AlreadyTaken):
            covering.answer(db, offer, yes=True, by=second.volunteer_id or 0, now=THURSDAY)

    def it_can_be_closed_by_the_desk(self, db: Session, cast: Cast) -> None:
        first = running(db, cast, cast.bram)
        fell_ill(db, cast, first)
        gap = db.exec(select(RespijtGap)).one()
        situation = db.get_one(CareSituation, gap.situation_id)
        covering.close(db, gap.id or 0, situation, by=cast.chantal.id or 0, now=NOW)
        assert covering.open_gaps(db, now=NOW) == []
        with pytest.raises(NotFound):
            covering.close(db, gap.id or 0, make_situation(db, cast.anna), by=cast.chantal.id or 0, now=NOW)

    def it_shows_gaps_to_no_other_desk(self, db: Session, cast: Cast) -> None:
        fell_ill(db, cast, running(db, cast, cast.bram))
        elsewhere = Viewer(cast.saskia.id, (HeldRole(Role.OPBOUWWERKER, "WK040204"),))
        assert covering.open_gaps(db, now=NOW, viewer=elsewhere) == []
        assert covering.open_gaps(db, now=NOW, viewer=Viewer(cast.els.id)) == []


def it_lets_exactly_one_back_up_person_win(separate_database: str) -> None:
    use_keys((KEY,))
    engine = open_engine(separate_database)
    sessions = session_factory(engine)
    with sessions(True) as db:
        cast = make_cast(db)
        first, *_others = with_back_ups(db, cast, "Fatma", "Gijs", "Hanna", "Ilse")
        fell_ill(db, cast, first)
        db.commit()
        offers = db.exec(select(GapOffer.id, Arrangement.volunteer_id).join(Arrangement)).all()
    ready, outcomes = threading.Barrier(len(offers)), []

    def say_yes(offer_id: int, who: int) -> None:
        with sessions(True) as db:
            ready.wait()
            try:
                offer = db.get_one(GapOffer, offer_id)
                covering.answer(db, offer, yes=True, by=who, now=NOW)
                db.commit()
                outcomes.append("yes")
            except AlreadyTaken:
                db.rollback()
                outcomes.append("late")

    threads = [threading.Thread(target=say_yes, args=row) for row in offers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["late", "late", "late", "yes"]
    with sessions(False) as db:
        assert len(db.exec(select(RespijtBooking).where(RespijtBooking.state == BookingState.PLANNED)).all()) == 1
    engine.dispose()


STEPS = st.sampled_from(
    [
        "introduced", "tried", "tried badly", "carer agrees", "volunteer agrees", "start", "refuse", "end",
        "vog over", "vog", "untrained", "trained", "unintroduced", "introduced to us", "new text",
    ]
)  # fmt: skip


def take(db: Session, cast: Cast, arrangement: Arrangement, step: str) -> None:
    by, version = cast.chantal.id or 0, AGREEMENT
    changes: dict[str, dict[str, object]] = {
        "vog over": {"vog_renew_by": MONDAY},
        "untrained": {"trained_on": None},
        "unintroduced": {"introduced_on": None},
    }
    volunteer = db.get_one(Volunteer, arrangement.volunteer_id)
    if step in changes:
        for name, value in changes[step].items():
            setattr(volunteer, name, value)
    elif step in ("vog", "trained", "introduced to us"):
        for name, value in CLEARED.items():
            setattr(volunteer, name, value)
    elif step == "introduced":
        arranging.introduced(db, arrangement, MONDAY, by=by, now=NOW)
    elif step.startswith("tried"):
        arranging.tried(db, arrangement, MONDAY, went_well=step == "tried", by=by, now=NOW)
    elif step == "carer agrees":
        arranging.agree(db, arrangement, by=cast.els.id or 0, version=version, now=NOW)
    elif step == "volunteer agrees":
        arranging.agree(db, arrangement, by=cast.bram.id or 0, version=version, now=NOW)
    elif step == "new text":
        arrangement.agreement_version = "2025-01" if arrangement.agreement_version else ""
    elif step == "start":
        arranging.start(db, arrangement, by=by, now=NOW)
    elif step == "refuse":
        arranging.refuse(db, arrangement, reason="other", by=by, now=NOW)
    else:
        arranging.end(db, arrangement, reason="other", by=by, now=NOW)
    db.flush()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(STEPS, max_size=6),
    steps=st.lists(STEPS, max_size=12),
)
def it_never_runs_without_every_step_and_every_clearance(
    db: Session, cast: Cast, before: list[str], steps: list[str]
) -> None:
    """Whatever is tried, in whatever order, from any point of the usual way."""
    usual = ["introduced", "tried", "carer agrees", "volunteer agrees", "start"]
    with db.begin_nested() as attempt:
        arrangement = both_said_yes_fresh(db, cast)
        for step in [*usual[: len(before)], *before, *steps]:
            was = arrangement.state
            nested = db.begin_nested()
            try:
                take(db, cast, arrangement, step)
                nested.commit()
            except OmzienError:
                nested.rollback()
                db.refresh(arrangement)
            if arrangement.state == ArrangementState.RUNNING and was != ArrangementState.RUNNING:
                volunteer = db.get_one(Volunteer, cast.bram.id)
                assert arrangement.introduced_on and arrangement.tried_on
                assert arrangement.mantelzorger_agreed_at and arrangement.stand_in_agreed_at
                assert volunteer.has_valid_vog(MONDAY) and volunteer.introduced_on and volunteer.trained_on
        attempt.rollback()


def both_said_yes_fresh(db: Session, cast: Cast) -> Arrangement:
    clear(db, cast.bram)
    return both_said_yes(db, cast, taken_up(db, cast), cast.bram)
