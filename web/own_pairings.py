"""Which pairing this browser may see, and from which side.

Whoever answers by the link of a message has no password at hand: the browser that used the link may come back to
this one pairing for as long as its session lasts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import abort, redirect, request, session, url_for
from sqlmodel import col, select

from matching.access import works_in
from matching.errors import NotAllowed, NotFound
from matching.models import Account, ActionLink, Buurt, ForWhom, HelpRequest, Pairing
from matching.services import standing_in
from matching.workflow import PairingState
from web.auth import viewer
from web.db import db

ASKER, VOLUNTEER, DESK = "asker", "volunteer", "desk"
MOST_REMEMBERED = 5
SECOND_TAP = timedelta(minutes=1)  # the second of two taps comes from the same hand


@dataclass(frozen=True, slots=True)
class Seen:
    """A pairing as one of the two people, or the desk, sees it. `actor_id` is whoever is looking."""

    pairing: Pairing
    request: HelpRequest
    buurt: str
    asker: Account
    volunteer: Account
    side: str
    actor_id: int

    @property
    def is_agreed(self) -> bool:
        """Only now do they see each other's telephone number."""
        return self.pairing.state == PairingState.AGREED

    @property
    def shows_names(self) -> bool:
        return self.pairing.state in (PairingState.AGREED, PairingState.DONE)

    @property
    def for_respijt(self) -> bool:
        """An introduction visit comes first, and nobody's telephone number is shown."""
        return standing_in.is_for_respijt(self.request)

    @property
    def person_id(self) -> int:
        """The one of the two for whom this side speaks: somebody may have asked on behalf of the asker."""
        return self.pairing.volunteer_id if self.side == VOLUNTEER else self.request.asker_id

    @property
    def helped_name(self) -> str:
        """Who is helped: the asker, or the person for whom the asker asked."""
        other = self.request.other_name if self.request.for_whom == ForWhom.OTHER else ""
        return other or self.asker.first_name


def remember(pairing: Pairing, account: Account) -> None:
    """Let this browser come back to this pairing as `account`, until the account's sessions are ended."""
    mine = session.get("mine", {})
    known = {key: value for key, value in mine.get("pairings", {}).items() if key != str(pairing.id)}
    kept = [*known.items(), (str(pairing.id), [account.id, account.session_version])]
    session["mine"] = {**mine, "pairings": dict(kept[-MOST_REMEMBERED:])}


def is_second_tap(link: ActionLink, *, now: datetime) -> bool:
    """Whether a spent link comes back so soon that it must be the same hand, whose browser may have dropped the
    first answer with its cookie."""
    return link.used_at is not None and now < link.used_at + SECOND_TAP


def load(pairing_id: int) -> Seen:
    """The pairing, for its two people, for the browser that answered by link, and for the desk of its buurt.

    Raises NotFound for everybody else. What became an arrangement with a mantelzorger has a page of its own, and they
    go there. Who is not signed in goes to sign in first, whatever the number: the
    messages point here.
    """
    remembered = session.get("mine", {}).get("pairings", {}).get(str(pairing_id))
    if remembered is None and viewer().account_id is None:
        back = request.full_path.rstrip("?") if request.method == "GET" else None
        abort(redirect(url_for("account.sign_in", verder=back)))
    row = (
        db()
        .exec(
            select(Pairing, HelpRequest, Buurt.name)
            .join(HelpRequest, col(HelpRequest.id) == col(Pairing.request_id))
            .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
            .where(Pairing.id == pairing_id)
        )
        .first()
    )
    if row is None:
        raise NotFound(f"no pairing {pairing_id}")
    return _or_arrangement(_seen(*row, remembered))


def _or_arrangement(seen: Seen) -> Seen:
    """The pairing, or off to what became of it: with a mantelzorger an introduction comes first, and nobody's telephone
    number is shown."""
    arrangement = standing_in.arrangement_of(db(), seen.pairing, seen.request)
    if arrangement is None or seen.pairing.state == PairingState.WAITING:
        return seen
    if seen.side == DESK:
        abort(redirect(url_for("desk.relief", relief_id=arrangement.relief_id)))
    page = "volunteering.respijt_arrangement" if seen.side == VOLUNTEER else "care.arrangement"
    return abort(redirect(url_for(page, arrangement_id=arrangement.id)))


def take_part(pairing_id: int) -> Seen:
    """The same for one of the two people. Raises NotAllowed for the desk, which looks only."""
    seen = load(pairing_id)
    if seen.side == DESK:
        raise NotAllowed("the desk looks only")
    return seen


def _seen(pairing: Pairing, request_: HelpRequest, buurt: str, remembered: list[int] | None) -> Seen:
    ids = {request_.asker_id, pairing.volunteer_id, *(remembered or [])[:1]}
    people = {each.id: each for each in db().exec(select(Account).where(col(Account.id).in_(ids)))}
    side, actor_id = _side(pairing, request_, viewer().account_id), viewer().account_id
    if side is None and remembered is not None:
        account = people.get(remembered[0])
        if account is not None and account.is_active and account.session_version == remembered[1]:
            side, actor_id = _side(pairing, request_, account.id), account.id
    if side is None and works_in(viewer(), request_.buurt_code):
        side, actor_id = DESK, viewer().account_id
    if side is None or actor_id is None:
        raise NotFound(f"no pairing {pairing.id} for this viewer")
    return Seen(pairing, request_, buurt, people[request_.asker_id], people[pairing.volunteer_id], side, actor_id)


def _side(pairing: Pairing, request_: HelpRequest, account_id: int | None) -> str | None:
    if account_id is None:
        return None
    if account_id == pairing.volunteer_id:
        return VOLUNTEER
    return ASKER if account_id in (request_.asker_id, request_.posted_by_id) else None
