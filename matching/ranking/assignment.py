"""Fair assignment, exact: one min-cost flow per group of requests and volunteers that touch each other.

Flow runs buurt -> request -> volunteer -> sink. A request gives its reward (urgency * p) on the way to a volunteer.
A volunteer's units cost more the more they already do (`balance`). A buurt keeps a reward for every request that
is filled, `equity * n * ln((k + 1) / k)` for the k-th of n, so leaving its last one open costs most and nobody's
buurt is forgotten. What is not filled escapes to the sink and loses that reward.

Costs are integers, so the value is optimal up to half a unit per request: at most m / scale, with a scale of 1e9
unless urgencies are so large that 64 bits would overflow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from ortools.graph.python import min_cost_flow
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from matching.ranking.problem import FloatArray, IntArray, Progress

Ints = npt.NDArray[np.int64]

FINEST_SCALE = 1e9
# The solver multiplies costs by the number of nodes and keeps them in 64 bits; two bits of room.
LARGEST_COST = 2.0**60
# Small groups are solved together: each call to the solver has a fixed price.
BATCH_EDGES = 20_000
# Another round of leaving out edges is worth its time when the last one kept less than this share.
ENOUGH_LEFT = 0.97
# Above this many edges a group does not fit the processor's cache, and neighbours must lie side by side.
SPATIAL_EDGES = 150_000


@dataclass(frozen=True, slots=True)
class Network:
    """What is assigned. `e` edges sorted by request, `n` volunteers, `m` requests, `b` buurten.

    request, volunteer: int32[e]. reward: float64[e], more than 0. capacity: int32[n]. buurt: int32[m].
    demand: int64[b], all requests of the buurt. request_place, volunteer_place: int64 codes, near is near.
    """

    request: IntArray
    volunteer: IntArray
    reward: FloatArray
    capacity: IntArray
    buurt: IntArray
    demand: Ints
    request_place: Ints
    volunteer_place: Ints


@dataclass(frozen=True, slots=True)
class Part:
    """One flow: local indices of `e` edges, `r` requests and `v` volunteers, and what these bring along.

    offered: int64[v], the capacity. room: int64[v], the part of it that could be used.
    """

    request: Ints
    volunteer: Ints
    reward: FloatArray
    room: Ints
    offered: Ints
    buurt: Ints
    demand: Ints


def assign(network: Network, *, equity: float, balance: float, seed: int, progress: Progress | None = None) -> Ints:
    """Positions of the chosen edges, sorted. The same input and seed give the same choice; the seed breaks ties.

    equity and balance are at least 0; at 0 the sum of the rewards is the optimum.
    """
    if not len(network.request):
        return np.zeros(0, np.int64)
    kept = undominated(network, balance)
    network = replace(
        network, request=network.request[kept], volunteer=network.volunteer[kept], reward=network.reward[kept]
    )
    chosen = []
    for edges, part in _parts(network, equity > 0, seed):
        chosen.append(edges[_solve(part, equity, balance)])
        if progress:
            progress("assignment", sum(map(len, chosen)) / len(network.buurt))
    positions: Ints = kept[np.sort(np.concatenate(chosen))]
    return positions


def undominated(network: Network, balance: float) -> Ints:
    """Positions of the edges that matter; leaving out the others leaves the optimum as it is.

    A volunteer with room for everybody who could come is a sure place: a request that has one loses nothing by
    going there instead of to anyone worth less, even at the highest price `balance` can put on that place. All
    requests can do so at once, so all these edges go together; fewer edges make more sure places, hence the rounds.
    """
    kept = np.arange(len(network.request))
    while True:
        request, volunteer, reward = network.request[kept], network.volunteer[kept], network.reward[kept]
        wanted = np.bincount(volunteer, minlength=len(network.capacity))
        price = balance * (wanted - 1) / network.capacity.clip(1)
        sure = np.where((wanted <= network.capacity)[volunteer], reward - price[volunteer], -np.inf)
        first = np.flatnonzero(np.diff(request, prepend=-1))
        best = np.repeat(np.maximum.reduceat(sure, first), np.diff(first, append=len(request)))
        stays = reward >= best
        if stays.sum() > ENOUGH_LEFT * len(kept):
            return kept[stays]
        kept = kept[stays]


def _batches(network: Network, by_buurt: bool) -> tuple[Ints, Ints]:
    """int64[m], int64[n]: the batch of each request and volunteer; what touches each other shares one."""
    n, m, b = len(network.capacity), len(network.buurt), len(network.demand)
    rows, columns = network.request, m + network.volunteer
    if by_buurt:
        rows = np.concatenate((rows, np.arange(m, dtype=np.int32)))
        columns = np.concatenate((columns, m + n + network.buurt))
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(m + n + b, m + n + b))
    count, label = connected_components(graph, directed=False)
    edges = np.bincount(label[network.request], minlength=count)
    batch = (np.cumsum(edges) - edges) // BATCH_EDGES
    return batch[label[:m]], batch[label[m : m + n]]


def _ordered(batch: Ints, place: Ints, used: npt.NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    """Indices in use, batch by batch, near ones together where a place is given, otherwise in drawn order."""
    chosen = np.flatnonzero(used)
    return chosen[np.lexsort((rng.random(len(chosen)), place[chosen], batch[chosen]))]


def _parts(network: Network, by_buurt: bool, seed: int) -> Any:
    """Yield (edge positions, Part) per batch."""
    n, m = len(network.capacity), len(network.buurt)
    rng = np.random.default_rng(seed)
    request_batch, volunteer_batch = _batches(network, by_buurt)
    large = np.bincount(request_batch[network.request]) > SPATIAL_EDGES
    large = np.append(large, np.zeros(1 + max(volunteer_batch.max(), request_batch.max()), bool))
    degree = np.bincount(network.request, minlength=m)
    wanted = np.bincount(network.volunteer, minlength=n)
    requests = _ordered(request_batch, network.request_place * large[request_batch], degree > 0, rng)
    volunteers = _ordered(volunteer_batch, network.volunteer_place * large[volunteer_batch], wanted > 0, rng)
    local_volunteer = np.empty(n, np.int64)
    local_volunteer[volunteers] = np.arange(len(volunteers))
    first_edge = np.cumsum(degree) - degree
    room = np.minimum(network.capacity, wanted).astype(np.int64)
    for batch in np.unique(request_batch[requests]):
        mine = requests[slice(*np.searchsorted(request_batch[requests], [batch, batch + 1]))]
        theirs = volunteers[slice(*np.searchsorted(volunteer_batch[volunteers], [batch, batch + 1]))]
        edges = _runs(first_edge[mine], degree[mine])
        request = np.repeat(np.arange(len(mine)), degree[mine])
        volunteer = local_volunteer[network.volunteer[edges]] - local_volunteer[theirs[0]]
        # The solver tries arcs in the order given, so that order too must be the drawn one.
        order = np.argsort(request * len(theirs) + volunteer)
        edges, volunteer = edges[order], volunteer[order]
        buurten, buurt = np.unique(network.buurt[mine], return_inverse=True)
        yield (
            edges,
            Part(
                request=request,
                volunteer=volunteer,
                reward=network.reward[edges],
                room=room[theirs],
                offered=network.capacity[theirs].astype(np.int64),
                buurt=buurt,
                demand=network.demand[buurten],
            ),
        )


def _runs(first: Ints, length: Ints) -> Ints:
    """The numbers first[i] .. first[i] + length[i] - 1, run after run."""
    offset = np.cumsum(length) - length
    return np.repeat(first - offset, length) + np.arange(int(length.sum()))


def _solve(part: Part, equity: float, balance: float) -> Ints:
    """Positions of the chosen edges within the part."""
    r, v, b = len(part.buurt), len(part.room), len(part.demand)
    sink = r + v + b
    flow = min_cost_flow.SimpleMinCostFlow()
    per_buurt = np.bincount(part.buurt, minlength=b)
    escape_buurt, escape_cost = _lost_rewards(part, per_buurt, equity)
    unit, load_cost = _load_costs(part, balance)
    largest = max(part.reward.max(), escape_cost.max(initial=0.0), load_cost.max(initial=0.0))
    scale = min(FINEST_SCALE, LARGEST_COST / (largest * (sink + 2)))

    def arcs(tail: Any, head: Any, capacity: Any, cost: Any) -> Any:
        ends = np.broadcast_arrays(np.asarray(tail, np.int32), np.asarray(head, np.int32))
        sizes = (np.broadcast_to(np.asarray(a, np.int64), ends[0].shape) for a in (capacity, cost))
        return flow.add_arcs_with_capacity_and_unit_cost(*ends, *sizes)

    # At least one unit of reward: where it costs nobody anything, a request is better filled than left.
    pairs = arcs(part.request, r + part.volunteer, 1, -np.maximum(1, np.rint(part.reward * scale)))
    arcs(r + unit, sink, 1 if balance > 0 else part.room[unit], np.rint(load_cost * scale))
    if equity > 0:
        arcs(r + v + part.buurt, np.arange(r), 1, 0)
        arcs(r + v + escape_buurt, sink, 1, np.rint(escape_cost * scale))
        flow.set_nodes_supplies(np.arange(r + v, sink, dtype=np.int32), per_buurt)
    else:
        arcs(np.arange(r), sink, 1, 0)
        flow.set_nodes_supplies(np.arange(r, dtype=np.int32), np.ones(r, np.int64))
    flow.set_node_supply(sink, -r)
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise RuntimeError(f"The flow solver stopped with status {status}.")
    return np.flatnonzero(flow.flows(pairs))


def _lost_rewards(part: Part, per_buurt: Ints, equity: float) -> tuple[Ints, FloatArray]:
    """One escape per request that could be filled: its buurt and the reward lost, for k = 1 .. of the buurt."""
    buurt: Ints = np.repeat(np.arange(len(per_buurt), dtype=np.int64), per_buurt)
    k = _runs(np.ones(len(per_buurt), np.int64), per_buurt)
    return buurt, (equity * part.demand[buurt] * np.log1p(1.0 / k)).astype(np.float64)


def _load_costs(part: Part, balance: float) -> tuple[Ints, FloatArray]:
    """The arcs from volunteers to the sink: whose, and what it costs to add this unit to the units before.

    The k-th extra request of someone who offered c costs balance * k / c: load is a share of one's own offer.
    """
    everyone: Ints = np.arange(len(part.room), dtype=np.int64)
    if balance == 0:
        return everyone, np.zeros(len(everyone))
    unit: Ints = np.repeat(everyone, part.room)
    before = _runs(np.zeros_like(part.room), part.room)
    cost: FloatArray = balance * before / part.offered[unit]
    return unit, cost
