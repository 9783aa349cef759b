"""Every look of staff at somebody's personal data, kept for that person to read (R24).

A page that only shows is a transaction that never writes, so a look is noted on the session and written when the
answer is ready and before it leaves: no log, no page.
"""

from datetime import datetime

from sqlalchemy import insert
from sqlmodel import Session, col, select

from matching.models import Account, DataLook

NOTED = "looks"


def note(
    session: Session,
    *,
    viewer_id: int,
    viewer_role: str,
    subject_id: int,
    situation_id: int | None,
    activity: str,
    trace_id: str,
    now: datetime,
) -> None:
    """Remember that staff saw something of the subject. activity: what it was for, at most 40 characters."""
    noted: dict[tuple[int, int, str], DataLook] = session.info.setdefault(NOTED, {})
    noted[subject_id, situation_id or 0, activity] = DataLook(
        at=now,
        activity=activity,
        trace_id=trace_id,
        viewer_id=viewer_id,
        viewer_role=viewer_role,
        subject_id=subject_id,
        situation_id=situation_id,
    )


def take(session: Session) -> list[DataLook]:
    """What was noted and has to be written; it is forgotten here."""
    noted: dict[tuple[int, int, str], DataLook] = session.info.pop(NOTED, {})
    return list(noted.values())


def write(session: Session, seen: list[DataLook]) -> None:
    """Write them, in one statement: a list of the desk is many looks at once."""
    if seen:
        session.connection().execute(insert(DataLook), [look.model_dump(exclude={"id"}) for look in seen])


def at(session: Session, subject_id: int, *, limit: int = 200) -> list[tuple[DataLook, str]]:
    """Looks at this person's data and the first name of who looked, newest first."""
    rows = session.exec(
        select(DataLook, Account.first_name)
        .join(Account, col(Account.id) == DataLook.viewer_id)
        .where(DataLook.subject_id == subject_id)
        .order_by(col(DataLook.at).desc(), col(DataLook.id).desc())
        .limit(limit)
    ).all()
    return [(look, name) for look, name in rows]
