"""Posting a request for help, changing it and taking it back.

A request waits for a human (state HELD) when it was asked discreetly, when its words hint at danger, when its
category or its buurt asks for it, or when the sender is not certain yet. Everything else is open at once: trust first.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from matching import catalogue, notices
from matching.errors import IllegalMove, Invalid
from matching.models import Buurt, Consent, ForWhom, Frequency, HelpRequest, StaffRole, Tag
from matching.models.people import Role
from matching.services import outbox
from matching.services.history import record
from matching.workflow import REQUEST_MOVES, RequestState, after
from matching.working_days import AMSTERDAM, contact_due

LONGEST_TEXT = 2000
ALL_SLOTS = 2**28 - 1
PART_ENDS = (12, 18, 24, 30)  # hour at which morning, afternoon, evening and night are over; 30 is 6 the next day
MINUTES = (15, 30, 45, 60, 90, 120, 180, 240)
CONSENT_KIND = "on_behalf"
CONSENT_TEXT = "2026-11"  # the version of templates/help_requests/consent_text.html
EDITABLE = (RequestState.HELD, RequestState.OPEN, RequestState.ASKED)
# A proposal was made for these facts: when one changes, it no longer holds.
FACTS = ("category", "frequency", "day", "slots", "minutes", "languages", "buurt_code", "x", "y")


class ConsentBy(StrEnum):
    """Who agreed that somebody else asks."""

    PERSON = "person"
    REPRESENTATIVE = "representative"


class ConsentHow(StrEnum):
    """How they said so."""

    SPOKEN = "spoken"
    PHONE = "phone"
    PAPER = "paper"


@dataclass(frozen=True, slots=True)
class OnBehalf:
    """For whom somebody else asks, and who agreed to that and how."""

    first_name: str
    by: ConsentBy
    how: ConsentHow


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked, when and roughly where. `x`, `y`: RD New metres; None is the middle of the buurt.

    `slots`: 28 bits as in HelpRequest; 0 with Frequency.FLEXIBLE means at any time.
    """

    category: str
    description: str
    frequency: Frequency
    day: date | None
    slots: int
    minutes: int
    buurt_code: str
    x: int | None = None
    y: int | None = None
    languages: tuple[str, ...] = ()
    welcomes_anyone: bool = False
    is_discreet: bool = False


def wish_of(request: HelpRequest) -> Wish:
    """What a request asks, to change a part of it with `replace`."""
    return Wish(
        category=request.category,
        description=request.description,
        frequency=Frequency(request.frequency),
        day=request.day,
        slots=request.slots,
        minutes=request.minutes,
        buurt_code=request.buurt_code,
        x=request.x,
        y=request.y,
        languages=tuple(request.languages),
        welcomes_anyone=request.welcomes_anyone,
        is_discreet=request.is_discreet,
    )


def check_category(category: str) -> None:
    """Raises Invalid when the catalogue does not have it."""
    if category not in catalogue.CATEGORIES:
        raise Invalid("category", "unknown")


def check_text(description: str) -> None:
    """Raises Invalid for a text that is too long or gives away a phone number, address, e-mail or BSN."""
    if len(description) > LONGEST_TEXT:
        raise Invalid("description", "too_long")
    found = catalogue.personal_details(description)
    if found:
        raise Invalid("description", found[0].kind)


def check_when(frequency: Frequency, day: date | None, slots: int, *, now: datetime) -> None:
    """Raises Invalid for a day that is over or too far away, or parts of a day that do not fit."""
    if not 0 <= slots <= ALL_SLOTS or (not slots and frequency == Frequency.WEEKLY):
        raise Invalid("slots", "missing")
    if frequency != Frequency.ONCE:
        return
    here = now.astimezone(AMSTERDAM)
    if day is None:
        raise Invalid("day", "missing")
    if day < here.date():
        raise Invalid("day", "past")
    if day > _a_year_after(here.date()):
        raise Invalid("day", "too_far")
    parts = slots >> day.weekday() * 4
    if not slots or slots != (parts & 0b1111) << day.weekday() * 4:
        raise Invalid("parts", "missing")
    if day == here.date() and any(parts >> part & 1 and here.hour >= PART_ENDS[part] for part in range(4)):
        raise Invalid("parts", "past")


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:  # 29 February
        return day.replace(year=day.year + 1, day=28)


def day_slots(day: date, parts: list[int]) -> int:
    """The mask of these parts (0 morning to 3 night) of one day."""
    return sum(1 << day.weekday() * 4 + part for part in set(parts))


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
) -> HelpRequest:
    """Post what somebody asks. The same draft posted twice is one request: the second time gives the first back.

    Raises Invalid, with the field and the reason, for what the rules refuse.
    """
    buurt = _check(session, wish, now=now)
    request = HelpRequest(
        draft_key=draft_key,
        asker_id=asker_id,
        posted_by_id=posted_by_id,
        for_whom=ForWhom.OTHER if on_behalf else ForWhom.SELF,
        other_name=on_behalf.first_name if on_behalf else "",
        consent_id=_record_consent(session, on_behalf, asker_id, posted_by_id, now) if on_behalf else None,
        is_discreet=wish.is_discreet,
        is_verified=is_verified,
        category=wish.category,
        description=wish.description,
        frequency=wish.frequency,
        risks=sorted(catalogue.risks(wish.description)),
        welcomes_anyone=wish.welcomes_anyone,
        created_at=now,
        updated_at=now,
        contact_due=contact_due(now),
        **_facts(wish, buurt),
    )
    held = hold_reasons(request, buurt)
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


def posted_from(session: Session, draft_key: str) -> HelpRequest | None:
    """The request that this draft became, if it was posted."""
    return session.exec(select(HelpRequest).where(HelpRequest.draft_key == draft_key)).first()


def hold_reasons(request: HelpRequest, buurt: Buurt) -> list[str]:
    """Why a human looks first; empty when the matcher may propose at once."""
    reasons = {
        "discreet": request.is_discreet,
        "risk_words": bool(request.risks),
        "category": catalogue.category(request.category).risk,
        "buurt": buurt.moderation == "review",
        "unverified": not request.is_verified,
    }
    return [reason for reason, holds in reasons.items() if holds]


def _check(session: Session, wish: Wish, *, now: datetime) -> Buurt:
    check_category(wish.category)
    check_text(wish.description)
    check_when(wish.frequency, wish.day, wish.slots, now=now)
    return _check_rest(session, wish)


def _check_rest(session: Session, wish: Wish) -> Buurt:
    """Raises Invalid for an impossible length or language or an unknown buurt; gives the buurt."""
    if wish.minutes not in MINUTES:
        raise Invalid("minutes", "unknown")
    if not set(wish.languages) <= {each.code for each in catalogue.LANGUAGES}:
        raise Invalid("language", "unknown")
    buurt = session.get(Buurt, wish.buurt_code)
    if buurt is None:
        raise Invalid("buurt", "unknown")
    return buurt


def _facts(wish: Wish, buurt: Buurt) -> dict[str, object]:
    """The columns that a wish settles for itself: no more precise than 100 m, no more slots than it needs."""
    x, y = (buurt.x, buurt.y) if wish.x is None or wish.y is None else (wish.x, wish.y)
    return {
        "day": wish.day if wish.frequency == Frequency.ONCE else None,
        "slots": wish.slots or ALL_SLOTS,
        "minutes": wish.minutes,
        "languages": list(wish.languages),
        "buurt_code": wish.buurt_code,
        "x": round(x / 100) * 100,
        "y": round(y / 100) * 100,
    }


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
    if request.state not in EDITABLE:
        raise IllegalMove(f"cannot edit a request that is {request.state}")
    before = wish_of(request)
    if wish.description != before.description:
        check_text(wish.description)
    if _when(wish) != _when(before):
        check_when(wish.frequency, wish.day, wish.slots, now=now)
    check_category(wish.category)
    buurt = _check_rest(session, wish)
    for name, value in _facts(wish, buurt).items():
        setattr(request, name, value)
    for name in ("category", "description", "frequency", "welcomes_anyone", "is_discreet"):
        setattr(request, name, getattr(wish, name))
    request.updated_at = now
    after_edit = wish_of(request)
    changed = [name for name in FACTS if getattr(before, name) != getattr(after_edit, name)]
    if changed:
        _start_again(session, request, actor_id=actor_id, now=now)
    new_risks = wish.description != before.description and catalogue.risks(wish.description) - set(request.risks)
    _hold_if_needed(session, request, buurt, set(new_risks or ()), before, actor_id=actor_id, now=now)
    session.add(request)
    record(session, Tag.REQUEST_EDITED, request, now=now, actor_id=actor_id, changed=changed)


def _end_all(session: Session, request: HelpRequest, **facts: object) -> None:
    from matching.services import ending

    ending.end_all(session, request, **facts)


def _when(wish: Wish) -> tuple[object, ...]:
    return wish.frequency, wish.day, wish.slots


def _start_again(session: Session, request: HelpRequest, *, actor_id: int | None, now: datetime) -> None:
    _end_all(session, request, now=now, actor_id=actor_id, why="edited")
    request.no_match_reason = request.no_match_wish = None
    if request.state == RequestState.ASKED:
        request.state = after(REQUEST_MOVES, request.state, "reopen")
        record(session, Tag.REQUEST_REOPENED, request, now=now, actor_id=actor_id)


def _hold_if_needed(
    session: Session,
    request: HelpRequest,
    buurt: Buurt,
    new_risks: set[str],
    before: Wish,
    *,
    actor_id: int | None,
    now: datetime,
) -> None:
    """What a human released stays released, unless the change itself asks for a human. Only a human clears a
    flag, so risks found earlier stay."""
    # A new list: a JSON column does not notice a change inside the old one.
    request.risks = sorted(new_risks | set(request.risks))
    now_discreet = request.is_discreet and not before.is_discreet
    now_elsewhere = request.buurt_code != before.buurt_code and buurt.moderation == "review"
    if (new_risks or now_discreet or now_elsewhere) and request.state != RequestState.HELD:
        _end_all(session, request, now=now, actor_id=actor_id, why="edited")
        request.state = after(REQUEST_MOVES, request.state, "hold")
        record(session, Tag.REQUEST_HELD, request, now=now, actor_id=actor_id)
    if new_risks:
        _warn_of_risks(session, request, now)


def verify(session: Session, request: HelpRequest, *, actor_id: int | None, now: datetime) -> None:
    """The asker says, signed in, that this request is theirs. It opens when nothing else holds it."""
    if request.is_verified:
        return
    request.is_verified = True
    buurt = session.get_one(Buurt, request.buurt_code)
    if request.state == RequestState.HELD and not hold_reasons(request, buurt):
        request.state = after(REQUEST_MOVES, request.state, "release")
    session.add(request)
    record(session, Tag.REQUEST_VERIFIED, request, now=now, actor_id=actor_id)


def withdraw(
    session: Session, request: HelpRequest, *, actor_id: int | None, now: datetime, reason: str = ""
) -> None:
    """Take a request back, whatever its state; whoever was asked hears that it is no longer needed.

    Raises IllegalMove when it is over already.
    """
    state = after(REQUEST_MOVES, request.state, "withdraw")
    _end_all(session, request, now=now, actor_id=actor_id, why="withdrawn")
    request.state, request.closed_at, request.closed_reason, request.updated_at = state, now, reason[:300], now
    session.add(request)
    record(session, Tag.REQUEST_WITHDRAWN, request, now=now, actor_id=actor_id, reason=bool(reason))
