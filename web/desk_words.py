"""What the desk says of requests, candidates and history, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.models import Tag
from matching.services import asking_around, desk, desk_calls, desk_people, desk_request
from matching.workflow import ProposalState, RequestState
from matching.working_days import FIRST_CONTACT, working_days_between
from web import facts, i18n

R, P = RequestState, ProposalState
KEPT = 8192  # reasons in words: the same ones come back, and none is personal
SHOWN_REASONS = 4  # of those that speak for somebody; what speaks against is all shown
STATES = {
    R.HELD: (_l("Held back"), "warning"),
    R.OPEN: (_l("Looking"), "neutral"),
    R.ASKED: (_l("Asked"), "neutral"),
    R.CLAIMED: (_l("A volunteer says yes"), "warning"),
    R.PAIRED: (_l("Match"), "safe"),
    R.DONE: (_l("Done"), "safe"),
    R.WITHDRAWN: (_l("Taken back by the asker"), "neutral"),
    R.CLOSED: (_l("Closed by us"), "neutral"),
}
FILTERS = {
    desk.OPEN: _l("All that run"),
    desk.CHOOSE: _l("To choose"),
    desk.CONTACT: _l("First contact"),
    desk.NOBODY: _l("Nobody found"),
    R.HELD: _l("Held back"),
    R.ASKED: _l("Asked"),
    R.CLAIMED: _l("A volunteer says yes"),
    R.PAIRED: _l("Match"),
    desk.OVER: _l("Over"),
}
PEOPLE_FILTERS = {
    desk_people.ALL: _l("Everybody"),
    desk_people.INTRODUCE: _l("Introduction to plan"),
    desk_people.IDLE: _l("Waits for a task"),
    desk_people.VOG: _l("VOG to renew"),
}
PROPOSAL_STATES = {
    P.PROPOSED: (_l("Waits for your choice"), "neutral"),
    P.ASKED: (_l("Asked, no answer yet"), "warning"),
    P.ACCEPTED: (_l("Said yes"), "safe"),
    P.DECLINED: (_l("Said not now"), "neutral"),
    P.REJECTED: (_l("Not chosen"), "neutral"),
    P.WITHDRAWN: (_l("No longer needed"), "neutral"),
    P.EXPIRED: (_l("Did not answer in time"), "neutral"),
    P.MISSED: (_l("Somebody else was first"), "neutral"),
    P.FELL_THROUGH: (_l("Fell through"), "neutral"),
}
OBSTACLES = {
    "own": _l("Asked this or passed it on."),
    "blocked": _l("These two are not brought together."),
    "live": _l("Is asked for this already."),
    "paused": _l("Is on pause."),
    "past": _l("The day of this request is over."),
    "no_vog": _l("Has no valid VOG, and this help needs one."),
    "no_introduction": _l("Had no introduction yet, and this help needs one."),
    "no_training": _l("Had no training in taking over care, and this help needs it."),
    "messages": _l("Was asked three times this week already."),
    "settled": _l("Said no to this request, or was not chosen for it."),
    "no_skill": _l("Does not have this help in the profile."),
    "no_car": _l("Has no car."),
    "too_far": _l("It is farther than this volunteer wants to go."),
    "no_language": _l("Does not speak the language asked for."),
    "no_slot": _l("Is not free at this time."),
    "absent": _l("Is away on this day."),
    "full": _l("Has enough to do this week."),
}
DECLINED = {
    "time": _l("no time"),
    "far": _l("too far"),
    "kind": _l("not this kind of help"),
    "away": _l("away"),
}
RISKS = {
    "danger": _l("danger"),
    "suicide": _l("suicide"),
    "violence": _l("violence"),
    "crisis": _l("distress"),
}
# What happened, without and with the volunteer's name.
_EVENTS = {
    Tag.REQUEST_POSTED: _l("The request came in."),
    Tag.REQUEST_VERIFIED: _l("We know for certain who asked."),
    Tag.REQUEST_EDITED: _l("The request was changed."),
    Tag.REQUEST_WITHDRAWN: _l("The asker took the request back."),
    Tag.REQUEST_HELD: _l("The request was held back."),
    Tag.REQUEST_RELEASED: _l("The request was released."),
    Tag.REQUEST_CONTACTED: _l("Somebody of us spoke with the asker."),
    Tag.REQUEST_CLOSED: _l("The request was closed."),
    Tag.REQUEST_REOPENED: _l("We look for somebody again."),
    Tag.REQUEST_ASKED_AROUND: _l("We started asking around."),
    Tag.REQUEST_ASKING_STOPPED: _l("We stopped asking around."),
    Tag.PAIRING_AGREED: _l("Both said yes."),
    Tag.PAIRING_REFUSED: _l("The asker would rather have somebody else."),
    Tag.PAIRING_FELL_THROUGH: _l("The match fell through."),
    Tag.PAIRING_DONE: _l("It is done."),
    Tag.FEEDBACK_GIVEN: _l("Somebody told how it went."),
}
# Why we stopped asking around, where no human did.
_STOPPED = {
    asking_around.NOBODY_LEFT: _l("We asked everybody who fits, so we stopped asking around."),
    asking_around.TOO_LATE: _l("The day is over, so we stopped asking around."),
}
_GOT_QUESTION = _l("%(name)s got our question.")
_WENT_BADLY = _l("Somebody told that it did not go well.")
_EVENTS_WITH_NAME = {
    Tag.PROPOSAL_OFFERED: _l("%(name)s offered to help."),
    Tag.PROPOSAL_APPROVED: _l("%(name)s was chosen."),
    Tag.PROPOSAL_REJECTED: _l("%(name)s was not chosen."),
    Tag.PROPOSAL_UNDONE: _l("The choice of %(name)s was taken back."),
    Tag.PROPOSAL_WITHDRAWN: _l("%(name)s is no longer proposed."),
    Tag.PROPOSAL_ACCEPTED: _l("%(name)s said yes."),
    Tag.PROPOSAL_DECLINED: _l("%(name)s said not now."),
    Tag.PROPOSAL_EXPIRED: _l("%(name)s did not answer in time."),
    Tag.PROPOSAL_MISSED: _l("Somebody else was before %(name)s."),
}


class Line(NamedTuple):
    """One request in a list. `rest` are the columns that only some lists have."""

    id: int
    href: str
    title: str
    when: str
    where: str
    since: str
    state: str
    kind: str
    row: Any


def lines(rows: Sequence[Any]) -> list[Line]:
    """The words of each request. Lists are long, so every word is looked up once."""
    start = url_for("desk.request", request_id=0).removesuffix("0")
    pattern = _("%(what)s for %(name)s")
    what = cache(facts.what)
    since = cache(i18n.short_day_text)
    state = cache(lambda key: (str(STATES[key][0]), STATES[key][1]))
    code, today = i18n.language(), i18n.today()
    return [
        Line(
            row.id,
            f"{start}{row.id}",
            pattern % {"what": what(row.category), "name": row.name},
            facts.sentence(facts.when_text(code, today, row.frequency, row.day, row.slots)),
            row.buurt_name,
            since(i18n.local(row.created_at).date()),
            *state(row.state),
            row,
        )
        for row in rows
    ]


def with_choice(lines: Sequence[Line]) -> list[tuple[Line, str]]:
    """Each line with how many people there are to choose from."""
    choice = cache(lambda n: ngettext("%(num)d person to choose from.", "%(num)d people to choose from.", n))
    return [(line, choice(line.row.candidates)) for line in lines]


def title(category: str, name: str) -> str:
    """ "Boodschappen voor Anna"."""
    return _("%(what)s for %(name)s", what=facts.what(category), name=name)


@dataclass(frozen=True, slots=True)
class ToCall:
    """Somebody to call, about which request, and why."""

    request_id: int
    title: str
    text: str


def calls(found: Iterable[desk_calls.Call]) -> list[ToCall]:
    return [_to_call(call, i18n.day_text(i18n.local(call.since).date())) for call in found]


def _to_call(call: desk_calls.Call, day: str) -> ToCall:
    why = {
        desk_calls.VOLUNTEER: _("%(name)s was asked on %(day)s. Call, and note the answer.", name=call.name, day=day),
        desk_calls.ASKER: _(
            "A volunteer said yes on %(day)s. Call %(name)s, and note the answer.", name=call.name, day=day
        ),
        desk_calls.WORRY: _("%(name)s told on %(day)s that it did not go well.", name=call.name, day=day),
    }
    title = _("Call %(name)s about %(what)s", name=call.name, what=facts.what(call.category).lower())
    return ToCall(call.request_id, title, why[call.kind])


@dataclass(frozen=True, slots=True)
class Clock:
    """Working days of the first contact: `used` of `total`, in words, and the kind of badge."""

    used: int
    total: int
    text: str
    kind: str
    late: bool


def clock(created_at: datetime, due: date, today: date) -> Clock:
    """How long somebody has waited for the first contact."""
    left = working_days_between(today, due)
    if today > due:
        days = max(1, working_days_between(due, today))
        text = ngettext("%(num)s working day late", "%(num)s working days late", days)
        return Clock(FIRST_CONTACT, FIRST_CONTACT, text, "danger", True)
    if left == 0:
        return Clock(FIRST_CONTACT, FIRST_CONTACT, _("Today is the last day"), "warning", False)
    text = ngettext("%(num)s working day left", "%(num)s working days left", left)
    return Clock(max(0, FIRST_CONTACT - left), FIRST_CONTACT, text, "neutral", False)


@dataclass(frozen=True, slots=True)
class Option:
    """Somebody to choose, as components/compare.html shows it."""

    volunteer_id: int
    name: str
    text: str
    badge: str
    reasons_for: list[str]
    reasons_against: list[str]
    button: str
    offers: bool = False  # this volunteer came forward


def options(rows: Iterable[Any]) -> list[Option]:
    """Those who wait for a choice, the best first."""
    return [_option(row, first=n == 0) for n, row in enumerate(rows)]


def _option(row: Any, *, first: bool) -> Option:
    offers = row.source == "offer"
    badge = _("Offered") if offers else _("Fits best") if first and row.source == "matcher" else ""
    speaks_for = [reason for reason in row.reasons if not reason.get("against")]
    against = [reason for reason in row.reasons if reason.get("against")]
    code = i18n.language()
    where = _("%(distance)s, %(buurt)s", distance=i18n.distance_text(row.distance_m), buurt=row.buurt_name or "")
    return Option(
        row.volunteer_id,
        row.name,
        where,
        badge,
        [_reason(code, reason["key"], reason.get("value")) for reason in _telling(speaks_for)],
        [_reason(code, reason["key"], reason.get("value")) for reason in against],
        _("Choose %(name)s", name=row.name),
        offers,
    )


@lru_cache(KEPT)
def _reason(_code: str, key: str, value: Any) -> str:
    return facts.reason_text({"key": key, "value": value})


def _telling(reasons: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The few that tell people apart: the distance stands above the reasons already."""
    return [reason for reason in reasons if reason["key"] not in ("near", "offered")][:SHOWN_REASONS]


def obstacles(keys: Iterable[str]) -> list[str]:
    return [str(OBSTACLES[key]) for key in keys]


def risks(keys: Iterable[str]) -> str:
    """ "geweld en nood"."""
    return facts.listed(str(RISKS.get(key, key)) for key in keys)


@dataclass(frozen=True, slots=True)
class Happened:
    """One line of the history."""

    title: str
    text: str
    state: str = "done"


def history(rows: Iterable[Any]) -> list[Happened]:
    found = []
    for row in rows:
        if row.tag == Tag.FEEDBACK_GIVEN and row.data.get("went") == "bad":
            what = str(_WENT_BADLY)
        elif row.data.get("around") and row.volunteer:
            what = str(_GOT_QUESTION) % {"name": row.volunteer}
        elif row.data.get("why") in _STOPPED:
            what = str(_STOPPED[row.data["why"]])
        elif row.tag in _EVENTS:
            what = str(_EVENTS[row.tag])
        elif row.tag in _EVENTS_WITH_NAME and row.volunteer:
            what = str(_EVENTS_WITH_NAME[row.tag]) % {"name": row.volunteer}
        else:
            continue
        moment = i18n.moment_text(row.at)
        who = _("%(moment)s, by %(name)s", moment=moment, name=row.actor) if row.actor else moment
        found.append(Happened(what, who))
    return found


def decided(decision: desk_request.Decision) -> str:
    """What was just decided, for the bar with which it can be taken back."""
    if decision.state == P.REJECTED:
        return _("You chose nobody. We remember that.")
    if decision.state == P.ACCEPTED:
        return _("You agreed that %(name)s helps. The messages go out in a minute.", name=decision.name)
    return _("%(name)s gets our question in a minute.", name=decision.name)


def volunteer_badges(row: Any, today: date) -> list[tuple[str, str]]:
    """What the desk should know of a volunteer at a glance."""
    on_pause = row.is_paused and (row.paused_until is None or row.paused_until > today)
    has_vog = None if row.vog_seen_on is None else row.vog_renew_by is None or row.vog_renew_by > today
    return list(_badges(i18n.language(), on_pause, row.introduced_on is not None, has_vog))


@cache
def _badges(_code: str, on_pause: bool, is_introduced: bool, has_vog: bool | None) -> tuple[tuple[str, str], ...]:
    found = [
        (_("On pause"), "neutral") if on_pause else None,
        None if is_introduced else (_("No introduction yet"), "warning"),
        {True: (_("VOG seen"), "safe"), False: (_("VOG expired"), "danger"), None: None}[has_vog],
    ]
    return tuple(each for each in found if each)
