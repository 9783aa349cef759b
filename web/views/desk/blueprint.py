"""The blueprint, and what its chapters share."""

from collections.abc import Iterable
from time import monotonic
from typing import Any

from flask import Blueprint, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from matching.access import DESK_ROLES
from matching.catalogue import CATEGORIES
from matching.errors import Invalid
from matching.models import HelpRequest
from matching.models.base import utcnow
from matching.services import care_desk, desk, desk_request
from matching.services.desk_request import Decision
from matching.services.judging import can_undo, is_answered
from web import desk_words, facts, unmatched_words
from web.access import staff
from web.auth import viewer
from web.db import db
from web.views.care.blueprint import trace_id

bp = Blueprint("desk", __name__, url_prefix="/werkplek")
KEY = "<int(max=2147483647):{}>"  # what both databases can hold as a key; more is no page of ours
PAGE, MOST = 20, 200
at_desk = staff(*DESK_ROLES)


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"words": desk_words, "in_words": facts, "unmatched": unmatched_words, "place_names": _place_names()}


def my_places() -> tuple[str, ...]:
    """The gemeenten, wijken and buurten where the viewer works."""
    return tuple(sorted(set(viewer().places(*DESK_ROLES))))


def me() -> int:
    account_id = viewer().account_id
    assert account_id is not None
    return account_id


def my_request(request_id: int) -> HelpRequest:
    """The request, or a 404. One that was made for a mantelzorger is a look at that mantelzorger."""
    found = desk_request.look(db(), viewer(), request_id)
    note_respijt([(request_id, found.category)], "relief.one")
    return found


def note_respijt(shown: Iterable[tuple[int, str]], activity: str) -> None:
    """Note the looks at the mantelzorgers behind requests that are shown, each with its category. No query where none
    was made for one."""
    care_desk.note_looks_at_requests(
        db(),
        viewer(),
        {request_id for request_id, category in shown if CATEGORIES[category].respijt},
        activity=activity,
        trace_id=trace_id(),
        now=utcnow(),
    )


def _place_names() -> str:
    """ "Oost" under the logo. Kept for a minute: names of places hardly ever change."""
    kept = current_app.extensions.setdefault("omzien.place_names", {})
    mine = my_places()
    if not mine:
        return ""  # the page says that this is not for you
    if mine not in kept or kept[mine][0] < monotonic():
        kept[mine] = (monotonic() + 60, facts.listed(desk.place_names(db(), mine)))
    return str(kept[mine][1])


def whole(name: str, default: int, most: int) -> int:
    """A whole number from the address, between 1 and `most`; the default for nonsense."""
    text = request.args.get(name, "")
    return min(max(int(text), 1), most) if text.isascii() and text.isdigit() and len(text) < 8 else default


def just_decided() -> Decision | None:
    """The decision that the address tells of, as long as it can be taken back."""
    key = whole("terug", 0, 2**31 - 1)
    found = desk_request.decision(db(), viewer(), key) if key else None
    is_possible = found is not None and can_undo(found.decided_at, now=utcnow()) and not is_answered(found)
    return found if is_possible else None


def sorry(sentence: str, endpoint: str = "desk.request", **values: Any) -> ResponseReturnValue:
    """Back with a sentence; whatever was begun is not kept."""
    db().rollback()
    flash(sentence, "warning")
    return redirect(url_for(endpoint, **values))


def refused(error: Invalid) -> str:
    """A rule that nobody steps over, in words."""
    return str(desk_words.OBSTACLES[error.reason])
