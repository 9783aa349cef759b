"""Time for yourself in words: what was asked, where it stands, and why something is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.models import Frequency
from matching.respijt_catalogue import FORMS
from matching.services import relief_rules as rules
from matching.services.referring import ReferralRow
from matching.services.relief import ReliefRow
from matching.workflow import ArrangementState, ReliefState
from web import care_words, facts
from web.i18n import day_text, language, local, slot_text, today

States = dict[ReliefState, tuple[Any, str]]
UNSURE = "unsure"  # the form that stands for "think along with me"
RHYTHMS = {
    rules.ONCE: _l("Once, or some days in a row"),
    rules.WEEKLY: _l("Every week"),
    rules.FORTNIGHTLY: _l("Every two weeks"),
    rules.WEEKEND: _l("One weekend a month"),
    rules.MONTHLY: _l("Once a month, on a fixed day of the week"),
}
NTH = {1: _l("The first"), 2: _l("The second"), 3: _l("The third"), 4: _l("The fourth"), -1: _l("The last")}
MINUTES = {
    0: _l("As long as usual for this"),
    60: _l("An hour"),
    120: _l("Two hours"),
    180: _l("Three hours"),
    240: _l("Four hours"),
    390: _l("A whole day"),
    720: _l("A night"),
    1440: _l("A day and a night"),
    2880: _l("A weekend"),
}
URGENCIES = {
    rules.NORMAL: _l("There is no hurry"),
    rules.SOON: _l("Within two weeks, please"),
    rules.NOW: _l("It cannot wait"),
}
NEEDS = {
    "here": _l("Somebody has to take over at home"),
    "stay": _l("My loved one needs a place to stay"),
    "talk": _l("I want to talk to somebody"),
}
NEEDS_AT_DESK = {
    "here": _l("Somebody has to take over at home."),
    "stay": _l("The person cared for needs a place to stay."),
    "talk": _l("Wants to talk to somebody."),
}
STATES: States = {
    ReliefState.ASKED: (_l("We read it"), "neutral"),
    ReliefState.ARRANGING: (_l("We are arranging it"), "warning"),
    ReliefState.RUNNING: (_l("Arranged"), "safe"),
    ReliefState.DONE: (_l("Done"), "safe"),
    ReliefState.WITHDRAWN: (_l("Taken back"), "neutral"),
    ReliefState.CLOSED: (_l("Closed"), "neutral"),
}
DESK_STATES: States = {
    ReliefState.ASKED: (_l("Nobody took it up"), "warning"),
    ReliefState.ARRANGING: (_l("Being arranged"), "neutral"),
    ReliefState.RUNNING: (_l("Runs"), "safe"),
    ReliefState.DONE: (_l("Done"), "safe"),
    ReliefState.WITHDRAWN: (_l("Taken back"), "neutral"),
    ReliefState.CLOSED: (_l("Closed"), "neutral"),
}
REFERRALS = {
    ArrangementState.PROPOSED: (_l("Asked, no answer yet"), "warning"),
    ArrangementState.WAITING: (_l("On the waiting list"), "warning"),
    ArrangementState.RUNNING: (_l("There is a place"), "safe"),
    ArrangementState.REFUSED: (_l("It will not be this one"), "neutral"),
    ArrangementState.ENDED: (_l("Ended"), "neutral"),
}
REFUSALS = {
    "full": _l("There is no place"),
    "not_fitting": _l("It does not fit the person cared for"),
    "too_far": _l("It is too far away"),
    "not_paid": _l("Nobody pays for it"),
    "declined": _l("The mantelzorger would rather not"),
    "no_answer": _l("They do not answer"),
    "other": _l("Something else"),
}
ENDINGS = {
    "finished": _l("It is done, nothing more is needed"),
    "not_fitting": _l("It does not fit after all"),
    "stopped": _l("The organisation stops"),
    "other": _l("Something else"),
}
CLOSINGS = {
    "solved": _l("It was arranged in another way"),
    "not_possible": _l("We can not arrange this"),
    "no_contact": _l("We do not reach the mantelzorger"),
    "other": _l("Something else"),
}
CLOSED_WHY = {
    "solved": _l("It was arranged in another way."),
    "not_possible": _l("We could not arrange this. Your opbouwwerker thinks along with you."),
    "no_contact": _l("We could not reach you. You can always ask again."),
    "institution": _l("Your loved one no longer lives at home."),
    "consent": _l("Your loved one no longer agrees that somebody comes."),
    "situation_closed": _l("The page about your care was closed."),
}


ENDED = REFUSALS | ENDINGS  # why a referral is over
OBSTACLES = {
    "consent": _l("The person cared for did not agree yet that somebody comes to the house."),
    "institution": _l("The person cared for does not live at home."),
    "closed": _l("This was closed."),
}


class Asked(Protocol):
    """What was asked, as a row or an entity."""

    @property
    def form(self) -> str: ...
    @property
    def need(self) -> str: ...
    @property
    def rrule(self) -> str: ...
    @property
    def first_day(self) -> date: ...
    @property
    def last_day(self) -> date | None: ...
    @property
    def minutes(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline; `state` is done, current or empty."""

    title: str
    text: str
    state: str = ""


def form_name(form: str) -> str:
    """The form; where it is still open, that we think along."""
    return str(care_words.FORMS[form]) if form else _("We think along about what fits")


def title(asked: Asked) -> str:
    """What was asked, as the heading of a page."""
    return _("Help now") if asked.need else form_name(asked.form)


def offers(forms: Sequence[str]) -> str:
    """What an organisation offers, as one line."""
    return ", ".join(str(care_words.FORMS[key]) for key in forms if key in care_words.FORMS)


def who_pays(payers: Sequence[str]) -> str:
    """Who can pay for it, as a sentence."""
    names = ", ".join(str(care_words.PAYERS[key]) for key in payers if key in care_words.PAYERS)
    return _("Who can pay: %(payers)s.", payers=names)


def when(asked: Asked, slots: int) -> str:
    """How often and when: "Elke week, dinsdagmiddag", or the day or days of once."""
    if asked.need:
        return _("As soon as possible")
    rhythm, nth = rules.rhythm_of(asked.rrule, asked.minutes)
    if rhythm == rules.ONCE:
        return facts.sentence(_once(asked, slots))
    if rhythm == rules.WEEKEND:
        return str(_NTH_WEEKEND[nth])
    if rhythm == rules.MONTHLY:
        return str(_nth_moment(nth, facts.either(slot_text(slot) for slot in facts.slot_list(slots))))
    every = facts.when_text(language(), today(), Frequency.WEEKLY, None, slots)
    if rhythm == rules.WEEKLY:
        return facts.sentence(every)
    names = facts.either(slot_text(slot) for slot in facts.slot_list(slots)[:4])
    return _("Every two weeks, %(slots)s", slots=names)


_NTH_WEEKEND = {
    1: _l("Every first weekend of the month"),
    2: _l("Every second weekend of the month"),
    3: _l("Every third weekend of the month"),
    4: _l("Every fourth weekend of the month"),
    -1: _l("Every last weekend of the month"),
}


def _nth_moment(nth: int, slots: str) -> str:
    known = {
        1: _("Every first %(slots)s of the month", slots=slots),
        2: _("Every second %(slots)s of the month", slots=slots),
        3: _("Every third %(slots)s of the month", slots=slots),
        4: _("Every fourth %(slots)s of the month", slots=slots),
        -1: _("Every last %(slots)s of the month", slots=slots),
    }
    return known[nth]


def _once(asked: Asked, slots: int) -> str:
    if asked.last_day and asked.last_day != asked.first_day:
        return _("from %(first)s until %(last)s", first=day_text(asked.first_day), last=day_text(asked.last_day))
    return facts.when_text(language(), today(), Frequency.ONCE, asked.first_day, slots)


def period(asked: Asked) -> str:
    """From when until when a rhythm goes on; "" for once."""
    if not asked.rrule or asked.need:
        return ""
    first = day_text(asked.first_day)
    if asked.last_day is None:
        return _("From %(first)s, until further notice.", first=first)
    return _("From %(first)s until %(last)s.", first=first, last=day_text(asked.last_day))


def how_long(minutes: int) -> str:
    """How long one time takes."""
    if minutes in MINUTES:
        return str(MINUTES[minutes])
    days = minutes // rules.DAY_MINUTES
    if days:
        return ngettext("%(num)d day and night", "%(num)d days and nights", days)
    return facts.how_long(minutes)


def waits(created_at: datetime) -> str:
    """How long somebody waits, in weeks."""
    days = (today() - local(created_at).date()).days
    if days < 1:
        return _("Since today")
    if days < 7:
        return ngettext("For %(num)d day", "For %(num)d days", days)
    return ngettext("For %(num)d week", "For %(num)d weeks", days // 7)


def reads_when(names: Sequence[str], opens: datetime | None) -> str:
    """Who reads a call for help, and from when: only what is true at this hour."""
    who = facts.listed(names)
    if opens is None:
        if not who:
            return _("Somebody of us reads this now, and calls you today.")
        return ngettext(
            "%(names)s, of your buurt, gets a message now and calls you today.",
            "%(names)s, of your buurt, get a message now. One of them calls you today.",
            len(names),
            names=who,
        )
    when = _when_opens(opens)
    if not who:
        return _("Nobody is at work now. We read this %(when)s, and call you.", when=when)
    return ngettext(
        "Nobody is at work now. %(names)s reads this %(when)s, and calls you.",
        "Nobody is at work now. %(names)s read this %(when)s, and one of them calls you.",
        len(names),
        names=who,
        when=when,
    )


def _when_opens(opens: datetime) -> str:
    day = local(opens).date()
    ahead = (day - today()).days
    if ahead == 0:
        return _("this morning from 9 o'clock")
    if ahead == 1:
        return _("tomorrow from 9 o'clock")
    return _("on %(day)s from 9 o'clock", day=day_text(day))


def timeline(asked: ReliefRow, names: Sequence[str], referrals: Sequence[ReferralRow]) -> list[Entry]:
    """What happened, what happens now, and what comes."""
    first = Entry(_("You asked this"), day_text(asked.created_at), "done")
    if asked.state in (ReliefState.WITHDRAWN, ReliefState.CLOSED, ReliefState.DONE):
        return [first, _over(asked)]
    taken = Entry(_("Somebody takes it up"), _who_reads(names, asked.need))
    arranged = Entry(
        _("It is arranged"), "" if asked.need else _("You first get to know whoever takes over. You decide.")
    )
    if asked.state == ReliefState.ASKED:
        return [first, Entry(taken.title, taken.text, "current"), arranged]
    taken = Entry(_took_up(asked), day_text(asked.taken_at) if asked.taken_at else "", "done")
    if asked.state == ReliefState.RUNNING:
        return [first, taken, Entry(arranged.title, _since_first(asked), "current")]
    return [first, taken, Entry(_("We look for what fits"), _looking(referrals), "current"), arranged]


def _who_reads(names: Sequence[str], need: str) -> str:
    if not names:
        return _("You hear from us within five working days.")
    who = facts.listed(names)
    if need:
        return ngettext(
            "%(names)s looks at it and calls you.",
            "%(names)s look at it, and one of them calls you.",
            len(names),
            names=who,
        )
    return ngettext(
        "%(names)s looks at it. You hear from us within five working days.",
        "%(names)s look at it. You hear from us within five working days.",
        len(names),
        names=who,
    )


def _took_up(asked: ReliefRow) -> str:
    return _("%(name)s arranges it with you", name=asked.taken_by) if asked.taken_by else _("We arrange it with you")


def _since_first(asked: ReliefRow) -> str:
    if asked.first_relief_on is None:
        return _("The first time comes soon.")
    return _("The first time was on %(day)s.", day=day_text(asked.first_relief_on))


def _looking(referrals: Sequence[ReferralRow]) -> str:
    waiting = [row.provider for row in referrals if row.state == ArrangementState.WAITING]
    if waiting:
        return _("You are on the waiting list of %(names)s. We keep asking.", names=facts.listed(waiting))
    proposed = [row.provider for row in referrals if row.state == ArrangementState.PROPOSED]
    if proposed:
        return _("We asked %(names)s, and wait for the answer.", names=facts.listed(proposed))
    return _("You hear from us when there is news.")


def _over(asked: ReliefRow) -> Entry:
    day = day_text(asked.ended_at) if asked.ended_at else ""
    known = {
        ReliefState.WITHDRAWN: _("You took this back"),
        ReliefState.CLOSED: _("This was closed"),
        ReliefState.DONE: _("It is done"),
    }
    return Entry(known[ReliefState(asked.state)], day, "done")


def refusal(field: str, reason: str, form: str = "") -> str:
    """Why the rules refuse, as a sentence that says what to do."""
    least = FORMS[form].least_days if form in FORMS else 0
    known: dict[str, Any] = {
        "form.missing": _("Choose what you would like."),
        "form.unknown": _("Choose what you would like."),
        "form.institution": _("Your loved one does not live at home. Choose something outside the house."),
        "form.consent": _(
            "For somebody at home your loved one has to agree first. Fill that in on your page, or choose: "
            "think along with me."
        ),
        "rhythm.missing": _("Choose how often you would like it."),
        "rhythm.stay": _("This is for some days in a row. Choose: once, or some days in a row."),
        "nth.missing": _("Choose which one of the month."),
        "slots.missing": _("Choose at least one moment that suits you."),
        "slots.one_day": _("For once a month, choose moments on one day of the week."),
        "slots.other_day": _("These moments do not fall on the days you chose."),
        "minutes.missing": _("Choose how long it takes."),
        "urgency.missing": _("Choose how much hurry there is."),
        "first_day.past": _("This day is over. Choose today or a later day."),
        "first_day.too_far": _("This day is more than a year away. Choose a day within a year."),
        "last_day.before_first": _("The last day comes before the first. Choose a later day."),
        "last_day.least_days": ngettext(
            "This takes at least %(num)d day. Choose a last day that fits.",
            "This takes at least %(num)d days. Choose a last day that fits.",
            least,
        ),
        "last_day.too_far": _("This is too long at once. Choose an earlier last day."),
        "need.missing": _("Choose what you need most now."),
        "slot.missing": _("Choose one of the moments that suit."),
    }
    return str(known[f"{field}.{reason}"])
