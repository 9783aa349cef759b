"""What the desk says of asking around."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.models import HelpRequest
from matching.models.base import utcnow
from matching.services import asking_around
from matching.services.judging import can_undo
from web.i18n import moment_text

HELD = _l("This request is held back. Release it first, then we can ask around.")
REFUSED = {
    "discreet": _l("This was asked discreetly, so you choose whom to ask."),
    "past": _l("The day of this request is over."),
    "busy": _l("This request has changed in the meantime. Look how it stands."),
}


@dataclass(frozen=True, slots=True)
class Around:
    """How asking around goes, in sentences. `can_undo`: its first minute is not over."""

    began: str
    lines: list[str]
    can_undo: bool


def may_start(found: HelpRequest) -> bool:
    """Whether the desk can release this request for asking around now."""
    return found.asking_since is None and not asking_around.why_not(found, now=utcnow())


def around(found: HelpRequest, released_by: str | None, proposals: Sequence[Any]) -> Around | None:
    """proposals: rows of everybody who was ever proposed for this request. None when we do not ask around."""
    began = found.asking_since
    if began is None:
        return None
    now = utcnow()
    sentence = _("%(name)s released it on %(moment)s.", name=released_by or "", moment=moment_text(began))
    return Around(sentence, _lines(found, asking_around.tally(began, proposals)), can_undo(began, now=now))


def _lines(found: HelpRequest, count: asking_around.Tally) -> list[str]:
    lines = [
        ngettext("We asked %(num)d person.", "We asked %(num)d people.", count.asked)
        if count.asked
        else _("We have not asked anybody yet."),
        ngettext("%(num)d person has not answered yet.", "%(num)d people have not answered yet.", count.waiting)
        if count.waiting
        else "",
        ngettext("%(num)d person said: not now.", "%(num)d people said: not now.", count.declined)
        if count.declined
        else "",
        _next(found),
    ]
    return [line for line in lines if line]


def _next(found: HelpRequest) -> str:
    why = asking_around.why_not(found, now=utcnow())
    if why == "busy":
        return _("Somebody said yes, so we ask nobody else. If it falls through, we go on by ourselves.")
    if why:
        return str(REFUSED.get(why, HELD))
    moment = asking_around.next_moment(found, now=utcnow())
    return _("The next question can go on %(moment)s.", moment=moment_text(moment))


def refused(why: str) -> str:
    """A reason of asking_around.why_not in words."""
    return str(REFUSED.get(why, HELD))
