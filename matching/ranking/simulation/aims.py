"""What we want to reach, as one table; the figures beside it come from the benchmark, never from here.

The aims and the best seen elsewhere are those of the design of the matcher.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

REGIME_NAMES = ("thin", "dense", "scarce")


@dataclass(frozen=True, slots=True)
class Aim:
    """One row. figure: its key in the results. regime: thin, dense, scarce, city, national, static or model.

    low, high: the figure should lie between them, inf where there is no limit. best: the best seen elsewhere, in words.
    bound: the key of the figure that shows what is possible, "" where there is none.
    """

    name: str
    regime: str
    figure: str
    low: float
    high: float
    best: str
    bound: str = ""

    def reached(self, value: float) -> bool:
        """Whether this value (nan: nothing measured) is good enough."""
        return not math.isnan(value) and self.low <= value <= self.high

    @property
    def wanted(self) -> str:
        """The aim in words."""
        if math.isinf(self.high):
            return f">= {self.low:g}"
        if math.isinf(self.low):
            return f"<= {self.high:g}"
        return f"{self.low:g} to {self.high:g}" if self.low < self.high else f"{self.low:g}"


def _at_least(name: str, regime: str, figure: str, low: float, best: str, bound: str = "") -> Aim:
    return Aim(name, regime, figure, low, math.inf, best, bound)


def _at_most(name: str, regime: str, figure: str, high: float, best: str, bound: str = "") -> Aim:
    return Aim(name, regime, figure, -math.inf, high, best, bound)


def _per_regime(
    thin: tuple[float, str], dense: tuple[float, str], scarce: tuple[float, str]
) -> tuple[tuple[str, float, str], ...]:
    return tuple(
        (regime, limit, best) for regime, (limit, best) in zip(REGIME_NAMES, (thin, dense, scarce), strict=True)
    )


FILL = _per_regime((0.92, ".85; nearest .80"), (0.98, ".96; nearest .90"), (0.80, ".67; nearest .58"))
URGENT = _per_regime((0.62, ".56"), (0.80, ".80"), (0.42, ".34"))
MESSAGES = _per_regime((5.5, "7.4"), (5.0, "6.5"), (6.0, "8.0"))

SIMULATED = (
    *(_at_least("fill over ask-all", r, "fill_over_ask_all", aim, best, "bound_in_time") for r, aim, best in FILL),
    *(_at_least("urgent fill", r, "urgent_fill", aim, best, "bound_urgent_fill") for r, aim, best in URGENT),
    *(_at_most("messages per filled request", r, "messages", aim, best, "bound_messages") for r, aim, best in MESSAGES),
    *(_at_most("messages to one volunteer in 7 days", r, "most_in_week", 3, "3") for r in REGIME_NAMES),
    *(_at_most("accepted in vain, per filled", r, "in_vain", 0.05, ".14 to .34") for r in REGIME_NAMES),
    *(_at_most("hours to acceptance, urgent", r, "hours_urgent", 2, "18 overall") for r in REGIME_NAMES),
    *(_at_most("hours to acceptance, others", r, "hours_others", 12, "18 overall") for r in REGIME_NAMES),
    *(
        Aim("language parity of fill", r, "language_parity", 0.95, 1.05, ".65 to .83", "bound_language_parity")
        for r in REGIME_NAMES
    ),
)

MEASURED = (
    _at_most("exact assignment, p95 ms", "city", "assignment_ms", 50, "18 (OR-tools)"),
    _at_most("edges, p95 ms", "city", "edges_ms", 80, "none"),
    _at_least("share of the optimum", "city", "share_of_optimum", 1.0 - 1e-9, "1.0; greedy .96, nearest .70"),
    _at_most("edges, scores, assignment, s", "national", "seconds", 8, "12"),
    _at_most("peak memory, GB", "national", "memory_gb", 1.2, "0.8"),
    _at_least("share of the optimum", "national", "share_of_optimum", 0.9998, "none"),
    _at_least("points of buurt fill p10 for 1 %", "static", "equity_points", 8, "+7.9 for 0.9 %", "equity_frontier"),
    _at_least("AUC over the oracle's, 3,000 offers", "model", "auc_3000", 0.95, ".90"),
    _at_least("AUC over the oracle's, 100,000 offers", "model", "auc_100000", 0.99, ".97"),
    _at_most("calibration error, forward", "model", "calibration", 0.01, ".010 to .014"),
    _at_most("calibration error per buurt", "model", "calibration_buurt", 0.02, "none"),
    _at_most("calibration error per language group", "model", "calibration_language", 0.02, "none"),
    _at_least("stated facts that are true", "static", "facts_true", 1.0, "none"),
    _at_least("first reason removed lowers the score", "static", "first_reason_counts", 0.99, "none"),
)

AIMS = SIMULATED + MEASURED


@dataclass(frozen=True, slots=True)
class Verdict:
    """An aim with what was found. bound: nan where there is none."""

    aim: Aim
    value: float
    bound: float

    @property
    def reached(self) -> bool:
        return self.aim.reached(self.value)


def verdicts(regime: str, found: dict[str, float]) -> list[Verdict]:
    """The aims of a regime that were measured: found maps figures and bounds to values."""
    return [
        Verdict(aim, found[aim.figure], found.get(aim.bound, math.nan))
        for aim in AIMS
        if aim.regime == regime and aim.figure in found
    ]
