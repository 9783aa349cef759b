"""Even vrij: a mantelzorger asks for time off, and the desk takes it up.

Every request is looked at by a human. One that cannot wait, or whose words hint at danger, is told to the
opbouwwerkers of the buurt at once.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from matching import catalogue, notices
from matching.access import Viewer, works_in
from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotFound
from matching.models import Arrangement, CareSituation, HelpRequest, OutboxMessage, ReliefRequest, Tag
from matching.services import care, locks, opbouwwerkers, outbox, posting, relief_rules, standing_in
from matching.services.history import record
from matching.services.relief_rows import (
    WAITING,
    DeskRow,
    ReliefRow,
    has_plan,
    note_looks,
    of,
    open_for_desk,
    who_reads,
)
from matching.services.relief_rules import Ask, Home
from matching.workflow import (
    ARRANGEMENT_MOVES,
    OPEN_RELIEF_STATES,
    OPEN_REQUEST_STATES,
    RELIEF_MOVES,
    ArrangementState,
    CareState,
    ReliefState,
    after,
)
from matching.working_days import AMSTERDAM

__all__ = [
    "WAITING",
    "Ask",
    "DeskRow",
    "Home",
    "ReliefRow",
    "ask",
    "ask_now",
    "call_the_desk",
    "choose_form",
    "close",
    "close_all",
    "finish",
    "has_plan",
    "home_of",
    "live_arrangements",
    "look",
    "note_looks",
    "of",
    "open_for_desk",
    "open_ones",
    "own",
    "settle",
    "take_up",
    "tell",
    "who_reads",
    "withdraw",
]

SHORT_TEXT = 300  # of somebody who needs help now
DOUBLE_TAP = timedelta(minutes=10)  # the same call again within this time is one call


def home_of(situation: CareSituation) -> Home:
    """What the rules need to know of this situation."""
    return Home(str(situation.details.get("lives", "")), situation.cared_for_consent_id is not None)


def _key(situation: CareSituation) -> int:
    assert situation.id is not None  # it comes from the database
    return situation.id


def ask(session: Session, situation: CareSituation, asked: Ask, *, by: int, now: datetime) -> ReliefRequest:
    """Ask for time off. What is asked in exactly the same way and is open still, is the same request; anything else
    stands beside it, for a human to read.

    Raises Invalid with the field and the reason, and IllegalMove when the situation is closed.
    """
    _open_situation(session, situation)
    asked = relief_rules.settled(asked)
    relief_rules.check(asked, home_of(situation), now=now)
    found = _same(session, situation, asked)
    if found is None:
        found = ReliefRequest(
            situation_id=_key(situation),
            form=asked.form,
            rrule=asked.rrule,
            first_day=asked.first_day,
            last_day=asked.last_day,
            slots=asked.slots,
            minutes=asked.minutes,
            urgency=asked.urgency,
            words=asked.words,
            risks=sorted(catalogue.risks(asked.words)),
            created_at=now,
            updated_at=now,
        )
        session.add(found)
        session.flush()
        record(session, Tag.RELIEF_ASKED, found, now=now, actor_id=by, form=asked.form, urgency=asked.urgency)
    if found.risks or found.urgency == relief_rules.NOW:
        call_the_desk(session, found, now=now)
    return found


def ask_now(
    session: Session, situation: CareSituation, *, need: str, words: str, by: int, now: datetime
) -> ReliefRequest:
    """Help is needed now: a human hears of it at once. Whatever the words hold goes along, and nothing but that one
    thing is chosen stops it. Asked again while it is open, the words are added to it and a human hears of it again,
    also when somebody took it up.

    Raises Invalid("need", "missing"), Invalid("words", "too_long"), IllegalMove when the situation is closed.
    """
    if need not in relief_rules.NEEDS:
        raise Invalid("need", "missing")
    words = words.strip()
    if len(words) > SHORT_TEXT:
        raise Invalid("words", "too_long")
    _open_situation(session, situation)
    found = _open_call(session, situation, words)
    known = set(found.risks) if found is not None else set()
    if found is None:
        found = ReliefRequest(
            situation_id=_key(situation),
            form=_form_of(need),
            first_day=now.astimezone(AMSTERDAM).date(),
            urgency=relief_rules.NOW,
            created_at=now,
            updated_at=now,
        )
    elif found.form == _form_of(found.need) and not live_arrangements(session, found):
        found.form = _form_of(need)  # nobody chose another one meanwhile
    found.need, found.words, found.updated_at = need, _with(found.words, words), now
    found.risks = sorted(catalogue.risks(found.words))
    session.add(found)
    session.flush()
    if call_the_desk(session, found, now=now, again=not known.issuperset(found.risks)):
        facts = {"form": found.form, "urgency": found.urgency, "need": need}
        record(session, Tag.RELIEF_ASKED, found, now=now, actor_id=by, **facts)
    return found


def _open_call(session: Session, situation: CareSituation, words: str) -> ReliefRequest | None:
    """The call for help that waits still; None where these words no longer fit in, so that none of them is lost."""
    found = session.scalars(
        select(ReliefRequest)
        .where(
            col(ReliefRequest.situation_id) == situation.id,
            col(ReliefRequest.need) != "",
            col(ReliefRequest.state).in_(WAITING),
        )
        .order_by(col(ReliefRequest.id).desc())
    ).first()
    return found if found is not None and len(_with(found.words, words)) <= relief_rules.LONGEST_TEXT else None


def _form_of(need: str) -> str:
    return "guest_house" if need == "stay" else ""


def _with(before: str, words: str) -> str:
    """What was said before, and these words where they are new."""
    is_new = words and words not in before.split("\n")
    return "\n".join(line for line in (before, words if is_new else "") if line)


def _open_situation(session: Session, situation: CareSituation) -> None:
    """Take the row first: the same form may be sent twice at this very moment."""
    locks.situation(session, _key(situation))
    if situation.state != CareState.OPEN:
        raise IllegalMove("this care situation is closed")


def _same(session: Session, situation: CareSituation, asked: Ask) -> ReliefRequest | None:
    alike = select(ReliefRequest).where(
        col(ReliefRequest.situation_id) == situation.id,
        col(ReliefRequest.form) == asked.form,
        col(ReliefRequest.first_day) == asked.first_day,
        col(ReliefRequest.need) == "",
        col(ReliefRequest.state).in_(OPEN_RELIEF_STATES),
    )
    return next((each for each in session.scalars(alike) if _as_asked(each) == asked), None)


def _as_asked(relief: ReliefRequest) -> Ask:
    return Ask(
        relief.form,
        relief.rrule,
        relief.first_day,
        relief.last_day,
        relief.slots,
        relief.minutes,
        relief.urgency,
        relief.words,
    )


def call_the_desk(session: Session, relief: ReliefRequest, *, now: datetime, again: bool = False) -> bool:
    """Tell the opbouwwerkers of this buurt: this cannot wait until somebody opens the desk. False when they were told
    a moment ago already, unless it has to be said again."""
    told = select(col(OutboxMessage.id)).where(
        col(OutboxMessage.key).startswith(f"relief_now:{relief.id}:", autoescape=True),
        col(OutboxMessage.created_at) > now - DOUBLE_TAP,
    )
    if not again and session.scalars(told).first() is not None:
        return False
    relief_id = relief.id or 0
    opbouwwerkers.post(session, relief_id, lambda account_id: notices.relief_now(account_id, relief_id, now), now=now)
    return True


def tell(session: Session, relief: ReliefRequest, what: str, *, now: datetime) -> None:
    """Let the mantelzorger know that there is news; what it is stands behind the log-in. The same news is told once.

    what: which news, with its number where it can happen twice; at most 40 characters.
    """
    situation = session.get_one(CareSituation, relief.situation_id)
    outbox.post(session, notices.relief_news(situation.mantelzorger_id, relief.id or 0, what), now=now)


def own(session: Session, account_id: int | None, relief_id: int) -> tuple[CareSituation, ReliefRequest]:
    """The request for its own mantelzorger. Raises NotFound for everybody else, staff too."""
    found = session.get(ReliefRequest, relief_id)
    if found is None:
        raise NotFound
    return care.own(session, account_id, found.situation_id), found


def look(
    session: Session, viewer: Viewer, relief_id: int, *, activity: str, trace_id: str, now: datetime
) -> tuple[CareSituation, ReliefRequest]:
    """The request for the desk of its buurt; the look is noted. Raises NotFound for everybody else."""
    found = session.get(ReliefRequest, relief_id)
    if found is None:
        raise NotFound
    situation = care.look(session, viewer, found.situation_id, activity=activity, trace_id=trace_id, now=now)
    return situation, found


def take_up(session: Session, relief: ReliefRequest, *, viewer: Viewer, now: datetime) -> None:
    """Somebody of the desk looks after this from now on, also of what is arranged already but lost its desk. Doing it
    twice changes nothing.

    Raises NotFound outside the viewer's places, AlreadyTaken when somebody else was first, IllegalMove when it is over.
    """
    locks.relief(session, _id(relief), with_request=False)
    situation = session.get_one(CareSituation, relief.situation_id)
    if viewer.account_id is None or not works_in(viewer, situation.buurt_code):
        raise NotFound
    if relief.state in OPEN_RELIEF_STATES and relief.taken_by_id is not None:
        if relief.taken_by_id == viewer.account_id:
            return
        raise AlreadyTaken(f"taken up by {relief.taken_by_id}")
    if relief.state == ReliefState.ASKED or relief.state not in OPEN_RELIEF_STATES:  # else its desk changed
        relief.state = after(RELIEF_MOVES, relief.state, "take_up")
    relief.taken_by_id, relief.taken_at, relief.updated_at = viewer.account_id, now, now
    session.add(relief)
    record(session, Tag.RELIEF_TAKEN_UP, relief, now=now, actor_id=viewer.account_id)
    tell(session, relief, "taken_up", now=now)


def choose_form(session: Session, relief: ReliefRequest, form: str, *, viewer: Viewer, now: datetime) -> None:
    """Which form it becomes, where the mantelzorger left that open or something else fits better.

    Raises Invalid("form", ...) as the asking does, and IllegalMove once somebody takes over or it is over.
    """
    locks.relief(session, _id(relief), with_request=False)
    if relief.state not in WAITING or live_arrangements(session, relief):
        raise IllegalMove(f"cannot change a request that is {relief.state}")
    situation = session.get_one(CareSituation, relief.situation_id)
    if not form:
        raise Invalid("form", "missing")
    relief_rules.check_form(form, home_of(situation))
    relief.form, relief.updated_at = form, now
    session.add(relief)
    record(session, Tag.RELIEF_CHANGED, relief, now=now, actor_id=viewer.account_id, form=form)


def settle(session: Session, relief: ReliefRequest, slot: int, *, viewer: Viewer, now: datetime) -> None:
    """Which of the moments that suit it becomes, so that it can be planned.

    Raises Invalid("slot", "missing") for a moment that does not suit, IllegalMove when it is over or runs already.
    """
    locks.relief(session, _id(relief), with_request=False)
    if relief.state not in WAITING:
        raise IllegalMove(f"cannot change a request that is {relief.state}")
    if not 0 <= slot < 28 or not relief.slots >> slot & 1:
        raise Invalid("slot", "missing")
    relief.rrule, relief.slots, relief.updated_at = relief_rules.settle(relief.rrule, slot), 1 << slot, now
    session.add(relief)
    record(session, Tag.RELIEF_CHANGED, relief, now=now, actor_id=viewer.account_id, slot=slot)


def withdraw(session: Session, relief: ReliefRequest, *, by: int, now: datetime) -> None:
    """The mantelzorger no longer needs it: what was arranged ends and what was planned is cancelled.

    Raises IllegalMove when it is over already.
    """
    _end(session, relief, "withdraw", reason="withdrawn", by=by, now=now)
    record(session, Tag.RELIEF_WITHDRAWN, relief, now=now, actor_id=by)


def close(session: Session, relief: ReliefRequest, *, reason: str, by: int, now: datetime) -> None:
    """The desk, or the end of the situation, closes it; the mantelzorger hears of it. reason: at most 20 characters.

    Raises IllegalMove when it is over.
    """
    _end(session, relief, "close", reason=reason, by=by, now=now)
    record(session, Tag.RELIEF_CLOSED, relief, now=now, actor_id=by, reason=reason)
    tell(session, relief, "closed", now=now)


def finish(session: Session, relief: ReliefRequest, *, reason: str, by: int | None, now: datetime) -> None:
    """It was what was asked for, and it is over. reason: at most 20 characters. by: None for the program itself.

    Raises IllegalMove unless it runs.
    """
    _end(session, relief, "finish", reason=reason, by=by, now=now)
    record(session, Tag.RELIEF_FINISHED, relief, now=now, actor_id=by, reason=reason)
    tell(session, relief, "finished", now=now)


def close_all(session: Session, situation: CareSituation, *, reason: str, by: int, now: datetime) -> None:
    """The care situation ends, so everything that was asked for it does."""
    for relief in open_ones(session, situation):
        _end(session, relief, "close", reason=reason, by=by, now=now)
        record(session, Tag.RELIEF_CLOSED, relief, now=now, actor_id=by, reason=reason)


def open_ones(session: Session, situation: CareSituation) -> list[ReliefRequest]:
    """What was asked in a situation and is not over."""
    query = select(ReliefRequest).where(
        col(ReliefRequest.situation_id) == situation.id, col(ReliefRequest.state).in_(OPEN_RELIEF_STATES)
    )
    return list(session.scalars(query.order_by(col(ReliefRequest.id))))


def live_arrangements(session: Session, relief: ReliefRequest) -> list[Arrangement]:
    """Who was asked to take over, or does."""
    over = (ArrangementState.REFUSED, ArrangementState.ENDED)
    query = select(Arrangement).where(col(Arrangement.relief_id) == relief.id, col(Arrangement.state).not_in(over))
    newest = query.order_by(col(Arrangement.id)).execution_options(populate_existing=True)
    session.flush()
    return list(session.scalars(newest))


def _id(relief: ReliefRequest) -> int:
    assert relief.id is not None  # it comes from the database
    return relief.id


def _end(session: Session, relief: ReliefRequest, move: str, *, reason: str, by: int | None, now: datetime) -> None:
    from matching.services import respijt_calendar  # it asks the arranging, which asks this module

    locks.relief(session, _id(relief))  # a search may have begun at this very moment
    state = after(RELIEF_MOVES, relief.state, move)  # refused before anything else happens
    asked = session.get(HelpRequest, relief.help_request_id) if relief.help_request_id else None
    if asked is not None and asked.state in OPEN_REQUEST_STATES:  # whoever was getting acquainted hears of it
        posting.withdraw(session, asked, actor_id=by, now=now)
    relief.state = state
    relief.ended_at = relief.updated_at = now
    relief.end_reason = reason
    session.add(relief)
    outbox.cancel(session, f"relief_now:{relief.id}:", now=now)
    for arrangement in live_arrangements(session, relief):
        step = "end" if arrangement.state == ArrangementState.RUNNING else "refuse"
        arrangement.state = after(ARRANGEMENT_MOVES, arrangement.state, step)
        arrangement.ended_at, arrangement.end_reason, arrangement.follow_up_on = now, reason, None
        session.add(arrangement)
        record(session, Tag.ARRANGEMENT_MOVED, arrangement, now=now, actor_id=by, move=step, why=reason)
        session.flush()
        respijt_calendar.cancel_coming(session, arrangement_id=arrangement.id, reason=reason, by=by, now=now)
        standing_in.tell_stand_in(session, arrangement, "ended", now=now)
