"""What nobody can beat.

Dynamic: ask-all. Suppose everybody eligible were asked, everybody were rested, and nobody's places ever ran out. The
chance that at least one says yes is 1 - prod(1 - p). No policy can help a request more often: asking twice is not
done, tiring people only lowers p, asking fewer only loses chances. Its mean over the requests bounds the fill in
expectation; this is the bound that the aims are stated against.
Two sharper forms of it. In time: everybody is asked at the first moment allowed, and only a yes before the deadline
from somebody who then comes is counted; asking later only leaves less time. Drawn: with the random numbers of this
very world, is there anybody who would say yes in time and come? A request without such a person cannot be helped by
any policy in this world.
None of them knows of the message cap, of fatigue or of two requests that need the same person, so they are out of
reach where volunteers are scarce.

Messages: whoever knew every p, had all the time in the world and people who never tire would still need messages. Ask
for each request the likeliest first, one at a time, and stop below some p: each further message costs the chance that
it is needed and brings p times that, so a limit on p that is the same for all requests gives the fewest messages for
a fill. fewest_messages reads it off; no policy needs fewer for that fill.

Static: the exact flow. When everything open must be settled at one moment, the min-cost flow of assignment.py gives
the largest sum of urgency * p; no other choice is better, and greedy or nearest first are measured against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray
from matching.ranking.simulation.desk import asking_ticks
from matching.ranking.simulation.history import language_parity
from matching.ranking.simulation.truth import DROPS_OUT, NO_SHOW, Truth, chance_of_help, opened_h
from matching.ranking.simulation.world import World

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class AskAll:
    """The dynamic bound. chance, in_time: float64[m] per request; possible: bool[m], with the draws of this world.

    fill, fill_in_time, fill_drawn: their means. urgent_fill and language_parity: of in_time.
    """

    chance: FloatArray
    in_time: FloatArray
    possible: Bools
    fill: float
    fill_in_time: float
    fill_drawn: float
    urgent_fill: float
    language_parity: float


def ask_all(world: World, truth: Truth) -> AskAll:
    """The bounds of this world."""
    edges = np.arange(len(world.edges), dtype=np.int64)
    request = world.edges.request
    asked = asking_ticks(world.posted_h, world.deadline_h)[request]
    deadline = world.deadline_h[request]
    answered = opened_h(truth, edges, asked) + truth.thinks_h
    good = (truth.yes_draw < truth.p) & truth.keeps & (answered <= deadline)
    chance = _any(world, truth.p)
    in_time = _any(world, chance_of_help(world, truth, edges, asked))
    possible = np.bincount(request, good, len(world.requests)) > 0
    urgent = world.urgent
    return AskAll(
        chance=chance,
        in_time=in_time,
        possible=possible,
        fill=float(chance.mean()),
        fill_in_time=float(in_time.mean()),
        fill_drawn=float(possible.mean()),
        urgent_fill=float(in_time[urgent].mean()) if urgent.any() else float("nan"),
        language_parity=language_parity(world, in_time),
    )


def _any(world: World, p: FloatArray) -> FloatArray:
    """float64[m]: 1 - prod(1 - p) over the pairs of each request."""
    missed = np.bincount(world.edges.request, np.log1p(-p), len(world.requests))
    return np.asarray(-np.expm1(missed), np.float64)


def fewest_messages(world: World, truth: Truth, fill: float) -> float:
    """The fewest messages per helped request with which this fill (0 to 1) can be had; nan where it cannot."""
    p = truth.p * (1.0 - NO_SHOW) * (1.0 - DROPS_OUT)
    request = world.edges.request
    order = np.lexsort((-p, request))
    p, first = p[order], world.start[request[order]]
    missed = np.concatenate(([0.0], np.cumsum(np.log1p(-p))))
    needed = np.exp(missed[:-1] - missed[first])
    best = np.argsort(-p, kind="stable")
    helped = np.cumsum((needed * p)[best]) / len(world.requests)
    messages = np.cumsum(needed[best]) / len(world.requests)
    reached = int(np.searchsorted(helped, fill))
    return float(messages[reached] / helped[reached]) if reached < len(helped) else float("nan")
