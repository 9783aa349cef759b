"""Looking around, offering help, and the overview of a volunteer: through the pages."""

from datetime import date, datetime, timedelta

import pytest
from sqlmodel import Session, select

from matching.models import (
    Absence,
    Account,
    Frequency,
    HelpRequest,
    Pairing,
    Proposal,
    Volunteer,
)
from matching.models.base import utcnow
from matching.workflow import PairingState, ProposalState, RequestState
from tests.browse import Browser
from tests.people import ALL_SLOTS, BLOEMENKWARTIER, Cast
from web.i18n import today

NEARBY, OVERVIEW = "/helpen/vragen", "/helpen"


def ask(db: Session, asker: Account, **facts: object) -> HelpRequest:
    """An open request of `asker` for groceries, in a week, at the asker's home."""
    day = today() + timedelta(days=7)
    usual: dict[str, object] = {
        "asker_id": asker.id,
        "posted_by_id": asker.id,
        "category": "groceries",
        "frequency": Frequency.ONCE,
        "day": day,
        "slots": 1 << 4 * day.weekday(),
        "buurt_code": asker.buurt_code,
        "x": asker.x,
        "y": asker.y,
        "created_at": utcnow(),
        "updated_at": utcnow(),
        "contact_due": day,
        "description": "Bel Anna op 06 12345678",
    }
    request = HelpRequest(**(usual | facts))
    db.add(request)
    db.commit()
    return request


def propose(db: Session, request: HelpRequest, volunteer: Account, **facts: object) -> Proposal:
    proposal = Proposal(
        request_id=request.id or 0, volunteer_id=volunteer.id or 0, created_at=utcnow(), distance_m=400, **facts
    )
    db.add(proposal)
    db.commit()
    return proposal


def offers(db: Session) -> list[Proposal]:
    return list(db.exec(select(Proposal).where(Proposal.source == "offer")))


class DescribeLookingAround:
    def it_works(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        page = client.sign_in(cast.bram).get(NEARBY)
        assert page.h1 == "Wie kunt u helpen?"
        assert page.one("a", href=f"{NEARBY}/{request.id}") is not None
        assert "Boodschappen" in page.words
        assert "Kleine Driftbuurt, op 700 m" in page.words

    def it_says_nothing_personal(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna, other_name="Oma Riet")
        client.sign_in(cast.bram)
        for path in (NEARBY, f"{NEARBY}?kaart=1", f"{NEARBY}/{request.id}", OVERVIEW):
            text = client.get(path).text
            for secret in ("Anna", "Riet", "06 1", str(cast.anna.email), str(cast.anna.x)):
                assert secret not in text

    def it_requires_login(self, client: Browser) -> None:
        for path in (NEARBY, OVERVIEW, f"{NEARBY}/1"):
            assert "/inloggen" in client.get(path, status=302).location

    def it_filters_by_category(self, client: Browser, db: Session, cast: Cast) -> None:
        ask(db, cast.anna)
        walk = ask(db, cast.anna, category="outdoors")
        page = client.sign_in(cast.bram).get(f"{NEARBY}?soort=outdoors")
        assert [a.get("href") for a in page.all("a") if (a.get("href") or "").startswith(f"{NEARBY}/")] == [
            f"{NEARBY}/{walk.id}"
        ]

    @pytest.mark.parametrize(
        "query", ["soort=vliegen", "pagina=0", "pagina=-3", "pagina=99999999999999999999", "aantal=x", "aantal=0"]
    )
    def it_survives_nonsense_in_the_address(self, client: Browser, db: Session, cast: Cast, query: str) -> None:
        request = ask(db, cast.anna)
        page = client.sign_in(cast.bram).get(f"{NEARBY}?{query}")
        assert page.one("a", href=f"{NEARBY}/{request.id}") is not None

    def it_comes_in_pages_of_twenty(self, client: Browser, db: Session, cast: Cast) -> None:
        for _ in range(21):
            ask(db, cast.anna)
        page = client.sign_in(cast.bram).get(NEARBY)
        assert len([a for a in page.all("a") if (a.get("href") or "").startswith(f"{NEARBY}/")]) == 20
        page = client.get(f"{NEARBY}?pagina=2")
        assert len([a for a in page.all("a") if (a.get("href") or "").startswith(f"{NEARBY}/")]) == 1

    def it_shows_a_map_with_how_many_in_each_buurt(self, client: Browser, db: Session, cast: Cast) -> None:
        for _ in range(3):
            ask(db, cast.anna)
        page = client.sign_in(cast.bram).get(f"{NEARBY}?kaart=1")
        svg = [e for e in page.root.iter() if e.get("class") == "oz-map__picture"]
        assert [t.text for t in svg[0].iter() if str(t.tag).endswith("}text")] == ["3"]

    def it_invites_when_nothing_fits(self, client: Browser, db: Session, cast: Cast) -> None:
        page = client.sign_in(cast.bram).get(f"{NEARBY}?kaart=1")
        assert "Er past nu niets" in page.words

    def it_shows_nothing_during_a_pause(self, client: Browser, db: Session, cast: Cast) -> None:
        ask(db, cast.anna)
        db.get_one(Volunteer, cast.bram.id).is_paused = True
        db.commit()
        client.sign_in(cast.bram)
        for path in (NEARBY, OVERVIEW):
            page = client.get(path)
            assert "U staat op pauze" in page.words
            assert "Boodschappen" not in page.words

    def it_speaks_english(self, client: Browser, db: Session, cast: Cast) -> None:
        cast.bram.locale = "en"
        db.add(cast.bram)
        ask(db, cast.anna)
        page = client.sign_in(cast.bram).get(NEARBY)
        assert page.h1 == "Who could you help?"
        assert "Groceries" in page.words

    @pytest.mark.parametrize("count", [20, 200])
    def it_takes_the_same_few_queries_for_a_long_list(
        self, client: Browser, db: Session, cast: Cast, count: int
    ) -> None:
        for _ in range(count - 1):
            ask(db, cast.anna)
        other = ask(db, cast.anna, category="garden")
        client.sign_in(cast.bram).get(NEARBY)
        with client.count_queries() as queries:
            page = client.get(f"{NEARBY}?aantal={count}")
        assert page.one("a", href=f"{NEARBY}/{other.id}") is not None
        assert len(queries) == 7
        sent = client.client.get(f"{NEARBY}?aantal={count}", headers={"Accept-Encoding": "gzip"}).get_data()
        assert len(sent) < 60_000


class DescribeOneRequest:
    def it_works(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna, languages=["nl", "tr"])
        page = client.sign_in(cast.bram).get(f"{NEARBY}/{request.id}")
        assert page.h1 == "Wilt u boodschappen doen voor een buur?"
        assert "Nederlands, Turks" in page.words

    @pytest.mark.parametrize(
        "facts",
        [{"is_discreet": True}, {"risks": ["danger"]}, {"is_verified": False}, {"state": RequestState.HELD}],
        ids=str,
    )
    def it_hides_what_volunteers_may_not_know(
        self, client: Browser, db: Session, cast: Cast, facts: dict[str, object]
    ) -> None:
        request = ask(db, cast.anna, **facts)
        client.sign_in(cast.bram).get(f"{NEARBY}/{request.id}", status=404)
        client.post(f"{NEARBY}/{request.id}/aanbieden", status=404)
        assert offers(db) == []

    @pytest.mark.parametrize("key", ["0", "99999", "2147483648", "99999999999999999999", "x", "-1"])
    def it_does_not_know_other_addresses(self, client: Browser, cast: Cast, key: str) -> None:
        client.sign_in(cast.bram).get(f"{NEARBY}/{key}", status=404)
        client.post(f"{NEARBY}/{key}/aanbieden", status=404)

    @pytest.mark.parametrize("name", ["anna", "chantal", "els", "farid", "greet", "saskia"])
    def it_is_for_volunteers(self, client: Browser, db: Session, cast: Cast, name: str) -> None:
        request = ask(db, cast.anna)
        client.sign_in(getattr(cast, name)).get(f"{NEARBY}/{request.id}", status=404)
        client.post(f"{NEARBY}/{request.id}/aanbieden", status=404)

    def it_is_kind_when_it_does_not_fit(self, client: Browser, db: Session, cast: Cast) -> None:
        db.get_one(Volunteer, cast.daan.id).radius_m = 500
        request = ask(db, cast.anna)
        page = client.sign_in(cast.daan).get(f"{NEARBY}/{request.id}", follow=True)
        assert "past nu niet bij uw profiel" in page.text
        page = client.post(f"{NEARBY}/{request.id}/aanbieden", follow=True)
        assert "past nu niet bij uw profiel" in page.text
        assert offers(db) == []


class DescribeAnOffer:
    def it_waits_for_the_desk(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        page = client.sign_in(cast.bram).get(f"{NEARBY}/{request.id}")
        page = client.submit(page, f"{NEARBY}/{request.id}/aanbieden")
        assert "U hebt hulp aangeboden" in page.words
        (offer,) = offers(db)
        assert (offer.state, offer.volunteer_id) == (ProposalState.PROPOSED, cast.bram.id)
        assert db.get_one(HelpRequest, request.id).state == RequestState.OPEN
        assert "Dit bood u aan" in client.get(OVERVIEW).words
        assert f"{NEARBY}/{request.id}" not in client.get(NEARBY).text

    def it_is_one_offer_when_sent_twice(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        client.sign_in(cast.bram)
        for _ in range(2):
            page = client.post(f"{NEARBY}/{request.id}/aanbieden", follow=True)
        assert "U hebt hulp aangeboden" in page.words
        assert len(offers(db)) == 1

    def it_comes_too_late_kindly(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna, state=RequestState.CLAIMED)
        page = client.sign_in(cast.bram).post(f"{NEARBY}/{request.id}/aanbieden", follow=True)
        assert "Iemand was u net voor" in page.text

    def it_checks_the_rules_at_that_moment(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        page = client.sign_in(cast.bram).get(f"{NEARBY}/{request.id}")
        db.add(Absence(volunteer_id=cast.bram.id or 0, first_day=today(), last_day=today() + timedelta(days=30)))
        db.commit()
        page = client.submit(page, f"{NEARBY}/{request.id}/aanbieden")
        assert "past nu niet bij uw profiel" in page.text
        assert offers(db) == []

    def it_has_a_kind_limit(self, client: Browser, db: Session, cast: Cast) -> None:
        requests = [ask(db, cast.anna) for _ in range(5)]
        client.sign_in(cast.bram)
        for request in requests:
            page = client.post(f"{NEARBY}/{request.id}/aanbieden", follow=True)
        assert "U hebt al 4 keer hulp aangeboden" in page.text
        assert len(offers(db)) == 4

    def it_is_taken_back(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna)
        client.sign_in(cast.bram).post(f"{NEARBY}/{request.id}/aanbieden")
        (offer,) = offers(db)
        page = client.get(f"{NEARBY}/{request.id}")
        page = client.submit(page, f"/helpen/aanbod/{offer.id}/intrekken")
        assert "U hebt uw aanbod ingetrokken" in page.text
        assert db.get_one(Proposal, offer.id).state == ProposalState.WITHDRAWN

    def it_is_taken_back_too_late_kindly(self, client: Browser, db: Session, cast: Cast) -> None:
        offer = propose(db, ask(db, cast.anna), cast.bram, source="offer", state=ProposalState.ACCEPTED)
        page = client.sign_in(cast.bram).post(f"/helpen/aanbod/{offer.id}/intrekken", follow=True)
        assert "De opbouwwerker heeft net over uw aanbod beslist" in page.text
        assert db.get_one(Proposal, offer.id).state == ProposalState.ACCEPTED

    def it_hides_from_strangers(self, client: Browser, db: Session, cast: Cast) -> None:
        offer = propose(db, ask(db, cast.anna), cast.bram, source="offer")
        client.post(f"/helpen/aanbod/{offer.id}/intrekken", status=302)
        for person in (cast.anna, cast.daan, cast.chantal, cast.farid, cast.greet):
            client.another().sign_in(person).post(f"/helpen/aanbod/{offer.id}/intrekken", status=404)
        assert db.get_one(Proposal, offer.id).state == ProposalState.PROPOSED

    def it_rejects_get(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.bram)
        client.get(f"{NEARBY}/1/aanbieden", status=405)
        client.get("/helpen/aanbod/1/intrekken", status=405)


class DescribeTheOverview:
    def it_invites_to_look_around(self, client: Browser, db: Session, cast: Cast) -> None:
        for _ in range(4):
            ask(db, cast.anna)
        page = client.sign_in(cast.bram).get(OVERVIEW)
        assert page.h1 == "Wat kunt u voor een ander doen?"
        assert "Bekijk alle 4 vragen in de buurt" in page.words
        assert len([a for a in page.all("a") if (a.get("href") or "").startswith(f"{NEARBY}/")]) == 3

    def it_shows_what_waits_for_an_answer_without_a_name(self, client: Browser, db: Session, cast: Cast) -> None:
        until = datetime.fromisoformat("2026-11-26T12:00:00+00:00")
        proposal = propose(db, ask(db, cast.anna), cast.bram, state=ProposalState.ASKED, expires_at=until)
        page = client.sign_in(cast.bram).get(OVERVIEW)
        assert "Wacht op uw antwoord" in page.words
        assert page.one("a", href=f"/voorstellen/{proposal.id}") is not None
        assert "Anna" not in page.text

    def it_names_the_neighbour_only_after_both_said_yes(self, client: Browser, db: Session, cast: Cast) -> None:
        proposal = propose(db, ask(db, cast.anna), cast.bram, state=ProposalState.ACCEPTED)
        pairing = Pairing(
            request_id=proposal.request_id,
            volunteer_id=proposal.volunteer_id,
            proposal_id=proposal.id or 0,
            created_at=utcnow(),
        )
        db.add(pairing)
        db.commit()
        page = client.sign_in(cast.bram).get(OVERVIEW)
        assert "Nu wachten wij op het antwoord van uw buur" in page.words
        assert "Anna" not in page.text
        pairing.state = PairingState.AGREED
        db.add(pairing)
        db.commit()
        page = client.get(OVERVIEW)
        assert "Bekijk de afspraak met Anna" in page.words
        assert page.one("a", href=f"/koppelingen/{pairing.id}") is not None
        pairing.state = PairingState.DONE
        db.add(pairing)
        db.commit()
        assert "U hielp een buur al één keer. Dank u wel." in client.get(OVERVIEW).text

    def it_says_for_whom_when_somebody_else_asked(self, client: Browser, db: Session, cast: Cast) -> None:
        request = ask(db, cast.anna, for_whom="other", other_name="Riet")
        proposal = propose(db, request, cast.bram, state=ProposalState.ACCEPTED)
        db.add(
            Pairing(
                request_id=proposal.request_id,
                volunteer_id=proposal.volunteer_id,
                proposal_id=proposal.id or 0,
                state=PairingState.AGREED,
                created_at=utcnow(),
            )
        )
        db.commit()
        assert "Bekijk de afspraak met Riet" in client.sign_in(cast.bram).get(OVERVIEW).words

    def it_shows_nobody_elses(self, client: Browser, db: Session, cast: Cast) -> None:
        propose(db, ask(db, cast.anna), cast.bram, state=ProposalState.ASKED)
        page = client.sign_in(cast.daan).get(OVERVIEW)
        assert "Wacht op uw antwoord" not in page.words

    def it_takes_few_queries(self, client: Browser, db: Session, cast: Cast) -> None:
        for _ in range(5):
            propose(db, ask(db, cast.anna), cast.bram, state=ProposalState.ASKED)
        client.sign_in(cast.bram).get(OVERVIEW)
        with client.count_queries() as queries:
            client.get(OVERVIEW)
        assert len(queries) == 8


def it_looks_in_the_whole_gemeente_for_who_goes_anywhere(client: Browser, db: Session, cast: Cast) -> None:
    volunteer = db.get_one(Volunteer, cast.bram.id)
    volunteer.radius_m = None
    db.add(volunteer)
    request = ask(
        db, cast.daan, frequency=Frequency.FLEXIBLE, day=None, slots=ALL_SLOTS, created_at=utcnow() - timedelta(days=9)
    )
    assert request.buurt_code == BLOEMENKWARTIER
    page = client.sign_in(cast.bram).get(NEARBY)
    assert page.one("a", href=f"{NEARBY}/{request.id}") is not None
    assert "Wacht al 9 dagen" in page.words


def it_never_shows_a_day_that_is_over(client: Browser, db: Session, cast: Cast) -> None:
    ask(db, cast.anna, day=date(2024, 2, 29), slots=ALL_SLOTS)
    assert "Er past nu niets" in client.sign_in(cast.bram).get(NEARBY).words
