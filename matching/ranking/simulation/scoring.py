"""The chances of a yes that a policy is given. A rule sees the desk only; the oracle, for reference, sees the truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from matching.ranking.acceptance import PriorRule
from matching.ranking.problem import FloatArray
from matching.ranking.simulation.desk import Desk
from matching.ranking.simulation.truth import Truth, in_time
from matching.ranking.simulation.world import DAY_H, World

Ints = npt.NDArray[np.int64]
Attention = Callable[[npt.NDArray[np.int32], float], FloatArray]


class Rule(Protocol):
    """Gives p for pairs, and may learn once a week from the answers seen so far."""

    def p(self, desk: Desk, now: float, edges: Ints) -> FloatArray:
        """float64[k] within 0 to 1: the chance of a yes to an offer sent now, for these edges of the world."""
        ...

    def about_to_send(self, desk: Desk, now: float, edges: Ints) -> None:
        """These offers go out now, in this order; the desk does not know of them yet."""
        ...

    def heard(self, number: int, volunteer: int, accepted: bool) -> None:
        """The offer of this number was answered."""
        ...

    def learn(self, desk: Desk, now: float) -> None:
        """Called at the end of every week."""
        ...


class Unlearning:
    """What a rule that learns nothing does with the news."""

    def about_to_send(self, desk: Desk, now: float, edges: Ints) -> None:
        """Nothing."""

    def heard(self, number: int, volunteer: int, accepted: bool) -> None:
        """Nothing."""

    def learn(self, desk: Desk, now: float) -> None:
        """Nothing."""


class Prior(Unlearning):
    """The stated rule of acceptance.py. The volunteer's own effect is part of it."""

    def __init__(self, rule: PriorRule | None = None) -> None:
        self._rule = rule or PriorRule()
        self._log_odds: FloatArray | None = None

    def p(self, desk: Desk, now: float, edges: Ints) -> FloatArray:
        if self._log_odds is None:
            world = desk.world
            self._log_odds = self._rule.log_odds(world.edges.distance_m / 1000.0, world.shared_slots)
        v = desk.world.edges.volunteer[edges]
        rested = self._rule.rested((now - desk.last_sent_h[v, 0]) / DAY_H)
        effect = self._rule.volunteer_effect(desk.answered[v], desk.accepted[v])
        odds: Any = np.exp(-(self._log_odds[edges] + effect))
        return np.asarray(rested / (1.0 + odds), np.float64)


class Oracle(Unlearning):
    """The true chance of a yes in time, with everybody's tiredness: no rule can know it. For reference only."""

    def __init__(self, world: World, truth: Truth) -> None:
        self._world, self._truth = world, truth
        self._attention: Attention | None = None

    def watch(self, attention: Attention) -> None:
        """attention: of people (int32[k]) at a moment (hours), float64[k]."""
        self._attention = attention

    def p(self, desk: Desk, now: float, edges: Ints) -> FloatArray:
        world, truth = self._world, self._truth
        chance = truth.p[edges] * in_time(world, truth, edges, np.full(len(edges), now))
        return chance if self._attention is None else chance * self._attention(world.edges.volunteer[edges], now)


RULES = ("learned", "prior", "oracle")


def rule_named(name: str, world: World, truth: Truth) -> Rule:
    """A fresh rule of RULES; only the oracle gets to see the truth."""
    if name == "oracle":
        return Oracle(world, truth)
    if name == "learned":
        from matching.ranking.simulation.learning import Learned

        return Learned(world)
    return Prior()
