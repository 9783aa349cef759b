"""Asking around is released by a human, seen, stopped and taken back; and every other road knows of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import Account, Event, Frequency, HelpRequest, Proposal, Tag
from matching.services import answering, asking_around, judging, moderating, pairing, posting
from matching.services.questions import GO_ON
from matching.services.wishes import wish_of
from matching.workflow import PairingState, ProposalState, RequestState
from tests.matching_up import another_volunteer, ask, make_request, propose, said_yes
from tests.people import NOW, TUESDAY, Cast

SOON, LATER = NOW + timedelta(seconds=20), NOW + timedelta(minutes=5)
P, R = ProposalState, RequestState


def key(person: Account) -> int:
    assert person.id is not None
    return person.id


def start(db: Session, cast: Cast, request: HelpRequest, *without: Account, now: datetime = NOW) -> list[Proposal]:
    return asking_around.start(db, request, by=key(cast.chantal), now=now, without=[key(who) for who in without])


def stop(db: Session, cast: Cast, request: HelpRequest, now: datetime = LATER) -> None:
    asking_around.stop(db, request, by=key(cast.chantal), now=now)


@pytest.fixture
def asking(db: Session, cast: Cast) -> HelpRequest:
    """Anna's request, for which we ask around."""
    request = make_request(db, cast.anna)
    start(db, cast, request)
    db.commit()
    return request


class DescribeReleasing:
    def it_notes_who_and_when_and_wakes_the_worker_after_the_minute(
        self, db: Session, cast: Cast, asking: HelpRequest
    ) -> None:
        assert (asking.asking_since, asking.asking_by_id) == (NOW, cast.chantal.id)
        event = db.exec(select(Event).where(Event.tag == Tag.REQUEST_ASKED_AROUND)).one()
        assert (event.actor_id, event.subject_id) == (cast.chantal.id, asking.id)
        assert db.info[GO_ON] == 60

    @pytest.mark.parametrize(
        ("facts", "why"),
        [
            ({"is_discreet": True}, "discreet"),
            ({"risks": ["violence"]}, "risk_words"),
            ({"kept_back": "category"}, "category"),
            ({"kept_back": "staff"}, "staff"),
            ({"is_verified": False}, "unverified"),
        ],
    )
    @pytest.mark.parametrize("state", [R.HELD, R.ASKED])
    def it_leaves_with_a_human_what_a_human_holds(
        self, db: Session, cast: Cast, facts: dict[str, Any], why: str, state: RequestState
    ) -> None:
        request = make_request(db, cast.anna, state=state, **facts)
        with pytest.raises(Invalid) as error:
            start(db, cast, request)
        assert (error.value.field, error.value.reason) == ("asking", why)
        assert request.asking_since is None

    @pytest.mark.parametrize("state", [R.CLAIMED, R.PAIRED, R.DONE, R.WITHDRAWN, R.CLOSED])
    def it_refuses_once_somebody_said_yes_or_it_is_over(self, db: Session, cast: Cast, state: RequestState) -> None:
        with pytest.raises(Invalid, match="busy"):
            start(db, cast, make_request(db, cast.anna, state=state))

    def it_refuses_a_day_that_is_over(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna, frequency=Frequency.ONCE, day=TUESDAY, slots=1 << 4)
        with pytest.raises(Invalid, match="past"):
            start(db, cast, request, now=NOW + timedelta(days=2))

    def it_lets_the_first_of_two_colleagues_win(self, db: Session, cast: Cast, asking: HelpRequest) -> None:
        with pytest.raises(IllegalMove):
            asking_around.start(db, asking, by=key(cast.farid), now=LATER)
        assert asking.asking_by_id == cast.chantal.id

    def it_settles_the_pairs_with_whom_is_struck_off(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna)
        unwanted, fine = propose(db, request, cast.bram), propose(db, request, cast.daan, rank=2)
        assert [each.id for each in start(db, cast, request, cast.bram)] == [unwanted.id]
        assert (unwanted.state, unwanted.decided_by_id, fine.state) == (P.REJECTED, cast.chantal.id, P.PROPOSED)

    def it_settles_the_pair_even_when_the_matcher_just_withdrew_it(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna)
        propose(db, request, cast.bram, state=P.WITHDRAWN)
        [made] = start(db, cast, request, cast.bram)
        assert (made.volunteer_id, made.state) == (cast.bram.id, P.REJECTED)

    def it_strikes_off_nobody_who_was_never_proposed(self, db: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            start(db, cast, make_request(db, cast.anna), cast.bram)

    def it_strikes_off_nobody_who_was_asked(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna)
        ask(db, request, cast.bram, cast.chantal, NOW)
        with pytest.raises(IllegalMove):
            start(db, cast, request, cast.bram)


class DescribeStopping:
    def it_asks_nobody_new_and_leaves_questions_alone(self, db: Session, cast: Cast, asking: HelpRequest) -> None:
        question, _ = ask(db, asking, cast.bram, cast.chantal, NOW)
        stop(db, cast, asking)
        assert (asking.asking_since, asking.asking_by_id, asking.state) == (None, None, R.ASKED)
        assert db.get_one(Proposal, question.id).state == P.ASKED
        assert db.exec(select(Event.actor_id).where(Event.tag == Tag.REQUEST_ASKING_STOPPED)).one() == cast.chantal.id

    def it_takes_everything_back_within_the_minute(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna)
        unwanted = propose(db, request, cast.bram)
        start(db, cast, request, cast.bram)
        stop(db, cast, request, now=SOON)
        assert (unwanted.state, unwanted.decided_by_id) == (P.PROPOSED, None)

    def it_keeps_later_on_who_was_struck_off(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna)
        unwanted = propose(db, request, cast.bram)
        start(db, cast, request, cast.bram)
        stop(db, cast, request, now=NOW + timedelta(minutes=1))
        assert unwanted.state == P.REJECTED

    def it_lets_an_offer_of_the_same_minute_stand(self, db: Session, cast: Cast) -> None:
        request = make_request(db, cast.anna)
        unwanted = propose(db, request, cast.bram)
        start(db, cast, request, cast.bram)
        propose(db, request, cast.bram, source="offer")
        stop(db, cast, request, now=SOON)
        assert (unwanted.state, request.asking_since) == (P.REJECTED, None)

    def it_refuses_where_we_do_not_ask(self, db: Session, cast: Cast) -> None:
        with pytest.raises(IllegalMove):
            stop(db, cast, make_request(db, cast.anna))


class DescribeOtherRoads:
    @pytest.mark.parametrize(
        "end",
        [
            lambda db, cast, r: moderating.hold(db, r, by=cast.chantal.id, now=LATER),
            lambda db, cast, r: moderating.close(db, r, by=cast.chantal.id, now=LATER, reason="is verhuisd"),
            lambda db, cast, r: posting.withdraw(db, r, actor_id=cast.anna.id, now=LATER),
            lambda db, cast, r: posting.edit(
                db, r, replace(wish_of(r), description="Mijn man slaat mij."), actor_id=cast.anna.id, now=LATER
            ),
            lambda db, cast, r: posting.edit(
                db, r, replace(wish_of(r), is_discreet=True, description=""), actor_id=cast.anna.id, now=LATER
            ),
            lambda db, cast, r: posting.edit(
                db, r, replace(wish_of(r), category="paperwork"), actor_id=cast.anna.id, now=LATER
            ),
        ],
        ids=["hold", "close", "withdraw", "risk words", "discreet", "risky category"],
    )
    @pytest.mark.parametrize("is_asked", [False, True])
    def it_ends_where_a_human_takes_over_or_it_is_over(
        self, db: Session, cast: Cast, asking: HelpRequest, end: Callable[..., object], is_asked: bool
    ) -> None:
        if is_asked:
            ask(db, asking, cast.bram, cast.chantal, NOW)
        end(db, cast, asking)
        assert (asking.asking_since, asking.asking_by_id) == (None, None)

    def it_ends_when_it_is_done(self, db: Session, cast: Cast) -> None:
        made = said_yes(db, cast, NOW, welcomes_anyone=True, asking_since=NOW, asking_by_id=cast.chantal.id)
        assert db.get_one(HelpRequest, made.request_id).asking_since == NOW
        pairing.finish(db, made, now=LATER, actor_id=made.volunteer_id)
        assert db.get_one(HelpRequest, made.request_id).asking_since is None

    @pytest.mark.parametrize("change", [{"slots": 0b1111}, {"description": "Kunt u ook de hond uitlaten?"}])
    def it_waits_for_a_human_when_the_request_says_something_else(
        self, db: Session, cast: Cast, asking: HelpRequest, change: dict[str, Any]
    ) -> None:
        posting.edit(db, asking, replace(wish_of(asking), **change), actor_id=cast.anna.id, now=LATER)
        assert asking.asking_since is None

    def it_may_ask_again_whom_no_message_had_reached(self, db: Session, cast: Cast, asking: HelpRequest) -> None:
        proposal, _ = ask(db, asking, cast.bram, cast.chantal, NOW)
        posting.edit(db, asking, replace(wish_of(asking), slots=0b1111), actor_id=cast.anna.id, now=NOW)
        assert (proposal.state, proposal.asked_at) == (P.WITHDRAWN, None)

    def it_asks_the_asker_when_nobody_chose_the_volunteer(self, db: Session, cast: Cast, asking: HelpRequest) -> None:
        asking.welcomes_anyone = True
        proposal, link = ask(db, asking, cast.bram, cast.chantal, NOW)
        proposal.decided_by_id = None
        assert answering.accept(db, link, now=NOW).state == PairingState.WAITING

    @pytest.mark.parametrize(
        "end",
        [
            lambda db, made: pairing.refuse(db, made, now=LATER, actor_id=made.volunteer_id, reason="found"),
            lambda db, made: pairing.fall_through(db, made, "contact", now=LATER, actor_id=made.volunteer_id),
            lambda db, made: pairing.expire(db, made, now=NOW + timedelta(days=15)),
        ],
        ids=["has help", "cannot be reached", "no answer"],
    )
    def it_waits_for_a_human_when_another_volunteer_would_hear_the_same(
        self, db: Session, cast: Cast, asking: HelpRequest, end: Callable[..., object]
    ) -> None:
        _, link = ask(db, asking, cast.bram, cast.chantal, NOW)
        end(db, answering.accept(db, link, now=NOW))
        assert (asking.state, asking.asking_since) == (R.OPEN, None)

    @pytest.mark.parametrize(
        "fall",
        [
            lambda db, made: pairing.refuse(db, made, now=LATER, actor_id=made.volunteer_id),
            lambda db, made: pairing.fall_through(db, made, "ill", now=LATER, actor_id=made.volunteer_id),
        ],
        ids=["refused", "fell through"],
    )
    def it_goes_on_by_itself_when_it_falls_through(
        self, db: Session, cast: Cast, asking: HelpRequest, fall: Callable[..., object]
    ) -> None:
        _, link = ask(db, asking, cast.bram, cast.chantal, NOW)
        made = answering.accept(db, link, now=NOW)
        db.info.clear()
        fall(db, made)
        assert (asking.state, asking.asking_since) == (R.OPEN, NOW)
        assert db.info[GO_ON] == 0

    def it_wakes_the_worker_when_somebody_declines(self, db: Session, cast: Cast, asking: HelpRequest) -> None:
        one, _ = ask(db, asking, cast.bram, cast.chantal, NOW)
        ask(db, asking, cast.daan, cast.chantal, NOW)  # so that the request does not open again
        db.info.clear()
        answering.decline(db, one, "time", now=LATER)
        assert db.info[GO_ON] == 0

    def it_wakes_nobody_where_we_do_not_ask(self, db: Session, cast: Cast) -> None:
        proposal, _ = ask(db, make_request(db, cast.anna), cast.bram, cast.chantal, NOW)
        db.info.clear()
        answering.decline(db, proposal, "time", now=LATER)
        assert GO_ON not in db.info

    def it_still_lets_the_desk_choose(self, db: Session, cast: Cast, asking: HelpRequest) -> None:
        hans = another_volunteer(db, "Hans")
        propose(db, asking, hans)
        made = judging.choose(db, asking, key(hans), by=key(cast.chantal), now=LATER)
        judging.undo(db, made, by=key(cast.chantal), now=LATER + timedelta(seconds=9))
        assert (asking.state, asking.asking_since) == (R.OPEN, None)  # else the same person would be asked at once


class DescribeTimes:
    @pytest.mark.parametrize(
        ("now", "urgency", "days"),
        [(NOW, 1.0, 7), (NOW, 2.0, 3), (NOW, 3.0, 1), (NOW + timedelta(days=7), 1.0, 14),
         (NOW + timedelta(days=20), 1.0, 21)],
    )  # fmt: skip
    def it_gives_a_week_or_less_and_then_another(
        self, asking: HelpRequest, now: datetime, urgency: float, days: int
    ) -> None:
        assert asking_around.deadline(asking, urgency, now=now) == NOW + timedelta(days=days)

    def it_leaves_time_to_answer_before_the_day(self, db: Session, cast: Cast) -> None:
        tuesday = {"frequency": Frequency.ONCE, "day": TUESDAY, "slots": 0b11 << 4, "minutes": 90}
        request = make_request(db, cast.anna, **tuesday)  # until six in the evening, Dutch time
        end = datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
        assert asking_around.deadline(request, 3.0, now=NOW) == end - timedelta(hours=10)
        assert asking_around.deadline(request, 3.0, now=end - timedelta(hours=9)) == end - timedelta(minutes=90)

    @pytest.mark.parametrize(
        ("now", "moment"),
        [
            (NOW + timedelta(minutes=3), NOW + timedelta(minutes=15)),
            (datetime(2026, 11, 23, 19, 50, tzinfo=UTC), datetime(2026, 11, 24, 7, 0, tzinfo=UTC)),
            (datetime(2026, 11, 24, 3, 0, tzinfo=UTC), datetime(2026, 11, 24, 7, 0, tzinfo=UTC)),
            (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), datetime(2027, 3, 28, 6, 0, tzinfo=UTC)),  # the clock changes
            (datetime(2027, 10, 30, 23, 30, tzinfo=UTC), datetime(2027, 10, 31, 7, 0, tzinfo=UTC)),
        ],
    )
    def it_tells_when_the_next_question_may_go(self, asking: HelpRequest, now: datetime, moment: datetime) -> None:
        assert asking_around.next_moment(asking, now=now) == moment
