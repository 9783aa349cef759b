"""Posting, changing and taking back a request, without the web."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest
from sqlmodel import Session, col, select

from matching.database import WRITES, open_engine
from matching.errors import IllegalMove, Invalid
from matching.models import Buurt, Consent, Event, Frequency, HelpRequest, OutboxMessage, Proposal, Tag
from matching.services import drafts, moderating, opbouwwerkers, posting, status
from matching.services.wishes import ALL_SLOTS, ConsentBy, ConsentHow, OnBehalf, Wish, day_slots, wish_of
from matching.workflow import ProposalState, RequestState
from tests.people import DRIFTBUURT, GEUZENBUURT, MONDAY, NOW, TUESDAY, Cast, make_cast

WISH = Wish(
    category="groceries",
    description="Melk en brood graag",
    frequency=Frequency.ONCE,
    day=TUESDAY,
    slots=day_slots(TUESDAY, [0]),
    minutes=60,
    buurt_code=DRIFTBUURT,
)


def post(db: Session, cast: Cast, wish: Wish = WISH, **more: object) -> HelpRequest:
    assert cast.anna.id is not None
    who = {"asker_id": cast.anna.id, "posted_by_id": cast.anna.id, "now": NOW}
    return posting.post(db, wish, **(who | more))  # type: ignore[arg-type]  # a dict of mixed values


def ask_bram(db: Session, cast: Cast, request: HelpRequest) -> Proposal:
    """Bram has been asked for this request."""
    assert request.id is not None
    assert cast.bram.id is not None
    proposal = Proposal(
        request_id=request.id, volunteer_id=cast.bram.id, state=ProposalState.ASKED, created_at=NOW, asked_at=NOW
    )
    request.state = RequestState.ASKED
    db.add_all([proposal, request])
    db.flush()
    return proposal


def tags(db: Session) -> list[str]:
    return list(db.exec(select(Event.tag).where(Event.subject == "help_request").order_by(col(Event.id))))


class DescribePosting:
    def it_opens_at_once_with_a_rounded_point_and_a_day_to_hear(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, replace(WISH, x=141_234, y=471_277))
        assert request.state == RequestState.OPEN
        assert (request.x, request.y) == (141_200, 471_300)
        assert request.contact_due == date(2026, 11, 30)
        assert request.is_visible_to_volunteers
        assert tags(db) == [Tag.REQUEST_POSTED]

    def it_takes_the_middle_of_the_buurt_where_no_point_is_given(self, db: Session, cast: Cast) -> None:
        request, buurt = post(db, cast), db.get_one(Buurt, DRIFTBUURT)
        assert abs(request.x - buurt.x) <= 50
        assert abs(request.y - buurt.y) <= 50

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"is_discreet": True}, "discreet"),
            ({"description": "Ik wil niet meer leven"}, "risk_words"),
            ({"category": "paperwork"}, "category"),
        ],
    )
    def it_waits_for_a_human(self, db: Session, cast: Cast, change: dict[str, object], reason: str) -> None:
        request = post(db, cast, replace(WISH, **change))  # type: ignore[arg-type]  # a dict of mixed values
        assert request.state == RequestState.HELD
        assert not request.is_visible_to_volunteers
        event = db.exec(select(Event).where(Event.tag == Tag.REQUEST_POSTED)).one()
        assert event.data["held"] == [reason]

    def it_waits_in_a_buurt_where_staff_read_everything_first(self, db: Session, cast: Cast) -> None:
        db.get_one(Buurt, DRIFTBUURT).moderation = "review"
        assert post(db, cast).state == RequestState.HELD

    def it_waits_while_the_sender_is_not_certain_and_opens_when_they_are(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, is_verified=False)
        assert request.state == RequestState.HELD
        posting.verify(db, request, actor_id=cast.anna.id, now=NOW)
        assert request.state == RequestState.OPEN
        posting.verify(db, request, actor_id=cast.anna.id, now=NOW)
        assert tags(db).count(Tag.REQUEST_VERIFIED) == 1

    def it_stays_with_a_human_after_verifying_when_something_else_holds_it(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, replace(WISH, is_discreet=True), is_verified=False)
        posting.verify(db, request, actor_id=cast.anna.id, now=NOW)
        assert request.state == RequestState.HELD

    def it_tells_the_opbouwwerker_of_a_risk_at_once_without_the_words(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, replace(WISH, description="Mijn man slaat mij"))
        assert request.risks == ["violence"]
        message = db.exec(select(OutboxMessage)).one()
        assert (message.account_id, message.template) == (cast.chantal.id, "request_at_risk")
        assert message.context == {"request_id": request.id}

    def it_makes_one_request_of_a_draft_posted_twice(self, db: Session, cast: Cast) -> None:
        first = post(db, cast, draft_key="k" * 22)
        again = post(db, cast, replace(WISH, minutes=30), draft_key="k" * 22)
        assert again.id == first.id
        assert again.minutes == 60
        assert len(db.exec(select(HelpRequest)).all()) == 1
        assert tags(db) == [Tag.REQUEST_POSTED]

    def it_records_who_agreed_and_how(self, db: Session, cast: Cast) -> None:
        henk = OnBehalf("Henk", ConsentBy.REPRESENTATIVE, ConsentHow.PAPER)
        request = post(db, cast, on_behalf=henk)
        consent = db.get_one(Consent, request.consent_id)
        assert (request.for_whom, request.other_name) == ("other", "Henk")
        assert (consent.note, consent.text_version) == ("representative/paper", posting.CONSENT_TEXT)
        assert consent.recorded_by_id == cast.anna.id

    def it_keeps_no_text_in_the_history(self, db: Session, cast: Cast) -> None:
        post(db, cast)
        assert "Melk" not in str(db.exec(select(Event.data)).all())

    @pytest.mark.parametrize(
        ("change", "field", "reason"),
        [
            ({"category": "gold"}, "category", "unknown"),
            ({"description": "x" * 2001}, "description", "too_long"),
            ({"description": "Bel 06 12345678"}, "description", "phone"),
            ({"description": "Kerkstraat 12"}, "description", "address"),
            ({"description": "anna@example.org"}, "description", "email"),
            ({"description": "mijn bsn is 111222333"}, "description", "bsn"),
            ({"day": None}, "day", "missing"),
            ({"day": MONDAY - timedelta(days=1)}, "day", "past"),
            ({"day": date(2027, 11, 24)}, "day", "too_far"),
            ({"slots": 0}, "parts", "missing"),
            ({"slots": 1}, "parts", "missing"),  # Monday morning, while the day is a Tuesday
            ({"slots": -1}, "slots", "missing"),
            ({"slots": ALL_SLOTS + 1}, "slots", "missing"),
            ({"frequency": Frequency.WEEKLY, "slots": 0}, "slots", "missing"),
            ({"minutes": 7}, "minutes", "unknown"),
            ({"buurt_code": "BU00000000"}, "buurt", "unknown"),
            ({"languages": ("xx",)}, "language", "unknown"),
        ],
    )
    def it_refuses(self, db: Session, cast: Cast, change: dict[str, object], field: str, reason: str) -> None:
        with pytest.raises(Invalid) as refused:
            post(db, cast, replace(WISH, **change))  # type: ignore[arg-type]  # a dict of mixed values
        assert (refused.value.field, refused.value.reason) == (field, reason)
        assert db.exec(select(HelpRequest)).all() == []

    @pytest.mark.parametrize(
        ("hour", "part", "is_over"),
        [(10, 0, False), (11, 0, True), (16, 1, False), (17, 1, True), (21, 2, False), (21, 3, False)],
    )
    def it_refuses_parts_of_today_that_are_over(
        self, db: Session, cast: Cast, hour: int, part: int, is_over: bool
    ) -> None:
        """In winter it is an hour later in Hilversum than in UTC: at 11.00 UTC the morning is over."""
        now = datetime(2026, 11, 23, hour, 0, tzinfo=UTC)
        today = replace(WISH, day=MONDAY, slots=day_slots(MONDAY, [part]))
        if is_over:
            with pytest.raises(Invalid) as refused:
                post(db, cast, today, now=now)
            assert (refused.value.field, refused.value.reason) == ("parts", "past")
        else:
            assert post(db, cast, today, now=now).day == MONDAY

    def it_allows_a_year_ahead_from_29_february_too(self, db: Session, cast: Cast) -> None:
        leap = datetime(2028, 2, 29, 9, 0, tzinfo=UTC)
        last = date(2029, 2, 28)
        assert post(db, cast, replace(WISH, day=last, slots=day_slots(last, [1])), now=leap).day == last
        with pytest.raises(Invalid):
            post(db, cast, replace(WISH, day=date(2029, 3, 1), slots=day_slots(date(2029, 3, 1), [1])), now=leap)

    def it_reads_no_moment_as_any_time_when_flexible(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, replace(WISH, frequency=Frequency.FLEXIBLE, slots=0))
        assert (request.slots, request.day) == (ALL_SLOTS, None)


class DescribeEditing:
    def it_withdraws_proposals_when_the_facts_change_and_opens_again(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        proposal = ask_bram(db, cast, request)
        request.no_match_reason = "nobody_near"
        weekly = replace(wish_of(request), frequency=Frequency.WEEKLY, slots=0b11)
        posting.edit(db, request, weekly, actor_id=cast.anna.id, now=NOW)
        assert request.state == RequestState.OPEN
        assert (request.frequency, request.day, request.slots) == ("weekly", None, 0b11)
        assert proposal.state == ProposalState.WITHDRAWN
        assert request.no_match_reason is None
        assert tags(db) == [Tag.REQUEST_POSTED, Tag.REQUEST_REOPENED, Tag.REQUEST_EDITED]

    def it_keeps_proposals_when_only_the_text_changes(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        proposal = ask_bram(db, cast, request)
        posting.edit(db, request, replace(wish_of(request), description="Liever kaas"), actor_id=cast.anna.id, now=NOW)
        assert (request.state, proposal.state) == (RequestState.ASKED, ProposalState.ASKED)
        assert request.description == "Liever kaas"

    def it_holds_a_request_whose_new_words_hint_at_danger(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        proposal = ask_bram(db, cast, request)
        worrying = replace(wish_of(request), description="Ik wil dood")
        posting.edit(db, request, worrying, actor_id=cast.anna.id, now=NOW)
        assert (request.state, request.risks) == (RequestState.HELD, ["suicide"])
        assert proposal.state == ProposalState.WITHDRAWN
        assert "request_at_risk" in db.exec(select(OutboxMessage.template)).all()

    def it_keeps_a_flag_that_only_a_human_may_clear(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, replace(WISH, description="Ik wil dood"))
        calm = replace(wish_of(request), description="Het gaat wel weer")
        posting.edit(db, request, calm, actor_id=cast.anna.id, now=NOW)
        assert (request.state, request.risks) == (RequestState.HELD, ["suicide"])

    def it_leaves_released_what_a_human_released(self, db: Session, cast: Cast) -> None:
        request = post(db, cast, replace(WISH, category="paperwork"))
        moderating.release(db, request, by=cast.chantal.id or 0, now=NOW)
        posting.edit(db, request, replace(wish_of(request), minutes=30), actor_id=cast.anna.id, now=NOW)
        assert request.state == RequestState.OPEN

    def it_does_not_refuse_another_text_because_the_day_has_come(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        later = NOW + timedelta(days=5)
        text = replace(wish_of(request), description="Ook kaas")
        posting.edit(db, request, text, actor_id=cast.anna.id, now=later)
        assert request.description == "Ook kaas"

    def it_holds_a_move_to_a_buurt_where_staff_read_first(self, db: Session, cast: Cast) -> None:
        db.get_one(Buurt, GEUZENBUURT).moderation = "review"
        request = post(db, cast)
        moved = replace(wish_of(request), buurt_code=GEUZENBUURT, x=None, y=None)
        posting.edit(db, request, moved, actor_id=cast.anna.id, now=NOW)
        assert request.state == RequestState.HELD

    @pytest.mark.parametrize("state", [RequestState.CLAIMED, RequestState.PAIRED, RequestState.DONE])
    def it_refuses_once_somebody_said_yes(self, db: Session, cast: Cast, state: RequestState) -> None:
        request = post(db, cast)
        request.state = state
        db.flush()
        with pytest.raises(IllegalMove):
            posting.edit(db, request, replace(wish_of(request), minutes=30), actor_id=cast.anna.id, now=NOW)


class DescribeTakingBack:
    def it_ends_everything_and_keeps_the_reason(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        proposal = ask_bram(db, cast, request)
        posting.withdraw(db, request, actor_id=cast.anna.id, now=NOW, reason="solved")
        assert (request.state, request.closed_at, request.closed_reason) == (RequestState.WITHDRAWN, NOW, "solved")
        assert proposal.state == ProposalState.WITHDRAWN

    def it_refuses_a_second_time(self, db: Session, cast: Cast) -> None:
        request = post(db, cast)
        posting.withdraw(db, request, actor_id=cast.anna.id, now=NOW)
        with pytest.raises(IllegalMove):
            posting.withdraw(db, request, actor_id=cast.anna.id, now=NOW)


class DescribeDrafts:
    def it_is_found_again_on_another_device(self, db: Session, cast: Cast) -> None:
        assert cast.anna.id is not None
        draft = drafts.save(db, None, "help_request", {"a": 1}, account_id=cast.anna.id, now=NOW)
        db.flush()
        found = drafts.newest(db, "help_request", account_id=cast.anna.id)
        assert found is not None
        assert found.id == draft.id

    def it_opens_for_nobody_else(self, db: Session, cast: Cast) -> None:
        draft = drafts.save(db, None, "help_request", {}, account_id=cast.anna.id, now=NOW)
        db.flush()
        assert drafts.load(db, draft.id, "help_request", account_id=cast.bram.id) is None
        assert drafts.load(db, draft.id, "help_request", account_id=None) is None
        assert drafts.load(db, draft.id, "profile", account_id=cast.anna.id) is None
        assert drafts.load(db, draft.id, "help_request", account_id=cast.anna.id) is draft

    def it_becomes_yours_when_you_sign_in_and_save(self, db: Session, cast: Cast) -> None:
        draft = drafts.save(db, None, "help_request", {}, account_id=None, now=NOW)
        drafts.save(db, draft, "help_request", {"b": 2}, account_id=cast.anna.id, now=NOW)
        db.flush()
        assert draft.account_id == cast.anna.id
        assert drafts.load(db, draft.id, "help_request", account_id=None) is None


class DescribeWhereItStands:
    def it_names_the_opbouwwerker_who_works_closest(self, db: Session, cast: Cast) -> None:
        standing = status.standing(db, post(db, cast), now=NOW)
        assert (standing.buurt, standing.opbouwwerkers) == ("Kleine Driftbuurt", ("Chantal",))
        assert standing.usual_days is None

    def it_tells_the_coordinator_where_a_buurt_has_no_opbouwwerker(self, db: Session, cast: Cast) -> None:
        assert opbouwwerkers.of_buurt(db, DRIFTBUURT) == [cast.chantal.id]
        assert opbouwwerkers.of_buurt(db, "BU04020101") == [cast.farid.id]

    def it_lists_what_somebody_asked_or_wrote_down(self, db: Session, cast: Cast) -> None:
        own = post(db, cast)
        for_anna = post(db, cast, posted_by_id=cast.chantal.id, now=NOW + timedelta(hours=1))
        assert status.own_requests(db, cast.anna.id, [], limit=9) == [for_anna, own]
        assert status.own_requests(db, cast.chantal.id, [], limit=9) == [for_anna]
        assert status.own_requests(db, None, [own.id or 0], limit=9) == [own]
        assert status.own_requests(db, cast.bram.id, [], limit=9) == []


def it_makes_one_request_of_two_posts_at_the_same_moment(separate_database: str) -> None:
    """Two presses on the button reach two workers; both answer with the same request."""
    engine = open_engine(separate_database).execution_options(**{WRITES: True})
    with Session(engine, expire_on_commit=False) as session:
        cast = make_cast(session)
        session.commit()
    together = Barrier(2)

    def press(_number: int) -> int | None:
        with Session(engine, expire_on_commit=False) as session:
            together.wait()
            made = post(session, cast, draft_key="k" * 22)
            session.commit()
            return made.id

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(press, range(2))
    assert first == second
    with Session(engine) as session:
        assert len(session.exec(select(HelpRequest)).all()) == 1
        assert tags(session) == [Tag.REQUEST_POSTED]
    engine.dispose()
