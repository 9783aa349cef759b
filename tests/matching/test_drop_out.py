"""The plan for when the carer drops out: who steps in, their own yes, the call, and the yearly question."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from matching import jobs
from matching.errors import IllegalMove, Invalid, LinkUnusable, NotFound, TooManyAttempts
from matching.models import (
    Account,
    ActionLink,
    CareSituation,
    DropOutPlan,
    Event,
    OutboxMessage,
    ReliefRequest,
    StaffRole,
    StandIn,
    Volunteer,
)
from matching.models.events import Tag
from matching.services import care, drop_out, drop_out_call, links, stand_ins
from matching.workflow import ArrangementState
from tests.caring import make_arrangement, make_relief, make_situation
from tests.matching_up import make_request
from tests.people import DRIFTBUURT, MONDAY, NOW, OOST, Cast

DAY = timedelta(days=1)
WORDS = {
    "first_hours": "Eten om zes uur",
    "keys": "De buurvrouw heeft de sleutel",
    "habits": "",
    "whom_to_call": "Huisarts",
}


@pytest.fixture
def situation(db: Session, cast: Cast) -> CareSituation:
    return make_situation(db, cast.els)


def ask(db: Session, situation: CareSituation, name: str = "Joke", **changes: Any) -> StandIn:
    facts = {
        "name": name,
        "relation": "neighbour",
        "phone": "06 12345678",
        "email": f"{name.lower()}@example.org",
        "locale": "nl",
        "by": situation.mantelzorger_id,
        "now": NOW,
    }
    return drop_out.add(db, situation, **(facts | changes))


def agree(db: Session, person: StandIn) -> None:
    stand_ins.answer_by_link(db, link_of(db, person, links.STAND_IN), links.STAND_IN, yes=True, now=NOW)


def link_of(db: Session, person: StandIn, purpose: str) -> str:
    """The newest link in a message to this person."""
    query = select(ActionLink).where(ActionLink.purpose == purpose, ActionLink.subject_id == person.id)
    found = db.exec(query.order_by(col(ActionLink.created_at).desc(), col(ActionLink.revoked_at).is_not(None))).first()
    assert found is not None
    return found.id


def messages(db: Session, template: str) -> list[OutboxMessage]:
    query = select(OutboxMessage).where(OutboxMessage.template == template, col(OutboxMessage.cancelled_at).is_(None))
    return list(db.exec(query.order_by(col(OutboxMessage.id))))


def plan(db: Session, situation: CareSituation) -> drop_out.PlanView:
    found = drop_out.of(db, situation.id or 0)
    assert found is not None
    return found


def by(situation: CareSituation) -> dict[str, Any]:
    return {"by": situation.mantelzorger_id, "now": NOW}


class DescribeWriting:
    def it_keeps_the_words_and_asks_again_in_a_year(self, db: Session, situation: CareSituation) -> None:
        drop_out.write(db, situation, WORDS, **by(situation))
        found = plan(db, situation)
        assert dict(found.words) == {name: text for name, text in WORDS.items() if text}
        assert (found.confirm_due - found.confirmed_on).days == 365  # type: ignore[operator]  # both are set

    def it_keeps_nothing_readable_in_the_database(self, db: Session, situation: CareSituation) -> None:
        drop_out.write(db, situation, WORDS, **by(situation))
        ask(db, situation)
        raw = [str(row) for table in ("drop_out_plan", "stand_in") for row in db.connection().exec_driver_sql(
            f"select * from {table}")]  # two fixed names  # fmt: skip
        assert len(raw) == 2
        assert not any(word in row for row in raw for word in ("sleutel", "Joke", "+31612345678"))

    @pytest.mark.parametrize(
        ("words", "field", "reason"),
        [
            ({}, "first_hours", "missing"),
            ({"first_hours": " \n "}, "first_hours", "missing"),
            ({"keys": "x" * 1501}, "keys", "too_long"),
        ],
    )
    def it_refuses(self, db: Session, situation: CareSituation, words: dict[str, str], field: str, reason: str) -> None:
        with pytest.raises(Invalid) as refused:
            drop_out.write(db, situation, words, **by(situation))
        assert (refused.value.field, refused.value.reason) == (field, reason)

    def it_takes_the_longest_text(self, db: Session, situation: CareSituation) -> None:
        drop_out.write(db, situation, {"keys": "x" * 1500}, **by(situation))
        assert len(plan(db, situation).words["keys"]) == 1500

    def it_refuses_when_the_situation_is_closed(self, db: Session, situation: CareSituation) -> None:
        care.close(db, situation, reason="recovered", **by(situation))
        with pytest.raises(IllegalMove):
            drop_out.write(db, situation, WORDS, **by(situation))


class DescribeAsking:
    def it_asks_by_a_message_and_counts_nobody_before_their_yes(self, db: Session, situation: CareSituation) -> None:
        person = ask(db, situation)
        assert [row.standing for row in plan(db, situation).stand_ins] == ["asked"]
        message = messages(db, "stand_in_asked")[0]
        assert message.account_id == person.account_id
        assert message.context == {"again": False}

    def it_leaves_an_account_that_we_know_untouched(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        person = ask(db, situation, "Iemand", email="BRAM@example.org")
        assert person.account_id == cast.bram.id
        assert (cast.bram.first_name, cast.bram.phone) == ("Bram", "+31612340002")
        assert plan(db, situation).stand_ins[0].phone == "+31612345678"

    @pytest.mark.parametrize(
        ("changes", "field", "reason"),
        [
            ({"email": "els@example.org"}, "email", "own"),
            ({"email": "joke@example.org"}, "email", "twice"),
            ({"email": "joke"}, "email", "not_an_address"),
            ({"phone": "12"}, "phone", "not_a_number"),
            ({"name": "\u200b"}, "first_name", "missing"),
            ({"relation": "cat"}, "relation", "missing"),
        ],
    )
    def it_refuses(
        self, db: Session, situation: CareSituation, changes: dict[str, str], field: str, reason: str
    ) -> None:
        ask(db, situation)
        with pytest.raises(Invalid) as refused:
            ask(db, situation, **({"name": "Kees"} | changes))
        assert (refused.value.field, refused.value.reason) == (field, reason)
        assert len(plan(db, situation).stand_ins) == 1

    def it_takes_six_people(self, db: Session, situation: CareSituation) -> None:
        for number in range(6):
            ask(db, situation, f"P{number}")
        with pytest.raises(Invalid) as refused:
            ask(db, situation, "P7")
        assert refused.value.reason == "full"

    def it_floods_nobody(self, db: Session, situation: CareSituation) -> None:
        for number in range(10):
            person = ask(db, situation, f"P{number}")
            drop_out.remove(db, situation, person.id or 0, **by(situation))
        with pytest.raises(TooManyAttempts):
            ask(db, situation, "P11")
        ask(db, situation, "P11", now=NOW + DAY)

    def it_offers_volunteers_who_come_here_already(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        make_arrangement(db, make_relief(db, situation), volunteer_id=cast.bram.id)
        make_arrangement(db, make_relief(db, situation), volunteer_id=cast.daan.id, state=ArrangementState.PROPOSED)
        assert drop_out.known(db, situation) == [(cast.bram.id, "Bram")]
        person = drop_out.add_known(db, situation, cast.bram.id or 0, **by(situation))
        assert plan(db, situation).stand_ins[0].phone == ""
        agree(db, person)
        assert plan(db, situation).stand_ins[0].phone == cast.bram.phone
        assert drop_out.known(db, situation) == []

    def it_asks_no_volunteer_who_never_came(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        with pytest.raises(NotFound):
            drop_out.add_known(db, situation, cast.daan.id or 0, **by(situation))

    def it_sends_the_question_once_more_after_three_days(self, db: Session, situation: CareSituation) -> None:
        person = ask(db, situation)
        old = link_of(db, person, links.STAND_IN)
        with pytest.raises(IllegalMove):
            drop_out.ask_again(db, situation, person.id or 0, by=1, now=NOW + 2 * DAY)
        drop_out.ask_again(db, situation, person.id or 0, by=situation.mantelzorger_id, now=NOW + 3 * DAY)
        assert len(messages(db, "stand_in_asked")) == 1, "the first one had not gone out"
        with pytest.raises(LinkUnusable):
            stand_ins.asked_by_link(db, old, links.STAND_IN, now=NOW + 3 * DAY)


class DescribeOrder:
    def it_moves_one_place(self, db: Session, situation: CareSituation) -> None:
        people = [ask(db, situation, name) for name in ("Ans", "Bea", "Cor")]
        drop_out.move(db, situation, people[2].id or 0, earlier=True, **by(situation))
        assert [row.name for row in plan(db, situation).stand_ins] == ["Ans", "Cor", "Bea"]
        drop_out.move(db, situation, people[0].id or 0, earlier=True, **by(situation))
        drop_out.move(db, situation, people[1].id or 0, earlier=False, **by(situation))
        assert [row.name for row in plan(db, situation).stand_ins] == ["Ans", "Cor", "Bea"]
        drop_out.move(db, situation, people[0].id or 0, earlier=False, **by(situation))
        assert [row.name for row in plan(db, situation).stand_ins] == ["Cor", "Ans", "Bea"]

    def it_closes_the_row_when_somebody_goes(self, db: Session, situation: CareSituation) -> None:
        people = [ask(db, situation, name) for name in ("Ans", "Bea", "Cor")]
        agree(db, people[1])
        drop_out.remove(db, situation, people[1].id or 0, **by(situation))
        drop_out.move(db, situation, people[2].id or 0, earlier=True, **by(situation))
        assert [row.name for row in plan(db, situation).stand_ins] == ["Cor", "Ans"]
        assert [message.account_id for message in messages(db, "stand_in_over")] == [people[1].account_id]

    def it_knows_nobody_of_another_plan(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        other = make_situation(db, cast.anna)
        person = ask(db, other)
        for act in (drop_out.remove, drop_out.ask_again):
            with pytest.raises(NotFound):
                act(db, situation, person.id or 0, **by(situation))
        with pytest.raises(NotFound):
            drop_out.move(db, situation, person.id or 0, earlier=True, **by(situation))


class DescribeAnswering:
    def it_takes_a_yes_by_the_link_once(self, db: Session, situation: CareSituation) -> None:
        person = ask(db, situation)
        link = link_of(db, person, links.STAND_IN)
        stand_ins.answer_by_link(db, link, links.STAND_IN, yes=True, now=NOW)
        assert plan(db, situation).stand_ins[0].standing == "agreed"
        with pytest.raises(LinkUnusable):
            stand_ins.answer_by_link(db, link, links.STAND_IN, yes=False, now=NOW)
        account = db.get_one(Account, person.account_id)
        assert account.adult_declared_at == account.email_verified_at == NOW
        assert [message.account_id for message in messages(db, "plan_news")] == [situation.mantelzorger_id]
        assert len(messages(db, "stand_in_thanked")) == 1

    def it_forgets_the_address_of_whoever_said_no_at_once(self, db: Session, situation: CareSituation) -> None:
        person = ask(db, situation)
        link = link_of(db, person, links.STAND_IN)
        stand_ins.answer_by_link(db, link, links.STAND_IN, yes=False, now=NOW)
        account = db.get_one(Account, person.account_id)
        assert (account.email, account.is_active) == (None, False)
        found = stand_ins.used_link(db, link, links.STAND_IN)
        assert found is not None
        assert found.row.standing == "declined"

    def it_keeps_no_number_of_whoever_said_no(self, db: Session, situation: CareSituation) -> None:
        person = ask(db, situation)
        stand_ins.answer_by_link(db, link_of(db, person, links.STAND_IN), links.STAND_IN, yes=False, now=NOW)
        assert person.details == {"name": "Joke", "relation": "neighbour", "phone": ""}

    @pytest.mark.parametrize("what", ["asks", "is asked for", "helps", "cares", "works here", "is on another plan"])
    def it_leaves_an_account_alone_that_somebody_uses(
        self, db: Session, cast: Cast, situation: CareSituation, what: str
    ) -> None:
        person = ask(db, situation)
        account = db.get_one(Account, person.account_id)
        used: dict[str, Callable[[], object]] = {
            "asks": lambda: make_request(db, account, posted_by_id=cast.chantal.id, x=cast.els.x, y=cast.els.y),
            "is asked for": lambda: make_request(db, cast.els, posted_by_id=account.id),
            "helps": lambda: db.add(
                Volunteer(account_id=account.id, buurt_code=DRIFTBUURT, x=0, y=0, created_at=NOW, updated_at=NOW)
            ),
            "cares": lambda: make_situation(db, account),
            "works here": lambda: db.add(
                StaffRole(account_id=account.id, role="opbouwwerker", place_code=OOST, since=MONDAY)
            ),
            "is on another plan": lambda: ask(db, make_situation(db, cast.anna)),
        }
        used[what]()
        db.flush()
        drop_out.remove(db, situation, person.id or 0, **by(situation))
        db.flush()
        assert (account.email, account.deactivated_at) == ("joke@example.org", None)

    def it_answers_nothing_for_whoever_was_taken_off_meanwhile(self, db: Session, situation: CareSituation) -> None:
        person, other = ask(db, situation), ask(db, situation, "Piet")
        link, asked = link_of(db, person, links.STAND_IN), stand_ins.about(db, other)
        agree(db, other)
        drop_out_call.call(db, situation, **by(situation))
        db.connection().execute(text("delete from stand_in"))  # by the carer, a moment before
        with pytest.raises(LinkUnusable) as refused:
            stand_ins.answer_by_link(db, link, links.STAND_IN, yes=True, now=NOW)
        assert refused.value.why == "unknown"
        with pytest.raises(NotFound):
            stand_ins.answer(db, asked, yes=True, now=NOW)
        with pytest.raises(NotFound):
            drop_out_call.come(db, asked, comes=True, now=NOW)

    def it_keeps_the_account_of_a_member_who_says_no(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        person = ask(db, situation, "Bram")
        link = link_of(db, person, links.STAND_IN)
        stand_ins.answer_by_link(db, link, links.STAND_IN, yes=False, now=NOW)
        assert cast.bram.email == "bram@example.org"

    def it_lets_somebody_take_a_yes_back(self, db: Session, situation: CareSituation) -> None:
        person = ask(db, situation)
        agree(db, person)
        link = link_of(db, person, links.STAND_IN_LEAVE)
        stand_ins.answer_by_link(db, link, links.STAND_IN_LEAVE, yes=False, now=NOW + 200 * DAY)
        assert plan(db, situation).stand_ins[0].standing == "declined"
        assert len(messages(db, "plan_news")) == 2
        assert stand_ins.mine(db, person.account_id or 0) == []

    def it_ends_the_links_of_a_closed_situation(self, db: Session, situation: CareSituation) -> None:
        person = ask(db, situation)
        link = link_of(db, person, links.STAND_IN)
        care.close(db, situation, reason="recovered", **by(situation))
        with pytest.raises(LinkUnusable):
            stand_ins.asked_by_link(db, link, links.STAND_IN, now=NOW)
        with pytest.raises(NotFound):
            stand_ins.own(db, person.account_id, person.id or 0)

    def it_expires_after_two_weeks(self, db: Session, situation: CareSituation) -> None:
        link = link_of(db, ask(db, situation), links.STAND_IN)
        with pytest.raises(LinkUnusable) as refused:
            stand_ins.asked_by_link(db, link, links.STAND_IN, now=NOW + 14 * DAY)
        assert refused.value.why == "expired"


class DescribeDroppingOut:
    @pytest.fixture
    def people(self, db: Session, situation: CareSituation) -> list[StandIn]:
        """Ans and Cor said yes, Bea did not answer, Dik said no."""
        drop_out.write(db, situation, WORDS, **by(situation))
        people = [ask(db, situation, name) for name in ("Ans", "Bea", "Cor", "Dik")]
        agree(db, people[0])
        agree(db, people[2])
        link = link_of(db, people[3], links.STAND_IN)
        stand_ins.answer_by_link(db, link, links.STAND_IN, yes=False, now=NOW)
        return people

    def it_tells_the_desk_and_whoever_said_yes_at_once(
        self, db: Session, cast: Cast, situation: CareSituation, people: list[StandIn]
    ) -> None:
        assert drop_out_call.call(db, situation, **by(situation))
        assert [m.account_id for m in messages(db, "plan_called")] == [cast.chantal.id]
        assert [m.account_id for m in messages(db, "stand_in_called")] == [people[0].account_id, people[2].account_id]
        assert all(m.due_at == NOW for m in messages(db, "stand_in_called"))
        relief = db.exec(select(ReliefRequest)).one()
        assert (relief.need, relief.urgency) == ("here", "now")
        assert db.exec(select(Event).where(Event.tag == Tag.PLAN_CALLED)).one().actor_id == cast.els.id

    @pytest.mark.usefixtures("people")
    def it_does_it_once(self, db: Session, situation: CareSituation) -> None:
        drop_out_call.call(db, situation, **by(situation))
        assert not drop_out_call.call(db, situation, by=situation.mantelzorger_id, now=NOW + DAY)
        assert len(messages(db, "stand_in_called")) == 2
        assert len(db.exec(select(ReliefRequest)).all()) == 1

    def it_calls_the_desk_without_a_plan(self, db: Session, cast: Cast, situation: CareSituation) -> None:
        assert drop_out_call.call(db, situation, **by(situation))
        assert [m.account_id for m in messages(db, "plan_called")] == [cast.chantal.id]

    def it_shows_the_plan_to_a_stand_in_only_now_and_for_three_days(
        self, db: Session, situation: CareSituation, people: list[StandIn]
    ) -> None:
        with pytest.raises(NotFound):
            drop_out_call.plan_for(db, stand_ins.own(db, people[0].account_id, people[0].id or 0), now=NOW)
        drop_out_call.call(db, situation, **by(situation))
        link = link_of(db, people[0], links.STAND_IN_CALL)
        for moment in (NOW, NOW + 2 * DAY):
            _asked, shown = drop_out_call.plan_by_link(db, link, now=moment)
            assert shown.words["keys"] == WORDS["keys"]
        with pytest.raises(LinkUnusable):
            drop_out_call.plan_by_link(db, link, now=NOW + 3 * DAY)
        with pytest.raises(NotFound):
            drop_out_call.plan_for(db, stand_ins.own(db, people[0].account_id, people[0].id or 0), now=NOW + 3 * DAY)

    def it_hides_the_plan_from_who_did_not_say_yes(
        self, db: Session, situation: CareSituation, people: list[StandIn]
    ) -> None:
        drop_out_call.call(db, situation, **by(situation))
        for person in (people[1], people[3]):
            with pytest.raises(NotFound):
                drop_out_call.plan_for(db, stand_ins.own(db, person.account_id, person.id or 0), now=NOW)

    def it_shows_who_comes(self, db: Session, situation: CareSituation, people: list[StandIn]) -> None:
        drop_out_call.call(db, situation, **by(situation))
        before = len(messages(db, "plan_news"))
        asked, _shown = drop_out_call.plan_by_link(db, link_of(db, people[2], links.STAND_IN_CALL), now=NOW)
        drop_out_call.come(db, asked, comes=True, now=NOW)
        drop_out_call.come(db, asked, comes=True, now=NOW)
        assert [row.comes for row in plan(db, situation).stand_ins] == [None, None, True, None]
        assert len(messages(db, "plan_news")) == before + 1

    def it_ends_for_everybody(self, db: Session, situation: CareSituation, people: list[StandIn]) -> None:
        drop_out_call.call(db, situation, **by(situation))
        link = link_of(db, people[2], links.STAND_IN_CALL)
        asked, _shown = drop_out_call.plan_by_link(db, link, now=NOW)
        drop_out_call.come(db, asked, comes=True, now=NOW)
        drop_out_call.end(db, situation, **by(situation))
        drop_out_call.end(db, situation, **by(situation))
        with pytest.raises(LinkUnusable):
            drop_out_call.plan_by_link(db, link, now=NOW)
        assert {m.account_id for m in messages(db, "stand_in_over")} == {people[0].account_id, people[2].account_id}
        assert not plan(db, situation).is_called(NOW)
        assert drop_out_call.call(db, situation, by=situation.mantelzorger_id, now=NOW + DAY)

    def it_can_be_called_by_the_desk_and_the_carer_hears_of_it(
        self, db: Session, cast: Cast, situation: CareSituation, people: list[StandIn]
    ) -> None:
        for_carer = {"by": cast.chantal.id or 0, "now": NOW}
        assert drop_out_call.call(db, situation, **for_carer)
        assert [m.account_id for m in messages(db, "stand_in_called")] == [people[0].account_id, people[2].account_id]
        assert messages(db, "plan_called") == [], "who noted it knows"
        assert drop_out_call.called_by(db, plan(db, situation), situation) == "Chantal"
        drop_out_call.end(db, situation, **for_carer)
        told = messages(db, "plan_by_desk")
        assert [(m.account_id, m.context["is_over"]) for m in told] == [(cast.els.id, False), (cast.els.id, True)]
        tags = (Tag.PLAN_CALLED, Tag.PLAN_CALL_ENDED)
        assert db.exec(select(Event.actor_id).where(col(Event.tag).in_(tags))).all() == [cast.chantal.id] * 2

    @pytest.mark.usefixtures("people")
    def it_names_nobody_when_the_carer_called(self, db: Session, situation: CareSituation) -> None:
        drop_out_call.call(db, situation, **by(situation))
        assert drop_out_call.called_by(db, plan(db, situation), situation) == ""
        assert messages(db, "plan_by_desk") == []

    def it_shows_the_plan_no_longer_to_who_stops(
        self, db: Session, situation: CareSituation, people: list[StandIn]
    ) -> None:
        drop_out_call.call(db, situation, **by(situation))
        link = link_of(db, people[0], links.STAND_IN_CALL)
        stand_ins.answer(db, stand_ins.own(db, people[0].account_id, people[0].id or 0), yes=False, now=NOW)
        with pytest.raises(LinkUnusable):
            drop_out_call.plan_by_link(db, link, now=NOW)


class DescribeTheEndOfTheCare:
    @pytest.fixture
    def people(self, db: Session, situation: CareSituation) -> list[StandIn]:
        """Ans said yes, Bea did not answer."""
        drop_out.write(db, situation, WORDS, **by(situation))
        people = [ask(db, situation, name) for name in ("Ans", "Bea")]
        agree(db, people[0])
        return people

    def it_tells_whoever_had_said_yes_and_ends_a_call(
        self, db: Session, situation: CareSituation, people: list[StandIn]
    ) -> None:
        drop_out_call.call(db, situation, **by(situation))
        care.close(db, situation, reason="died", **by(situation))
        (told,) = messages(db, "stand_in_over")
        assert (told.account_id, told.context) == (people[0].account_id, {"called": False})
        assert messages(db, "stand_in_called") == messages(db, "stand_in_asked") == []
        assert db.exec(select(DropOutPlan)).one().called_at is None
        assert len(db.exec(select(Event).where(Event.tag == Tag.PLAN_CALL_ENDED)).all()) == 1

    def it_asks_them_anew_when_the_care_goes_on(
        self, db: Session, situation: CareSituation, people: list[StandIn]
    ) -> None:
        old = link_of(db, people[0], links.STAND_IN)
        care.close(db, situation, reason="recovered", **by(situation))
        care.reopen(db, situation, by=situation.mantelzorger_id, now=NOW + 5 * DAY)
        assert [row.standing for row in plan(db, situation).stand_ins] == ["asked", "asked"]
        assert stand_ins.used_link(db, old, links.STAND_IN) is None
        drop_out.ask_again(db, situation, people[0].id or 0, by=situation.mantelzorger_id, now=NOW + 5 * DAY)
        agree(db, people[0])
        care.close(db, situation, reason="recovered", by=situation.mantelzorger_id, now=NOW + 6 * DAY)
        assert len(messages(db, "stand_in_over")) == 2

    def it_forgets_who_never_answered_when_consent_is_withdrawn(
        self, db: Session, cast: Cast, situation: CareSituation, people: list[StandIn]
    ) -> None:
        known = ask(db, situation, "Bram")
        keys = [person.account_id for person in (*people, known)]
        care.withdraw_consent(db, situation, now=NOW)
        assert db.exec(select(StandIn)).all() == db.exec(select(DropOutPlan)).all() == []
        ans, bea, bram = (db.get_one(Account, key) for key in keys)
        assert (ans.email, bram.email) == ("ans@example.org", "bram@example.org")
        assert (bea.email, bea.phone, bea.first_name, bea.is_active) == (None, None, "-", False)

    def it_keeps_who_is_on_another_plan_too(
        self, db: Session, cast: Cast, situation: CareSituation, people: list[StandIn]
    ) -> None:
        ask(db, make_situation(db, cast.anna), "Bea")
        care.withdraw_consent(db, situation, now=NOW)
        assert db.get_one(Account, people[1].account_id).email == "bea@example.org"

    def it_forgets_who_never_answered_a_year_after_the_care_ended(
        self, db: Session, app: Any, cast: Cast, situation: CareSituation, people: list[StandIn]
    ) -> None:
        both = ask(db, situation, "Cor")
        ask(db, make_situation(db, cast.anna), "Cor")
        keys = [person.account_id for person in (*people, both)]
        care.close(db, situation, reason="recovered", **by(situation))
        found = []
        for days in (366, 367):
            db.commit()
            jobs.run("forget", app.extensions["omzien.sessions"], now=NOW + days * DAY)
            db.expire_all()
            found.append([db.get_one(Account, key).email for key in keys])
        assert found == [
            ["ans@example.org", "bea@example.org", "cor@example.org"],
            ["ans@example.org", None, "cor@example.org"],
        ]
        assert len(db.exec(select(StandIn)).all()) == 1


class DescribeTheYearlyQuestion:
    @pytest.fixture
    def person(self, db: Session, situation: CareSituation) -> StandIn:
        drop_out.write(db, situation, WORDS, **by(situation))
        person = ask(db, situation)
        agree(db, person)
        return person

    def run(self, db: Session, app: Any, days: int) -> int:
        db.commit()
        done = jobs.run("plans", app.extensions["omzien.sessions"], now=NOW + days * DAY)
        db.expire_all()
        return done

    def it_asks_the_carer_and_the_stand_ins_once(
        self, db: Session, app: Any, situation: CareSituation, person: StandIn
    ) -> None:
        assert [self.run(db, app, days) for days in (364, 365, 366)] == [0, 1, 0]
        assert [m.account_id for m in messages(db, "plan_due")] == [situation.mantelzorger_id]
        assert [m.context["again"] for m in messages(db, "stand_in_asked") if m.created_at > NOW] == [True]
        row = plan(db, situation).stand_ins[0]
        assert row.standing == "asked_again"
        assert row.said_yes, "a yes counts until it is taken back"

    def it_takes_the_new_yes(self, db: Session, app: Any, situation: CareSituation, person: StandIn) -> None:
        self.run(db, app, 365)
        link = link_of(db, person, links.STAND_IN)
        stand_ins.answer_by_link(db, link, links.STAND_IN, yes=True, now=NOW + 366 * DAY)
        row = plan(db, situation).stand_ins[0]
        assert (row.standing, row.answered_at) == ("agreed", NOW + 366 * DAY)

    def it_asks_about_a_plan_with_nothing_but_people(self, db: Session, app: Any, cast: Cast) -> None:
        situation = make_situation(db, cast.anna)
        agree(db, ask(db, situation, "Piet"))
        assert drop_out_call.due(db, today=(NOW + 364 * DAY).date()) == []
        (key,) = drop_out_call.due(db, today=(NOW + 366 * DAY).date())
        assert drop_out_call.renew(db, key, now=NOW + 366 * DAY)
        assert plan(db, situation).stand_ins[0].standing == "asked_again"

    def it_asks_nothing_about_a_plan_without_anything(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.anna)
        drop_out_call.call(db, situation, **by(situation))
        (key,) = drop_out_call.due(db, today=(NOW + 366 * DAY).date())
        assert not drop_out_call.renew(db, key, now=NOW + 366 * DAY)
        assert messages(db, "plan_due") == []

    def it_is_over_when_the_carer_confirms(
        self, db: Session, app: Any, situation: CareSituation, person: StandIn
    ) -> None:
        drop_out.confirm(db, situation, by=situation.mantelzorger_id, now=NOW + 300 * DAY)
        assert self.run(db, app, 365) == 0
        assert not plan(db, situation).is_overdue((NOW + 365 * DAY).date())
        assert plan(db, situation).is_overdue((NOW + 700 * DAY).date())

    def it_asks_nothing_about_a_closed_situation(
        self, db: Session, app: Any, situation: CareSituation, person: StandIn
    ) -> None:
        care.close(db, situation, reason="recovered", **by(situation))
        before = len(messages(db, "stand_in_asked"))
        assert self.run(db, app, 365) == 0
        assert len(messages(db, "stand_in_asked")) == before


def it_keeps_one_plan_for_a_situation(db: Session, situation: CareSituation) -> None:
    drop_out.write(db, situation, WORDS, **by(situation))
    drop_out.write(db, situation, {"keys": "anders"}, **by(situation))
    assert len(db.exec(select(DropOutPlan)).all()) == 1
    assert dict(plan(db, situation).words) == {"keys": "anders"}
