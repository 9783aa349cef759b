"""Asking a volunteer: the one way in which a question comes about, whoever chose whom to ask.

Nobody gets a fourth message in seven days. That is decided here and nowhere else, with the row of the volunteer
taken, so that two desks, two workers or a desk and a worker count one after the other.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from matching.models import HelpRequest, Proposal, Volunteer
from matching.notices import volunteer_asked
from matching.services import links, outbox, wishes
from matching.workflow import PROPOSAL_MOVES, REQUEST_MOVES, after

GO_ON = "offers"  # in session.info: after how many seconds the worker should look whom to ask


def hold_still(session: Session, volunteer_ids: Iterable[int]) -> None:
    """Let nobody else ask these volunteers, or change what they told us, until this transaction ends.

    After the row of the request, and in the order of their keys: then nobody waits in a circle. The lock lets others
    go on pointing at the rows (foreign keys).
    """
    ids = sorted(set(volunteer_ids))
    query = select(Volunteer.account_id).where(col(Volunteer.account_id).in_(ids)).order_by(col(Volunteer.account_id))
    session.exec(query.with_for_update(key_share=True)).all()


def ask(session: Session, request: HelpRequest, proposal: Proposal, *, now: datetime) -> None:
    """The volunteer gets a message with a link, in a minute. Whether this person may be asked, and the locks, are the
    caller's. Raises IllegalMove where request or proposal cannot be asked."""
    request.state, request.updated_at = after(REQUEST_MOVES, request.state, "ask"), now
    proposal.state = after(PROPOSAL_MOVES, proposal.state, "ask")
    assert proposal.id is not None
    until = wishes.ends_at(request)
    link = links.issue(session, proposal.volunteer_id, links.ANSWER, now=now, subject_id=proposal.id, until=until)
    proposal.asked_at, proposal.expires_at = now, link.expires_at
    session.add_all([request, proposal])
    notice = volunteer_asked(
        proposal.volunteer_id,
        proposal.id,
        link.id,
        request,
        distance_m=proposal.distance_m,
        expires_at=link.expires_at,
    )
    outbox.post(session, notice, now=now)


def go_on(session: Session, request: HelpRequest, *, delay: timedelta = timedelta(0)) -> None:
    """Where we ask around for this request, whoever commits this wakes the worker to ask the next one."""
    if request.asking_since is not None:
        session.info[GO_ON] = max(session.info.get(GO_ON, 0.0), delay.total_seconds())
