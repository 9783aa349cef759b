"""A database of the version before comes along with what is in it."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlmodel import Session

from matching.database import open_engine
from matching.migrate import migrate
from matching.models import Frequency, HelpRequest, Volunteer
from matching.services.places import import_places
from tests.conftest import HILVERSUM, new_postgres_database
from tests.people import ALL_SLOTS, DRIFTBUURT, NOW, make_person


@pytest.fixture(params=["sqlite", "postgresql"])
def before(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database as version 0002 left it, with Hilversum in it."""
    url = f"sqlite:///{tmp_path / 'before.sqlite3'}"
    if request.param == "postgresql":
        url = new_postgres_database(request.getfixturevalue("postgres_url"), "before_0003")
    engine = open_engine(url)
    migrate(engine, "0002")
    with Session(engine) as session:
        import_places(session, HILVERSUM)
        session.commit()
    yield engine
    engine.dispose()


def it_keeps_volunteers_and_requests(before: Engine) -> None:
    """0003 gives volunteers their training and adds what mantelzorgers need."""
    profile = {"skills": '["sitting"]', "slots": ALL_SLOTS, "languages": '["nl"]', "weekly_max": 2}
    columns = sa.text(
        "INSERT INTO volunteer (account_id, skills, slots, languages, weekly_max, has_car, is_paused, introduced_on,"
        " introduced_by_id, created_at, updated_at) VALUES (:account_id, :skills, :slots, :languages, :weekly_max,"
        " false, false, '2026-03-02', :by, :now, :now)"
    )
    with Session(before) as session:
        anna, bram = (make_person(session, name, DRIFTBUURT, n) for n, name in enumerate(("Anna", "Bram"), 1))
        values = {"account_id": bram.id, "by": anna.id, "now": NOW.replace(tzinfo=None).isoformat(" "), **profile}
        session.connection().execute(columns, values)
        request = HelpRequest(
            asker_id=anna.id,
            posted_by_id=anna.id,
            category="sitting",
            frequency=Frequency.FLEXIBLE,
            buurt_code=DRIFTBUURT,
            x=140_000,
            y=470_000,
            created_at=NOW,
            updated_at=NOW,
            contact_due=NOW.date(),
        )
        session.add(request)
        session.commit()
        helper_id, request_id = bram.id, request.id
    migrate(before)
    with Session(before) as session:
        volunteer = session.get_one(Volunteer, helper_id)
        assert (volunteer.skills, volunteer.slots, volunteer.introduced_on) == (
            ["sitting"],
            ALL_SLOTS,
            date(2026, 3, 2),
        )
        assert (volunteer.trained_on, volunteer.trained_by_id) == (None, None)
        volunteer.trained_by_id = 10**6  # nobody: the new column refers to an account
        with pytest.raises(sa.exc.IntegrityError):
            session.flush()
        session.rollback()
        assert session.get_one(HelpRequest, request_id).category == "sitting"
