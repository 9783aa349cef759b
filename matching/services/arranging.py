"""Time off at home by a volunteer: looking for somebody, the same face first, and who takes over now.

What the matcher gets is an ordinary request for help with a category, half-days and a buurt; that somebody cares for
somebody, and for whom, stays here. The mantelzorger has said of nobody beforehand that they are welcome: each volunteer
who says yes is put to them.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from matching.access import Viewer
from matching.errors import IllegalMove, NotFound
from matching.models import (
    Absence,
    Account,
    Arrangement,
    CareSituation,
    Frequency,
    HelpRequest,
    Proposal,
    ReliefRequest,
    RespijtBooking,
    RespijtProvider,
    Volunteer,
)
from matching.respijt_catalogue import FORMS
from matching.services import judging, locks, moderating, posting, standing_in, wishes
from matching.services.arrangement_steps import (
    NOT_AGAIN,
    agree,
    end,
    introduced,
    make_regular,
    missing,
    refuse,
    start,
    tell,
    tried,
)
from matching.services.covering import reoffer
from matching.services.standing_in import LIVE, may_stand_in
from matching.services.wishes import Wish
from matching.workflow import OPEN_REQUEST_STATES, ArrangementState, BookingState, ReliefState, RequestState
from matching.working_days import AMSTERDAM

__all__ = [
    "ArrangementRow",
    "Face",
    "agree",
    "backup",
    "current_search",
    "end",
    "introduced",
    "make_regular",
    "may_stand_in",
    "missing",
    "of",
    "of_carer",
    "of_volunteer",
    "offer_same_face",
    "refuse",
    "reoffer",
    "same_faces",
    "search",
    "start",
    "tell",
    "tried",
]
CATEGORY = "sitting"
SEARCHABLE = (ReliefState.ARRANGING, ReliefState.RUNNING)


@dataclass(frozen=True, slots=True)
class ArrangementRow:
    """Somebody or a place that takes over, is on the way to it, or did. volunteer_id is None for a provider.

    lacks: what has to be there before it can start (arrangement_steps.missing), or what fails now that it runs.
    """

    id: int
    name: str
    volunteer_id: int | None
    is_backup: bool
    state: ArrangementState
    introduced_on: date | None
    tried_on: date | None
    mantelzorger_agreed_at: datetime | None
    stand_in_agreed_at: datetime | None
    created_at: datetime
    ended_at: datetime | None
    end_reason: str
    lacks: tuple[str, ...]

    @property
    def is_live(self) -> bool:
        return self.state in LIVE


@dataclass(frozen=True, slots=True)
class Face:
    """A volunteer whom these people know: how many times off together, and when the last one was."""

    volunteer_id: int
    first_name: str
    times: int
    last_on: date | None


def search(session: Session, relief: ReliefRequest, *, viewer: Viewer, now: datetime) -> HelpRequest:
    """Look for a volunteer. The desk read what was asked, so nothing holds the request back from the matcher.

    A search that goes on is given back as it is. Raises IllegalMove when this time off is over or nobody took it up,
    or when it is a form that volunteers do not do.
    """
    by = viewer.account_id
    assert by is not None
    assert relief.id is not None
    locks.relief(session, relief.id)  # of two who start a search at the same moment, the second finds the first's
    if relief.state not in SEARCHABLE or relief.form not in FORMS or not FORMS[relief.form].by_volunteer:
        raise IllegalMove(f"no volunteer is looked for while this is {relief.state} ({relief.form})")
    going_on = current_search(session, relief)
    if going_on is not None:
        return going_on
    situation = session.get_one(CareSituation, relief.situation_id)
    carer = situation.mantelzorger_id
    wish = _wish(relief, situation, now)
    request = posting.post(session, wish, asker_id=carer, posted_by_id=carer, now=now, for_respijt=True)
    if request.state == RequestState.HELD:
        moderating.release(session, request, by=by, now=now)
    moderating.contacted(session, request, by=by, now=now)
    relief.help_request_id, relief.updated_at = request.id, now
    session.add(relief)
    session.flush()
    return request


def backup(session: Session, arrangement: Arrangement, *, viewer: Viewer, now: datetime) -> HelpRequest:
    """Look for a back-up person beside a volunteer who comes already: with an introduction, a trial and an agreement
    of their own. Raises IllegalMove while nobody comes yet."""
    if arrangement.state != ArrangementState.RUNNING or arrangement.is_backup:
        raise IllegalMove("a back-up person comes after the one who comes first")
    return search(session, session.get_one(ReliefRequest, arrangement.relief_id), viewer=viewer, now=now)


def current_search(session: Session, relief: ReliefRequest) -> HelpRequest | None:
    """The request with which somebody is looked for now, or with whom they are getting to know each other."""
    found = session.get(HelpRequest, relief.help_request_id) if relief.help_request_id else None
    return found if found is not None and found.state in OPEN_REQUEST_STATES else None


def same_faces(session: Session, relief: ReliefRequest, *, now: datetime) -> list[Face]:
    """Volunteers who took over in this situation before and may be asked first: most often together comes first.

    Left out is who takes over in this time off already, would rather not or was not wanted, is kept apart from the
    mantelzorger, is away or on pause, or lacks what is needed now.
    """
    today = now.astimezone(AMSTERDAM).date()
    situation = session.get_one(CareSituation, relief.situation_id)
    known, out = _known_here(session, relief)
    if not known:
        return []
    out |= standing_in.kept_apart(session, situation.mantelzorger_id) | _away(session, max(today, relief.first_day))
    faces = []
    for volunteer_id, (times, last) in known.items():
        volunteer = session.get_one(Volunteer, volunteer_id)
        if volunteer_id in out or not volunteer.is_available(today) or may_stand_in(session, volunteer, today):
            continue
        name = session.get_one(Account, volunteer_id).first_name
        faces.append(Face(volunteer_id, name, times, last.astimezone(AMSTERDAM).date() if last else None))
    return sorted(faces, key=lambda face: (-face.times, face.volunteer_id))


def offer_same_face(
    session: Session, relief: ReliefRequest, volunteer_id: int, *, viewer: Viewer, reason: str, now: datetime
) -> Proposal:
    """Ask somebody they know, before the matcher proposes anybody: by the one way in which questions are asked.

    Raises IllegalMove when this is nobody of same_faces, or was asked a moment earlier, and what judging.choose does.
    """
    if volunteer_id not in {face.volunteer_id for face in same_faces(session, relief, now=now)}:
        raise IllegalMove(f"volunteer {volunteer_id} cannot be asked first")
    request = search(session, relief, viewer=viewer, now=now)
    assert viewer.account_id is not None
    return judging.choose(session, request, volunteer_id, by=viewer.account_id, reason=reason, now=now)


def of(session: Session, relief_id: int, *, today: date | None = None) -> list[ArrangementRow]:
    """Everybody who takes over or was to, live ones first, back-up persons after those who come. Nothing encrypted is
    read. With `today`, `lacks` is filled."""
    session.flush()  # what was just decided counts too
    a = Arrangement
    columns = (a.id, a.volunteer_id, a.is_backup, a.state, a.introduced_on, a.tried_on, a.mantelzorger_agreed_at,
               a.stand_in_agreed_at, a.created_at, a.ended_at, a.end_reason)  # fmt: skip
    rows = session.connection().execute(
        select(*(col(column) for column in columns))
        .add_columns(func.coalesce(col(Account.first_name), col(RespijtProvider.name), "").label("name"))
        .outerjoin(Account, col(Account.id) == col(a.volunteer_id))
        .outerjoin(RespijtProvider, col(RespijtProvider.id) == col(a.provider_id))
        .where(col(a.relief_id) == relief_id)
        .order_by(col(a.is_backup), col(a.id))
    )
    found = [
        ArrangementRow(**{**row._mapping, "state": ArrangementState(row.state)}, lacks=_lacks(session, row, today))
        for row in rows
    ]
    return sorted(found, key=lambda row: (not row.is_live, row.is_backup))


def of_carer(session: Session, account_id: int | None, arrangement_id: int) -> Arrangement:
    """The arrangement for its own mantelzorger. Raises NotFound for everybody else, and for a provider's."""
    found = session.get(Arrangement, arrangement_id)
    if found is None or found.volunteer_id is None or standing_in.carer_id(session, found) != account_id:
        raise NotFound
    return found


def of_volunteer(session: Session, account_id: int | None, arrangement_id: int) -> Arrangement:
    """The arrangement for its own volunteer. Raises NotFound for everybody else."""
    found = session.get(Arrangement, arrangement_id)
    if found is None or found.volunteer_id is None or found.volunteer_id != account_id:
        raise NotFound
    return found


def _wish(relief: ReliefRequest, situation: CareSituation, now: datetime) -> Wish:
    """What the matcher needs, and nothing that tells of the people. A rhythm that is neither once nor every week is a
    matter between the two, and so is a day that is over."""
    today, once = now.astimezone(AMSTERDAM).date(), None
    frequency, slots = Frequency.FLEXIBLE, relief.slots
    if not relief.rrule and relief.first_day > today:
        day_slots = relief.slots & 0b1111 << 4 * relief.first_day.weekday()
        if day_slots:
            frequency, slots, once = Frequency.ONCE, day_slots, relief.first_day
    elif "FREQ=WEEKLY" in relief.rrule and "INTERVAL" not in relief.rrule and slots:
        frequency = Frequency.WEEKLY
    return Wish(
        category=CATEGORY,
        description="",
        frequency=frequency,
        day=once,
        slots=slots,
        minutes=max((each for each in wishes.MINUTES if each <= relief.minutes), default=wishes.MINUTES[0]),
        buurt_code=situation.buurt_code,
    )


def _known_here(session: Session, relief: ReliefRequest) -> tuple[dict[int, tuple[int, datetime | None]], set[int]]:
    """Volunteers who ever took over in this situation, with how often and when last; and whom not to ask."""
    session.flush()  # what was just decided counts too
    a = Arrangement
    columns = (a.volunteer_id, a.relief_id, a.state, a.end_reason, a.id)
    rows: Any = session.connection().execute(
        select(*(col(column) for column in columns))
        .join(ReliefRequest, col(ReliefRequest.id) == col(a.relief_id))
        .where(col(ReliefRequest.situation_id) == relief.situation_id, col(a.volunteer_id).is_not(None))
    )
    known: dict[int, tuple[int, datetime | None]] = {}
    out: set[int] = set()
    for volunteer_id, relief_id, state, reason, arrangement_id in rows:
        if reason in NOT_AGAIN or (state in LIVE and relief_id == relief.id):
            out.add(volunteer_id)
        if state in (ArrangementState.RUNNING, ArrangementState.ENDED):
            times, last = session.exec(
                select(func.count(col(RespijtBooking.id)), func.max(col(RespijtBooking.starts_at))).where(
                    RespijtBooking.arrangement_id == arrangement_id, RespijtBooking.state == BookingState.USED
                )
            ).one()
            before = known.get(volunteer_id, (0, None))
            known[volunteer_id] = (before[0] + times, max(filter(None, (before[1], last)), default=None))
    return known, out


def _away(session: Session, day: date) -> set[int]:
    return set(session.exec(select(Absence.volunteer_id).where(Absence.first_day <= day, Absence.last_day >= day)))


def _lacks(session: Session, row: Any, today: date | None) -> tuple[str, ...]:
    """Read only where it matters: the arrangement is on its way, or runs."""
    if today is None or row.volunteer_id is None or row.state not in LIVE:
        return ()
    if row.state == ArrangementState.RUNNING:
        return tuple(may_stand_in(session, session.get_one(Volunteer, row.volunteer_id), today))
    return tuple(missing(session, session.get_one(Arrangement, row.id), today=today))
