"""A message becomes a mail: its templates in the reader's language, its signed link, and off to the SMTP server."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote, urlsplit

from flask import Flask, current_app, g, render_template, url_for
from sqlmodel import Session

from matching.models import Account, ActionLink, Buurt, OutboxMessage
from web import links
from web.config import Settings
from web.facts import how_long, question, what, when
from web.i18n import CODES

TIMEOUT = 20  # seconds; well below the outbox's lease


class SmtpPost:
    """Composes with the templates and hands over by SMTP."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def compose(self, session: Session, message: OutboxMessage, account: Account) -> EmailMessage:
        with self.app.app_context():
            return compose(session, message, account)

    def hand_over(self, mail: EmailMessage) -> None:
        settings: Settings = self.app.config["OMZIEN"]
        with _server(settings.smtp_url) as server:
            server.send_message(mail)


def compose(session: Session, message: OutboxMessage, account: Account) -> EmailMessage:
    """The mail for this message in the language of the account; the HTML part says the same as the text."""
    settings: Settings = current_app.config["OMZIEN"]
    with current_app.test_request_context(base_url=settings.base_url):
        g.message_locale = account.locale if account.locale in CODES else "nl"
        facts = _facts(session, message, account, settings)
        folder = f"mail/{message.template}"
        subject = " ".join(render_template(f"{folder}/subject.txt", **facts).split())
        text = render_template(f"{folder}/body.txt", **facts)
        paragraphs = [part.strip() for part in text.split("\n\n") if part.strip()]
        html = render_template("mail/layout.html", subject=subject, paragraphs=paragraphs)
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = settings.mail_from
    mail["To"] = account.email
    mail["Date"] = formatdate(message.created_at.timestamp())
    # The same message sent twice after a crash carries the same id.
    mail["Message-ID"] = f"<{message.id}.{message.created_at:%Y%m%d%H%M%S}@{_host(settings.base_url)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content("\n\n".join(paragraphs) + "\n")
    mail.add_alternative(html, subtype="html")
    return mail


def _facts(session: Session, message: OutboxMessage, account: Account, settings: Settings) -> dict[str, Any]:
    """What the templates may use: the message's own facts, the same in words, and where its links lead."""
    facts: dict[str, Any] = {**message.context, "recipient": account, "site": settings.base_url}
    link = session.get(ActionLink, message.link_id) if message.link_id else None
    if link is not None:
        facts["link"] = settings.base_url + links.path(link.purpose, link.id)
    if "pairing_id" in facts:
        facts["page"] = settings.base_url + url_for("pairings.show", pairing_id=facts["pairing_id"])
    if "category" in facts:
        day = date.fromisoformat(facts["day"]) if facts["day"] else None
        described = Described(facts["category"], facts["frequency"], day, facts["slots"], facts["minutes"])
        facts |= {
            "what": what(described.category),
            "question": question(described.category),
            "when": when(described),
            "how_long": how_long(described.minutes),
            "buurt_name": session.get_one(Buurt, facts["buurt_code"]).name,
        }
    return facts


@dataclass(frozen=True, slots=True)
class Described:
    """A request as a message holds it."""

    category: str
    frequency: str
    day: date | None
    slots: int
    minutes: int


def _host(url: str) -> str:
    return urlsplit(url).hostname or "omzien.invalid"


@contextmanager
def _server(url: str) -> Iterator[smtplib.SMTP]:
    """A connection to smtp://user:password@host:port (STARTTLS where offered) or smtps://."""
    parts = urlsplit(url)
    kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
    with kind(parts.hostname or "127.0.0.1", parts.port or 25, timeout=TIMEOUT) as server:
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls()
            server.ehlo()
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        yield server
