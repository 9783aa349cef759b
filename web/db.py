"""One session, one transaction per web request. A GET never writes; everything else commits when it went well.

One thing is written whatever the request: that staff looked at somebody's data, before the answer leaves.
"""

from collections.abc import Callable

from flask import Flask, Response, current_app, g, request
from sqlalchemy import Engine
from sqlmodel import Session

from matching.database import WRITES, open_engine
from matching.models import DataLook
from matching.services import looks
from matching.services.questions import GO_ON

READING = ("GET", "HEAD", "OPTIONS")
SessionFactory = Callable[[bool], Session]


def session_factory(engine: Engine) -> SessionFactory:
    """Sessions on `engine`: called with True for one that will write (see matching.database)."""
    writing = engine.execution_options(**{WRITES: True})

    def open_session(writes: bool) -> Session:
        return Session(writing if writes else engine, expire_on_commit=False)

    return open_session


def init_app(app: Flask, database_url: str) -> None:
    """Give the app its sessions and end the transaction of every request."""
    engine = open_engine(database_url)
    app.extensions["omzien.engine"] = engine
    app.extensions["omzien.sessions"] = session_factory(engine)
    app.after_request(_finish)
    app.teardown_appcontext(_close)


def db() -> Session:
    """The session of this request."""
    if "db" not in g:
        sessions: SessionFactory = current_app.extensions["omzien.sessions"]
        g.db = sessions(request.method not in READING)
    session: Session = g.db
    return session


def _finish(response: Response) -> Response:
    session: Session | None = g.get("db")
    if session is None:
        return response
    seen = looks.take(session)
    if request.method in READING or response.status_code >= 400:
        session.rollback()
        _keep(seen)
    else:
        looks.write(session, seen)
        session.commit()
        if session.info.pop("outbox", False):
            current_app.extensions["omzien.queue"].wake()
        if GO_ON in session.info:
            current_app.extensions["omzien.queue"].wake_to_ask(session.info.pop(GO_ON))
        if session.info.pop("dials", False):
            current_app.extensions["omzien.queue"].preview()
    return response


def _keep(seen: list[DataLook]) -> None:
    if seen:
        with current_app.extensions["omzien.sessions"](True) as session:
            looks.write(session, seen)
            session.commit()


def _close(_error: BaseException | None) -> None:
    session: Session | None = g.pop("db", None)
    if session is not None:
        session.close()
