"""The desk: today, the list, one request, choosing and taking back, people."""

import zlib
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from matching.models import (
    Account,
    ActionLink,
    Block,
    Channel,
    Event,
    Frequency,
    HelpRequest,
    OutboxMessage,
    Proposal,
    Tag,
    Volunteer,
)
from matching.models.base import utcnow
from matching.services import answering, judging, links, moderating, pairing
from matching.services.posting import post as post_request
from matching.services.wishes import Wish
from matching.workflow import ProposalState, RequestState
from tests.browse import Browser, Page
from tests.people import ALL_SLOTS, BLOEMENKWARTIER, DRIFTBUURT, GEUZENBUURT, Cast, make_person, make_volunteer
from web.i18n import today

TODAY, LIST, PEOPLE = "/werkplek", "/werkplek/vragen", "/werkplek/mensen"
REASONS = [
    {"key": "near", "value": 600},
    {"key": "slot", "value": "tue-morning"},
    {"key": "no_recent_offer", "value": None},
    {"key": "farther", "value": 300, "against": True},
]


def ask_for(db: Session, asker: Account, **changes: Any) -> HelpRequest:
    facts: dict[str, Any] = {
        "category": "groceries",
        "description": "Graag brood.",
        "frequency": Frequency.FLEXIBLE,
        "day": None,
        "slots": ALL_SLOTS,
        "minutes": 60,
        "buurt_code": asker.buurt_code,
    }
    assert asker.id is not None
    verified = changes.pop("is_verified", True)
    request = post_request(
        db, Wish(**(facts | changes)), asker_id=asker.id, posted_by_id=asker.id, now=utcnow(), is_verified=verified
    )
    db.commit()
    return request


def propose(db: Session, request: HelpRequest, person: Account, source: str = "matcher", rank: int = 1) -> Proposal:
    proposal = Proposal(
        request_id=request.id, volunteer_id=person.id, source=source, rank=rank, distance_m=600, reasons=REASONS,
        created_at=utcnow(),
    )  # fmt: skip
    db.add(proposal)
    db.commit()
    return proposal


@pytest.fixture
def request_of_anna(db: Session, cast: Cast) -> HelpRequest:
    return ask_for(db, cast.anna)


@pytest.fixture
def chantal(client: Browser, cast: Cast) -> Browser:
    return client.sign_in(cast.chantal)


def path(request: HelpRequest, rest: str = "") -> str:
    return f"{LIST}/{request.id}{rest}"


def choose_bram(db: Session, cast: Cast, request: HelpRequest) -> Proposal:
    """The desk asks Bram."""
    proposal = propose(db, request, cast.bram)
    judging.choose(db, request, cast.bram.id or 0, by=cast.chantal.id or 0, now=utcnow())
    db.commit()
    return proposal


def messages(db: Session, template: str) -> list[OutboxMessage]:
    query = select(OutboxMessage).where(OutboxMessage.template == template, OutboxMessage.cancelled_at == None)  # noqa: E711  # SQL
    return list(db.exec(query))


class DescribeToday:
    def it_works_on_an_empty_desk(self, chantal: Browser) -> None:
        page = chantal.get(TODAY)
        assert page.h1 == "Vandaag"
        assert "Werkplek Oost" in page.text
        assert "Iedereen heeft van ons gehoord" in page.words

    def it_shows_who_waits_and_whom_to_choose(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        propose(db, request_of_anna, cast.bram)
        page = chantal.get(TODAY)
        for text in (
            "Boodschappen voor Anna", "Kies Bram", "Past het best", "600 m, Geuzenbuurt", "Vrij op dinsdagochtend",
            "Woont verder weg", "Nog 5 werkdagen", "Kies iemand anders", "Kies niemand",
        ):  # fmt: skip
            assert text in page.words
        assert page.form_values(path(request_of_anna, "/kies"))["stand"] == ["open"]

    def it_puts_worries_first(self, chantal: Browser, db: Session, cast: Cast) -> None:
        ask_for(db, cast.anna, description="Mijn man slaat mij.")
        page = chantal.get(TODAY)
        assert "Lees deze vraag eerst zelf" in page.words
        assert "geweld" in page.words
        assert "slaat" not in page.words

    def it_counts_working_days_that_are_over(self, chantal: Browser, db: Session, request_of_anna: HelpRequest) -> None:
        request_of_anna.contact_due = today() - timedelta(days=14)
        db.add(request_of_anna)
        db.commit()
        assert "werkdagen te laat" in chantal.get(TODAY).words

    def it_tells_why_there_is_nobody_and_what_would_help(
        self, chantal: Browser, db: Session, request_of_anna: HelpRequest
    ) -> None:
        request_of_anna.no_match_reason = "no_slot"
        request_of_anna.no_match_wish = {"lack": "slot", "missing": ["mon-morning"], "near": 2}
        db.add(request_of_anna)
        db.commit()
        words = chantal.get(TODAY).words
        assert "Niemand in de buurt is dan vrij." in words
        assert "2 vrijwilligers dichtbij passen verder goed." in words

    def it_shows_who_waits_for_an_introduction_or_a_task(self, chantal: Browser, db: Session, cast: Cast) -> None:
        volunteer = db.get_one(Volunteer, cast.bram.id)
        volunteer.created_at = utcnow() - timedelta(days=40)
        db.add(volunteer)
        db.commit()
        page = chantal.get(TODAY)
        assert "Plan een kennismaking met Bram" in page.words
        assert "Bekijk Bram" in page.words
        assert "Daan" not in page.words, "he lives in Zuid"

    @pytest.mark.parametrize("change", [{"email": None}, {"channel": Channel.PHONE}])
    def it_says_whom_to_call_because_they_read_no_mail(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest, change: dict[str, Any]
    ) -> None:
        choose_bram(db, cast, request_of_anna)
        assert "Bel Bram" not in chantal.get(TODAY).words
        for name, value in change.items():
            setattr(cast.bram, name, value)
        db.commit()
        words = chantal.get(TODAY).words
        assert "Bel Bram over boodschappen" in words
        assert "Bel, en noteer het antwoord." in words

    def it_says_that_an_asker_did_not_answer_in_time(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        answering.accept_question(db, choose_bram(db, cast, request_of_anna), now=utcnow())
        db.commit()
        assert "Bel Anna over" not in chantal.get(TODAY).words
        link = db.exec(select(ActionLink).where(ActionLink.purpose == links.CONSENT)).one()
        link.expires_at = utcnow()
        db.commit()
        assert "Bel Anna over boodschappen" in chantal.get(TODAY).words

    def it_says_that_it_did_not_go_well(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        request_of_anna.welcomes_anyone = True
        made = answering.accept_question(db, choose_bram(db, cast, request_of_anna), now=utcnow())
        pairing.finish(db, made, now=utcnow(), actor_id=cast.bram.id or 0)
        pairing.give_feedback(db, made, cast.anna.id or 0, went="bad", again="no", remark="", now=utcnow())
        db.commit()
        assert "Bel Anna over boodschappen" in chantal.get(TODAY).words
        assert "Iemand vertelde dat het niet goed ging." in chantal.get(path(request_of_anna)).words

    def it_shows_only_own_places(self, client: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest) -> None:
        propose(db, request_of_anna, cast.bram)
        assert "Anna" not in client.sign_in(cast.saskia).get(TODAY).words
        assert "Kies Bram" in client.another().sign_in(cast.farid).get(TODAY).words

    def it_puts_an_offer_before_the_matcher(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        propose(db, request_of_anna, cast.bram)
        propose(db, request_of_anna, cast.daan, source="offer", rank=9)
        words = chantal.get(TODAY).words
        assert words.index("Kies Daan") < words.index("Kies Bram")
        assert "Bood zich aan" in words

    def it_speaks_english(self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest) -> None:
        propose(db, request_of_anna, cast.bram)
        chantal.post("/taal", {"taal": "en", "verder": TODAY})
        words = chantal.get(TODAY).words
        assert "Choose Bram" in words
        assert "5 working days left" in words


ROUTES: list[tuple[str, str]] = [
    ("get", ""), ("get", "/iemand-anders"), ("post", "/kies"), ("post", "/niemand"), ("post", "/iemand-anders"),
    ("post", "/contact"), ("post", "/vasthouden"), ("post", "/vrijgeven"), ("post", "/sluiten"), ("post", "/antwoord"),
]  # fmt: skip
WHO = [("saskia", 404), ("anna", 403), ("bram", 403), ("greet", 403), (None, 302)]


@pytest.mark.parametrize(("who", "status"), WHO)
@pytest.mark.parametrize(("method", "rest"), ROUTES)
def it_hides_requests_from_strangers(
    client: Browser, cast: Cast, request_of_anna: HelpRequest, who: str | None, status: int, method: str, rest: str
) -> None:
    if who:
        client.sign_in(getattr(cast, who))
    page = getattr(client, method)(path(request_of_anna, rest), status=status)
    assert who or page.location.startswith("/inloggen")


@pytest.mark.parametrize(("who", "status"), WHO)
def it_hides_decisions_from_strangers(
    client: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest, who: str | None, status: int
) -> None:
    proposal = propose(db, request_of_anna, cast.bram)
    judging.choose(db, request_of_anna, cast.bram.id, by=cast.chantal.id, now=utcnow())
    db.commit()
    if who:
        client.sign_in(getattr(cast, who))
    client.post(f"/werkplek/keuzes/{proposal.id}/terug", status=status)
    db.expire_all()
    assert proposal.state == ProposalState.ASKED


@pytest.mark.parametrize(("who", "status"), WHO)
@pytest.mark.parametrize(("method", "rest"), [("get", ""), ("post", "/vog"), ("post", "/kennismaking")])
def it_hides_people_from_strangers(
    client: Browser, cast: Cast, who: str | None, status: int, method: str, rest: str
) -> None:
    if who:
        client.sign_in(getattr(cast, who))
    getattr(client, method)(f"{PEOPLE}/{cast.bram.id}{rest}", status=status)


@pytest.mark.parametrize("address", [TODAY, LIST, PEOPLE])
@pytest.mark.parametrize(
    ("who", "status"), [("saskia", 200), ("farid", 200), ("anna", 403), ("greet", 403), (None, 302)]
)
def it_is_for_the_desk(client: Browser, cast: Cast, address: str, who: str | None, status: int) -> None:
    if who:
        client.sign_in(getattr(cast, who))
    client.get(address, status=status)


@pytest.mark.parametrize(
    "rest", ["/kies", "/niemand", "/contact", "/vasthouden", "/vrijgeven", "/sluiten", "/antwoord"]
)
def it_rejects_get(chantal: Browser, request_of_anna: HelpRequest, rest: str) -> None:
    chantal.get(path(request_of_anna, rest), status=405)


@pytest.mark.parametrize(
    "address", ["/werkplek/vragen/0", "/werkplek/vragen/99999999999", "/werkplek/mensen/0", "/werkplek/vragen/x"]
)
def it_knows_no_such_page(chantal: Browser, address: str) -> None:
    chantal.get(address, status=404)


class DescribeTheAnswerOfAVolunteer:
    @pytest.mark.parametrize(
        ("said", "state"),
        [("ja", RequestState.CLAIMED), ("nee", RequestState.OPEN), ("misschien", RequestState.ASKED)],
    )
    def it_is_noted_when_it_came_by_telephone(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest, said: str, state: RequestState
    ) -> None:
        proposal = choose_bram(db, cast, request_of_anna)
        action = f"/werkplek/keuzes/{proposal.id}/antwoord"
        chantal.submit(chantal.get(path(request_of_anna)), action, action=action, antwoord=said)
        db.expire_all()
        assert request_of_anna.state == state
        tag = {"ja": Tag.PROPOSAL_ACCEPTED, "nee": Tag.PROPOSAL_DECLINED}.get(said, "")
        assert list(db.exec(select(Event.actor_id).where(Event.tag == tag))) == ([cast.chantal.id] if tag else [])

    def it_cannot_be_taken_back_by_the_desk(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        proposal = choose_bram(db, cast, request_of_anna)
        answering.accept_question(db, proposal, now=utcnow())
        db.commit()
        page = chantal.get(path(request_of_anna, f"?terug={proposal.id}"))
        assert "Terugdraaien" not in page.words
        page = chantal.post(f"/werkplek/keuzes/{proposal.id}/terug", follow=True)
        assert "Bel als het niet door kan gaan" in page.words

    @pytest.mark.parametrize(("who", "status"), WHO)
    def it_is_noted_by_nobody_else(
        self, client: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest, who: str | None, status: int
    ) -> None:
        proposal = choose_bram(db, cast, request_of_anna)
        if who:
            client.sign_in(getattr(cast, who))
        client.post(f"/werkplek/keuzes/{proposal.id}/antwoord", {"antwoord": "ja"}, status=status)
        db.expire_all()
        assert proposal.state == ProposalState.ASKED


class DescribeChoosing:
    def it_asks_with_one_press_and_takes_back_with_another(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        proposal = propose(db, request_of_anna, cast.bram)
        action = path(request_of_anna, "/kies")
        page = chantal.submit(chantal.get(TODAY), action, action=action, kies=str(cast.bram.id))
        assert page.h1 == "Vandaag"
        assert "Bram krijgt over een minuut onze vraag" in page.words
        assert proposal.state == ProposalState.ASKED
        assert len(messages(db, "volunteer_asked")) == 1
        undo = f"/werkplek/keuzes/{proposal.id}/terug"
        page = chantal.submit(page, undo, action=undo)
        assert page.h1 == "Vandaag"
        assert "U hebt uw keuze teruggedraaid" in page.words
        assert (proposal.state, request_of_anna.state) == (ProposalState.PROPOSED, RequestState.OPEN)
        assert messages(db, "volunteer_asked") == []
        assert "Kies Bram" in page.words

    def it_says_kindly_that_the_minute_is_over(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        proposal = propose(db, request_of_anna, cast.bram)
        judging.choose(db, request_of_anna, cast.bram.id, by=cast.chantal.id, now=utcnow() - timedelta(seconds=61))
        db.commit()
        assert "Terugdraaien" not in chantal.get(f"{TODAY}?terug={proposal.id}").words
        page = chantal.post(f"/werkplek/keuzes/{proposal.id}/terug", follow=True)
        assert "De minuut is voorbij" in page.words
        assert proposal.state == ProposalState.ASKED
        assert len(messages(db, "volunteer_asked")) == 1

    def it_shows_the_bar_only_to_the_own_desk(
        self, client: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        proposal = propose(db, request_of_anna, cast.bram)
        judging.choose(db, request_of_anna, cast.bram.id, by=cast.chantal.id, now=utcnow())
        db.commit()
        assert "Bram" not in client.sign_in(cast.saskia).get(f"{TODAY}?terug={proposal.id}").words

    def it_tells_the_second_of_two_colleagues(
        self, client: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        propose(db, request_of_anna, cast.bram)
        propose(db, request_of_anna, cast.daan, rank=2)
        action = path(request_of_anna, "/kies")
        farid = client.another().sign_in(cast.farid)
        client.sign_in(cast.chantal)
        first, second = client.get(path(request_of_anna)), farid.get(path(request_of_anna))
        client.submit(first, action, action=action, kies=str(cast.bram.id))
        page = farid.submit(second, action, action=action, kies=str(cast.daan.id))
        assert "Een collega was u net voor" in page.words
        assert len(messages(db, "volunteer_asked")) == 1

    @pytest.mark.parametrize("welcomes_anyone", [False, True])
    def it_agrees_with_an_offer(self, chantal: Browser, db: Session, cast: Cast, welcomes_anyone: bool) -> None:
        request = ask_for(db, cast.anna, welcomes_anyone=welcomes_anyone)
        proposal = propose(db, request, cast.bram, source="offer")
        page = chantal.post(path(request, "/kies"), {"kies": cast.bram.id, "stand": "open"}, follow=True)
        assert "U vindt het goed dat Bram helpt" in page.words
        assert request.state == (RequestState.PAIRED if welcomes_anyone else RequestState.CLAIMED)
        page = chantal.post(f"/werkplek/keuzes/{proposal.id}/terug", follow=True)
        assert request.state == RequestState.OPEN
        assert messages(db, "agreed") + messages(db, "asker_consent") == []

    @pytest.mark.parametrize("who", ["", "abc", "-1", "9" * 12, "\u0663", "0"])
    def it_survives_nonsense(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest, who: str
    ) -> None:
        propose(db, request_of_anna, cast.bram)
        page = chantal.post(path(request_of_anna, "/kies"), {"kies": who}, follow=True)
        assert page.h1 == "Boodschappen voor Anna"
        assert request_of_anna.state == RequestState.OPEN

    def it_says_which_rule_stands_in_between_by_now(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        propose(db, request_of_anna, cast.bram)
        db.get_one(Volunteer, cast.bram.id).is_paused = True
        db.commit()
        page = chantal.post(path(request_of_anna, "/kies"), {"kies": cast.bram.id}, follow=True)
        assert "Staat op pauze." in page.words
        assert request_of_anna.state == RequestState.OPEN


class DescribeChoosingNobody:
    def it_wants_a_reason_and_loses_nothing(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        proposal = propose(db, request_of_anna, cast.bram)
        action = path(request_of_anna, "/niemand")
        page = chantal.post(action, {"n-reden": "  "})
        assert page.status == 422
        assert "Schrijf in een paar woorden waarom" in page.errors()["n-reden"]
        page = chantal.post(action, {"n-reden": "x" * 301})
        assert page.status == 422
        assert page.one("input", name="n-reden").get("value") == "x" * 301
        page = chantal.post(action, {"n-reden": "Zij kennen\x00 elkaar <b>al</b>"}, follow=True)
        assert "U koos niemand" in page.words
        assert proposal.state == ProposalState.REJECTED
        assert "Zij kennen elkaar <b>al</b>" in page.words
        page = chantal.post(f"/werkplek/keuzes/{proposal.id}/terug", follow=True)
        assert proposal.state == ProposalState.PROPOSED


class DescribeChoosingSomebodyElse:
    def it_asks_with_a_reason(self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest) -> None:
        address = path(request_of_anna, "/iemand-anders")
        page = chantal.get(address)
        assert "Bram" in page.words
        assert "Daan" not in page.words, "he lives in Zuid"
        page = chantal.post(address, {"kies": cast.bram.id, "reden": "", "stand": "open"})
        assert page.status == 422
        assert list(page.errors()) == ["reden"]
        assert page.one("input", value=str(cast.bram.id)).get("checked") is not None
        page = chantal.post(address, {"kies": cast.bram.id, "reden": "Zij kennen elkaar", "stand": "open"}, follow=True)
        assert "Bram krijgt over een minuut onze vraag" in page.words
        assert db.exec(select(Proposal)).one().source == "staff"

    def it_warns_of_rules_that_a_human_may_step_over(self, chantal: Browser, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna, category="dutch_practice")
        page = chantal.get(path(request, "/iemand-anders"))
        assert "Heeft deze hulp niet in het profiel staan." in page.words

    def it_lets_nobody_step_over_the_others(self, chantal: Browser, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna, category="paperwork")
        address = path(request, "/iemand-anders")
        page = chantal.get(address)
        assert "Heeft geen geldige VOG" in page.words
        assert page.all("input", name="kies") == []
        page = chantal.post(address, {"kies": cast.bram.id, "reden": "toch"}, follow=True)
        assert "Heeft geen geldige VOG" in page.words
        assert db.exec(select(Proposal)).all() == []

    def it_does_not_ask_people_of_elsewhere(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        page = chantal.post(path(request_of_anna, "/iemand-anders"), {"kies": cast.daan.id, "reden": "x"})
        assert page.status == 422
        assert "Kies een van deze mensen" in page.words
        assert db.exec(select(Proposal)).all() == []

    @pytest.mark.parametrize("name", ["Br", "br", "zzz", "%", "_", "\x00", "a" * 300, "\u202e"])
    def it_searches_by_name(self, chantal: Browser, request_of_anna: HelpRequest, name: str) -> None:
        page = chantal.get(path(request_of_anna, "/iemand-anders"), query_string={"naam": name})
        found = name.lower() in ("br", "\x00", "\u202e")
        assert bool(page.all("input", name="kies")) == found

    def it_leaves_out_who_is_blocked(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        db.add(Block(volunteer_id=cast.bram.id, asker_id=cast.anna.id, at=utcnow()))
        db.commit()
        page = chantal.get(path(request_of_anna, "/iemand-anders"))
        assert page.all("input", name="kies") == []


class DescribeARequest:
    def it_shows_everything_and_a_number_to_call(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        propose(db, request_of_anna, cast.bram)
        page = chantal.get(path(request_of_anna))
        assert page.h1 == "Boodschappen voor Anna"
        for text in ("Graag brood.", "Kleine Driftbuurt", "anna@example.org", "De vraag kwam binnen.", "Kies Bram"):
            assert text in page.words
        assert [a for a in page.all("a") if a.get("href", "").startswith("tel:0612340001")]

    def it_shows_text_as_text(self, chantal: Browser, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna, description="<script>alert(1)</script> \u202eomgekeerd")
        assert "<script>alert" not in chantal.get(path(request)).text

    def it_notes_the_first_contact_once(self, chantal: Browser, db: Session, request_of_anna: HelpRequest) -> None:
        for _ in range(2):
            page = chantal.post(path(request_of_anna, "/contact"), follow=True)
        assert "Iemand van ons sprak de vrager" in page.words
        assert request_of_anna.contacted_at is not None
        assert len(db.exec(select(Event).where(Event.tag == Tag.REQUEST_CONTACTED)).all()) == 1

    def it_holds_and_releases(self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest) -> None:
        propose(db, request_of_anna, cast.bram)
        chantal.post(path(request_of_anna, "/vasthouden"), status=302)
        assert request_of_anna.state == RequestState.HELD
        page = chantal.post(path(request_of_anna, "/vasthouden"), follow=True)
        assert "Deze vraag is intussen veranderd" in page.words
        chantal.post(path(request_of_anna, "/vrijgeven"), status=302)
        assert request_of_anna.state == RequestState.OPEN

    def it_closes_with_a_reason(self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest) -> None:
        page = chantal.post(path(request_of_anna, "/sluiten"), {"s-reden": ""})
        assert page.status == 422
        assert list(page.errors()) == ["s-reden"]
        page = chantal.post(path(request_of_anna, "/sluiten"), {"s-reden": "Anna is verhuisd."}, follow=True)
        assert request_of_anna.state == RequestState.CLOSED
        assert "Anna is verhuisd." in page.words
        page = chantal.post(path(request_of_anna, "/sluiten"), {"s-reden": "nog eens"}, follow=True)
        assert "Deze vraag is al voorbij" in page.words

    @pytest.mark.parametrize(
        ("said", "state"),
        [("ja", RequestState.PAIRED), ("nee", RequestState.OPEN), ("misschien", RequestState.CLAIMED)],
    )
    def it_notes_what_the_asker_says_by_telephone(
        self, chantal: Browser, db: Session, cast: Cast, said: str, state: RequestState
    ) -> None:
        cast.anna.email = None
        db.add(cast.anna)
        request = ask_for(db, cast.anna)
        proposal = propose(db, request, cast.bram)
        judging.choose(db, request, cast.bram.id, by=cast.chantal.id, now=utcnow())
        answering.accept_proposal(db, proposal, now=utcnow(), actor_id=cast.bram.id)
        db.commit()
        assert "Bram wil graag helpen" in chantal.get(path(request)).words
        assert "Bel Anna over boodschappen" in chantal.get(TODAY).words
        chantal.post(path(request, "/antwoord"), {"antwoord": said}, status=302)
        assert request.state == state
        page = chantal.post(path(request, "/antwoord"), {"antwoord": said}, follow=True)
        assert page.status == 200

    def it_warns_of_a_sender_who_is_not_certain(self, chantal: Browser, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna, is_verified=False)
        assert "Wij weten niet zeker wie dit vroeg" in chantal.get(path(request)).words
        chantal.post(path(request, "/vrijgeven"), status=302)
        assert (request.state, request.is_verified) == (RequestState.OPEN, True)

    def it_keeps_what_was_asked_discreetly(self, chantal: Browser, db: Session, cast: Cast) -> None:
        request = ask_for(db, cast.anna, is_discreet=True)
        page = chantal.get(path(request))
        assert "In stilte gevraagd" in page.words
        assert "vrijgeven" not in page.text
        chantal.post(path(request, "/vrijgeven"), status=302)
        assert request.state == RequestState.HELD


class DescribeTheList:
    def it_filters_by_state_and_buurt(
        self, chantal: Browser, db: Session, cast: Cast, request_of_anna: HelpRequest
    ) -> None:
        held = ask_for(db, cast.els, buurt_code=GEUZENBUURT, is_discreet=True)
        ask_for(db, cast.daan)
        words = chantal.get(LIST).words
        assert "Boodschappen voor Anna" in words
        assert "Boodschappen voor Els" in words
        assert "Alles wat loopt (2)" in words
        assert "Nog niet vrijgegeven (1)" in words
        assert "Daan" not in words
        assert "Anna" not in chantal.get(f"{LIST}?toon=held").words
        assert "Els" not in chantal.get(f"{LIST}?buurt={DRIFTBUURT}").words
        moderating.close(db, held, by=cast.chantal.id, now=utcnow(), reason="x")
        db.commit()
        assert "Els" not in chantal.get(LIST).words
        assert "Els" in chantal.get(f"{LIST}?toon=over").words

    @pytest.mark.parametrize("kind", ["choose", "contact", "nobody", "asked", "claimed", "paired", "over"])
    def it_has_a_page_for_each_kind(self, chantal: Browser, request_of_anna: HelpRequest, kind: str) -> None:
        assert ("Anna" in chantal.get(f"{LIST}?toon={kind}").words) == (kind == "contact")

    @pytest.mark.parametrize(
        "query",
        ["toon=zzz", "buurt=BU99", f"buurt={BLOEMENKWARTIER}", "pagina=99", "pagina=-1", "aantal=x", "aantal=99999",
         "pagina=%00", "toon=%F0%9F%98%80", "pagina=٣"],
    )  # fmt: skip
    def it_survives_nonsense(self, chantal: Browser, request_of_anna: HelpRequest, query: str) -> None:
        assert "Boodschappen voor Anna" in chantal.get(f"{LIST}?{query}").words

    def it_has_pages(self, chantal: Browser, db: Session, cast: Cast) -> None:
        many(db, cast, 21)
        first = chantal.get(LIST)
        assert "Pagina 1 van 2" in first.words
        assert len(first.all("tr")) == 21
        assert len(chantal.get(f"{LIST}?pagina=2").all("tr")) == 2


class DescribePeople:
    def it_lists_volunteers_of_own_places(self, chantal: Browser, cast: Cast) -> None:
        page = chantal.get(PEOPLE)
        assert "Bram" in page.words
        assert "Daan" not in page.words
        assert "Bram" in chantal.get(f"{PEOPLE}?naam=BR").words
        assert "Bram" not in chantal.get(f"{PEOPLE}?naam=x").words
        assert "Bram" in chantal.get(f"{PEOPLE}?toon=introduce").words
        assert "Bram" not in chantal.get(f"{PEOPLE}?toon=vog").words

    def it_shows_a_person_and_notes_the_introduction(self, chantal: Browser, db: Session, cast: Cast) -> None:
        address = f"{PEOPLE}/{cast.bram.id}"
        assert chantal.get(address).h1 == "Bram"
        page = chantal.post(f"{address}/kennismaking", follow=True)
        assert "Genoteerd" in page.words
        volunteer = db.get_one(Volunteer, cast.bram.id)
        assert (volunteer.introduced_on, volunteer.introduced_by_id) == (today(), cast.chantal.id)

    def it_notes_the_vog_with_the_day_to_renew(self, chantal: Browser, db: Session, cast: Cast) -> None:
        address = f"{PEOPLE}/{cast.bram.id}"
        day = today() + timedelta(days=700)
        chantal.submit(chantal.get(address), f"{address}/vog", action=f"{address}/vog", verlengen=day.isoformat())
        volunteer = db.get_one(Volunteer, cast.bram.id)
        assert (volunteer.vog_seen_on, volunteer.vog_renew_by) == (today(), day)
        assert "VOG gezien" in chantal.get(address).words

    @pytest.mark.parametrize("day", ["", "31-02-2027", "2020-01-01", "2099-01-01", "x" * 400, "\x00"])
    def it_refuses_an_impossible_day(self, chantal: Browser, db: Session, cast: Cast, day: str) -> None:
        page = chantal.post(f"{PEOPLE}/{cast.bram.id}/vog", {"verlengen": day})
        assert page.status == 422
        assert list(page.errors()) == ["verlengen"]
        assert db.get_one(Volunteer, cast.bram.id).vog_seen_on is None

    def it_lets_nobody_vouch_for_themselves(self, chantal: Browser, db: Session, cast: Cast) -> None:
        make_volunteer(db, cast.chantal)
        db.commit()
        address = f"{PEOPLE}/{cast.chantal.id}"
        assert "Een collega doet dit voor u" in chantal.get(address).words
        chantal.post(f"{address}/kennismaking", status=403)
        chantal.post(f"{address}/vog", {"verlengen": (today() + timedelta(days=9)).isoformat()}, status=403)

    def it_is_no_page_for_who_does_not_help(self, chantal: Browser, cast: Cast) -> None:
        chantal.get(f"{PEOPLE}/{cast.anna.id}", status=404)


def many(db: Session, cast: Cast, count: int) -> None:
    """So many requests in Oost with three proposals each, and so many volunteers."""
    helpers = []
    for n in range(max(3, count // 4)):
        person = make_person(db, f"Helper{n}", GEUZENBUURT, 1000 + n)
        make_volunteer(db, person)
        helpers.append(person)
    for n in range(count):
        made = ask_for(db, (cast.anna, cast.els)[n % 2], category=("groceries", "garden", "outdoors")[n % 3])
        if n % 5 == 4:
            made.no_match_reason, made.no_match_wish = "no_skill", {"lack": "skill", "missing": ["car"], "near": 1}
            db.add(made)
            continue
        for rank in range(3):
            db.add(
                Proposal(
                    request_id=made.id, volunteer_id=helpers[(n + rank) % len(helpers)].id, rank=rank + 1,
                    distance_m=400 * rank, reasons=REASONS, created_at=utcnow(),
                )
            )  # fmt: skip
    db.commit()


def wire(page: Page) -> int:
    """What a page weighs over the wire."""
    return len(zlib.compress(page.text.encode(), 5))


@pytest.mark.parametrize("count", [20, 200])
def it_stays_light_and_asks_little_of_the_database(client: Browser, db: Session, cast: Cast, count: int) -> None:
    many(db, cast, count)
    client.sign_in(cast.chantal)
    some = db.exec(select(HelpRequest.id)).first()
    addresses = (
        f"{TODAY}?aantal={count}", f"{LIST}?aantal={count}", f"{PEOPLE}?aantal={count}", f"{LIST}/{some}",
        f"{LIST}/{some}/iemand-anders", f"{PEOPLE}/{cast.bram.id}", f"{LIST}?toon=choose&aantal={count}",
    )  # fmt: skip
    for address in addresses:
        with client.count_queries() as queries:
            page = client.get(address)
        assert len(queries) <= 10, f"{address}: {len(queries)}"
        assert wire(page) <= 60_000, f"{address}: {wire(page)}"
        assert len(page.text) <= 200_000, f"{address}: {len(page.text)}"
