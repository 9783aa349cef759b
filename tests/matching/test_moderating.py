"""Hold, release, first contact, close; the certificate and the introduction."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, select

from matching.errors import IllegalMove, Invalid, NotAllowed
from matching.models import Account, Event, Frequency, HelpRequest, OutboxMessage, Pairing, Proposal, Tag, Volunteer
from matching.services import answering, judging, moderating, outbox, posting
from matching.services.wishes import Wish
from matching.workflow import PairingState, ProposalState, RequestState
from tests.people import ALL_SLOTS, DRIFTBUURT, MONDAY, NOW, Cast, make_volunteer

WISH = Wish("groceries", "", Frequency.FLEXIBLE, None, ALL_SLOTS, 60, DRIFTBUURT)
RISKY = "Mijn man slaat mij."


def ask_for(db: Session, asker: Account, *, description: str = "", discreet: bool = False, **more: bool) -> HelpRequest:
    assert asker.id is not None
    wish = replace(WISH, description=description, is_discreet=discreet)
    return posting.post(db, wish, asker_id=asker.id, posted_by_id=asker.id, now=NOW, **more)


def propose(db: Session, request: HelpRequest, person: Account) -> Proposal:
    proposal = Proposal(request_id=request.id, volunteer_id=person.id, distance_m=600, created_at=NOW)
    db.add(proposal)
    db.flush()
    return proposal


def ask_bram(db: Session, cast: Cast, request: HelpRequest) -> Proposal:
    propose(db, request, cast.bram)
    return judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=NOW)


def tags(db: Session, request: HelpRequest) -> list[str]:
    query = select(Event.tag).where(Event.subject == "help_request", Event.subject_id == request.id)
    return list(db.exec(query.order_by(col(Event.id))))


def waiting(db: Session) -> list[str]:
    query = select(OutboxMessage.template).where(
        col(OutboxMessage.cancelled_at).is_(None), col(OutboxMessage.sent_at).is_(None)
    )
    return sorted(db.exec(query))


class DescribeHolding:
    def it_takes_questions_back_before_they_go_out(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna)
        proposal = ask_bram(db, cast, request)
        moderating.hold(db, request, by=cast.chantal.id, now=NOW)
        assert (request.state, proposal.state) == (RequestState.HELD, ProposalState.WITHDRAWN)
        assert waiting(db) == []
        assert tags(db, request)[-1] == Tag.REQUEST_HELD

    def it_tells_who_read_the_question_that_it_is_not_needed(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna)
        ask_bram(db, cast, request)
        outbox.mark_sent(db, db.exec(select(OutboxMessage)).one(), now=NOW)
        moderating.hold(db, request, by=cast.chantal.id, now=NOW)
        assert waiting(db) == ["not_needed"]

    def it_refuses_once_somebody_said_yes(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna)
        answering.accept_proposal(db, ask_bram(db, cast, request), now=NOW, actor_id=cast.bram.id)
        with pytest.raises(IllegalMove):
            moderating.hold(db, request, by=cast.chantal.id, now=NOW)


class DescribeReleasing:
    def it_clears_the_flags_of_a_worrying_request(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna, description=RISKY)
        assert (request.state, bool(request.risks)) == (RequestState.HELD, True)
        moderating.release(db, request, by=cast.chantal.id, now=NOW)
        assert (request.state, request.risks, request.is_visible_to_volunteers) == (RequestState.OPEN, [], True)
        event = db.exec(select(Event).where(Event.tag == Tag.REQUEST_RELEASED)).one()
        assert event.data == {"flags": ["violence"]}
        assert event.actor_id == cast.chantal.id

    def it_vouches_for_a_sender_who_was_not_certain(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna, is_verified=False)
        moderating.release(db, request, by=cast.chantal.id, now=NOW)
        assert request.is_verified
        assert tags(db, request)[-2:] == [Tag.REQUEST_VERIFIED, Tag.REQUEST_RELEASED]

    def it_keeps_discreet_requests_at_the_desk(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna, discreet=True)
        with pytest.raises(IllegalMove):
            moderating.release(db, request, by=cast.chantal.id, now=NOW)
        assert request.state == RequestState.HELD

    def it_refuses_what_is_not_held(self, db: Session, cast: Cast) -> None:
        with pytest.raises(IllegalMove):
            moderating.release(db, ask_for(db, cast.anna), by=cast.chantal.id, now=NOW)


class DescribeTheFirstContact:
    def it_counts_once(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna)
        moderating.contacted(db, request, by=cast.chantal.id, now=NOW)
        moderating.contacted(db, request, by=cast.farid.id, now=NOW + timedelta(days=1))
        assert request.contacted_at == NOW
        assert tags(db, request).count(Tag.REQUEST_CONTACTED) == 1

    def it_refuses_when_it_is_over(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna)
        moderating.close(db, request, by=cast.chantal.id, now=NOW, reason="x")
        with pytest.raises(IllegalMove):
            moderating.contacted(db, request, by=cast.chantal.id, now=NOW)


class DescribeClosing:
    def it_ends_everything_with_a_reason(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna)
        made = answering.accept_proposal(db, ask_bram(db, cast, request), now=NOW, actor_id=cast.bram.id)
        moderating.close(db, request, by=cast.chantal.id, now=NOW, reason=" Anna is\nverhuisd ")
        assert (request.state, request.closed_reason, request.closed_at) == (
            RequestState.CLOSED, "Anna is verhuisd", NOW,
        )  # fmt: skip
        assert db.get_one(Pairing, made.id).state == PairingState.FELL_THROUGH
        assert "pairing_ended" in waiting(db)
        assert "asker_consent" not in waiting(db)

    @pytest.mark.parametrize("reason", ["", "  ", "\n"])
    def it_wants_a_reason(self, db: Session, cast: Cast, reason: str) -> None:
        request = ask_for(db, cast.anna)
        with pytest.raises(Invalid):
            moderating.close(db, request, by=cast.chantal.id, now=NOW, reason=reason)
        assert request.state == RequestState.OPEN

    def it_closes_once(self, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna)
        moderating.close(db, request, by=cast.chantal.id, now=NOW, reason="x")
        with pytest.raises(IllegalMove):
            moderating.close(db, request, by=cast.chantal.id, now=NOW, reason="y")
        assert request.closed_reason == "x"


class DescribeVouchingForAVolunteer:
    def it_keeps_only_that_the_certificate_was_seen(self, db: Session, cast: Cast) -> None:
        volunteer = db.get_one(Volunteer, cast.bram.id)
        until = date(2028, 11, 23)
        moderating.vog_seen(db, volunteer, by=cast.chantal.id, today=MONDAY, renew_by=until, now=NOW)
        assert (volunteer.vog_seen_on, volunteer.vog_seen_by_id) == (MONDAY, cast.chantal.id)
        assert volunteer.has_valid_vog(until - timedelta(days=1))
        assert not volunteer.has_valid_vog(until)
        assert db.exec(select(Event).where(Event.tag == Tag.VOLUNTEER_VOG_SEEN)).one().subject_id == cast.bram.id

    @pytest.mark.parametrize("until", [MONDAY, MONDAY - timedelta(days=1), date(2032, 1, 1)])
    def it_refuses_an_impossible_day(self, db: Session, cast: Cast, until: date) -> None:
        volunteer = db.get_one(Volunteer, cast.bram.id)
        with pytest.raises(Invalid):
            moderating.vog_seen(db, volunteer, by=cast.chantal.id, today=MONDAY, renew_by=until, now=NOW)
        assert volunteer.vog_seen_on is None

    def it_notes_the_introduction_once(self, db: Session, cast: Cast) -> None:
        volunteer = db.get_one(Volunteer, cast.bram.id)
        for day in (MONDAY, MONDAY + timedelta(days=1)):
            moderating.introduced(db, volunteer, by=cast.chantal.id, today=day, now=NOW)
        assert volunteer.introduced_on == MONDAY
        assert len(db.exec(select(Event).where(Event.tag == Tag.VOLUNTEER_INTRODUCED)).all()) == 1

    def it_lets_nobody_vouch_for_themselves(self, db: Session, cast: Cast) -> None:
        volunteer = make_volunteer(db, cast.chantal)
        with pytest.raises(NotAllowed):
            moderating.introduced(db, volunteer, by=cast.chantal.id, today=MONDAY, now=NOW)
        with pytest.raises(NotAllowed):
            moderating.vog_seen(db, volunteer, by=cast.chantal.id, today=MONDAY, renew_by=date(2028, 1, 1), now=NOW)
