"""When a human should look at a care situation: every rule, its numbers, and what it needs to know. Pure.

Whoever holds a rule gives `Found`: numbers and dates that say why, never what somebody told. A score stays where it is
encrypted; a signal only holds the keys of the checks that it is about.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

# Most worrying first; lists are in this order.
RISING, NO_RELIEF, CANCELLED, NO_VOG, EXPIRING, INDICATION, OVERDUE = (
    "strain_rising",
    "no_relief",
    "cancelled_twice",
    "stand_in_vog",
    "expiring_unused",
    "indication_ending",
    "check_overdue",
)

CLEARLY = 0.25  # of the most points an instrument can give: 3 of the 12 of our own check
NOT_LIGHT = 1 / 3  # below this share it is still light, however much it rose
TOP_BANDS = ("too_much", "heavy", "high")  # of strain.BANDS: see `is_top`
NO_RELIEF_WEEKS = 4
ENDS_SOON = timedelta(days=60)
INDICATION_SOON, INDICATION_OVER = timedelta(weeks=8), timedelta(weeks=4)
VOG_SOON = timedelta(weeks=8)
LATE = timedelta(days=7)  # a check is due in a week, not on a day
CHECK_SAYS = timedelta(weeks=26)  # how long an answer says something about now
OVERTAKEN = timedelta(weeks=8)  # by an answer to another instrument that came so much later
TWICE_WITHIN, FAILED_WITHIN = timedelta(weeks=6), timedelta(weeks=12)


@dataclass(frozen=True, slots=True)
class Rule:
    """What a signal means and when it goes away; the words for the desk stand in web/signal_words.py."""

    kind: str
    holds: str
    ends: str


RULES = {
    rule.kind: rule
    for rule in (
        Rule(RISING, "the latest check rose by CLEARLY and is not light, or is in the highest band", "a lighter check"),
        Rule(NO_RELIEF, "asked for time off or heavy, and none for NO_RELIEF_WEEKS", "time off that was used"),
        Rule(CANCELLED, "two moments off in a row, or within TWICE_WITHIN, fell through", "time off that was used"),
        Rule(NO_VOG, "who takes over lacks VOG, introduction or training, or the VOG ends in VOG_SOON", "all in order"),
        Rule(EXPIRING, "something is left of what ends within ENDS_SOON", "all is planned, or the day is over"),
        Rule(INDICATION, "an indication ends within INDICATION_SOON", "a later one of the same payer"),
        Rule(OVERDUE, "the next check is more than LATE ago", "a check, or another rhythm"),
    )
}
KINDS = tuple(RULES)


@dataclass(frozen=True, slots=True)
class Found:
    """A rule holds. data: numbers and dates (ISO text). about: which thing it is about; when a human handled a signal,
    it comes back for another thing at once."""

    kind: str
    data: dict[str, int | str] = field(default_factory=dict)
    about: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Strain:
    """A check, newest first in a list. id: its key. share: of the most points, 0 to 1."""

    id: int
    day: date
    instrument: str
    share: float
    band: str


@dataclass(frozen=True, slots=True)
class Moment:
    """A booking that was used, or failed: cancelled without anybody in its place, or nobody came."""

    id: int
    day: date
    has_failed: bool


@dataclass(frozen=True, slots=True)
class Right:
    """An entitlement that still runs; left: units neither planned nor used."""

    id: int
    payer: str
    last_day: date
    indication_ends: date | None
    left: int


@dataclass(frozen=True, slots=True)
class StandIn:
    """A volunteer who takes over. vog_until: None where there is no VOG; date.max for one without an end."""

    volunteer_id: int
    vog_until: date | None
    is_introduced: bool
    is_trained: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules need to know of one open situation. last_relief: the last day of time off. asked: for each open
    request its key and the day from which somebody waits for it."""

    since: date
    next_check_on: date | None
    last_relief: date | None = None
    next_relief: date | None = None
    checks: Sequence[Strain] = ()
    asked: Sequence[tuple[int, date]] = ()
    moments: Sequence[Moment] = ()
    rights: Sequence[Right] = ()
    stand_ins: Sequence[StandIn] = ()


def judge(facts: Facts, today: date) -> list[Found]:
    """The signals of one open situation."""
    found = (
        _rising(facts.checks, today),
        _no_relief(facts, today),
        _cancelled(facts.moments, today),
        _no_vog(facts.stand_ins, today),
        _expiring(facts.rights, today),
        _indication(facts.rights, today),
        _overdue(facts.next_check_on, today),
    )
    return [one for one in found if one is not None]


def is_top(check: Strain) -> bool:
    """Whether it is in the highest band of its instrument."""
    return check.band == {"own": "too_much", "ediz_plus": "heavy", "csi": "high"}[check.instrument]


def is_heavy(check: Strain) -> bool:
    """Whether somebody needs time off by what they or a professional said."""
    return check.band in TOP_BANDS


def _latest(checks: Iterable[Strain], today: date) -> list[Strain]:
    return sorted((each for each in checks if today - each.day <= CHECK_SAYS), key=lambda c: (c.day, c.id))[::-1]


def _rising(checks: Iterable[Strain], today: date) -> Found | None:
    recent = _latest(checks, today)
    for instrument in dict.fromkeys(check.instrument for check in recent):
        last, *earlier = [check for check in recent if check.instrument == instrument]
        if recent[0].day - last.day >= OVERTAKEN:
            continue
        rose = bool(earlier) and last.share - earlier[0].share >= CLEARLY and last.share >= NOT_LIGHT
        if rose or is_top(last):
            data: dict[str, int | str] = {"check": last.id, "day": last.day.isoformat()}
            if earlier:
                data |= {"before": earlier[0].id, "day_before": earlier[0].day.isoformat()}
            return Found(RISING, data, about=(2 if is_top(last) else 1,))
    return None


def _no_relief(facts: Facts, today: date) -> Found | None:
    recent = _latest(facts.checks, today)
    waits = [(max(day, facts.last_relief or day), key) for key, day in facts.asked]
    if recent and is_heavy(recent[0]):
        waits.append((max(facts.since, facts.last_relief or facts.since), 0))
    if not waits:
        return None
    since = min(waits)[0]
    if today - since < timedelta(weeks=NO_RELIEF_WEEKS):
        return None
    data: dict[str, int | str] = {"since": since.isoformat(), "had": int(facts.last_relief is not None)}
    if facts.asked:
        data["relief"] = min(facts.asked, key=lambda ask: (ask[1], ask[0]))[0]
    if facts.next_relief:
        data["planned"] = facts.next_relief.isoformat()
    return Found(NO_RELIEF, data)


def _cancelled(moments: Iterable[Moment], today: date) -> Found | None:
    ordered = sorted((m for m in moments if today - m.day <= FAILED_WITHIN), key=lambda m: (m.day, m.id))
    failed = [m for m in ordered if m.has_failed]
    in_a_row = len(ordered) > 1 and ordered[-1].has_failed and ordered[-2].has_failed
    close = [m for m in failed if today - m.day <= TWICE_WITHIN]
    if not in_a_row and (len(close) < 2 or not ordered[-1].has_failed):
        return None
    told = ordered[-2:] if in_a_row and len(close) < 2 else close[-2:]
    data: dict[str, int | str] = {"first": told[0].day.isoformat(), "last": told[1].day.isoformat()}
    return Found(CANCELLED, data, about=(told[1].id,))


def _no_vog(stand_ins: Iterable[StandIn], today: date) -> Found | None:
    lacking = []
    for one in stand_ins:
        is_ending = one.vog_until is None or one.vog_until <= today + VOG_SOON
        if is_ending or not (one.is_introduced and one.is_trained):
            lacking.append((one.vog_until or date.min, one.volunteer_id, is_ending, one))
    if not lacking:
        return None
    until, key, is_ending, one = min(lacking, key=lambda each: each[:2])
    data: dict[str, int | str] = {
        "volunteer": key,
        "vog": int(not is_ending),
        "introduced": int(one.is_introduced),
        "trained": int(one.is_trained),
        "others": len({each[1] for each in lacking}) - 1,
    }
    if is_ending and until > date.min:
        data["until"] = until.isoformat()
    return Found(NO_VOG, data, about=tuple(sorted({each[1] for each in lacking})))


def _expiring(rights: Iterable[Right], today: date) -> Found | None:
    ending = [one for one in rights if today <= one.last_day <= today + ENDS_SOON and one.left > 0]
    return _about_rights(EXPIRING, ending, [one.last_day for one in ending])


def _indication(rights: Sequence[Right], today: date) -> Found | None:
    ends: dict[str, date] = {}
    for one in rights:
        if one.indication_ends is not None:
            ends[one.payer] = max(one.indication_ends, ends.get(one.payer, one.indication_ends))
    soon = {payer for payer, day in ends.items() if today - INDICATION_OVER <= day <= today + INDICATION_SOON}
    ending = [one for one in rights if one.payer in soon and one.indication_ends == ends[one.payer]]
    return _about_rights(INDICATION, ending, [ends[one.payer] for one in ending])


def _about_rights(kind: str, ending: Sequence[Right], days: Sequence[date]) -> Found | None:
    if not ending:
        return None
    day, first = min(zip(days, ending, strict=True), key=lambda pair: (pair[0], pair[1].id))
    data: dict[str, int | str] = {"entitlement": first.id, "ends": day.isoformat(), "others": len(ending) - 1}
    if kind == EXPIRING:
        data["left"] = first.left
    return Found(kind, data, about=tuple(sorted(one.id for one in ending)))


def _overdue(next_check_on: date | None, today: date) -> Found | None:
    if next_check_on is None or today - next_check_on <= LATE:
        return None
    return Found(OVERDUE, {"due": next_check_on.isoformat()})
