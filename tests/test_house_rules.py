"""Rules of the house that no single module can keep by itself."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from babel.messages.pofile import read_po
from flask import Flask
from sqlmodel import SQLModel

from matching import workflow
from web.access import LINK, PUBLIC, SIGNED_IN, declared

ROOT = Path(__file__).parent.parent
FOLDERS = {"matching", "web", "migrations", "translations", "tests", ".ci"}
TRACKED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split("\n")[:-1]
TEXTS = [name for name in TRACKED if not name.endswith((".png", ".jpg", ".webp", ".ico")) and (ROOT / name).exists()]


def it_keeps_the_five_folders() -> None:
    assert {name.split("/")[0] for name in TRACKED if "/" in name} <= FOLDERS | {"docs"}


@pytest.mark.parametrize("lock", [name for name in TRACKED if name.endswith((".lock", "package-lock.json"))])
def it_names_no_index_in_a_lock_file(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "resolved" not in text
    assert not re.search(r"(--(extra-)?index-url|--find-links|https?://[^\s\"]*(simple|registry|pypi))", text)


def it_pins_python_packages_with_hashes() -> None:
    for lock in ("requirements.lock", "requirements-test.lock", "requirements-node.lock"):
        pins = re.findall(r"^[a-z0-9-]+==.*(?:\n .*)*", (ROOT / lock).read_text(), re.M)
        assert pins
        assert all("--hash=sha256:" in pin for pin in pins)


@pytest.mark.parametrize("word", ["TODO", "FIX" + "ME", "XX" + "X:"])
def it_leaves_nothing_for_later(word: str) -> None:
    found = [name for name in TEXTS if name != "tests/test_house_rules.py" and word in (ROOT / name).read_text("utf-8")]
    assert not found


def it_loads_no_matcher_for_pages() -> None:
    """A worker must stay small and start fast: in a fresh process, create_app() loads none of these."""
    code = (
        "import sys; from web.config import Settings; from web import create_app; from pathlib import Path;"
        "create_app(Settings(home=Path('.'), database_url='sqlite://', secret_key='x', testing=True));"
        "heavy = {'sklearn', 'scipy', 'numpy', 'pandas', 'ortools', 'holidays', 'icalendar', 'phonenumbers'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def it_keeps_the_import_rules() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def it_declares_access_for_every_route(app: Flask) -> None:
    missing = []
    for rule in app.url_map.iter_rules():
        access = declared(app.view_functions[rule.endpoint])
        if access not in (PUBLIC, SIGNED_IN, LINK) and not (isinstance(access, tuple) and access):
            missing.append(rule.endpoint)
    assert not missing


def it_uses_dutch_addresses(app: Flask) -> None:
    english = re.compile(r"/(new|edit|help|request|requests|account|login|logout|volunteer|people|today)(/|$)")
    found = [r.rule for r in app.url_map.iter_rules() if english.search(r.rule) and not r.rule.startswith("/account/")]
    assert not found


def it_has_every_text_in_both_languages() -> None:
    with (ROOT / "translations" / "messages.pot").open("rb") as file:
        wanted = {message.id for message in read_po(file) if message.id}
    for code in ("nl", "en"):
        with (ROOT / "translations" / code / "LC_MESSAGES" / "messages.po").open("rb") as file:
            catalogue = {message.id: message for message in read_po(file, locale=code) if message.id}
        missing = [key for key in wanted if key not in catalogue or not _complete(catalogue[key].string)]
        assert not missing, f"{code}: {missing[:10]}"


def _complete(text: str | tuple[str, ...]) -> bool:
    return all(text) if isinstance(text, tuple) else bool(text)


def it_collects_every_text(tmp_path: Path) -> None:
    """messages.pot is what `make translations` would make now."""
    tool, out = Path(sys.executable).parent / "pybabel", tmp_path / "now.pot"
    options = ["-q", "extract", "-F", "translations/babel.cfg", "-k", "_l", "-k", "lazy_gettext", "--omit-header"]
    subprocess.run([tool, *options, "-o", out, "."], cwd=ROOT, check=True, capture_output=True)
    with out.open("rb") as now, (ROOT / "translations" / "messages.pot").open("rb") as kept:
        assert {m.id for m in read_po(now) if m.id} == {m.id for m in read_po(kept) if m.id}


def it_keeps_placeholders_in_translations() -> None:
    with (ROOT / "translations" / "nl" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        for message in read_po(file, locale="nl"):
            if not message.id:
                continue
            ids = message.id if isinstance(message.id, tuple) else (message.id,)
            texts = message.string if isinstance(message.string, tuple) else (message.string,)
            allowed = {name for text in ids for name in re.findall(r"%\((\w+)\)", text)}
            for text in texts:
                assert set(re.findall(r"%\((\w+)\)", text)) <= allowed, message.id


def it_migrates_to_exactly_the_models(app: Flask) -> None:
    engine = app.extensions["omzien.engine"]
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        differences = [d for d in compare_metadata(context, SQLModel.metadata) if "huey" not in str(d)]
    assert not differences


@pytest.mark.parametrize(
    ("states", "moves"),
    [
        (workflow.RequestState, workflow.REQUEST_MOVES),
        (workflow.ProposalState, workflow.PROPOSAL_MOVES),
        (workflow.PairingState, workflow.PAIRING_MOVES),
        (workflow.AppointmentState, workflow.APPOINTMENT_MOVES),
        (workflow.ModelState, workflow.MODEL_MOVES),
        (workflow.CareState, workflow.CARE_MOVES),
        (workflow.StandInState, workflow.STAND_IN_MOVES),
        (workflow.ReliefState, workflow.RELIEF_MOVES),
        (workflow.ArrangementState, workflow.ARRANGEMENT_MOVES),
        (workflow.BookingState, workflow.BOOKING_MOVES),
        (workflow.GapState, workflow.GAP_MOVES),
    ],
)
def it_can_reach_every_state(states: type, moves: dict) -> None:  # type: ignore[type-arg]  # of any of these
    first = next(iter(states))
    reached, waiting = set(), {first, *(s for s in states if s in ("open", "proposed", "waiting", "planned"))}
    while waiting:
        state = waiting.pop()
        reached.add(state)
        waiting |= {to for (start, _move), to in moves.items() if start == state} - reached
    assert reached == set(states)
