"""Which notice goes to whom. A notice is a function that returns its facts; the words are in
web/templates/mail/<template>/, one folder per notice, in the language of the reader.

`key` makes a notice unique: written twice, it is still sent once.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

UNDO_WINDOW = timedelta(minutes=1)  # a decision at the desk can be taken back for a minute: its notices wait


@dataclass(frozen=True, slots=True)
class Notice:
    """What will be sent: to whom, which templates, which facts, and how long it waits first."""

    key: str
    account_id: int
    template: str
    context: dict[str, Any] = field(default_factory=dict)
    link_id: str | None = None
    delay: timedelta = timedelta(0)


def sign_in(account_id: int, link_id: str) -> Notice:
    """A link with which somebody gets in without a password."""
    return Notice(f"sign_in:{link_id}", account_id, "sign_in", link_id=link_id)


def request_at_risk(account_id: int, request_id: int) -> Notice:
    """To an opbouwwerker: words in a request hint at danger, please look at it now."""
    return Notice(
        f"request_at_risk:{request_id}:{account_id}", account_id, "request_at_risk", {"request_id": request_id}
    )
