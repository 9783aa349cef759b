"""Care situations: two people with two consents, who may look, and what happens when things change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select as sql_select
from sqlalchemy import text
from sqlmodel import Session, SQLModel, col, select

from matching import jobs
from matching.access import HeldRole, Viewer
from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotFound
from matching.models import (
    Account,
    Buurt,
    CareSituation,
    Consent,
    DataLook,
    DropOutPlan,
    Event,
    HelpRequest,
    LedgerLine,
    OutboxMessage,
    ReliefRequest,
    RespijtEvaluation,
    RespijtSignal,
    StandIn,
    StrainCheck,
    Tag,
)
from matching.models.encrypted import EncryptedJson
from matching.services import care, care_desk, ledger, looks, relief, strain
from matching.workflow import CareState, ReliefState, RequestState
from tests.caring import (
    make_arrangement,
    make_booking,
    make_entitlement,
    make_provider,
    make_relief,
    make_situation,
)
from tests.matching_up import make_request
from tests.people import BLOEMENKWARTIER, DRIFTBUURT, HILVERSUM, MONDAY, NOW, OOST, ZUID, Cast

STORY = care.Story("parent", 2021, 25, "together", "Ik slaap slecht, en Truus belt vaak.", DRIFTBUURT)
YES = care.CaredForConsent("person", "mantelzorger", MONDAY)
CHANTAL = ("opbouwwerker", OOST)


def viewer_of(person: Account, *held: tuple[str, str]) -> Viewer:
    return Viewer(person.id, tuple(HeldRole(role, place) for role, place in held))


def started(db: Session, cast: Cast, story: care.Story = STORY) -> CareSituation:
    return care.start(db, story, mantelzorger_id=cast.els.id or 0, now=NOW)


def tags(db: Session, situation: CareSituation) -> list[str]:
    found = select(Event.tag).where(Event.subject == "care_situation", Event.subject_id == situation.id)
    return list(db.exec(found.order_by(col(Event.id))))


class DescribeStarting:
    def it_keeps_what_was_told_with_the_consent(self, db: Session, cast: Cast) -> None:
        situation = started(db, cast)
        assert situation.details["relation"] == "parent"
        assert situation.next_check_on == MONDAY + timedelta(weeks=4)
        consent = db.get_one(Consent, situation.mantelzorger_consent_id)
        assert (consent.kind, consent.text_version) == ("care_mantelzorger", care.CARER_TEXT)
        assert tags(db, situation) == [Tag.CARE_STARTED, Tag.CARE_CONSENT_GIVEN]

    def it_keeps_no_name_without_the_second_consent(self, db: Session, cast: Cast) -> None:
        situation = started(db, cast)
        assert "cared_for_name" not in situation.details
        assert care.at_home_obstacle(situation) == "consent"

    def it_cannot_be_read_in_the_database(self, db: Session, cast: Cast) -> None:
        situation = started(db, cast)
        care.give_cared_for_consent(db, situation, YES, name="Truus", by=cast.els.id or 0, now=NOW)
        strain.answer(db, situation, dict.fromkeys(strain.QUESTIONS, 2), now=NOW)
        db.flush()
        connection = db.connection()
        written = [
            connection.execute(text(f"select {column} from {table}")).scalar_one()  # our own two names
            for table, column in (("care_situation", "details"), ("strain_check", "result"))
        ]
        for secret in ("Truus", "slaap", "parent", "relation", "score", "answers", "{", "["):
            assert [raw for raw in written if secret in raw] == [], secret

    def it_tells_the_history_nothing(self, db: Session, cast: Cast) -> None:
        situation = started(db, cast)
        care.change(db, situation, replace(STORY, words="Moe", hours_a_week=30), by=cast.els.id or 0, now=NOW)
        db.flush()
        written = [event.data for event in db.exec(select(Event).where(Event.subject == "care_situation"))]
        assert {"changed": ["hours_a_week", "words"]} in written
        assert "Moe" not in str(written) and "parent" not in str(written) and "30" not in str(written)

    @pytest.mark.parametrize(
        ("wrong", "field", "reason"),
        [
            ({"relation": "aunt"}, "relation", "unknown"),
            ({"since_year": 2027}, "since_year", "future"),
            ({"since_year": 1900}, "since_year", "too_old"),
            ({"hours_a_week": 0}, "hours_a_week", "out_of_range"),
            ({"hours_a_week": 169}, "hours_a_week", "out_of_range"),
            ({"lives": "moon"}, "lives", "unknown"),
            ({"words": "x" * 1001}, "words", "too_long"),
            ({"buurt_code": "BU99999999"}, "buurt", "unknown"),
        ],
    )
    def it_refuses_what_cannot_be(
        self, db: Session, cast: Cast, wrong: dict[str, object], field: str, reason: str
    ) -> None:
        with pytest.raises(Invalid) as refused:
            started(db, cast, replace(STORY, **wrong))
        assert (refused.value.field, refused.value.reason) == (field, reason)


class DescribeTheSecondConsent:
    def it_lets_the_name_in_and_somebody_to_the_house(self, db: Session, cast: Cast) -> None:
        situation = started(db, cast)
        care.give_cared_for_consent(db, situation, YES, name="Truus", by=cast.els.id or 0, now=NOW)
        assert situation.details["cared_for_name"] == "Truus"
        assert care.at_home_obstacle(situation) == ""
        assert care.cared_for_consent(db, situation) == YES

    @pytest.mark.parametrize(
        ("consent", "name", "field"),
        [
            (replace(YES, given_by="nobody"), "Truus", "given_by"),
            (replace(YES, asked_by="nobody"), "Truus", "asked_by"),
            (replace(YES, asked_on=MONDAY + timedelta(days=1)), "Truus", "asked_on"),
            (replace(YES, asked_on=date(2020, 1, 1)), "Truus", "asked_on"),
            (YES, "", "cared_for_name"),
            (YES, "T" * 81, "cared_for_name"),
        ],
    )
    def it_refuses_half_a_consent(
        self, db: Session, cast: Cast, consent: care.CaredForConsent, name: str, field: str
    ) -> None:
        situation = started(db, cast)
        with pytest.raises(Invalid) as refused:
            care.give_cared_for_consent(db, situation, consent, name=name, by=cast.els.id or 0, now=NOW)
        assert refused.value.field == field
        assert situation.cared_for_consent_id is None

    def it_takes_the_name_away_when_it_is_withdrawn(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        at_home, elsewhere = make_relief(db, situation), make_relief(db, situation, form="day_care")
        care.withdraw_cared_for_consent(db, situation, by=cast.els.id or 0, now=NOW)
        assert "cared_for_name" not in situation.details
        assert situation.details["relation"] == "parent"
        assert care.at_home_obstacle(situation) == "consent"
        assert (at_home.state, elsewhere.state) == (ReliefState.CLOSED, ReliefState.ASKED)
        assert tags(db, situation) == [Tag.CARE_CONSENT_WITHDRAWN]
        with pytest.raises(IllegalMove):
            care.withdraw_cared_for_consent(db, situation, by=cast.els.id or 0, now=NOW)

    def it_takes_everything_away_when_the_mantelzorger_withdraws(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        relief = make_relief(db, situation, words="Ik wil naar de kapper.", risks=["violence"])
        strain.answer(db, situation, dict.fromkeys(strain.QUESTIONS, 1), now=NOW)
        plan = DropOutPlan(situation_id=situation.id, words={"keys": "Bij Toos"}, updated_at=NOW)
        db.add(plan)
        db.flush()
        db.add(StandIn(plan_id=plan.id, position=1, details={"name": "Karin"}, asked_at=NOW))
        running = make_arrangement(db, relief, volunteer_id=cast.bram.id, words="Truus is bang in het donker.")
        answers = {"went": "well", "words": "Truus dwaalde."}
        db.add(RespijtEvaluation(arrangement_id=running.id, by_id=cast.bram.id, answers=answers, at=NOW))
        db.add(RespijtSignal(situation_id=situation.id, kind="strain", raised_at=NOW))
        db.flush()
        assert self.empty(db) == [], "what people tell there is not in this test: is it forgotten too?"
        care.withdraw_consent(db, situation, now=NOW)
        db.flush()
        db.expire_all()
        assert situation.details == {} and situation.state == CareState.CLOSED
        assert (relief.risks, relief.state) == ([], ReliefState.CLOSED)
        assert self.empty(db) == self.told()
        assert db.exec(select(RespijtSignal)).all() == []
        with pytest.raises(IllegalMove):
            care.reopen(db, situation, by=cast.els.id or 0, now=NOW)

    @staticmethod
    def told() -> list[str]:
        """Every column that holds what people tell."""
        tables = SQLModel.metadata.sorted_tables
        return sorted(str(c) for table in tables for c in table.columns if isinstance(c.type, EncryptedJson))

    def empty(self, db: Session) -> list[str]:
        """Those of them in which nothing stands."""
        columns = {str(c): c for table in SQLModel.metadata.sorted_tables for c in table.columns}
        rows = {name: db.connection().execute(sql_select(columns[name])).scalars().all() for name in self.told()}
        return [name for name, values in rows.items() if not any(values)]

    def it_shows_the_desk_nothing_of_what_was_withdrawn(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        care.withdraw_consent(db, situation, now=NOW)
        desk = viewer_of(cast.chantal, CHANTAL)
        with pytest.raises(NotFound):
            care.look(db, desk, situation.id or 0, activity="care.situation", trace_id="1" * 32, now=NOW)
        assert looks.take(db) == []


class DescribeClosing:
    @pytest.mark.parametrize("reason", care.CLOSE_REASONS)
    def it_stops_everything(self, db: Session, cast: Cast, reason: str) -> None:
        situation = make_situation(db, cast.els, next_check_on=MONDAY)
        relief = make_relief(db, situation)
        signal = RespijtSignal(situation_id=situation.id, kind="no_relief", raised_at=NOW)
        db.add(signal)
        assert strain.remind(db, situation.id or 0, now=NOW)
        db.flush()
        care.close(db, situation, reason=reason, by=cast.els.id or 0, now=NOW)
        db.flush()
        db.expire_all()
        assert (situation.state, situation.closed_reason, situation.next_check_on) == (CareState.CLOSED, reason, None)
        assert relief.state == ReliefState.CLOSED
        assert signal.gone_at is not None
        waiting = text("select count(*) from outbox_message where template = 'check_in' and cancelled_at is null")
        assert db.connection().execute(waiting).scalar_one() == 0
        assert Tag.CARE_CLOSED in tags(db, situation)
        said = db.exec(select(Event.data).where(Event.tag == Tag.CARE_CLOSED)).one()
        assert "reason" not in said, "that somebody died or is in an institution is on the row, and goes with it"

    def it_refuses_an_unknown_reason_and_a_second_time(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        with pytest.raises(Invalid):
            care.close(db, situation, reason="bored", by=cast.els.id or 0, now=NOW)
        care.close(db, situation, reason="stopped", by=cast.els.id or 0, now=NOW)
        with pytest.raises(IllegalMove):
            care.close(db, situation, reason="stopped", by=cast.els.id or 0, now=NOW)

    def it_goes_on_where_it_was(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        care.close(db, situation, reason="stopped", by=cast.els.id or 0, now=NOW)
        with pytest.raises(IllegalMove):
            care.change(db, situation, STORY, by=cast.els.id or 0, now=NOW)
        care.reopen(db, situation, by=cast.els.id or 0, now=NOW)
        assert (situation.state, situation.closed_reason) == (CareState.OPEN, "")
        assert situation.next_check_on == MONDAY + timedelta(weeks=4)
        assert situation.details["cared_for_name"] == "Truus"


class DescribeMoving:
    def it_is_seen_by_the_new_desk_and_no_longer_by_the_old(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        strain.answer(db, situation, dict.fromkeys(strain.QUESTIONS, 1), now=NOW)
        oost, zuid = viewer_of(cast.chantal, CHANTAL), viewer_of(cast.saskia, ("opbouwwerker", ZUID))
        key, seen = situation.id or 0, {"activity": "care.situation", "trace_id": "0" * 32, "now": NOW}
        assert care.look(db, oost, key, **seen) == situation
        care.change(db, situation, replace(STORY, buurt_code=BLOEMENKWARTIER), by=cast.els.id or 0, now=NOW)
        assert care.look(db, zuid, key, **seen) == situation
        assert strain.last(db, key) is not None
        with pytest.raises(NotFound):
            care.look(db, oost, key, **seen)

    def it_takes_along_what_the_matcher_looks_for(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        request = make_request(db, cast.els)
        make_relief(db, situation, help_request_id=request.id)
        care.move(db, situation, buurt_code=BLOEMENKWARTIER, by=cast.els.id or 0, now=NOW)
        db.flush()
        assert db.get_one(HelpRequest, request.id).buurt_code == BLOEMENKWARTIER

    @pytest.mark.parametrize("state", [RequestState.CLAIMED, RequestState.PAIRED])
    def it_takes_along_what_people_agreed_and_leaves_it_agreed(
        self, db: Session, cast: Cast, state: RequestState
    ) -> None:
        situation, buurt = make_situation(db, cast.els), db.get_one(Buurt, BLOEMENKWARTIER)
        request = make_request(db, cast.els, category="sitting", description="", state=state)
        make_relief(db, situation, help_request_id=request.id, state=ReliefState.ARRANGING)
        care.move(db, situation, buurt_code=BLOEMENKWARTIER, by=cast.els.id or 0, now=NOW)
        db.flush()
        db.expire_all()
        assert (request.buurt_code, request.state) == (BLOEMENKWARTIER, state)
        assert abs(request.x - buurt.x) <= 50 and abs(request.y - buurt.y) <= 50
        edited = db.exec(select(Event).where(Event.tag == Tag.REQUEST_EDITED, Event.subject_id == request.id)).one()
        assert edited.data["changed"] == ["buurt_code", "x", "y"]

    def it_gives_what_is_asked_to_the_new_desk(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        states = (ReliefState.ARRANGING, ReliefState.RUNNING)
        taken = {"taken_by_id": cast.chantal.id, "taken_at": NOW, "urgency": "now"}
        reliefs = [make_relief(db, situation, state=state, **taken) for state in states]
        kept = make_relief(db, situation, state=ReliefState.ARRANGING, taken_by_id=cast.farid.id)
        care.move(db, situation, buurt_code=BLOEMENKWARTIER, by=cast.els.id or 0, now=NOW)
        db.flush()
        assert [each.taken_by_id for each in (*reliefs, kept)] == [None, None, cast.farid.id]
        called = db.exec(select(OutboxMessage.account_id).where(OutboxMessage.template == "relief_now")).all()
        assert called == [cast.saskia.id] * 2
        zuid = viewer_of(cast.saskia, ("opbouwwerker", ZUID))
        for each, state in zip(reliefs, states, strict=True):
            relief.take_up(db, each, viewer=zuid, now=NOW)
            assert (each.taken_by_id, each.state) == (cast.saskia.id, state)
        with pytest.raises(AlreadyTaken):
            relief.take_up(db, kept, viewer=zuid, now=NOW)

    def it_leaves_the_desk_as_it_is_within_its_buurten(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        asked = make_relief(db, situation, state=ReliefState.ARRANGING, taken_by_id=cast.chantal.id, urgency="now")
        care.move(db, situation, buurt_code=DRIFTBUURT, by=cast.els.id or 0, now=NOW)
        assert asked.taken_by_id == cast.chantal.id

    def it_cancels_what_the_wlz_pays_when_an_institution_takes_over(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        for payer in ("wlz", "own"):
            make_entitlement(db, situation, cast.chantal, payer=payer, form="guest_house", unit="night", units=50)
        asked = make_relief(db, situation, form="guest_house", state=ReliefState.RUNNING)
        stay = make_arrangement(db, asked, provider_id=make_provider(db).id)
        nights = {"ends_at": NOW + timedelta(days=32)}
        of_wlz, of_own = (
            make_booking(db, stay, situation, NOW + timedelta(days=days), payer=payer, **nights)
            for payer, days in (("wlz", 29), ("own", 30))
        )
        for booking in (of_wlz, of_own):
            ledger.plan(db, booking, by=None, now=NOW)
        care.change(db, situation, replace(STORY, lives="institution"), by=cast.els.id or 0, now=NOW)
        db.flush()
        assert (of_wlz.state, of_wlz.end_reason, of_own.state) == ("cancelled", "institution", "planned")
        balances = ledger.balances(db, situation.id or 0, today=MONDAY)
        assert {each.entitlement.payer: each.planned for each in balances} == {"wlz": 0, "own": 2}
        told = db.exec(select(OutboxMessage.account_id).where(OutboxMessage.template == "respijt_at_desk")).all()
        assert told == [cast.chantal.id]

    def it_refuses_a_buurt_that_does_not_exist(self, db: Session, cast: Cast) -> None:
        with pytest.raises(Invalid):
            care.move(db, make_situation(db, cast.els), buurt_code="BU99999999", by=1, now=NOW)

    def it_ends_only_what_happens_at_home_when_an_institution_takes_over(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        at_home, elsewhere = make_relief(db, situation), make_relief(db, situation, form="day_care")
        unknown = make_relief(db, situation, form="")
        care.change(db, situation, replace(STORY, lives="institution"), by=cast.els.id or 0, now=NOW)
        assert situation.state == CareState.OPEN
        assert care.at_home_obstacle(situation) == "institution"
        assert [each.state for each in (at_home, elsewhere, unknown)] == ["closed", "asked", "asked"]
        assert situation.details["cared_for_name"] == "Truus"


class DescribeLooking:
    def it_is_for_the_desk_of_that_buurt_and_noted_each_time(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        viewer = viewer_of(cast.farid, ("coordinator", HILVERSUM))
        care.look(db, viewer, situation.id or 0, activity="care.situation", trace_id="1" * 32, now=NOW)
        db.add_all(looks.take(db))
        db.flush()
        (noted,) = db.exec(select(DataLook)).all()
        assert (noted.viewer_role, noted.subject_id, noted.situation_id) == ("coordinator", cast.els.id, situation.id)
        assert [(look.activity, name) for look, name in looks.at(db, cast.els.id or 0)] == [("care.situation", "Farid")]

    @pytest.mark.parametrize("held", [(), (("opbouwwerker", ZUID),), (("beheerder", HILVERSUM),)])
    def it_does_not_exist_for_others(self, db: Session, cast: Cast, held: tuple[tuple[str, str], ...]) -> None:
        situation = make_situation(db, cast.els)
        with pytest.raises(NotFound):
            care.look(db, viewer_of(cast.anna, *held), situation.id or 0, activity="x", trace_id="1" * 32, now=NOW)
        assert looks.take(db) == []

    def it_is_ones_own_only(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        assert care.own(db, cast.els.id, situation.id or 0) == situation
        for other in (cast.anna.id, cast.chantal.id, None):
            with pytest.raises(NotFound):
                care.own(db, other, situation.id or 0)


class DescribeTheList:
    def sheet(self, db: Session, viewer: Viewer, page: int = 1) -> care_desk.Sheet:
        return care_desk.known(db, viewer, page=page, size=2, trace_id="2" * 32, now=NOW)

    def it_shows_open_ones_of_my_buurten_whoever_is_asked_first_on_top(self, db: Session, cast: Cast) -> None:
        later, first = (make_situation(db, cast.els, next_check_on=MONDAY + timedelta(days=days)) for days in (9, 2))
        never = make_situation(db, cast.anna, next_check_on=None)
        make_situation(db, cast.daan, BLOEMENKWARTIER)
        make_situation(db, cast.els, state=CareState.CLOSED, closed_at=NOW)
        oost = viewer_of(cast.chantal, CHANTAL)
        sheet = self.sheet(db, oost)
        assert [row.id for row in sheet.rows] == [first.id, later.id]
        assert (sheet.total, sheet.pages) == (3, 2)
        assert [row.id for row in self.sheet(db, oost, page=9).rows] == [never.id]

    def it_tells_when_somebody_last_took_over_and_notes_a_look_for_each(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        running = make_arrangement(db, make_relief(db, situation), volunteer_id=cast.bram.id)
        for days, state in ((9, "used"), (5, "used"), (1, "cancelled"), (-3, "planned")):
            make_booking(db, running, situation, NOW - timedelta(days=days), state=state)
        (row,) = self.sheet(db, viewer_of(cast.chantal, CHANTAL)).rows
        assert row.last_relief_at == NOW - timedelta(days=5) + timedelta(hours=3)
        assert [(look.subject_id, look.activity) for look in looks.take(db)] == [(cast.els.id, "care.list")]


class DescribeForgetting:
    @pytest.fixture
    def open_session(self, app: Flask, db: Session) -> Callable[[bool], Session]:
        found: Callable[[bool], Session] = app.extensions["omzien.sessions"]
        return found

    def kept(self, db: Session, *entities: type[SQLModel]) -> list[int]:
        db.expire_all()
        return [len(db.exec(select(entity)).all()) for entity in entities]

    def it_empties_a_closed_situation_after_a_year_and_removes_it_after_seven(
        self, open_session: Callable[[bool], Session], db: Session, cast: Cast
    ) -> None:
        situation, going_on = make_situation(db, cast.els), make_situation(db, cast.els)
        relief = make_relief(db, situation, words="Een middag vrij", risks=["violence"])
        running = make_arrangement(db, relief, volunteer_id=cast.bram.id, words="Bij de apotheek")
        make_booking(db, running, situation, NOW - timedelta(days=3), state="used")
        strain.answer(db, situation, dict.fromkeys(strain.QUESTIONS, 1), now=NOW)
        care.close(db, situation, reason="stopped", by=cast.els.id or 0, now=NOW)
        db.commit()
        jobs.run("forget", open_session, now=NOW + timedelta(days=366))
        assert situation.details and self.kept(db, StrainCheck) == [1]
        jobs.run("forget", open_session, now=NOW + timedelta(days=367))
        assert self.kept(db, StrainCheck, CareSituation, ReliefRequest) == [0, 2, 1]
        assert (situation.details, relief.words, relief.risks, running.words) == ({}, "", [], "")
        assert going_on.details["cared_for_name"] == "Truus"
        assert jobs.run("forget", open_session, now=NOW + timedelta(days=368)) == 0
        jobs.run("forget", open_session, now=NOW + timedelta(days=7 * 366 + 1))
        assert self.kept(db, CareSituation, ReliefRequest, LedgerLine) == [1, 0, 0]

    def it_empties_what_was_written_after_consent_was_withdrawn(
        self, open_session: Callable[[bool], Session], db: Session, cast: Cast
    ) -> None:
        situation = make_situation(db, cast.els)
        running = make_arrangement(db, make_relief(db, situation), volunteer_id=cast.bram.id)
        care.withdraw_consent(db, situation, now=NOW)
        running.words = "Zij was snel boos"
        db.add(running)
        db.commit()
        jobs.run("forget", open_session, now=NOW + timedelta(days=367))
        db.expire_all()
        assert running.words == ""
        assert jobs.run("forget", open_session, now=NOW + timedelta(days=368)) == 0

    def it_keeps_a_situation_as_long_as_somebody_can_ask_who_looked(
        self, open_session: Callable[[bool], Session], db: Session, cast: Cast
    ) -> None:
        situation = make_situation(db, cast.els, state=CareState.CLOSED, closed_at=NOW)
        late = NOW + timedelta(days=6 * 366)
        look = {"activity": "care.situation", "trace_id": "3" * 32, "viewer_role": "opbouwwerker"}
        for at in (NOW, late):
            db.add(
                DataLook(at=at, viewer_id=cast.chantal.id, subject_id=cast.els.id, situation_id=situation.id, **look)
            )
        db.commit()
        jobs.run("forget", open_session, now=NOW + timedelta(days=7 * 366 + 1))
        assert self.kept(db, CareSituation, DataLook) == [1, 1]
        jobs.run("forget", open_session, now=late + timedelta(days=5 * 366 + 1))
        jobs.run("forget", open_session, now=late + timedelta(days=5 * 366 + 1))
        assert self.kept(db, CareSituation, DataLook) == [0, 0]
