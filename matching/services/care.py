"""Care situations: who cares for whom, with two consents, and who may look.

The mantelzorger sees their own. Opbouwwerkers and coordinators of the buurt see it too, and each look is noted for the
mantelzorger to read. For everybody else it does not exist.

Two people, two consents. Without that of the mantelzorger there is no situation. Without that of the person cared for
there is one, but it holds no name, and nobody comes to that person's home.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, update
from sqlmodel import Session, col, select

from matching import notices, respijt_catalogue
from matching.access import DESK_ROLES, Viewer, covers, works_in
from matching.errors import IllegalMove, Invalid, NotFound
from matching.models import (
    Account,
    Buurt,
    CareSituation,
    Consent,
    HelpRequest,
    ReliefRequest,
    RespijtSignal,
    StrainCheck,
    Tag,
)
from matching.services import looks, outbox
from matching.services.history import record
from matching.workflow import CARE_MOVES, OPEN_REQUEST_STATES, CareState, after
from matching.working_days import AMSTERDAM

RELATIONS = ("parent", "partner", "child", "sibling", "friend", "other")
LIVES = ("together", "alone", "institution")
CLOSE_REASONS = ("recovered", "institution", "died", "moved", "stopped", "other")
WITHDRAWN = "withdrawn"  # closed because the mantelzorger's consent was withdrawn
GIVEN_BY = ("person", "representative", "legal")
ASKED_BY = ("mantelzorger", "family", "opbouwwerker", "professional")
CARER_KIND, CARED_FOR_KIND = "care_mantelzorger", "care_cared_for"
CARER_TEXT = CARED_FOR_TEXT = "2026-11"  # the versions of templates/care/parts/consent_*.html
FIRST_YEAR, HOURS_IN_A_WEEK, LONGEST_WORDS, LONGEST_NAME = 1940, 168, 1000, 80
OLDEST_CONSENT = timedelta(days=3 * 366)
TEXTS = ("relation", "since_year", "hours_a_week", "lives", "words")  # what concerns the mantelzorger


@dataclass(frozen=True, slots=True)
class Story:
    """What a mantelzorger tells: keys of RELATIONS and LIVES, and the buurt of the person cared for."""

    relation: str
    since_year: int
    hours_a_week: int
    lives: str
    words: str
    buurt_code: str


@dataclass(frozen=True, slots=True)
class CaredForConsent:
    """That the person cared for agrees: who said so (GIVEN_BY), who asked (ASKED_BY) and on which day."""

    given_by: str
    asked_by: str
    asked_on: date


def mine(session: Session, account_id: int) -> list[CareSituation]:
    """The situations of this mantelzorger: open ones first, then the newest."""
    found = session.exec(select(CareSituation).where(CareSituation.mantelzorger_id == account_id)).all()
    return sorted(found, key=lambda situation: (situation.state != CareState.OPEN, -(situation.id or 0)))


def own(session: Session, account_id: int | None, situation_id: int) -> CareSituation:
    """The situation for its own mantelzorger. Raises NotFound for everybody else, staff too."""
    found = session.get(CareSituation, situation_id)
    if found is None or account_id is None or found.mantelzorger_id != account_id:
        raise NotFound
    return found


def look(
    session: Session, viewer: Viewer, situation_id: int, *, activity: str, trace_id: str, now: datetime
) -> CareSituation:
    """The situation for the desk of its buurt; the look is noted for the mantelzorger. Raises NotFound.

    activity: what for, a key of web/care_words.ACTIVITIES. trace_id: 32 hexadecimal digits, of the web request.
    """
    found = session.get(CareSituation, situation_id)
    if found is None or viewer.account_id is None or not works_in(viewer, found.buurt_code):
        raise NotFound
    if found.mantelzorger_consent_id is None:  # withdrawn, or a year after the care ended: there is nothing to see
        raise NotFound
    note_look(
        session,
        viewer,
        situation_id=situation_id,
        mantelzorger_id=found.mantelzorger_id,
        buurt_code=found.buurt_code,
        activity=activity,
        trace_id=trace_id,
        now=now,
    )
    return found


def note_look(
    session: Session,
    viewer: Viewer,
    *,
    situation_id: int,
    mantelzorger_id: int,
    buurt_code: str,
    activity: str,
    trace_id: str,
    now: datetime,
) -> None:
    """Note that this viewer of the desk sees something of a situation, as a row of a list does. Raises NotFound."""
    if viewer.account_id is None or not works_in(viewer, buurt_code):
        raise NotFound
    role = next(held.role for held in viewer.roles if held.role in DESK_ROLES and covers(held.place_code, buurt_code))
    looks.note(
        session,
        viewer_id=viewer.account_id,
        viewer_role=role,
        subject_id=mantelzorger_id,
        situation_id=situation_id,
        activity=activity,
        trace_id=trace_id,
        now=now,
    )


def is_open(situation: CareSituation) -> bool:
    return situation.state == CareState.OPEN


def buurt_name(session: Session, situation: CareSituation) -> str:
    """The buurt of the person cared for, by name."""
    return session.get_one(Buurt, situation.buurt_code).name


def names(session: Session, situation: CareSituation) -> tuple[Account, str]:
    """The mantelzorger, and the buurt of the person cared for by name."""
    return session.get_one(Account, situation.mantelzorger_id), buurt_name(session, situation)


def at_home_obstacle(situation: CareSituation) -> str:
    """Why nobody can take over at the home of the person cared for: "closed", "consent" or "institution"; "" when
    nothing is in the way."""
    if not is_open(situation):
        return "closed"
    if situation.cared_for_consent_id is None:
        return "consent"
    return "institution" if situation.details.get("lives") == "institution" else ""


def start(session: Session, story: Story, *, mantelzorger_id: int, now: datetime) -> CareSituation:
    """Somebody tells that they care for somebody, and agrees that we keep that. Raises Invalid."""
    _check(session, story, now=now)
    consent = _consent(session, CARER_KIND, CARER_TEXT, "", mantelzorger_id, mantelzorger_id, now)
    situation = CareSituation(
        mantelzorger_id=mantelzorger_id,
        buurt_code=story.buurt_code,
        details=_details(story),
        mantelzorger_consent_id=consent.id,
        created_at=now,
        updated_at=now,
    )
    situation.next_check_on = _today(now) + timedelta(weeks=situation.check_every_weeks)
    session.add(situation)
    session.flush()
    record(session, Tag.CARE_STARTED, situation, now=now, actor_id=mantelzorger_id)
    record(session, Tag.CARE_CONSENT_GIVEN, situation, now=now, actor_id=mantelzorger_id, of="mantelzorger")
    return situation


def change(session: Session, situation: CareSituation, story: Story, *, by: int, now: datetime) -> None:
    """Tell it anew. Another buurt is another desk's; in an institution nobody takes over at home any more.

    Raises Invalid, and IllegalMove for a situation that is closed.
    """
    from matching.services import respijt_calendar  # it asks care who may see a moment

    _lock_open(session, situation)
    _check(session, story, now=now)
    before = dict(situation.details)
    told = _details(story)
    changed = sorted(name for name in TEXTS if before.get(name) != told[name])
    situation.details = before | told
    situation.updated_at = now
    session.add(situation)
    if changed:
        record(session, Tag.CARE_CHANGED, situation, now=now, actor_id=by, changed=changed)
    if story.buurt_code != situation.buurt_code:
        move(session, situation, buurt_code=story.buurt_code, by=by, now=now)
    if story.lives == "institution" and before.get("lives") != "institution":
        _end_at_home(session, situation, reason="institution", by=by, now=now)
        respijt_calendar.cancel_paid_by(session, situation, "wlz", reason="institution", by=by, now=now)


def move(session: Session, situation: CareSituation, *, buurt_code: str, by: int, now: datetime) -> None:
    """The person cared for lives in another buurt: its desk sees the situation from now on, and the old one does not.

    What is looked for moves along, and what people agreed stays. Raises Invalid for a buurt that does not exist.
    """
    _lock_open(session, situation)
    if session.get(Buurt, buurt_code) is None:
        raise Invalid("buurt", "unknown")
    situation.buurt_code, situation.updated_at = buurt_code, now
    session.add(situation)
    record(session, Tag.CARE_CHANGED, situation, now=now, actor_id=by, changed=["buurt_code"])
    _change_desk(session, situation, by=by, now=now)


def _change_desk(session: Session, situation: CareSituation, *, by: int, now: datetime) -> None:
    from matching.services import posting, relief_upkeep  # posting asks around and more, which only a move needs

    searches = (
        select(HelpRequest)
        .join(ReliefRequest, col(ReliefRequest.help_request_id) == col(HelpRequest.id))
        .where(ReliefRequest.situation_id == situation.id, col(HelpRequest.state).in_(OPEN_REQUEST_STATES))
        .order_by(col(HelpRequest.id))
    )
    for request in session.exec(searches).all():
        posting.move(session, request, situation.buurt_code, actor_id=by, now=now)
    relief_upkeep.change_desk(session, situation, now=now)


def _end_at_home(session: Session, situation: CareSituation, *, reason: str, by: int, now: datetime) -> None:
    from matching.services import relief  # relief asks care who may see it

    for asked in relief.open_ones(session, situation):
        form = respijt_catalogue.FORMS.get(asked.form)  # none where a human still has to think along
        if form is not None and form.at_home:
            relief.close(session, asked, reason=reason, by=by, now=now)


def give_cared_for_consent(
    session: Session, situation: CareSituation, consent: CaredForConsent, *, name: str, by: int, now: datetime
) -> None:
    """The person cared for agrees, so the name may be kept and somebody may come to the house. Raises Invalid."""
    _lock_open(session, situation)
    today = _today(now)
    if consent.given_by not in GIVEN_BY:
        raise Invalid("given_by", "unknown")
    if consent.asked_by not in ASKED_BY:
        raise Invalid("asked_by", "unknown")
    if not today - OLDEST_CONSENT <= consent.asked_on <= today:
        raise Invalid("asked_on", "future" if consent.asked_on > today else "too_old")
    if not 0 < len(name) <= LONGEST_NAME:
        raise Invalid("cared_for_name", "missing" if not name else "too_long")
    note = f"{consent.given_by}/{consent.asked_by}/{consent.asked_on.isoformat()}"
    kept = _consent(session, CARED_FOR_KIND, CARED_FOR_TEXT, note, situation.mantelzorger_id, by, now)
    situation.cared_for_consent_id = kept.id
    situation.details = situation.details | {"cared_for_name": name}
    situation.updated_at = now
    session.add(situation)
    record(session, Tag.CARE_CONSENT_GIVEN, situation, now=now, actor_id=by, of="cared_for")


def cared_for_consent(session: Session, situation: CareSituation) -> CaredForConsent | None:
    """What was noted when the person cared for agreed; None where they did not."""
    if situation.cared_for_consent_id is None:
        return None
    parts = session.get_one(Consent, situation.cared_for_consent_id).note.split("/")
    if len(parts) != 3 or parts[0] not in GIVEN_BY or parts[1] not in ASKED_BY:
        return None
    return CaredForConsent(parts[0], parts[1], date.fromisoformat(parts[2]))


def withdraw_cared_for_consent(session: Session, situation: CareSituation, *, by: int, now: datetime) -> None:
    """The person cared for no longer agrees: the name goes, and what was arranged at home ends."""
    _lock_open(session, situation)
    if situation.cared_for_consent_id is None:
        raise IllegalMove("there is no consent to withdraw")
    situation.cared_for_consent_id = None
    situation.details = {name: value for name, value in situation.details.items() if name != "cared_for_name"}
    situation.updated_at = now
    session.add(situation)
    record(session, Tag.CARE_CONSENT_WITHDRAWN, situation, now=now, actor_id=by, of="cared_for")
    _end_at_home(session, situation, reason="consent", by=by, now=now)


def withdraw_consent(session: Session, situation: CareSituation, *, now: datetime) -> None:
    """The mantelzorger no longer agrees: the situation closes, and what was told is gone."""
    by = situation.mantelzorger_id
    lock(session, situation)
    if is_open(situation):
        close(session, situation, reason=WITHDRAWN, by=by, now=now)
    situation.mantelzorger_consent_id = situation.cared_for_consent_id = None
    situation.closed_reason = WITHDRAWN
    forget_story(session, situation, now=now)
    record(session, Tag.CARE_CONSENT_WITHDRAWN, situation, now=now, actor_id=by, of="mantelzorger")


def forget_story(session: Session, situation: CareSituation, *, now: datetime) -> None:
    """Remove what was told and noted: the situation, how it went, the plan, all words, and what was read from them."""
    from matching.services import drop_out_call, relief_upkeep  # as below

    situation.details = {}
    session.add(situation)
    drop_out_call.forget(session, situation, now=now)
    connection = session.connection()
    session.flush()
    connection.execute(delete(StrainCheck).where(col(StrainCheck.situation_id) == situation.id))
    connection.execute(delete(RespijtSignal).where(col(RespijtSignal.situation_id) == situation.id))
    relief_upkeep.forget(session, situation)


def close(session: Session, situation: CareSituation, *, reason: str, by: int, now: datetime) -> None:
    """The caring is over, or help with it is. Checks, signals and open requests for time off stop.

    reason: one of CLOSE_REASONS. Raises Invalid for another, and IllegalMove when it is closed already.
    """
    from matching.services import drop_out_call, relief  # relief asks care who may see it

    if reason not in (*CLOSE_REASONS, WITHDRAWN):
        raise Invalid("reason", "unknown")
    lock(session, situation)
    situation.state = after(CARE_MOVES, CareState(situation.state), "close")
    situation.closed_reason, situation.closed_at, situation.updated_at = reason, now, now
    situation.next_check_on = None
    session.add(situation)
    outbox.cancel(session, f"check_in:{situation.id}:", now=now)
    relief.close_all(session, situation, reason="situation_closed", by=by, now=now)
    drop_out_call.close(session, situation, by=by, now=now)
    if by != situation.mantelzorger_id:
        outbox.post(session, notices.care_closed(situation.mantelzorger_id, situation.id or 0, now), now=now)
    session.flush()
    is_raised = col(RespijtSignal.gone_at).is_(None) & col(RespijtSignal.handled_at).is_(None)
    session.connection().execute(
        update(RespijtSignal).where(col(RespijtSignal.situation_id) == situation.id, is_raised).values(gone_at=now)
    )
    record(session, Tag.CARE_CLOSED, situation, now=now, actor_id=by)  # why can be about health: on the row only


def reopen(session: Session, situation: CareSituation, *, by: int, now: datetime) -> None:
    """It goes on after all. Raises IllegalMove when it is open, or when the mantelzorger's consent was withdrawn."""
    lock(session, situation)
    if situation.mantelzorger_consent_id is None:
        raise IllegalMove("without consent it starts anew")
    situation.state = after(CARE_MOVES, CareState(situation.state), "reopen")
    situation.closed_reason, situation.closed_at, situation.updated_at = "", None, now
    if situation.check_every_weeks:
        situation.next_check_on = _today(now) + timedelta(weeks=situation.check_every_weeks)
    session.add(situation)
    record(session, Tag.CARE_REOPENED, situation, now=now, actor_id=by)


def _check(session: Session, story: Story, *, now: datetime) -> None:
    if story.relation not in RELATIONS:
        raise Invalid("relation", "unknown")
    if story.since_year > _today(now).year:
        raise Invalid("since_year", "future")
    if story.since_year < FIRST_YEAR:
        raise Invalid("since_year", "too_old")
    if not 0 < story.hours_a_week <= HOURS_IN_A_WEEK:
        raise Invalid("hours_a_week", "out_of_range")
    if story.lives not in LIVES:
        raise Invalid("lives", "unknown")
    if len(story.words) > LONGEST_WORDS:
        raise Invalid("words", "too_long")
    if session.get(Buurt, story.buurt_code) is None:
        raise Invalid("buurt", "unknown")


def _details(story: Story) -> dict[str, Any]:
    return {name: getattr(story, name) for name in TEXTS}


def _consent(
    session: Session, kind: str, text_version: str, note: str, account_id: int, by: int, now: datetime
) -> Consent:
    consent = Consent(account_id=account_id, kind=kind, text_version=text_version, note=note, recorded_by_id=by, at=now)
    session.add(consent)
    session.flush()
    return consent


def lock(session: Session, situation: CareSituation) -> None:
    """Take the row and read it afresh: whoever asks or closes at the same moment waits here."""
    session.flush()  # a refresh would undo what was not written yet
    session.refresh(situation, with_for_update={"key_share": True})  # others may go on pointing at the row


def _lock_open(session: Session, situation: CareSituation) -> None:
    lock(session, situation)
    if not is_open(situation):
        raise IllegalMove("the situation is closed")


def _today(now: datetime) -> date:
    return now.astimezone(AMSTERDAM).date()
