"""In which order rows are taken: the care situation, the request for help, the time off, the arrangement, the booking.

Whoever decides at the same moment waits at the first row, and reads the others afresh; taken in another order two
could wait for each other for ever. Rows are taken so that others may go on pointing at them. On SQLite the transaction
itself holds everything.
"""

from sqlmodel import Session, col, select

from matching.models import Arrangement, CareSituation, HelpRequest, ReliefRequest


def situation(session: Session, situation_id: int) -> CareSituation:
    """Take the care situation."""
    session.flush()  # reading afresh would undo what was not written yet
    query = select(CareSituation).where(CareSituation.id == situation_id).with_for_update(key_share=True)
    return session.exec(query.execution_options(populate_existing=True)).one()


def before_request(session: Session, request_id: int) -> None:
    """Take the care situation for which this request looks for somebody, if any: the request itself comes next."""
    query = select(ReliefRequest.situation_id).where(ReliefRequest.help_request_id == request_id)
    of_care = session.exec(query).first()
    if of_care is not None:
        situation(session, of_care)


def relief(session: Session, relief_id: int, *, with_request: bool = True) -> ReliefRequest:
    """Take the time off, after its situation and the request with which somebody is looked for.

    with_request: False where nothing happens to that request, so that nobody waits for it.
    """
    session.flush()
    situation_id = select(ReliefRequest.situation_id).where(ReliefRequest.id == relief_id)
    situation(session, session.exec(situation_id).one())
    asked = select(ReliefRequest.help_request_id).where(ReliefRequest.id == relief_id)  # from here on it stays the same
    request_id = session.exec(asked).one() if with_request else None
    if request_id is not None:
        held = select(HelpRequest).where(HelpRequest.id == request_id).with_for_update()
        session.exec(held.execution_options(populate_existing=True)).one()
    query = select(ReliefRequest).where(ReliefRequest.id == relief_id).with_for_update(key_share=True)
    return session.exec(query.execution_options(populate_existing=True)).one()


def arrangement(session: Session, found: Arrangement, *, with_request: bool = True) -> ReliefRequest:
    """Take the arrangement, after its time off."""
    held = relief(session, found.relief_id, with_request=with_request)
    arrangements(session, [found])
    return held


def arrangements(session: Session, found: list[Arrangement]) -> None:
    """Take these and read them afresh; what comes before them is the caller's."""
    session.flush()
    keys = [each.id for each in found]
    query = select(Arrangement).where(col(Arrangement.id).in_(keys)).order_by(col(Arrangement.id))
    session.exec(query.with_for_update(key_share=True).execution_options(populate_existing=True)).all()
