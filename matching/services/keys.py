"""Changing the keys of encrypted columns: looking which key fits each row, and rewriting rows with the first one.

Rows are read as the tokens they are, a few at a time, and written only where they are still as they were read: others
work on meanwhile, and stopping half-way loses nothing.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Column, Table, Text, func, literal, select, type_coerce, update
from sqlmodel import Session, SQLModel

from matching.models.encrypted import EncryptedJson

BATCH = 200
FIRST, OLDER, UNREADABLE = "first", "older", "unreadable"


@dataclass(frozen=True, slots=True)
class Place:
    """An encrypted column of a table."""

    table: Table
    column: Column[Any]

    @property
    def name(self) -> str:
        return f"{self.table.name}.{self.column.name}"

    @property
    def key(self) -> Column[Any]:
        return self.table.primary_key.columns[0]

    @property
    def token(self) -> Any:  # an SQL expression; its generic type says nothing
        """What stands in the database, not what it says."""
        return type_coerce(self.column, Text)


@dataclass(frozen=True, slots=True)
class Step:
    """What a batch did. last: the key after which the next one begins; None when there is none."""

    last: Any
    rows: int
    rewritten: int
    unreadable: int


def places() -> list[Place]:
    """All encrypted columns, by name."""
    found = [
        Place(table, column)
        for table in SQLModel.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, EncryptedJson)
    ]
    return sorted(found, key=lambda place: place.name)


def count(session: Session, place: Place) -> int:
    """How many rows hold something there."""
    query = select(func.count()).select_from(place.table).where(place.column.is_not(None))
    return int(session.connection().execute(query).scalar_one())


def fits(token: str, keys: Sequence[str]) -> str:
    """FIRST, OLDER or UNREADABLE: which of these keys, newest first, opens the token."""
    for number, key in enumerate(keys):
        try:
            Fernet(key).decrypt(token.encode())
        except InvalidToken:
            continue
        return OLDER if number else FIRST
    return UNREADABLE


def check(session: Session, place: Place, keys: Sequence[str]) -> Counter[str]:
    """How many rows each kind of key fits."""
    found: Counter[str] = Counter()
    for rows in _batches(session, place):
        found.update(fits(token, keys) for _key, token in rows)
    return found


def _batches(session: Session, place: Place) -> Iterator[Sequence[Any]]:
    last = None
    while rows := _read(session, place, last):
        yield rows
        last = rows[-1][0]


def _read(session: Session, place: Place, after: Any) -> Sequence[Any]:
    query = select(place.key, place.token).where(place.column.is_not(None)).order_by(place.key).limit(BATCH)
    return session.connection().execute(query if after is None else query.where(place.key > after)).all()


def rotate(session: Session, place: Place, keys: Sequence[str], *, after: Any = None) -> Step:
    """Rewrite the next BATCH rows with the first key where another one fits. A row that somebody changed meanwhile
    is left: it was just written, and `check` says with which key."""
    rows = _read(session, place, after)
    ring = MultiFernet([Fernet(key) for key in keys])
    rewritten = unreadable = 0
    for key, token in rows:
        kind = fits(token, keys)
        unreadable += kind == UNREADABLE
        if kind == OLDER:
            fresh = literal(ring.rotate(token.encode()).decode(), Text)
            query = update(place.table).where(place.key == key, place.token == literal(token, Text))
            rewritten += session.connection().execute(query.values({place.column: fresh})).rowcount
    return Step(rows[-1][0] if len(rows) == BATCH else None, len(rows), rewritten, unreadable)
