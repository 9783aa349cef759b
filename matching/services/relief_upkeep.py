"""What a change in the care situation means for the requests for time off: another desk, or nothing left to read."""

from datetime import datetime

from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from matching.access import HeldRole, Viewer, works_in
from matching.models import Arrangement, CareSituation, ReliefRequest, RespijtEvaluation, StaffRole, Tag
from matching.services import locks, relief, relief_rules
from matching.services.history import record


def change_desk(session: Session, situation: CareSituation, *, now: datetime) -> None:
    """The situation belongs to another desk. Who looks after its requests and does not work there no longer does, and
    what cannot wait is told to the new desk at once. The caller holds the situation."""
    for asked in relief.open_ones(session, situation):
        locks.relief(session, asked.id or 0, with_request=False)
        roles = session.scalars(select(StaffRole).where(col(StaffRole.account_id) == asked.taken_by_id))
        if works_in(Viewer(roles=tuple(HeldRole(each.role, each.place_code) for each in roles)), situation.buurt_code):
            continue
        asked.taken_by_id, asked.taken_at, asked.updated_at = None, None, now
        session.add(asked)
        record(session, Tag.RELIEF_CHANGED, asked, now=now, desk=True)
        if asked.risks or asked.urgency == relief_rules.NOW:
            relief.call_the_desk(session, asked, now=now, again=True)  # it is new to this desk


def forget(session: Session, situation: CareSituation) -> None:
    """Remove all words about time off: of the mantelzorger, of who came, and of the desk that referred."""
    session.flush()
    connection = session.connection()
    reliefs = select(col(ReliefRequest.id)).where(col(ReliefRequest.situation_id) == situation.id)
    arranged = select(col(Arrangement.id)).where(col(Arrangement.relief_id).in_(reliefs))
    connection.execute(delete(RespijtEvaluation).where(col(RespijtEvaluation.arrangement_id).in_(arranged)))
    connection.execute(update(Arrangement).where(col(Arrangement.relief_id).in_(reliefs)).values(words=""))
    connection.execute(
        update(ReliefRequest).where(col(ReliefRequest.situation_id) == situation.id).values(words="", risks=[])
    )
