"""Every route, tried as every member of the cast, with their own and others' things: one table says what happens.

A new route needs a row in EXPECTED, or `it_knows_every_route` fails. A row says who gets in at the door (others are
sent to sign in, or refused when they are signed in) and, for a route about a thing, for whom each thing is there.
For everybody else it does not exist, as for a thing that was made up.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, TypeVar

import pytest
from flask import Flask
from sqlmodel import Session, SQLModel, select
from werkzeug.routing import Rule as Route

from matching.models import (
    Absence,
    Account,
    Appointment,
    Consent,
    DropOutPlan,
    GapOffer,
    HelpRequest,
    LedgerLine,
    Pairing,
    Proposal,
    RespijtGap,
    RespijtSignal,
    StaffRole,
    StandIn,
)
from matching.models.help_requests import ForWhom, Frequency
from matching.services import links
from matching.workflow import PairingState, ProposalState, RequestState
from tests.browse import Browser
from tests.caring import make_arrangement, make_booking, make_entitlement, make_provider, make_relief, make_situation
from tests.people import ALL_SLOTS, BLOEMENKWARTIER, DRIFTBUURT, MONDAY, NOW, Cast, make_person
from web.links import token

YEARS = timedelta(days=36_500)
FAR = NOW + YEARS  # the pages know the real time
STRANGER = "stranger"
CAST = ("anna", "bram", "chantal", "daan", "els", "farid", "greet", "saskia")
PEOPLE = (STRANGER, *CAST)
EVERYBODY, MEMBERS = frozenset(PEOPLE), frozenset(CAST)
DESK = frozenset({"chantal", "saskia", "farid"})  # an opbouwwerker of Oost, one of Zuid, and the coordinator
BEHEERDERS = frozenset({"greet"})
VOLUNTEERS = frozenset({"bram", "daan"})
OOST_DESK, ZUID_DESK = frozenset({"chantal", "farid"}), frozenset({"saskia", "farid"})
ANNAS, DAANS, WAITING = "Anna's request", "Daan's request", "request that waits for Anna's yes"
MADE_UP: dict[str, Any] = {"token": "made-up", "name": "made-up", "code": "BU00000000", "version": "made-up"}
ON_BEHALF = "request that Chantal entered for Els"
PAIRING = "pairing of Anna and Bram"
ELSES, DAANS_CARE = "Els's care situation", "Daan's care situation, in Zuid"
TURN = "moment on which Bram takes over from Els"
TAKES_OVER = "Bram, who takes over from Els"
FELL = "moment for which Bram was asked to step in"
RELIEF, ELSEWHERE_RELIEF = "Els's request for time off", "Daan's request for time off, in Zuid"
REFERRAL, PROVIDER = "organisation asked for Els", "organisation in Hilversum"
OWN_RELIEF = {RELIEF: {"els"}, ELSEWHERE_RELIEF: {"daan"}}
RELIEF_AT_DESK = {RELIEF: OOST_DESK, ELSEWHERE_RELIEF: ZUID_DESK}
OWN_CARE = {ELSES: {"els"}, DAANS_CARE: {"daan"}}
CARE_AT_DESK = {ELSES: OOST_DESK, DAANS_CARE: ZUID_DESK}
SEEN_BY_ASKER_AND_DESK = {
    ANNAS: {"anna"} | OOST_DESK,
    DAANS: {"daan"} | ZUID_DESK,
    WAITING: {"anna"} | OOST_DESK,
    ON_BEHALF: {"els"} | OOST_DESK,
}
AT_DESK = {ANNAS: OOST_DESK, DAANS: ZUID_DESK, WAITING: OOST_DESK}
VOLUNTEERS_AT_DESK = {"Bram, volunteer in Oost": OOST_DESK, "Daan, volunteer in Zuid": ZUID_DESK}


@dataclass(frozen=True)
class Expect:
    """Who gets in at the door, and for whom each thing is there."""

    door: frozenset[str]
    things: dict[str, Any] = field(default_factory=dict)
    there_for: frozenset[str] = EVERYBODY  # for whom a page without a thing is there
    looks_only: frozenset[str] = frozenset()  # who knows of every thing, but may not do this

    def outcome(self, who: str, thing: str | None) -> str:
        if who not in self.door:
            return "sign in" if who == STRANGER else "forbidden"
        if thing in self.things and who in self.looks_only:
            return "forbidden"
        return "in" if who in (self.there_for if thing is None else self.things.get(thing, ())) else "not found"


EXPECTED: dict[str, Expect] = {
    "account.claim_request": Expect(MEMBERS, {WAITING: {"anna"}}),
    "account.disown_request": Expect(MEMBERS, {WAITING: {"anna"}}),
    "account.edit": Expect(MEMBERS),
    "account.end_sessions": Expect(MEMBERS),
    "account.mailed": Expect(EVERYBODY),
    "account.me": Expect(MEMBERS),
    "account.new": Expect(EVERYBODY),
    "account.password": Expect(MEMBERS),
    "account.sign_in": Expect(EVERYBODY),
    "account.sign_in_link": Expect(EVERYBODY, {"link for Anna to sign in": EVERYBODY}),
    "account.sign_out": Expect(EVERYBODY),
    "algorithm.index": Expect(EVERYBODY),
    "algorithm.show": Expect(EVERYBODY, {"the stated rule": EVERYBODY}),
    "calendar_feed.address": Expect(MEMBERS),
    "calendar_feed.feed": Expect(EVERYBODY, {"Els's calendar elsewhere": EVERYBODY}),
    "calendar_feed.renew": Expect(MEMBERS),
    "calendar_feed.stop": Expect(MEMBERS),
    "care.answer": Expect(MEMBERS, OWN_CARE),
    "care.around_here": Expect(EVERYBODY),
    "care.ask_relief": Expect(MEMBERS, OWN_CARE),
    "care.help_now": Expect(MEMBERS, OWN_CARE),
    "care.relief": Expect(MEMBERS, OWN_RELIEF),
    "care.withdraw_relief": Expect(MEMBERS, OWN_RELIEF),
    "care.arrangement": Expect(MEMBERS, {TAKES_OVER: {"els"}}),
    "care.arrangement_agreement": Expect(MEMBERS, {TAKES_OVER: {"els"}}),
    "care.arrangement_evaluation": Expect(MEMBERS, {TAKES_OVER: {"els"}}),
    "care.arrangement_stop": Expect(MEMBERS, {TAKES_OVER: {"els"}}),
    "care.arrangement_tell": Expect(MEMBERS, {TAKES_OVER: {"els"}}),
    "care.calendar": Expect(MEMBERS, OWN_CARE),
    "care.cared_for": Expect(MEMBERS, OWN_CARE),
    "care.check": Expect(MEMBERS, OWN_CARE),
    "care.close": Expect(MEMBERS, OWN_CARE),
    "care.edit": Expect(MEMBERS, OWN_CARE),
    "care.home": Expect(MEMBERS, OWN_CARE),
    "care.index": Expect(EVERYBODY),
    "care.ledger": Expect(MEMBERS, OWN_CARE),
    "care.ledger_correct": Expect(MEMBERS, {"line that Els wrote": {"els"}, "line of Els's ledger": ()}),
    "care.ledger_csv": Expect(MEMBERS, OWN_CARE),
    "care.ledger_end": Expect(MEMBERS, {"money of Els's own": {"els"}, "Els's right to time off": ()}),
    "care.ledger_new": Expect(MEMBERS, OWN_CARE),
    "care.ledger_xlsx": Expect(MEMBERS, OWN_CARE),
    "care.moment": Expect(MEMBERS, {TURN: {"els"}}),
    "care.moment_move": Expect(MEMBERS, {TURN: {"els"}}),
    "care.moment_off": Expect(MEMBERS, {TURN: {"els"}}),
    "care.moment_settled": Expect(MEMBERS, {TURN: {"els"}}),
    "care.moment_went": Expect(MEMBERS, {TURN: {"els"}}),
    "care.new": Expect(MEMBERS),
    "care.reopen": Expect(MEMBERS, OWN_CARE),
    "care.rhythm": Expect(MEMBERS, OWN_CARE),
    "care.plan": Expect(MEMBERS, OWN_CARE),
    "care.plan_add": Expect(MEMBERS, OWN_CARE),
    "care.plan_confirm": Expect(MEMBERS, OWN_CARE),
    "care.plan_now": Expect(MEMBERS, OWN_CARE),
    "care.plan_over": Expect(MEMBERS, OWN_CARE),
    "care.plan_pdf": Expect(MEMBERS, {ELSES: {"els"}}),
    "care.plan_print": Expect(MEMBERS, {ELSES: {"els"}}),
    "care.plan_stand_in": Expect(MEMBERS, OWN_CARE),
    "care.plan_write": Expect(MEMBERS, OWN_CARE),
    "care.situation": Expect(MEMBERS, OWN_CARE),
    "care.who_looked": Expect(MEMBERS),
    "care.withdraw": Expect(MEMBERS, OWN_CARE),
    "care.withdraw_cared_for": Expect(MEMBERS, OWN_CARE),
    "desk.choose_relief_form": Expect(DESK, RELIEF_AT_DESK),
    "desk.close_relief": Expect(DESK, RELIEF_AT_DESK),
    "desk.refer_relief": Expect(DESK, RELIEF_AT_DESK),
    "desk.relief": Expect(DESK, RELIEF_AT_DESK),
    "desk.settle_relief": Expect(DESK, RELIEF_AT_DESK),
    "desk.take_up_relief": Expect(DESK, RELIEF_AT_DESK),
    "desk.reliefs": Expect(DESK),
    "desk.providers": Expect(DESK),
    "desk.new_provider": Expect(DESK),
    "desk.edit_provider": Expect(DESK, {PROVIDER: DESK}),
    "desk.provider_still_right": Expect(DESK, {PROVIDER: DESK}),
    "desk.retire_provider": Expect(DESK, {PROVIDER: DESK}),
    "desk.ask_referral_again": Expect(DESK, {REFERRAL: OOST_DESK}),
    "desk.end_referral": Expect(DESK, {REFERRAL: OOST_DESK}),
    "desk.place_referral": Expect(DESK, {REFERRAL: OOST_DESK}),
    "desk.refuse_referral": Expect(DESK, {REFERRAL: OOST_DESK}),
    "desk.wait_referral": Expect(DESK, {REFERRAL: OOST_DESK}),
    "desk.answer": Expect(DESK, {"request that Bram said yes to": OOST_DESK} | AT_DESK),
    "desk.ask_around": Expect(DESK, AT_DESK),
    "desk.book_moment": Expect(DESK, CARE_AT_DESK),
    "desk.care_calendar": Expect(DESK, CARE_AT_DESK),
    "desk.care_moment": Expect(DESK, {TURN: OOST_DESK}),
    "desk.care_moment_move": Expect(DESK, {TURN: OOST_DESK}),
    "desk.care_moment_off": Expect(DESK, {TURN: OOST_DESK}),
    "desk.care_moment_went": Expect(DESK, {TURN: OOST_DESK}),
    "desk.care_plan": Expect(DESK, CARE_AT_DESK),
    "desk.care_plan_now": Expect(DESK, CARE_AT_DESK),
    "desk.care_plan_over": Expect(DESK, CARE_AT_DESK),
    "desk.care_situation": Expect(DESK, CARE_AT_DESK),
    "desk.carers": Expect(DESK),
    "desk.choose_other": Expect(DESK, AT_DESK),
    "desk.close": Expect(DESK, AT_DESK),
    "desk.close_care": Expect(DESK, CARE_AT_DESK),
    "desk.contacted": Expect(DESK, AT_DESK),
    "desk.dials": Expect(frozenset({"farid", "greet"})),
    "desk.hold": Expect(DESK, AT_DESK),
    "desk.introduction": Expect(DESK, VOLUNTEERS_AT_DESK),
    "desk.judge": Expect(DESK, AT_DESK),
    "desk.lay_out": Expect(DESK, CARE_AT_DESK),
    "desk.ledger": Expect(DESK, CARE_AT_DESK),
    "desk.ledger_correct": Expect(DESK, {"line of Els's ledger": OOST_DESK}),
    "desk.ledger_csv": Expect(DESK, CARE_AT_DESK),
    "desk.ledger_end": Expect(DESK, {"Els's right to time off": OOST_DESK}),
    "desk.ledger_new": Expect(DESK, CARE_AT_DESK),
    "desk.ledger_xlsx": Expect(DESK, CARE_AT_DESK),
    "desk.nobody": Expect(DESK, AT_DESK),
    "desk.other": Expect(DESK, AT_DESK),
    "desk.people": Expect(DESK),
    "desk.person": Expect(DESK, VOLUNTEERS_AT_DESK),
    "desk.record_score": Expect(DESK, CARE_AT_DESK),
    "desk.recruitment": Expect(DESK),
    "desk.release": Expect(DESK, AT_DESK),
    "desk.request": Expect(DESK, AT_DESK),
    "desk.requests": Expect(DESK),
    "desk.set_dials": Expect(frozenset({"farid", "greet"})),
    "desk.set_weights": Expect(frozenset({"farid", "greet"})),
    "desk.stop_asking_around": Expect(DESK, AT_DESK),
    "desk.signals": Expect(DESK),
    "desk.handle_signal": Expect(DESK, {"signal about Els": OOST_DESK}),
    "desk.respijt_figures": Expect(DESK),
    "desk.respijt_figures_csv": Expect(DESK),
    "desk.today": Expect(DESK),
    "desk.undo": Expect(DESK, {"Bram's question": OOST_DESK, "Bram's offer": OOST_DESK}),
    "desk.answer_of_volunteer": Expect(DESK, {"Bram's question": OOST_DESK, "Bram's offer": OOST_DESK}),
    "desk.arranging_backup": Expect(DESK, {TAKES_OVER: OOST_DESK}),
    "desk.arranging_gap_answer": Expect(DESK, {FELL: OOST_DESK}),
    "desk.arranging_gap_close": Expect(DESK, {"moment for which nobody comes": OOST_DESK}),
    "desk.arranging_introduced": Expect(DESK, {TAKES_OVER: OOST_DESK}),
    "desk.arranging_regular": Expect(DESK, {TAKES_OVER: OOST_DESK}),
    "desk.arranging_same_face": Expect(DESK, {"time off that Els asked for": OOST_DESK}),
    "desk.arranging_search": Expect(DESK, {"time off that Els asked for": OOST_DESK}),
    "desk.arranging_start": Expect(DESK, {TAKES_OVER: OOST_DESK}),
    "desk.arranging_stop": Expect(DESK, {TAKES_OVER: OOST_DESK}),
    "desk.arranging_tried": Expect(DESK, {TAKES_OVER: OOST_DESK}),
    "desk.training": Expect(DESK, VOLUNTEERS_AT_DESK),
    "desk.vog": Expect(DESK, VOLUNTEERS_AT_DESK),
    "help_requests.check": Expect(EVERYBODY),
    "help_requests.confirm": Expect(MEMBERS, {ANNAS: {"anna"}, DAANS: {"daan"}, WAITING: {"anna"}}),
    "help_requests.discard": Expect(EVERYBODY),
    "help_requests.edit": Expect(EVERYBODY, SEEN_BY_ASKER_AND_DESK),
    "help_requests.index": Expect(EVERYBODY),
    "help_requests.new": Expect(EVERYBODY),
    "help_requests.print_page": Expect(EVERYBODY, {ON_BEHALF: {"els"} | OOST_DESK, ANNAS: ()}),
    "help_requests.saved": Expect(EVERYBODY),
    "help_requests.show": Expect(EVERYBODY, SEEN_BY_ASKER_AND_DESK),
    "help_requests.when": Expect(EVERYBODY),
    "help_requests.where": Expect(EVERYBODY),
    "help_requests.who": Expect(EVERYBODY),
    "help_requests.withdraw": Expect(EVERYBODY, SEEN_BY_ASKER_AND_DESK),
    "mailbox.index": Expect(EVERYBODY),  # in the demo only
    "mailbox.show": Expect(EVERYBODY),
    "pages.accessibility": Expect(EVERYBODY),
    "pages.alive": Expect(EVERYBODY),
    "pages.contact": Expect(EVERYBODY),
    "pages.how_we_choose": Expect(EVERYBODY),
    "pages.index": Expect(EVERYBODY),
    "pages.language": Expect(EVERYBODY),
    "pages.privacy": Expect(EVERYBODY),
    "pairings.answer": Expect(MEMBERS, {PAIRING: {"anna"}}, looks_only=OOST_DESK),
    "pairings.calendar": Expect(MEMBERS, {PAIRING: {"anna", "bram"} | OOST_DESK}),
    "pairings.consent": Expect(EVERYBODY, {"link to meet Bram": EVERYBODY}),
    "pairings.done": Expect(EVERYBODY, {"link to meet Bram": EVERYBODY}),
    "pairings.fall_through": Expect(MEMBERS, {PAIRING: {"anna", "bram"}}, looks_only=OOST_DESK),
    "pairings.feedback": Expect(MEMBERS, {PAIRING: {"anna", "bram"}}, looks_only=OOST_DESK),
    "pairings.finish": Expect(MEMBERS, {PAIRING: {"anna", "bram"}}, looks_only=OOST_DESK),
    "pairings.no_show": Expect(MEMBERS, {PAIRING: {"anna", "bram"}}, looks_only=OOST_DESK),
    "pairings.plan": Expect(MEMBERS, {PAIRING: {"anna", "bram"}}, looks_only=OOST_DESK),
    "pairings.show": Expect(MEMBERS, {PAIRING: {"anna", "bram"} | OOST_DESK}),
    "places.buurt": Expect(EVERYBODY, {"Anna's buurt": EVERYBODY}),
    "places.find": Expect(EVERYBODY),
    "places.index": Expect(EVERYBODY),
    "places.mine": Expect(MEMBERS),
    "proposals.answer": Expect(EVERYBODY, {"link to Bram's question": EVERYBODY}),
    "proposals.done": Expect(EVERYBODY, {"link to Bram's question": EVERYBODY}),
    "proposals.show": Expect(MEMBERS, {"Bram's question": {"bram"}, "Bram's offer": ()}),
    "staff.end": Expect(BEHEERDERS, {"Chantal's role": BEHEERDERS, "role in another gemeente": ()}),
    "staff.give": Expect(BEHEERDERS),
    "staff.index": Expect(BEHEERDERS),
    "stand_ins.answer": Expect(EVERYBODY, {"link to step in for Els": EVERYBODY}),
    "stand_ins.called": Expect(EVERYBODY, {"link to Els's plan": EVERYBODY, "link to Daan's plan": ()}),
    "stand_ins.index": Expect(MEMBERS),
    "stand_ins.leave": Expect(EVERYBODY, {"link to stop stepping in": EVERYBODY}),
    "stand_ins.show": Expect(MEMBERS, {"Bram as stand-in for Els": {"bram"}}),
    "volunteering.absences": Expect(MEMBERS, there_for=VOLUNTEERS),
    "volunteering.index": Expect(MEMBERS),
    "volunteering.join": Expect(EVERYBODY),
    "volunteering.join_when": Expect(EVERYBODY),
    "volunteering.join_where": Expect(EVERYBODY),
    "volunteering.join_who": Expect(EVERYBODY),
    "volunteering.joined": Expect(EVERYBODY),
    "volunteering.nearby": Expect(MEMBERS),
    "volunteering.offer": Expect(MEMBERS, {ANNAS: VOLUNTEERS, DAANS: VOLUNTEERS, WAITING: ()}),
    "volunteering.opening": Expect(MEMBERS, {ANNAS: VOLUNTEERS, DAANS: VOLUNTEERS, WAITING: ()}),
    "volunteering.pause": Expect(MEMBERS, there_for=VOLUNTEERS),
    "volunteering.profile": Expect(MEMBERS),
    "volunteering.remove_absence": Expect(MEMBERS, {"Bram's absence": {"bram"}}),
    "volunteering.respijt": Expect(MEMBERS, there_for=VOLUNTEERS),
    "volunteering.respijt_agreement": Expect(MEMBERS, {TAKES_OVER: {"bram"}}),
    "volunteering.respijt_arrangement": Expect(MEMBERS, {TAKES_OVER: {"bram"}}),
    "volunteering.respijt_evaluation": Expect(MEMBERS, {TAKES_OVER: {"bram"}}),
    "volunteering.respijt_gap": Expect(MEMBERS, {FELL: {"bram"}}),
    "volunteering.respijt_moment": Expect(MEMBERS, {TURN: {"bram"}}),
    "volunteering.respijt_off": Expect(MEMBERS, {TURN: {"bram"}}),
    "volunteering.respijt_stop": Expect(MEMBERS, {TAKES_OVER: {"bram"}}),
    "volunteering.respijt_went": Expect(MEMBERS, {TURN: {"bram"}}),
    "volunteering.resume": Expect(MEMBERS, there_for=VOLUNTEERS),
    "volunteering.withdraw_offer": Expect(MEMBERS, {"Bram's offer": {"bram"}}),
}


@pytest.fixture
def things(app: Flask, db: Session, cast: Cast) -> dict[str, Any]:
    """The value in the address of every thing in the table."""
    consent = _added(
        db, Consent(account_id=cast.els.id, kind="on_behalf", text_version="1", note="person/phone", at=NOW)
    )
    helped = {"posted_by_id": cast.chantal.id, "for_whom": ForWhom.OTHER, "other_name": "Toos"}
    requests = {
        ANNAS: _request(cast.anna),
        DAANS: _request(cast.daan),
        WAITING: _request(cast.anna, is_verified=False, state=RequestState.HELD),
        ON_BEHALF: _request(cast.els, consent_id=consent.id, **helped),
    }
    for request in requests.values():
        _added(db, request)
    offer = _added(db, _proposal(_added(db, _request(cast.anna)), cast.bram, source="offer"))
    asked = _added(db, _request(cast.anna, state=RequestState.ASKED))
    question = _proposal(asked, cast.bram, state=ProposalState.ASKED, asked_at=NOW, expires_at=FAR)
    _added(db, question)
    pairing = _pairing(db, cast.anna, cast.bram, PairingState.AGREED)
    _added(db, Appointment(pairing_id=pairing.id, day=FAR.date(), part=0, minutes=60))
    meeting = _pairing(db, cast.anna, cast.bram, PairingState.WAITING)
    absence = Absence(volunteer_id=cast.bram.id, first_day=date(2027, 1, 1), last_day=date(2027, 1, 2))
    hanna = make_person(db, "Hanna", DRIFTBUURT, 99)
    elsewhere = StaffRole(account_id=hanna.id, role="opbouwwerker", place_code="GM9999", since=MONDAY)
    role = db.exec(select(StaffRole).where(StaffRole.account_id == cast.chantal.id)).one()
    situation, elsewhere_care = make_situation(db, cast.els), make_situation(db, cast.daan, BLOEMENKWARTIER)
    entitlement = make_entitlement(db, situation, cast.chantal)
    decided = db.exec(select(LedgerLine.id)).one()
    own_money = make_entitlement(db, situation, cast.els, payer="own", form="", unit="night")
    stands_in = make_arrangement(db, make_relief(db, situation), volunteer_id=cast.bram.id)
    turn = make_booking(db, stands_in, situation, FAR)
    fell = make_booking(db, stands_in, situation, FAR - timedelta(days=7), state="cancelled")
    gap = _added(db, RespijtGap(booking_id=fell.id, situation_id=situation.id, created_at=NOW))
    step_in = _added(db, GapOffer(gap_id=gap.id, arrangement_id=stands_in.id, asked_at=NOW))
    plan = _added(db, DropOutPlan(situation_id=situation.id, words={"keys": "x"}, updated_at=NOW, called_at=FAR))
    calm = _added(db, DropOutPlan(situation_id=elsewhere_care.id, updated_at=NOW))
    yes = {"account_id": cast.bram.id, "position": 1, "asked_at": NOW, "answered_at": NOW, "state": "agreed"}
    for_els, for_daan = (_added(db, StandIn(plan_id=each.id, details={"name": "Bram"}, **yes)) for each in (plan, calm))
    provider = make_provider(db)
    relief = make_relief(db, situation, form="guest_house", state="arranging")
    named = {
        "Bram as stand-in for Els": for_els.id,
        "link to step in for Els": _token(app, db, cast.bram, links.STAND_IN, for_els.id),
        "link to Els's plan": _token(app, db, cast.bram, links.STAND_IN_CALL, for_els.id),
        "link to Daan's plan": _token(app, db, cast.bram, links.STAND_IN_CALL, for_daan.id),
        "link to stop stepping in": _token(app, db, cast.bram, links.STAND_IN_LEAVE, for_els.id),
        TURN: turn.id,
        TAKES_OVER: stands_in.id,
        FELL: step_in.id,
        "moment for which nobody comes": gap.id,
        "time off that Els asked for": stands_in.relief_id,
        "Els's calendar elsewhere": _token(app, db, cast.els, links.FEED, cast.els.id),
        ELSES: situation.id,
        "signal about Els": _added(
            db,
            RespijtSignal(situation_id=situation.id, kind="check_overdue", data={"due": "2026-11-02"}, raised_at=NOW),
        ).id,
        DAANS_CARE: elsewhere_care.id,
        RELIEF: relief.id,
        ELSEWHERE_RELIEF: make_relief(db, elsewhere_care).id,
        PROVIDER: provider.id,
        REFERRAL: make_arrangement(db, relief, provider_id=provider.id, state="proposed").id,
        "Els's right to time off": entitlement.id,
        "line of Els's ledger": decided,
        "money of Els's own": own_money.id,
        "line that Els wrote": db.exec(select(LedgerLine.id).where(LedgerLine.entitlement_id == own_money.id)).one(),
        "Anna's buurt": DRIFTBUURT,
        "the stated rule": "prior-1",
        "Chantal's role": role.id,
        "role in another gemeente": _added(db, elsewhere).id,
        "Bram's absence": _added(db, absence).id,
        "Bram's offer": offer.id,
        PAIRING: pairing.id,
        "request that Bram said yes to": meeting.request_id,
        "Bram, volunteer in Oost": cast.bram.id,
        "Daan, volunteer in Zuid": cast.daan.id,
        "link to meet Bram": _token(app, db, cast.anna, links.CONSENT, meeting.id),
        "Bram's question": question.id,
        "link for Anna to sign in": _token(app, db, cast.anna, links.SIGN_IN, cast.anna.id),
        "link to Bram's question": _token(app, db, cast.bram, links.ANSWER, question.id),
    }
    db.commit()
    return {name: request.id for name, request in requests.items()} | named


Row = TypeVar("Row", bound=SQLModel)


def _added(db: Session, row: Row) -> Row:
    db.add(row)
    db.flush()
    return row


def _token(app: Flask, db: Session, person: Account, purpose: str, subject_id: int | None) -> str:
    assert person.id
    link = links.issue(db, person.id, purpose, now=FAR - timedelta(days=1), subject_id=subject_id, lifetime=YEARS)
    with app.test_request_context():
        return token(purpose, link.id)


def _proposal(request: HelpRequest, volunteer: Account, **changes: Any) -> Proposal:
    facts = {"request_id": request.id, "volunteer_id": volunteer.id, "created_at": NOW, "distance_m": 300}
    return Proposal(**(facts | changes))


def _pairing(db: Session, asker: Account, volunteer: Account, state: PairingState) -> Pairing:
    stands = RequestState.PAIRED if state == PairingState.AGREED else RequestState.CLAIMED
    request = _added(db, _request(asker, state=stands))
    proposal = _added(db, _proposal(request, volunteer, state=ProposalState.ACCEPTED, asked_at=NOW))
    made = Pairing(
        request_id=request.id, volunteer_id=volunteer.id, proposal_id=proposal.id, state=state, created_at=NOW
    )
    return _added(db, made)


def _request(asker: Account, **changes: Any) -> HelpRequest:
    facts = {
        "asker_id": asker.id,
        "posted_by_id": asker.id,
        "category": "groceries",
        "frequency": Frequency.FLEXIBLE,
        "slots": ALL_SLOTS,
        "buurt_code": asker.buurt_code,
        "x": asker.x,
        "y": asker.y,
        "created_at": NOW,
        "updated_at": NOW,
        "contact_due": MONDAY,
    }
    return HelpRequest(**(facts | changes))


def routes(app: Flask) -> list[Route]:
    return [route for route in app.url_map.iter_rules() if route.endpoint in EXPECTED]


def addresses(app: Flask, route: Route, things: dict[str, Any]) -> Iterator[tuple[str | None, str]]:
    """Name of a thing and the address of this route for it; None without a thing."""
    named = sorted(route.arguments)
    with app.test_request_context():
        values = {name: "wat" for name in named if name == "part"}
        key = next((name for name in named if name != "part"), None)
        adapter = app.create_url_adapter(None) or app.url_map.bind("localhost")
        if key is None:
            yield None, adapter.build(route.endpoint, values)
            return
        for thing in EXPECTED[route.endpoint].things:
            yield thing, adapter.build(route.endpoint, {**values, key: things[thing]})
        yield "made up", adapter.build(route.endpoint, {**values, key: MADE_UP.get(key, 2_000_000_000)})


def outcome(browser: Browser, who: str, method: str, address: str) -> str:
    response = browser.client.open(address, method=method)
    if who == STRANGER and response.status_code == 302 and response.location.startswith("/inloggen"):
        return "sign in"
    return {403: "forbidden", 404: "not found", 410: "not found"}.get(
        response.status_code,
        "in" if response.status_code in (200, 302, 303, 400, 409, 422) else str(response.status_code),
    )


def it_knows_every_route(app: Flask) -> None:
    found = {route.endpoint for route in app.url_map.iter_rules()}
    assert found - EXPECTED.keys() == set(), "routes without a row in EXPECTED"
    assert EXPECTED.keys() - found == set(), "rows for routes that are gone"


@pytest.mark.parametrize("who", PEOPLE)
def it_lets_in_who_the_table_says(
    app: Flask, client: Browser, db: Session, cast: Cast, things: dict[str, Any], who: str
) -> None:
    wrong = []
    for route in routes(app):
        for thing, address in addresses(app, route, things):
            for method in sorted((route.methods or set()) & {"GET", "POST"}):
                browser = client.another()
                if who != STRANGER:
                    browser.sign_in(getattr(cast, who))
                undone = db.connection().begin_nested()  # what one request changes is no concern of the next
                got = outcome(browser, who, method, address)
                undone.rollback()
                db.expire_all()
                expected = EXPECTED[route.endpoint].outcome(who, thing)
                if got != expected:
                    wrong.append(f"{method} {address} ({route.endpoint}, {thing}): {got}, not {expected}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def it_changes_nothing_by_looking(
    app: Flask, client: Browser, db: Session, cast: Cast, things: dict[str, Any], method: str
) -> None:
    """Programs that fetch every link of a page (or of a mail) change nothing."""
    client.sign_in(cast.anna)
    with client.count_queries() as seen:
        for route in routes(app):
            if "GET" in (route.methods or set()):
                for _thing, address in addresses(app, route, things):
                    client.client.open(address, method=method)
    assert [line for line in seen if line.split()[0] in ("INSERT", "UPDATE", "DELETE")] == []
