"""Where a request stands, in plain words: what happened, what happens now, who looks at it and when one hears."""

from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.models import HelpRequest
from matching.services.status import Standing
from matching.workflow import RequestState
from web.facts import listed
from web.i18n import day_text

R = RequestState
BADGES = {
    R.HELD: (_l("We read it first"), "neutral"),
    R.OPEN: (_l("We are looking"), "neutral"),
    R.ASKED: (_l("Somebody was asked"), "neutral"),
    R.CLAIMED: (_l("Somebody wants to help"), "warning"),
    R.PAIRED: (_l("You have a match"), "safe"),
    R.DONE: (_l("Done"), "safe"),
    R.WITHDRAWN: (_l("Taken back"), "neutral"),
    R.CLOSED: (_l("Closed"), "neutral"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline; `state` is done, current or empty."""

    title: str
    text: str
    state: str = ""


def badge(request: HelpRequest, *, certain: bool = True) -> tuple[str, str]:
    """The state in a word or three, and the kind of badge. `certain`: as in timeline()."""
    state = R.OPEN if request.state == R.HELD and not certain else request.state
    if request.asking_since is not None and state in (R.OPEN, R.ASKED):
        return _("We are asking around"), "neutral"
    words, kind = BADGES[R(state)]
    return str(words), kind


def timeline(request: HelpRequest, where: Standing, *, certain: bool = True) -> list[Entry]:
    """What happened and what comes. Without `certain` (a browser that is not signed in) held and open look the
    same, because the difference would tell whether the address that was typed has an account."""
    asked = Entry(_("You asked this"), day_text(request.created_at), "done")
    if request.state in (R.WITHDRAWN, R.CLOSED):
        return [asked, _ended(request)]
    both = Entry(_("You both say yes"), _("Then you see each other's name and telephone number."))
    if request.state == R.CLAIMED:
        answer = _("Do you want to meet? Read our message and say yes or no.")
        return [asked, _found("done"), Entry(_("Somebody wants to help you"), answer, "current"), both]
    if request.state in (R.PAIRED, R.DONE):
        together = Entry(
            both.title, _("You can call each other now."), "done" if request.state == R.DONE else "current"
        )
        done = Entry(_("You have been helped"), day_text(request.closed_at) if request.closed_at else "", "done")
        return [asked, _found("done"), together, *([done] if request.state == R.DONE else [])]
    return [asked, _looking(request, where, certain), both]


def _found(state: str) -> Entry:
    return Entry(_("We looked for someone who fits"), "", state)


def _looking(request: HelpRequest, where: Standing, certain: bool) -> Entry:
    if request.asking_since is not None:
        title = _("We are asking around")
        asking = _("We ask neighbours who fit, until somebody says yes. You need not do anything.")
        return Entry(title, " ".join(filter(None, (asking, _usually(where)))), "current")
    if request.state == R.ASKED:
        waiting = _("We are waiting for the answer. You need not do anything.")
        return Entry(_("We asked somebody who fits"), waiting, "current")
    reads_first = request.state == R.HELD and certain
    title = _("We read your request first") if reads_first else _("We are looking for someone who fits")
    sentences = [_who(where), _when_heard(request), "" if reads_first else _usually(where)]
    return Entry(title, " ".join(filter(None, sentences)), "current")


def _who(where: Standing) -> str:
    if not where.opbouwwerkers:
        return ""
    count = len(where.opbouwwerkers)
    return ngettext(
        "%(names)s, the opbouwwerker in your buurt, looks at it.",
        "%(names)s, the opbouwwerkers in your buurt, look at it.",
        count,
        names=listed(where.opbouwwerkers),
    )


def _when_heard(request: HelpRequest) -> str:
    if request.contacted_at is not None:
        return _("We talked to you on %(day)s.", day=day_text(request.contacted_at))
    return _("You hear from us on %(day)s at the latest.", day=day_text(request.contact_due))


def _usually(where: Standing) -> str:
    if where.usual_days is None:
        return ""
    return ngettext(
        "Usually we find someone within a day.", "Usually we find someone within %(num)s days.", where.usual_days
    )


def _ended(request: HelpRequest) -> Entry:
    day = day_text(request.closed_at or request.updated_at)
    if request.state == R.WITHDRAWN:
        return Entry(_("You took this request back"), day, "done")
    why = request.closed_reason
    return Entry(_("We closed this request"), f"{day}. {why}" if why else day, "done")


def numbers_to_call(risks: list[str]) -> list[tuple[str, str]]:
    """For whom we read something worrying: whom to call (as a link) and for what, the most urgent first."""
    known = {
        "danger": ("tel:112", _("Are you in danger now? Call 112.")),
        "suicide": ("tel:113", _("Do you think of ending your life? Call 113, day and night.")),
        "violence": ("tel:08002000", _("Does somebody hurt you? Call Veilig Thuis: 0800 2000, day and night.")),
        "crisis": ("tel:0880767000", _("Do you want to talk to someone now? Call the Luisterlijn: 088 0767 000.")),
    }
    return [known[kind] for kind in known if kind in risks]
