"""One ledger over all payers: what was granted, what is planned, what was used and what is left.

Lines are only ever added, and every sum is the sum of its lines, added up by the database. Whoever writes holds the
situation, so that two bookings cannot both get the last unit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlmodel import Session, col, select

from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import Arrangement, CareSituation, Entitlement, LedgerLine, ReliefRequest, RespijtBooking, Tag
from matching.respijt_catalogue import FORMS, PAYERS, UNITS
from matching.services import ledger_lines, ledger_rules
from matching.services.history import record
from matching.services.ledger_lines import Balance, Line, balances, count, hold, line_row, lines, planned, used, write
from matching.services.ledger_rules import Grant, units_by_day
from matching.workflow import CareState
from matching.working_days import AMSTERDAM

__all__ = [
    "Balance", "Beyond", "Line", "add_entitlement", "balances", "beyond", "correct", "count", "end", "entitlement_of",
    "line_of", "line_row", "lines", "plan", "release", "units_by_day", "use",
]  # fmt: skip
MISTAKE = "mistake"  # also where a booking was written down as used and was not
REASONS = ("typed", "decision", "happened", MISTAKE)  # why a line is corrected: keys of web/ledger_words.REASONS


@dataclass(frozen=True)
class Beyond:
    """A booking with units planned for days after an entitlement that was ended early."""

    booking_id: int
    starts_at: datetime
    units: int


def add_entitlement(
    session: Session,
    situation: CareSituation,
    *,
    payer: str,
    form: str,
    unit: str,
    units: int,
    first_day: date,
    last_day: date,
    indication_ends: date | None,
    by: int,
    now: datetime,
) -> Entitlement:
    """Write down what a payer gives. form: empty for any form. units: whole, at least 1.

    The mantelzorger writes down own money and insurance, the desk everything. Raises Invalid at the field that is
    wrong (Overlap and YearFull carry what they met), and IllegalMove when the situation is closed.
    """
    assert situation.id is not None
    _hold_open(session, situation.id)
    new = Entitlement(
        situation_id=situation.id,
        payer=payer,
        form=form,
        unit=unit,
        first_day=first_day,
        last_day=last_day,
        indication_ends=indication_ends,
        created_by_id=by,
        created_at=now,
    )
    ledger_rules.check_new(new, units)
    if by == situation.mantelzorger_id and payer not in ledger_rules.TOLD_BY_CARER:
        raise Invalid("payer", "desk_only")
    _check_at_home(situation, payer)
    beside = [each for each in ledger_lines.counted(session, new.situation_id) if each.granted]
    ledger_rules.check_beside(new, [each.entitlement for each in beside])
    _check_granted(beside, new, units)
    session.add(new)
    session.flush()
    write(session, _line(new.id, "grant", f"grant:{new.id}", first_day, by=by, now=now, granted=units))
    record(session, Tag.ENTITLEMENT_ADDED, new, now=now, actor_id=by, payer=payer, unit=unit, units=units)
    return new


def _hold_open(session: Session, situation_id: int) -> None:
    """Take the situation first and read it afresh: somebody may close it at this very moment."""
    hold(session, situation_id)
    situation = session.get_one(CareSituation, situation_id)
    session.refresh(situation)
    if situation.state != CareState.OPEN:
        raise IllegalMove("the situation is closed")


def _line(
    entitlement_id: int | None, kind: str, key: str, day: date, *, by: int | None, now: datetime, **more: Any
) -> LedgerLine:
    assert entitlement_id is not None
    return LedgerLine(entitlement_id=entitlement_id, kind=kind, key=key, day=day, by_id=by, at=now, **more)


def _check_at_home(situation: CareSituation, payer: str) -> None:
    if payer == "wlz" and situation.details.get("lives") == "institution":
        raise Invalid("payer", "not_at_home")


def _check_granted(beside: list[Balance], new: Entitlement, units: int) -> None:
    """With `units` for `new` no calendar year may get more nights than the payer gives (YearFull). Of what was ended
    early only what is planned or used counts."""
    limit = PAYERS[new.payer].yearly_nights
    if limit is None or new.unit != "night":
        return
    grants = [
        _grant(each.entitlement, each.granted if each.entitlement.closed_at is None else each.planned + each.used)
        for each in beside
        if (each.entitlement.payer, each.entitlement.unit) == (new.payer, "night") and each.entitlement.id != new.id
    ]
    found = ledger_rules.year_with_too_much([*grants, _grant(new, units)], limit)
    if found is not None:
        year, too_much = found
        raise ledger_rules.YearFull(new.payer, year, max(units - too_much, 0), limit)


def _grant(entitlement: Entitlement, units: int) -> Grant:
    return Grant(entitlement.first_day.year, ledger_rules.ends_on(entitlement).year, units)


def plan(session: Session, booking: RespijtBooking, *, by: int | None, now: datetime) -> list[LedgerLine]:
    """Take the units of a booking from the entitlements of its payer: one line for each entitlement and calendar year.

    A booking without payer takes nothing, one that was planned before takes nothing twice. Raises NoEntitlement,
    TooLittleLeft or YearFull (all Invalid); then nothing was written.
    """
    if not booking.payer:
        return []
    hold(session, booking.situation_id)
    written = ledger_lines.of_booking(session, booking.id)
    if any(planned(group) or used(group) for group in written.values()):
        return []
    _check_at_home(session.get_one(CareSituation, booking.situation_id), booking.payer)
    days, taken, unit = _taken(session, booking)
    _check_taken(session, booking.situation_id, booking.payer, unit, taken)
    made = []
    for (entitlement_id, year), units in sorted(taken.items()):
        number = _number(written.get((entitlement_id, year), []), "plan")
        key = f"plan:{booking.id}:{entitlement_id}:{year}:{number}"
        first = min(day for day in days if day.year == year)
        line = _line(entitlement_id, "plan", key, first, by=by, now=now, booking_id=booking.id, planned=units)
        made.append(write(session, line))
    return made


def _number(before: list[LedgerLine], kind: str) -> int:
    """How often this was written before, so that a booking that came back can be planned again."""
    return sum(line.kind == kind for line in before)


def _taken(session: Session, booking: RespijtBooking) -> tuple[dict[date, int], dict[tuple[int, int], int], str]:
    """Units by day, units by (entitlement, year), and the unit a booking is counted in.

    The usual unit of the form goes first; another one only where the payer gave that.
    """
    form = _form(session, booking)
    found = [
        each for each in ledger_lines.counted(session, booking.situation_id) if each.entitlement.payer == booking.payer
    ]
    left = {each.entitlement.id or 0: each.left for each in found}
    periods = ledger_rules.in_order([each.entitlement for each in found], form)
    given = {period.unit for period in periods} or {FORMS[form].unit}
    refusals: list[Invalid] = []
    for unit in sorted(given, key=lambda unit: (unit != FORMS[form].unit, UNITS.index(unit))):
        days = units_by_day(booking.starts_at, booking.ends_at, unit)
        try:
            return days, ledger_rules.allot(days, [each for each in periods if each.unit == unit], left), unit
        except ledger_rules.NoEntitlement as refusal:
            refusals.append(ledger_rules.NoEntitlement(booking.payer, refusal.day))
        except ledger_rules.TooLittleLeft as refusal:
            refusals.append(refusal)
    raise min(refusals, key=lambda refusal: not isinstance(refusal, ledger_rules.TooLittleLeft))


def _form(session: Session, booking: RespijtBooking) -> str:
    query = (
        select(ReliefRequest.form)
        .join(Arrangement, col(Arrangement.relief_id) == ReliefRequest.id)
        .where(Arrangement.id == booking.arrangement_id)
    )
    return session.exec(query).one()


def _check_taken(
    session: Session, situation_id: int, payer: str, unit: str, more: Mapping[tuple[int, int], int]
) -> None:
    """Over all its entitlements a payer gives no more nights in a calendar year than it may (YearFull). more: what is
    to be added, by (entitlement, year)."""
    limit = PAYERS[payer].yearly_nights
    if limit is None or unit != "night":
        return
    taken = ledger_lines.taken_by_year(session, situation_id, payer, unit)
    for year in sorted({year for _id, year in more}):
        units = sum(each for (_id, other), each in more.items() if other == year)
        left = limit - taken.get(year, 0)
        if units > max(left, 0):
            raise ledger_rules.YearFull(payer, year, max(left, 0), limit)


def use(session: Session, booking: RespijtBooking, *, by: int | None, now: datetime) -> list[LedgerLine]:
    """What was planned for a booking was used. Written twice it counts once."""
    hold(session, booking.situation_id)
    made = []
    for (entitlement_id, year), before in ledger_lines.of_booking(session, booking.id).items():
        units = planned(before)
        if units > 0:
            key = f"use:{booking.id}:{entitlement_id}:{year}:{_number(before, 'use')}"
            line = _line(
                entitlement_id, "use", key, before[0].day, by=by, now=now,
                booking_id=booking.id, planned=-units, used=units,
            )  # fmt: skip
            made.append(write(session, line))
    return made


def release(session: Session, booking: RespijtBooking, *, by: int | None, now: datetime) -> list[LedgerLine]:
    """A booking does not happen, or was written down as used by mistake: all its units come back."""
    hold(session, booking.situation_id)
    made = []
    for (entitlement_id, year), before in ledger_lines.of_booking(session, booking.id).items():
        corrected = {line.corrects_id for line in before}
        undone = [
            write(session, _reversal(line, reason=MISTAKE, by=by, now=now))
            for line in before
            if line.kind == "use" and line.id not in corrected
        ]
        units = planned([*before, *undone])
        made += undone
        if units > 0:
            key = f"release:{booking.id}:{entitlement_id}:{year}:{_number(before, 'release')}"
            line = _line(
                entitlement_id, "release", key, before[0].day, by=by, now=now, booking_id=booking.id, planned=-units
            )
            made.append(write(session, line))
    return made


def _reversal(line: LedgerLine, *, reason: str, by: int | None, now: datetime) -> LedgerLine:
    """The line that undoes another: the same numbers the other way round."""
    return _line(
        line.entitlement_id, "correct", f"correct:{line.id}", line.day, by=by, now=now, booking_id=line.booking_id,
        granted=-line.granted, planned=-line.planned, used=-line.used, corrects_id=line.id, reason=reason,
    )  # fmt: skip


def correct(session: Session, line: LedgerLine, *, units: int, reason: str, by: int, now: datetime) -> list[LedgerLine]:
    """A line should have said `units` (0: nothing). It stays; a line undoes it and, where something is left, another
    says what is right. For a use, `units` is what was really used, and the rest comes back.

    reason: one of REASONS. Raises Invalid("line", "not_correctable", "already" or "moved_on"), Invalid("reason",
    "unknown"), Invalid at "units", and IllegalMove when the situation is closed.
    """
    entitlement = session.get_one(Entitlement, line.entitlement_id)
    _hold_open(session, entitlement.situation_id)
    ledger_rules.check_units(units, least=0)
    if reason not in REASONS:
        raise Invalid("reason", "unknown")
    _check_correctable(session, line)
    _check_right(session, entitlement, line, units)
    made = [write(session, _reversal(line, reason=reason, by=by, now=now))]
    right = _right(line, units, by=by, now=now)
    if right is not None:
        made.append(write(session, right))
    record(session, Tag.LEDGER_CORRECTED, line, now=now, actor_id=by, reason=reason, units=units)
    return made


def _said(line: LedgerLine) -> int:
    """The number of units that a line is about."""
    return line.used if line.kind == "use" else line.planned or line.granted


def _check_correctable(session: Session, line: LedgerLine) -> None:
    if line.kind not in ("grant", "plan", "use"):
        raise Invalid("line", "not_correctable")
    if session.exec(select(LedgerLine.id).where(LedgerLine.corrects_id == line.id)).first() is not None:
        raise Invalid("line", "already")
    if line.booking_id is None:
        return
    group = ledger_lines.of_booking(session, line.booking_id)[line.entitlement_id, line.day.year]
    if (used(group) if line.kind == "use" else planned(group)) != _said(line):
        raise Invalid("line", "moved_on")  # a later line of the same booking is the one to correct


def _check_right(session: Session, entitlement: Entitlement, line: LedgerLine, units: int) -> None:
    more = units - _said(line)
    if more == 0:
        raise Invalid("units", "same")
    found = ledger_lines.counted(session, entitlement.situation_id)
    balance = next(each for each in found if each.entitlement.id == entitlement.id)
    if line.kind == "grant":
        if more + balance.left < 0:
            raise Invalid("units", "below_booked")
        if more > 0:  # less is always right: one that was ended early may hold more than still fits
            ledger_rules.check_fits(units, entitlement)
            _check_granted([each for each in found if each.granted], entitlement, units)
    elif more > balance.left:
        raise ledger_rules.TooLittleLeft(entitlement.unit, balance.left + _said(line), units, balance.ends_on)
    elif more > 0:
        group = (line.entitlement_id, line.day.year)
        _check_taken(session, entitlement.situation_id, entitlement.payer, entitlement.unit, {group: more})


def _right(line: LedgerLine, units: int, *, by: int, now: datetime) -> LedgerLine | None:
    """What should have been written; None where that is nothing."""
    numbers = {
        "grant": {"granted": units},
        "plan": {"planned": units},
        "use": {"planned": line.planned, "used": units},
    }[line.kind]
    if not any(numbers.values()):
        return None
    kind = line.kind if units else "release"
    return _line(
        line.entitlement_id, kind, f"right:{line.id}", line.day, by=by, now=now, booking_id=line.booking_id, **numbers
    )


def end(session: Session, entitlement: Entitlement, *, last_day: date, by: int, now: datetime) -> list[Beyond]:
    """An entitlement stops earlier than was written down. What is planned after it is told, and counts until a human
    calls it off. Raises Invalid("last_day", "before_first", "not_earlier" or "used_after"), and IllegalMove when the
    situation is closed."""
    _hold_open(session, entitlement.situation_id)
    session.refresh(entitlement)
    was = ledger_rules.ends_on(entitlement)
    if last_day < entitlement.first_day:
        raise Invalid("last_day", "before_first")
    if last_day >= was:
        raise Invalid("last_day", "not_earlier")
    day_over = datetime.combine(last_day + timedelta(days=1), time(), AMSTERDAM)
    after = [
        each
        for each in ledger_lines.of_bookings(session, entitlement.id, ending_after=day_over)
        if _last_day(each[0], each[1], entitlement.unit) > last_day
    ]
    if any(units for _booking, _year, _planned, units in after):
        raise Invalid("last_day", "used_after")
    number = ledger_lines.count_ends(session, entitlement.id)
    write(session, _line(entitlement.id, "end", f"end:{entitlement.id}:{number}", last_day, by=by, now=now))
    entitlement.last_day, entitlement.closed_at = last_day, now
    session.add(entitlement)
    record(
        session, Tag.ENTITLEMENT_ENDED, entitlement, now=now, actor_id=by,
        was=was.isoformat(), last_day=last_day.isoformat(),
    )  # fmt: skip
    return _by_booking((booking, units) for booking, _year, units, _used in after)


def _by_booking(found: Iterable[tuple[RespijtBooking, int]]) -> list[Beyond]:
    """One for each booking, also where it takes something in two calendar years."""
    made: dict[int, Beyond] = {}
    for booking, units in found:
        key = booking.id or 0
        made[key] = Beyond(key, booking.starts_at, units + (made[key].units if key in made else 0))
    return list(made.values())


def _last_day(booking: RespijtBooking, year: int, unit: str) -> date:
    """The last day of a booking in a calendar year: a line says of which year its units are, and not of which days."""
    days = units_by_day(booking.starts_at, booking.ends_at, unit)
    return max((day for day in days if day.year == year), default=date.min)


def beyond(session: Session, situation_id: int) -> list[Beyond]:
    """What is still planned for days after an entitlement that was ended early, the soonest first. One query."""
    return _by_booking(
        (booking, units)
        for held, booking, year, units in ledger_lines.planned_of_ended(session, situation_id)
        if _last_day(booking, year, held.unit) > held.last_day
    )


def entitlement_of(session: Session, entitlement_id: int) -> Entitlement:
    """Raises NotFound where there is none. Whose it is says its situation: who asks for it has to check that."""
    found = session.get(Entitlement, entitlement_id)
    if found is None:
        raise NotFound
    return found


def line_of(session: Session, line_id: int) -> tuple[LedgerLine, Entitlement]:
    """A line and its entitlement, in the same way. Raises NotFound."""
    found = session.get(LedgerLine, line_id)
    if found is None:
        raise NotFound
    return found, entitlement_of(session, found.entitlement_id)
