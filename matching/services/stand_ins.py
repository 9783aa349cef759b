"""What somebody who was asked to step in may know and may answer: by the link of a message, or signed in."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from matching import notices
from matching.errors import LinkUnusable, NotFound
from matching.models import Account, ActionLink, CareSituation, DropOutPlan, StandIn, Tag
from matching.services import drop_out, links, locks, outbox
from matching.services.history import record
from matching.workflow import STAND_IN_MOVES, CareState, StandInState, after


@dataclass(frozen=True, slots=True)
class Asked:
    """What a stand-in may know: who asks (a first name), and how it stands. Nothing about the care."""

    person: StandIn
    situation: CareSituation
    carer: str
    row: drop_out.StandInRow
    called_at: datetime | None


def asked_by_link(session: Session, link_id: str, purpose: str, *, now: datetime) -> Asked:
    """What this usable link is about. Raises LinkUnusable: used, expired or unknown (also when it is over)."""
    return _asked(session, links.look(session, link_id, purpose, now=now))


def used_link(session: Session, link_id: str, purpose: str) -> Asked | None:
    """What a link was used for, to show it again after a second tap."""
    link = session.get(ActionLink, link_id)
    if link is None or link.purpose != purpose or link.used_at is None:
        return None
    try:
        found = _asked(session, link)
    except LinkUnusable:
        return None
    return found if found.row.standing in ("agreed", "declined") else None  # asked anew: this answer no longer counts


def _asked(session: Session, link: ActionLink) -> Asked:
    person = session.get(StandIn, link.subject_id) if link.subject_id else None
    if person is None or person.account_id != link.account_id:
        raise LinkUnusable("unknown")
    try:
        return about(session, person)
    except NotFound:
        raise LinkUnusable("unknown") from None


def about(session: Session, person: StandIn) -> Asked:
    """Who asks this person. Raises NotFound when the care situation is closed."""
    plan = session.get_one(DropOutPlan, person.plan_id)
    situation = session.get_one(CareSituation, plan.situation_id)
    if situation.state != CareState.OPEN:
        raise NotFound
    carer = session.get_one(Account, situation.mantelzorger_id)
    return Asked(person, situation, carer.first_name, drop_out.row(person), plan.called_at)


def mine(session: Session, account_id: int) -> list[Asked]:
    """Everything that this person was asked to step in for and did not decline."""
    return [about(session, person) for person in session.exec(_mine(account_id))]


def _mine(account_id: int) -> SelectOfScalar[StandIn]:
    return (
        select(StandIn)
        .join(DropOutPlan, col(DropOutPlan.id) == col(StandIn.plan_id))
        .join(CareSituation, col(CareSituation.id) == col(DropOutPlan.situation_id))
        .where(
            StandIn.account_id == account_id,
            StandIn.state != StandInState.DECLINED,
            CareSituation.state == CareState.OPEN,
        )
        .order_by(col(StandIn.id))
    )


def is_asked(session: Session, account_id: int) -> bool:
    """Whether there is anything in `mine`, without reading it."""
    query = _mine(account_id).with_only_columns(col(StandIn.id)).order_by(None).limit(1)
    return session.scalars(query).first() is not None


def own(session: Session, account_id: int | None, stand_in_id: int) -> Asked:
    """One of them, declined ones too. Raises NotFound for everybody else."""
    person = session.get(StandIn, stand_in_id)
    if person is None or account_id is None or person.account_id != account_id:
        raise NotFound
    return about(session, person)


def answer_by_link(session: Session, link_id: str, purpose: str, *, yes: bool, now: datetime) -> None:
    """Use the link up for this answer. Raises LinkUnusable."""
    found = asked_by_link(session, link_id, purpose, now=now)
    try:
        hold(session, found)
    except NotFound:
        raise LinkUnusable("unknown") from None
    links.use(session, link_id, purpose, now=now)
    answer(session, found, yes=yes, now=now)


def hold(session: Session, asked: Asked) -> Asked:
    """Take this place on the plan, after its care situation, and read it afresh. Raises NotFound when the carer took
    this person off, or closed the situation, at this very moment."""
    locks.situation(session, asked.situation.id or 0)
    person = session.get(StandIn, asked.person.id, populate_existing=True, with_for_update=True)
    if person is None:
        raise NotFound
    session.get_one(DropOutPlan, person.plan_id, populate_existing=True)
    return about(session, person)


def answer(session: Session, asked: Asked, *, yes: bool, now: datetime) -> None:
    """A stand-in says yes or no, or no longer; the carer hears of it. The same answer twice is one answer.

    Raises IllegalMove for a yes after a no: then the carer asks anew. Raises NotFound as `hold` does.
    """
    person = hold(session, asked).person
    to = StandInState.AGREED if yes else StandInState.DECLINED
    if person.state == to:
        return
    person.state = after(STAND_IN_MOVES, StandInState(person.state), "agree" if yes else "decline")
    person.answered_at = now
    links.revoke(session, links.STAND_IN, person.id or 0, now=now)
    links.revoke(session, links.STAND_IN_LEAVE, person.id or 0, now=now)
    outbox.cancel(session, f"stand_in_asked:{person.id}:", now=now)
    account = session.get_one(Account, person.account_id)
    if yes:
        _welcome(session, person, account, now=now)
    else:
        person.comes, person.comes_at = (None, None) if person.comes is None else (False, now)
        person.details = {**person.details, "phone": ""}
        links.revoke(session, links.STAND_IN_CALL, person.id or 0, now=now)
    session.add(person)
    session.flush()
    if not yes:
        drop_out.forget_account(session, account, now=now)
    record(session, Tag.STAND_IN_ANSWERED, person, now=now, actor_id=person.account_id, yes=yes)
    what = f"{person.id}:{to}:{now.isoformat()}"
    outbox.post(session, notices.plan_news(asked.situation.mantelzorger_id, asked.situation.id or 0, what), now=now)


def _welcome(session: Session, person: StandIn, account: Account, *, now: datetime) -> None:
    """The link came to their address, and the page asked whether they are 18 or older."""
    account.email_verified_at = account.email_verified_at or now
    account.adult_declared_at = account.adult_declared_at or now
    session.add(account)
    if not person.details.get("phone") and account.phone:
        person.details = {**person.details, "phone": account.phone}
    link = links.issue(session, account.id or 0, links.STAND_IN_LEAVE, now=now, subject_id=person.id)
    outbox.post(session, notices.stand_in_thanked(account.id or 0, person.id or 0, link.id), now=now)
