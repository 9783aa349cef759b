"""A rule that learns from the answers as the weeks go by, by the training of training.py.

It starts as the stated rule. At the end of a week it trains when enough has been heard since the last time, and takes
over only when the training says that it may. Between two trainings every answer moves the volunteer's own effect.
The log-odds of a pair are computed when its request opens and once in a few hours after that.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from matching.ranking.acceptance import AcceptanceModel, AcceptanceRule, PriorRule
from matching.ranking.effects import Effects
from matching.ranking.features import (
    COLUMN,
    NAMES,
    OfferContext,
    OfferLog,
    edge_features,
    feature_matrix,
    moment_columns,
)
from matching.ranking.problem import FloatArray
from matching.ranking.simulation.desk import Desk
from matching.ranking.simulation.history import CLAIMED, DECLINED, EXPIRED, IN_VAIN, SILENT, History
from matching.ranking.simulation.scoring import Prior
from matching.ranking.simulation.truth import Truth, in_time
from matching.ranking.simulation.world import DAY_H, World, school_holiday
from matching.ranking.training import TrainingError, train

Ints = npt.NDArray[np.int64]

FRESH_H = 6.0  # log-odds are used this long
GROWTH = 2.0  # trains again when this many times as much has been heard
RECENT_H = 28 * DAY_H


class Features:
    """The features of pairs from what the desk knows now."""

    def __init__(self, world: World) -> None:
        edges, self._world = world.edges, world
        # What does not change is worked out once.
        self._fixed = edge_features(world.problem, edges, OfferContext())
        self._skill = np.log2(world.requests.skills.astype(np.float64)).astype(np.int64)

    def of(self, desk: Desk, now: float, edges: Ints) -> FloatArray:
        """float64[k, F] of asking for these pairs now."""
        world = self._world
        v, r = world.edges.volunteer[edges], world.edges.request[edges]
        features: FloatArray = self._fixed[edges]
        columns = {
            "waiting_days": (now - world.posted_h[r]) / DAY_H,
            "hours_to_deadline": world.deadline_h[r] - now,
            "days_since_offer": (now - desk.last_sent_h[v, 0]) / DAY_H,
            "answered_before": desk.answered[v],
            "accepted_before": desk.accepted[v],
            "recent_offers": self._recent(desk, now)[v],
            "skill_yes_share": self._yes_shares(desk)[self._skill[r]],
            "school_holiday": float(school_holiday(np.array([now]))[0]),
            **moment_columns(now),
        }
        for name, values in columns.items():
            features[:, COLUMN[name]] = values
        return features

    def _recent(self, desk: Desk, now: float) -> FloatArray:
        """float64[n]: offers in the last 28 days."""
        size = desk.log.size
        first = int(np.searchsorted(desk.log["sent_h"][:size], now - RECENT_H))
        return np.bincount(desk.log["volunteer"][first:size], minlength=len(desk.room)).astype(np.float64)

    def _yes_shares(self, desk: Desk) -> FloatArray:
        """float64[skills]: yeses among the answers so far, nan without any."""
        outcome = desk.log["outcome"][: desk.log.size]
        heard = np.flatnonzero((outcome == DECLINED) | (outcome == CLAIMED) | (outcome == IN_VAIN))
        skill = self._skill[desk.log["request"][heard]]
        asked = np.bincount(skill, minlength=64)
        yes = np.bincount(skill, outcome[heard] != DECLINED, 64)
        with np.errstate(invalid="ignore"):
            return np.asarray(yes / asked, np.float64)


class Recorder(Prior):
    """The stated rule, which keeps what was known of every offer, to learn from later."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._features, self._rows = Features(world), [np.zeros((0, len(NAMES)))]

    def about_to_send(self, desk: Desk, now: float, edges: Ints) -> None:
        self._rows.append(self._features.of(desk, now, edges))

    def features(self) -> FloatArray:
        """float64[k, F] of all offers, in order of sending."""
        return np.concatenate(self._rows)


class Learned:
    """The rule; see the module's text."""

    def __init__(self, world: World) -> None:
        self._world, self._features, self._prior = world, Features(world), Prior()
        self._in_use: AcceptanceRule = PriorRule()
        self._model: AcceptanceModel | None = None
        self._rows: list[FloatArray] = []
        self._heard = 0
        self._trained_at = 0
        self._log_odds = np.zeros(len(world.edges))
        self._fresh_until = np.full(len(world.edges), -np.inf)
        self._offer_log_odds: list[float] = []
        self._mean = np.zeros(len(world.volunteers))
        self._precision = np.ones(len(world.volunteers))
        self.history: list[str] = []

    def p(self, desk: Desk, now: float, edges: Ints) -> FloatArray:
        """float64[k] within 0 to 1."""
        model = self._model
        if model is None:
            return self._prior.p(desk, now, edges)
        stale = edges[self._fresh_until[edges] <= now]
        if len(stale):
            self._log_odds[stale] = model.log_odds(self._features.of(desk, now, stale))
            self._fresh_until[stale] = now + FRESH_H
        v, r = self._world.edges.volunteer[edges], self._world.edges.request[edges]
        moved = Effects(self._mean[v], 1.0 / self._precision[v]).moderate(self._log_odds[edges])
        attention = model.attention.of(
            feature_matrix(
                len(edges),
                {
                    "days_since_offer": (now - desk.last_sent_h[v, 0]) / DAY_H,
                    "hours_to_deadline": self._world.deadline_h[r] - now,
                    "hour_of_day": now % DAY_H,
                    "urgency": self._world.requests.urgency[r],
                },
            )
        )
        return np.asarray(attention / (1.0 + np.exp(-(model.slope * moved + model.shift))), np.float64)

    def about_to_send(self, desk: Desk, now: float, edges: Ints) -> None:
        """Keeps what was known."""
        self._rows.append(self._features.of(desk, now, edges))
        if self._model is not None:
            self._offer_log_odds.extend(self._log_odds[edges].tolist())

    def heard(self, number: int, volunteer: int, accepted: bool) -> None:
        """One Newton step of the volunteer's own effect, as in effects.py."""
        self._heard += 1
        if self._model is not None:
            p = 1.0 / (1.0 + np.exp(-(self._offer_log_odds[number] + self._mean[volunteer])))
            self._precision[volunteer] += p * (1.0 - p)
            self._mean[volunteer] += (accepted - p) / self._precision[volunteer]

    def learn(self, desk: Desk, now: float) -> None:
        """Trains where enough is new, and takes over where the training allows it."""
        if self._heard < GROWTH * self._trained_at or not self._rows:
            return
        log = offer_log(self._world, desk.log.columns(), np.concatenate(self._rows))
        try:
            report = train(log, now, self._in_use, version=f"week-{now / (7 * DAY_H):.0f}")
        except TrainingError as error:
            self.history.append(str(error))
            return
        self._trained_at = self._heard
        self.history.append(f"{report.best.model.version}: {'; '.join(str(finding) for finding in report.findings)}")
        if report.promotable:
            self._take_over(report.best.model, log)

    def _take_over(self, model: AcceptanceModel, log: OfferLog) -> None:
        self._in_use = self._model = model
        self._fresh_until[:] = -np.inf
        self._offer_log_odds = model.log_odds(log.X).tolist()
        effects = model.effects(log, len(self._world.volunteers))
        self._mean, self._precision = effects.mean.copy(), 1.0 / effects.variance


def offer_log(world: World, columns: dict[str, npt.NDArray[np.generic]], features: FloatArray) -> OfferLog:
    """The offers of a run as the training wants them. columns: of the OfferBook; features: float64[k, F]."""
    outcome = np.asarray(columns["outcome"])
    request, volunteer = np.asarray(columns["request"], np.int32), np.asarray(columns["volunteer"], np.int32)
    answered = (outcome == DECLINED) | (outcome == CLAIMED) | (outcome == IN_VAIN)
    return OfferLog(
        sent_h=np.asarray(columns["sent_h"], np.float64),
        answered_h=np.where(answered, np.asarray(columns["answered_h"], np.float64), np.nan),
        volunteer=volunteer,
        buurt=world.requests.buurt[request],
        needs_language=world.needs_language[request],
        answered=answered,
        accepted=answered & (outcome != DECLINED),
        settled=answered | (outcome == EXPIRED),
        X=features,
        closed_h=np.where(answered | (outcome == SILENT), np.nan, np.asarray(columns["closed_h"], np.float64)),
        propensity=np.asarray(columns["propensity"], np.float64),
        p_at_offer=np.asarray(columns["p"], np.float64),
    )


def true_chances(world: World, truth: Truth, history: History) -> FloatArray:
    """float64[k]: the chance of a yes in time to each offer, by the truth."""
    edges = history.edge
    return np.asarray(truth.p[edges] * history.attention * in_time(world, truth, edges, history.sent_h), np.float64)
