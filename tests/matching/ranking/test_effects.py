from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from matching.ranking.effects import (
    Attention,
    effects_from_counts,
    effects_known,
    fit_attention,
    observation_weights,
    observed_waking_hours,
)
from matching.ranking.features import OfferLog, feature_matrix

from .offer_logs import make_log


def answers(*rows: tuple[float, float, int, bool]) -> OfferLog:
    """(sent, answered, volunteer, yes); answered nan = silent."""
    sent, answered, who, yes = (np.array(column) for column in zip(*rows, strict=True))
    return OfferLog(
        sent_h=sent.astype(float),
        answered_h=answered.astype(float),
        volunteer=who.astype(np.int32),
        buurt=np.zeros(len(rows), np.int32),
        needs_language=np.zeros(len(rows), bool),
        answered=np.isfinite(answered.astype(float)),
        accepted=yes.astype(bool),
        settled=np.ones(len(rows), bool),
        X=feature_matrix(len(rows), {}),
    )


def known(log: OfferLog, who: list[int], at_h: list[float], log_odds: float = -0.5, sd: float = 0.8):  # type: ignore[no-untyped-def]
    return effects_known(log, np.full(len(log), log_odds), sd, np.array(who), np.array(at_h, float))


def it_follows_the_stated_formula_for_one_answer() -> None:
    p = expit(-0.5)
    found = known(answers((0, 1, 7, True)), [7], [5])
    assert found.mean == pytest.approx((1 - p) / (p * (1 - p) + 1 / 0.64))
    assert found.variance == pytest.approx(1 / (p * (1 - p) + 1 / 0.64))


def it_knows_nothing_of_who_did_not_answer() -> None:
    found = known(answers((0, 1, 7, True), (2, np.nan, 8, False)), [8, 9, 3], [50, 50, 50])
    assert found.mean.tolist() == [0, 0, 0] and found.variance == pytest.approx(0.64)


def it_does_not_look_ahead() -> None:
    log = answers((0, 10, 1, True), (5, 20, 1, False))
    found = known(log, [1, 1, 1, 1], [9.9, 10, 10.1, 20.1])
    assert found.mean[:2].tolist() == [0, 0] and found.mean[2] > 0.3 > found.mean[3]


def it_takes_answers_in_the_order_in_which_they_came() -> None:
    log = answers((0, 30, 1, True), (1, 2, 1, False), (2, 3, 2, True))
    found = known(log, [2, 1], [10, 10])
    assert found.mean[0] > 0 > found.mean[1]


def it_finds_the_likeliest_effect_after_many_answers() -> None:
    rng = np.random.default_rng(1)
    rows = [(float(hour), hour + 0.5, 0, bool(rng.random() < expit(-0.5 + 1.0))) for hour in range(3000)]
    found = known(answers(*rows), [0], [np.inf])
    assert found.mean[0] == pytest.approx(1.0, abs=0.15) and found.variance[0] < 0.002


def it_draws_the_unknown_towards_even_odds() -> None:
    found = known(answers((0, 1, 7, True)), [9], [5])
    assert -1.0 < found.moderate(np.array([-1.0]))[0] < -0.85


def it_makes_do_with_counts() -> None:
    found = effects_from_counts(np.array([np.nan, 0.0, 4.0]), np.array([np.nan, 0.0, 3.0]), 0.35, 0.8)
    assert found.mean == pytest.approx([0, 0, (3 - 4 * 0.35) / (4 * 0.35 * 0.65 + 1 / 0.64)])


# Attention


def it_finds_reach_and_rest_from_answered_or_not() -> None:
    found = fit_attention(make_log(30_000, reach=0.8, rest=0.25).log)
    assert found.reach == pytest.approx(0.8, abs=0.02) and found.rest == pytest.approx(0.25, abs=0.02)


def it_takes_no_answer_for_no_answer_only() -> None:
    log = make_log(5000).log
    turned = replace(log, accepted=log.answered & ~log.accepted)
    assert fit_attention(log) == fit_attention(turned)


def it_reaches_everybody_who_always_answers() -> None:
    log = make_log(2000, reach=1.0, rest=0.999).log
    everybody = log.take(log.answered)
    assert fit_attention(everybody).reach > 0.98


def deadlines(size: int = 20_000) -> OfferLog:
    """Everybody answers after 4 waking hours on average, or not in time; some offers are taken back before."""
    rng = np.random.default_rng(3)
    sent = rng.integers(0, 100, size) * 24.0 + 9.0
    left, delay = rng.choice([2.0, 4.0, 12.0], size), rng.exponential(4.0, size)
    taken = np.where(rng.random(size) < 0.5, rng.exponential(3.0, size), np.inf)
    answered = delay < np.minimum(left, taken)
    back = ~answered & (taken < left)
    log = answers(*((hour, np.nan, n, False) for n, hour in enumerate(sent)))
    return replace(
        log,
        answered_h=np.where(answered, sent + delay, np.nan),
        answered=answered,
        accepted=answered,
        settled=~back,
        closed_h=np.where(answered, np.nan, sent + np.minimum(left, taken)),
        X=feature_matrix(size, {"hour_of_day": 9.0, "hours_to_deadline": left, "urgency": 1.0}),
    )


def it_allows_for_offers_that_were_taken_back() -> None:
    log = deadlines()
    found = fit_attention(log)
    assert (
        found.reach > 0.95 and found.speed == pytest.approx(0.25, rel=0.1) and found.shape == pytest.approx(1, abs=0.1)
    )
    left = log.column("hours_to_deadline")
    assert found.of(log.X) == pytest.approx(1 - np.exp(-left / 4), abs=0.03)


def it_weighs_what_was_seen_for_what_was_taken_back() -> None:
    log = deadlines()
    left = log.column("hours_to_deadline")
    weight = observation_weights(log, left / 12)
    assert (weight[~log.settled] == 0).all() and (weight[log.settled] >= 1).all()
    for hours in (2.0, 4.0, 12.0):
        here = left == hours
        share = np.average(log.answered[here], weights=weight[here])
        assert share == pytest.approx(1 - np.exp(-hours / 4), abs=0.03)
        assert log.answered[here & log.settled].mean() > share  # what one would believe without


def it_counts_every_offer_once_where_nothing_was_taken_back() -> None:
    log = make_log(500).log
    assert (observation_weights(log, np.full(500, 0.3)) == 1).all()


def it_observes_an_offer_until_its_end() -> None:
    log = answers((10, 12, 1, True), (10, np.nan, 2, False), (10, np.nan, 3, False), (10, np.nan, 4, False))
    log = replace(log, settled=np.array([True, True, True, False]), closed_h=np.array([np.nan, np.nan, 34, np.nan]))
    assert observed_waking_hours(log).tolist() == [2, np.inf, 14, 0]


def it_lets_a_volunteer_rest() -> None:
    days = feature_matrix(4, {"days_since_offer": [0.0, 1.0, 10.0, np.nan]})
    assert Attention(reach=0.9, rest=0.3).of(days) == pytest.approx([0, 0.27, 0.9 * (1 - 0.7**10), 0.9])
