"""From outbox to a real SMTP server, in the reader's language, with a link that works."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlmodel import Session, select

import web
from matching import jobs
from matching.models import ActionLink, OutboxMessage
from matching.models.base import utcnow
from matching.services import accounts, links
from tests.browse import Browser
from tests.people import Cast
from tests.smtp import MailServer, mail_server, text_of
from web.mail import SmtpPost


@pytest.fixture
def server(app: Flask) -> Iterator[MailServer]:
    with mail_server() as (handler, url):
        usual = app.config["OMZIEN"]
        app.config["OMZIEN"] = replace(usual, smtp_url=url)
        yield handler
        app.config["OMZIEN"] = usual


def deliver(app: Flask, later: timedelta = timedelta(0)) -> int:
    return jobs.run("deliver", app.extensions["omzien.sessions"], post=SmtpPost(app), now=utcnow() + later)


def ask_for_link(db: Session, cast: Cast) -> None:
    accounts.send_sign_in_link(db, cast.anna, now=utcnow(), next_path="/hulpvragen")
    db.commit()


def it_sends_what_is_due_once(app: Flask, db: Session, cast: Cast, server: MailServer) -> None:
    ask_for_link(db, cast)
    assert deliver(app) == 1
    assert deliver(app) == 0
    (mail,) = server.received
    assert mail["To"] == "anna@example.org"
    assert mail["Subject"] == "Uw link om in te loggen"
    assert "Beste Anna," in text_of(mail)


def it_writes_in_the_language_of_the_reader(app: Flask, db: Session, cast: Cast, server: MailServer) -> None:
    cast.anna.locale = "en"
    db.add(cast.anna)
    ask_for_link(db, cast)
    deliver(app)
    assert server.received[0]["Subject"] == "Your link to log in"


def it_carries_a_link_that_works(app: Flask, db: Session, cast: Cast, client: Browser, server: MailServer) -> None:
    ask_for_link(db, cast)
    deliver(app)
    found = re.search(r"https?://[^/]+(/\S+)", text_of(server.received[0]))
    assert found
    page = client.get(found[1])
    client.submit(page, found[1])
    client.get("/ik")
    assert db.exec(select(ActionLink)).one().used_at is not None


def it_keeps_the_message_when_the_server_refuses(app: Flask, db: Session, cast: Cast, server: MailServer) -> None:
    ask_for_link(db, cast)
    server.answer = "451 come back later"
    assert deliver(app) == 0
    db.expire_all()
    kept = db.exec(select(OutboxMessage)).one()
    assert "451" in kept.last_error
    assert kept.sent_at is None
    server.answer = "250 ok"
    assert deliver(app, later=timedelta(minutes=2)) == 1
    assert len(server.received) == 1


def it_keeps_the_message_when_there_is_no_server(app: Flask, db: Session, cast: Cast) -> None:
    usual = app.config["OMZIEN"]
    app.config["OMZIEN"] = replace(usual, smtp_url="smtp://127.0.0.1:9")  # the discard port: nobody listens
    ask_for_link(db, cast)
    assert deliver(app) == 0
    app.config["OMZIEN"] = usual
    db.expire_all()
    assert db.exec(select(OutboxMessage)).one().failed_at is None


def it_tells_a_human_when_there_is_no_address(app: Flask, db: Session, cast: Cast, server: MailServer) -> None:
    ask_for_link(db, cast)
    cast.anna.email = None
    db.add(cast.anna)
    db.commit()
    deliver(app)
    db.expire_all()
    assert db.exec(select(OutboxMessage)).one().failed_at is not None
    assert not server.received


def it_cannot_be_tricked_into_another_header(app: Flask, db: Session, cast: Cast, server: MailServer) -> None:
    cast.anna.first_name = "Anna\r\nBcc: evil@example.org"
    db.add(cast.anna)
    ask_for_link(db, cast)
    deliver(app)
    for mail in server.received:
        assert mail["Bcc"] is None


FACTS = {
    "request_id": 1, "pairing_id": 2, "proposal_id": 3, "category": "groceries", "frequency": "once",
    "day": "2026-11-24", "slots": 1 << 4, "minutes": 60, "buurt_code": "BU04020603", "distance_m": 1100, "why": "ill",
    "appointment_day": "2026-11-24", "part": 0, "starts_at": None, "expires_at": "2026-11-23T18:00:00+00:00",
    "booking_id": 4, "stand_in": True,
}  # fmt: skip
TEMPLATES = sorted(path.name for path in (Path(web.__file__).parent / "templates" / "mail").iterdir() if path.is_dir())


@pytest.mark.parametrize("locale", ["nl", "en"])
@pytest.mark.parametrize("template", TEMPLATES)
def it_can_write_every_message(app: Flask, db: Session, cast: Cast, template: str, locale: str) -> None:
    assert cast.anna.id is not None
    cast.anna.locale = locale
    link = links.issue(db, cast.anna.id, links.ANSWER, now=utcnow(), subject_id=3)
    message = OutboxMessage(
        id=7, key=template, account_id=cast.anna.id, template=template, context=FACTS, link_id=link.id,
        created_at=utcnow(), due_at=utcnow(),
    )  # fmt: skip
    mail = SmtpPost(app).compose(db, message, cast.anna)
    text = text_of(mail)
    assert mail["Subject"]
    assert text.startswith("Beste Anna," if locale == "nl" else "Dear Anna,")
    assert "%(" not in text
    assert "None" not in text
    assert "{{" not in text
    html = mail.get_body(("html",))
    assert html is not None
    assert ("Ga naar deze pagina" in html.get_content()) == (locale == "nl" and "http" in text)


def it_has_words_for_every_notice() -> None:
    source = (Path(web.__file__).parent.parent / "matching" / "notices.py").read_text()
    named = set(re.findall(r'account_id,\s+"(\w+)"', source))
    assert named == set(TEMPLATES)
