"""What the desk does with a request besides choosing: hold, release, first contact, close. And with a volunteer:
the certificate of conduct (VOG) was seen, the introduction and the training were done."""

from datetime import date, datetime

from sqlmodel import Session

from matching.errors import IllegalMove, Invalid, NotAllowed
from matching.models import HelpRequest, Tag, Volunteer
from matching.services import ending, locks
from matching.services.history import record
from matching.services.judging import lock
from matching.workflow import OPEN_REQUEST_STATES, REQUEST_MOVES, RequestState, after

LONGEST_REASON = 300
LONGEST_TRAINING_YEARS = 10  # what was learnt longer ago has to be refreshed
LONGEST_VOG_YEARS = 5  # a renew-by further away is a slip of the pen


def hold(session: Session, request: HelpRequest, *, by: int, now: datetime) -> None:
    """A human looks first: the matcher and the volunteers no longer see it, and questions are taken back.

    Raises IllegalMove once somebody said yes, or when it is held or over already.
    """
    lock(session, request)
    if request.state not in (RequestState.OPEN, RequestState.ASKED):
        raise IllegalMove(f"cannot hold a request that is {request.state}")
    ending.end_all(session, request, now=now, actor_id=by, why="held")
    request.state, request.updated_at = after(REQUEST_MOVES, request.state, "hold"), now
    request.kept_back = "staff"
    ending.stop_asking_around(request)
    session.add(request)
    record(session, Tag.REQUEST_HELD, request, now=now, actor_id=by)


def release(session: Session, request: HelpRequest, *, by: int, now: datetime) -> None:
    """A human looked and it is all right: the matcher may propose. Flags are cleared, an uncertain sender is
    vouched for. What was asked discreetly stays at the desk. Raises IllegalMove."""
    lock(session, request)
    if request.is_discreet:
        raise IllegalMove("asked discreetly: only the desk may see it")
    request.state, request.updated_at = after(REQUEST_MOVES, request.state, "release"), now
    flags = list(request.risks)
    request.risks, request.kept_back = [], ""
    if not request.is_verified:
        request.is_verified = True
        record(session, Tag.REQUEST_VERIFIED, request, now=now, actor_id=by)
    session.add(request)
    record(session, Tag.REQUEST_RELEASED, request, now=now, actor_id=by, flags=flags)


def contacted(session: Session, request: HelpRequest, *, by: int, now: datetime) -> None:
    """Somebody of us spoke with the asker. Only the first time counts. Raises IllegalMove when it is over."""
    lock(session, request)
    if request.state not in OPEN_REQUEST_STATES:
        raise IllegalMove(f"this request is {request.state}")
    if request.contacted_at is not None:
        return
    request.contacted_at = request.updated_at = now
    session.add(request)
    record(session, Tag.REQUEST_CONTACTED, request, now=now, actor_id=by)


def close(session: Session, request: HelpRequest, *, by: int, now: datetime, reason: str) -> None:
    """End a request with a reason; whoever was asked or had agreed hears of it kindly.

    Raises Invalid("reason", "missing"), and IllegalMove when it is over already.
    """
    if not reason.strip():
        raise Invalid("reason", "missing")
    assert request.id is not None
    locks.before_request(session, request.id)
    lock(session, request)
    state = after(REQUEST_MOVES, request.state, "close")
    ending.end_all(session, request, now=now, actor_id=by, why="closed")
    ending.stop_asking_around(request)
    request.state, request.closed_at, request.updated_at = state, now, now
    request.closed_reason = " ".join(reason.split())[:LONGEST_REASON]
    session.add(request)
    record(session, Tag.REQUEST_CLOSED, request, now=now, actor_id=by)


def vog_seen(session: Session, volunteer: Volunteer, *, by: int, today: date, renew_by: date, now: datetime) -> None:
    """The certificate was shown to a human. Only that, by whom and until when is kept; never the document.

    Raises Invalid("renew_by", "past" or "too_far"), and NotAllowed for one's own.
    """
    _not_oneself(volunteer, by)
    if renew_by <= today:
        raise Invalid("renew_by", "past")
    if renew_by.year > today.year + LONGEST_VOG_YEARS:
        raise Invalid("renew_by", "too_far")
    volunteer.vog_seen_on, volunteer.vog_seen_by_id, volunteer.vog_renew_by = today, by, renew_by
    volunteer.updated_at = now
    session.add(volunteer)
    record(session, Tag.VOLUNTEER_VOG_SEEN, volunteer, now=now, actor_id=by)


def introduced(session: Session, volunteer: Volunteer, *, by: int, today: date, now: datetime) -> None:
    """The introduction was held. Only the first time counts. Raises NotAllowed for one's own."""
    _not_oneself(volunteer, by)
    if volunteer.introduced_on is not None:
        return
    volunteer.introduced_on, volunteer.introduced_by_id, volunteer.updated_at = today, by, now
    session.add(volunteer)
    record(session, Tag.VOLUNTEER_INTRODUCED, volunteer, now=now, actor_id=by)


def trained(session: Session, volunteer: Volunteer, *, by: int, on: date, today: date, now: datetime) -> None:
    """The training in taking over care was finished on this day; a later training takes its place.

    Raises Invalid("trained_on", "future" or "too_old"), and NotAllowed for one's own.
    """
    _not_oneself(volunteer, by)
    if on > today:
        raise Invalid("trained_on", "future")
    if on.year < today.year - LONGEST_TRAINING_YEARS:
        raise Invalid("trained_on", "too_old")
    volunteer.trained_on, volunteer.trained_by_id, volunteer.updated_at = on, by, now
    session.add(volunteer)
    record(session, Tag.VOLUNTEER_TRAINED, volunteer, now=now, actor_id=by)


def _not_oneself(volunteer: Volunteer, by: int) -> None:
    if volunteer.account_id == by:
        raise NotAllowed("nobody vouches for themselves")
