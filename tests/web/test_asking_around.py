"""Asking around at the desk: releasing it, seeing how it goes, stopping; and what the asker sees of it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from huey import Huey
from sqlmodel import Session, select

from matching import jobs
from matching.models import Account, HelpRequest, Proposal, Tag, Volunteer
from matching.models.base import utcnow
from matching.services import answering, asking_around, judging
from matching.services.history import record
from matching.workflow import ProposalState, RequestState
from tests.browse import Browser, Page, words
from tests.matching_up import another_volunteer, make_request, propose
from tests.people import Cast

LIST, TODAY = "/werkplek/vragen", "/werkplek"
P, R = ProposalState, RequestState


@pytest.fixture
def chantal(client: Browser, cast: Cast) -> Browser:
    return client.sign_in(cast.chantal)


@pytest.fixture
def asked(db: Session, cast: Cast) -> HelpRequest:
    return make_request(db, cast.anna)


def path(request: HelpRequest, rest: str = "") -> str:
    return f"{LIST}/{request.id}{rest}"


def running(db: Session, cast: Cast, request: HelpRequest, minutes: int = 10) -> HelpRequest:
    """We have been asking around for some minutes."""
    asking_around.start(db, request, by=cast.chantal.id or 0, now=utcnow() - timedelta(minutes=minutes))
    db.commit()
    return request


def question(db: Session, request: HelpRequest, who: Account, **facts: Any) -> Proposal:
    """What the job makes of it."""
    now = utcnow()
    usual: dict[str, Any] = {
        "state": P.ASKED,
        "asked_at": now,
        "decided_at": now,
        "expires_at": now + timedelta(days=3),
    }
    request.state = R.ASKED
    made = propose(db, request, who, **(usual | facts))
    record(db, Tag.PROPOSAL_APPROVED, made, now=now, around=True)
    db.commit()
    return made


def primary(page: Page) -> list[str]:
    return [
        words(each)
        for tag in ("a", "button")
        for each in page.all(tag)
        if "utrecht-button--primary-action" in (each.get("class") or "").split()
        and "utrecht-button--ready" not in (each.get("class") or "").split()
    ]


class DescribeReleasing:
    def it_is_the_quiet_second_way(self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest) -> None:
        propose(db, asked, cast.bram)
        page = chantal.get(path(asked))
        assert "Of laat ons rondvragen" in page.words
        assert "Niemand krijgt meer dan 3 vragen in een week." in page.words
        assert primary(page) == ["Kies Bram"]

    def it_releases_and_can_be_taken_back(self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest) -> None:
        propose(db, asked, cast.bram)
        page = chantal.submit(chantal.get(path(asked)), path(asked, "/rondvragen"), action=path(asked, "/rondvragen"))
        assert "Wij beginnen over een minuut." in page.words
        assert db.get_one(HelpRequest, asked.id).asking_by_id == cast.chantal.id
        page = chantal.submit(page, path(asked, "/rondvragen/stop"), action=path(asked, "/rondvragen/stop"))
        assert "Teruggenomen. Wij vroegen niemand." in page.text
        assert "Of laat ons rondvragen" in page.words
        assert db.get_one(HelpRequest, asked.id).asking_since is None

    def it_leaves_out_who_is_struck_off(self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest) -> None:
        hans = another_volunteer(db, "Hans")
        unwanted, fine = propose(db, asked, cast.bram), propose(db, asked, hans, rank=2)
        page = chantal.get(path(asked))
        assert {"Bram niet", "Hans niet"} <= {words(label) for label in page.all("label")}
        chantal.post(path(asked, "/rondvragen"), {"niet": [str(cast.bram.id)]}, status=302)
        assert db.get_one(Proposal, unwanted.id).state == P.REJECTED
        assert db.get_one(Proposal, fine.id).state == P.PROPOSED

    def it_strikes_off_nobody_who_came_forward(
        self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest
    ) -> None:
        propose(db, asked, cast.bram, source="offer")
        page = chantal.get(path(asked))
        assert "Of laat ons rondvragen" in page.words
        assert "Bram niet" not in page.words

    def it_works_without_anybody_proposed(self, chantal: Browser, asked: HelpRequest, db: Session) -> None:
        page = chantal.get(path(asked))
        assert len(primary(page)) == 1
        chantal.submit(page, path(asked, "/rondvragen"), action=path(asked, "/rondvragen"))
        assert db.get_one(HelpRequest, asked.id).asking_since is not None

    @pytest.mark.parametrize("who", ["x", "-1", "٣", "1" * 30, "999999999", ""])
    def it_survives_nonsense(self, chantal: Browser, db: Session, asked: HelpRequest, who: str) -> None:
        page = chantal.post(path(asked, "/rondvragen"), {"niet": who}, follow=True)
        assert "Deze persoon staat er niet meer bij." in page.text
        assert db.get_one(HelpRequest, asked.id).asking_since is None

    @pytest.mark.parametrize(
        ("facts", "sentence"),
        [
            ({"is_discreet": True, "state": R.HELD}, "Dit is een vraag in stilte."),
            ({"risks": ["violence"], "state": R.HELD}, "Wij houden deze vraag tegen."),
            ({"kept_back": "staff", "state": R.HELD}, "Geef de vraag eerst vrij"),
            ({"state": R.PAIRED}, "Deze vraag is intussen veranderd."),
        ],
    )
    def it_says_why_not(self, chantal: Browser, db: Session, cast: Cast, facts: dict[str, Any], sentence: str) -> None:
        request = make_request(db, cast.anna, **facts)
        assert "laat ons rondvragen" not in chantal.get(path(request)).words
        assert sentence in chantal.post(path(request, "/rondvragen"), follow=True).text

    def it_tells_the_second_of_two_colleagues(
        self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest
    ) -> None:
        running(db, cast, asked)
        assert "Een collega was u net voor" in chantal.post(path(asked, "/rondvragen"), follow=True).text
        chantal.post(path(asked, "/rondvragen/stop"), follow=True)
        assert "intussen veranderd" in chantal.post(path(asked, "/rondvragen/stop"), follow=True).text


class DescribeHowItGoes:
    def it_counts_who_was_asked_waits_and_said_no(
        self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest
    ) -> None:
        running(db, cast, asked)
        assert "Wij vroegen nog niemand." in chantal.get(path(asked)).words
        question(db, asked, cast.bram)
        question(db, asked, another_volunteer(db, "Hans"))
        question(db, asked, another_volunteer(db, "Ilse", 91), state=P.DECLINED)
        old = utcnow() - timedelta(days=3)
        question(db, asked, cast.daan, state=P.EXPIRED, asked_at=old)  # before it began
        text = chantal.get(path(asked)).words
        for sentence in (
            "Chantal gaf dit vrij op", "Wij vroegen 3 mensen.", "2 mensen gaven nog geen antwoord.",
            "1 persoon zei: nu niet.", "De volgende vraag kan weg op", "Stop met rondvragen", "Bram kreeg onze vraag.",
            "Wij wachten op 2 antwoorden",
        ):  # fmt: skip
            assert sentence in text

    def it_stops(self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest) -> None:
        running(db, cast, asked)
        waiting = question(db, asked, cast.bram)
        page = chantal.submit(
            chantal.get(path(asked)), path(asked, "/rondvragen/stop"), action=path(asked, "/rondvragen/stop")
        )
        assert "Wie onze vraag al kreeg, mag nog antwoorden." in page.text
        assert "Wij stopten met rondvragen." in page.words
        assert db.get_one(Proposal, waiting.id).state == P.ASKED

    def it_says_that_it_rests_after_a_yes(self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest) -> None:
        running(db, cast, asked)
        answering.accept_question(db, question(db, asked, cast.bram), now=utcnow())
        db.commit()
        text = chantal.get(path(asked)).words
        assert "Gaat het niet door? Dan vragen wij vanzelf verder." in text
        assert "Stop met rondvragen" in text

    @pytest.mark.parametrize(
        ("why", "sentence"),
        [("nobody_left", "Wij vroegen iedereen die past."), ("too_late", "De dag is voorbij.")],
    )
    def it_tells_why_it_stopped_by_itself(
        self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest, why: str, sentence: str
    ) -> None:
        record(db, Tag.REQUEST_ASKING_STOPPED, asked, now=utcnow(), why=why)
        db.commit()
        assert sentence in chantal.get(path(asked)).words

    def it_asks_no_choice_of_the_desk_meanwhile(
        self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest
    ) -> None:
        propose(db, asked, cast.bram)
        assert "Kies Bram" in chantal.get(TODAY).words
        running(db, cast, asked)
        assert "Kies Bram" not in chantal.get(TODAY).words
        assert "Kies Bram" in chantal.get(path(asked)).words
        propose(db, asked, cast.daan, source="offer")
        assert "Kies Daan" in chantal.get(TODAY).words

    def it_shows_nothing_to_other_desks(self, client: Browser, db: Session, cast: Cast, asked: HelpRequest) -> None:
        saskia = client.sign_in(cast.saskia)
        saskia.post(path(asked, "/rondvragen"), status=404)
        saskia.post(path(asked, "/rondvragen/stop"), status=404)

    def it_asks_little_of_the_database(self, chantal: Browser, db: Session, cast: Cast, asked: HelpRequest) -> None:
        running(db, cast, asked)
        for number in range(8):
            question(db, asked, another_volunteer(db, f"Hulp{number}", 100 + number))
        chantal.get(path(asked))
        with chantal.count_queries() as queries:
            chantal.get(path(asked))
        assert len(queries) <= 10


class DescribeTheAsker:
    @pytest.mark.parametrize("is_asked", [False, True])
    def it_reads_that_we_ask_around(
        self, client: Browser, db: Session, cast: Cast, asked: HelpRequest, is_asked: bool
    ) -> None:
        running(db, cast, asked)
        if is_asked:
            question(db, asked, cast.bram)
        page = client.sign_in(cast.anna).get(f"/hulpvragen/{asked.id}")
        assert "Wij vragen rond" in page.words
        assert "Wij vragen buren die passen, tot iemand ja zegt." in page.words
        assert "Bram" not in page.words
        assert "Wij vragen rond" in client.get("/hulpvragen").words


class DescribeTheWorker:
    @pytest.fixture
    def queue(self, app: Flask) -> Iterator[Huey]:
        found: Huey = app.extensions["omzien.queue"].huey
        assert app.extensions["omzien.queue"].tasks
        found.flush()
        yield found
        found.flush()

    def waiting(self, queue: Huey) -> list[float]:
        """In how many seconds the worker is asked to look whom to ask; 0 is now."""
        now = datetime.now()  # noqa: DTZ005  # huey counts so
        etas = [task.eta for task in queue.pending() if task.name == "offer"]
        return [0 if eta is None else round((eta - now).total_seconds(), -1) for eta in etas]

    def it_is_woken_after_the_minute(self, chantal: Browser, asked: HelpRequest, queue: Huey) -> None:
        chantal.post(path(asked, "/rondvragen"))
        assert self.waiting(queue) == [60]

    def it_is_woken_at_once_by_a_no(
        self, app: Flask, client: Browser, db: Session, cast: Cast, asked: HelpRequest, queue: Huey
    ) -> None:
        another_volunteer(db, "Hans")
        db.delete(db.get_one(Volunteer, cast.daan.id))
        running(db, cast, asked)
        first = question(db, asked, cast.bram)
        client.sign_in(cast.chantal).post(f"/werkplek/keuzes/{first.id}/antwoord", {"antwoord": "nee"})
        assert self.waiting(queue) == [0]
        noon = utcnow().replace(hour=11) + timedelta(days=1)
        assert self.tick(app, noon) == 1
        db.expire_all()
        assert len(db.exec(select(Proposal).where(Proposal.state == P.ASKED)).all()) == 1

    def it_sleeps_on_where_nobody_asks_around(
        self, client: Browser, db: Session, cast: Cast, asked: HelpRequest, queue: Huey
    ) -> None:
        propose(db, asked, cast.bram)
        made = judging.choose(db, asked, cast.bram.id or 0, by=cast.chantal.id or 0, now=utcnow())
        db.commit()
        client.sign_in(cast.chantal).post(f"/werkplek/keuzes/{made.id}/antwoord", {"antwoord": "nee"})
        assert self.waiting(queue) == []

    def tick(self, app: Flask, now: datetime) -> int:
        open_session: Callable[[bool], Session] = app.extensions["omzien.sessions"]
        return jobs.run("offer", open_session, now=now)
