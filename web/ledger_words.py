"""The ledger in words: what there is, what is left, what happened, and why something cannot be."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from babel.dates import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from markupsafe import Markup, escape

from matching.errors import Invalid
from matching.services import ledger_own
from matching.services.ledger import Balance, Beyond, Line
from matching.services.ledger_rules import NoEntitlement, Overlap, TooLittleLeft, YearFull
from web.care_words import FORMS, PAYERS, amount
from web.i18n import language, local

SOON = timedelta(days=60)  # from here on we say that something expires
MOST_BRICKS = 60  # more is drawn as a bar
MARK = "\x1a"  # stands where a number comes: in no text of ours
ANY_FORM = _l("Any kind of time off")
PAYERS_AT_DESK = {
    "volunteer": _l("Volunteer, free"),
    "wmo": _l("The gemeente (Wmo)"),
    "wlz": _l("Long-term care (Wlz)"),
    "insurance": _l("Supplementary insurance"),
    "jeugdwet": _l("The gemeente, for children (Jeugdwet)"),
    "own": _l("Own money"),
}
UNITS = {
    "half_day": _l("Half-days"),
    "day": _l("Days"),
    "night": _l("Nights"),
    "hour": _l("Hours"),
}
REASONS = {
    "typed": _l("A typing error"),
    "decision": _l("The decision says something else"),
    "happened": _l("It went differently than planned"),
    "mistake": _l("Written down by mistake"),
}
KINDS = {
    "grant": _l("granted"),
    "plan": _l("planned"),
    "use": _l("used"),
    "release": _l("given back"),
    "correct": _l("correction"),
    "end": _l("ended early"),
}


@dataclass(frozen=True)
class Entry:
    """One entitlement, ready to show. bricks: (kind, number) in the order they lie. is_bar: too many for bricks."""

    id: int
    title: str
    about: str
    told_by_carer: bool
    badges: list[tuple[str, str]]
    left: Markup
    bricks: list[tuple[str, int]]
    is_bar: bool
    figures: list[tuple[str, int]]
    is_over: bool


@dataclass(frozen=True)
class Told:
    """One line, ready to show. change: what it does to what is left, with its sign."""

    id: int
    day: date
    what: str
    about: str
    written: str
    change: str
    can_be_corrected: bool
    was_corrected: bool
    is_own: bool


@lru_cache(2048)
def _day_text(day: date, code: str, year: int) -> str:
    return str(format_date(day, "d MMMM" if day.year == year else "d MMMM y", locale=code))


def day_text(day: date, today: date) -> str:
    """ "31 december", with the year when it is not this year."""
    return _day_text(day, language(), today.year)


def title(form: str) -> str:
    return str(FORMS[form] if form else ANY_FORM)


def entry(balance: Balance, *, today: date, carer_id: int, at_desk: bool = False) -> Entry:
    """What stands on a page about an entitlement."""
    held = balance.entitlement
    payer = str((PAYERS_AT_DESK if at_desk else PAYERS)[held.payer])
    badges = _badges(balance, today)
    groups = [("used", balance.used), ("planned", balance.planned), ("left", balance.left)]
    return Entry(
        id=held.id or 0,
        title=title(held.form),
        about=payer if badges else _about(payer, balance, today),
        told_by_carer=held.created_by_id == carer_id,
        badges=badges,
        left=left_text(held.unit, balance.left),
        bricks=groups,
        is_bar=balance.granted > MOST_BRICKS,
        figures=[
            (_("Granted"), balance.granted),
            (_("Used"), balance.used),
            (_("Planned"), balance.planned),
        ],
        is_over=balance.is_over,
    )


def _about(payer: str, balance: Balance, today: date) -> str:
    first, until = day_text(balance.entitlement.first_day, today), day_text(balance.ends_on, today)
    if balance.entitlement.first_day > today:
        return _("%(payer)s, from %(first)s up to and including %(day)s", payer=payer, first=first, day=until)
    return _("%(payer)s, up to and including %(day)s", payer=payer, day=until)


def _badges(balance: Balance, today: date) -> list[tuple[str, str]]:
    until = day_text(balance.ends_on, today)
    if balance.is_over:
        return [(_("Ended on %(day)s", day=until), "neutral")]
    if balance.left > 0 and balance.ends_on - today <= SOON:
        return [(_("Expires on %(day)s", day=until), "warning")]
    return []


def left_text(unit: str, units: int) -> Markup:
    """ "5 half-days left", the number large."""
    text = {
        "half_day": lambda: ngettext("%(units)s half-day left", "%(units)s half-days left", units, units=MARK),
        "day": lambda: ngettext("%(units)s day left", "%(units)s days left", units, units=MARK),
        "night": lambda: ngettext("%(units)s night left", "%(units)s nights left", units, units=MARK),
        "hour": lambda: ngettext("%(units)s hour left", "%(units)s hours left", units, units=MARK),
    }[unit]()
    before, _mark, after = text.partition(MARK)
    return escape(before) + Markup('<b class="oz-big">{}</b>').format(units) + escape(after)


def told(line: Line, *, today: date, carer_id: int, at_desk: bool = False) -> Told:
    """What stands in the table of lines."""
    payer = (PAYERS_AT_DESK if at_desk else PAYERS)[line.payer]
    written = day_text(local(line.at).date(), today)
    change = line.granted - line.planned - line.used
    return Told(
        id=line.id,
        day=line.day,
        what=what(line, today),
        about=_("%(form)s. %(payer)s", form=title(line.form), payer=payer),
        written=_("Written down on %(day)s by %(name)s", day=written, name=line.by)
        if line.by
        else _("Written down on %(day)s by itself", day=written),
        change=f"{change:+d}" if change else "0",
        can_be_corrected=line.kind in ("grant", "plan", "use") and not (line.was_corrected or line.was_followed),
        was_corrected=line.was_corrected,
        is_own=line.by_id == carer_id
        and ledger_own.is_told_by(carer_id, payer=line.payer, created_by_id=line.created_by_id),
    )


def beyond_text(found: list[Beyond], today: date) -> str:
    """What is planned after the last day of what was stopped early, and what to do; "" when nothing is."""
    if not found:
        return ""
    return ngettext(
        "On %(day)s something is planned after the last day. It still counts. Call it off, or let another payer pay.",
        "%(num)d times are planned after the last day, the first on %(day)s. They still count. Call them off, or let "
        "another payer pay.",
        len(found),
        day=day_text(local(found[0].starts_at).date(), today),
    )


def what(line: Line, today: date) -> str:
    """What a line says happened."""
    if line.kind == "end":
        return _("Stopped early: %(day)s is the last day", day=day_text(line.day, today))
    if line.kind == "correct":
        return _undone(line)
    if line.kind == "use" and line.used != -line.planned:
        return _("%(amount)s used, where %(planned)s was planned", amount=_amount(line, line.used),
                 planned=_amount(line, -line.planned))  # fmt: skip
    texts = {
        "grant": lambda: _("%(amount)s granted", amount=_amount(line, line.granted)),
        "plan": lambda: _("%(amount)s planned", amount=_amount(line, line.planned)),
        "use": lambda: _("%(amount)s used", amount=_amount(line, line.used)),
        "release": lambda: _("%(amount)s given back", amount=_amount(line, -line.planned)),
    }
    return texts[line.kind]()


def _amount(line: Line, units: int) -> str:
    return amount(line.unit, units)


def _undone(line: Line) -> str:
    why = str(REASONS[line.reason])
    units = -(line.granted or line.used or line.planned)
    how_much = _amount(line, units)
    if line.granted:
        text = ngettext(
            "Corrected: %(amount)s granted does not count",
            "Corrected: %(amount)s granted do not count",
            units,
            amount=how_much,
        )
    elif line.used:
        text = ngettext(
            "Corrected: %(amount)s used does not count",
            "Corrected: %(amount)s used do not count",
            units,
            amount=how_much,
        )
    else:
        text = ngettext(
            "Corrected: %(amount)s planned does not count",
            "Corrected: %(amount)s planned do not count",
            units,
            amount=how_much,
        )
    return _("%(what)s. %(why)s", what=text, why=why)


def refusal(error: Invalid, today: date, *, at_desk: bool = False) -> str:
    """Why something cannot be granted, planned or corrected, and what can be done."""
    payers = PAYERS_AT_DESK if at_desk else PAYERS
    if isinstance(error, TooLittleLeft):
        return _too_little(error, today)
    if isinstance(error, YearFull):
        return _(
            "In a year no more than %(limit)d nights are possible. For %(year)s there is room for: %(room)s.",
            limit=error.limit,
            year=str(error.year),
            room=amount("night", error.left),
        )
    if isinstance(error, NoEntitlement):
        day, payer = day_text(error.day, today), payers[error.payer]
        return _("For %(day)s nothing was granted by: %(payer)s. Choose another payer or another day.",
                 day=day, payer=payer)  # fmt: skip
    if isinstance(error, Overlap):
        return _overlap(error, today, payers)
    return str(_REFUSALS.get((error.field, error.reason)) or _("Choose this again."))


def _too_little(error: TooLittleLeft, today: date) -> str:
    until, needed = day_text(error.ends_on, today), amount(error.unit, error.needed)
    if error.left < 1:
        return _("Nothing is left up to and including %(day)s. This takes %(needed)s.", day=until, needed=needed)
    return _(
        "Left up to and including %(day)s: %(left)s. This takes %(needed)s.",
        day=until,
        left=amount(error.unit, error.left),
        needed=needed,
    )


def _overlap(error: Overlap, today: date, payers: Mapping[str, Any]) -> str:
    said = {
        "form": title(error.form),
        "payer": payers[error.payer],
        "first": day_text(error.first_day, today),
        "last": day_text(error.ends_on, today),
    }
    if error.reason == "wmo_and_wlz":
        return _(
            "Wmo is for people without Wlz. There is already: %(form)s, %(payer)s, from %(first)s up to and "
            "including %(last)s. Stop that first, or choose other days.",
            **said,
        )
    return _(
        "This exists already: %(form)s, %(payer)s, from %(first)s up to and including %(last)s. Choose days outside "
        "of it, or stop that one first.",
        **said,
    )


_REFUSALS = {
    ("units", "not_whole"): _l("Write a whole number, like 12."),
    ("units", "too_few"): _l("Write a whole number, 1 or more."),
    ("units", "too_many"): _l("This is more than fits between these days. Look at the number and the days again."),
    ("units", "same"): _l("This is what it says already. Write what it should be."),
    ("units", "below_booked"): _l("More than this is planned or used already. Call something off first."),
    ("payer", "desk_only"): _l("The opbouwwerker writes this down, from the letter with the decision."),
    ("payer", "not_at_home"): _l("Wlz pays for time off only when your loved one lives at home."),
    ("form", "not_paid"): _l("This payer does not pay for this. Choose another kind of time off, or another payer."),
    ("first_day", "too_far"): _l("Look at the year: choose a day between 2015 and 2100."),
    ("last_day", "before_first"): _l("This day comes before the first day. Look at both days again."),
    ("last_day", "too_long"): _l("Five years at most. Write down what comes after it separately."),
    ("last_day", "not_earlier"): _l("Choose a day before the last day it has now."),
    ("last_day", "used_after"): _l("Something was used after this day. Choose a later day, or correct that first."),
    ("indication_ends", "before_first"): _l("The indication ends before the first day. Look at both days again."),
    ("line", "already"): _l("This line was corrected already. Correct the new one."),
    ("line", "moved_on"): _l("There is a later line about this. Correct that one."),
    ("line", "not_correctable"): _l("This line cannot be corrected. Correct the line it belongs to."),
    ("reason", "unknown"): _l("Choose why it has to be corrected."),
}
