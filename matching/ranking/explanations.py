"""Are the reasons true, and do they matter? A slow second look at what reasons.py stated, pair by pair.

Nothing here is shared with the code that makes the reasons. A fact is true when the columns of the problem say so. It
matters when the score falls once the fact is set to its reference: 2 km instead of near, asked 3 days ago instead of
rested. Conditions (skill, slot, language, clearance) are not weighed, because nobody on the list is without them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from matching.ranking.acceptance import AcceptanceRule
from matching.ranking.problem import Edges, Problem, Proposal, Reason

FEATURE_OF_REASON = {
    "near": "km",
    "rested": "days_since_offer",
    "waits_long": "days_since_offer",
    "no_recent_offer": "days_since_offer",
}
A_WEEK, FOUR_WEEKS, THREE_DAYS = 7.0, 28.0, 3.0
HALF_A_METRE = 0.5 + 1e-6


@dataclass(frozen=True, slots=True)
class ExplanationCheck:
    """Figures over the proposals given.

    pairs: proposals. facts, true_facts: reasons stated, and how many are true. distinctive: pairs of which a stated
    reason sets this person apart. lowered: of these, where removing the first such reason lowers the score.
    false: the first few pairs and reasons that are not true, to look at.
    """

    pairs: int
    facts: int
    true_facts: int
    distinctive: int
    lowered: int
    false: tuple[tuple[Proposal, Reason], ...]

    @property
    def true_share(self) -> float:
        """Share of the stated facts that are true; nan when none was stated."""
        return self.true_facts / self.facts if self.facts else math.nan

    @property
    def lowered_share(self) -> float:
        """Share of the distinctive first reasons without which the score is lower; nan when there are none."""
        return self.lowered / self.distinctive if self.distinctive else math.nan


def explanation_check(problem: Problem, proposals: Iterable[Proposal], rule: AcceptanceRule) -> ExplanationCheck:
    """Check every reason of all the proposals of one run."""
    listed = list(proposals)
    best = {proposal.request: proposal for proposal in listed if proposal.rank == 1}
    load = [0] * len(problem.volunteers)
    for proposal in best.values():
        load[proposal.volunteer] += 1
    facts, false = 0, []
    for proposal in listed:
        facts += len(proposal.reasons)
        false += [
            (proposal, reason)
            for reason in proposal.reasons
            if not _is_true(problem, proposal, reason, best[proposal.request], load)
        ]
    distinctive, lowered = _first_reasons(problem, listed, rule)
    return ExplanationCheck(len(listed), facts, facts - len(false), distinctive, lowered, tuple(false[:10]))


def _is_true(problem: Problem, proposal: Proposal, reason: Reason, best: Proposal, load: list[int]) -> bool:
    """The fact, looked up in the columns of the problem. An unknown kind of fact is not true."""
    volunteers, requests = problem.volunteers, problem.requests
    who, what = proposal.volunteer, proposal.request
    days, value = float(volunteers.days_since_offer[who]), reason.value
    if value is None:
        return reason.key == "no_recent_offer" and not reason.against and math.isnan(days)
    spare = proposal.rank > 1
    tests: dict[str, Callable[[], bool]] = {
        "near": lambda: abs(_metres(problem, proposal) - value) <= HALF_A_METRE,
        "skill": lambda: _both(value, volunteers.skills[who], requests.skills[what]),
        "slot": lambda: _both(value, volunteers.slots[who], requests.slots[what]) and _on_the_day(problem, what, value),
        "language": lambda: _both(value, volunteers.languages[who], requests.languages[what]),
        "clearance": lambda: bool(int(value) & int(volunteers.clearances[who]) & int(requests.clearances[what])),
        "rested": lambda: days == value and A_WEEK <= days < FOUR_WEEKS,
        "waits_long": lambda: days == value and days >= FOUR_WEEKS,
    }
    tests_against: dict[str, Callable[[], bool]] = {
        "farther": lambda: abs(_metres(problem, proposal) - _metres(problem, best) - value) <= HALF_A_METRE,
        "asked_recently": lambda: days == value and days < THREE_DAYS,
        "already_proposed": lambda: load[who] == value >= volunteers.capacity[who],
    }
    if reason.against:
        return spare and reason.key in tests_against and tests_against[reason.key]()
    return reason.key in tests and tests[reason.key]()


def _metres(problem: Problem, proposal: Proposal) -> float:
    volunteers, requests = problem.volunteers, problem.requests
    home = (volunteers.x[proposal.volunteer], volunteers.y[proposal.volunteer])
    return math.dist(home, (requests.x[proposal.request], requests.y[proposal.request]))


def _both(bit: float, one: np.integer, other: np.integer) -> bool:
    return bool(1 << int(bit) & int(one) & int(other))


def _on_the_day(problem: Problem, request: int, slot: float) -> bool:
    """A request for one date needs a slot of that weekday."""
    day = int(problem.requests.day[request])
    return day < 0 or date.fromordinal(day).weekday() == int(slot) // 4


def _first_reasons(problem: Problem, proposals: list[Proposal], rule: AcceptanceRule) -> tuple[int, int]:
    """How many proposals have a distinctive reason, and for how many of these the score falls without the first."""
    removed = [
        (proposal, feature)
        for proposal in proposals
        for feature in [next((FEATURE_OF_REASON[r.key] for r in proposal.reasons if r.key in FEATURE_OF_REASON), "")]
        if feature
    ]
    lowered = 0
    for feature in set(FEATURE_OF_REASON.values()):
        pairs = [proposal for proposal, missing in removed if missing == feature]
        if pairs:
            edges = Edges(
                np.array([proposal.request for proposal in pairs], np.int32),
                np.array([proposal.volunteer for proposal in pairs], np.int32),
                np.array([proposal.distance_m for proposal in pairs]),
            )
            lower = rule.at_reference(problem, edges, feature) < rule.score(problem, edges)
            lowered += int(np.count_nonzero(lower))
    return len(removed), lowered
