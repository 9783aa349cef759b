"""The plan for when the mantelzorger drops out: what they wrote, and who can step in, in which order.

Nobody is on a plan without having been asked: a stand-in gets a message with a link and answers without logging in.
Until it is needed a stand-in knows only of being on the list (drop_out_call.py); what they answer is in stand_ins.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dateutil.relativedelta import relativedelta
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from matching import notices, retention
from matching.errors import IllegalMove, Invalid, NotFound, TooManyAttempts
from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    Channel,
    DropOutPlan,
    Event,
    ReliefRequest,
    StandIn,
    Tag,
)
from matching.services import accounts, links, outbox
from matching.services.history import record
from matching.workflow import ArrangementState, CareState, StandInState
from matching.working_days import AMSTERDAM

FIELDS = ("first_hours", "keys", "habits", "whom_to_call")
LONGEST_TEXT = 1500
MOST_STAND_INS = 6
MOST_ASKED_A_DAY = 10  # by one carer: nobody's mailbox is flooded through us
RELATIONS = ("family", "neighbour", "friend", "volunteer", "professional", "other")
ASK_AGAIN_AFTER, A_YEAR = timedelta(days=3), relativedelta(years=1)
CALL_LASTS = links.LIFETIMES[links.STAND_IN_CALL]
TRUSTED = (ArrangementState.TRIAL, ArrangementState.AGREEING, ArrangementState.RUNNING)


@dataclass(frozen=True, slots=True)
class StandInRow:
    """Somebody on the plan. standing: agreed, asked, asked_again (said yes before) or declined."""

    id: int
    name: str
    relation: str
    phone: str
    standing: str
    asked_at: datetime
    answered_at: datetime | None
    comes: bool | None
    comes_at: datetime | None

    @property
    def said_yes(self) -> bool:
        """Whether this person once agreed and never took it back."""
        return self.standing in ("agreed", "asked_again")

    def can_be_asked(self, now: datetime) -> bool:
        """Whether to offer to send the question once more."""
        return self.standing in ("asked", "asked_again") and self.asked_at <= now - ASK_AGAIN_AFTER


@dataclass(frozen=True, slots=True)
class PlanView:
    """A plan as it is shown. words: the texts of FIELDS that are not empty. stand_ins: in order, position 1 first."""

    id: int
    situation_id: int
    words: Mapping[str, str]
    stand_ins: tuple[StandInRow, ...]
    updated_at: datetime
    confirmed_on: date | None
    confirm_due: date | None
    called_at: datetime | None

    def is_overdue(self, today: date) -> bool:
        return self.confirm_due is not None and self.confirm_due <= today

    def is_called(self, now: datetime) -> bool:
        return called(self.called_at, now)

    @property
    def is_empty(self) -> bool:
        return not self.words and not self.stand_ins


def called(called_at: datetime | None, now: datetime) -> bool:
    """Whether the carer dropped out a short time ago, so that the stand-ins may read the plan."""
    return called_at is not None and now < called_at + CALL_LASTS


def of(session: Session, situation_id: int) -> PlanView | None:
    """The plan of a situation; None when nobody began one. Two queries."""
    plan = session.exec(select(DropOutPlan).where(DropOutPlan.situation_id == situation_id)).first()
    return None if plan is None else view(plan, stand_ins(session, plan))


def view(plan: DropOutPlan, people: list[StandIn]) -> PlanView:
    """The plan with its people, ready to show."""
    return PlanView(
        id=plan.id or 0,
        situation_id=plan.situation_id,
        words={name: plan.words[name] for name in FIELDS if plan.words.get(name)},
        stand_ins=tuple(row(person) for person in people),
        updated_at=plan.updated_at,
        confirmed_on=plan.confirmed_on,
        confirm_due=plan.confirm_due,
        called_at=plan.called_at,
    )


def row(person: StandIn) -> StandInRow:
    """Somebody on the plan, ready to show."""
    asked_again = person.state == StandInState.ASKED and person.answered_at is not None
    return StandInRow(
        id=person.id or 0,
        name=person.details.get("name", ""),
        relation=person.details.get("relation", "other"),
        phone=person.details.get("phone", ""),
        standing="asked_again" if asked_again else str(person.state),
        asked_at=person.asked_at,
        answered_at=person.answered_at,
        comes=person.comes,
        comes_at=person.comes_at,
    )


def said_yes(person: StandIn) -> bool:
    """As StandInRow.said_yes."""
    return row(person).said_yes


def stand_ins(session: Session, plan: DropOutPlan) -> list[StandIn]:
    """Everybody on the plan, in order."""
    query = select(StandIn).where(StandIn.plan_id == plan.id).order_by(col(StandIn.position), col(StandIn.id))
    return list(session.exec(query))


# What the carer writes


def write(session: Session, situation: CareSituation, words: Mapping[str, str], *, by: int, now: datetime) -> None:
    """Keep what the carer wrote; it holds from today. words: texts of FIELDS, others are left out.

    Raises Invalid(field, "too_long"), Invalid("first_hours", "missing") when all are empty, IllegalMove when closed.
    """
    kept = {name: words.get(name, "").strip() for name in FIELDS}
    for name, text in kept.items():
        if len(text) > LONGEST_TEXT:
            raise Invalid(name, "too_long")
    if not any(kept.values()):
        raise Invalid("first_hours", "missing")
    plan = lock(session, situation, now=now)
    plan.words, plan.updated_at = kept, now
    _holds(plan, now)
    session.add(plan)
    record(session, Tag.PLAN_CHANGED, plan, now=now, actor_id=by, what="words")


def confirm(session: Session, situation: CareSituation, *, by: int, now: datetime) -> None:
    """The carer says that it still holds; we ask again in a year. Raises IllegalMove when closed."""
    plan = lock(session, situation, now=now)
    _holds(plan, now)
    session.add(plan)
    record(session, Tag.PLAN_CONFIRMED, plan, now=now, actor_id=by)


def _holds(plan: DropOutPlan, now: datetime) -> None:
    plan.confirmed_on, plan.confirm_due = _day(now), _day(now) + A_YEAR


def _day(now: datetime) -> date:
    return now.astimezone(AMSTERDAM).date()


def lock(session: Session, situation: CareSituation, *, now: datetime) -> DropOutPlan:
    """The plan, begun where there is none, with its row taken: two changes at once come one after the other.

    Raises IllegalMove when the situation is closed.
    """
    session.flush()
    session.refresh(situation, with_for_update=True)
    if situation.state != CareState.OPEN:
        raise IllegalMove("this care situation is closed")
    query = select(DropOutPlan).where(DropOutPlan.situation_id == situation.id)
    plan = session.exec(query.with_for_update().execution_options(populate_existing=True)).first()
    if plan is None:
        assert situation.id is not None
        plan = DropOutPlan(situation_id=situation.id, updated_at=now, confirm_due=_day(now) + A_YEAR)
        try:
            with session.begin_nested():
                session.add(plan)
        except IntegrityError:  # another page of the same person was first
            plan = session.exec(query.with_for_update()).one()
    return plan


# Who can step in


def add(
    session: Session,
    situation: CareSituation,
    *,
    name: str,
    relation: str,
    phone: str,
    email: str,
    locale: str,
    by: int,
    now: datetime,
) -> StandIn:
    """Put somebody last on the plan and ask them. An address that we know gets the question on its own account,
    which stays as it is; the carer cannot tell the difference.

    Raises Invalid for first_name, relation, phone or email, TooManyAttempts, IllegalMove when closed.
    """
    if relation not in RELATIONS:
        raise Invalid("relation", "missing")
    details = {"name": accounts.normal_name(name), "phone": accounts.normal_phone(phone), "relation": relation}
    email = accounts.normal_email(email)
    plan = lock(session, situation, now=now)
    _room(session, plan, by=by, now=now)
    account, is_new = accounts.find_or_join(
        session,
        first_name=details["name"],
        email=email,
        phone=None,
        locale=locale,
        channel=Channel.EMAIL,
        buurt_code=None,
        x=None,
        y=None,
        adult=True,
        now=now,
    )
    if is_new:
        account.adult_declared_at = None  # they say so themselves, with their yes
        session.add(account)
    return _put(session, situation, plan, account, details, by=by, now=now)


def known(session: Session, situation: CareSituation) -> list[tuple[int, str]]:
    """Volunteers who come here already and are not on the plan: their accounts and first names."""
    on_plan = select(StandIn.account_id).join(DropOutPlan, col(DropOutPlan.id) == col(StandIn.plan_id))
    rows = session.exec(
        select(Account.id, Account.first_name)
        .join(Arrangement, col(Arrangement.volunteer_id) == col(Account.id))
        .join(ReliefRequest, col(ReliefRequest.id) == col(Arrangement.relief_id))
        .where(
            ReliefRequest.situation_id == situation.id,
            col(Arrangement.state).in_(TRUSTED),
            col(Account.deactivated_at).is_(None),
            col(Account.email).is_not(None),
            col(Account.id).not_in(
                on_plan.where(DropOutPlan.situation_id == situation.id, col(StandIn.account_id).is_not(None))
            ),
        )
        .distinct()
        .order_by(col(Account.first_name), col(Account.id))
    )
    return [(key, name) for key, name in rows if key is not None]


def add_known(session: Session, situation: CareSituation, account_id: int, *, by: int, now: datetime) -> StandIn:
    """Ask a volunteer who comes here already. Their number is on the plan once they say yes.

    Raises NotFound for anybody else, Invalid("email", "full"), TooManyAttempts, IllegalMove when closed.
    """
    plan = lock(session, situation, now=now)
    if account_id not in {key for key, _name in known(session, situation)}:
        raise NotFound
    _room(session, plan, by=by, now=now)
    account = session.get_one(Account, account_id)
    details = {"name": account.first_name, "phone": "", "relation": "volunteer"}
    return _put(session, situation, plan, account, details, by=by, now=now)


def _room(session: Session, plan: DropOutPlan, *, by: int, now: datetime) -> None:
    if len(stand_ins(session, plan)) >= MOST_STAND_INS:
        raise Invalid("email", "full")
    recent = select(Event.data).where(
        Event.tag == Tag.PLAN_CHANGED, Event.actor_id == by, Event.at > now - timedelta(days=1)
    )
    if sum(1 for data in session.exec(recent) if data.get("what") == "asked") >= MOST_ASKED_A_DAY:
        raise TooManyAttempts(24 * 60)


def _put(
    session: Session,
    situation: CareSituation,
    plan: DropOutPlan,
    account: Account,
    details: dict[str, str],
    *,
    by: int,
    now: datetime,
) -> StandIn:
    if account.id == situation.mantelzorger_id:
        raise Invalid("email", "own")
    there = stand_ins(session, plan)
    if any(person.account_id == account.id for person in there):
        raise Invalid("email", "twice")
    last = max((person.position for person in there), default=0)
    person = StandIn(plan_id=plan.id or 0, position=last + 1, account_id=account.id, details=details, asked_at=now)
    session.add(person)
    session.flush()
    send_question(session, person, now=now)
    record(session, Tag.PLAN_CHANGED, plan, now=now, actor_id=by, what="asked")
    return person


def send_question(session: Session, person: StandIn, *, now: datetime) -> None:
    """Mail the question with a new link; an older one stops working."""
    if person.account_id is None:
        return
    links.revoke(session, links.STAND_IN, person.id or 0, now=now)
    outbox.cancel(session, f"stand_in_asked:{person.id}:", now=now)
    link = links.issue(session, person.account_id, links.STAND_IN, now=now, subject_id=person.id)
    again = person.answered_at is not None
    outbox.post(session, notices.stand_in_asked(person.account_id, person.id or 0, link.id, again=again), now=now)
    person.asked_at = now
    session.add(person)


def ask_again(session: Session, situation: CareSituation, stand_in_id: int, *, by: int, now: datetime) -> None:
    """Send the question once more to whoever did not answer. Raises NotFound, and IllegalMove when it was answered or
    sent within three days."""
    plan = lock(session, situation, now=now)
    person = _on(session, plan, stand_in_id)
    if not row(person).can_be_asked(now):
        raise IllegalMove("asked a short time ago, or answered")
    send_question(session, person, now=now)
    record(session, Tag.PLAN_CHANGED, plan, now=now, actor_id=by, what="asked")


def move(
    session: Session, situation: CareSituation, stand_in_id: int, *, earlier: bool, by: int, now: datetime
) -> None:
    """One place earlier or later; the first and the last stay where they are. Raises NotFound, IllegalMove."""
    plan = lock(session, situation, now=now)
    person = _on(session, plan, stand_in_id)
    order = stand_ins(session, plan)
    at = order.index(person)
    to = at - 1 if earlier else at + 1
    if not 0 <= to < len(order):
        return
    order[at], order[to] = order[to], order[at]
    for position, each in enumerate(order, 1):
        each.position = position
        session.add(each)
    plan.updated_at = now
    session.add(plan)
    record(session, Tag.PLAN_CHANGED, plan, now=now, actor_id=by, what="order")


def remove(session: Session, situation: CareSituation, stand_in_id: int, *, by: int, now: datetime) -> None:
    """Take somebody off the plan; whoever had said yes hears of it kindly. Raises NotFound, IllegalMove."""
    plan = lock(session, situation, now=now)
    person = _on(session, plan, stand_in_id)
    silence(session, stand_in_id, now=now)
    if person.account_id is not None and said_yes(person):
        outbox.post(session, notices.stand_in_over(person.account_id, stand_in_id, "list"), now=now)
    account = session.get(Account, person.account_id) if person.account_id else None
    session.delete(person)
    session.flush()
    forget_account(session, account, now=now)
    for position, each in enumerate(stand_ins(session, plan), 1):
        each.position = position
        session.add(each)
    record(session, Tag.PLAN_CHANGED, plan, now=now, actor_id=by, what="removed")


def silence(session: Session, stand_in_id: int, *, now: datetime) -> None:
    """No link to this stand-in works any more, and what had not left yet stays here."""
    for purpose in (links.STAND_IN, links.STAND_IN_CALL, links.STAND_IN_LEAVE):
        links.revoke(session, purpose, stand_in_id, now=now)
    for template in ("stand_in_asked", "stand_in_thanked", "stand_in_called"):
        outbox.cancel(session, f"{template}:{stand_in_id}:", now=now)


def _on(session: Session, plan: DropOutPlan, stand_in_id: int) -> StandIn:
    person = session.get(StandIn, stand_in_id)
    if person is None or person.plan_id != plan.id:
        raise NotFound
    return person


def forget_account(session: Session, account: Account | None, *, now: datetime) -> None:
    """An account that was made only to ask this, and whose person never did anything with it, loses its address."""
    if account is None or account.adult_declared_at or account.email_verified_at or account.password_hash:
        return
    on_a_plan = col(Account.id).in_(select(StandIn.account_id).where(StandIn.state != StandInState.DECLINED))
    kept = select(Account.id).where(Account.id == account.id, retention.is_used() | on_a_plan)
    if session.exec(kept).first() is not None:
        return
    account.first_name, account.email, account.phone, account.deactivated_at = "-", None, None, now
    session.add(account)
