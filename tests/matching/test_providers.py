"""The directory of organisations, and referring somebody to one of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlmodel import Session, col, select

from matching.access import HeldRole, Viewer
from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    Event,
    OutboxMessage,
    ReliefRequest,
    RespijtBooking,
    Tag,
)
from matching.services import looks, providers, referring
from matching.services.providers import Entry
from matching.workflow import ArrangementState, BookingState, ReliefState
from tests.caring import make_arrangement, make_booking, make_provider, make_relief, make_situation
from tests.people import DRIFTBUURT, HILVERSUM, MONDAY, NOW, OOST, ZUID, Cast

ZONNESTRAAL = Entry("Zonnestraal", ("guest_house",), ("wmo",), phone="035 201 02 03", url="https://www.example.nl")
NEXT_WEEK = MONDAY + timedelta(days=7)


@pytest.fixture
def chantal(cast: Cast) -> Viewer:
    return Viewer(cast.chantal.id, (HeldRole("opbouwwerker", OOST),))


@pytest.fixture
def asked(db: Session, cast: Cast) -> ReliefRequest:
    return make_relief(db, make_situation(db, cast.els), form="guest_house", state=ReliefState.ARRANGING)


def events(db: Session, subject: str, subject_id: int | None) -> list[str]:
    found = select(Event.tag).where(Event.subject == subject, Event.subject_id == subject_id)
    return list(db.exec(found.order_by(col(Event.id))))


def news(db: Session, account: Account) -> int:
    query = select(OutboxMessage).where(OutboxMessage.account_id == account.id, OutboxMessage.template == "relief_news")
    return len(db.exec(query).all())


class DescribeTheDirectory:
    def it_keeps_an_organisation_and_who_added_it(self, db: Session, chantal: Viewer) -> None:
        made = providers.add(db, HILVERSUM, ZONNESTRAAL, viewer=chantal, today=MONDAY, now=NOW)
        assert (made.phone, made.last_checked_on, made.is_example) == ("+31352010203", MONDAY, False)
        assert events(db, "respijt_provider", made.id) == [Tag.PROVIDER_ADDED]

    def it_is_one_organisation_when_the_form_is_sent_twice(self, db: Session, chantal: Viewer) -> None:
        first = providers.add(db, HILVERSUM, ZONNESTRAAL, viewer=chantal, today=MONDAY, now=NOW)
        again = replace(ZONNESTRAAL, payers=("own",))
        second = providers.add(db, HILVERSUM, again, viewer=chantal, today=MONDAY, now=NOW)
        assert (second.id, second.payers) == (first.id, ["own"])

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"name": "  "}, "name.missing"),
            ({"name": "x" * 121}, "name.too_long"),
            ({"forms": ()}, "forms.missing"),
            ({"forms": ("sauna",)}, "forms.missing"),
            ({"payers": ("uncle",)}, "payers.missing"),
            ({"capacity": 0}, "capacity.out_of_range"),
            ({"capacity": 1000}, "capacity.out_of_range"),
            ({"phone": "12"}, "phone.not_a_number"),
            ({"url": "javascript:alert(1)"}, "url.wrong"),
            ({"url": "https://["}, "url.wrong"),
            ({"note": "x" * 301}, "note.too_long"),
            ({"buurt_code": "BU99999999"}, "buurt.unknown"),
        ],
    )
    def it_refuses_with_the_field_and_the_reason(
        self, db: Session, chantal: Viewer, change: dict[str, object], why: str
    ) -> None:
        entry = replace(ZONNESTRAAL, **change)  # type: ignore[arg-type]  # one field at a time
        with pytest.raises(Invalid) as error:
            providers.add(db, HILVERSUM, entry, viewer=chantal, today=MONDAY, now=NOW)
        assert f"{error.value.field}.{error.value.reason}" == why

    def it_is_kept_by_the_desk_of_the_gemeente(self, db: Session, cast: Cast, chantal: Viewer) -> None:
        made = make_provider(db)
        assert providers.look(db, chantal, made.id or 0) == made
        elsewhere = Viewer(cast.anna.id, (HeldRole("opbouwwerker", "GM9999"),))
        beheerder = Viewer(cast.greet.id, (HeldRole("beheerder", HILVERSUM),))
        for nobody in (Viewer(cast.els.id), elsewhere, beheerder):
            with pytest.raises(NotFound):
                providers.look(db, nobody, made.id or 0)
            with pytest.raises(NotFound):
                providers.add(db, HILVERSUM, ZONNESTRAAL, viewer=nobody, today=MONDAY, now=NOW)

    def it_finds_by_form_payer_and_place(self, db: Session) -> None:
        make_provider(db, "Anywhere", forms=["day_care"], payers=["wmo"])
        make_provider(db, "Oost", forms=["day_care", "care_farm"], payers=["own"], buurt_code=DRIFTBUURT)
        make_provider(db, "Gone", forms=["day_care"], payers=["wmo"], retired_at=NOW)

        def names(**wanted: str) -> list[str]:
            return [row.name for row in providers.find(db, [HILVERSUM], **wanted)]

        assert names() == ["Anywhere", "Oost"]
        assert names(form="care_farm") == ["Oost"]
        assert names(payer="wmo") == ["Anywhere"]
        assert names(form="day_care", area=OOST) == ["Anywhere", "Oost"]
        assert names(form="day_care", area=ZUID) == ["Anywhere"]
        assert providers.find(db, ["GM9999"]) == []

    def it_asks_for_a_check_after_half_a_year(self, db: Session, cast: Cast) -> None:
        made = make_provider(db, last_checked_on=date(2026, 5, 27))
        assert not providers.needs_check(made.last_checked_on, MONDAY)
        assert providers.needs_check(made.last_checked_on, MONDAY + timedelta(days=1))
        providers.still_right(db, made, by=cast.chantal.id or 0, today=MONDAY, now=NOW)
        assert made.last_checked_on == MONDAY
        assert events(db, "respijt_provider", made.id) == [Tag.PROVIDER_CHECKED]

    def it_retires_one_and_what_runs_goes_on(
        self, db: Session, cast: Cast, chantal: Viewer, asked: ReliefRequest
    ) -> None:
        made = make_provider(db)
        running = make_arrangement(db, asked, provider_id=made.id)
        providers.retire(db, made, by=cast.chantal.id or 0, now=NOW)
        db.flush()
        assert providers.find(db, [HILVERSUM]) == []
        assert running.state == ArrangementState.RUNNING
        assert [row.provider for row in referring.of(db, asked.id or 0)] == [made.name]
        with pytest.raises(NotFound):
            providers.look(db, chantal, made.id or 0)


@pytest.fixture
def refer(db: Session, chantal: Viewer, asked: ReliefRequest) -> Callable[..., Arrangement]:
    def made(**facts: object) -> Arrangement:
        usual = {"viewer": chantal, "now": NOW, "follow_up_on": NEXT_WEEK, "words": "Mevrouw Bos belt terug."}
        return referring.refer(db, asked, facts.pop("provider", None) or make_provider(db), **(usual | facts))  # type: ignore[arg-type]  # given by name

    return made


class DescribeReferring:
    def it_asks_an_organisation_and_looks_again_on_a_day(
        self, db: Session, cast: Cast, asked: ReliefRequest, refer: Callable[..., Arrangement]
    ) -> None:
        made = refer()
        assert (made.state, made.follow_up_on) == (ArrangementState.PROPOSED, NEXT_WEEK)
        assert events(db, "arrangement", made.id) == [Tag.ARRANGEMENT_MOVED]
        assert news(db, cast.els) == 1
        stored = db.connection().exec_driver_sql(f"select words from arrangement where id = {made.id}").scalar()
        assert "Bos" not in str(stored)

    def it_is_one_referral_when_the_button_is_pressed_twice(
        self, db: Session, asked: ReliefRequest, refer: Callable[..., Arrangement]
    ) -> None:
        provider = make_provider(db)
        assert refer(provider=provider).id == refer(provider=provider).id
        assert len(referring.of(db, asked.id or 0)) == 1

    def it_needs_somebody_who_took_it_up(
        self, db: Session, asked: ReliefRequest, refer: Callable[..., Arrangement]
    ) -> None:
        asked.state = ReliefState.ASKED
        db.flush()
        with pytest.raises(IllegalMove):
            refer()

    @pytest.mark.parametrize(
        ("facts", "why"),
        [
            ({"follow_up_on": MONDAY - timedelta(days=1)}, "follow_up_on.past"),
            ({"follow_up_on": MONDAY + timedelta(days=900)}, "follow_up_on.too_far"),
            ({"words": "x" * 1001}, "words.too_long"),
        ],
    )
    def it_refuses_with_the_field_and_the_reason(
        self, refer: Callable[..., Arrangement], facts: dict[str, object], why: str
    ) -> None:
        with pytest.raises(Invalid) as error:
            refer(**facts)
        assert f"{error.value.field}.{error.value.reason}" == why

    def it_refuses_an_organisation_that_is_gone_or_does_something_else(
        self, db: Session, refer: Callable[..., Arrangement]
    ) -> None:
        for facts, why in (({"forms": ["day_care"]}, "form"), ({"retired_at": NOW}, "gone")):
            with pytest.raises(Invalid) as error:
                refer(provider=make_provider(db, f"Not {why}", **facts))
            assert (error.value.field, error.value.reason) == ("provider", why)

    def it_waits_and_then_has_a_place(
        self, db: Session, cast: Cast, chantal: Viewer, asked: ReliefRequest, refer: Callable[..., Arrangement]
    ) -> None:
        made = refer()
        referring.wait(db, made, viewer=chantal, now=NOW, follow_up_on=MONDAY + timedelta(days=21))
        referring.wait(db, made, viewer=chantal, now=NOW, follow_up_on=MONDAY + timedelta(days=28))
        assert (made.state, made.follow_up_on) == (ArrangementState.WAITING, MONDAY + timedelta(days=28))
        referring.place(db, made, viewer=chantal, now=NOW)
        assert (made.state, made.follow_up_on, asked.state) == ("running", None, ReliefState.RUNNING)
        assert events(db, "relief_request", asked.id) == [Tag.RELIEF_STARTED]
        assert news(db, cast.els) == 3
        with pytest.raises(IllegalMove):
            referring.ask_again(db, made, viewer=chantal, now=NOW, follow_up_on=NEXT_WEEK)

    def it_asks_again_on_another_day(
        self, db: Session, cast: Cast, chantal: Viewer, refer: Callable[..., Arrangement]
    ) -> None:
        made = refer()
        referring.ask_again(db, made, viewer=chantal, now=NOW, follow_up_on=MONDAY + timedelta(days=9))
        assert (made.state, made.follow_up_on) == (ArrangementState.PROPOSED, MONDAY + timedelta(days=9))
        assert news(db, cast.els) == 1

    def it_stays_at_the_desk_when_an_organisation_says_no(
        self, db: Session, chantal: Viewer, asked: ReliefRequest, refer: Callable[..., Arrangement]
    ) -> None:
        made = refer()
        with pytest.raises(Invalid):
            referring.refuse(db, made, reason="", viewer=chantal, now=NOW)
        referring.refuse(db, made, reason="full", viewer=chantal, now=NOW)
        assert (made.state, made.end_reason, asked.state) == ("refused", "full", ReliefState.ARRANGING)
        assert refer(provider=make_provider(db, "Another")).state == ArrangementState.PROPOSED

    @pytest.mark.parametrize(("reason", "state"), [("stopped", ReliefState.ARRANGING), ("finished", ReliefState.DONE)])
    def it_goes_back_to_the_desk_or_is_done_when_it_ends(
        self,
        db: Session,
        chantal: Viewer,
        asked: ReliefRequest,
        refer: Callable[..., Arrangement],
        reason: str,
        state: ReliefState,
    ) -> None:
        made = refer()
        referring.place(db, made, viewer=chantal, now=NOW)
        situation = db.get_one(CareSituation, asked.situation_id)
        ahead = make_booking(db, made, situation, NOW + timedelta(days=3))
        referring.end(db, made, reason=reason, viewer=chantal, now=NOW)
        assert (made.state, asked.state) == (ArrangementState.ENDED, state)
        assert db.get_one(RespijtBooking, ahead.id).state == BookingState.CANCELLED

    def it_runs_on_while_somebody_else_takes_over(
        self, db: Session, cast: Cast, chantal: Viewer, asked: ReliefRequest, refer: Callable[..., Arrangement]
    ) -> None:
        made = refer()
        referring.place(db, made, viewer=chantal, now=NOW)
        make_arrangement(db, asked, volunteer_id=cast.bram.id)
        referring.end(db, made, reason="stopped", viewer=chantal, now=NOW)
        assert asked.state == ReliefState.RUNNING

    def it_hides_from_strangers_and_is_none_for_volunteers(
        self, db: Session, cast: Cast, chantal: Viewer, asked: ReliefRequest, refer: Callable[..., Arrangement]
    ) -> None:
        made = refer()
        by_volunteer = make_arrangement(db, asked, volunteer_id=cast.bram.id)
        saskia = Viewer(cast.saskia.id, (HeldRole("opbouwwerker", ZUID),))
        for viewer, key in ((saskia, made.id), (Viewer(cast.els.id), made.id), (chantal, by_volunteer.id)):
            with pytest.raises(NotFound):
                referring.look(db, viewer, key or 0, activity="relief.arrange", trace_id="0" * 32, now=NOW)
        assert looks.take(db) == []
        referring.look(db, chantal, made.id or 0, activity="relief.arrange", trace_id="0" * 32, now=NOW)
        assert len(looks.take(db)) == 1
