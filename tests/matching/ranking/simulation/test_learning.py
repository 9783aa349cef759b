"""The log that the simulation makes, and a rule that learns from it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from matching.ranking.features import COLUMN, EXCLUDED, NAMES, OfferLog
from matching.ranking.simulation.bench import simulated_log
from matching.ranking.simulation.events import simulate
from matching.ranking.simulation.learning import Learned
from matching.ranking.simulation.policies import POLICIES
from matching.ranking.simulation.truth import FATIGUE
from matching.ranking.simulation.world import Shape
from tests.matching.ranking.simulation.worlds import small_world

BUSY = Shape(500, 300.0, 3, buurten=12)


@lru_cache(maxsize=1)
def log_of_a_busy_town() -> tuple[OfferLog, np.ndarray]:
    log, chances = simulated_log(BUSY, 3, 1_500)
    return log, chances


def it_logs_as_many_offers_as_asked_with_all_features() -> None:
    log, chances = log_of_a_busy_town()
    assert len(log) == len(chances) == 1_500 and log.X.shape == (1_500, len(NAMES))
    assert not any(word in name for name in NAMES for word in EXCLUDED)
    known = [name for name in NAMES if not np.isnan(log.X[:, COLUMN[name]]).all()]
    assert set(NAMES) - set(known) == {"minutes", "needs_car"}


def it_logs_only_what_was_known_when_the_offer_was_sent() -> None:
    log, _ = log_of_a_busy_town()
    order = np.argsort(log.sent_h, kind="stable")
    first = {int(log.volunteer[k]): int(k) for k in order[::-1]}
    for k in first.values():
        assert np.isnan(log.X[k, COLUMN["days_since_offer"]]) and log.X[k, COLUMN["answered_before"]] == 0
    for k in order[::37]:
        heard = (log.volunteer == log.volunteer[k]) & log.answered & (log.answered_h <= log.sent_h[k])
        assert log.X[k, COLUMN["answered_before"]] == heard.sum()
        assert log.X[k, COLUMN["accepted_before"]] == (heard & log.accepted).sum()


def it_gives_true_chances_that_come_true() -> None:
    log, chances = log_of_a_busy_town()
    assert ((chances >= 0) & (chances <= 1)).all()
    final = log.settled
    # Offers taken back are the slow ones, so the settled ones say yes a little more often.
    assert log.accepted[final].mean() == pytest.approx(chances[final].mean(), abs=0.06)


def it_takes_over_from_the_stated_rule_when_the_answers_allow_it() -> None:
    world, truth = small_world(3, Shape(500, 450.0, 2, buurten=12))
    rule = Learned(world)
    with threadpool_limits(1):
        simulate(world, truth, POLICIES["waves-of-five"], rule, FATIGUE["mild"])
    first, *later = rule.history
    assert "the stated rule stays in use" in first
    assert len(later) == 1 and "prior-1" in later[0] and "log loss" in later[0]
