"""What happened in one run, and the figures over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import FloatArray, IntArray
from matching.ranking.simulation.world import WEEK_H, World

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# How an offer ended. SILENT: not at all yet. IN_VAIN: a yes that came too late. TAKEN_BACK: somebody else said yes, or
# the volunteer had taken up enough elsewhere. EXPIRED: no answer until the deadline.
SILENT, DECLINED, CLAIMED, IN_VAIN, TAKEN_BACK, EXPIRED = range(6)

WAITING_GRID_H = tuple(range(0, 169, 2))
LEAST_IN_BUURT = 10


@dataclass(frozen=True, slots=True)
class History:
    """One run. `k` offers in order of sending, `m` requests as in the world.

    request, volunteer: int32[k]. edge: int64[k]. sent_h, opened_h, answered_h, closed_h: float64[k] hours, answered_h
    nan where no answer came, closed_h nan where no end came before the answer. p, propensity: float64[k]. explored:
    bool[k]. outcome: int8[k]. attention: float64[k], what was left of it when the message came, by the truth.
    claimed_h: float64[m], of the claim that stands, nan = none. helped: bool[m], claimed in time and somebody came.
    """

    request: IntArray
    volunteer: IntArray
    edge: Ints
    sent_h: FloatArray
    opened_h: FloatArray
    answered_h: FloatArray
    closed_h: FloatArray
    p: FloatArray
    propensity: FloatArray
    explored: Bools
    outcome: npt.NDArray[np.int8]
    attention: FloatArray
    claimed_h: FloatArray
    helped: Bools

    def __len__(self) -> int:
        return len(self.request)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one run; shares within 0 to 1, nan where there is nothing to divide by.

    messages: per filled request. most_in_week: most messages to one volunteer in any seven days. in_vain: yeses that
    could not be used, per filled request. hours_urgent, hours_others: medians from posting to the claim that stands.
    buurt_p10: 10th percentile of the fill of buurten with at least 10 requests. language_parity: fill of askers who
    need another language over that of others, both among requests with somebody eligible. waiting: share of all
    requests filled within 0, 2, 4 ... 168 hours.
    """

    fill: float
    fill_over_ask_all: float
    urgent_fill: float
    messages: float
    most_in_week: float
    in_vain: float
    hours_urgent: float
    hours_others: float
    buurt_p10: float
    language_parity: float
    offers: float
    requests: float
    waiting: tuple[float, ...]


def figures(world: World, history: History, ask_all: float) -> Figures:
    """ask_all: the bound on the mean fill, see bounds.py."""
    helped, hours = history.helped, history.claimed_h - world.posted_h
    filled = int(helped.sum())
    with np.errstate(invalid="ignore"):
        waiting = tuple(float((helped & (hours <= limit)).mean()) for limit in WAITING_GRID_H)
    return Figures(
        fill=float(helped.mean()),
        fill_over_ask_all=_ratio(float(helped.mean()), ask_all),
        urgent_fill=_mean(helped[world.urgent]),
        messages=_ratio(len(history), filled),
        most_in_week=float(most_messages(history)),
        in_vain=_ratio(int((history.outcome == IN_VAIN).sum()), filled),
        hours_urgent=_median(hours[helped & world.urgent]),
        hours_others=_median(hours[helped & ~world.urgent]),
        buurt_p10=buurt_p10(world.requests.buurt, helped, len(world.problem.requests)),
        language_parity=language_parity(world, helped.astype(np.float64)),
        offers=float(len(history)),
        requests=float(len(helped)),
        waiting=waiting,
    )


def most_messages(history: History, window_h: float = WEEK_H) -> int:
    """The largest number of messages any one volunteer got within less than `window_h` hours."""
    order = np.lexsort((history.sent_h, history.volunteer))
    who, when = history.volunteer[order], history.sent_h[order]
    most = 1 if len(who) else 0
    while most < len(who):
        # Is there anybody whose message number i + most came within the window of number i?
        close = (who[most:] == who[:-most]) & (when[most:] - when[:-most] < window_h - 1e-9)
        if not close.any():
            break
        most += 1
    return most


def buurt_fills(buurt: IntArray, helped: Bools, least: int = LEAST_IN_BUURT) -> FloatArray:
    """Fill per buurt with at least `least` requests."""
    asked = np.bincount(buurt)
    filled = np.bincount(buurt, helped, len(asked))
    enough = asked >= least
    return np.asarray(filled[enough] / asked[enough], np.float64)


def buurt_p10(buurt: IntArray, helped: Bools, requests: int) -> float:
    """The 10th percentile of the fill over buurten; small worlds count every buurt that asked."""
    fills = buurt_fills(buurt, helped)
    if not len(fills) and requests:
        fills = buurt_fills(buurt, helped, 1)
    return float(np.percentile(fills, 10)) if len(fills) else float("nan")


def language_parity(world: World, helped: FloatArray) -> float:
    """helped: float64[m], 0 or 1, or a chance. nan where nobody of either kind has anyone eligible."""
    possible = np.diff(world.start) > 0
    needs = world.needs_language
    return _ratio(_mean(helped[possible & needs]), _mean(helped[possible & ~needs]))


def numbers(found: Figures) -> Iterator[tuple[str, float]]:
    """Name and value of every figure that is one number."""
    for name in Figures.__slots__:
        if name != "waiting":
            yield name, float(getattr(found, name))


def _mean(values: Bools | FloatArray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")


def _median(values: FloatArray) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
