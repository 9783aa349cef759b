"""Whom to look for, as the latest matching run counted it, for the places where somebody works."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, case, select
from sqlmodel import Session, col

from matching.access import covers
from matching.models import Account, ForWhom, HelpRequest, Recruitment, Wijk
from matching.workflow import RequestState

NEW = "recruit"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do and the requests it would help.

    key: recruit for newcomers, else what volunteers lack (ranking.changes.CLEARED_BY). helps: how many
    requests that are still open. requests, who: those of them, and of the volunteers, in the viewer's places: rows
    with id and name, requests with category too. The last four say what a newcomer brings.
    """

    key: str
    place: str
    volunteers: int
    helps: int
    requests: list[Row[Any]]
    who: list[Row[Any]]
    skills: list[str]
    clearances: list[str]
    language: str | None
    slots: str


@dataclass(frozen=True, slots=True)
class Recruiting:
    """When it was counted (None: never) and the steps, those for volunteers who are there already first."""

    at: datetime | None
    steps: list[Step]


def recruiting(session: Session, places: Sequence[str]) -> Recruiting:
    """The steps of the wijken of these places (codes of gemeenten, wijken and buurten).

    Of a step, a wijk that holds one of the places counts too. Requests that found somebody since are left out, and so
    is a step without any left.
    """
    gemeenten = {f"GM{place[2:6]}" for place in places}
    query: Any = select(col(Recruitment.at), col(Recruitment.rows)).where(col(Recruitment.gemeente_code).in_(gemeenten))
    lists = session.connection().execute(query.order_by(col(Recruitment.gemeente_code))).all()
    rows = [row for found in lists for row in found.rows if _concerns(row["place"], places)]
    requests = _open_requests(session, {key for row in rows for key in row["requests"]})
    people = _people(session, {key for row in rows for key in row["who"]})
    names = _wijk_names(session, {row["place"] for row in rows})
    steps = [_step(row, requests, people, names, places) for row in rows]
    return Recruiting(max((found.at for found in lists), default=None), [step for step in steps if step.helps])


def _concerns(wijk_code: str, places: Iterable[str]) -> bool:
    return any(covers(place, wijk_code) or covers(wijk_code, place) for place in places)


def _step(
    row: dict[str, Any],
    requests: dict[int, Row[Any]],
    people: dict[int, Row[Any]],
    names: dict[str, str],
    places: Sequence[str],
) -> Step:
    still_open = [requests[key] for key in row["requests"] if key in requests]
    return Step(
        key=row["key"],
        place=names.get(row["place"], ""),
        volunteers=row["volunteers"],
        helps=len(still_open),
        requests=[one for one in still_open if _lies_in(one.buurt_code, places)],
        who=[people[key] for key in row["who"] if key in people and _lies_in(people[key].buurt_code, places)],
        skills=row.get("skills", []),
        clearances=row.get("clearances", []),
        language=row.get("language"),
        slots=row.get("slots", ""),
    )


def _lies_in(buurt_code: str | None, places: Iterable[str]) -> bool:
    return buurt_code is not None and any(covers(place, buurt_code) for place in places)


def _open_requests(session: Session, keys: set[int]) -> dict[int, Row[Any]]:
    r = HelpRequest
    name = case(
        ((col(r.for_whom) == ForWhom.OTHER) & (col(r.other_name) != ""), col(r.other_name)),
        else_=col(Account.first_name),
    )
    query = (
        select(col(r.id), col(r.category), col(r.buurt_code), name.label("name"))
        .join(Account, col(Account.id) == col(r.asker_id))
        .where(col(r.id).in_(sorted(keys)), col(r.state) == RequestState.OPEN)
    )
    return {row.id: row for row in session.connection().execute(query)} if keys else {}


def _people(session: Session, keys: set[int]) -> dict[int, Row[Any]]:
    query: Any = select(col(Account.id), col(Account.first_name).label("name"), col(Account.buurt_code)).where(
        col(Account.id).in_(sorted(keys)), col(Account.deactivated_at).is_(None)
    )
    return {row.id: row for row in session.connection().execute(query)} if keys else {}


def _wijk_names(session: Session, codes: set[str]) -> dict[str, str]:
    query = select(col(Wijk.code), col(Wijk.name)).where(col(Wijk.code).in_(sorted(codes)))
    return {row.code: row.name for row in session.connection().execute(query)} if codes else {}
