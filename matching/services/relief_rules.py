"""What a mantelzorger can ask for: pure rules, without a database.

A rhythm becomes an RFC 5545 rule without a start (the first day gives that), and only rules that this module makes
are taken.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from matching import catalogue
from matching.errors import Invalid
from matching.respijt_catalogue import FORMS
from matching.working_days import AMSTERDAM, add_working_days, is_working_day

ONCE, WEEKLY, FORTNIGHTLY, WEEKEND, MONTHLY = "once", "weekly", "fortnightly", "weekend", "monthly"
RHYTHMS = (ONCE, WEEKLY, FORTNIGHTLY, WEEKEND, MONTHLY)
NTH = (1, 2, 3, 4, -1)  # of the month; -1 is the last
NORMAL, SOON, NOW = "normal", "soon", "now"
URGENCIES = (NORMAL, SOON, NOW)
SOON_DAYS = 14
NEEDS = ("here", "stay", "talk")  # of somebody who needs help now
LONGEST_TEXT = 2000
ALL_SLOTS = 2**28 - 1
DAY_MINUTES = 24 * 60
WEEKEND_MINUTES = 2 * DAY_MINUTES
USUAL_MINUTES = 180  # where the form says nothing yet
LONGEST_MINUTES = 62 * DAY_MINUTES
FURTHEST = timedelta(days=366)  # a first day lies at most so far ahead
LONGEST_SERIES = timedelta(days=3 * 366)
LONGEST_STAY = timedelta(days=61)
SATURDAY_MORNING = 1 << 5 * 4  # as a slot
OPENS, CLOSES = time(9), time(17)  # of a working day at the desk
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_OURS = re.compile(
    r"FREQ=WEEKLY(;INTERVAL=2)?(;BYDAY=(MO|TU|WE|TH|FR|SA|SU))?|FREQ=MONTHLY;BYDAY=(-1|[1-4])(MO|TU|WE|TH|FR|SA|SU)"
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked. form: a key of FORMS, or "" for "think along with me". rrule: made by `rule`; "" is once.

    last_day: of a stay, or of a series (None: until further notice). slots: 28 bits, 0 where the moment does not
    matter. minutes: of one time.
    """

    form: str
    rrule: str
    first_day: date
    last_day: date | None
    slots: int
    minutes: int
    urgency: str = NORMAL
    words: str = ""


@dataclass(frozen=True, slots=True)
class Home:
    """What the rules need to know of a care situation."""

    lives: str
    has_consent: bool  # of the person cared for


def weekdays(slots: int) -> list[int]:
    """The days of the week (0 is Monday) on which these moments lie."""
    return [day for day in range(7) if slots >> day * 4 & 0b1111]


def rule(rhythm: str, *, nth: int, slots: int) -> str:
    """The RFC 5545 rule of a rhythm; "" for once.

    With moments on several days of the week a weekly rule leaves the day open, to be agreed on with whoever comes.
    Raises Invalid("rhythm", "missing"), Invalid("nth", "missing"), Invalid("slots", "missing" or "one_day").
    """
    if rhythm not in RHYTHMS:
        raise Invalid("rhythm", "missing")
    if rhythm == ONCE:
        return ""
    if rhythm in (WEEKEND, MONTHLY) and nth not in NTH:
        raise Invalid("nth", "missing")
    if rhythm == WEEKEND:
        return f"FREQ=MONTHLY;BYDAY={nth}SA"
    days = weekdays(slots)
    if not days:
        raise Invalid("slots", "missing")
    if rhythm == MONTHLY:
        if len(days) > 1:
            raise Invalid("slots", "one_day")
        return f"FREQ=MONTHLY;BYDAY={nth}{DAYS[days[0]]}"
    every = "FREQ=WEEKLY" if rhythm == WEEKLY else "FREQ=WEEKLY;INTERVAL=2"
    return f"{every};BYDAY={DAYS[days[0]]}" if len(days) == 1 else every


def rhythm_of(rrule: str, minutes: int) -> tuple[str, int]:
    """The rhythm of a rule and which one of the month (0 where that says nothing)."""
    if not rrule:
        return ONCE, 0
    if rrule.startswith("FREQ=WEEKLY"):
        return (FORTNIGHTLY if "INTERVAL=2" in rrule else WEEKLY), 0
    by_day = rrule.partition("BYDAY=")[2]
    is_weekend = by_day.endswith("SA") and minutes >= WEEKEND_MINUTES
    return (WEEKEND if is_weekend else MONTHLY), int(by_day[:-2] or 0)


def settle(rrule: str, slot: int) -> str:
    """The rule with the day of this half-day (0 is Monday morning) in it; "" stays once."""
    day = DAYS[slot // 4]
    if rrule.startswith("FREQ=MONTHLY"):
        return f"FREQ=MONTHLY;BYDAY={rhythm_of(rrule, 0)[1]}{day}"
    return f"{rrule.partition(';BYDAY=')[0]};BYDAY={day}" if rrule else ""


def desk_opens(now: datetime) -> datetime | None:
    """When somebody is at the desk again, in UTC; None while somebody is: working days from nine to five."""
    here = now.astimezone(AMSTERDAM)
    today = here.date()
    if is_working_day(today) and OPENS <= here.time() < CLOSES:
        return None
    is_later_today = is_working_day(today) and here.time() < OPENS
    day = today if is_later_today else add_working_days(today, 1)
    return datetime.combine(day, OPENS, AMSTERDAM).astimezone(UTC)


def stay_minutes(first_day: date, last_day: date | None) -> int:
    """How long somebody stays who comes on the first day and leaves on the last; 0 when that is the same day."""
    return max((last_day - first_day).days, 0) * DAY_MINUTES if last_day else 0


def settled(asked: Ask) -> Ask:
    """The same with what follows from it filled in: how long a stay or a weekend takes, and when that begins."""
    minutes, slots = asked.minutes, asked.slots
    if not asked.rrule:
        minutes = stay_minutes(asked.first_day, asked.last_day) or minutes
    elif rhythm_of(asked.rrule, minutes)[0] == WEEKEND:
        slots = SATURDAY_MORNING
    words = asked.words.strip()
    return Ask(asked.form, asked.rrule, asked.first_day, asked.last_day, slots, minutes, asked.urgency, words)


def check(asked: Ask, home: Home, *, now: datetime) -> None:
    """Whether this can be asked for this situation at this moment. Raises Invalid with the field and the reason."""
    check_form(asked.form, home)
    if asked.rrule and not _OURS.fullmatch(asked.rrule):
        raise Invalid("rhythm", "missing")
    if not 0 <= asked.slots <= ALL_SLOTS:
        raise Invalid("slots", "missing")
    if not 0 < asked.minutes <= LONGEST_MINUTES:
        raise Invalid("minutes", "missing")
    if asked.urgency not in URGENCIES:
        raise Invalid("urgency", "missing")
    _check_days(asked, now.astimezone(AMSTERDAM).date())
    check_words(asked.words)


def check_form(form: str, home: Home) -> None:
    """Raises Invalid for an unknown form, and for care at home where nobody cared for lives at home or agreed."""
    if not form:
        return
    if form not in FORMS:
        raise Invalid("form", "unknown")
    if FORMS[form].at_home and home.lives == "institution":
        raise Invalid("form", "institution")
    if FORMS[form].at_home and not home.has_consent:
        raise Invalid("form", "consent")


def check_words(text: str) -> None:
    """Raises Invalid for a text that is too long or gives away a telephone number, address, e-mail or BSN."""
    if len(text) > LONGEST_TEXT:
        raise Invalid("words", "too_long")
    found = catalogue.personal_details(text)
    if found:
        raise Invalid("words", found[0].kind)


def _check_days(asked: Ask, today: date) -> None:
    first, last = asked.first_day, asked.last_day
    if first < today:
        raise Invalid("first_day", "past")
    if first - today > FURTHEST:
        raise Invalid("first_day", "too_far")
    if last is not None and last < first:
        raise Invalid("last_day", "before_first")
    if last is not None and last - first > (LONGEST_SERIES if asked.rrule else LONGEST_STAY):
        raise Invalid("last_day", "too_far")
    least = FORMS[asked.form].least_days if asked.form else 0
    if least and asked.rrule:
        raise Invalid("rhythm", "stay")
    if least and (last is None or (last - first).days + 1 < least):
        raise Invalid("last_day", "least_days")
    on_days = {(first + timedelta(days=n)).weekday() for n in range(((last or first) - first).days + 1)}
    if not asked.rrule and asked.slots and not on_days.intersection(weekdays(asked.slots)):
        raise Invalid("slots", "other_day")
