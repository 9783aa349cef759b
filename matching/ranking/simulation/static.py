"""One moment, settled at once: what the flow gives, what simpler ways give, and proof that nothing gives more."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from matching.ranking.assignment import Network
from matching.ranking.problem import Edges, FloatArray

Ints = npt.NDArray[np.int64]

MOST_ROUNDS = 5_000
# Prices rise by less than this: no more than rounding.
STILL = 1e-12


@dataclass(frozen=True, slots=True)
class Certificate:
    """value: of the choice. bound: no choice is worth more. rounds: of raising prices."""

    value: float
    bound: float
    rounds: int

    @property
    def share(self) -> float:
        """value over bound: 1 proves that the choice is the best; 1 where there is nothing to gain."""
        return self.value / self.bound if self.bound > 0 else 1.0


def certify(network: Network, chosen: Ints) -> Certificate:
    """An upper bound on the value of any choice, from prices per volunteer.

    For any prices y >= 0 nobody can get more than sum(capacity * y) + sum over requests of max(0, best reward - y):
    that is the dual of the assignment (weak duality). Prices start at what an empty-handed request would give and
    rise until nobody assigned would rather go elsewhere (Bellman and Ford); for the best choice the bound meets the
    value.
    """
    request, volunteer, reward = network.request, network.volunteer, network.reward
    n, m = len(network.capacity), len(network.buurt)
    mine = np.full(m, -1, np.int64)
    mine[request[chosen]] = chosen
    by_volunteer = np.argsort(volunteer, kind="stable")
    first = np.flatnonzero(np.diff(volunteer[by_volunteer], prepend=-1))
    who = volunteer[by_volunteer][first]
    price = np.zeros(n)
    rounds = 0
    while len(first) and rounds < MOST_ROUNDS:
        rounds += 1
        keeps = np.where(mine >= 0, reward[mine] - price[volunteer[mine]], 0.0)
        offer = (reward - keeps[request])[by_volunteer]
        offer[mine[request[by_volunteer]] == by_volunteer] = 0.0
        raised = np.maximum(price[who], np.maximum.reduceat(offer, first))
        still = bool((raised - price[who] <= STILL).all())
        price[who] = raised
        if still:
            break
    return Certificate(float(reward[chosen].sum()), _dual(network, price), rounds)


def _dual(network: Network, price: FloatArray) -> float:
    left = np.zeros(len(network.buurt))
    np.maximum.at(left, network.request, network.reward - price[network.volunteer])
    return float((network.capacity * price).sum() + left.sum())


def best_by_scipy(network: Network) -> float:
    """The value of the best choice by another solver: linear_sum_assignment, a column per place of a volunteer.

    Memory grows with requests times places, so this is for a city, not for a country.
    """
    places = np.repeat(np.arange(len(network.capacity)), network.capacity)
    table = np.zeros((len(network.buurt), len(network.capacity)))
    table[network.request, network.volunteer] = network.reward
    wide = table[:, places]
    rows, columns = linear_sum_assignment(wide, maximize=True)
    return float(wide[rows, columns].sum())


def greedy_value(network: Network) -> float:
    """The best pair first, then the best of what is left."""
    return _take(network, np.argsort(-network.reward, kind="stable"))


def nearest_value(network: Network, edges: Edges) -> float:
    """Requests in order, each by the nearest volunteer with room; edges are those of the network."""
    return _take(network, np.lexsort((edges.distance_m, network.request)))


def _take(network: Network, order: Ints) -> float:
    room = network.capacity.tolist()
    open_still = [True] * len(network.buurt)
    value = 0.0
    rows = zip(
        network.request[order].tolist(), network.volunteer[order].tolist(), network.reward[order].tolist(), strict=True
    )
    for request, volunteer, reward in rows:
        if open_still[request] and room[volunteer] > 0:
            open_still[request] = False
            room[volunteer] -= 1
            value += reward
    return value
