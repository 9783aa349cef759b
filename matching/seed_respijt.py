"""What happens to a made-up mantelzorger, done through the services with a clock that moves: asking, taking up,
introduction, trial, agreement, bookings that are used or fall through.

Two things a service cannot do in the past are written on the rows themselves: that messages of then were sent
(matching/seed.py), and that an entry of the directory is a made-up one.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from sqlmodel import Session, col, select

from matching.access import HeldRole, Viewer
from matching.errors import Invalid
from matching.models import (
    Arrangement,
    CareSituation,
    Entitlement,
    Pairing,
    ReliefRequest,
    RespijtBooking,
    RespijtProvider,
    Role,
    Volunteer,
)
from matching.respijt_catalogue import FORMS
from matching.seed_city import AMSTERDAM, City, join
from matching.services import (
    answering,
    arranging,
    care,
    evaluating,
    judging,
    ledger,
    looks,
    moderating,
    pairing,
    referring,
    relief,
    relief_rules,
    respijt_calendar,
    strain,
    volunteering,
)
from matching.services.arrangement_steps import AGREEMENT
from matching.services.relief import Ask
from matching.services.volunteering import Profile
from matching.workflow import ArrangementState, BookingState

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
AHEAD = timedelta(weeks=8)  # as far as the calendar is laid out
WEEKDAYS_FREE = 0x77777  # mornings, afternoons and evenings from Monday to Friday
SHARE_USED, SHARE_CALLED_OFF, SHARE_ILL = 0.90, 0.06, 0.03  # of past bookings (assumptions); nobody came at the rest


@dataclass
class Family:
    """A mantelzorger of the made-up city, the care situation, and the opbouwwerker of its buurt."""

    session: Session
    city: City
    random: Random
    situation: CareSituation
    carer_id: int
    worker: Viewer
    since: date  # the day on which the situation became known
    now: datetime  # up to when something happens: today, or the end of the caring

    @property
    def today(self) -> date:
        return self.now.astimezone(AMSTERDAM).date()

    @property
    def worker_id(self) -> int:
        assert self.worker.account_id is not None
        return self.worker.account_id

    def text(self, texts: dict[str, list[Any]], key: str) -> Any:
        """One of the things that people say in this case."""
        return self.random.choice(texts.get(key) or [""])


def moment(day: date, hour: int, minute: int = 0) -> datetime:
    """An hour of a day by the Dutch clock, in UTC."""
    return datetime.combine(day, time(hour, minute), AMSTERDAM).astimezone(UTC)


def viewer_of(account_id: int, role: str, place: str) -> Viewer:
    """Somebody at the desk of a place."""
    return Viewer(account_id, (HeldRole(role, place),))


def worker_of(city: City, buurt_code: str) -> Viewer:
    """The opbouwwerker of the wijk of this buurt."""
    account_id = city.worker(buurt_code)
    assert account_id is not None  # every wijk has one
    return viewer_of(account_id, Role.OPBOUWWERKER, f"WK{buurt_code[2:8]}")


def looked(family: Family, viewer: Viewer, activity: str, at: datetime) -> None:
    """Somebody of the desk looks at the situation, which the mantelzorger can read."""
    situation_id = family.situation.id or 0
    trace_id = f"{at:%Y%m%d%H%M%S}{situation_id:018d}"
    care.look(family.session, viewer, situation_id, activity=activity, trace_id=trace_id, now=at)
    family.session.add_all(looks.take(family.session))


def tell_how_it_goes(family: Family, day: date, score: int) -> None:
    """Answer the six questions of an evening so that they add up to this score (0 to 12)."""
    answers = [0] * len(strain.QUESTIONS)
    last = len(answers) - 1  # "it cannot go on like this" is the last thing people say
    while sum(answers) < score:
        open_still = [n for n, given in enumerate(answers) if given < (1 if n == last and score < 10 else 2)]
        answers[family.random.choice(open_still)] += 1
    at = moment(day, 20, family.random.randrange(60))
    strain.answer(family.session, family.situation, dict(zip(strain.QUESTIONS, answers, strict=True)), now=at)


def ask(
    family: Family,
    form: str,
    *,
    at: datetime,
    first_day: date,
    rhythm: str = relief_rules.ONCE,
    slot: int = -1,
    last_day: date | None = None,
    words: str = "",
) -> ReliefRequest:
    """The mantelzorger asks for time off. slot: the half-day (0 is Monday morning), -1 where it does not matter."""
    slots = 1 << slot if slot >= 0 else 0
    rule = relief_rules.rule(rhythm, nth=2, slots=slots)
    asked = Ask(form, rule, first_day, last_day, slots, FORMS[form].usual_minutes, relief_rules.NORMAL, words)
    return relief.ask(family.session, family.situation, asked, by=family.carer_id, now=at)


def take_up(family: Family, asked: ReliefRequest, at: datetime) -> None:
    """The opbouwwerker takes it up, and has looked at the situation for that."""
    looked(family, family.worker, "relief.one", at)
    relief.take_up(family.session, asked, viewer=family.worker, now=at)


def make_stand_in(
    session: Session, city: City, name: str, email: str, buurt_code: str, *, joined: date, vog_until: date
) -> int:
    """A volunteer who takes over care: introduced, with a certificate of conduct and the training."""
    weights = [1.0 if buurt.code == buurt_code else 0.0 for buurt in city.buurten]
    account = join(session, city, name, email, weights, days_ago=(city.today - joined).days)
    assert account.id is not None
    profile = Profile(("sitting", "company"), WEEKDAYS_FREE, None, ("nl",), 3, city.random.random() < 0.5)
    volunteer = volunteering.join(session, account.id, profile, now=moment(joined, 9))
    by = worker_of(city, buurt_code).account_id
    assert by is not None
    certify(session, volunteer, by=by, day=joined + timedelta(days=8), vog_until=vog_until)
    return account.id


def certify(session: Session, volunteer: Volunteer, *, by: int, day: date, vog_until: date) -> None:
    """Introduction, certificate of conduct and training, all that is needed to stay with somebody."""
    now = moment(day, 11)
    moderating.introduced(session, volunteer, by=by, today=day, now=now)
    moderating.vog_seen(session, volunteer, by=by, today=day, renew_by=vog_until, now=now)
    moderating.trained(session, volunteer, by=by, on=day, today=day, now=now)


def bring(
    family: Family,
    asked: ReliefRequest,
    volunteer_id: int,
    at: datetime,
    *,
    until: ArrangementState = ArrangementState.RUNNING,
    steps: timedelta = timedelta(days=5),
) -> Arrangement:
    """A volunteer is asked by name and says yes, and so does the mantelzorger; then each step so many days after the
    last one, until the arrangement stands where it should."""
    session, by = family.session, family.worker_id
    request = arranging.search(session, asked, viewer=family.worker, now=at)
    proposal = judging.choose(session, request, volunteer_id, by=by, now=at, reason="Kent de buurt en heeft tijd.")
    made = answering.accept_question(session, proposal, now=at + DAY)
    pairing.agree(session, made, now=at + 2 * DAY, actor_id=family.carer_id)
    found = _newest(session, asked, made)
    day = at + 2 * DAY
    for step in (ArrangementState.TRIAL, ArrangementState.AGREEING, ArrangementState.RUNNING):
        if found.state == until:
            break
        day += steps
        _step(family, found, step, day)
    return found


def _newest(session: Session, asked: ReliefRequest, made: Pairing) -> Arrangement:
    query = select(Arrangement).where(Arrangement.relief_id == asked.id, Arrangement.volunteer_id == made.volunteer_id)
    found = session.exec(query.order_by(col(Arrangement.id).desc())).first()
    assert found is not None  # both said yes
    return found


def _step(family: Family, found: Arrangement, to: ArrangementState, at: datetime) -> None:
    session, by, on = family.session, family.worker_id, at.astimezone(AMSTERDAM).date()
    if to == ArrangementState.TRIAL:
        arranging.introduced(session, found, on, by=by, now=at)
    elif to == ArrangementState.AGREEING:
        arranging.tried(session, found, on, went_well=True, by=by, now=at)
    else:
        assert found.volunteer_id is not None
        arranging.agree(session, found, by=family.carer_id, version=AGREEMENT, now=at)
        arranging.agree(session, found, by=found.volunteer_id, version=AGREEMENT, now=at + timedelta(hours=3))
        arranging.start(session, found, by=by, now=at + timedelta(hours=4))


def refer(
    family: Family, asked: ReliefRequest, provider: RespijtProvider, at: datetime, *, waited: timedelta | None
) -> Arrangement:
    """An organisation is asked; after so long it has a place. None: it has a waiting list still."""
    session, by = family.session, family.worker
    made = referring.refer(session, asked, provider, viewer=by, now=at, follow_up_on=referring.usual_follow_up(at))
    if waited is None:
        again = at + timedelta(days=4)
        follow_up = again.astimezone(AMSTERDAM).date() + timedelta(days=14)
        referring.wait(session, made, viewer=by, now=again, follow_up_on=follow_up)
    else:
        referring.place(session, made, viewer=by, now=at + waited)
    return made


def grant(
    family: Family,
    payer: str,
    form: str,
    units: int,
    *,
    at: datetime,
    first_day: date,
    last_day: date,
    indication_ends: date | None = None,
) -> Entitlement:
    """A payer gives so many of the usual units of a form, as the opbouwwerker writes it down from the letter."""
    return ledger.add_entitlement(
        family.session,
        family.situation,
        payer=payer,
        form=form,
        unit=FORMS[form].unit,
        units=units,
        first_day=first_day,
        last_day=last_day,
        indication_ends=indication_ends,
        by=family.worker_id,
        now=at,
    )


def lay_out(
    family: Family, arrangement: Arrangement, payer: str, at: datetime, hour: time | None = None
) -> list[RespijtBooking]:
    """Its rhythm in the calendar, from then until eight weeks from today."""
    until = family.today + AHEAD
    made = respijt_calendar.lay_out(
        family.session, arrangement, until=until, payer=payer, by=family.worker_id, now=at, hour=hour
    )
    return made.made


def stay(family: Family, arrangement: Arrangement, payer: str, at: datetime, day: date, nights: int) -> None:
    """One stay of some nights from four in the afternoon, where the payer has that many left."""
    try:
        respijt_calendar.book(
            family.session,
            arrangement,
            starts_at=moment(day, 16),
            ends_at=moment(day + timedelta(days=nights), 11),
            payer=payer,
            by=family.worker_id,
            now=at,
        )
    except Invalid:  # around New Year an entitlement of the year before holds no more nights
        return


def live(
    family: Family, arrangement: Arrangement, *, by_chance: bool = True, fell_through: tuple[int, ...] = ()
) -> None:
    """Time goes by: what was planned is used, called off, falls through, or nobody says anything yet.

    fell_through: which of the past bookings the stand-in could not do, counted from the last one (0).
    """
    session, now = family.session, family.now
    query = select(RespijtBooking).where(
        RespijtBooking.arrangement_id == arrangement.id,
        RespijtBooking.state == BookingState.PLANNED,
        col(RespijtBooking.ends_at) <= now,
    )
    over = session.exec(query.order_by(col(RespijtBooking.starts_at))).all()
    for number, booking in enumerate(over):
        if len(over) - 1 - number in fell_through:
            _call_off(family, arrangement, booking, "stand_in_ill")
        elif not by_chance or number < evaluating.AFTER:
            _use(family, booking)
        else:
            _by_chance(family, arrangement, booking)


def _by_chance(family: Family, arrangement: Arrangement, booking: RespijtBooking) -> None:
    chance = family.random.random()
    if booking.ends_at > family.now - 2 * DAY and chance < 0.5:
        return  # nobody said yet how it went
    if chance < SHARE_USED:
        _use(family, booking)
    elif chance < SHARE_USED + SHARE_CALLED_OFF:
        _call_off(family, arrangement, booking, family.random.choice(("not_needed", "cared_for_ill")))
    elif chance < SHARE_USED + SHARE_CALLED_OFF + SHARE_ILL:
        _call_off(family, arrangement, booking, "stand_in_ill")
    else:
        respijt_calendar.miss(family.session, booking, by=family.carer_id, now=_soon_after(family, booking))


def _soon_after(family: Family, booking: RespijtBooking) -> datetime:
    return min(booking.ends_at + timedelta(hours=2), family.now)


def _use(family: Family, booking: RespijtBooking) -> None:
    respijt_calendar.use(family.session, booking, by=family.carer_id, now=_soon_after(family, booking))


def _call_off(family: Family, arrangement: Arrangement, booking: RespijtBooking, reason: str) -> None:
    by = arrangement.volunteer_id if reason == "stand_in_ill" and arrangement.volunteer_id else family.carer_id
    when = booking.starts_at - timedelta(hours=20)
    respijt_calendar.cancel(family.session, booking, reason=reason, by=by, now=when)


def look_back(family: Family, arrangement: Arrangement, said: list[dict[str, str]]) -> None:
    """After the third time both say how it is, where there was a third time."""
    session = family.session
    used = session.exec(
        select(RespijtBooking.ends_at)
        .where(RespijtBooking.arrangement_id == arrangement.id, RespijtBooking.state == BookingState.USED)
        .order_by(col(RespijtBooking.ends_at))
    ).all()
    if len(used) < evaluating.AFTER or not evaluating.due(session, arrangement.id or 0):
        return
    at = min(used[evaluating.AFTER - 1] + DAY, family.now)
    for person in (family.carer_id, arrangement.volunteer_id):
        assert person is not None
        answers = evaluating.Answers(**family.random.choice(said))
        if person != family.carer_id:
            answers = replace(answers, words="")  # the texts are a mantelzorger's
        evaluating.evaluate(session, arrangement, answers, by=person, now=at)
