"""What is known of a buurt, for its page: who works there, where people meet, what is asked, and its figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from statistics import median

from sqlalchemy import bindparam, or_, select
from sqlmodel import Session, col

from matching.access import covers
from matching.models import (
    Account,
    Buurt,
    BuurtBorder,
    Gemeente,
    HelpRequest,
    KeyFigure,
    MeetingPlace,
    Pairing,
    Role,
    StaffRole,
    Wijk,
)
from matching.models.places import Outline
from matching.services.place_files import CBS
from matching.workflow import RequestState

VISIBLE = (RequestState.OPEN, RequestState.ASKED)
FEW = 5  # fewer than this many cases say more of people than of a buurt
LOOK_BACK = timedelta(days=365)
# Inhabitants per km2 below which a place is countryside: about CBS's own limit of 500 addresses for "not urban".
COUNTRYSIDE = 500
SHOWN = {"population", "area", "Eenzaam", "Mantelzorger", "Vrijwilligerswerk"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A key figure of a place, of the newest year there is."""

    value: float
    year: int
    is_estimate: bool


@dataclass(frozen=True, slots=True)
class AtlasWijk:
    """A wijk: label point in RD metres, outline in degrees."""

    code: str
    name: str
    x: int
    y: int
    outline: Outline


@dataclass(frozen=True, slots=True)
class AtlasBuurt:
    """A buurt with the codes of its neighbours, the longest border first."""

    code: str
    name: str
    wijk_code: str
    outline: Outline
    neighbours: tuple[str, ...]
    is_countryside: bool


@dataclass(frozen=True, slots=True)
class Atlas:
    """A gemeente with everything about its places that hardly ever changes."""

    code: str
    name: str
    phone: str | None
    phone_hours: str | None
    year: int
    wijken: tuple[AtlasWijk, ...]
    buurten: tuple[AtlasBuurt, ...]
    figures: dict[tuple[str, str, str], Figure]  # place, source, topic


@dataclass(frozen=True, slots=True)
class Worker:
    """An opbouwwerker as everybody may see one: no telephone number or address of their own."""

    first_name: str
    note: str


@dataclass(frozen=True, slots=True)
class Place:
    """A place where people meet."""

    name: str
    address: str
    hours: str
    is_example: bool


@dataclass(frozen=True, slots=True)
class BuurtNow:
    """What may be different tomorrow. `open_requests` are those that volunteers can come across; `usual_days` is in
    how many days most got their yes, None while there are fewer than FEW cases."""

    intro: str
    meeting_places: tuple[Place, ...]
    workers: tuple[Worker, ...]
    open_requests: int
    usual_days: int | None


def gemeenten(session: Session) -> list[tuple[str, str]]:
    """Code and name of every gemeente."""
    query = select(col(Gemeente.code), col(Gemeente.name)).order_by(col(Gemeente.code))
    return [(code, name) for code, name in session.connection().execute(query)]


def read_atlas(session: Session, gemeente_code: str) -> Atlas | None:
    """The gemeente with its places; None when it was never imported. Four queries, to be kept for a while."""
    read = session.connection().execute
    wijken = read(
        select(
            col(Gemeente.name).label("gemeente"),
            col(Gemeente.phone),
            col(Gemeente.phone_hours),
            col(Gemeente.year),
            col(Wijk.code),
            col(Wijk.name),
            col(Wijk.x),
            col(Wijk.y),
            col(Wijk.outline),
        )
        .join(Gemeente, col(Gemeente.code) == col(Wijk.gemeente_code))
        .where(col(Gemeente.code) == gemeente_code)
        .order_by(col(Wijk.code))
    ).all()
    if not wijken:
        return None
    first = wijken[0]
    figures = _figures(session, gemeente_code)
    return Atlas(
        gemeente_code,
        first.gemeente,
        first.phone,
        first.phone_hours,
        first.year,
        tuple(AtlasWijk(row.code, row.name, row.x, row.y, row.outline) for row in wijken),
        _buurten(session, gemeente_code, figures),
        figures,
    )


def _buurten(
    session: Session, gemeente_code: str, figures: dict[tuple[str, str, str], Figure]
) -> tuple[AtlasBuurt, ...]:
    read = session.connection().execute
    neighbours: dict[str, list[str]] = {}
    borders = (
        select(col(BuurtBorder.buurt_code), col(BuurtBorder.neighbour_code))
        .join(Buurt, col(Buurt.code) == col(BuurtBorder.buurt_code))
        .where(col(Buurt.gemeente_code) == gemeente_code)
        .order_by(col(BuurtBorder.metres).desc(), col(BuurtBorder.neighbour_code))
    )
    for code, neighbour in read(borders):
        neighbours.setdefault(code, []).append(neighbour)
    query = select(col(Buurt.code), col(Buurt.name), col(Buurt.wijk_code), col(Buurt.outline))
    rows = read(query.where(col(Buurt.gemeente_code) == gemeente_code).order_by(col(Buurt.code))).all()
    open_wijken = {code for code in {row.wijk_code for row in rows} if _is_countryside(figures, code)}
    return tuple(
        AtlasBuurt(
            row.code,
            row.name,
            row.wijk_code,
            row.outline,
            tuple(neighbours.get(row.code, ())),
            _is_countryside(figures, row.code, otherwise=row.wijk_code in open_wijken),
        )
        for row in rows
    )


def _is_countryside(figures: dict[tuple[str, str, str], Figure], place_code: str, *, otherwise: bool = False) -> bool:
    """Whether few people live here for its size; `otherwise` where inhabitants or size are unknown."""
    people, area = (figures.get((place_code, CBS, topic)) for topic in ("population", "area"))
    if people is None or area is None or area.value == 0:
        return otherwise
    return people.value / area.value < COUNTRYSIDE


def _figures(session: Session, gemeente_code: str) -> dict[tuple[str, str, str], Figure]:
    """The figures that pages show, by place, source and topic; an unknown value is left out."""
    figure = KeyFigure
    digits = gemeente_code[2:]
    rows = session.connection().execute(
        select(
            col(figure.place_code),
            col(figure.source),
            col(figure.topic),
            col(figure.year),
            col(figure.value),
            col(figure.is_estimate),
        )
        .where(
            or_(*(col(figure.place_code).startswith(f"{level}{digits}") for level in ("GM", "WK", "BU"))),
            col(figure.topic).in_(SHOWN),
        )
        .order_by(col(figure.year))
    )
    return {
        (place, source, topic): Figure(value, year, guess)
        for place, source, topic, year, value, guess in rows
        if value is not None
    }


# What a page asks of the database, built once: a statement takes longer to build than to run.
_BUURT = (
    select(
        col(Buurt.intro),
        col(Buurt.wijk_code),
        col(Buurt.gemeente_code),
        col(MeetingPlace.name),
        col(MeetingPlace.address),
        col(MeetingPlace.hours),
        col(MeetingPlace.is_example),
    )
    .outerjoin(MeetingPlace, col(MeetingPlace.buurt_code) == col(Buurt.code))
    .where(col(Buurt.code) == bindparam("buurt"))
    .order_by(col(MeetingPlace.id))
)
_WORKERS = (
    select(col(StaffRole.account_id), col(StaffRole.place_code), col(StaffRole.note), col(Account.first_name))
    .join(Account, col(Account.id) == col(StaffRole.account_id))
    .where(
        col(StaffRole.role) == Role.OPBOUWWERKER,
        col(StaffRole.place_code).in_(bindparam("places", expanding=True)),
        col(Account.deactivated_at).is_(None),
    )
    .order_by(col(Account.first_name), col(StaffRole.id))
)
_OPEN = select(col(HelpRequest.risks)).where(
    col(HelpRequest.buurt_code) == bindparam("buurt"),
    col(HelpRequest.state).in_(VISIBLE),
    col(HelpRequest.is_discreet).is_(False),
    col(HelpRequest.is_verified).is_(True),
    col(HelpRequest.kept_back) == "",
    or_(col(HelpRequest.day).is_(None), col(HelpRequest.day) >= bindparam("today")),
)
_AGREED = (
    select(col(HelpRequest.id), col(HelpRequest.created_at), col(Pairing.agreed_at))
    .join(Pairing, col(Pairing.request_id) == col(HelpRequest.id))
    .where(col(HelpRequest.buurt_code) == bindparam("buurt"), col(Pairing.agreed_at) > bindparam("since"))
    .order_by(col(Pairing.agreed_at).desc())
)


def read_now(session: Session, buurt_code: str, *, today: date, now: datetime) -> BuurtNow | None:
    """What is going on in a buurt; None when there is no such buurt. Four queries."""
    rows = session.connection().execute(_BUURT, {"buurt": buurt_code}).all()
    if not rows:
        return None
    first = rows[0]
    return BuurtNow(
        first.intro,
        tuple(Place(row.name, row.address, row.hours, row.is_example) for row in rows if row.name),
        _workers(session, buurt_code, (buurt_code, first.wijk_code, first.gemeente_code)),
        _open_requests(session, buurt_code, today),
        _usual_days(session, buurt_code, now),
    )


def _workers(session: Session, buurt_code: str, places: Sequence[str]) -> tuple[Worker, ...]:
    """The opbouwwerkers of this buurt, those with the smallest area first."""
    rows = session.connection().execute(_WORKERS, {"places": places})
    here = sorted((row for row in rows if covers(row.place_code, buurt_code)), key=lambda row: -len(row.place_code))
    once: dict[int, Worker] = {}  # who has the buurt and the wijk is one person
    for row in here:
        once.setdefault(row.account_id, Worker(row.first_name, row.note))
    return tuple(once.values())


def _open_requests(session: Session, buurt_code: str, today: date) -> int:
    risks = session.connection().execute(_OPEN, {"buurt": buurt_code, "today": today})
    return sum(1 for (found,) in risks if not found)


def _usual_days(session: Session, buurt_code: str, now: datetime) -> int | None:
    """Days, rounded up, between asking and both saying yes: the median of the past year."""
    rows = session.connection().execute(_AGREED, {"buurt": buurt_code, "since": now - LOOK_BACK})
    waited = {request: agreed - asked for request, asked, agreed in rows if agreed}  # the first yes of each request
    if len(waited) < FEW:
        return None
    return max(1, ceil(median(wait / timedelta(days=1) for wait in waited.values())))
