"""Signals to the desk: which care situations a human should look at, and why.

Every night all open situations are judged by the rules (signal_rules). What began to hold is raised, what no longer
holds is gone. A signal that somebody handled stays silent until it was gone once, is about another thing, or
SILENT_FOR has passed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, case, func, insert, select, update
from sqlmodel import Session, col

from matching.access import DESK_ROLES, Viewer, works_in
from matching.errors import NotFound
from matching.models import Account, Buurt, CareSituation, Entitlement, RespijtSignal, Tag
from matching.services import care, strain
from matching.services.history import record
from matching.services.reach import within
from matching.services.signal_facts import read_facts
from matching.services.signal_rules import KINDS, Found, judge
from matching.workflow import CareState

ACTIVITY = "signals"  # of web/care_words.ACTIVITIES
SILENT_FOR = timedelta(weeks=4)
AT_A_TIME = 400  # situations in one transaction: a few hundredths of a second of write lock
ABOUT = "about"  # in the data, which thing a signal is about

S = RespijtSignal
Findings = dict[int, dict[str, Found]]


@dataclass(frozen=True, slots=True)
class Counts:
    """What one night changed."""

    raised: int = 0
    gone: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.raised + other.raised, self.gone + other.gone)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of signals, most worrying kind first and then the oldest: rows with id, kind, data, raised_at,
    situation_id, mantelzorger_id, name, phone, buurt_code and buurt_name. counts: by kind, of all of them."""

    rows: list[Row[Any]]
    counts: dict[str, int]
    total: int
    number: int
    pages: int
    size: int


def run(session: Session, *, today: date, now: datetime) -> Counts:
    """Judge all open situations and keep what changed, in the session's one transaction. The nightly job keeps in
    chunks (matching/jobs.py)."""
    session.flush()  # what follows reads columns, past what the session still holds
    findings = find(session, today=today)
    done = Counts()
    for keys in chunks(session, findings):
        done += keep(session, keys, findings, now=now)
    return done


def find(session: Session, *, today: date, situation_ids: Sequence[int] | None = None) -> Findings:
    """What holds now, by situation and kind, for all open situations or these. Seven queries, and reads only."""
    facts = read_facts(session, today=today, situation_ids=situation_ids)
    found = {key: {one.kind: one for one in judge(each, today)} for key, each in facts.items()}
    return {key: kinds for key, kinds in found.items() if kinds}


def chunks(session: Session, findings: Findings) -> list[list[int]]:
    """The situations for which something may change, AT_A_TIME together."""
    live = select(col(S.situation_id)).where(col(S.gone_at).is_(None)).distinct()
    keys = sorted(set(findings) | set(session.connection().execute(live).scalars()))
    return [keys[at : at + AT_A_TIME] for at in range(0, len(keys), AT_A_TIME)]


def keep(session: Session, situation_ids: Sequence[int], findings: Findings, *, now: datetime) -> Counts:
    """Raise, renew and end the signals of these situations. What was closed since it was read gets none."""
    still_open = _open(session, situation_ids)
    live: dict[tuple[int, str], list[Row[Any]]] = {}
    for row in _live(session, situation_ids):
        live.setdefault((row.situation_id, row.kind), []).append(row)
    holds = {
        (key, kind): one for key in situation_ids if key in still_open for kind, one in findings.get(key, {}).items()
    }
    gone = [row.id for place, rows in live.items() if place not in holds for row in rows]
    new, changed = [], []
    for place, one in holds.items():
        data = {**one.data, ABOUT: list(one.about)}
        raised = [row for row in live.get(place, ()) if row.handled_at is None]
        if raised:
            changed += [{"key": row.id, "new": data} for row in raised if row.data != data]
        elif not _is_silent(live.get(place, ()), one, now):
            new.append({"situation_id": place[0], "kind": place[1], "data": data, "raised_at": now})
    _write(session, new, changed, gone, now)
    return Counts(len(new), len(gone))


def _is_silent(handled: Iterable[Row[Any]], one: Found, now: datetime) -> bool:
    """Whether somebody handled just this not long ago."""
    return any(now - row.handled_at < SILENT_FOR and set(one.about) <= set(row.data.get(ABOUT, ())) for row in handled)


def _write(session: Session, new: list[Any], changed: list[Any], gone: list[int], now: datetime) -> None:
    connection = session.connection()
    if gone:
        connection.execute(update(S).where(col(S.id).in_(gone)).values(gone_at=now))
    for each in changed:
        connection.execute(update(S).where(col(S.id) == each["key"]).values(data=each["new"]))
    if new:
        connection.execute(insert(S), new)


def _open(session: Session, keys: Sequence[int]) -> set[int]:
    query = select(col(CareSituation.id)).where(
        col(CareSituation.id).in_(keys), col(CareSituation.state) == CareState.OPEN
    )
    return {key for key in session.connection().execute(query).scalars() if key is not None}


def _live(session: Session, keys: Sequence[int]) -> Sequence[Row[Any]]:
    columns = (S.id, S.situation_id, S.kind, S.data, S.handled_at)
    query: Any = select(*(col(column) for column in columns))
    query = query.where(col(S.situation_id).in_(keys), col(S.gone_at).is_(None))
    found: Sequence[Row[Any]] = session.connection().execute(query).all()
    return found


def _waits() -> tuple[Any, ...]:
    """Not handled, not gone, and of a situation that is open."""
    return col(S.handled_at).is_(None), col(S.gone_at).is_(None), col(CareSituation.state) == CareState.OPEN


def count(session: Session, places: Sequence[str]) -> dict[str, int]:
    """How many signals wait in these places, by kind, most worrying first. One query."""
    query = (
        select(col(S.kind), func.count())
        .join(CareSituation, col(CareSituation.id) == col(S.situation_id))
        .where(*_waits(), within(col(CareSituation.buurt_code), places))
        .group_by(col(S.kind))
    )
    found: dict[str, int] = {kind: number for kind, number in session.connection().execute(query)}  # noqa: C416  # a result has keys() of its own
    return {kind: found[kind] for kind in KINDS if kind in found}


def for_desk(
    session: Session, viewer: Viewer, *, kind: str = "", page: int = 1, size: int = 20, trace_id: str, now: datetime
) -> Sheet:
    """The signals that wait in the viewer's places, of one kind or all; each row is a look that is noted. Two
    queries."""
    places = tuple(sorted(set(viewer.places(*DESK_ROLES))))
    counts = count(session, places)
    total = counts.get(kind, 0) if kind else sum(counts.values())
    pages = max(1, -(-total // size))
    number = min(page, pages)
    query = _lines().where(*_waits(), within(col(CareSituation.buurt_code), places))
    query = query.where(col(S.kind) == kind) if kind else query
    rows = list(session.connection().execute(query.limit(size).offset((number - 1) * size)).all()) if total else []
    for row in rows:
        care.note_look(
            session,
            viewer,
            situation_id=row.situation_id,
            mantelzorger_id=row.mantelzorger_id,
            buurt_code=row.buurt_code,
            activity=ACTIVITY,
            trace_id=trace_id,
            now=now,
        )
    return Sheet(rows, counts, total, number, pages, size)


def of(session: Session, situation_id: int) -> list[Row[Any]]:
    """The signals of one situation that wait, as rows of a Sheet; none of a closed one."""
    query = _lines().where(*_waits(), col(S.situation_id) == situation_id)
    return list(session.connection().execute(query).all())


def _lines() -> Any:  # an SQL expression; its generic type says nothing
    weight = case({kind: at for at, kind in enumerate(KINDS)}, value=col(S.kind), else_=len(KINDS))
    columns = (S.id, S.kind, S.data, S.raised_at, S.situation_id, CareSituation.mantelzorger_id, Account.phone,
               CareSituation.buurt_code)  # fmt: skip
    return (
        select(*(col(column) for column in columns))
        .add_columns(col(Account.first_name).label("name"), col(Buurt.name).label("buurt_name"))
        .join(CareSituation, col(CareSituation.id) == col(S.situation_id))
        .join(Account, col(Account.id) == col(CareSituation.mantelzorger_id))
        .join(Buurt, col(Buurt.code) == col(CareSituation.buurt_code))
        .order_by(weight, col(S.raised_at), col(S.id))
    )


@dataclass(frozen=True, slots=True)
class Details:
    """What signals name by key: entitlements (payer, unit), checks, and volunteers (name, buurt_code)."""

    rights: dict[int, Row[Any]]
    checks: dict[int, strain.Check]
    people: dict[int, Row[Any]]


def details(session: Session, rows: Sequence[Row[Any]]) -> Details:
    """What the rows of a Sheet name by key. Three queries at most; the scores are decrypted here, and kept nowhere."""
    rights = _named(rows, "entitlement")
    people = _named(rows, "volunteer")
    run_query = session.connection().execute
    e, a = Entitlement, Account
    right: Any = select(col(e.id), col(e.payer), col(e.unit)).where(col(e.id).in_(rights))
    person: Any = select(col(a.id), col(a.first_name).label("name"), col(a.buurt_code)).where(col(a.id).in_(people))
    return Details(
        rights={row.id: row for row in run_query(right)} if rights else {},
        checks=strain.by_key(session, [*_named(rows, "check"), *_named(rows, "before")]),
        people={row.id: row for row in run_query(person)} if people else {},
    )


def _named(rows: Sequence[Row[Any]], name: str) -> list[int]:
    return sorted({row.data[name] for row in rows if name in row.data})


def handle(session: Session, viewer: Viewer, signal_id: int, *, now: datetime) -> bool:
    """Somebody of the desk did something about it. False when it was handled or gone already; raises NotFound for a
    signal of another desk, or of a closed situation."""
    signal = session.get(RespijtSignal, signal_id)
    situation = session.get(CareSituation, signal.situation_id) if signal else None
    if signal is None or situation is None or viewer.account_id is None or situation.state != CareState.OPEN:
        raise NotFound(f"no signal {signal_id}")
    if not works_in(viewer, situation.buurt_code):
        raise NotFound(f"no signal {signal_id}")
    waits = update(S).where(col(S.id) == signal_id, col(S.handled_at).is_(None), col(S.gone_at).is_(None))
    done = session.connection().execute(waits.values(handled_at=now, handled_by_id=viewer.account_id))
    if not done.rowcount:
        return False
    session.expire(signal)
    record(session, Tag.SIGNAL_HANDLED, situation, now=now, actor_id=viewer.account_id, kind=signal.kind)
    return True
