"""The demo's mail server: it keeps every mail as a file and sends nothing on."""

from pathlib import Path
from uuid import uuid4

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Keep:
    """Writes each mail to `folder`, complete or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  # their name
        name = uuid4().hex
        content = envelope.content or b""
        part = self.folder / f"{name}.part"
        part.write_bytes(content if isinstance(content, bytes) else content.encode())
        part.rename(self.folder / f"{name}.eml")
        return "250 kept"


def start(folder: Path, *, port: int) -> Controller:
    """Start catching on 127.0.0.1:port in a thread of its own; `.stop()` ends it."""
    controller = Controller(Keep(folder), hostname="127.0.0.1", port=port)
    controller.start()
    return controller
