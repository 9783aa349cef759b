"""One matching with the dials of every gemeente: the same for a run, for a preview and for what-if questions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.acceptance import AcceptanceRule
from matching.ranking.matcher import match
from matching.ranking.problem import Matching, Problem, Progress
from matching.services.dials import Dials
from matching.services.matcher.town import Town


@dataclass(frozen=True, slots=True)
class Solver:
    """Matches a problem with the buurten of one town, also where volunteers were added to it.

    equity, balance: float64[b], of each buurt; balance holds for the volunteers who live there.
    """

    rule: AcceptanceRule
    equity: npt.NDArray[np.float64]
    balance: npt.NDArray[np.float64]
    seed: int = 1

    def __call__(self, problem: Problem, *, spares: int = 0, progress: Progress | None = None) -> Matching:
        return match(
            problem,
            rule=self.rule,
            equity=self.equity,
            balance=self.balance[problem.volunteers.buurt],
            seed=self.seed,
            spares=spares,
            progress=progress,
        )


def solver(
    town: Town,
    settings: Mapping[str, Dials],
    rule: AcceptanceRule,
    *,
    seed: int = 1,
    equity: float | None = None,
    balance: float | None = None,
) -> Solver:
    """settings: by code, of every gemeente of the town. equity, balance: in place of what the gemeenten set."""
    of_buurt: Any = [(code, settings[town.gemeente_of[code]]) for code in town.buurten]
    return Solver(
        rule,
        equity=np.array([dials.equity_in(code) if equity is None else equity for code, dials in of_buurt], float),
        balance=np.array([dials.balance if balance is None else balance for _code, dials in of_buurt], float),
        seed=seed,
    )
