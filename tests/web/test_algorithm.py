"""The public pages of the models: generated from the register, for everybody, and telling of nobody."""

from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlmodel import Session

from matching.jobs import train_candidate
from matching.models import AcceptanceModel, HelpRequest, MatcherSetting, MatchRun, OfferDecision, Proposal, Tag
from matching.models.base import utcnow
from matching.ranking.features import EXCLUDED, NAMES
from matching.services import models
from matching.services.matcher.proposing import propose
from matching.services.model_practice import FEW
from matching.workflow import ModelState, ProposalState
from tests.browse import Browser
from tests.matching_up import make_request
from tests.matching_up import propose as make_proposal
from tests.offer_history import fill
from tests.people import HILVERSUM, NOW, Cast
from web import model_words

PRIOR = "/algoritme/prior-1"


@pytest.fixture
def english(client: Browser) -> Browser:
    client.post("/taal", {"taal": "en"})
    return client


def it_has_words_for_every_feature() -> None:
    assert set(model_words.FEATURES) == set(NAMES)
    assert set(model_words.EXCLUDED) == set(EXCLUDED)


class DescribeTheStatedRule:
    @pytest.fixture(autouse=True)
    def _matched_once(self, db: Session, cast: Cast) -> None:
        propose(db, now=utcnow())
        db.commit()

    def it_is_in_the_list(self, english: Browser) -> None:
        page = english.get("/algoritme")
        assert "Version prior-1" in page.words
        assert "in use" in page.words

    def it_shows_its_numbers_as_assumptions(self, english: Browser) -> None:
        words = english.get(PRIOR).words
        assert words.count("assumption") >= 6
        for number in ("-1.3000", "0.7000", "0.2000", "0.3000", "0.3500", "0.8000"):
            assert number in words
        assert "Lives half a kilometre away 44%" in words

    def it_names_what_it_uses_and_no_more(self, english: Browser) -> None:
        words = english.get(PRIOR).words
        assert "How far the volunteer lives from the place of the request" in words
        assert "How much haste there is" not in words
        assert "which language somebody speaks" in words

    def it_works_in_dutch(self, client: Browser) -> None:
        assert "Woont een halve kilometer verderop 44%" in client.get(PRIOR).words

    def it_needs_few_queries(self, client: Browser) -> None:
        client.get(PRIOR)
        with client.count_queries() as seen:
            client.get(PRIOR)
        assert len(seen) <= 8, seen
        with client.count_queries() as seen:
            client.get("/algoritme")
        assert len(seen) <= 4, seen

    def it_says_how_gemeenten_turned_the_dials(self, english: Browser, db: Session) -> None:
        words = english.get(PRIOR).words
        assert "Hilversum More help for such buurten: a little (0.1). Sharing out the work: a little (0.1)." in words
        db.add(MatcherSetting(gemeente_code=HILVERSUM, equity=1.0, balance=0.0, changed_at=utcnow()))
        db.commit()
        assert "such buurten: strongly (1). Sharing out the work: not (0)." in english.get(PRIOR).words


def it_says_what_is_not_there_yet(english: Browser) -> None:
    assert "as soon as the computer looked for volunteers for the first time" in english.get(PRIOR).words


def it_is_linked_from_the_page_that_explains(client: Browser) -> None:
    page = client.get("/hoe-wij-kiezen")
    links = {link.get("href") for link in page.all("a")}
    assert {PRIOR, "/algoritme"} <= links
    assert len(page.one("ol", class_="oz-count").findall("*")) == 5


@pytest.mark.parametrize("version", ["nope", "%00", "a" * 300, "prior-1/x", "..", "PRIOR-1"])
def it_knows_no_other_versions(client: Browser, version: str) -> None:
    client.get(f"/algoritme/{version}", status=404)


def it_rejects_post(client: Browser) -> None:
    client.post(PRIOR, status=405)


class DescribeChoices:
    """How often people chose otherwise."""

    def choose(self, db: Session, cast: Cast, times: int, logged_as: str, **changes: object) -> None:
        now = utcnow() - timedelta(days=1)
        facts = {"state": ProposalState.DECLINED, "asked_at": now, "decided_at": now, "answered_at": now}
        for _ in range(times):
            request = make_request(db, cast.anna)
            proposal = make_proposal(db, request, cast.bram, **(facts | changes))
            if logged_as:
                self.log(db, request, proposal, logged_as)
        db.commit()

    def log(self, db: Session, request: HelpRequest, proposal: Proposal, source: str) -> None:
        kept = {"request_id": request.id, "volunteer_id": proposal.volunteer_id, "proposal_id": proposal.id}
        db.add(OfferDecision(**kept, at=utcnow(), source=source, model="prior-1"))

    def it_counts_them(self, english: Browser, db: Session, cast: Cast) -> None:
        self.choose(db, cast, 15, "desk")
        self.choose(db, cast, 5, "override")
        words = english.get(PRIOR).words
        assert "Choices of the opbouwwerkers 20" in words
        assert "Chosen otherwise than the computer proposed 5 (25%)" in words

    def it_knows_those_from_before_the_log(self, english: Browser, db: Session, cast: Cast) -> None:
        self.choose(db, cast, 15, "")
        self.choose(db, cast, 3, "", rank=2)
        self.choose(db, cast, 2, "", source="staff")
        assert "Chosen otherwise than the computer proposed 5 (25%)" in english.get(PRIOR).words

    def it_counts_choosing_nobody_once_per_request(self, english: Browser, db: Session, cast: Cast) -> None:
        self.choose(db, cast, 15, "desk")
        self.choose(db, cast, 5, "", state=ProposalState.REJECTED, asked_at=None)
        request = make_request(db, cast.anna)
        for who in (cast.bram, cast.daan):
            make_proposal(db, request, who, state=ProposalState.REJECTED, decided_at=utcnow())
        words = english.get(PRIOR).words
        assert "Choices of the opbouwwerkers 21" in words
        assert "Chosen otherwise than the computer proposed 6 (29%)" in words
        assert "of these" not in words.split("Chosen otherwise")[1].split("Questions that")[0]

    @pytest.mark.parametrize(("followed", "otherwise"), [(0, 0), (30, FEW - 1), (FEW - 1, 30), (2, 2)])
    def it_shows_no_small_numbers(
        self, english: Browser, db: Session, cast: Cast, followed: int, otherwise: int
    ) -> None:
        self.choose(db, cast, followed, "desk")
        self.choose(db, cast, otherwise, "override")
        words = english.get(PRIOR).words
        assert "Chosen otherwise than the computer proposed fewer than 5" in words or followed == FEW - 1
        assert "(" not in words.split("Chosen otherwise than the computer proposed")[1].split("Questions that")[0]
        if followed == FEW - 1:
            assert "Chosen otherwise than the computer proposed 30" not in words

    def it_shows_how_much_was_drawn_by_lot(self, english: Browser, db: Session, cast: Cast) -> None:
        self.choose(db, cast, 45, "wave")
        self.choose(db, cast, 5, "explore")
        words = english.get(PRIOR).words
        assert "Questions that the computer sent itself 50" in words
        assert "drawn by lot, to learn from it 5 (10.0%)" in words
        assert "Choices of the opbouwwerkers fewer than 5" in words

    def it_looks_back_ninety_days(self, english: Browser, db: Session, cast: Cast) -> None:
        self.choose(db, cast, 20, "desk", asked_at=utcnow() - timedelta(days=91))
        assert "Choices of the opbouwwerkers fewer than 5" in english.get(PRIOR).words


class DescribeAModelThatCannotBeRead:
    @pytest.fixture(autouse=True)
    def _in_use(self, db: Session, cast: Cast) -> None:
        prior = db.get_one(AcceptanceModel, "prior-1")
        prior.state = ModelState.RETIRED
        db.add(prior)
        db.flush()
        promoted = {"state": ModelState.IN_USE, "promoted_at": utcnow(), "promoted_by_id": cast.greet.id}
        db.add(AcceptanceModel(version="lost-1", kind="logistic", file_name="x", trained_at=utcnow(), **promoted))
        db.commit()

    def it_is_said(self, english: Browser, db: Session, cast: Cast) -> None:
        assert "cannot be read" not in english.get("/algoritme/lost-1").words
        assert propose(db, now=utcnow()).model == "prior-1"
        db.commit()
        for path in ("/algoritme", "/algoritme/lost-1"):
            assert "version prior-1 does the work" in english.get(path).words
        assert "omzien models list" not in english.get("/algoritme/lost-1").words
        assert "omzien models list" in english.sign_in(cast.greet).get("/algoritme/lost-1").words
        assert models.in_use(db).version == "lost-1"

    def it_is_over_when_it_is_read_again(self, english: Browser, db: Session) -> None:
        propose(db, now=utcnow())
        db.add(MatchRun(model="lost-1", started_at=utcnow()))
        db.commit()
        assert "cannot be read" not in english.get("/algoritme").words


def it_tells_a_stranger_no_names(client: Browser, db: Session, cast: Cast) -> None:
    event = {"version": "x-1", "replaced": "prior-1", "role": "beheerder", "gemeente": "Hilversum"}
    made = AcceptanceModel(version="x-1", kind="logistic", trained_at=utcnow())
    db.add(made)
    models.record(db, Tag.MODEL_PROMOTED, made, now=utcnow(), actor_id=cast.greet.id, **event)
    db.commit()
    words = client.get("/algoritme/x-1").words
    assert "Dat besloot de beheerder van Hilversum." in words
    assert "Greet" not in words


class DescribeALearnedModel:
    @pytest.fixture
    def trained(self, app: Flask, db: Session, cast: Cast, tmp_path: Path) -> AcceptanceModel:
        fill(db, NOW)
        return db.get_one(AcceptanceModel, train_candidate(app.extensions["omzien.sessions"], NOW, tmp_path))

    def it_shows_its_card(self, english: Browser, db: Session, cast: Cast, trained: AcceptanceModel) -> None:
        path = f"/algoritme/{trained.version}"
        assert trained.version in english.get("/algoritme").words
        page = english.get(path)
        card = trained.card
        assert "This version was never used." in page.words
        assert "Nobody took this version in use." in page.words
        assert f"outcome of {card['checks']['offers']} questions" in page.words
        assert "Questions with an outcome 1,500" in page.words
        assert "it guesses better than prior-1" in page.words
        assert "The proof is enough" in page.words
        assert "Whether the help needs a car" not in page.words, "nothing of it was in the log"
        models.promote(db, trained.version, by=cast.farid.id or 0, now=utcnow())
        db.commit()
        words = english.get(path).words
        assert f"Version {trained.version} took the place of prior-1." in words
        assert "the coordinator of Hilversum" in words
        assert "Farid" not in words
        assert f"Version {trained.version} took the place" in english.get(PRIOR).words
        with english.count_queries() as seen:
            english.get(path)
        assert len(seen) <= 9, seen

    def it_hides_small_groups(self, english: Browser, trained: AcceptanceModel) -> None:
        hidden = [row["key"] for rows in trained.card["groups"].values() for row in rows if "said" not in row]
        words = english.get(f"/algoritme/{trained.version}").words
        assert words.count("too few people") == len(hidden) > 0
