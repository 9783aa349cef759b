"""The directory of organisations that take over care: who offers what, who pays, and when somebody last checked it.

The desk of a gemeente keeps it. Everybody may read it: it holds organisations, no people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import select
from sqlmodel import Session, col

from matching.access import DESK_ROLES, Viewer, covers
from matching.errors import Invalid, NotFound
from matching.models import Buurt, Gemeente, RespijtProvider, Tag, Wijk
from matching.respijt_catalogue import FORMS, PAYERS
from matching.services.accounts import normal_phone
from matching.services.history import record

FRESH = timedelta(days=180)  # after this somebody should ask whether it still holds
LONGEST_NAME, LONGEST_URL, LONGEST_NOTE = 120, 200, 300
MOST_PLACES = 999
MOST_SHOWN = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory holds of an organisation. buurt_code: None where it serves the whole gemeente."""

    name: str
    forms: tuple[str, ...]
    payers: tuple[str, ...]
    buurt_code: str | None = None
    capacity: int | None = None
    phone: str = ""
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ProviderRow:
    """An organisation in the list. phone: E.164."""

    id: int
    name: str
    forms: Sequence[str]
    payers: Sequence[str]
    buurt_code: str | None
    buurt_name: str | None
    capacity: int | None
    phone: str
    url: str
    note: str
    last_checked_on: date
    is_example: bool

    def needs_check(self, today: date) -> bool:
        return needs_check(self.last_checked_on, today)


def needs_check(last_checked_on: date, today: date) -> bool:
    """Whether it is so long ago that somebody looked, that it may no longer hold."""
    return today - last_checked_on > FRESH


def gemeenten(viewer: Viewer) -> list[str]:
    """The codes of the gemeenten where the viewer works at the desk."""
    return sorted({f"GM{place[2:6]}" for place in viewer.places(*DESK_ROLES)})


def find(
    session: Session, gemeente_codes: Iterable[str], *, form: str = "", payer: str = "", area: str = ""
) -> list[ProviderRow]:
    """Organisations that offer this form, are paid by this payer and serve this wijk or buurt; "" is any.

    An organisation without a buurt serves the whole gemeente. By name.
    """
    provider = RespijtProvider
    query: Any = (
        select(
            col(provider.id),
            col(provider.name),
            col(provider.forms),
            col(provider.payers),
            col(provider.buurt_code),
            col(Buurt.name).label("buurt_name"),
            col(provider.capacity),
            col(provider.phone),
            col(provider.url),
            col(provider.note),
            col(provider.last_checked_on),
            col(provider.is_example),
        )
        .outerjoin(Buurt, col(Buurt.code) == col(provider.buurt_code))
        .where(col(provider.gemeente_code).in_(sorted(gemeente_codes)), col(provider.retired_at).is_(None))
        .order_by(col(provider.name), col(provider.id))
        .limit(MOST_SHOWN)
    )
    # A list of keys in JSON is asked differently of each database; a directory is small enough to look through here.
    found = (ProviderRow(**row._mapping) for row in session.connection().execute(query))
    return [
        row
        for row in found
        if (not form or form in row.forms)
        and (not payer or payer in row.payers)
        and (not area or row.buurt_code is None or covers(area, row.buurt_code))
    ]


def gemeente(session: Session, code: str | None) -> Gemeente:
    """This gemeente, or the first there is. Raises NotFound where there is none yet."""
    query = select(Gemeente).order_by(col(Gemeente.code) != (code or ""), col(Gemeente.code))
    found = session.scalars(query).first()
    if found is None:
        raise NotFound
    return found


def areas(session: Session, gemeente_codes: Iterable[str]) -> list[tuple[str, str]]:
    """Code and name of the wijken to search in."""
    query = select(col(Wijk.code), col(Wijk.name)).where(col(Wijk.gemeente_code).in_(sorted(gemeente_codes)))
    return [(row.code, row.name) for row in session.connection().execute(query.order_by(col(Wijk.name)))]


def buurten(session: Session, gemeente_codes: Iterable[str]) -> list[tuple[str, str]]:
    """Code and name of the buurten in which an organisation can be."""
    query = select(col(Buurt.code), col(Buurt.name)).where(col(Buurt.gemeente_code).in_(sorted(gemeente_codes)))
    return [(row.code, row.name) for row in session.connection().execute(query.order_by(col(Buurt.name)))]


def look(session: Session, viewer: Viewer, provider_id: int) -> RespijtProvider:
    """The organisation, for the desk of its gemeente. Raises NotFound for everybody else, and when it was retired."""
    found = session.get(RespijtProvider, provider_id)
    if found is None or found.retired_at is not None or found.gemeente_code not in gemeenten(viewer):
        raise NotFound
    return found


def add(
    session: Session, gemeente_code: str, entry: Entry, *, viewer: Viewer, today: date, now: datetime
) -> RespijtProvider:
    """Put an organisation in the directory; whoever adds it has just checked it. The same name twice in a gemeente
    gives the first back, changed to this.

    Raises Invalid with the field and the reason, NotFound outside the viewer's gemeenten.
    """
    if gemeente_code not in gemeenten(viewer):
        raise NotFound
    entry = _checked(session, gemeente_code, entry)
    # Two people add the same organisation at the same moment: one after the other.
    session.scalars(select(Gemeente).where(col(Gemeente.code) == gemeente_code).with_for_update()).one()
    known = session.scalars(
        select(RespijtProvider).where(
            col(RespijtProvider.gemeente_code) == gemeente_code,
            col(RespijtProvider.name) == entry.name,
            col(RespijtProvider.retired_at).is_(None),
        )
    ).first()
    found = known or RespijtProvider(gemeente_code=gemeente_code, name=entry.name, last_checked_on=today)
    _write(found, entry)
    found.last_checked_on = today
    session.add(found)
    session.flush()
    tag = Tag.PROVIDER_CHANGED if known else Tag.PROVIDER_ADDED
    record(session, tag, found, now=now, actor_id=viewer.account_id)
    return found


def change(session: Session, provider: RespijtProvider, entry: Entry, *, by: int, today: date, now: datetime) -> None:
    """Write down what is different now; whoever does has just checked it. Raises Invalid."""
    _write(provider, _checked(session, provider.gemeente_code, entry))
    provider.last_checked_on = today
    session.add(provider)
    record(session, Tag.PROVIDER_CHANGED, provider, now=now, actor_id=by)


def still_right(session: Session, provider: RespijtProvider, *, by: int, today: date, now: datetime) -> None:
    """Somebody asked, and everything still holds."""
    provider.last_checked_on = today
    session.add(provider)
    record(session, Tag.PROVIDER_CHECKED, provider, now=now, actor_id=by)


def retire(session: Session, provider: RespijtProvider, *, by: int, now: datetime) -> None:
    """It leaves the directory. What was arranged with it goes on and keeps its name."""
    if provider.retired_at is not None:
        return
    provider.retired_at = now
    session.add(provider)
    record(session, Tag.PROVIDER_RETIRED, provider, now=now, actor_id=by)


def _write(provider: RespijtProvider, entry: Entry) -> None:
    provider.name, provider.buurt_code, provider.capacity = entry.name, entry.buurt_code, entry.capacity
    provider.phone, provider.url, provider.note = entry.phone, entry.url, entry.note
    # New lists: a JSON column does not notice a change inside the old one.
    provider.forms, provider.payers = list(entry.forms), list(entry.payers)


def _checked(session: Session, gemeente_code: str, entry: Entry) -> Entry:
    name, note, url = entry.name.strip(), entry.note.strip(), entry.url.strip()
    if not name or len(name) > LONGEST_NAME:
        raise Invalid("name", "too_long" if name else "missing")
    if not entry.forms or set(entry.forms) - FORMS.keys():
        raise Invalid("forms", "missing")
    if not entry.payers or set(entry.payers) - PAYERS.keys():
        raise Invalid("payers", "missing")
    if entry.capacity is not None and not 0 < entry.capacity <= MOST_PLACES:
        raise Invalid("capacity", "out_of_range")
    if url and not _is_address(url):
        raise Invalid("url", "wrong")
    if len(note) > LONGEST_NOTE:
        raise Invalid("note", "too_long")
    if entry.buurt_code is not None:
        buurt = session.get(Buurt, entry.buurt_code)
        if buurt is None or buurt.gemeente_code != gemeente_code:
            raise Invalid("buurt", "unknown")
    phone = normal_phone(entry.phone) if entry.phone.strip() else ""
    forms = tuple(key for key in FORMS if key in entry.forms)
    payers = tuple(key for key in PAYERS if key in entry.payers)
    return Entry(name, forms, payers, entry.buurt_code, entry.capacity, phone, url, note)


def _is_address(url: str) -> bool:
    """Whether this is the address of a web page that a link may lead to."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:  # a bracket that is not closed
        return False
    return len(url) <= LONGEST_URL and parts.scheme in ("http", "https") and "." in host and " " not in url
