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

from matching.models import Absence, Account, Appointment, Consent, HelpRequest, Pairing, Proposal, StaffRole
from matching.models.help_requests import ForWhom, Frequency
from matching.services import links
from matching.workflow import PairingState, ProposalState, RequestState
from tests.browse import Browser
from tests.people import ALL_SLOTS, DRIFTBUURT, MONDAY, NOW, Cast, make_person
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
    "care.index": Expect(EVERYBODY),
    "desk.answer": Expect(DESK, {"request that Bram said yes to": OOST_DESK} | AT_DESK),
    "desk.ask_around": Expect(DESK, AT_DESK),
    "desk.choose_other": Expect(DESK, AT_DESK),
    "desk.close": Expect(DESK, AT_DESK),
    "desk.contacted": Expect(DESK, AT_DESK),
    "desk.dials": Expect(frozenset({"farid", "greet"})),
    "desk.hold": Expect(DESK, AT_DESK),
    "desk.introduction": Expect(DESK, VOLUNTEERS_AT_DESK),
    "desk.judge": Expect(DESK, AT_DESK),
    "desk.nobody": Expect(DESK, AT_DESK),
    "desk.other": Expect(DESK, AT_DESK),
    "desk.people": Expect(DESK),
    "desk.person": Expect(DESK, VOLUNTEERS_AT_DESK),
    "desk.recruitment": Expect(DESK),
    "desk.release": Expect(DESK, AT_DESK),
    "desk.request": Expect(DESK, AT_DESK),
    "desk.requests": Expect(DESK),
    "desk.set_dials": Expect(frozenset({"farid", "greet"})),
    "desk.set_weights": Expect(frozenset({"farid", "greet"})),
    "desk.stop_asking_around": Expect(DESK, AT_DESK),
    "desk.today": Expect(DESK),
    "desk.undo": Expect(DESK, {"Bram's question": OOST_DESK, "Bram's offer": OOST_DESK}),
    "desk.answer_of_volunteer": Expect(DESK, {"Bram's question": OOST_DESK, "Bram's offer": OOST_DESK}),
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
    named = {
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
