"""The calendar of respijtzorg in words: states, times, reasons, and what does not fit."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from babel.dates import format_date, get_day_names
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.errors import Invalid
from matching.services.ledger_rules import NoEntitlement, TooLittleLeft, YearFull
from matching.services.respijt_calendar import Kind, LaidOut, Moment, Warning
from matching.workflow import BookingState
from web import care_words, ledger_words
from web.i18n import DAY_NAMES, clock_text, day_text, language, today

CARER, STAND_IN, DESK = "carer", "stand_in", "desk"
NO_SHOW = "no_show"

# Why it does not (or did not) go ahead: key, how it is asked of each side, and whether that can be said beforehand.
CARER_CHOICES: dict[str, Any] = {
    "not_needed": _l("We do not need it this time"),
    "cared_for_ill": _l("My loved one is ill"),
    "stand_in_cannot": _l("Whoever was to come cannot come"),
    "other": _l("Something else"),
}
STAND_IN_CHOICES: dict[str, Any] = {
    "stand_in_ill": _l("I am ill"),
    "stand_in_cannot": _l("I cannot make it"),
}
STAND_IN_AFTER: dict[str, Any] = STAND_IN_CHOICES | {"other": _l("Something else")}
DESK_CHOICES: dict[str, Any] = {
    "stand_in_ill": _l("Whoever was to come is ill"),
    "stand_in_cannot": _l("Whoever was to come cannot come"),
    "not_needed": _l("It is not needed this time"),
    "cared_for_ill": _l("The person cared for is ill"),
    "other": _l("Something else"),
}
NOBODY_CAME: dict[str, Any] = {NO_SHOW: _l("Nobody came")}
REASONS: dict[str, Any] = {
    "not_needed": _l("It was not needed."),
    "cared_for_ill": _l("The person cared for was ill."),
    "stand_in_ill": _l("Whoever was to come is ill."),
    "stand_in_cannot": _l("Whoever was to come cannot come."),
    "moved": _l("It was moved to another time."),
    "no_show": _l("Nobody came."),
    "ended": _l("The arrangement has ended."),
    "institution": _l("The person cared for no longer lives at home."),
    "other": _l("There was another reason."),
}


def choices(side: str, *, is_over: bool) -> dict[str, Any]:
    """What can be chosen as the reason that it does not, or did not, go ahead."""
    if side == STAND_IN:
        return STAND_IN_AFTER if is_over else STAND_IN_CHOICES
    usual = CARER_CHOICES if side == CARER else DESK_CHOICES
    return NOBODY_CAME | usual if is_over else usual


def badge(moment: Moment, *, now: datetime) -> tuple[str, str]:
    """Where it stands, in a word or two, and the kind of badge."""
    if moment.state == BookingState.USED:
        return (_("Assumed to have gone ahead"), "neutral") if moment.is_assumed else (_("Went ahead"), "safe")
    if moment.state == BookingState.NO_SHOW:
        return _("Nobody came"), "danger"
    if moment.state == BookingState.CANCELLED:
        if moment.needs_somebody and moment.booking.starts_at > now:
            return _("We are looking"), "danger"
        return (_("Moved"), "neutral") if moment.booking.end_reason == "moved" else (_("Does not go ahead"), "neutral")
    if moment.booking.ends_at <= now:
        return _("Did this go ahead?"), "warning"
    return (_("Now"), "safe") if moment.booking.starts_at <= now else (_("Settled"), "safe")


def title(moment: Moment, side: str = CARER) -> str:
    """Who takes over: a person by name, a place by its form. To the stand-in: from whom."""
    if side == STAND_IN:
        return _("You take over from %(name)s", name=moment.carer)
    if moment.volunteer_id is not None:
        return _("%(name)s takes over", name=moment.who)
    return str(care_words.FORMS.get(moment.form, moment.who))


def when(moment: Moment) -> str:
    """From when until when, without the first day. A stay says how many nights."""
    starts, ends = moment.booking.starts_at, moment.booking.ends_at
    if moment.first_day == moment.last_day or ends - starts < timedelta(hours=20):
        return _("From %(start)s to %(end)s.", start=clock_text(starts), end=clock_text(ends))
    nights = (moment.last_day - moment.first_day).days
    return ngettext(
        "%(num)d night: from %(start)s until %(day)s, %(end)s.",
        "%(num)d nights: from %(start)s until %(day)s, %(end)s.",
        nights,
        start=clock_text(starts),
        day=day_text(moment.last_day),
        end=clock_text(ends),
    )


def short(moment: Moment, side: str = CARER) -> str:
    """For a cell of the month: who, or what kind of place."""
    if side == STAND_IN:
        return moment.carer
    if moment.volunteer_id is not None:
        return moment.who
    return str(care_words.FORMS.get(moment.form, moment.who))


def date_block(day: date) -> tuple[str, str, str]:
    """Weekday, number and month, as short as the language has them."""
    code = language()
    weekday, number, month = (format_date(day, pattern, locale=code) for pattern in ("EEE", "d", "LLL"))
    return weekday.rstrip("."), number, month.rstrip(".")


def weekdays() -> list[tuple[str, str]]:
    """Short and whole names, Monday first, for the head of a month."""
    short = get_day_names("abbreviated", "stand-alone", language())
    return [(short[n].rstrip("."), str(DAY_NAMES[n])) for n in range(7)]


def month_name(day: date) -> str:
    """ "november 2026"."""
    return format_date(day, "LLLL y", locale=language())


def place(moment: Moment) -> str:
    """The name of a place; empty for a person, whose name is in the title."""
    return moment.who if moment.volunteer_id is None else ""


def reason(moment: Moment) -> str:
    """Why it does not go ahead; empty when it does."""
    return str(REASONS.get(moment.booking.end_reason, "")) if not moment.is_live else ""


def fell_through(moment: Moment, *, now: datetime) -> str:
    """What the mantelzorger may expect when the stand-in cannot come."""
    if not moment.needs_somebody:
        return ""
    if moment.booking.starts_at > now:
        return _("It does not go ahead. We are looking for somebody else.")
    return _("It did not go ahead.")


def warning_text(warning: Warning) -> str:
    """What does not fit."""
    day, count = day_text(warning.days[0]), len(warning.days)
    who = list(warning.who)
    others = count - 1
    sentences: dict[Kind, Callable[[], str]] = {
        Kind.OVERLAP: lambda: (
            ngettext(
                "On %(day)s and %(num)d other day %(one)s and %(other)s take over at the same time.",
                "On %(day)s and %(num)d other days %(one)s and %(other)s take over at the same time.",
                others,
                day=day,
                one=who[0],
                other=who[1],
            )
            if others
            else _("On %(day)s %(one)s and %(other)s take over at the same time.", day=day, one=who[0], other=who[1])
        ),
        Kind.DOUBLE_BOOKED: lambda: (
            ngettext(
                "On %(day)s and %(num)d other day %(name)s is expected in two places at the same time.",
                "On %(day)s and %(num)d other days %(name)s is expected in two places at the same time.",
                others,
                day=day,
                name=who[0],
            )
            if others
            else _("On %(day)s %(name)s is expected in two places at the same time.", day=day, name=who[0])
        ),
        Kind.AWAY: lambda: (
            ngettext(
                "On %(day)s and %(num)d other day %(name)s is away.",
                "On %(day)s and %(num)d other days %(name)s is away.",
                others,
                day=day,
                name=who[0],
            )
            if others
            else _("On %(day)s %(name)s is away.", day=day, name=who[0])
        ),
        Kind.NOBODY: lambda: (
            ngettext(
                "On %(day)s and %(num)d other day nobody takes over yet.",
                "On %(day)s and %(num)d other days nobody takes over yet.",
                others,
                day=day,
            )
            if others
            else _("On %(day)s nobody takes over yet.", day=day)
        ),
        Kind.NOTHING_LEFT: lambda: ngettext(
            "From %(day)s nothing is granted any more: %(num)d time is not planned.",
            "From %(day)s nothing is granted any more: %(num)d times are not planned.",
            count,
            day=day,
        ),
        Kind.TOO_LITTLE: lambda: ngettext(
            "Too little is left: %(num)d time from %(day)s is not planned.",
            "Too little is left: %(num)d times from %(day)s are not planned.",
            count,
            day=day,
        ),
        Kind.MAY_NOT: lambda: ngettext(
            "From %(day)s %(name)s may not come yet: %(num)d time is not in the calendar.",
            "From %(day)s %(name)s may not come yet: %(num)d times are not in the calendar.",
            count,
            day=day,
            name=who[0] if who else "",
        ),
        Kind.NOT_LAID_OUT: lambda: ngettext(
            "From %(day)s %(num)d time is not in the calendar yet.",
            "From %(day)s %(num)d times are not in the calendar yet.",
            count,
            day=day,
        ),
    }
    return sentences[warning.kind]()


WHAT_TO_DO: dict[str, dict[Kind, Any]] = {
    CARER: {
        Kind.OVERLAP: _l("Is that right? Otherwise cancel one or move it."),
        Kind.DOUBLE_BOOKED: _l("Move it, or ask your opbouwwerker for somebody else."),
        Kind.AWAY: _l("Move it, or ask your opbouwwerker for somebody else."),
        Kind.NOBODY: _l("We are looking for somebody. You need not do anything."),
        Kind.NOTHING_LEFT: _l("Ask your opbouwwerker what is possible. An extension takes time."),
        Kind.TOO_LITTLE: _l("Ask your opbouwwerker what is possible."),
        Kind.MAY_NOT: _l("Your opbouwwerker sees to it. You need not do anything."),
        Kind.NOT_LAID_OUT: _l("Your opbouwwerker puts them in the calendar."),
    },
    DESK: {
        Kind.OVERLAP: _l("Ask whether that is right. Otherwise cancel one or move it."),
        Kind.DOUBLE_BOOKED: _l("Call, and move one of the two."),
        Kind.AWAY: _l("Call, and move it or look for somebody else."),
        Kind.NOBODY: _l("Look for somebody, or call to say that it does not work out."),
        Kind.NOTHING_LEFT: _l("Ask for an extension, or choose another payer, and put them in the calendar again."),
        Kind.TOO_LITTLE: _l("Ask for more, or choose another payer, and put them in the calendar again."),
        Kind.MAY_NOT: _l("Look whether the VOG, the introduction and the training are in order, and lay it out again."),
        Kind.NOT_LAID_OUT: _l("Put the rhythm in the calendar below."),
    },
}
REFUSED_BECAUSE: dict[str, Callable[..., str]] = {
    "no_entitlement": lambda num, day: ngettext(
        "From %(day)s nothing is granted any more: %(num)d time is not planned.",
        "From %(day)s nothing is granted any more: %(num)d times are not planned.",
        num,
        day=day,
    ),
    "no_vog": lambda num, day: ngettext(
        "From %(day)s the VOG is no longer valid: %(num)d time is not planned.",
        "From %(day)s the VOG is no longer valid: %(num)d times are not planned.",
        num,
        day=day,
    ),
}


def _too_little(num: int, day: str) -> str:
    return ngettext(
        "Too little is left: %(num)d time from %(day)s is not planned.",
        "Too little is left: %(num)d times from %(day)s are not planned.",
        num,
        day=day,
    )


def _other_reason(num: int, day: str) -> str:
    return ngettext(
        "%(num)d time from %(day)s could not be planned.",
        "%(num)d times from %(day)s could not be planned.",
        num,
        day=day,
    )


def laid_out(laid: LaidOut) -> list[str]:
    """What laying out did: how many were planned, and what was not, by reason."""
    made = len(laid.made)
    planned = ngettext("%(num)d time is planned.", "%(num)d times are planned.", made)
    said = [planned if made else _("Nothing was added.")]
    by_reason: dict[str, list[str]] = {}
    for refused in laid.refused:
        by_reason.setdefault(refused.reason, []).append(day_text(refused.day))
    for why, days in by_reason.items():
        usual = _too_little if why in ("too_little_left", "year_full") else _other_reason
        said.append(REFUSED_BECAUSE.get(why, usual)(len(days), days[0]))
    return said


REFUSALS: dict[tuple[str, str], Any] = {
    ("starts_at", "past"): _l("Choose a moment that is still to come."),
    ("starts_at", "too_far"): _l("Choose a day within a year."),
    ("starts_at", "taken"): _l("There is something at this moment already."),
    ("starts_at", "skipped"): _l("This time does not exist: the clock goes forward that night. Choose another time."),
    ("ends_at", "skipped"): _l("This time does not exist: the clock goes forward that night. Choose another time."),
    ("ends_at", "before_start"): _l("The end cannot be before the beginning."),
    ("ends_at", "too_long"): _l("This is longer than two months. Plan it in parts."),
    ("payer", "unknown"): _l("Choose who pays."),
    ("payer", "no_form"): _l("Choose first what kind of time off it is."),
    ("payer", "no_entitlement"): _l("Nothing of this payer is granted for that day."),
    ("payer", "not_at_home"): _l("The Wlz pays only where somebody lives at home."),
    ("units", "too_little_left"): _l("There is too little left for this."),
    ("units", "year_full"): _l("This year is full for this payer."),
    ("arrangement", "not_running"): _l("This has ended, or has not begun yet."),
    ("arrangement", "gone"): _l("This volunteer has stopped."),
    ("arrangement", "no_vog"): _l("The VOG of this volunteer is not valid on that day."),
    ("arrangement", "no_introduction"): _l("This volunteer has not been introduced yet."),
    ("arrangement", "no_training"): _l("This volunteer has not been trained yet."),
    ("minutes", "out_of_range"): _l("How long one time lasts is not right. Look at the request."),
}
USUAL_REFUSAL = _l("This cannot be planned. Look at it again.")


def refusal(error: Invalid, side: str = STAND_IN) -> str:
    """Why a moment could not be booked or moved. What is left of whose right is no business of a stand-in."""
    if side != STAND_IN and isinstance(error, TooLittleLeft | YearFull | NoEntitlement):
        return ledger_words.refusal(error, today(), at_desk=side == DESK)
    return str(REFUSALS.get((error.field, error.reason), USUAL_REFUSAL))
