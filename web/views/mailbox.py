"""The demo's mailbox: every message that was sent, to follow its links. It is not registered anywhere else."""

import email
import email.policy
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from matching.errors import NotFound
from web.access import public

bp = Blueprint("mailbox", __name__)
MOST = 100


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail that was sent."""

    name: str
    to: str
    subject: str
    at: datetime
    text: str


@bp.get("/postvak")
@public
def index() -> ResponseReturnValue:
    """The newest messages, for everybody or for one address."""
    wanted = request.args.get("aan", "").strip().lower()
    newest = sorted(_folder().glob("*.eml"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    letters = [_read(path) for path in newest[: MOST * 20]]
    shown = [letter for letter in letters if not wanted or wanted == letter.to.lower()]
    return render_template("mailbox/index.html", letters=shown[:MOST], wanted=wanted, count=len(shown))


@bp.get("/postvak/<name>")
@public
def show(name: str) -> ResponseReturnValue:
    path = _folder() / f"{name}.eml"
    if not name.isalnum() or not path.is_file():
        raise NotFound("no such letter")
    return render_template("mailbox/show.html", letter=_read(path))


def _folder() -> Path:
    folder: Path = current_app.config["OMZIEN"].mail_folder
    return folder


def _read(path: Path) -> Letter:
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain",))
    return Letter(
        name=path.stem,
        to=str(message["To"] or ""),
        subject=str(message["Subject"] or ""),
        at=parsedate_to_datetime(str(message["Date"])),
        text=body.get_content() if body is not None else "",
    )
