"""Estimators of f(x), the log-odds of a yes among those who answer.

Both are scikit-learn classifiers for two classes. `fit` takes `groups`, the volunteer of each row, beside X and y: one
person's answers belong together, so an effect of the person must not end up in what is learned about offers.
Constructors only store, learned state ends in an underscore, and randomness is passed in.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from matching.ranking.edge_scores import Line
from matching.ranking.problem import FloatArray

# What is believed of the spread of volunteers before there are data, and how many volunteers that belief is worth.
USUAL_EFFECT_SD = 0.8
BELIEF_VOLUNTEERS = 30.0
SMALLEST_EFFECT_SD = 0.05


class _TwoClasses(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn carries no types
    """What both share: two classes, nan allowed, log-odds of the second class."""

    classes_: npt.NDArray[Any]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def _checked(self, X: Any, y: Any) -> tuple[FloatArray, FloatArray]:  # scikit-learn's name
        """X as float64 and y as 0.0 and 1.0; sets classes_. Raises ValueError where there are not two classes."""
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, encoded = np.unique(y, return_inverse=True)
        if len(self.classes_) > 2:
            raise ValueError(
                "Only binary classification is supported. The type of the target is multiclass: "
                f"{len(self.classes_)} classes."
            )
        if len(self.classes_) < 2:
            raise ValueError("Two classes are needed to learn from, and y has only one class.")
        return X, encoded.astype(np.float64)

    def decision_function(self, X: Any) -> FloatArray:
        """float64[k]: log-odds of the second class."""
        raise NotImplementedError

    def predict_proba(self, X: Any) -> FloatArray:
        """float64[k, 2]: the chances of both classes."""
        p = expit(self.decision_function(X))
        return np.column_stack((1.0 - p, p))

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """[k]: the likelier class."""
        likelier = self.decision_function(X) > 0
        return self.classes_[likelier.astype(np.intp)]


class VolunteerLogistic(_TwoClasses):
    """Logistic regression with an effect per volunteer, fitted together by penalised maximum likelihood.

    The coefficients of the standardised columns are shrunk to zero with `penalty`, the effects with 1 / s**2 where s is
    `effect_sd`, or estimated when None. Without groups there are no effects. An unknown value (nan) counts as the mean
    of the known ones, so it adds nothing; a column without any known value is left out of account.
    After fitting: coef_ float64[F] and intercept_ of the standardised columns, mean_ and scale_ float64[F],
    effect_sd_, n_iter_. The effects themselves are not kept: they are personal and follow from the log.
    """

    def __init__(
        self, *, penalty: float = 1.0, effect_sd: float | None = None, max_iter: int = 100, tol: float = 1e-6
    ) -> None:
        self.penalty = penalty
        self.effect_sd = effect_sd
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any, groups: Any = None) -> VolunteerLogistic:
        """Fit to X float64[k, F], y [k] of two classes, groups [k] or None."""
        X, target = self._checked(X, y)
        known = np.isfinite(X)
        count = known.sum(axis=0).clip(1)
        self.mean_ = np.where(known, X, 0.0).sum(axis=0) / count
        centred = np.where(known, X - self.mean_, 0.0)
        deviation = np.sqrt((centred**2).sum(axis=0) / count)
        self.scale_ = np.where(deviation > 1e-9 * (1.0 + np.abs(self.mean_)), deviation, np.inf)
        design = np.column_stack((np.ones(len(X)), centred / self.scale_))
        people = None
        if groups is not None:
            check_consistent_length(X, groups)
            people = np.unique(groups, return_inverse=True)[1]
        beta = self._newton(design, target, people)
        self.intercept_, self.coef_ = float(beta[0]), beta[1:]
        return self

    def line(self) -> Line:
        """The fitted line in the units of the columns."""
        check_is_fitted(self)
        return Line(self.intercept_, self.coef_ / self.scale_, self.mean_)

    def _newton(self, design: FloatArray, y: FloatArray, people: npt.NDArray[np.intp] | None) -> FloatArray:
        """Coefficients at the maximum; the effects are eliminated from each step (Schur complement)."""
        fit = _JointFit(design, y, people, self.penalty)
        sd = USUAL_EFFECT_SD if self.effect_sd is None else self.effect_sd
        before = -np.inf
        for iteration in range(1, self.max_iter + 1):
            self.n_iter_ = iteration
            fit.step(sd)
            if self.effect_sd is None:
                sd = fit.likelier_sd(sd)
            value = fit.objective(sd)
            if abs(value - before) <= self.tol * (1.0 + abs(value)) * (1.0 if self.effect_sd is None else 1e-2):
                break
            before = value
        self.effect_sd_ = float(sd)
        return fit.beta

    def decision_function(self, X: Any) -> FloatArray:
        """float64[k]: log-odds for a volunteer whose effect is 0."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        standardised = (X - self.mean_) / self.scale_
        np.nan_to_num(standardised, copy=False, nan=0.0)
        log_odds: FloatArray = standardised @ self.coef_ + self.intercept_
        return log_odds


class _JointFit:
    """Newton's method for coefficients and effects at once."""

    def __init__(self, design: FloatArray, y: FloatArray, people: npt.NDArray[np.intp] | None, penalty: float) -> None:
        self.design, self.y, self.people = design, y, people
        self.n = 0 if people is None else int(people.max()) + 1
        self.beta: FloatArray = np.zeros(design.shape[1])
        self.effect: FloatArray = np.zeros(self.n)
        self.variance: FloatArray = np.zeros(self.n)
        self.ridge: FloatArray = np.full(design.shape[1], penalty)
        self.ridge[0] = 1e-6  # the intercept is free; this keeps the step defined where one class is separable

    def _log_odds(self, beta: FloatArray, effect: FloatArray) -> FloatArray:
        log_odds: FloatArray = self.design @ beta
        return log_odds if self.people is None else log_odds + effect[self.people]

    def _value(self, beta: FloatArray, effect: FloatArray, sd: float) -> float:
        log_odds = self._log_odds(beta, effect)
        fitted = np.where(self.y > 0, log_expit(log_odds), log_expit(-log_odds)).sum()
        return float(fitted - (self.ridge * beta**2).sum() / 2 - (effect**2).sum() / (2 * sd**2))

    def objective(self, sd: float) -> float:
        """The penalised log-likelihood as it stands."""
        return self._value(self.beta, self.effect, sd)

    def step(self, sd: float) -> None:
        """One Newton step, halved until it helps."""
        p = expit(self._log_odds(self.beta, self.effect))
        weight = (p * (1.0 - p)).clip(1e-9)
        residual = self.y - p
        weighted = self.design * weight[:, None]
        hessian = self.design.T @ weighted + np.diag(self.ridge)
        gradient: FloatArray = self.design.T @ residual - self.ridge * self.beta
        if self.people is None:
            self._move(np.linalg.solve(hessian, gradient), np.zeros(0), sd)
            return
        spread = np.asarray(np.bincount(self.people, weight, self.n) + 1.0 / sd**2, np.float64)
        pull = np.bincount(self.people, residual, self.n) - self.effect / sd**2
        cross = np.column_stack([np.bincount(self.people, column, self.n) for column in weighted.T])
        scaled = cross / spread[:, None]
        move = np.linalg.solve(hessian - cross.T @ scaled, gradient - scaled.T @ pull)
        self.variance = 1.0 / spread
        self._move(move, (pull - cross @ move) / spread, sd)

    def _move(self, beta: FloatArray, effect: FloatArray, sd: float) -> None:
        start = self.objective(sd)
        for length in 0.5 ** np.arange(20):
            if self._value(self.beta + length * beta, self.effect + length * effect, sd) >= start:
                self.beta = self.beta + length * beta
                self.effect = self.effect + length * effect
                return

    def likelier_sd(self, sd: float) -> float:
        """The spread of the effects that fits them better (one step of expectation and maximisation)."""
        if self.people is None:
            return sd
        seen = (self.effect**2 + self.variance).sum() + BELIEF_VOLUNTEERS * USUAL_EFFECT_SD**2
        return max(float(np.sqrt(seen / (self.n + BELIEF_VOLUNTEERS))), SMALLEST_EFFECT_SD)


class MonotoneBoosting(_TwoClasses):
    """Gradient boosted trees that may only rise or fall in the columns whose direction is stated.

    signs: one of +1, -1 or 0 per column, None = all 0. The trees take an unknown value (nan) as they find it, except
    that a column without any known value stays unused. `groups` is accepted and not used: the effect of the
    volunteer comes on top of the log-odds afterwards. After fitting: trees_, the fitted HistGradientBoostingClassifier.
    """

    def __init__(
        self,
        *,
        signs: Any = None,
        learning_rate: float = 0.05,
        max_iter: int = 150,
        max_leaf_nodes: int = 8,
        min_samples_leaf: int = 40,
        l2_regularization: float = 5.0,
        random_state: Any = None,
    ) -> None:
        self.signs = signs
        self.learning_rate = learning_rate
        self.max_iter = max_iter
        self.max_leaf_nodes = max_leaf_nodes
        self.min_samples_leaf = min_samples_leaf
        self.l2_regularization = l2_regularization
        self.random_state = random_state

    def fit(self, X: Any, y: Any, groups: Any = None) -> MonotoneBoosting:
        """Fit to X float64[k, F], y [k] of two classes."""
        X, target = self._checked(X, y)
        self.unknown_ = np.isnan(X).all(axis=0)
        self.trees_ = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_iter=self.max_iter,
            max_leaf_nodes=self.max_leaf_nodes,
            min_samples_leaf=self.min_samples_leaf,
            l2_regularization=self.l2_regularization,
            monotonic_cst=None if self.signs is None else list(self.signs),
            early_stopping=False,
            random_state=self.random_state,
        ).fit(self._usable(X), target)
        self.n_iter_ = self.trees_.n_iter_
        return self

    def decision_function(self, X: Any) -> FloatArray:
        """float64[k]: log-odds for a volunteer whose effect is 0."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan", reset=False)
        log_odds: FloatArray = self.trees_.decision_function(self._usable(X))
        return log_odds

    def _usable(self, X: FloatArray) -> FloatArray:
        """The trees cannot bin a column in which nothing is known."""
        return np.where(self.unknown_, 0.0, X) if self.unknown_.any() else X
