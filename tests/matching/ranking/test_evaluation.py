import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from matching.ranking.evaluation import (
    Decisions,
    EvaluationError,
    Interval,
    auc,
    calibration_bins,
    calibration_error,
    calibration_floor,
    clustered_mean,
    evaluate_policy,
    figures,
    per_group,
)


def forecast(size: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    p = rng.beta(2.0, 6.0, size)
    return rng.random(size) < p, p


def it_agrees_with_scikit_learn() -> None:
    y, p = forecast(2000)
    p = p.round(2).clip(0.01, 0.99)  # with ties
    weight = np.random.default_rng(2).uniform(0.5, 2.0, 2000)
    found = figures(y, p, weight)
    assert found.auc == pytest.approx(roc_auc_score(y, p, sample_weight=weight))
    assert found.log_loss == pytest.approx(log_loss(y, p, sample_weight=weight))
    assert found.brier == pytest.approx(brier_score_loss(y, p, sample_weight=weight))
    assert (found.offers, found.yeses) == (2000, y.sum())


def it_expects_the_auc_that_true_chances_would_give() -> None:
    _, p = forecast(300)
    rng = np.random.default_rng(3)
    guess = p + rng.normal(0.0, 0.1, 300)
    drawn = np.mean([auc(rng.random(300) < p, guess) for _ in range(400)])
    assert auc(p, guess) == pytest.approx(drawn, abs=0.01)


def it_has_no_auc_where_all_say_yes() -> None:
    assert np.isnan(figures(np.ones(10, bool), np.full(10, 0.5)).auc)


def it_finds_a_forecast_that_is_true_within_chance() -> None:
    errors = [figures(*forecast(4000, seed)) for seed in range(30)]
    mean_error = np.mean([found.calibration_error for found in errors])
    assert mean_error == pytest.approx(np.mean([found.calibration_floor for found in errors]), rel=0.15)


def it_allows_more_for_chance_where_few_offers_stand_for_many() -> None:
    y, p = forecast(4000)
    weight = np.where(np.arange(4000) % 10 == 0, 10.0, 0.1)
    even, uneven = figures(y, p), figures(y, p, weight)
    assert uneven.calibration_floor > 2.5 * even.calibration_floor
    assert sum(group.effective for group in uneven.bins) == pytest.approx(475, rel=0.05)


def it_measures_how_far_a_forecast_is_off() -> None:
    y, p = forecast(50_000)
    assert figures(y, p + 0.1).calibration_error == pytest.approx(0.1, abs=0.01)
    assert calibration_error(calibration_bins(p, p)) == pytest.approx(0.0)


def it_fills_ten_bins_equally() -> None:
    bins = calibration_bins(*forecast(1000))
    assert [group.offers for group in bins] == [100.0] * 10
    assert [group.said for group in bins] == sorted(group.said for group in bins)


def it_has_nothing_to_say_about_no_offers() -> None:
    found = figures(np.zeros(0, bool), np.zeros(0))
    assert found.offers == 0 and np.isnan([found.auc, found.log_loss, found.calibration_error]).all()
    assert np.isnan(calibration_floor(()))


def it_checks_each_group_and_says_how_large_it_is() -> None:
    y, p = forecast(30_000)
    key = np.repeat([4, 9], 15_000)
    found = per_group(key, y, np.where(key == 9, p + 0.05, p))
    assert found.keys() == {4, 9} and found[4].offers == 15_000
    assert found[4].error < 0.01 and found[9].error == pytest.approx(0.05, abs=0.01)


def it_is_less_certain_where_answers_belong_together() -> None:
    rng = np.random.default_rng(4)
    values = np.repeat(rng.normal(size=100), 20)
    alone = clustered_mean(values, np.arange(2000))
    together = clustered_mean(values, np.repeat(np.arange(100), 20))
    assert together.high - together.low == pytest.approx(np.sqrt(20) * (alone.high - alone.low), rel=0.1)


def it_covers_a_mean_over_clusters_at_about_the_nominal_rate() -> None:
    rng, hits = np.random.default_rng(5), 0
    for _ in range(400):
        cluster = rng.integers(0, 80, 400)
        found = clustered_mean(rng.normal(0.0, 1.0, 80)[cluster] + rng.normal(size=400), cluster)
        hits += found.low <= 0.0 <= found.high
    assert 0.91 <= hits / 400 <= 0.98


# Off-policy


class Log:
    """Decisions among five candidates by a policy that mostly takes the first; two decisions a request."""

    def __init__(self, seed: int, size: int = 1200, explore: float = 0.3) -> None:
        rng = np.random.default_rng(seed)
        self.decision = np.repeat(np.arange(size), 5).astype(np.int32)
        appeal = rng.normal(size=(size // 2, 5)).repeat(2, axis=0)
        self.chance = expit(appeal - 0.5).ravel()
        taste = appeal + rng.normal(size=(size, 5))
        propensity = np.full((size, 5), explore / 5)
        propensity[np.arange(size), taste.argmax(axis=1)] += 1.0 - explore
        chosen = (propensity.cumsum(axis=1) > rng.random((size, 1))).argmax(axis=1) + np.arange(size) * 5
        reward = (rng.random(size) < self.chance[chosen]).astype(float)
        request = (np.arange(size) // 2).astype(np.int32)
        self.decisions = Decisions(self.decision, propensity.ravel(), chosen, reward, request)
        self.target = np.full((size, 5), 0.05)
        self.target[np.arange(size), appeal.argmax(axis=1)] += 0.75
        self.target = self.target.ravel()
        self.value = float((self.target * self.chance).sum() / size)


@pytest.mark.parametrize("method", ["ips", "snips", "doubly_robust"])
@pytest.mark.parametrize("model", ["right", "none"])
def it_finds_the_true_value_at_about_the_nominal_rate(method: str, model: str) -> None:
    hits, misses = 0, []
    for seed in range(150):
        log = Log(seed)
        predicted = log.chance if model == "right" else np.zeros_like(log.chance)
        found: Interval = getattr(evaluate_policy(log.decisions, log.target, predicted), method)
        hits += found.low <= log.value <= found.high
        misses.append(found.value - log.value)
    assert 0.89 <= hits / 150 <= 1.0
    assert np.mean(misses) == pytest.approx(0.0, abs=0.006)


def it_is_right_when_only_the_model_of_the_reward_is_right() -> None:
    misses = []
    for seed in range(60):
        log = Log(seed)
        wrong = np.random.default_rng(seed).dirichlet(np.ones(5), 1200).ravel().clip(0.02)
        wrong /= np.repeat(wrong.reshape(-1, 5).sum(axis=1), 5)
        decisions = Decisions(
            log.decision, wrong, *(getattr(log.decisions, n) for n in ("chosen", "reward", "request"))
        )
        found = evaluate_policy(decisions, log.target, log.chance)
        misses.append((found.doubly_robust.value - log.value, found.ips.value - log.value))
    by_model, by_weight = np.mean(misses, axis=0)
    assert by_model == pytest.approx(0.0, abs=0.01) and abs(by_weight) > 0.05


def it_is_surer_with_a_good_model_than_with_none() -> None:
    log = Log(7)
    with_model = evaluate_policy(log.decisions, log.target, log.chance).doubly_robust
    without = evaluate_policy(log.decisions, log.target, np.zeros_like(log.chance)).doubly_robust
    assert with_model.high - with_model.low < 0.8 * (without.high - without.low)


def it_gives_the_mean_reward_for_the_policy_that_chose() -> None:
    log = Log(8)
    found = evaluate_policy(log.decisions, log.decisions.propensity, log.chance)
    assert found.ips.value == found.snips.value == log.decisions.reward.mean()
    assert found.effective == pytest.approx(1200) and found.decisions == 1200


def it_refuses_a_policy_the_log_has_never_followed() -> None:
    log = Log(9, explore=0.0)
    with pytest.raises(EvaluationError, match="never chosen there"):
        evaluate_policy(log.decisions, log.target, log.chance)


def it_refuses_when_too_few_decisions_speak() -> None:
    log = Log(10, size=20)
    with pytest.raises(EvaluationError, match="at least 30 are needed"):
        evaluate_policy(log.decisions, log.target, log.chance)


def it_refuses_decisions_that_contradict_themselves() -> None:
    log = Log(11, size=10)
    good = {name: getattr(log.decisions, name) for name in Decisions.__slots__}
    bad = {
        "sum to 1": {"propensity": good["propensity"] * 2},
        "among the candidates": {"chosen": good["chosen"][::-1].copy()},
        "is missing": {"reward": good["reward"] * np.nan},
        "different lengths": {"reward": good["reward"][1:]},
    }
    for sentence, change in bad.items():
        with pytest.raises(EvaluationError, match=sentence):
            Decisions(**good | change)
    nobody = np.zeros(0, np.int32)
    with pytest.raises(EvaluationError, match="no decisions"):
        Decisions(nobody, np.zeros(0), np.zeros(0, np.int64), np.zeros(0), nobody)
    with pytest.raises(EvaluationError, match="chances of the policy"):
        evaluate_policy(log.decisions, log.target * 0.5, log.chance)
    with pytest.raises(EvaluationError, match="different numbers"):
        evaluate_policy(log.decisions, log.target[1:], log.chance[1:])
