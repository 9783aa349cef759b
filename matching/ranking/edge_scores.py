"""The log-odds of the logistic regression for millions of edges.

f is a sum of products of a part of the pair and a part of the request or the volunteer (features.CURVES). The second
parts are the same for all edges of a request or volunteer, so they are added up once per request and once per
volunteer, and an edge only picks them up: f = sum over parts P of the pair: P(pair) * (coefficient of P for r and v).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from matching.ranking.features import (
    CURVES,
    OF_VOLUNTEER,
    OfferContext,
    feature_matrix,
    pair_parts,
    request_columns,
    side_parts,
    volunteer_columns,
)
from matching.ranking.problem import Edges, FloatArray, Problem


@dataclass(frozen=True, slots=True)
class Line:
    """A fitted line over features.CURVES: log-odds = intercept + sum(coefficient * (x - neutral)).

    coefficient, neutral: float64[C]; an unknown x counts as neutral.
    """

    intercept: float
    coefficient: FloatArray
    neutral: FloatArray


class EdgeLine:
    """A line for the requests and volunteers of one problem."""

    def __init__(self, line: Line, problem: Problem, context: OfferContext) -> None:
        m, n = len(problem.requests), len(problem.volunteers)
        of_request = side_parts(feature_matrix(m, request_columns(problem, context)))
        of_volunteer = side_parts(feature_matrix(n, volunteer_columns(problem, context)))
        self.by_request: dict[str, Any] = {"one": np.full(m, line.intercept)}
        self.by_volunteer: dict[str, Any] = {}
        for (pair, side), coefficient, neutral in zip(CURVES, line.coefficient, line.neutral, strict=True):
            if coefficient == 0:
                continue
            if side == "one":
                self._add(self.by_request, pair, np.full(m, coefficient), np.full(m, -coefficient * neutral))
                continue
            of_side, sums = (of_volunteer, self.by_volunteer) if side in OF_VOLUNTEER else (of_request, self.by_request)
            known = ~np.isnan(of_side[side])
            slope = coefficient * np.where(known, of_side[side], 0.0)
            self._add(sums, pair, slope, -coefficient * neutral * known)

    @staticmethod
    def _add(sums: dict[str, Any], pair: str, slope: FloatArray, constant: FloatArray) -> None:
        sums[pair] = sums.get(pair, 0.0) + slope
        sums["one"] = sums.get("one", 0.0) + constant

    def log_odds(self, edges: Edges, pairs: FloatArray) -> FloatArray:
        """float64[e]. pairs: float64[e, F], of which the columns of the pair are read."""
        log_odds: FloatArray = np.zeros(len(edges))
        parts = pair_parts(pairs)
        for sums, who in ((self.by_request, edges.request), (self.by_volunteer, edges.volunteer)):
            for pair, coefficient in sums.items():
                log_odds += coefficient[who] if pair == "one" else parts[pair] * coefficient[who]
        return log_odds
