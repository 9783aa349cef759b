"""The register of models: learning from the log, and who may put what in use."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from sqlmodel import Session, col, select

from matching import jobs
from matching.database import WRITES, open_engine
from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotAllowed, NotFound
from matching.models import AcceptanceModel, Event, OfferDecision, Proposal, Tag
from matching.ranking.acceptance import PriorRule
from matching.ranking.features import NAMES
from matching.services import models
from matching.services.matcher import training
from matching.services.matcher.proposing import propose
from matching.services.matcher.rule_in_use import check, look_up, rule_in_use
from matching.services.matcher.training import CannotTrain
from matching.workflow import ModelState
from tests.matching_up import make_request
from tests.offer_history import fill
from tests.people import NOW, Cast, make_cast

LATER = NOW + timedelta(days=1)


@pytest.fixture
def open_session(app: Flask, db: Session) -> Callable[[bool], Session]:
    found: Callable[[bool], Session] = app.extensions["omzien.sessions"]
    return found


def add_candidate(db: Session, version: str, *, against: str = "prior-1", promotable: bool = True) -> AcceptanceModel:
    card = {"promotable": promotable, "in_use": against}
    made = AcceptanceModel(version=version, kind="logistic", trained_at=NOW, card=card)
    db.add(made)
    db.flush()
    return made


def greet(cast: Cast) -> int:
    assert cast.greet.id is not None
    return cast.greet.id


class DescribeTraining:
    @pytest.fixture
    def trained(self, open_session: Any, db: Session, cast: Cast, tmp_path: Path) -> AcceptanceModel:
        fill(db, NOW)
        return db.get_one(AcceptanceModel, jobs.train_candidate(open_session, NOW, tmp_path))

    def it_makes_a_candidate_with_its_card(self, trained: AcceptanceModel, db: Session, tmp_path: Path) -> None:
        assert trained.state == ModelState.CANDIDATE
        assert models.in_use(db).version == "prior-1"
        assert trained.offers == 1500
        card = trained.card
        json.dumps(card, allow_nan=False)
        assert card["data"]["answers"] > card["data"]["yeses"] > 0
        assert card["promotable"] is True
        assert card["checks"]["log_loss"] < card["in_use_checks"]["log_loss"]
        assert card["difference"]["high"] < 0
        assert set(card["uses"]) < set(NAMES)
        assert "language" in card["excluded"]
        assert 0 < card["off_policy"]["low"] < card["off_policy"]["value"] < card["off_policy"]["high"] < 1
        assert db.exec(select(Event).where(Event.tag == Tag.MODEL_TRAINED)).one().data["version"] == trained.version
        assert [path.name for path in (tmp_path / "models").iterdir()] == [trained.file_name]

    def it_gives_a_rule_that_can_be_used(
        self, trained: AcceptanceModel, db: Session, cast: Cast, tmp_path: Path
    ) -> None:
        models.promote(db, trained.version, by=greet(cast), now=LATER)
        db.commit()
        rule, version = rule_in_use(db, tmp_path)
        assert version == rule.version == trained.version
        make_request(db, cast.anna)
        run = propose(db, now=LATER, home=tmp_path)
        assert run.model == trained.version
        assert run.counts["proposed"] == 1
        first = db.exec(select(Proposal).where(Proposal.run_id == run.id, Proposal.rank == 1)).one()
        assert 0 < first.p < 1

    def it_suppresses_what_is_about_few_people(self, trained: AcceptanceModel) -> None:
        for rows in trained.card["groups"].values():
            hidden = [row for row in rows if "said" not in row]
            assert all(set(row) == {"key"} for row in hidden)
            assert len(hidden) != 1

    def it_gives_every_version_a_name_of_its_own(
        self, trained: AcceptanceModel, open_session: Any, db: Session, tmp_path: Path
    ) -> None:
        again = jobs.train_candidate(open_session, NOW, tmp_path)
        assert again == f"{trained.version}-2"
        check(trained, tmp_path)
        check(db.get_one(AcceptanceModel, again), tmp_path)

    def it_is_never_promoted_by_the_job(self, open_session: Any, db: Session, cast: Cast, tmp_path: Path) -> None:
        fill(db, NOW)
        assert jobs.run("train", open_session, now=NOW, home=tmp_path) == 1
        assert models.in_use(db).version == "prior-1"
        assert len(models.versions(db)) == 2

    def it_learns_nothing_from_those_who_offered_themselves(
        self, open_session: Any, db: Session, cast: Cast, tmp_path: Path
    ) -> None:
        fill(db, NOW, offers=1100)
        some = select(OfferDecision.id).order_by(col(OfferDecision.id)).limit(200)
        db.connection().execute(update(OfferDecision).where(col(OfferDecision.id).in_(some)).values(source="offer"))
        db.commit()
        with pytest.raises(CannotTrain, match="900 outcomes"):
            jobs.train_candidate(open_session, NOW, tmp_path)


class DescribeWhatCannotBeLearnedFrom:
    """A clear sentence, and nothing changes."""

    @pytest.fixture(autouse=True)
    def _nothing_changes(self, db: Session, cast: Cast, tmp_path: Path) -> Iterator[None]:
        yield
        db.expire_all()
        assert [model.version for model in models.versions(db)] == ["prior-1"]
        assert models.in_use(db).version == "prior-1"
        assert not list(tmp_path.rglob("*.skops"))

    def refusal(self, open_session: Any, home: Path) -> str:
        with pytest.raises(CannotTrain) as refused:
            jobs.train_candidate(open_session, NOW, home)
        return str(refused.value)

    def it_says_so_of_an_empty_log(self, open_session: Any, tmp_path: Path) -> None:
        assert "no offers" in self.refusal(open_session, tmp_path)

    def it_says_so_of_few_outcomes(self, open_session: Any, db: Session, tmp_path: Path) -> None:
        fill(db, NOW, offers=300)
        assert "300 outcomes" in self.refusal(open_session, tmp_path)

    def it_says_so_of_one_class(self, open_session: Any, db: Session, tmp_path: Path) -> None:
        fill(db, NOW, offers=1200)
        answered = update(Proposal).where(col(Proposal.answered_at).is_not(None))
        db.connection().execute(answered.values(state="declined"))
        db.commit()
        assert "all" in self.refusal(open_session, tmp_path).lower()

    def it_says_so_of_a_clock_that_jumped(self, open_session: Any, db: Session, tmp_path: Path) -> None:
        fill(db, NOW + timedelta(days=30), offers=1200)
        assert "clock" in self.refusal(open_session, tmp_path)

    def it_says_so_of_a_clock_that_stood_at_its_start(self, open_session: Any, db: Session, tmp_path: Path) -> None:
        made = fill(db, NOW, offers=1200)
        start = NOW.replace(year=1970)
        last = select(OfferDecision.id).order_by(col(OfferDecision.id).desc()).limit(1)
        db.connection().execute(update(OfferDecision).where(col(OfferDecision.id).in_(last)).values(at=start))
        db.commit()
        assert len(made.log) == 1200
        assert "clock" in self.refusal(open_session, tmp_path)

    def it_lets_the_job_go_on(self, open_session: Any, tmp_path: Path) -> None:
        assert jobs.run("train", open_session, now=NOW, home=tmp_path) == 0


class DescribeTheFile:
    """Whatever is wrong with it: the register stays as it is, and the stated rule does the work."""

    @pytest.fixture
    def in_use(self, open_session: Any, db: Session, cast: Cast, tmp_path: Path) -> AcceptanceModel:
        fill(db, NOW)
        version = jobs.train_candidate(open_session, NOW, tmp_path)
        made = models.promote(db, version, by=greet(cast), now=NOW)
        db.commit()
        return made

    def it_falls_back(
        self, in_use: AcceptanceModel, open_session: Any, db: Session, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "models" / in_use.file_name
        whole = path.read_bytes()
        for harmed in (None, whole[:-40] + bytes(40), b"not a model", whole[: len(whole) // 2], b""):
            path.unlink()
            if harmed is not None:
                path.write_bytes(harmed)
            self.is_told(in_use, open_session, db, tmp_path, caplog)
            path.write_bytes(whole)
            assert look_up(db, tmp_path).trouble == ""
        self.is_told(in_use, open_session, db, None, caplog)
        path.rename(path.with_suffix(".old"))
        self.is_told(in_use, open_session, db, tmp_path, caplog)

    def is_told(self, in_use: AcceptanceModel, open_session: Any, db: Session, home: Path | None, caplog: Any) -> None:
        caplog.clear()
        rule, version = rule_in_use(db, home)
        assert isinstance(rule, PriorRule)
        assert version == "prior-1"
        assert in_use.version in caplog.text
        assert models.in_use(db).version == in_use.version
        with pytest.raises(CannotTrain):
            jobs.train_candidate(open_session, NOW, home)
        assert len(models.versions(db)) == 2


class DescribePromoting:
    def it_works(self, db: Session, cast: Cast) -> None:
        add_candidate(db, "a")
        chosen = models.promote(db, "a", by=greet(cast), now=LATER)
        assert (chosen.state, chosen.promoted_at, chosen.promoted_by_id) == (ModelState.IN_USE, LATER, cast.greet.id)
        assert db.get_one(AcceptanceModel, "prior-1").state == ModelState.RETIRED
        change = models.changes(db)[0]
        assert (change.version, change.replaced, change.is_return) == ("a", "prior-1", False)
        assert (change.role, change.gemeente) == ("beheerder", "Hilversum")
        assert db.exec(select(Event).where(Event.tag == Tag.MODEL_PROMOTED)).one().actor_id == cast.greet.id

    def it_wants_evidence(self, db: Session, cast: Cast) -> None:
        add_candidate(db, "a", promotable=False)
        with pytest.raises(IllegalMove, match="not shown that it is better"):
            models.promote(db, "a", by=greet(cast), now=LATER)

    def it_wants_evidence_against_the_one_in_use(self, db: Session, cast: Cast) -> None:
        add_candidate(db, "a")
        add_candidate(db, "b")
        models.promote(db, "a", by=greet(cast), now=LATER)
        with pytest.raises(IllegalMove, match="compared with prior-1, and a is in use now"):
            models.promote(db, "b", by=greet(cast), now=LATER)

    def it_takes_candidates_only(self, db: Session, cast: Cast) -> None:
        add_candidate(db, "a")
        models.promote(db, "a", by=greet(cast), now=LATER)
        for version in ("a", "prior-1"):
            with pytest.raises(IllegalMove, match="Only a candidate"):
                models.promote(db, version, by=greet(cast), now=LATER)
        with pytest.raises(NotFound):
            models.promote(db, "nope", by=greet(cast), now=LATER)

    @pytest.mark.parametrize("who", ["anna", "chantal"])
    def it_is_for_beheerder_and_coordinator(self, db: Session, cast: Cast, who: str) -> None:
        add_candidate(db, "a")
        with pytest.raises(NotAllowed):
            models.promote(db, "a", by=getattr(cast, who).id, now=LATER)
        with pytest.raises(NotAllowed):
            models.decider(db, f"{who}@example.org")
        assert models.decider(db, " Farid@Example.org ").id == cast.farid.id
        with pytest.raises(Invalid):
            models.decider(db, "nobody@example.org")

    def it_lets_one_of_two_win(self, separate_database: str) -> None:
        engine = open_engine(separate_database)
        with Session(engine) as session:
            by = make_cast(session).greet.id
            for version in ("a", "b"):
                add_candidate(session, version)
            session.commit()
        writing = engine.execution_options(**{WRITES: True})

        def promote(version: str) -> str:
            with Session(writing) as session:
                try:
                    models.promote(session, version, by=by or 0, now=LATER)
                    session.commit()
                except (AlreadyTaken, IllegalMove) as error:
                    return str(error)
                return "promoted"

        with ThreadPoolExecutor(2) as pool:
            outcomes = list(pool.map(promote, ("a", "b")))
        assert outcomes.count("promoted") == 1
        assert "Train again." in "".join(outcomes) or models.TOO_LATE in outcomes
        with Session(engine) as session:
            assert models.in_use(session).version == ("a", "b")[outcomes.index("promoted")]
        engine.dispose()


class DescribeRollingBack:
    def it_goes_back_one_at_a_time(self, db: Session, cast: Cast) -> None:
        for version, against in (("a", "prior-1"), ("b", "a")):
            add_candidate(db, version, against=against)
            models.promote(db, version, by=greet(cast), now=LATER)
        for expected in ("a", "prior-1"):
            assert models.roll_back(db, by=greet(cast), now=LATER).version == expected
            assert models.in_use(db).version == expected
        with pytest.raises(IllegalMove, match="No model was used before prior-1"):
            models.roll_back(db, by=greet(cast), now=LATER)
        assert [change.is_return for change in models.changes(db)] == [True, True, False, False]

    def it_goes_back_to_what_was_used_and_not_to_what_was_left(self, db: Session, cast: Cast) -> None:
        add_candidate(db, "a")
        models.promote(db, "a", by=greet(cast), now=LATER)
        add_candidate(db, "b", against="a")
        models.promote(db, "b", by=greet(cast), now=LATER)
        models.roll_back(db, by=greet(cast), now=LATER)
        add_candidate(db, "c", against="a")
        models.promote(db, "c", by=greet(cast), now=LATER)
        assert models.roll_back(db, by=greet(cast), now=LATER).version == "a"

    def it_is_for_beheerder_and_coordinator(self, db: Session, cast: Cast) -> None:
        add_candidate(db, "a")
        models.promote(db, "a", by=greet(cast), now=LATER)
        with pytest.raises(NotAllowed):
            models.roll_back(db, by=cast.anna.id or 0, now=LATER)


def it_can_train_only_with_a_folder(open_session: Any) -> None:
    with pytest.raises(training.CannotTrain, match="folder"):
        jobs.train_candidate(open_session, NOW, None)
