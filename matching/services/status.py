"""Where requests stand, for the people who asked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import ColumnElement, select
from sqlmodel import Session, col

from matching.models import Account, Buurt, HelpRequest, Pairing, Role, StaffRole
from matching.workflow import LIVE_PAIRING_STATES, OPEN_REQUEST_STATES, PairingState

RECENT = timedelta(days=180)
ENOUGH = 10  # fewer pairings say nothing about how long it usually takes
SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Standing:
    """What a status page tells besides the request itself."""

    buurt: str
    opbouwwerkers: tuple[str, ...]  # first names of whoever works closest by
    usual_days: int | None  # from asking to a pairing; None when too few are known
    pairing_id: int | None  # the live one


def standing(session: Session, request: HelpRequest, *, now: datetime) -> Standing:
    """Who looks at a request, how long it usually takes and what came of it. Three queries at most."""
    is_live = request.state in OPEN_REQUEST_STATES
    buurt, names = _buurt_and_staff(session, request.buurt_code)
    return Standing(
        buurt=buurt,
        opbouwwerkers=names if is_live else (),
        usual_days=usual_days(session, now=now) if is_live else None,
        pairing_id=_pairing(session, request),
    )


def _buurt_and_staff(session: Session, code: str) -> tuple[str, tuple[str, ...]]:
    places = (code, f"WK{code[2:8]}", f"GM{code[2:6]}")
    rows = session.execute(
        select(col(Buurt.name), col(StaffRole.place_code), col(Account.first_name))
        .select_from(Buurt)
        .outerjoin(
            StaffRole,
            (col(StaffRole.role) == Role.OPBOUWWERKER) & col(StaffRole.place_code).in_(places),
        )
        .outerjoin(Account, (col(Account.id) == col(StaffRole.account_id)) & col(Account.deactivated_at).is_(None))
        .where(col(Buurt.code) == code)
        .order_by(col(Account.first_name))
    ).all()
    name = rows[0][0] if rows else ""
    for place in places:
        closest = tuple(first_name for _buurt, held, first_name in rows if held == place and first_name)
        if closest:
            return name, closest
    return name, ()


def usual_days(session: Session, *, now: datetime) -> int | None:
    """The median number of days from asking to a pairing, over the last hundred of half a year."""
    rows = session.execute(
        select(col(HelpRequest.created_at), col(Pairing.agreed_at))
        .select_from(HelpRequest)
        .join(Pairing, col(Pairing.request_id) == col(HelpRequest.id))
        .where(col(Pairing.agreed_at) > now - RECENT)
        .order_by(col(Pairing.id).desc())
        .limit(SAMPLE)
    ).all()
    waits = [(agreed - asked).total_seconds() / 86_400 for asked, agreed in rows if agreed is not None]
    return max(1, round(median(waits))) if len(waits) >= ENOUGH else None


def _pairing(session: Session, request: HelpRequest) -> int | None:
    states = (*LIVE_PAIRING_STATES, PairingState.DONE)
    found = select(col(Pairing.id)).where(col(Pairing.request_id) == request.id, col(Pairing.state).in_(states))
    return session.scalars(found.order_by(col(Pairing.id).desc()).limit(1)).first()


def own_requests(
    session: Session, account_id: int | None, ids: list[int], *, limit: int, offset: int = 0
) -> list[HelpRequest]:
    """What this person asked or wrote down for somebody, and the requests with these ids; the newest first."""
    mine: ColumnElement[bool] = col(HelpRequest.id).in_(ids)
    if account_id is not None:
        mine = mine | (col(HelpRequest.asker_id) == account_id) | (col(HelpRequest.posted_by_id) == account_id)
    newest_first = (col(HelpRequest.created_at).desc(), col(HelpRequest.id).desc())
    found = select(HelpRequest).where(mine).order_by(*newest_first).limit(limit).offset(offset)
    return list(session.scalars(found))
