"""Time off at home by a volunteer, in words: where it stands for each side, and what is missing."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.models import Arrangement
from matching.services.arranging import ArrangementRow
from matching.services.covering import GapRow
from matching.services.evaluating import Answers
from matching.workflow import ArrangementState
from web import facts
from web.i18n import clock_text, day_text, local, moment_text

S = ArrangementState
CARER, STAND_IN = "carer", "stand_in"
STATES = {
    S.PROPOSED: (_l("Asked"), "neutral"),
    S.WAITING: (_l("On the waiting list"), "warning"),
    S.INTRODUCING: (_l("Getting to know each other"), "warning"),
    S.TRIAL: (_l("Trying it once"), "warning"),
    S.AGREEING: (_l("The agreement"), "warning"),
    S.RUNNING: (_l("Runs"), "safe"),
    S.REFUSED: (_l("Did not go on"), "neutral"),
    S.ENDED: (_l("Has ended"), "neutral"),
}
LACKS = {
    "introduction": _l("The introduction visit is not noted yet."),
    "trial": _l("The trial is not noted yet."),
    "mantelzorger": _l("The mantelzorger did not agree in writing yet."),
    "stand_in": _l("The volunteer did not agree in writing yet."),
    "gone": _l("This volunteer no longer has an account."),
    "no_vog": _l("This volunteer has no valid VOG."),
    "no_introduction": _l("This volunteer had no introduction with us."),
    "no_training": _l("This volunteer had no training in taking over care."),
}
# For the volunteer and the mantelzorger; the desk reads who it was.
REASONS = {
    CARER: {
        "not_this_person": _l("It does not click between us"),
        "time": _l("The times do not suit"),
        "moved": _l("One of us moves or goes away"),
        "done": _l("It is not needed any more"),
        "other": _l("Something else"),
    },
    STAND_IN: {
        "stand_in": _l("It does not suit me"),
        "time": _l("I have no time for it"),
        "moved": _l("I move or go away"),
        "other": _l("Something else"),
    },
}
DESK_REASONS = {
    "not_this_person": _l("The mantelzorger would rather have somebody else"),
    "stand_in": _l("The volunteer would rather not"),
    "time": _l("No time, or the times do not suit"),
    "moved": _l("Somebody moves or goes away"),
    "done": _l("It is not needed any more"),
    "other": _l("Something else"),
}
DAY_PROBLEMS = {
    "future": _l("This day has yet to come. Choose a day up to today."),
    "too_old": _l("This is more than a year ago. Choose a later day."),
    "before_introduction": _l("The trial comes after the introduction. Choose a later day."),
}
WENT = {"good": _l("Good"), "fair": _l("So-so"), "bad": _l("Not good")}
RESTED = {"yes": _l("Yes"), "some": _l("A little"), "no": _l("No")}
GO_ON = {"yes": _l("Yes, just like this"), "changes": _l("Yes, but something has to change"), "stop": _l("No, stop")}
REST_AT_DESK = {
    "yes": _l("It gave rest."),
    "some": _l("It gave a little rest."),
    "no": _l("It gave no rest."),
}
GO_ON_AT_DESK = {
    "yes": _l("Wants to go on like this."),
    "changes": _l("Wants to go on, but something has to change."),
    "stop": _l("Wants to stop."),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A step in the line of what was done and what comes."""

    title: str
    text: str
    state: str


def steps(found: Arrangement, *, names: Sequence[str], is_carer: bool) -> list[Entry]:
    """From the yes of both to the first time. names: of the opbouwwerkers."""
    order = (S.INTRODUCING, S.TRIAL, S.AGREEING, S.RUNNING)
    at = order.index(found.state) if found.state in order else -1
    lines = (
        (_("Getting to know each other"), _on(found.introduced_on) or _meeting(names, at == 0)),
        (_("Trying it once"), _on(found.tried_on) or (_("An hour or two, with somebody nearby.") if at == 1 else "")),
        (_("The agreement"), _agreed(found, is_carer=is_carer) if at >= 2 else ""),
        (_("It runs"), _("You find the times in your calendar.") if at == 3 else ""),
    )
    marks = [_mark(number, at) for number in range(len(lines))]
    return [Entry(title, text, mark) for (title, text), mark in zip(lines, marks, strict=True)]


def _mark(number: int, at: int) -> str:
    if number < at or at == 3:
        return "done"
    return "current" if number == at else ""


def _on(day: date | None) -> str:
    return facts.sentence(day_text(day)) if day else ""


def _meeting(names: Sequence[str], is_now: bool) -> str:
    if not is_now:
        return ""
    if not names:
        return _("The opbouwwerker calls you for a day, and is there too.")
    return ngettext(
        "%(names)s calls you for a day, and is there too.",
        "%(names)s call you for a day, and one of them is there too.",
        len(names),
        names=facts.listed(names),
    )


def _agreed(found: Arrangement, *, is_carer: bool) -> str:
    mine = found.mantelzorger_agreed_at if is_carer else found.stand_in_agreed_at
    other = found.stand_in_agreed_at if is_carer else found.mantelzorger_agreed_at
    if mine and other:
        return _("You both agreed.")
    if mine:
        return _("You agreed. We wait for the other one.")
    return _("You both read it and say yes.")


def span(starts_at: datetime, ends_at: datetime) -> str:
    """ "Donderdag 26 november, van 13.00 tot 16.00 uur", or with both days for a longer stay."""
    if local(ends_at).date() == local(starts_at).date():
        values = {"day": day_text(starts_at), "start": clock_text(starts_at), "end": clock_text(ends_at)}
        return facts.sentence(_("%(day)s, from %(start)s to %(end)s", **values))
    return facts.sentence(_("%(start)s until %(end)s", start=moment_text(starts_at), end=moment_text(ends_at)))


def gap_text(gap: GapRow, names: Sequence[str]) -> str:
    """What the mantelzorger reads while nobody is found yet: the truth."""
    if gap.waiting:
        asked = [name for _offer_id, name in gap.waiting]
        return ngettext(
            "We asked whether %(names)s can come. You hear it at once.",
            "We asked whether %(names)s can come: one of them is enough. You hear it at once.",
            len(asked),
            names=facts.listed(asked),
        )
    if names:
        return ngettext(
            "%(names)s looks for somebody else.",
            "%(names)s look for somebody else.",
            len(names),
            names=facts.listed(names),
        )
    return _("The opbouwwerker looks for somebody else.")


def said_no(gap: GapRow) -> str:
    """For the desk: who cannot come; empty when nobody said so."""
    if not gap.said_no:
        return ""
    names = facts.listed(gap.said_no)
    return ngettext("%(names)s can not come.", "%(names)s can not come.", len(gap.said_no), names=names)


def state(row: ArrangementRow) -> tuple[Any, str]:
    return STATES[row.state]


def answers(said: Answers) -> list[str]:
    """What somebody said afterwards, as sentences for the desk."""
    found = [_("It went: %(how)s.", how=str(WENT[said.went]).lower())]
    if said.rest:
        found.append(str(REST_AT_DESK[said.rest]))
    return [*found, str(GO_ON_AT_DESK[said.again])]
