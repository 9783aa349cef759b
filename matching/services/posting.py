"""Posting a request for help, changing it and taking it back.

A request waits for a human (state HELD) when it was asked discreetly, when its words hint at danger, when its
category or its buurt asks for it, or when the sender is not certain yet. Everything else is open at once: trust first.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from matching import catalogue, notices
from matching.errors import IllegalMove, Invalid
from matching.models import Buurt, Consent, ForWhom, HelpRequest, Role, StaffRole, Tag
from matching.services import ending, locks, outbox, questions
from matching.services.history import record
from matching.services.wishes import OnBehalf, Wish, settle, wish_of
from matching.workflow import OPEN_REQUEST_STATES, REQUEST_MOVES, RequestState, after, can
from matching.working_days import contact_due

CONSENT_KIND = "on_behalf"
CONSENT_TEXT = "2026-11"  # the version of templates/help_requests/consent_text.html
EDITABLE = (RequestState.HELD, RequestState.OPEN, RequestState.ASKED)
# A proposal was made for these facts: when one changes, it no longer holds.
FACTS = ("category", "frequency", "day", "slots", "minutes", "languages", "buurt_code", "x", "y")
# The columns that a wish fills as they are.
WISHED = (*(name for name in FACTS if name != "languages"), "description", "welcomes_anyone", "is_discreet")


def post(
    session: Session,
    wish: Wish,
    *,
    asker_id: int,
    posted_by_id: int,
    now: datetime,
    on_behalf: OnBehalf | None = None,
    is_verified: bool = True,
    draft_key: str | None = None,
    for_respijt: bool = False,
) -> HelpRequest:
    """Post what somebody asks. The same draft posted twice is one request: the second time gives the first back.

    Only what the desk looks for on behalf of a mantelzorger is `for_respijt`. Raises Invalid, with the field and the
    reason, for what the rules refuse.
    """
    wish, buurt = settle(session, wish, now=now)
    _check_respijt(wish.category, for_respijt)
    request = HelpRequest(
        **{name: getattr(wish, name) for name in WISHED},
        languages=list(wish.languages),
        draft_key=draft_key,
        asker_id=asker_id,
        posted_by_id=posted_by_id,
        for_whom=ForWhom.OTHER if on_behalf else ForWhom.SELF,
        other_name=on_behalf.first_name if on_behalf else "",
        consent_id=_record_consent(session, on_behalf, asker_id, posted_by_id, now) if on_behalf else None,
        is_verified=is_verified,
        kept_back=kept_back_for(wish.category, buurt),
        risks=sorted(catalogue.risks(wish.description)),
        created_at=now,
        updated_at=now,
        contact_due=contact_due(now),
    )
    held = request.hold_reasons
    request.state = RequestState.HELD if held else RequestState.OPEN
    try:
        with session.begin_nested():
            session.add(request)
    except IntegrityError:
        earlier = posted_from(session, draft_key) if draft_key else None
        if earlier is None:
            raise
        return earlier
    record(session, Tag.REQUEST_POSTED, request, now=now, actor_id=posted_by_id, held=held)
    _warn_of_risks(session, request, now)
    return request


def _check_respijt(category: str, for_respijt: bool) -> None:
    if catalogue.category(category).respijt and not for_respijt:
        raise Invalid("category", "respijt")


def posted_from(session: Session, draft_key: str) -> HelpRequest | None:
    """The request that this draft became, if it was posted."""
    return session.exec(select(HelpRequest).where(HelpRequest.draft_key == draft_key)).first()


def kept_back_for(category: str, buurt: Buurt) -> str:
    """What asks that a human looks first, whatever was written: category or buurt; "" when neither does."""
    if catalogue.category(category).risk:
        return "category"
    return "buurt" if buurt.moderation == "review" else ""


def _record_consent(
    session: Session, on_behalf: OnBehalf, asker_id: int, posted_by_id: int, now: datetime
) -> int | None:
    consent = Consent(
        account_id=asker_id,
        kind=CONSENT_KIND,
        text_version=CONSENT_TEXT,
        note=f"{on_behalf.by}/{on_behalf.how}",
        recorded_by_id=posted_by_id,
        at=now,
    )
    session.add(consent)
    session.flush()
    return consent.id


def _warn_of_risks(session: Session, request: HelpRequest, now: datetime) -> None:
    """Tell the opbouwwerkers of this buurt at once: this cannot wait until somebody opens the desk."""
    if not request.risks:
        return
    code = request.buurt_code
    places = (code, f"WK{code[2:8]}", f"GM{code[2:6]}")
    staff = session.exec(
        select(StaffRole.account_id)
        .where(StaffRole.role == Role.OPBOUWWERKER, col(StaffRole.place_code).in_(places))
        .distinct()
    )
    for account_id in staff:
        outbox.post(session, notices.request_at_risk(account_id, request.id or 0), now=now)


def edit(session: Session, request: HelpRequest, wish: Wish, *, actor_id: int | None, now: datetime) -> None:
    """Change a request that nobody said yes to yet. Proposals made for facts that change are withdrawn.

    Raises IllegalMove once somebody said yes or it is over, Invalid for what the rules refuse.
    """
    _lock(session, request)
    if request.state not in EDITABLE:
        raise IllegalMove(f"cannot edit a request that is {request.state}")
    before = wish_of(request)
    wish, buurt = settle(session, wish, before=before, now=now)
    _check_respijt(wish.category, before.category == wish.category)
    changed = [name for name in FACTS if getattr(before, name) != getattr(wish, name)]
    risks = set(request.risks)
    if wish.description != before.description:
        risks |= catalogue.risks(wish.description)
    is_new_risk = risks > set(request.risks)
    kept_back = _kept_back_after(request, wish, buurt)
    starts_again = changed or is_new_risk or (wish.is_discreet and not request.is_discreet)
    if starts_again:
        # Before the facts change: whoever was asked reads of what they were asked.
        ending.end_all(session, request, now=now, actor_id=actor_id, why="edited")
    if changed or wish.description != before.description:  # a human released what it said before
        ending.give_back_to_desk(session, request, now=now, actor_id=actor_id, why="edited")
    _write(request, wish)
    request.risks, request.kept_back, request.updated_at = sorted(risks), kept_back, now
    if starts_again:
        _look_again(session, request, actor_id=actor_id, now=now)
    session.add(request)
    record(session, Tag.REQUEST_EDITED, request, now=now, actor_id=actor_id, changed=changed)
    if is_new_risk:
        _warn_of_risks(session, request, now)


def move(session: Session, request: HelpRequest, buurt_code: str, *, actor_id: int | None, now: datetime) -> None:
    """Help is needed in another buurt, roughly in the middle of it. As a change of the facts while nobody said yes;
    after that what people agreed stays, and only the desk is another one.

    Raises IllegalMove when it is over, Invalid for a buurt that does not exist.
    """
    _lock(session, request)
    wish = replace(wish_of(request), buurt_code=buurt_code, x=None, y=None)
    if request.state in EDITABLE:
        edit(session, request, wish, actor_id=actor_id, now=now)
        return
    if request.state not in OPEN_REQUEST_STATES:
        raise IllegalMove(f"cannot move a request that is {request.state}")
    moved, _buurt = settle(session, wish, before=wish, now=now)
    request.buurt_code, request.x, request.y, request.updated_at = buurt_code, moved.x or 0, moved.y or 0, now
    session.add(request)
    record(session, Tag.REQUEST_EDITED, request, now=now, actor_id=actor_id, changed=["buurt_code", "x", "y"])


def _lock(session: Session, request: HelpRequest) -> None:
    """Take the row first: a volunteer may say yes at this very moment."""
    assert request.id is not None
    locks.before_request(session, request.id)
    session.flush()  # a refresh would undo what was not written yet
    session.refresh(request, with_for_update=True)


def _kept_back_after(request: HelpRequest, wish: Wish, buurt: Buurt) -> str:
    """What a human released stays released, until another category or buurt asks for a human; and only a human
    releases."""
    if (wish.category, wish.buurt_code) == (request.category, request.buurt_code):
        return request.kept_back
    return kept_back_for(wish.category, buurt) or request.kept_back


def _look_again(session: Session, request: HelpRequest, *, actor_id: int | None, now: datetime) -> None:
    """Hold or reopen where that is a move at all: what waits for a human goes on waiting, what is open stays open."""
    move = "hold" if request.hold_reasons else "reopen"
    if request.hold_reasons:  # from now on a human decides whom to ask
        ending.stop_asking_around(request)
    request.no_match_reason = request.no_match_wish = None
    if can(REQUEST_MOVES, request.state, move):
        request.state = after(REQUEST_MOVES, request.state, move)
        tag = Tag.REQUEST_HELD if move == "hold" else Tag.REQUEST_REOPENED
        record(session, tag, request, now=now, actor_id=actor_id)
    questions.go_on(session, request)


def _write(request: HelpRequest, wish: Wish) -> None:
    for name in WISHED:
        setattr(request, name, getattr(wish, name))
    # A new list: a JSON column does not notice a change inside the old one.
    request.languages = list(wish.languages)


def verify(session: Session, request: HelpRequest, *, actor_id: int | None, now: datetime) -> None:
    """The asker says, signed in, that this request is theirs. It opens when nothing else holds it."""
    _lock(session, request)
    if request.is_verified:
        return
    request.is_verified = True
    if request.state == RequestState.HELD and not request.hold_reasons:
        request.state = after(REQUEST_MOVES, request.state, "release")
    session.add(request)
    record(session, Tag.REQUEST_VERIFIED, request, now=now, actor_id=actor_id)


def withdraw(session: Session, request: HelpRequest, *, actor_id: int | None, now: datetime, reason: str = "") -> None:
    """Take a request back, whatever its state; whoever was asked hears that it is no longer needed.

    Raises IllegalMove when it is over already.
    """
    _lock(session, request)
    state = after(REQUEST_MOVES, request.state, "withdraw")
    ending.end_all(session, request, now=now, actor_id=actor_id, why="withdrawn")
    ending.stop_asking_around(request)
    request.state, request.closed_at, request.closed_reason, request.updated_at = state, now, reason[:300], now
    session.add(request)
    record(session, Tag.REQUEST_WITHDRAWN, request, now=now, actor_id=actor_id, reason=bool(reason))
