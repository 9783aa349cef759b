"""Time off at home by a volunteer: what of it stands on the mantelzorger's page, and at the desk."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from sqlmodel import Session, col, select

from matching.access import Viewer
from matching.models import Account, Arrangement, CareSituation, Pairing, ReliefRequest
from matching.respijt_catalogue import FORMS
from matching.services import arranging, care, covering, evaluating, relief
from matching.services.arranging import ArrangementRow, Face
from matching.workflow import ArrangementState, PairingState, ReliefState, RequestState
from web import arranging_words as words
from web import strain_words
from web.i18n import day_text, local

LOOKING = (RequestState.HELD, RequestState.OPEN, RequestState.ASKED, RequestState.CLAIMED)


@dataclass(frozen=True, slots=True)
class Gap:
    """A moment for which nobody is found yet. waiting: offers and first names; said_no: a sentence, or empty."""

    id: int
    when: str
    text: str
    waiting: tuple[tuple[int, str], ...]
    said_no: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that is asked of the mantelzorger now, and where it is answered."""

    href: str
    title: str
    text: str
    action: str


@dataclass(frozen=True, slots=True)
class HomeView:
    gaps: list[Gap]
    asked: list[Asked]


@dataclass(frozen=True, slots=True)
class SaidView:
    """What somebody said after the third time."""

    name: str
    at: datetime
    text: str
    words: str
    is_worrying: bool
    strain: str  # of the mantelzorger before and after, as a sentence; empty where nothing is known


@dataclass(frozen=True, slots=True)
class DeskView:
    """Who comes and who is looked for, for one time off. search_id: the request with which somebody is looked for;
    is_looking: nobody said yes to it for good."""

    live: list[ArrangementRow]
    gaps: list[Gap]
    faces: list[Face]
    said: dict[int, list[SaidView]]
    search_id: int | None
    is_looking: bool
    may_search: bool
    has_regular: bool
    today: date
    states: dict[Any, Any]
    lacks: dict[str, Any]
    reasons: dict[str, Any]


def home(session: Session, situation: CareSituation, now: datetime) -> HomeView | None:
    """What the mantelzorger has to know or do; None when there is nothing."""
    assert situation.id is not None
    rows = covering.open_gaps(session, now=now, situation_id=situation.id)
    names = relief.who_reads(session, situation.buurt_code) if rows else []
    gaps = [_gap(row, names) for row in rows]
    to_tell = evaluating.asked_in(session, situation.id, situation.mantelzorger_id)
    asked = _to_answer(session, situation)
    asked += [each for row in _of_situation(session, situation) for each in _asked(to_tell, *row)]
    return HomeView(gaps, asked) if gaps or asked else None


def desk(session: Session, found: ReliefRequest, now: datetime) -> DeskView | None:
    """The part on the page of one time off; None when volunteers do not do this, or nobody took it up."""
    form = FORMS.get(found.form)
    assert found.id is not None
    if form is None or not form.by_volunteer or found.state not in arranging.SEARCHABLE:
        return None
    today = local(now).date()
    live = [row for row in arranging.of(session, found.id, today=today) if row.is_live and row.volunteer_id]
    going_on = arranging.current_search(session, found)
    is_looking = going_on is not None and going_on.state in LOOKING
    on_the_way = any(row.state != ArrangementState.RUNNING for row in live)
    has_regular = any(row.state == ArrangementState.RUNNING and not row.is_backup for row in live)
    may_search = going_on is None and not on_the_way and not has_regular
    is_free = found.state == ReliefState.ARRANGING and not on_the_way
    return DeskView(
        live=live,
        gaps=[_gap(row, []) for row in covering.open_gaps(session, now=now, relief_id=found.id)],
        faces=arranging.same_faces(session, found, now=now) if is_free else [],
        said=_said(session, [row.id for row in live]),
        search_id=going_on.id if going_on else None,
        is_looking=is_looking,
        may_search=may_search,
        has_regular=has_regular,
        today=today,
        states=words.STATES,
        lacks=words.LACKS,
        reasons=words.DESK_REASONS,
    )


@dataclass(frozen=True, slots=True)
class GapLine:
    """A moment for which nobody is found yet, in the list of the desk."""

    relief_id: int
    name: str
    when: str


def gaps_at_desk(session: Session, viewer: Viewer, *, trace_id: str, now: datetime) -> list[GapLine]:
    """In the viewer's places, the first one first. Every name shown is a look, and is noted."""
    rows = covering.open_gaps(session, now=now, viewer=viewer)
    for row in rows:
        care.note_look(
            session,
            viewer,
            situation_id=row.situation_id,
            mantelzorger_id=row.mantelzorger_id,
            buurt_code=row.buurt_code,
            activity="relief.list",
            trace_id=trace_id,
            now=now,
        )
    return [GapLine(row.relief_id, row.name, words.span(row.starts_at, row.ends_at)) for row in rows]


def _gap(row: covering.GapRow, names: Sequence[str]) -> Gap:
    when = words.span(row.starts_at, row.ends_at)
    return Gap(row.id, when, words.gap_text(row, names), row.waiting, words.said_no(row))


def _of_situation(session: Session, situation: CareSituation) -> list[tuple[int, str, ArrangementState, bool]]:
    """Arrangements with a volunteer that may ask something: id, name, state, whether the mantelzorger agreed."""
    rows = session.exec(
        select(Arrangement.id, Account.first_name, Arrangement.state, Arrangement.mantelzorger_agreed_at)
        .join(ReliefRequest, col(ReliefRequest.id) == col(Arrangement.relief_id))
        .join(Account, col(Account.id) == col(Arrangement.volunteer_id))
        .where(
            ReliefRequest.situation_id == situation.id,
            col(Arrangement.state).in_((ArrangementState.AGREEING, ArrangementState.RUNNING)),
        )
        .order_by(col(Arrangement.id))
    )
    return [(key or 0, name, ArrangementState(state), agreed is not None) for key, name, state, agreed in rows]


def _to_answer(session: Session, situation: CareSituation) -> list[Asked]:
    """Volunteers who said yes and wait for the mantelzorger's answer."""
    waiting = session.exec(
        select(Pairing.id)
        .join(ReliefRequest, col(ReliefRequest.help_request_id) == col(Pairing.request_id))
        .where(ReliefRequest.situation_id == situation.id, Pairing.state == PairingState.WAITING)
        .order_by(col(Pairing.id))
    )
    text = _("Read who it is, and say whether you want to meet.")
    return [
        Asked(url_for("pairings.show", pairing_id=key), _("Somebody wants to take over"), text, _("Look at it"))
        for key in waiting
    ]


def _asked(to_tell: set[int], key: int, name: str, state: ArrangementState, has_agreed: bool) -> list[Asked]:
    here = url_for("care.arrangement", arrangement_id=key)
    if state == ArrangementState.AGREEING and not has_agreed:
        text = _("Read the agreement, and say whether it is right for you.")
        return [Asked(here, _("The trial with %(name)s went well", name=name), text, _("Look at it"))]
    if state == ArrangementState.RUNNING and key in to_tell:
        text = _("How is it going? It takes a minute.")
        return [Asked(here, _("%(name)s came three times", name=name), text, _("Tell how it is"))]
    return []


def _said(session: Session, ids: list[int]) -> dict[int, list[SaidView]]:
    found: dict[int, list[SaidView]] = {}
    for said in evaluating.said(session, ids):
        text = " ".join(words.answers(said.answers))
        strain = _strain(session, said.arrangement_id) if said.is_carer else ""
        view = SaidView(said.name, said.at, text, said.answers.words, said.answers.is_worrying, strain)
        found.setdefault(said.arrangement_id, []).append(view)
    return found


def _strain(session: Session, arrangement_id: int) -> str:
    before, now = evaluating.strain_around(session, session.get_one(Arrangement, arrangement_id))
    if before is None or now is None:
        return ""
    told = {"before": strain_words.BANDS[before.band], "after": strain_words.BANDS[now.band]}
    days = {"first": day_text(before.day), "last": day_text(now.day)}
    return _("Before the first time (%(first)s): %(before)s. The last answer (%(last)s): %(after)s.", **told, **days)
