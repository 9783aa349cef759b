"""The demo's mailbox: there in the demo, and nowhere else."""

from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.browse import Browser
from web import create_app
from web.config import Settings
from web.mail_catcher import Keep

MAIL = b"To: anna@example.org\r\nSubject: Dag Anna\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n<script>hallo</script>\r\nhttp://127.0.0.1:8000/voorstel/abc\r\n"


@pytest.fixture
def folder(app: Flask) -> Path:
    found: Path = app.config["OMZIEN"].mail_folder
    Keep(found)
    for old in found.glob("*.eml"):
        old.unlink()
    return found


def it_invites_when_it_is_empty(client: Browser, folder: Path) -> None:
    assert "Er zijn nog geen berichten" in client.get("/postvak").words


def it_shows_a_letter_with_its_link(client: Browser, folder: Path) -> None:
    (folder / "aa11.eml").write_bytes(MAIL)
    assert "Dag Anna" in client.get("/postvak").words
    page = client.get("/postvak/aa11")
    assert page.h1 == "Dag Anna"
    assert page.all("a", href="http://127.0.0.1:8000/voorstel/abc")
    assert "<script>hallo" not in page.text


def it_shows_one_address_only_when_asked(client: Browser, folder: Path) -> None:
    (folder / "aa11.eml").write_bytes(MAIL)
    (folder / "bb22.eml").write_bytes(MAIL.replace(b"anna@", b"bram@"))
    assert client.get("/postvak?aan=bram@example.org").text.count("/postvak/") == 1


@pytest.mark.parametrize("name", ["zz99", "..%2F..%2Fsecret_key", "a.b"])
def it_knows_no_other_files(client: Browser, folder: Path, name: str) -> None:
    client.get(f"/postvak/{name}", status=404)


def it_does_not_exist_outside_the_demo(app: Flask, tmp_path: Path) -> None:
    settings: Settings = replace(app.config["OMZIEN"], demo=False, home=tmp_path)
    assert create_app(settings).test_client().get("/postvak").status_code == 404
