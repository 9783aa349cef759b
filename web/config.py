"""Settings from the environment, read once when the program starts."""

import base64
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Everything an installation can set. `demo` is what `make run` uses: a mailbox page, printed logins."""

    home: Path
    database_url: str
    secret_key: str = field(repr=False)
    demo: bool = False
    smtp_url: str = "smtp://127.0.0.1:1025"  # smtp://user:password@host:port, smtps:// for TLS from the start
    mail_from: str = "Omzien <noreply@omzien.invalid>"
    base_url: str = "http://127.0.0.1:8000"
    secure_cookies: bool = True
    proxies: int = 0  # how many proxies of our own stand in front and set X-Forwarded-*
    gemeente: str = ""  # the CBS code of the gemeente on the front page; empty: the first one
    field_keys: tuple[str, ...] = field(default=(), repr=False)  # for encrypted columns; the first one encrypts
    testing: bool = False

    @property
    def mail_folder(self) -> Path:
        """Where the demo mailbox keeps what was sent."""
        return self.home / "mail"


def from_environment() -> Settings:
    """Settings of this process. OMZIEN_HOME defaults to var/ below the working directory."""
    home = Path(os.environ.get("OMZIEN_HOME", "var")).resolve()
    home.mkdir(parents=True, exist_ok=True)
    base_url = os.environ.get("OMZIEN_BASE_URL", f"http://127.0.0.1:{os.environ.get('PORT', '8000')}")
    return Settings(
        home=home,
        database_url=os.environ.get("OMZIEN_DATABASE_URL", f"sqlite:///{home / 'omzien.sqlite3'}"),
        secret_key=os.environ.get("OMZIEN_SECRET_KEY") or _kept_key(home / "secret_key"),
        demo=os.environ.get("OMZIEN_DEMO") == "1",
        smtp_url=os.environ.get("OMZIEN_SMTP_URL", Settings.smtp_url),
        mail_from=os.environ.get("OMZIEN_MAIL_FROM", Settings.mail_from),
        base_url=base_url.rstrip("/"),
        secure_cookies=base_url.startswith("https://"),
        proxies=int(os.environ.get("OMZIEN_PROXIES", "0")),
        gemeente=os.environ.get("OMZIEN_GEMEENTE", ""),
        field_keys=_field_keys(home),
    )


def _field_keys(home: Path) -> tuple[str, ...]:
    """OMZIEN_FIELD_KEYS, newest first, with commas between; otherwise one that is kept beside the database."""
    given = os.environ.get("OMZIEN_FIELD_KEYS", "")
    if given:
        return tuple(key.strip() for key in given.split(",") if key.strip())
    return (_kept_key(home / "field_key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()),)


def _kept_key(path: Path, make: Callable[[], str] = lambda: secrets.token_urlsafe(48)) -> str:
    """A key made at the first start and kept, readable by this user only."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(make())
    return path.read_text().strip()
