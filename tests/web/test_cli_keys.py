"""`omzien keys`: a new key, rewriting rows with it while others work on, and what happens without the right key."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import event
from sqlmodel import Session, col, select

from matching.database import open_engine
from matching.models import DropOutPlan, StrainCheck
from matching.models.encrypted import use_keys
from matching.services import keys
from tests.browse import Browser
from tests.caring import make_situation
from tests.people import MONDAY, NOW, Cast, make_cast
from web.cli import main
from web.db import session_factory

OLD = "b25seSBmb3IgdGVzdHMsIG5ldmVyIGluIGVhcm5lc3Q="  # of the app of the tests
NEW = "YW5vdGhlciBvbmUgZm9yIHRlc3RzLCBub3QgcmVhbCE="
OTHER = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
CHECKS = keys.BATCH + 30
CHECKS_IN_ORDER = select(StrainCheck).order_by(col(StrainCheck.id))
Run = Callable[..., Result]


@pytest.fixture
def sessions(separate_database: str) -> Any:
    """A database with Els's situation and more checks than fit in one batch, all with the old key."""
    opened = session_factory(open_engine(separate_database))
    use_keys([OLD])
    with opened(True) as session:
        situation = make_situation(session, make_cast(session).els)
        session.add_all(
            StrainCheck(
                situation_id=situation.id, day=MONDAY.replace(year=1800 + n), instrument="own", result={"score": n},
                recorded_by_id=situation.mantelzorger_id, at=NOW,
            )
            for n in range(CHECKS)
        )  # fmt: skip
        session.commit()
    yield opened
    use_keys([OLD])


@pytest.fixture
def run(separate_database: str, tmp_path: Path) -> Run:
    """The command line on this database with these keys."""

    def run(*words: str, ring: Sequence[str]) -> Result:
        env = {"OMZIEN_HOME": str(tmp_path), "OMZIEN_DATABASE_URL": separate_database,
               "OMZIEN_FIELD_KEYS": ",".join(ring)}  # fmt: skip
        return CliRunner().invoke(main, words, env=env)

    return run


def scores(sessions: Any, *ring: str) -> list[int]:
    use_keys(ring)
    with sessions(False) as session:
        return [row.result["score"] for row in session.exec(CHECKS_IN_ORDER)]


def it_prints_a_key_that_works(run: Run) -> None:
    first, second = (run("keys", "new", ring=[OLD]).output.strip() for _ in range(2))
    assert first != second
    use_keys([first])
    use_keys([OLD])


def it_rewrites_everything_with_the_first_key(run: Run, sessions: Any) -> None:
    done = run("keys", "rotate", ring=[NEW, OLD])
    assert done.exit_code == 0, done.output
    assert f"{CHECKS + 1} rows rewritten" in done.output
    assert scores(sessions, NEW) == list(range(CHECKS))
    assert "The first key opens everything." in run("keys", "check", ring=[NEW]).output
    assert "0 rows rewritten" in run("keys", "rotate", ring=[NEW, OLD]).output


def it_counts_which_key_fits(run: Run, sessions: Any) -> None:
    with sessions(True) as session:
        place = next(place for place in keys.places() if place.name == "strain_check.result")
        keys.rotate(session, place, [NEW, OLD])
        session.commit()
    done = run("keys", "check", ring=[NEW, OLD])
    assert done.exit_code == 0
    line = next(line for line in done.output.splitlines() if line.startswith("strain_check.result"))
    assert line.split()[1:] == [str(keys.BATCH), "30", "0"]
    assert "omzien keys rotate" in done.output


def it_goes_on_where_it_was_stopped(run: Run, sessions: Any) -> None:
    with sessions(True) as session:
        place = next(place for place in keys.places() if place.name == "strain_check.result")
        keys.rotate(session, place, [NEW, OLD])
        session.commit()
    assert f"{CHECKS + 1 - keys.BATCH} rows rewritten" in run("keys", "rotate", ring=[NEW, OLD]).output
    assert scores(sessions, NEW) == list(range(CHECKS))


def it_never_writes_over_what_somebody_changed_meanwhile(run: Run, sessions: Any) -> None:
    place = next(place for place in keys.places() if place.name == "strain_check.result")
    use_keys([NEW, OLD])
    changed: list[int] = []

    def somebody_writes(connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        """Between the reading and the writing of a batch, once."""
        if statement.startswith("UPDATE strain_check") and not changed:
            changed.append(1)
            with Session(bind=connection) as other:
                row = other.exec(CHECKS_IN_ORDER).first()
                assert row is not None
                row.result = {"score": 99}
                other.flush()

    with sessions(True) as session:
        engine = session.get_bind()
        event.listen(engine, "before_cursor_execute", somebody_writes)
        step = keys.rotate(session, place, [NEW, OLD])
        event.remove(engine, "before_cursor_execute", somebody_writes)
        session.commit()
    assert step.rewritten == keys.BATCH - 1
    assert scores(sessions, NEW, OLD)[:2] == [99, 1]


def it_reads_and_writes_while_keys_change(run: Run, sessions: Any) -> None:
    """The website with both keys, between two batches."""
    place = next(place for place in keys.places() if place.name == "strain_check.result")
    with sessions(True) as session:
        first = keys.rotate(session, place, [NEW, OLD])
        session.commit()
    use_keys([NEW, OLD])
    with sessions(True) as session:
        rows = list(session.exec(CHECKS_IN_ORDER))
        rows[0].result, rows[-1].result = {"score": 7}, {"score": 8}
        session.add_all(rows)
        session.commit()
    with sessions(True) as session:
        keys.rotate(session, place, [NEW, OLD], after=first.last)
        session.commit()
    found = scores(sessions, NEW)
    assert (found[0], found[-1]) == (7, 8)


def it_leaves_rows_that_no_key_opens(run: Run, sessions: Any) -> None:
    done = run("keys", "rotate", ring=[NEW, OTHER])
    assert done.exit_code == 2
    assert f"{CHECKS + 1} rows fit none of the keys" in done.output
    assert run("keys", "check", ring=[NEW]).exit_code == 2
    assert scores(sessions, OLD) == list(range(CHECKS))


@pytest.mark.parametrize("command", [["keys", "rotate"], ["keys", "check"], ["migrate"]])
def it_says_a_sentence_for_what_is_no_key(run: Run, command: list[str]) -> None:
    done = run(*command, ring=["no key"])
    assert done.exit_code == 2
    assert "Make one with: omzien keys new" in done.output
    assert "Traceback" not in done.output


def it_says_a_sentence_without_a_database(tmp_path: Path) -> None:
    env = {"OMZIEN_HOME": str(tmp_path), "OMZIEN_DATABASE_URL": f"sqlite:///{tmp_path}/none.sqlite3"}
    done = CliRunner().invoke(main, ["keys", "check"], env=env)
    assert done.exit_code == 2
    assert "omzien migrate" in done.output


def it_finds_every_encrypted_column() -> None:
    names = {place.name for place in keys.places()}
    assert {"care_situation.details", "drop_out_plan.words", "stand_in.details", "strain_check.result"} <= names


class DescribeAPage:
    @pytest.fixture(autouse=True)
    def keys_back(self) -> Any:
        yield
        use_keys([OLD])

    @pytest.mark.parametrize("ring", [[], [NEW]])
    def it_says_that_it_cannot_open_this_now(
        self, app: Flask, client: Browser, db: Session, cast: Cast, ring: list[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        situation = make_situation(db, cast.els)
        db.commit()
        client.sign_in(cast.els)
        use_keys(ring)
        page = client.get(f"/mantelzorg/{situation.id}/noodplan", status=503)
        assert "U raakt niets kwijt" in page.words
        assert "omzien keys check" in caplog.text
        assert "gAAAA" not in page.text

    def it_keeps_nothing_when_it_cannot_encrypt(self, client: Browser, db: Session, cast: Cast) -> None:
        address = f"/mantelzorg/{make_situation(db, cast.els).id}/noodplan/schrijven"
        db.commit()
        page = client.sign_in(cast.els).get(address)
        use_keys([])
        assert client.submit(page, address, keys="de sleutel ligt bij Joke", follow=False).status == 503
        use_keys([OLD])
        assert db.exec(select(DropOutPlan)).all() == []
