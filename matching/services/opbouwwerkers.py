"""Who of the opbouwwerkers to tell, and telling them."""

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session, col, select

from matching import notices
from matching.models import Account, CareSituation, ReliefRequest, Role, StaffRole
from matching.services import outbox


def of_buurt(session: Session, buurt_code: str) -> list[int]:
    """The accounts of the opbouwwerkers who work for this buurt, its wijk or its gemeente; of the coordinators where
    there is no opbouwwerker, so that a call for help always reaches somebody."""
    places = (buurt_code, f"WK{buurt_code[2:8]}", f"GM{buurt_code[2:6]}")
    rows = session.exec(
        select(StaffRole.account_id, StaffRole.role)
        .join(Account, col(Account.id) == col(StaffRole.account_id))
        .where(
            col(StaffRole.role).in_((Role.OPBOUWWERKER, Role.COORDINATOR)),
            col(StaffRole.place_code).in_(places),
            col(Account.deactivated_at).is_(None),
        )
    ).all()
    first = Role.OPBOUWWERKER if any(role == Role.OPBOUWWERKER for _id, role in rows) else Role.COORDINATOR
    return sorted({account_id for account_id, role in rows if role == first})


def tell(session: Session, relief_id: int, what: str, *, now: datetime) -> None:
    """Something about time off waits for a human. what: what it is, with its number; the same is told once."""
    post(session, relief_id, lambda account_id: notices.respijt_at_desk(account_id, relief_id, what), now=now)


def post(session: Session, relief_id: int, notice: Callable[[int], notices.Notice], *, now: datetime) -> None:
    """This notice for each opbouwwerker of the buurt in which somebody asked for time off."""
    buurt_code = session.exec(
        select(CareSituation.buurt_code)
        .join(ReliefRequest, col(ReliefRequest.situation_id) == col(CareSituation.id))
        .where(ReliefRequest.id == relief_id)
    ).one()
    for account_id in of_buurt(session, buurt_code):
        outbox.post(session, notice(account_id), now=now)


def names(session: Session, buurt_code: str) -> list[str]:
    """First names of the opbouwwerkers who work closest by: of the buurt, else its wijk, else its gemeente."""
    places = (buurt_code, f"WK{buurt_code[2:8]}", f"GM{buurt_code[2:6]}")
    rows = session.exec(
        select(StaffRole.place_code, Account.first_name)
        .join(Account, col(Account.id) == col(StaffRole.account_id))
        .where(
            StaffRole.role == Role.OPBOUWWERKER,
            col(StaffRole.place_code).in_(places),
            col(Account.deactivated_at).is_(None),
        )
        .order_by(col(Account.first_name))
    ).all()
    closest = next((place for place in places if any(held == place for held, _name in rows)), "")
    return [name for held, name in rows if held == closest]
