"""`make screenshots`: the pictures of the README, from the running program. The people in them are made up."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlmodel import Session, col, select

from matching.access import covers
from matching.models import Account, ActionLink, HelpRequest, Proposal
from matching.models.base import utcnow
from matching.services import judging, links
from tests.chromium import running_chromium
from tests.journeys.conftest import HILVERSUM, LAPTOP, PHONE, ROOT, free_port, log_in, omzien, wait_for
from web import create_app
from web.links import path

FOLDER = ROOT / "docs" / "screens"
PICTURES = (
    ("home", LAPTOP),
    ("proposal", PHONE),
    ("desk", LAPTOP),
    ("buurt", LAPTOP),
    ("mantelzorg", PHONE),
    ("care", LAPTOP),
)
LOGINS = {"desk": "chantal", "mantelzorg": "els", "care": "chantal"}
# The first situation of the made-up city is that of Els.
PATHS = {
    "home": "/",
    "desk": "/werkplek",
    "buurt": "/buurten/BU04020603",
    "mantelzorg": "/mantelzorg",
    "care": "/werkplek/mantelzorg/1",
}
HEIGHTS = {"desk": 1000, "mantelzorg": 1500, "care": 1500}


@contextmanager
def running(environment: dict[str, str]) -> Iterator[str]:
    """The whole program on a fresh city; its address."""
    for words in (["migrate"], ["places", "import", str(HILVERSUM)], ["seed"], ["match"]):
        omzien(environment, *words)
    process = subprocess.Popen([sys.executable, "-m", "web.cli", "serve"], cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{environment['PORT']}"
    try:
        wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def proposal_path() -> str:
    """The link of a question to a volunteer, as the message would hold it."""
    app = create_app()
    with app.test_request_context(), Session(app.extensions["omzien.engine"]) as session:
        worker = session.exec(select(Account).where(Account.email == "chantal@voorbeeld.nl")).one()
        rows = session.exec(
            select(Proposal, HelpRequest)
            .where(Proposal.request_id == HelpRequest.id, Proposal.rank == 1, Proposal.state == "proposed")
            .where(HelpRequest.category == "groceries", HelpRequest.state == "open")
            .order_by(col(Proposal.id))
        )
        proposal, request = next(row for row in rows if covers("WK040206", row[1].buurt_code))
        assert worker.id is not None
        judging.choose(session, request, proposal.volunteer_id, by=worker.id, now=utcnow())
        link = session.exec(select(ActionLink).where(ActionLink.subject_id == proposal.id)).one()
        session.commit()
        return path(links.ANSWER, link.id)


def main() -> None:
    """Write docs/screens/*.png."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as home:
        os.environ.update(OMZIEN_HOME=home, PORT=str(free_port()), OMZIEN_DEMO="1")
        with running(dict(os.environ)) as address, running_chromium() as browser:
            for name, size in PICTURES:
                page = browser.new_context(viewport=size, locale="nl-NL", base_url=address).new_page()
                if name in LOGINS:
                    log_in(page, LOGINS[name])
                page.goto(PATHS.get(name) or proposal_path())
                target = Path(FOLDER / f"{name}-{size['width']}.png")
                page.screenshot(path=target, clip={"x": 0, "y": 0, **size, "height": HEIGHTS.get(name, size["height"])})


if __name__ == "__main__":
    main()
