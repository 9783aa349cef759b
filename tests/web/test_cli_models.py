"""omzien train and omzien models: sentences, tables and exit codes, on a database of their own."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlmodel import Session

from matching.database import open_engine
from matching.services import models
from tests.matching.test_models import add_candidate
from tests.offer_history import fill
from tests.people import NOW, make_cast
from web.cli import main

BY = ("--by", "greet@example.org")


class Shell:
    """A command line with its own home and database."""

    def __init__(self, home: Path, url: str) -> None:
        self.home, self.url = home, url
        self._environment = {"OMZIEN_HOME": str(home), "OMZIEN_DATABASE_URL": url}

    def run(self, *words: str, code: int = 0) -> Result:
        done = CliRunner().invoke(main, words, env=self._environment)
        assert done.exit_code == code, (done.output, done.exception)
        return done

    def in_use(self) -> str:
        engine = open_engine(self.url)
        with Session(engine) as session:
            found = models.in_use(session).version
        engine.dispose()
        return found


@pytest.fixture
def shell(separate_database: str, tmp_path: Path) -> Shell:
    engine = open_engine(separate_database)
    with Session(engine) as session:
        make_cast(session)
        session.commit()
    engine.dispose()
    return Shell(tmp_path / "home", separate_database)


def _fill(shell: Shell) -> None:
    engine = open_engine(shell.url)
    with Session(engine) as session:
        fill(session, NOW)
    engine.dispose()


def it_goes_from_training_to_use_and_back(shell: Shell) -> None:
    _fill(shell)
    shown = shell.run("train").stdout
    version = shown.split()[1]
    assert "may be promoted" in shown
    assert "1500 outcomes" in shown
    assert "logistic" in shell.run("models", "list").stdout or "boosting" in shell.run("models", "list").stdout
    assert shell.run("models", "show", version).stdout == shown
    assert shell.in_use() == "prior-1"
    assert "in use now" in shell.run("models", "promote", version, *BY).stdout
    assert shell.in_use() == version
    assert shell.run("models", "list").stderr == ""
    assert "Only a candidate" in shell.run("models", "promote", version, *BY, code=2).stderr
    assert "prior-1 is in use now" in shell.run("models", "rollback", *BY).stdout
    assert "No model was used before" in shell.run("models", "rollback", *BY, code=2).stderr


def it_warns_of_a_file_that_cannot_be_read(shell: Shell) -> None:
    _fill(shell)
    version = shell.run("train").stdout.split()[1]
    path = shell.home / "models" / f"{version}.skops"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    assert version in shell.run("models", "promote", version, *BY, code=2).stderr
    assert shell.in_use() == "prior-1"
    path.write_bytes(whole)
    shell.run("models", "promote", version, *BY)
    path.unlink()
    assert "Warning" in shell.run("models", "list").stderr
    assert version in shell.run("train", code=2).stderr
    assert shell.in_use() == version


def it_goes_back_past_files_that_are_gone(shell: Shell) -> None:
    engine = open_engine(shell.url)
    with Session(engine) as session:
        by = models.decider(session, BY[1]).id or 0
        for version, against in (("a", "prior-1"), ("b", "a")):
            add_candidate(session, version, against=against)
            models.promote(session, version, by=by, now=NOW)
        session.commit()
    engine.dispose()
    done = shell.run("models", "rollback", *BY)
    assert "prior-1 is in use now" in done.stdout
    assert "Model a cannot be used" in done.stderr
    assert shell.in_use() == "prior-1"


def it_learns_nothing_from_nothing(shell: Shell) -> None:
    assert "no offers" in shell.run("train", code=2).stderr
    assert shell.run("models", "list").stdout.count("\n") == 2


@pytest.mark.parametrize(
    "words",
    [
        ("models", "show", "nope"),
        ("models", "promote", "nope", *BY),
        ("models", "promote", "prior-1", *BY),
        ("models", "promote", "prior-1", "--by", "anna@example.org"),
        ("models", "promote", "prior-1", "--by", "nobody@example.org"),
        ("models", "promote", "prior-1"),
        ("models", "rollback", "--by", "chantal@example.org"),
        ("models", "rollback"),
    ],
)
def it_refuses_with_a_sentence(shell: Shell, words: tuple[str, ...]) -> None:
    said = shell.run(*words, code=2).stderr
    assert said.strip().endswith(".")
    assert "Traceback" not in said
