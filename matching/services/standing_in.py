"""Who may stand in for a mantelzorger, and what a pairing means for it.

The matcher's part ends when volunteer and mantelzorger both said yes. From there an arrangement takes over, with its
introduction visit, its trial and its agreement. `pairing` and `ending` tell this module what happened and know nothing
else of respijt. The pairing itself stays agreed until the arrangement runs: what goes wrong before is a pairing that
falls through, so that the same request is offered to somebody else at once and nobody who stopped is asked again.
It gets no appointment: the bookings say who takes over when, and there is one truth about that.
"""

from datetime import date, datetime

from sqlmodel import Session, col, select

from matching import notices
from matching.catalogue import CATEGORIES
from matching.models import (
    Account,
    Arrangement,
    Block,
    CareSituation,
    HelpRequest,
    Pairing,
    ReliefRequest,
    Tag,
    Volunteer,
)
from matching.services import locks, outbox
from matching.services.history import record
from matching.workflow import ARRANGEMENT_MOVES, ArrangementState, after

# A volunteer and a mantelzorger are on their way to an arrangement that runs.
UNDER_WAY = (ArrangementState.INTRODUCING, ArrangementState.TRIAL, ArrangementState.AGREEING)
LIVE = (*UNDER_WAY, ArrangementState.RUNNING)
LONGEST_REASON = 20


def may_stand_in(session: Session, volunteer: Volunteer, on: date) -> list[str]:
    """What keeps this volunteer from staying with somebody on this day: gone, no_vog, no_introduction, no_training;
    nothing when the list is empty. A VOG that has to be renewed by then is none."""
    account = session.get_one(Account, volunteer.account_id)
    stands = {
        "gone": not account.is_active,
        "no_vog": not volunteer.has_valid_vog(on),
        "no_introduction": volunteer.introduced_on is None,
        "no_training": volunteer.trained_on is None,
    }
    return [rule for rule, holds in stands.items() if holds]


def live_of(session: Session, account_id: int) -> list[tuple[int, str, bool]]:
    """Where this volunteer takes over or is on the way to it, the oldest first: id of the arrangement, first name of
    the mantelzorger, and whether it runs."""
    query = (
        select(Arrangement.id, Account.first_name, Arrangement.state)
        .join(ReliefRequest, col(ReliefRequest.id) == col(Arrangement.relief_id))
        .join(CareSituation, col(CareSituation.id) == col(ReliefRequest.situation_id))
        .join(Account, col(Account.id) == col(CareSituation.mantelzorger_id))
        .where(Arrangement.volunteer_id == account_id, col(Arrangement.state).in_(LIVE))
        .order_by(col(Arrangement.id))
    )
    return [(key or 0, name, state == ArrangementState.RUNNING) for key, name, state in session.exec(query)]


def is_for_respijt(request: HelpRequest) -> bool:
    """Whether this kind of help is only looked for on behalf of a mantelzorger."""
    return CATEGORIES[request.category].respijt


def relief_of(session: Session, request: HelpRequest) -> ReliefRequest | None:
    """The time off for which this request looks for somebody; None for help among neighbours."""
    if not is_for_respijt(request):
        return None
    return session.exec(select(ReliefRequest).where(ReliefRequest.help_request_id == request.id)).first()


def arrangement_of(session: Session, pairing: Pairing, request: HelpRequest) -> Arrangement | None:
    """What became of a pairing with a mantelzorger, the last arrangement of these two; None for other help."""
    if not is_for_respijt(request):
        return None
    query = (
        select(Arrangement)
        .join(ReliefRequest, col(ReliefRequest.id) == col(Arrangement.relief_id))
        .join(CareSituation, col(CareSituation.id) == col(ReliefRequest.situation_id))
        .where(Arrangement.volunteer_id == pairing.volunteer_id, CareSituation.mantelzorger_id == request.asker_id)
        .order_by(col(Arrangement.id).desc())
    )
    return session.exec(query).first()


def begin(session: Session, pairing: Pairing, request: HelpRequest, *, now: datetime) -> Arrangement | None:
    """Volunteer and mantelzorger both said yes: the introduction visit comes next. None when this is no respijt.

    While somebody else takes over already, this is a back-up person. The row of the request is the caller's.
    """
    relief = relief_of(session, request)
    if relief is None:
        return None
    running = select(Arrangement.id).where(
        Arrangement.relief_id == relief.id, Arrangement.state == ArrangementState.RUNNING, ~col(Arrangement.is_backup)
    )
    assert relief.id is not None
    made = Arrangement(
        relief_id=relief.id,
        volunteer_id=pairing.volunteer_id,
        is_backup=session.exec(running).first() is not None,
        state=after(ARRANGEMENT_MOVES, ArrangementState.PROPOSED, "accept"),
        created_at=now,
    )
    session.add(made)
    session.flush()
    record(session, Tag.ARRANGEMENT_MOVED, made, now=now, move="accept", backup=made.is_backup)
    tell_both(session, made, "introducing", now=now)
    return made


def let_go(
    session: Session, pairing: Pairing, request: HelpRequest, *, why: str, actor_id: int | None, now: datetime
) -> None:
    """The pairing fell through, so what they were on their way to does not come, and neither does a planned trial."""
    from matching.services import respijt_calendar  # it asks this module who may stand in

    relief = relief_of(session, request)
    if relief is None:
        return
    mine = select(Arrangement).where(
        Arrangement.relief_id == relief.id,
        Arrangement.volunteer_id == pairing.volunteer_id,
        col(Arrangement.state).in_(UNDER_WAY),
    )
    for arrangement in session.exec(mine).all():
        locks.arrangements(session, [arrangement])  # a trial may be planned at this very moment
        arrangement.state = after(ARRANGEMENT_MOVES, arrangement.state, "refuse")
        arrangement.ended_at, arrangement.end_reason = now, why[:LONGEST_REASON]
        session.add(arrangement)
        record(session, Tag.ARRANGEMENT_MOVED, arrangement, now=now, actor_id=actor_id, move="refuse", why=why)
        session.flush()
        respijt_calendar.cancel_coming(session, arrangement_id=arrangement.id, reason="ended", by=actor_id, now=now)


def kept_apart(session: Session, carer: int) -> set[int]:
    """Whom not to bring together with this mantelzorger, whoever of the two helps the other."""
    rows = session.exec(
        select(Block.volunteer_id, Block.asker_id).where((Block.volunteer_id == carer) | (Block.asker_id == carer))
    )
    return {person for pair in rows for person in pair} - {carer}


def carer_id(session: Session, arrangement: Arrangement) -> int:
    """The account of the mantelzorger."""
    query = (
        select(CareSituation.mantelzorger_id)
        .join(ReliefRequest, col(ReliefRequest.situation_id) == col(CareSituation.id))
        .where(ReliefRequest.id == arrangement.relief_id)
    )
    return session.exec(query).one()


def tell_stand_in(session: Session, arrangement: Arrangement, what: str, *, now: datetime) -> None:
    """News for the volunteer; a provider is called instead."""
    if arrangement.volunteer_id is not None and arrangement.id is not None:
        news = notices.arrangement_news(arrangement.volunteer_id, arrangement.id, "stand_in", what)
        outbox.post(session, news, now=now)


def tell_both(session: Session, arrangement: Arrangement, what: str, *, now: datetime, but: int | None = None) -> None:
    """News for the mantelzorger and the volunteer, except whoever brought it about (`but`)."""
    assert arrangement.id is not None
    sides = {"carer": carer_id(session, arrangement), "stand_in": arrangement.volunteer_id}
    for side, account_id in sides.items():
        if account_id is not None and account_id != but:
            outbox.post(session, notices.arrangement_news(account_id, arrangement.id, side, what), now=now)
