"""A running Omzien on a city of 600 volunteers, and people with real browsers at it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page

ROOT = Path(__file__).parents[2]
HILVERSUM = ROOT / "matching" / "data" / "hilversum"
AXE = ROOT / "web" / "assets" / "node_modules" / "axe-core" / "axe.min.js"
PHONE, LAPTOP = {"width": 360, "height": 740}, {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Site:
    """Where it runs, and its command line."""

    address: str
    environment: dict[str, str]

    def omzien(self, *words: str) -> str:
        """Run a command on the same database."""
        return omzien(self.environment, *words)


def omzien(environment: dict[str, str], *words: str) -> str:
    """The output of `omzien WORDS`; a failure fails the test."""
    command = [sys.executable, "-m", "web.cli", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(address: str, process: "subprocess.Popen[bytes]") -> None:
    """Until the site answers."""
    for _attempt in range(150):
        assert process.poll() is None, "the server stopped"
        try:
            with urlopen(address, timeout=2):  # noqa: S310  # our own address
                return
        except OSError:
            # Waiting on the process is waiting for time to pass, and notices when it ends.
            try:
                process.wait(0.2)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError("the server did not answer")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The whole program: web under gunicorn, worker, mail."""
    home, port = tmp_path_factory.mktemp("city"), free_port()
    environment = {**os.environ, "OMZIEN_HOME": str(home), "PORT": str(port), "OMZIEN_DEMO": "1"}
    omzien(environment, "migrate")
    omzien(environment, "places", "import", str(HILVERSUM))
    omzien(environment, "seed", "--volunteers", "600", "--requests", "150")
    omzien(environment, "match")
    process = subprocess.Popen([sys.executable, "-m", "web.cli", "serve"], cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(address, process)
        yield Site(address, environment)
    finally:
        process.terminate()
        process.wait(30)


NewPerson = Callable[..., Page]


@pytest.fixture
def person(chromium: Browser, site: Site) -> Iterator[NewPerson]:
    """person(PHONE) opens a browser of somebody's own, at that size; options go to the browser context."""
    contexts: list[BrowserContext] = []

    def new(size: dict[str, int], **options: Any) -> Page:
        context = chromium.new_context(
            viewport=size, locale=options.pop("locale", "nl-NL"), base_url=site.address, **options
        )
        context.set_default_timeout(8000)
        contexts.append(context)
        return context.new_page()

    yield new
    for context in contexts:
        context.close()


def follow(target: Locator) -> None:
    """Click a link or button, and wait until the page behind it is there: a check must not look at the page before."""
    with target.page.expect_navigation():
        target.click()


def log_in(page: Page, name: str) -> None:
    """As one of the demonstration's people, through the page."""
    from matching.seed import DEMO_PASSWORD

    page.goto("/inloggen")
    page.get_by_label("e-mailadres").first.fill(f"{name}@voorbeeld.nl")
    page.get_by_label("wachtwoord").first.fill(DEMO_PASSWORD)
    follow(page.locator("main form button").first)
    page.wait_for_url(lambda url: "/inloggen" not in url)


def inspect(page: Page) -> None:
    """No axe violation (WCAG 2.2 AA and best practices), and nothing sticks out sideways."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", tags)
    short = [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in found["violations"]]
    assert not short, f"{page.url}: {json.dumps(short, indent=1)}"
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{page.url} is {wide} px too wide at {page.viewport_size}"
