import json
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.special import expit

from matching.ranking.estimators import MonotoneBoosting, VolunteerLogistic

# scikit-learn runs its check of array namespaces only where scipy was told so before it was first imported.
CHECK = """
import json, sys, warnings
from sklearn.utils.estimator_checks import check_estimator
from matching.ranking.estimators import MonotoneBoosting, VolunteerLogistic
warnings.simplefilter("ignore")
found = check_estimator(eval(sys.argv[1]), on_fail=None)
print(json.dumps([[one["check_name"], one["status"], str(one["exception"])] for one in found]))
"""


@pytest.mark.parametrize(
    "estimator",
    ["VolunteerLogistic()", "VolunteerLogistic(penalty=50.0, effect_sd=0.5)", "MonotoneBoosting(random_state=0)"],
)
def it_passes_all_checks_of_scikit_learn(estimator: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", CHECK, estimator],
        env=os.environ | {"SCIPY_ARRAY_API": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(ran.stdout.splitlines()[-1])
    assert len(found) > 50
    assert [check for check in found if check[1] != "passed"] == []


def answers(size: int = 6000, people: int = 300, effect_sd: float = 0.8, seed: int = 1):  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(size, 3))
    who = rng.integers(0, people, size)
    log_odds = 0.3 - 1.2 * features[:, 0] + 0.5 * features[:, 1] + rng.normal(0.0, effect_sd, people)[who]
    return features, rng.random(size) < expit(log_odds), who


def it_finds_the_coefficients_and_the_spread_of_volunteers() -> None:
    features, y, who = answers(20_000)
    model = VolunteerLogistic().fit(features, y, who)
    found = model.coef_ / model.scale_
    assert found == pytest.approx([-1.2, 0.5, 0.0], abs=0.08)
    assert model.effect_sd_ == pytest.approx(0.8, abs=0.12)


def it_needs_few_steps() -> None:
    features, y, who = answers(6000)
    assert VolunteerLogistic(effect_sd=0.8).fit(features, y, who).n_iter_ <= 6


def it_is_flatter_when_it_does_not_know_that_people_differ() -> None:
    features, y, who = answers(20_000, effect_sd=1.5)
    with_people, without = VolunteerLogistic().fit(features, y, who), VolunteerLogistic().fit(features, y)
    assert abs(with_people.coef_[0]) > 1.1 * abs(without.coef_[0])


def it_agrees_with_plain_logistic_regression_without_volunteers() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    features, y, _ = answers(2000)
    mine = VolunteerLogistic(penalty=2.0, tol=1e-12).fit(features, y)
    theirs = LogisticRegression(C=0.5, tol=1e-10).fit(StandardScaler().fit_transform(features), y)
    assert mine.coef_ == pytest.approx(theirs.coef_[0], abs=1e-4)


def it_lets_an_unknown_value_add_nothing() -> None:
    features, y, who = answers(2000)
    features[:500, 1] = np.nan
    model = VolunteerLogistic().fit(features, y, who)
    known = model.decision_function([[0.5, model.mean_[1], 0.2]])
    assert model.decision_function([[0.5, np.nan, 0.2]]) == pytest.approx(known)


@pytest.mark.parametrize("estimator", [VolunteerLogistic(), MonotoneBoosting(random_state=1)])
def it_does_without_a_column_in_which_nothing_is_known(estimator: VolunteerLogistic | MonotoneBoosting) -> None:
    features, y, who = answers(2000)
    features[:, 2] = np.nan
    estimator.fit(features, y, groups=who)
    known_later = features[:5].copy()
    known_later[:, 2] = 99.0
    assert estimator.decision_function(known_later) == pytest.approx(estimator.decision_function(features[:5]))


@pytest.mark.parametrize("sign", [-1, 1])
def it_only_rises_or_falls_where_the_sign_says_so(sign: int) -> None:
    features, y, _ = answers(3000)
    model = MonotoneBoosting(signs=(sign, 0, 0), random_state=1).fit(features, y)
    for rest in features[:20, 1:]:
        line = np.column_stack((np.linspace(-3, 3, 60), np.tile(rest, (60, 1))))
        assert (sign * np.diff(model.decision_function(line)) >= -1e-12).all()


def it_gives_the_same_trees_for_the_same_seed() -> None:
    features, y, _ = answers(1000)
    one, two = (MonotoneBoosting(random_state=3).fit(features, y).decision_function(features) for _ in range(2))
    assert (one == two).all()


@pytest.mark.parametrize("estimator", [VolunteerLogistic(), MonotoneBoosting()])
def it_refuses_one_class_and_three(estimator: VolunteerLogistic | MonotoneBoosting) -> None:
    features = np.arange(12.0)[:, None]
    with pytest.raises(ValueError, match="one class"):
        estimator.fit(features, np.ones(12))
    with pytest.raises(ValueError, match="Only binary"):
        estimator.fit(features, np.arange(12) % 3)


def it_refuses_groups_of_another_length() -> None:
    with pytest.raises(ValueError, match="inconsistent"):
        VolunteerLogistic().fit(np.arange(4.0)[:, None], [0, 1, 0, 1], groups=[1, 2])
