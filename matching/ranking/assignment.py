"""Fair assignment, exact: one min-cost flow per group of requests and volunteers that touch each other.

Flow runs buurt -> request -> volunteer -> sink. A request gives its reward (urgency * p) on the way to a volunteer.
A volunteer's units cost more the more they already do (`balance`). A buurt keeps a reward for every request that
is filled, less for each next one, so leaving its last one open costs most and nobody's buurt is forgotten. What is
not filled escapes to the sink and loses that reward. Both dials may differ per buurt and per volunteer.

The reward of the k-th filled request of a buurt with n of them, at equity 1:

    sqrt(10 / n) / ((k / n + 0.1) * ((k - 1) / n + 0.1))

It falls with the square of how full the buurt is. The 0.1 keeps an empty buurt from outweighing everything. The root
makes a buurt as a whole count by the root of its size, between one voice per request (large buurten win) and one per
buurt (small ones win); ten requests is where that makes no difference.

Chosen by measuring: points gained in the 10th percentile of buurt fill, and the share of the value paid, on snapshots
of a city of 43 buurten. The form was chosen on seeds 0 to 19; these are seeds 100 to 119.

    volunteers / requests    fill    n ln((k+1)/k) at 0.3    this at 0.1        this at 0.2        possible for 1 %
    300 / 300                69 %    + 1.6 for 0.8 %         + 12.8 for 0.5 %   + 13.8 for 0.8 %   14.1 to 14.7
    600 / 600                80 %    + 5.2 for 0.5 %         + 13.3 for 0.2 %   + 13.7 for 0.3 %   16.9 to 21.9
    1000 / 1200              80 %    + 4.0 for 0.6 %         + 10.1 for 0.1 %   + 11.6 for 0.2 %   not settled
    1000 / 300               91 %    + 1.6 for 0.1 %         +  2.6 for 0.0 %   +  2.6 for 0.1 %   3.6

The last column is what frontier.py proves. In its last row nearly everything is filled already; four in five of the
requests still open have nobody eligible, and no dial can change that.

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
Dial = float | FloatArray

FINEST_SCALE = 1e9
# The solver multiplies costs by the number of nodes and keeps them in 64 bits; two bits of room.
LARGEST_COST = 2.0**60
# Small groups are solved together: each call to the solver has a fixed price.
BATCH_EDGES = 20_000
# Another round of leaving out edges is worth its time when the last one kept less than this share.
ENOUGH_LEFT = 0.97
# Above this many edges a group does not fit the processor's cache, and neighbours must lie side by side.
SPATIAL_EDGES = 150_000


# Added to the fill of a buurt in its reward: a buurt where nothing is filled counts for much, not without limit.
EMPTY_FILL = 0.1
# The number of requests at which a buurt counts as much per request as per buurt.
USUAL_DEMAND = 10.0


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
    equity: FloatArray
    balance: FloatArray


def checked_dial(name: str, dial: Dial, length: int, owner: str) -> FloatArray:
    """float64[length]: the dial of each owner. Raises ValueError when it is negative, not finite or not as long."""
    values = np.asarray(dial, np.float64)
    if values.ndim and values.shape != (length,):
        raise ValueError(f"{name} has shape {values.shape}; it is one number, or one per {owner}: ({length},)")
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"{name} must be at least 0 and finite for every {owner}")
    return np.broadcast_to(values, (length,))


def assign(network: Network, *, equity: Dial, balance: Dial, seed: int, progress: Progress | None = None) -> Ints:
    """Positions of the chosen edges, sorted. The same input and seed give the same choice; the seed breaks ties.

    equity: a number or float64[b]. balance: a number or float64[n]. With both 0 the sum of the rewards is the
    optimum. Raises ValueError when one is negative, not finite or of another length.
    """
    equity = checked_dial("equity", equity, len(network.demand), "buurt")
    balance = checked_dial("balance", balance, len(network.capacity), "volunteer")
    if not len(network.request):
        return np.zeros(0, np.int64)
    kept = undominated(network, balance)
    network = replace(
        network, request=network.request[kept], volunteer=network.volunteer[kept], reward=network.reward[kept]
    )
    chosen = []
    for edges, part in _parts(network, equity, balance, seed):
        chosen.append(edges[_solve(part)])
        if progress:
            progress("assignment", sum(map(len, chosen)) / len(network.buurt))
    positions: Ints = kept[np.sort(np.concatenate(chosen))]
    return positions


def undominated(network: Network, balance: Dial) -> Ints:
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


def _batches(network: Network, fair: npt.NDArray[np.bool_]) -> tuple[Ints, Ints]:
    """int64[m], int64[n]: the batch of each request and volunteer; what touches each other shares one.

    fair: bool[b], the requests of such a buurt touch each other.
    """
    n, m, b = len(network.capacity), len(network.buurt), len(network.demand)
    rows, columns = network.request, m + network.volunteer
    if fair.any():
        together = np.flatnonzero(fair[network.buurt]).astype(np.int32)
        rows = np.concatenate((rows, together))
        columns = np.concatenate((columns, m + n + network.buurt[together]))
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), shape=(m + n + b, m + n + b))
    count, label = connected_components(graph, directed=False)
    edges = np.bincount(label[network.request], minlength=count)
    batch = (np.cumsum(edges) - edges) // BATCH_EDGES
    return batch[label[:m]], batch[label[m : m + n]]


def _ordered(batch: Ints, place: Ints, used: npt.NDArray[np.bool_], rng: np.random.Generator) -> Ints:
    """Indices in use, batch by batch, near ones together where a place is given, otherwise in drawn order."""
    chosen = np.flatnonzero(used)
    return chosen[np.lexsort((rng.random(len(chosen)), place[chosen], batch[chosen]))]


def _parts(network: Network, equity: FloatArray, balance: FloatArray, seed: int) -> Any:
    """Yield (edge positions, Part) per batch."""
    n, m = len(network.capacity), len(network.buurt)
    rng = np.random.default_rng(seed)
    request_batch, volunteer_batch = _batches(network, equity > 0)
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
                equity=equity[buurten],
                balance=balance[theirs],
            ),
        )


def _runs(first: Ints, length: Ints) -> Ints:
    """The numbers first[i] .. first[i] + length[i] - 1, run after run."""
    offset = np.cumsum(length) - length
    return np.repeat(first - offset, length) + np.arange(int(length.sum()))


def _solve(part: Part) -> Ints:
    """Positions of the edges that carry flow."""
    r, v, b = len(part.buurt), len(part.room), len(part.demand)
    sink = r + v + b
    flow = min_cost_flow.SimpleMinCostFlow()
    fair = part.equity[part.buurt] > 0
    per_buurt = np.bincount(part.buurt[fair], minlength=b)
    escape_buurt, escape_cost = _lost_rewards(part, per_buurt)
    unit, size, load_cost = _load_costs(part)
    largest = max(part.reward.max(), escape_cost.max(initial=0.0), load_cost.max(initial=0.0))
    scale = min(FINEST_SCALE, LARGEST_COST / (largest * (sink + 2)))

    def arcs(tail: Any, head: Any, capacity: Any, cost: Any) -> Any:
        ends = np.broadcast_arrays(np.asarray(tail, np.int32), np.asarray(head, np.int32))
        sizes = (np.broadcast_to(np.asarray(a, np.int64), ends[0].shape) for a in (capacity, cost))
        return flow.add_arcs_with_capacity_and_unit_cost(*ends, *sizes)

    # At least one unit of reward: where it costs nobody anything, a request is better filled than left.
    pairs = arcs(part.request, r + part.volunteer, 1, -np.maximum(1, np.rint(part.reward * scale)))
    arcs(r + unit, sink, size, np.rint(load_cost * scale))
    together, alone = np.flatnonzero(fair), np.flatnonzero(~fair)
    arcs(r + v + part.buurt[together], together, 1, 0)
    arcs(r + v + escape_buurt, sink, 1, np.rint(escape_cost * scale))
    arcs(alone, sink, 1, 0)
    flow.set_nodes_supplies(np.arange(r + v, sink, dtype=np.int32), per_buurt)
    flow.set_nodes_supplies(alone.astype(np.int32), np.ones(len(alone), np.int64))
    flow.set_node_supply(sink, -r)
    status = flow.solve()
    if status != flow.OPTIMAL:
        raise RuntimeError(f"The flow solver stopped with status {status}.")
    return np.flatnonzero(flow.flows(pairs))


def _lost_rewards(part: Part, per_buurt: Ints) -> tuple[Ints, FloatArray]:
    """One escape per request that could be filled: its buurt and the reward lost, for k = 1 .. of the buurt."""
    buurt: Ints = np.repeat(np.arange(len(per_buurt), dtype=np.int64), per_buurt)
    k = _runs(np.ones(len(per_buurt), np.int64), per_buurt)
    return buurt, part.equity[buurt] * buurt_reward(k, part.demand[buurt])


def buurt_reward(k: Ints, demand: Ints) -> FloatArray:
    """float64, same shape: what the k-th filled request of a buurt with so many requests is worth at equity 1."""
    before, after = (k - 1) / demand + EMPTY_FILL, k / demand + EMPTY_FILL
    return np.asarray(np.sqrt(USUAL_DEMAND / demand) / (before * after), np.float64)


def _load_costs(part: Part) -> tuple[Ints, Ints, FloatArray]:
    """The arcs from volunteers to the sink: whose, how many units, and what each adds to the units before.

    The k-th extra request of someone who offered c costs balance * k / c: load is a share of one's own offer.
    """
    weighed = part.balance > 0
    arcs = np.where(weighed, part.room, 1)
    unit: Ints = np.repeat(np.arange(len(part.room), dtype=np.int64), arcs)
    before = _runs(np.zeros_like(arcs), arcs)
    cost: FloatArray = part.balance[unit] * before / part.offered[unit].clip(1)
    return unit, np.where(weighed, 1, part.room)[unit], cost
