"""What the database refuses is told without what people told us: errors end in logs."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from flask import Flask
from sqlalchemy import Text, type_coerce
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import Session, col, select

from matching import jobs
from matching.models import Account, CareSituation
from matching.models.encrypted import NoKey, use_keys
from tests.caring import make_situation
from tests.people import MONDAY, NOW, Cast

SECRET = "Truus"
LOG = logging.getLogger("omzien.test")


@pytest.fixture
def keyless(app: Flask) -> Iterator[None]:
    """An installation that lost its keys."""
    use_keys([])
    yield
    use_keys(app.config["OMZIEN"].field_keys)


def logged(error: Exception, caplog: pytest.LogCaptureFixture) -> str:
    """Everything a log holds of an error, with all it came from."""
    LOG.error("failed", exc_info=error)
    return caplog.text + str(error) + repr(error)


def keep(db: Session, *rows: Account) -> None:
    db.add_all(rows)
    db.flush()


def it_names_no_values_when_a_row_is_refused(db: Session, cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    """A missing value: PostgreSQL would quote the whole row."""
    broken = Account(first_name=SECRET, created_at=None, updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(IntegrityError) as refused, db.begin_nested():
        keep(db, broken)
    said = logged(refused.value, caplog)
    assert "account" in said
    assert SECRET not in said


def it_names_no_values_when_a_row_exists_already(db: Session, cast: Cast, caplog: pytest.LogCaptureFixture) -> None:
    """The same twice: PostgreSQL would quote what is there."""
    facts = cast.anna.model_dump(exclude={"id"}) | {"email": f"{SECRET}@example.org".lower()}
    same = Account(**facts), Account(**facts)
    with pytest.raises(IntegrityError) as refused, db.begin_nested():
        keep(db, *same)
    assert SECRET.lower() not in logged(refused.value, caplog).lower()


def it_names_no_values_when_there_is_no_key(
    db: Session, cast: Cast, keyless: None, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(StatementError) as refused, db.begin_nested():
        make_situation(db, cast.els, details={"cared_for_name": SECRET})
    said = logged(refused.value, caplog)
    assert isinstance(refused.value.orig, NoKey)
    assert "OMZIEN_FIELD_KEYS" in said
    assert SECRET not in said


def it_names_no_values_in_the_log_of_a_job(
    app: Flask, db: Session, cast: Cast, keyless: None, caplog: pytest.LogCaptureFixture
) -> None:
    use_keys(app.config["OMZIEN"].field_keys)
    situation = make_situation(db, cast.els, details={"cared_for_name": SECRET}, next_check_on=MONDAY)
    token = db.connection().execute(select(type_coerce(col(CareSituation.details), Text))).scalar_one()
    db.commit()
    use_keys([])
    assert jobs.run("check_in", app.extensions["omzien.sessions"], now=NOW) == 0
    assert f"item {situation.id} failed" in caplog.text
    assert "OMZIEN_FIELD_KEYS" in caplog.text
    assert SECRET not in caplog.text and token not in caplog.text
