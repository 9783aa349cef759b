"""The mantelzorger drops out now, and the yearly question whether the plan for that still holds."""

from datetime import date, datetime

from sqlalchemy import delete
from sqlmodel import Session, col, select

from matching import notices
from matching.errors import LinkUnusable, NotFound
from matching.models import Account, CareSituation, DropOutPlan, Event, StandIn, Tag
from matching.services import drop_out, links, opbouwwerkers, outbox, relief, stand_ins
from matching.services.drop_out import PlanView, called, said_yes
from matching.services.history import record
from matching.services.stand_ins import Asked
from matching.workflow import STAND_IN_MOVES, CareState, StandInState, after
from matching.working_days import AMSTERDAM


def call(session: Session, situation: CareSituation, *, by: int, now: datetime) -> bool:
    """The carer drops out now: the desk is told, a call for help stands there, and everybody who said yes gets a
    message with the plan. False when that was done already and still runs. Without a plan the desk is told all the
    same. Raises IllegalMove when the situation is closed.

    by: who called, the mantelzorger or somebody of the desk to whom it was told; then the mantelzorger hears of it.
    """
    plan = drop_out.lock(session, situation, now=now)
    if called(plan.called_at, now):
        return False
    plan.called_at = now
    session.add(plan)
    for person in drop_out.stand_ins(session, plan):
        person.comes = person.comes_at = None
        session.add(person)
        if person.account_id is not None and said_yes(person):
            link = links.issue(session, person.account_id, links.STAND_IN_CALL, now=now, subject_id=person.id)
            notice = notices.stand_in_called(person.account_id, person.id or 0, link.id)
            outbox.post(session, notice, now=now)
    for account_id in opbouwwerkers.of_buurt(session, situation.buurt_code):
        if account_id != by:
            outbox.post(session, notices.plan_called(account_id, situation.id or 0, now), now=now)
    _tell_carer(session, situation, "called", by=by, now=now)
    record(session, Tag.PLAN_CALLED, plan, now=now, actor_id=by)
    relief.ask_now(session, situation, need="here", words="", by=by, now=now)
    return True


def _tell_carer(session: Session, situation: CareSituation, what: str, *, by: int, now: datetime) -> None:
    if by != situation.mantelzorger_id:
        outbox.post(session, notices.plan_by_desk(situation.mantelzorger_id, situation.id or 0, what, now), now=now)


def called_by(session: Session, plan: PlanView, situation: CareSituation) -> str:
    """The first name of whoever of the desk called for the mantelzorger; "" when they did so themselves."""
    query = (
        select(Account.id, Account.first_name)
        .join(Event, col(Event.actor_id) == col(Account.id))
        .where(Event.subject == DropOutPlan.__tablename__, Event.subject_id == plan.id, Event.tag == Tag.PLAN_CALLED)
        .order_by(col(Event.id).desc())
    )
    found = session.exec(query).first()
    return "" if found is None or found[0] == situation.mantelzorger_id else found[1]


def end(session: Session, situation: CareSituation, *, by: int, now: datetime) -> None:
    """It is solved: the stand-ins no longer see the plan, and whoever had not said no hears that they are not needed.
    The call for help at the desk stays until a human closes it. Ending it twice changes nothing."""
    plan = drop_out.lock(session, situation, now=now)
    if plan.called_at is None:
        return
    was_running, moment = called(plan.called_at, now), plan.called_at.isoformat()
    plan.called_at = None
    session.add(plan)
    for person in drop_out.stand_ins(session, plan):
        links.revoke(session, links.STAND_IN_CALL, person.id or 0, now=now)
        outbox.cancel(session, f"stand_in_called:{person.id}:", now=now)
        if was_running and person.account_id is not None and said_yes(person) and person.comes is not False:
            outbox.post(session, notices.stand_in_over(person.account_id, person.id or 0, moment), now=now)
        person.comes = person.comes_at = None
        session.add(person)
    if was_running:
        _tell_carer(session, situation, "ended", by=by, now=now)
    record(session, Tag.PLAN_CALL_ENDED, plan, now=now, actor_id=by)


def close(session: Session, situation: CareSituation, *, by: int, now: datetime) -> None:
    """The care is over: a call that runs ends, and whoever had said yes hears kindly that they are off the list. When
    it goes on after all, they have to be asked anew. The caller holds the situation."""
    plan = session.exec(select(DropOutPlan).where(DropOutPlan.situation_id == situation.id).with_for_update()).first()
    if plan is None:
        return
    if plan.called_at is not None:
        plan.called_at = None
        session.add(plan)
        record(session, Tag.PLAN_CALL_ENDED, plan, now=now, actor_id=by)
    for person in drop_out.stand_ins(session, plan):
        drop_out.silence(session, person.id or 0, now=now)
        if not said_yes(person):
            continue
        if person.account_id is not None:
            notice = notices.stand_in_over(person.account_id, person.id or 0, f"list:{now.isoformat()}")
            outbox.post(session, notice, now=now)
        if person.state == StandInState.AGREED:
            person.state = after(STAND_IN_MOVES, StandInState.AGREED, "ask")
        person.answered_at = person.comes = person.comes_at = None
        session.add(person)


def forget(session: Session, situation: CareSituation, *, now: datetime) -> None:
    """Remove the plan with everybody on it; an account that was made only to ask one of them loses its address."""
    session.flush()
    plans = select(DropOutPlan.id).where(DropOutPlan.situation_id == situation.id)
    asked = select(Account).where(
        col(Account.id).in_(select(StandIn.account_id).where(col(StandIn.plan_id).in_(plans)))
    )
    accounts = session.exec(asked).all()
    session.exec(delete(StandIn).where(col(StandIn.plan_id).in_(plans)))
    session.exec(delete(DropOutPlan).where(col(DropOutPlan.situation_id) == situation.id))
    for account in accounts:
        drop_out.forget_account(session, account, now=now)


def plan_for(session: Session, asked: Asked, *, now: datetime) -> PlanView:
    """The plan for a stand-in, while the carer has dropped out. Raises NotFound otherwise, or for whoever said no."""
    if not asked.row.said_yes or not called(asked.called_at, now):
        raise NotFound
    found = drop_out.of(session, asked.situation.id or 0)
    assert found is not None  # the stand-in is on it
    return found


def plan_by_link(session: Session, link_id: str, *, now: datetime) -> tuple[Asked, PlanView]:
    """The same by the link of the message, as often as wanted. Raises LinkUnusable."""
    asked = stand_ins.asked_by_link(session, link_id, links.STAND_IN_CALL, now=now)
    try:
        return asked, plan_for(session, asked, now=now)
    except NotFound:
        raise LinkUnusable("expired") from None


def come(session: Session, asked: Asked, *, comes: bool, now: datetime) -> None:
    """A stand-in comes, or cannot this time; carer and desk see it, and it can change. Raises NotFound when the plan
    does not run."""
    asked = stand_ins.hold(session, asked)
    plan_for(session, asked, now=now)
    person = asked.person
    if person.comes == comes:
        return
    person.comes, person.comes_at = comes, now
    session.add(person)
    record(session, Tag.STAND_IN_ANSWERED, person, now=now, actor_id=person.account_id, comes=comes)
    situation = asked.situation
    what = f"{person.id}:comes:{now.isoformat()}"
    outbox.post(session, notices.plan_news(situation.mantelzorger_id, situation.id or 0, what), now=now)


# Does this still hold?


def due(session: Session, *, today: date) -> list[int]:
    """Plans of open situations that nobody confirmed for a year."""
    query = (
        select(DropOutPlan.id)
        .join(CareSituation, col(CareSituation.id) == col(DropOutPlan.situation_id))
        .where(col(DropOutPlan.confirm_due) <= today, CareSituation.state == CareState.OPEN)
        .order_by(col(DropOutPlan.id))
    )
    return [key for key in session.exec(query) if key is not None]


def renew(session: Session, plan_id: int, *, now: datetime) -> bool:
    """Ask the carer once whether the plan still holds, and the stand-ins whether their yes does. A yes of last year
    counts until it is taken back. False when that was done for this year."""
    plan = session.get_one(DropOutPlan, plan_id)
    situation = session.get_one(CareSituation, plan.situation_id)
    drop_out.lock(session, situation, now=now)
    if plan.confirm_due is None or plan.confirm_due > now.astimezone(AMSTERDAM).date():
        return False  # the carer just said so
    people = drop_out.stand_ins(session, plan)
    if not people and not any(plan.words.values()):
        return False  # begun by a call for help: there is nothing to ask about
    notice = notices.plan_due(situation.mantelzorger_id, plan.situation_id, plan.confirm_due)
    if not outbox.post(session, notice, now=now):
        return False
    for person in people:
        if person.state == StandInState.AGREED:
            person.state = after(STAND_IN_MOVES, StandInState.AGREED, "ask")
            drop_out.send_question(session, person, now=now)
    return True


def running_for(session: Session, situation_ids: list[int], *, now: datetime) -> set[int]:
    """Those of these situations whose carer has dropped out."""
    rows = session.exec(
        select(DropOutPlan.situation_id).where(
            col(DropOutPlan.situation_id).in_(situation_ids), col(DropOutPlan.called_at) > now - drop_out.CALL_LASTS
        )
    )
    return set(rows)
