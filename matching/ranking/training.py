"""From a log of offers to a model that may take over, or to a sentence that says why not.

Time runs one way. f is fitted on the early weeks, brought in line with the weeks after them, fitted again on both, and
judged on the latest weeks, which it has never seen: log loss against the rule in use on the same offers. The recipe is
also fitted without a fifth of the volunteers and judged on these, so that what it knows is about offers and not about
people. A candidate is promotable only when it is better with 95 % certainty, volunteers being the unit of chance, and
no worse calibrated than the aim or than the rule in use.

What is wrong with a log is a TrainingError with a sentence; nothing is guessed, and the rule in use stays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, log_expit
from threadpoolctl import threadpool_limits

from matching.ranking.acceptance import DESIGNS, AcceptanceModel, AcceptanceRule
from matching.ranking.effects import (
    Effects,
    effects_known,
    fit_attention,
    observation_weights,
    observed_waking_hours,
)
from matching.ranking.estimators import USUAL_EFFECT_SD, MonotoneBoosting, VolunteerLogistic
from matching.ranking.evaluation import (
    Figures,
    Group,
    Interval,
    auc,
    calibration_bins,
    calibration_error,
    clustered_mean,
    figures,
    log_losses,
    per_group,
)
from matching.ranking.features import WISH_SIGNS, OfferLog
from matching.ranking.findings import Finding, TrainingError, check_log
from matching.ranking.problem import FloatArray

__all__ = ["Candidate", "ForwardFigures", "TrainingError", "TrainingReport", "forward_figures", "known_by", "train"]

Bools = npt.NDArray[np.bool_]

LEAST_ANSWERS = 100  # in each of the three periods, and of each kind ten
LEAST_OF_A_KIND = 10
JUDGED = 0.20  # share of the outcomes, the latest
# The window before these: as many outcomes as steady the calibration, within these shares of all.
WINDOW_OUTCOMES, LEAST_WINDOW, MOST_WINDOW = 5000, 0.15, 0.40
CALIBRATION_AIM = 0.01
HELD_OUT_VOLUNTEERS = 0.2
EFFECT_SDS = (0.3, 0.5, 0.65, 0.8, 1.0, 1.25)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model and how it did on the latest weeks.

    p: float64, what it gave to these offers, in order of sending. difference: of its log loss less that of the rule in
    use.
    """

    model: AcceptanceModel
    p: FloatArray
    figures: Figures
    difference: Interval


@dataclass(frozen=True, slots=True)
class TrainingReport:
    """What came out. Hours as in the log.

    best: the candidate with the least log loss on the latest weeks. promotable: whether it may take over; findings say
    why or why not. candidates: one per kind. in_use: the rule in use on the same offers. unseen: the best recipe on
    volunteers it was fitted without. per_buurt, per_language: calibration of the best by group, with sizes. first_h,
    fitted_h, calibrated_h, last_h: ends of the periods. offers: in the log; outcomes: of these final.
    """

    best: Candidate
    promotable: bool
    findings: tuple[Finding, ...]
    candidates: tuple[Candidate, ...]
    in_use: Figures
    in_use_version: str
    unseen: Figures
    per_buurt: dict[int, Group]
    per_language: dict[int, Group]
    first_h: float
    fitted_h: float
    calibrated_h: float
    last_h: float
    offers: int
    outcomes: int


def train(
    log: OfferLog, now_h: float, in_use: AcceptanceRule, *, version: str = "", earliest_h: float = 0.0, seed: int = 1
) -> TrainingReport:
    """Fit both kinds of model and compare them with the rule in use on the latest weeks.

    now_h, earliest_h: hours; offers outside cannot be. version: what the new model is called, followed by its kind.
    The same log and seed give the same report. Raises TrainingError with a sentence.
    """
    check_log(log, now_h, earliest_h)
    # One thread: sums in another order would make another model of the same log, and other work shares the machine.
    with threadpool_limits(limits=1):
        return _train(log.take(np.lexsort((log.volunteer, log.sent_h))), in_use, version, seed)


def _train(log: OfferLog, in_use: AcceptanceRule, version: str, seed: int) -> TrainingReport:
    periods = _periods(log)
    late = np.flatnonzero(log.sent_h >= periods.calibrated_h)
    models = tuple(_models(log, periods, version, seed))
    weight = observation_weights(log, models[0].score_log(log))[late]
    judge = _Judge(log, late, weight, in_use)
    candidates = tuple(judge.candidate(model) for model in models)
    best = min(candidates, key=lambda candidate: candidate.figures.log_loss)
    p = best.p
    promotable, findings = _verdict(best, judge.in_use, in_use.version)
    return TrainingReport(
        best=best,
        promotable=promotable,
        findings=findings,
        candidates=candidates,
        in_use=judge.in_use,
        in_use_version=in_use.version,
        unseen=_unseen(log, periods, best.model, late, weight, seed),
        per_buurt=per_group(log.buurt[late], log.accepted[late], p, weight),
        per_language=per_group(log.needs_language[late].astype(np.int32), log.accepted[late], p, weight),
        first_h=float(log.sent_h[0]),
        fitted_h=periods.fitted_h,
        calibrated_h=periods.calibrated_h,
        last_h=float(log.sent_h[-1]),
        offers=len(log),
        outcomes=int(log.settled.sum()),
    )


@dataclass(frozen=True, slots=True)
class _Periods:
    """Hours: f is fitted before the first, calibrated until the second, judged after it."""

    fitted_h: float
    calibrated_h: float


def _periods(log: OfferLog) -> _Periods:
    sent_h = log.sent_h[log.settled]
    window = float(np.clip(WINDOW_OUTCOMES / len(sent_h), LEAST_WINDOW, MOST_WINDOW))
    fitted_h, calibrated_h = np.quantile(sent_h, (1.0 - JUDGED - window, 1.0 - JUDGED))
    masks = (
        ("fitting period", log.sent_h < fitted_h),
        ("calibration window", (log.sent_h >= fitted_h) & (log.sent_h < calibrated_h)),
        ("latest period", log.sent_h >= calibrated_h),
    )
    for period, inside in masks:
        answers, yeses = int((inside & log.answered).sum()), int((inside & log.accepted).sum())
        if answers < LEAST_ANSWERS or min(yeses, answers - yeses) < LEAST_OF_A_KIND:
            raise TrainingError(
                "too_few_answers", period=period, answers=answers, yeses=yeses, least=LEAST_ANSWERS,
                kind=LEAST_OF_A_KIND,
            )  # fmt: skip
    late = log.sent_h >= calibrated_h
    if not np.isin(log.volunteer[late], log.volunteer[~late]).any():
        raise TrainingError("all_new")
    return _Periods(float(fitted_h), float(calibrated_h))


def known_by(log: OfferLog, moment_h: float) -> OfferLog:
    """The offers sent before a moment, with what was known of them then; later answers are still open."""
    then = log.take(log.sent_h < moment_h)
    later = np.where(then.answered, then.answered_h, np.nan_to_num(then.closed_h, nan=-np.inf)) >= moment_h
    return replace(
        then,
        answered=then.answered & ~later,
        accepted=then.accepted & ~later,
        settled=then.settled & ~later,
        answered_h=np.where(later, np.nan, then.answered_h),
        closed_h=np.where(later, moment_h, then.closed_h),
    )


# Fitting


def _estimators(kind: str, seed: int) -> Iterator[Any]:
    """The settings that are tried; the calibration window chooses."""
    if kind == "logistic":
        for penalty in (10.0, 50.0, 200.0):
            yield VolunteerLogistic(penalty=penalty)
    else:
        for trees in (60, 120, 240):
            yield MonotoneBoosting(signs=WISH_SIGNS, max_iter=trees, random_state=seed)


def _models(log: OfferLog, periods: _Periods, version: str, seed: int) -> Iterator[AcceptanceModel]:
    for kind in DESIGNS:
        model = _fitted(log, periods, kind, seed)
        yield replace(model, version=f"{version}-{kind}" if version else kind)


def _fitted(log: OfferLog, periods: _Periods, kind: str, seed: int) -> AcceptanceModel:
    """One kind: the settings and the two numbers of calibration from the window, f from all before the latest."""
    early, before = known_by(log, periods.fitted_h), known_by(log, periods.calibrated_h)
    window = before.sent_h >= periods.fitted_h
    tried = []
    for estimator in _estimators(kind, seed):
        loss, model = _Window(_fit(early, kind, estimator), before, window).calibrated()
        tried.append((loss, model, estimator))
    _, model, estimator = min(tried, key=lambda item: item[0])
    again = _fit(before, kind, estimator)
    # Silence that stands for a no makes f too high and reach too low; the window has set this right for both.
    attention = replace(again.attention, reach=model.attention.reach)
    return replace(again, attention=attention, effect_sd=model.effect_sd, slope=model.slope, shift=model.shift)


def _fit(log: OfferLog, kind: str, estimator: Any) -> AcceptanceModel:
    """f from the answers, a from answered or not; not calibrated."""
    answers = log.answered
    design = DESIGNS[kind](log.X[answers])
    estimator = type(estimator)(**estimator.get_params())
    estimator.fit(design, log.accepted[answers], groups=log.volunteer[answers])
    return AcceptanceModel(
        version=kind,
        kind=kind,
        estimator=estimator,
        attention=fit_attention(log),
        effect_sd=USUAL_EFFECT_SD,
        base_rate=float(log.accepted[answers].mean()),
        first_h=float(log.sent_h.min()),
        last_h=float(log.sent_h.max()),
        offers=len(log),
    )


@dataclass(frozen=True, slots=True)
class _Outcomes:
    """What came of `k` offers. score, rested, heard: float64[k], log-odds of a yes, rest, G of the hours observed."""

    score: FloatArray
    rested: FloatArray
    heard: FloatArray
    answered: Bools
    accepted: Bools

    def __len__(self) -> int:
        return len(self.score)

    def loss(self, reach: float, slope: float, shift: float, frank: float) -> float:
        """-ln of the chance of all that came: yes, no (said by a share `frank`), or silence for as long as observed."""
        willing = expit(slope * self.score + shift)
        awake, refused = reach * self.rested, frank * (1.0 - willing)
        silent = 1.0 - awake * self.heard * (willing + refused)
        chance = np.where(self.answered, awake * np.where(self.accepted, willing, refused), silent)
        return float(-np.log(chance.clip(1e-12)).sum())


class _Window:
    """The offers after those a model was fitted to (bool[k] of the log), with which it is brought in line."""

    def __init__(self, model: AcceptanceModel, log: OfferLog, inside: Bools) -> None:
        self.model, self.log, self.inside = model, log, inside
        self.log_odds = model.log_odds(log.X)

    def calibrated(self) -> tuple[float, AcceptanceModel]:
        """The model with spread of effects, reach, slope and shift from the window, and its mean loss then."""
        self.model = replace(self.model, effect_sd=self._likeliest_sd())
        outcomes = self._outcomes()

        def loss(theta: npt.NDArray[Any]) -> float:
            reach, slope, shift, frank = theta
            # Among answers, log-odds are higher by -ln(frank) than among all, as some who would say no are silent.
            pull = np.array([(reach - 2.0) / 1.5, slope / 0.3, (shift - log_expit(frank)) / 0.5, (frank - 1.0) / 1.5])
            total = outcomes.loss(expit(reach), np.exp(slope), shift, expit(frank)) + (pull**2).sum() / 2
            return float(total / len(outcomes))

        bounds = ((-4.0, 7.0), (-2.0, 2.0), (-6.0, 6.0), (-4.0, 7.0))
        found = minimize(loss, np.array([2.0, 0.0, 0.0, 3.0]), method="L-BFGS-B", bounds=bounds).x
        reach, slope, shift, _ = found
        attention = replace(self.model.attention, reach=float(expit(reach)))
        calibrated = replace(self.model, attention=attention, slope=float(np.exp(slope)), shift=float(shift))
        return loss(found), calibrated

    def _outcomes(self) -> _Outcomes:
        inside, attention = self.log.take(self.inside), self.model.attention
        return _Outcomes(
            score=self._effects(self.inside).moderate(self.log_odds[self.inside]),
            rested=attention.rested(inside.X),
            heard=attention.answered_within(inside.X, observed_waking_hours(inside)),
            answered=inside.answered,
            accepted=inside.accepted,
        )

    def _likeliest_sd(self) -> float:
        """The spread of the volunteers with which their past tells most about their answers."""
        answered = self.inside & self.log.answered

        def loss(sd: float) -> float:
            self.model = replace(self.model, effect_sd=sd)
            p = expit(self._effects(answered).moderate(self.log_odds[answered]))
            belief = (np.log(sd / USUAL_EFFECT_SD) / 0.3) ** 2 / 2
            return float(log_losses(self.log.accepted[answered], p).sum() + belief)

        return min(EFFECT_SDS, key=loss)

    def _effects(self, chosen: Bools) -> Effects:
        """What was known of the volunteers when these offers were sent."""
        log = self.log
        return effects_known(log, self.log_odds, self.model.effect_sd, log.volunteer[chosen], log.sent_h[chosen])


# Judging


class _Judge:
    """Compares models with the rule in use on the latest offers (positions `late`, weights float64)."""

    def __init__(self, log: OfferLog, late: npt.NDArray[np.intp], weight: FloatArray, in_use: AcceptanceRule) -> None:
        self.log, self.late, self.weight = log, late, weight
        self.p_in_use = in_use.score_log(log)[late]
        self.in_use = figures(log.accepted[late], self.p_in_use, weight)

    def candidate(self, model: AcceptanceModel) -> Candidate:
        y, p = self.log.accepted[self.late], model.score_log(self.log)[self.late]
        lost = log_losses(y, p) - log_losses(y, self.p_in_use)
        difference = clustered_mean(lost, self.log.volunteer[self.late], self.weight)
        return Candidate(model, p, figures(y, p, self.weight), difference)


def _verdict(best: Candidate, in_use: Figures, name: str) -> tuple[bool, tuple[Finding, ...]]:
    found, difference = best.figures, best.difference
    better = difference.high < 0
    values = {"in_use": name, "low": difference.low, "high": difference.high}
    if better:
        values |= {"gain": -difference.value, "low": -difference.high, "high": -difference.low}
    aim = max(CALIBRATION_AIM, found.calibration_floor)
    calibrated = found.calibration_error <= max(aim, in_use.calibration_error)
    measured = {"error": found.calibration_error, "aim": aim, "other": in_use.calibration_error, "in_use": name}
    findings = (
        Finding("better" if better else "not_better", values),
        Finding("calibrated" if calibrated else "not_calibrated", measured),
    )
    return better and calibrated, findings


def _unseen(
    log: OfferLog, periods: _Periods, model: AcceptanceModel, late: npt.NDArray[np.intp], weight: FloatArray, seed: int
) -> Figures:
    """The recipe fitted without a fifth of the volunteers, on the latest offers to these."""
    people = np.unique(log.volunteer)
    drawn = np.random.default_rng(seed).random(len(people)) < HELD_OUT_VOLUNTEERS
    held_out = np.isin(log.volunteer, people[drawn])
    before = known_by(log, periods.calibrated_h)
    others = before.take(~np.isin(before.volunteer, people[drawn]))
    without = _fit(others, model.kind, model.estimator)
    judged = replace(model, estimator=without.estimator)
    mine = held_out[late]
    return figures(log.accepted[late][mine], judged.score_log(log)[late][mine], weight[mine])


# For the benchmark, where the true chances are known


@dataclass(frozen=True, slots=True)
class ForwardFigures:
    """A model trained on the earlier weeks, against the truth of the latest (see forward_figures).

    auc_ratio: its AUC over that of the true chances, both as expected under these; by_kind: of each kind.
    prior_ratio: of the stated rule or whatever was in use. calibration_error: ten bins, against the true chances;
    per_buurt, per_language: the mean error over groups, weighted by size; observed_error: ten bins against what came,
    with the floor that chance alone gives.
    """

    kind: str
    offers: int
    auc_ratio: float
    by_kind: dict[str, float]
    prior_ratio: float
    calibration_error: float
    per_buurt: float
    per_language: float
    observed_error: float
    observed_floor: float
    promotable: bool


def forward_figures(log: OfferLog, oracle_p: FloatArray, in_use: AcceptanceRule, *, seed: int = 1) -> ForwardFigures:
    """Train on the first four fifths of the offers and compare with the truth on the others.

    oracle_p: float64[k], the true chance of a yes to each offer in time, in the order of the log. Raises TrainingError.
    """
    order = np.lexsort((log.volunteer, log.sent_h))
    log, oracle_p = log.take(order), oracle_p[order]
    end_h = max(float(log.sent_h.max()), float(np.nan_to_num(log.answered_h, nan=-np.inf).max()))
    report = train(log, end_h, in_use, earliest_h=float(log.sent_h.min()), seed=seed)
    late = log.sent_h >= report.calibrated_h
    truth, best = oracle_p[late], report.best
    p = best.p
    reachable = auc(truth, truth)
    by_kind = {candidate.model.kind: auc(truth, candidate.p) / reachable for candidate in report.candidates}

    def error(key: npt.NDArray[Any]) -> float:
        return calibration_error(tuple(per_group(key[late], truth, p).values()))

    return ForwardFigures(
        kind=best.model.kind,
        offers=len(log),
        auc_ratio=by_kind[best.model.kind],
        by_kind=by_kind,
        prior_ratio=auc(truth, in_use.score_log(log)[late]) / reachable,
        calibration_error=calibration_error(calibration_bins(truth, p)),
        per_buurt=error(log.buurt),
        per_language=error(log.needs_language),
        observed_error=best.figures.calibration_error,
        observed_floor=best.figures.calibration_floor,
        promotable=report.promotable,
    )
