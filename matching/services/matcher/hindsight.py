"""What people chose, for the learning log: the desk's own choices, and the offers of volunteers that it agreed with.

They are written a little later, when the minute for taking them back is over, with what was known just before: the
message itself and everything after it do not count.
"""

import logging
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Row, and_, case, exists, func, or_, select
from sqlmodel import Session, col

from matching.catalogue import CATEGORIES
from matching.models import HelpRequest, MatchRun, OfferDecision, Proposal, Volunteer
from matching.models.learning import CHOICES_KEPT
from matching.notices import UNDO_WINDOW
from matching.ranking.acceptance import AcceptanceRule
from matching.ranking.eligibility import distance_m
from matching.ranking.features import OfferContext, edge_features
from matching.ranking.problem import Edges, Problem
from matching.services import asking_around
from matching.services.matcher.context import ACCEPTED, ANSWERED, NAN, RECENT, in_context
from matching.services.matcher.hours import wall_hours
from matching.services.matcher.learning_log import DESK, OFFER, OVERRIDE, write_choice
from matching.services.matcher.rule_in_use import rule_in_use
from matching.services.matcher.town import History, read_places, request_columns, volunteer_columns, volunteer_query
from matching.workflow import ProposalState
from matching.working_days import AMSTERDAM

MOST_AT_ONCE = 500  # what is left waits for the next time
MATCHER = "matcher"
FIRST = np.zeros(1, np.int32)

log = logging.getLogger("omzien.learning")


@dataclass(frozen=True, slots=True)
class _Past:
    """What was known of people and categories, by moment."""

    asked: dict[int, list[Row[Any]]]  # by volunteer: id, asked_at, answered_at, state
    answers: dict[str, list[datetime]]  # by category, ascending
    yeses: dict[str, list[datetime]]


def note_choices(session: Session, *, now: datetime, home: Path | None = None) -> int:
    """Write down what people chose since the last time. Returns how many choices. home: as for rule_in_use."""
    chosen = list(session.scalars(_unwritten(now)))
    if not chosen:
        return 0
    past = _read_past(session, {each.volunteer_id for each in chosen})
    rule, version = rule_in_use(session, home)
    people = {row.account_id: row for row in session.connection().execute(_people(chosen))}
    places = read_places(session)
    models = _models(session, chosen)

    def note(proposal: Proposal) -> None:
        request = session.get_one(HelpRequest, proposal.request_id)
        moment = _moment(proposal)
        row = people.get(proposal.volunteer_id)
        problem, context = _scene(row, request, proposal, past, places, moment) if row is not None else (None, None)
        p, model = proposal.p, models.get(proposal.run_id or 0, "")
        if not (model and proposal.source == MATCHER and p > 0):
            p, model = (_score(rule, problem, context) if problem and context else 0.0), version
        better, others = _others(session, proposal, moment)
        write_choice(
            session,
            proposal,
            at=moment,
            source=OFFER if proposal.asked_at is None else OVERRIDE if better or proposal.source != MATCHER else DESK,
            model=model,
            candidates=others + 1,
            p=p,
            features=_features(problem, context) if problem and context else None,
        )

    written = 0
    for proposal in chosen:
        try:
            with session.begin_nested():
                note(proposal)
            written += 1
        except Exception:  # whatever is wrong with one choice must not stop the log of all later ones
            log.exception("choice %s not written", proposal.id)
    return written


def _unwritten(now: datetime) -> Any:  # an SQL expression; its generic type says nothing here
    p = Proposal
    agreed = and_(col(p.source) == OFFER, col(p.answered_at).is_not(None), col(p.decided_at).is_not(None))
    written = exists().where(col(OfferDecision.proposal_id) == col(p.id))
    moment = func.coalesce(col(p.asked_at), col(p.decided_at))
    return (
        select(Proposal)
        .where(
            or_(col(p.asked_at).is_not(None), agreed),
            moment <= now - UNDO_WINDOW,
            moment > now - CHOICES_KEPT,
            ~written,
        )
        .order_by(moment, col(p.id))
        .limit(MOST_AT_ONCE)
    )


def _moment(proposal: Proposal) -> datetime:
    moment = proposal.asked_at or proposal.decided_at
    assert moment is not None
    return moment


def _people(chosen: list[Proposal]) -> Any:  # as above
    return volunteer_query().where(col(Volunteer.account_id).in_({each.volunteer_id for each in chosen}))


def _models(session: Session, chosen: list[Proposal]) -> dict[int, str]:
    runs = {each.run_id for each in chosen if each.run_id is not None}
    rows = session.connection().execute(select(col(MatchRun.id), col(MatchRun.model)).where(col(MatchRun.id).in_(runs)))
    return {key: model for key, model in rows if key is not None}


def _read_past(session: Session, volunteer_ids: set[int]) -> _Past:
    p = Proposal
    asked: dict[int, list[Row[Any]]] = defaultdict(list)
    query: Any = select(col(p.id), col(p.volunteer_id), col(p.asked_at), col(p.answered_at), col(p.state)).where(
        col(p.volunteer_id).in_(volunteer_ids), col(p.asked_at).is_not(None)
    )
    for row in session.connection().execute(query):
        asked[row.volunteer_id].append(row)
    answers: dict[str, list[datetime]] = defaultdict(list)
    yeses: dict[str, list[datetime]] = defaultdict(list)
    query = (
        select(col(HelpRequest.category), col(p.answered_at), col(p.state))
        .join(HelpRequest, col(HelpRequest.id) == col(p.request_id))
        .where(col(p.asked_at).is_not(None), col(p.answered_at).is_not(None), col(p.state).in_(ANSWERED))
        .order_by(col(p.answered_at))
    )
    for category, moment, state in session.connection().execute(query):
        answers[category].append(moment)
        if state in ACCEPTED:
            yeses[category].append(moment)
    return _Past(asked, answers, yeses)


def _scene(
    row: Row[Any],
    request: HelpRequest,
    proposal: Proposal,
    past: _Past,
    places: tuple[dict[str, int], dict[str, int], dict[str, str]],
    moment: datetime,
) -> tuple[Problem, OfferContext]:
    """This volunteer and this request alone, just before the moment."""
    today = moment.astimezone(AMSTERDAM).date()
    before = [each for each in past.asked[proposal.volunteer_id] if each.asked_at < moment and each.id != proposal.id]
    answered = [each for each in before if each.state in ANSWERED and each.answered_at and each.answered_at < moment]
    history = History(
        messages=0,
        load=0,
        offers=len(answered),
        accepts=sum(each.state in ACCEPTED for each in answered),
        last_asked=max((each.asked_at for each in before), default=None),
    )
    problem = Problem(
        volunteer_columns([row], {proposal.volunteer_id: history}, *places, today, moment),
        request_columns([request], *places, today, moment),
        len(places[0]),
    )
    urgency = float(problem.requests.urgency[0])
    left = asking_around.deadline(request, urgency, now=moment) - moment
    context = OfferContext(
        now_h=wall_hours(moment),
        recent_offers=np.array([sum(each.asked_at > moment - RECENT for each in before)], float),
        hours_to_deadline=np.array([left / timedelta(hours=1)]),
        minutes=np.array([request.minutes], float),
        needs_car=np.array([CATEGORIES[request.category].needs_car], float),
        skill_yes_share=np.array([_yes_share(past, request.category, moment)]),
    )
    return problem, context


def _yes_share(past: _Past, category: str, moment: datetime) -> float:
    answers = bisect_left(past.answers[category], moment)
    return bisect_left(past.yeses[category], moment) / answers if answers else NAN


def _pair(problem: Problem) -> Edges:
    return Edges(FIRST, FIRST, distance_m(problem, FIRST, FIRST))


def _score(rule: AcceptanceRule, problem: Problem, context: OfferContext) -> float:
    return float(in_context(rule, context).score(problem, _pair(problem))[0])


def _features(problem: Problem, context: OfferContext) -> list[float]:
    values: list[float] = edge_features(problem, _pair(problem), context)[0].tolist()
    return values


def _others(session: Session, proposal: Proposal, moment: datetime) -> tuple[int, int]:
    """Who else stood there to be chosen: how many whom the matcher put before this one, and how many in all."""
    p = Proposal
    stood = or_(col(p.state) == ProposalState.PROPOSED, col(p.decided_at) > moment)
    better = and_(col(p.source) == MATCHER, col(p.rank) < proposal.rank)
    query: Any = select(func.count(), func.coalesce(func.sum(case((better, 1), else_=0)), 0)).where(
        col(p.request_id) == proposal.request_id, col(p.id) != proposal.id, col(p.created_at) < moment, stood
    )
    total, before = session.connection().execute(query).one()
    return int(before), int(total)
