"""Who of the opbouwwerkers to tell."""

from sqlmodel import Session, col, select

from matching.models import Role, StaffRole


def of_buurt(session: Session, buurt_code: str) -> list[int]:
    """The accounts of the opbouwwerkers who work for this buurt, its wijk or its gemeente."""
    places = (buurt_code, f"WK{buurt_code[2:8]}", f"GM{buurt_code[2:6]}")
    query = select(StaffRole.account_id).where(
        StaffRole.role == Role.OPBOUWWERKER, col(StaffRole.place_code).in_(places)
    )
    return list(session.exec(query.distinct().order_by(col(StaffRole.account_id))))
