"""The table that the command line prints after a run: one row per buurt."""

from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import select
from sqlmodel import Session, col

from matching.models import Buurt, HelpRequest, MatchRun, Proposal
from matching.services.matcher.town import in_place
from matching.workflow import ProposalState, RequestState


@dataclass(frozen=True, slots=True)
class BuurtRow:
    """One buurt after a run: how many open requests, how many with a proposal, and the usual reason for none."""

    buurt: str
    open: int
    proposed: int
    without: int
    reason: str | None


def table(session: Session, run: MatchRun) -> list[BuurtRow]:
    """One row per buurt with open requests, by name."""
    matched = select(col(Proposal.request_id)).where(
        col(Proposal.state) == ProposalState.PROPOSED, col(Proposal.source) == "matcher", col(Proposal.rank) == 1
    )
    query = (
        select(col(Buurt.name), col(HelpRequest.no_match_reason), col(HelpRequest.id).in_(matched))
        .join(Buurt, col(Buurt.code) == col(HelpRequest.buurt_code))
        .where(col(HelpRequest.state) == RequestState.OPEN, *in_place(run.place_code))
    )
    rows: dict[str, list[tuple[str | None, bool]]] = defaultdict(list)
    for name, reason, has in session.connection().execute(query):
        rows[name].append((reason, has))
    return [_buurt_row(name, found) for name, found in sorted(rows.items())]


def _buurt_row(name: str, found: list[tuple[str | None, bool]]) -> BuurtRow:
    reasons = Counter(reason for reason, has in found if reason and not has)
    proposed = sum(has for _reason, has in found)
    usual = reasons.most_common(1)[0][0] if reasons else None
    return BuurtRow(name, len(found), proposed, len(found) - proposed, usual)
