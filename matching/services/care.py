"""Care situations: who cares for whom, with two consents, and who may look.

The mantelzorger sees their own. Opbouwwerkers and coordinators of the buurt see it too, and each look is noted for the
mantelzorger to read. For everybody else it does not exist.
"""

from datetime import datetime

from sqlmodel import Session, select

from matching.access import DESK_ROLES, Viewer, covers, works_in
from matching.errors import NotFound
from matching.models import CareSituation
from matching.services import looks
from matching.workflow import CareState


def mine(session: Session, account_id: int) -> list[CareSituation]:
    """The situations of this mantelzorger: open ones first, then the newest."""
    found = session.exec(select(CareSituation).where(CareSituation.mantelzorger_id == account_id)).all()
    return sorted(found, key=lambda situation: (situation.state != CareState.OPEN, -(situation.id or 0)))


def own(session: Session, account_id: int | None, situation_id: int) -> CareSituation:
    """The situation for its own mantelzorger. Raises NotFound for everybody else, staff too."""
    found = session.get(CareSituation, situation_id)
    if found is None or account_id is None or found.mantelzorger_id != account_id:
        raise NotFound
    return found


def look(
    session: Session, viewer: Viewer, situation_id: int, *, activity: str, trace_id: str, now: datetime
) -> CareSituation:
    """The situation for the desk of its buurt; the look is noted for the mantelzorger. Raises NotFound.

    activity: what for, a key of web/care_words.ACTIVITIES. trace_id: 32 hexadecimal digits, of the web request.
    """
    found = session.get(CareSituation, situation_id)
    if found is None or viewer.account_id is None or not works_in(viewer, found.buurt_code):
        raise NotFound
    role = next(
        held.role for held in viewer.roles if held.role in DESK_ROLES and covers(held.place_code, found.buurt_code)
    )
    looks.note(
        session,
        viewer_id=viewer.account_id,
        viewer_role=role,
        subject_id=found.mantelzorger_id,
        situation_id=found.id,
        activity=activity,
        trace_id=trace_id,
        now=now,
    )
    return found
