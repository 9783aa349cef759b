"""A message becomes a mail: its templates in the reader's language, its signed link, and off to the SMTP server."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import unquote, urlsplit

from flask import Flask, current_app, g, render_template
from sqlmodel import Session

from matching.models import Account, ActionLink, OutboxMessage
from web import links
from web.config import Settings
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
    """The mail for this message, text and HTML, in the language of the account. Needs an app context."""
    settings: Settings = current_app.config["OMZIEN"]
    link = session.get(ActionLink, message.link_id) if message.link_id else None
    with current_app.test_request_context(base_url=settings.base_url):
        g.message_locale = account.locale if account.locale in CODES else "nl"
        facts = {
            **message.context,
            "recipient": account,
            "site": settings.base_url,
            "link": settings.base_url + links.path(link.purpose, link.id) if link else None,
        }
        folder = f"mail/{message.template}"
        mail = EmailMessage()
        mail["Subject"] = " ".join(render_template(f"{folder}/subject.txt", **facts).split())
        mail.set_content(render_template(f"{folder}/body.txt", **facts))
        mail.add_alternative(render_template(f"{folder}/body.html", **facts), subtype="html")
    mail["From"] = settings.mail_from
    mail["To"] = account.email
    mail["Date"] = formatdate(message.created_at.timestamp())
    # The same message sent twice after a crash carries the same id.
    mail["Message-ID"] = f"<{message.id}.{date.toordinal(message.created_at.date())}@{_host(settings.base_url)}>"
    mail["Auto-Submitted"] = "auto-generated"
    return mail


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
