"""The learning log: who was asked, out of whom, how likely that choice was, and what came of it.

A question that goes out by itself (offering.py) is written here in the same transaction, with everybody who could have
been chosen. What people chose is written a tick later (hindsight.py). The outcome is not kept twice: it is the
proposal's. No names, no words: numbers of features.FEATURES only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isnan
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Row, func, insert, select
from sqlmodel import Session, col

from matching.models import Event, HelpRequest, OfferDecision, OfferEdge, Proposal, Tag
from matching.ranking.evaluation import Decisions
from matching.ranking.features import NAMES, OfferLog
from matching.ranking.problem import FloatArray, IntArray
from matching.services.matcher.hours import wall_hours
from matching.services.matcher.town import read_places
from matching.workflow import ProposalState

WAVE, EXPLORE, DESK, OVERRIDE, OFFER = "wave", "explore", "desk", "override", "offer"
BY_ITSELF = (WAVE, EXPLORE)
NAN = float("nan")
DUTCH = "nl"


@dataclass(frozen=True, slots=True)
class Slot:
    """One choice: everybody who could have been chosen, and who was (`chosen`, a position). features: float64[c, F]."""

    explored: bool
    chosen: int
    volunteer_ids: list[int]
    p: list[float]
    propensity: list[float]
    features: FloatArray

    @property
    def chosen_p(self) -> float:
        return self.p[self.chosen]


def write(session: Session, proposal: Proposal, slot: Slot, model: str, *, now: datetime) -> None:
    """A question that went out by itself. The proposal has its key already."""
    decision = _decision(
        proposal,
        at=now,
        source=EXPLORE if slot.explored else WAVE,
        model=model,
        propensity=slot.propensity[slot.chosen],
        candidates=len(slot.volunteer_ids),
    )
    people = zip(slot.volunteer_ids, slot.p, slot.propensity, slot.features.tolist(), strict=True)
    _store(
        session,
        decision,
        [
            {"volunteer_id": who, "p": round(p, 4), "propensity": chance, "is_chosen": n == slot.chosen, "features": x}
            for n, (who, p, chance, x) in enumerate(people)
        ],
    )


def write_choice(
    session: Session,
    proposal: Proposal,
    *,
    at: datetime,
    source: str,
    model: str,
    candidates: int,
    p: float,
    features: list[float] | None,
) -> None:
    """A choice that a person made. features: of the one who was chosen; None where nothing is known any more."""
    decision = _decision(proposal, at=at, source=source, model=model, propensity=None, candidates=candidates)
    edge = {"volunteer_id": proposal.volunteer_id, "p": round(p, 4), "propensity": None, "is_chosen": True}
    _store(session, decision, [] if features is None else [edge | {"features": features}])


def _decision(proposal: Proposal, **facts: Any) -> OfferDecision:
    assert proposal.id is not None
    return OfferDecision(
        request_id=proposal.request_id, volunteer_id=proposal.volunteer_id, proposal_id=proposal.id, **facts
    )


def _store(session: Session, decision: OfferDecision, edges: list[dict[str, Any]]) -> None:
    session.add(decision)
    session.flush()
    if edges:
        kept = [edge | {"decision_id": decision.id, "features": _kept(edge["features"])} for edge in edges]
        session.connection().execute(insert(OfferEdge), kept)


def _kept(features: Sequence[float]) -> list[float | None]:
    """As JSON, which knows no nan."""
    return [None if isnan(value) else round(value, 4) for value in features]


@dataclass(frozen=True, slots=True)
class LoggedEdges:
    """`c` people who could have been chosen.

    decision: int32[c], position in the log, ascending. volunteer: int32[c]. p, propensity: float64[c], nan = unknown
    (people have no propensity). chosen: bool[c]. X: float64[c, F].
    """

    decision: IntArray
    volunteer: IntArray
    p: FloatArray
    propensity: FloatArray
    chosen: npt.NDArray[np.bool_]
    X: FloatArray


@dataclass(frozen=True, slots=True)
class Log:
    """`k` choices by the moment they were made. Of each: the offer, request int32[k], source (WAVE, EXPLORE, DESK,
    OVERRIDE, OFFER) and model as strings [k]. edges: of all of them, with the chosen ones; None when not asked for."""

    offers: OfferLog
    request: IntArray
    source: npt.NDArray[np.str_]
    model: npt.NDArray[np.str_]
    edges: LoggedEdges | None

    def __len__(self) -> int:
        return len(self.offers)


def read_log(session: Session, since: datetime, *, with_edges: bool = False) -> Log:
    """Everything that was chosen from `since` on, of which the features are still there.

    Volunteers go by their key. Hours are those of the clock on the wall; an answer is never before its question.
    """
    rows = session.connection().execute(_rows_query(since)).all()
    rows = [row for row in rows if len(row.features) <= len(NAMES)]  # a row of a later version says other things
    closed = _taken_back(session, since)
    buurten, _bits, _gemeente_of = read_places(session)
    sent = np.array([wall_hours(row.at) for row in rows], float)
    answered = np.array([wall_hours(row.answered_at) if row.answered_at else NAN for row in rows], float)
    ended = [_ended_at(row, closed) for row in rows]
    closed_h = np.array([wall_hours(moment) if moment else NAN for moment in ended], float)
    offers = OfferLog(
        sent_h=sent,
        answered_h=np.fmax(answered, np.where(np.isnan(answered), NAN, sent)),
        volunteer=np.array([row.volunteer_id for row in rows], np.int32),
        buurt=np.array([buurten[row.buurt_code] for row in rows], np.int32),
        needs_language=np.array([bool(row.languages) and DUTCH not in row.languages for row in rows], bool),
        answered=~np.isnan(answered),
        accepted=np.array([_said_yes(row) for row in rows], bool),
        settled=np.array([bool(row.answered_at) or row.state == ProposalState.EXPIRED for row in rows], bool),
        X=_matrix([row.features for row in rows]),
        closed_h=np.fmax(closed_h, np.where(np.isnan(closed_h), NAN, sent)),
        propensity=_numbers(row.propensity for row in rows),
        p_at_offer=np.array([row.p for row in rows], float),
    )
    return Log(
        offers,
        np.array([row.request_id for row in rows], np.int32),
        np.array([row.source for row in rows], np.str_),
        np.array([row.model for row in rows], np.str_),
        _edges(session, {row.id: n for n, row in enumerate(rows)}, since) if with_edges else None,
    )


def _rows_query(since: datetime) -> Any:  # an SQL expression; its generic type says nothing here
    d, p, r, e = OfferDecision, Proposal, HelpRequest, OfferEdge
    columns = (d.id, d.at, d.request_id, d.volunteer_id, d.source, d.model, d.propensity, p.state, p.answered_at,
               p.expires_at, r.buurt_code, r.languages, e.p, e.features)  # fmt: skip
    return (
        select(*(col(column) for column in columns), col(p.id).label("proposal_id"))
        .join(Proposal, col(p.id) == col(d.proposal_id))
        .join(HelpRequest, col(r.id) == col(d.request_id))
        .join(OfferEdge, (col(e.decision_id) == col(d.id)) & col(e.is_chosen))
        .where(col(d.at) >= since)
        .order_by(col(d.at), col(d.id))
    )


def _said_yes(row: Row[Any]) -> bool:
    return row.answered_at is not None and row.state != ProposalState.DECLINED


def _taken_back(session: Session, since: datetime) -> dict[int, datetime]:
    """When questions ended without an answer because somebody else was first or nobody was needed, by proposal."""
    tags = (Tag.PROPOSAL_MISSED, Tag.PROPOSAL_WITHDRAWN)
    query: Any = select(col(Event.subject_id), func.max(col(Event.at))).where(
        col(Event.subject) == "proposal", col(Event.tag).in_(tags), col(Event.at) >= since
    )
    rows = session.connection().execute(query.group_by(col(Event.subject_id)))
    return {key: moment for key, moment in rows}  # noqa: C416  # a result has keys() of its own  # a result has keys() of its own


def _ended_at(row: Row[Any], taken_back: dict[int, datetime]) -> datetime | None:
    """When a question without an answer was over."""
    if row.answered_at is not None:
        return None
    ended: datetime | None = row.expires_at if row.state == ProposalState.EXPIRED else taken_back.get(row.proposal_id)
    return ended


def _numbers(values: Any) -> FloatArray:
    return np.array([NAN if value is None else value for value in values], float)


def _matrix(rows: Sequence[Sequence[float | None]]) -> FloatArray:
    """float64[k, F]. Columns are only ever added at the end: a shorter row is of before they were."""
    matrix = np.full((len(rows), len(NAMES)), NAN)
    for n, values in enumerate(rows):
        matrix[n, : len(values)] = _numbers(values)
    return matrix


def _edges(session: Session, places: dict[int, int], since: datetime) -> LoggedEdges:
    e, d = OfferEdge, OfferDecision
    query: Any = (
        select(*(col(each) for each in (e.decision_id, e.volunteer_id, e.p, e.propensity, e.is_chosen, e.features)))
        .join(OfferDecision, col(d.id) == col(e.decision_id))
        .where(col(d.at) >= since)
        .order_by(col(d.at), col(d.id), col(e.volunteer_id))
    )
    rows = [row for row in session.connection().execute(query) if row.decision_id in places]
    return LoggedEdges(
        decision=np.array([places[row.decision_id] for row in rows], np.int32),
        volunteer=np.array([row.volunteer_id for row in rows], np.int32),
        p=np.array([row.p for row in rows], float),
        propensity=_numbers(row.propensity for row in rows),
        chosen=np.array([row.is_chosen for row in rows], bool),
        X=_matrix([row.features for row in rows]),
    )


def decisions_for_evaluation(log: Log) -> tuple[Decisions, LoggedEdges]:
    """The choices of the waves whose outcome is final, and their people in the same order: what off-policy evaluation
    asks for. The log was read with its edges. Raises EvaluationError where there are none."""
    assert log.edges is not None
    kept = np.isin(log.source, BY_ITSELF) & log.offers.settled
    mine = kept[log.edges.decision]
    edges = LoggedEdges(*(getattr(log.edges, name)[mine] for name in LoggedEdges.__slots__))
    place = np.cumsum(kept) - 1
    renumbered = place[edges.decision].astype(np.int32)
    made = Decisions(
        decision=renumbered,
        propensity=edges.propensity,
        chosen=np.flatnonzero(edges.chosen),
        reward=log.offers.accepted[kept].astype(float),
        request=log.request[kept],
    )
    return made, edges


def exploration_share(session: Session, since: datetime) -> float:
    """The share of questions that went out by themselves of which chance chose whom to ask; nan when there are none."""
    query: Any = select(col(OfferDecision.source), func.count()).where(
        col(OfferDecision.source).in_(BY_ITSELF), col(OfferDecision.at) >= since
    )
    rows = session.connection().execute(query.group_by(col(OfferDecision.source)))
    counts = {source: n for source, n in rows}  # noqa: C416  # a result has keys() of its own
    total = sum(counts.values())
    return counts.get(EXPLORE, 0) / total if total else NAN
