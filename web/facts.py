"""A request, a proposal or a reason in words: what, when, where and why, the same on every page."""

from collections.abc import Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Protocol

from flask_babel import gettext as _
from flask_babel import ngettext

from matching.catalogue import CATEGORIES, LANGUAGES
from matching.models import Frequency
from web.i18n import DAYS, PART_NAMES, PARTS, day_text, distance_text, language, slot_text, today

ALL_SLOTS = 2**28 - 1
KEPT = 8192
_LANGUAGE_NAMES = {language.code: language.name for language in LANGUAGES}


class Described(Protocol):
    """What can be described: a help request, or a row with these columns."""

    @property
    def category(self) -> str: ...
    @property
    def frequency(self) -> str: ...
    @property
    def day(self) -> date | None: ...
    @property
    def slots(self) -> int: ...
    @property
    def minutes(self) -> int: ...


def what(category: str) -> str:
    """ "Boodschappen": the category as the asker sees it."""
    return _(CATEGORIES[category].ask)


def question(category: str) -> str:
    """ "Wilt u boodschappen doen?": the category as a question to a volunteer."""
    return _(CATEGORIES[category].title)


def icon_name(category: str) -> str:
    return CATEGORIES[category].icon


def slot_list(slots: int) -> list[int]:
    """The dagdelen of a mask, Monday morning first."""
    return [slot for slot in range(28) if slots >> slot & 1]


def slot_key(slot: int) -> str:
    """ "tue-morning", as in forms and files."""
    return f"{DAYS[slot // 4]}-{PARTS[slot % 4]}"


def when(request: Described) -> str:
    """ "Dinsdag 24 november, ochtend", "Elke week, op dinsdagochtend" or "In overleg"."""
    return when_text(language(), today(), request.frequency, request.day, request.slots)


# The same words come back on many lines and for many people. The day of today tells whether a year is named.
@lru_cache(KEPT)
def when_text(_code: str, _today: date, frequency: str, day: date | None, slots: int) -> str:
    """As `when`, for a list that knows its language and the day of today."""
    free = slot_list(slots)
    if frequency == Frequency.ONCE and day is not None:
        parts = [str(PART_NAMES[slot % 4]) for slot in free if slot // 4 == day.weekday()]
        on_day = day_text(day)
        return f"{on_day}, {either(parts)}" if parts else on_day
    names = _("at any time") if slots == ALL_SLOTS else either([slot_text(slot) for slot in free[:4]])
    if len(free) > 4 and slots != ALL_SLOTS:
        names = _("%(slots)s or another time", slots=", ".join(slot_text(slot) for slot in free[:3]))
    if frequency == Frequency.WEEKLY:
        return _("every week, %(slots)s", slots=names)
    return _("once, %(slots)s", slots=names)


def how_long(minutes: int) -> str:
    """ "Het duurt ongeveer een uur.\""""
    if minutes < 60:
        return _("It takes about %(minutes)s minutes.", minutes=minutes)
    hours = round(minutes / 60)
    return ngettext("It takes about an hour.", "It takes about %(num)s hours.", hours)


def phone_text(number: str) -> str:
    """A telephone number (E.164) as people here write it: "06 12 34 00 01", "035 6291111", or with its country."""
    if not number.startswith("+31") or len(number) != 12:
        return number
    if number[3] == "6":
        return f"06 {number[4:6]} {number[6:8]} {number[8:10]} {number[10:]}"
    return f"0{number[3:5]} {number[5:]}"


def language_name(code: str) -> str:
    return _(_LANGUAGE_NAMES.get(code, code))


def reason_text(reason: Mapping[str, Any], *, to_volunteer: bool = False) -> str:
    """One verified reason as a sentence, for the desk or for the volunteer."""
    return _REASONS[reason["key"]](reason.get("value"), to_volunteer)


def _near(metres: Any, to_volunteer: bool) -> str:
    distance = distance_text(float(metres))
    if to_volunteer:
        return _("You live %(distance)s away.", distance=distance)
    return _("Lives %(distance)s away", distance=distance)


def _skill(key: Any, to_volunteer: bool) -> str:
    if key == "car":
        return _("You have a car.") if to_volunteer else _("Has a car")
    if key not in CATEGORIES:  # "gemeente": helps everywhere in it
        return _("You help in the whole gemeente.") if to_volunteer else _("Helps in the whole gemeente")
    help_text = _(CATEGORIES[key].help)
    if to_volunteer:
        return _("%(skill)s is in your profile.", skill=help_text)
    return _("%(skill)s is in the profile", skill=help_text)


def _slot(key: Any, to_volunteer: bool) -> str:
    day, part = str(key).split("-")
    name = slot_text(DAYS.index(day) * 4 + PARTS.index(part))
    return _("You are both free on %(slot)s.", slot=name) if to_volunteer else _("Free on %(slot)s", slot=name)


def _language(code: Any, to_volunteer: bool) -> str:
    name = language_name(str(code))
    return _("You both speak %(language)s.", language=name) if to_volunteer else _("Speaks %(language)s", language=name)


def _clearance(_value: Any, to_volunteer: bool) -> str:
    return _("You have had your introduction and checks.") if to_volunteer else _("Checks are in order")


def _rested(_value: Any, to_volunteer: bool) -> str:
    return _("You have not been asked this week.") if to_volunteer else _("Has not been asked this week")


def _accepts(count: Any, to_volunteer: bool) -> str:
    if to_volunteer:
        return _("You helped like this before.")
    return ngettext("Said yes once before", "Said yes %(num)s times before", int(count))


def _rested_for(days: Any, to_volunteer: bool) -> str:
    if to_volunteer:
        return _("You have not been asked this week.")
    return ngettext("Not asked for a day", "Not asked for %(num)s days", int(days))


def _waits(days: Any, to_volunteer: bool) -> str:
    """How long this volunteer has been waiting for something to do."""
    weeks = max(1, int(days) // 7)
    if to_volunteer:
        return ngettext(
            "You have been ready to help for a week.", "You have been ready to help for %(num)s weeks.", weeks
        )
    return ngettext("Has waited a week for a task", "Has waited %(num)s weeks for a task", weeks)


def _offered(_value: Any, to_volunteer: bool) -> str:
    return _("You offered to do this.") if to_volunteer else _("Offered to do this")


def _farther(_metres: Any, _to_volunteer: bool) -> str:
    return _("Lives farther away")


def _asked_recently(days: Any, _to_volunteer: bool) -> str:
    if int(days or 0) == 0:
        return _("Was asked today already")
    return ngettext("Was asked yesterday", "Was asked %(num)s days ago", int(days))


def _already_proposed(_requests: Any, _to_volunteer: bool) -> str:
    return _("Is proposed for another request too")


_REASONS = {
    "near": _near,
    "skill": _skill,
    "slot": _slot,
    "language": _language,
    "clearance": _clearance,
    "rested": _rested_for,
    "no_recent_offer": _rested,
    "accepts": _accepts,
    "waits_long": _waits,
    "offered": _offered,
    "farther": _farther,
    "asked_recently": _asked_recently,
    "already_proposed": _already_proposed,
}


def either(names: Iterable[str]) -> str:
    """ "ochtend of middag"."""
    listed = list(names)
    if len(listed) < 2:
        return "".join(listed)
    return _("%(first)s or %(last)s", first=", ".join(listed[:-1]), last=listed[-1])


def listed(names: Iterable[str]) -> str:
    """ "Chantal en Saskia"."""
    each = list(names)
    if len(each) < 2:
        return "".join(each)
    return _("%(first)s and %(last)s", first=", ".join(each[:-1]), last=each[-1])


def sentence(text: str) -> str:
    """With a capital at the start, to stand on its own."""
    return text[:1].upper() + text[1:]


def consent(by: str, how: str) -> str:
    """Who agreed that somebody else asks, and how."""
    known = {
        ("person", "spoken"): _("the person agreed face to face"),
        ("person", "phone"): _("the person agreed on the telephone"),
        ("person", "paper"): _("the person agreed on paper"),
        ("representative", "spoken"): _("someone who may decide for this person agreed face to face"),
        ("representative", "phone"): _("someone who may decide for this person agreed on the telephone"),
        ("representative", "paper"): _("someone who may decide for this person agreed on paper"),
    }
    return known[by, how]
