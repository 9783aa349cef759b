from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from matching.ranking.acceptance import AcceptanceModel, PriorRule
from matching.ranking.eligibility import eligible_pairs
from matching.ranking.features import COLUMN, OfferContext, OfferLog, edge_features
from matching.ranking.training import TrainingError, TrainingReport, forward_figures, known_by, train

from .offer_logs import Made, make_log
from .towns import problem, requests, volunteers


@pytest.fixture(scope="module")
def made() -> Made:
    return make_log(8000)


@pytest.fixture(scope="module")
def report(made: Made) -> TrainingReport:
    return train(made.log, made.end_h, PriorRule(), version="week-26")


def said(report: TrainingReport) -> set[str]:
    return {finding.key for finding in report.findings}


def it_beats_the_stated_rule_where_there_is_enough_to_learn(report: TrainingReport) -> None:
    assert report.promotable and said(report) == {"better", "calibrated"}
    assert report.best.difference.high < 0 and report.best.figures.log_loss < report.in_use.log_loss
    assert report.in_use_version == "prior-1" and report.best.model.version.startswith("week-26-")
    assert "lower than that of prior-1" in str(report.findings[0])


def it_judges_both_kinds_and_takes_the_better(report: TrainingReport) -> None:
    assert [candidate.model.kind for candidate in report.candidates] == ["logistic", "boosting"]
    assert report.best.figures.log_loss == min(candidate.figures.log_loss for candidate in report.candidates)


def it_judges_on_weeks_the_model_has_not_seen(report: TrainingReport, made: Made) -> None:
    assert report.first_h < report.fitted_h < report.calibrated_h < report.last_h
    assert all(candidate.model.last_h < report.calibrated_h for candidate in report.candidates)
    late = made.log.sent_h >= report.calibrated_h
    assert report.best.figures.offers == late.sum() and report.best.figures.yeses == made.log.accepted[late].sum()


def it_holds_on_volunteers_it_was_fitted_without(report: TrainingReport) -> None:
    assert 0.1 < report.unseen.offers / report.best.figures.offers < 0.3
    assert report.unseen.auc > 0.6


def it_reports_every_group_with_its_size(report: TrainingReport) -> None:
    assert report.per_buurt.keys() == set(range(20)) and report.per_language.keys() == {0, 1}
    assert sum(group.offers for group in report.per_buurt.values()) == pytest.approx(report.best.figures.offers)
    assert report.per_language[0].error < 0.04


def it_learns_nothing_from_what_came_later(report: TrainingReport, made: Made) -> None:
    log = made.log
    late = log.sent_h >= report.calibrated_h
    turned = replace(log, accepted=np.where(late, log.answered & ~log.accepted, log.accepted))
    again = train(turned, made.end_h, PriorRule())
    for one, two in zip(report.candidates, again.candidates, strict=True):
        assert (one.model.log_odds(log.X) == two.model.log_odds(log.X)).all()
        assert (one.model.attention, one.model.slope, one.model.shift) == (
            two.model.attention, two.model.slope, two.model.shift,
        )  # fmt: skip


def it_gives_the_same_report_in_any_order(report: TrainingReport, made: Made) -> None:
    shuffled = made.log.take(np.random.default_rng(1).permutation(len(made.log)))
    again = train(shuffled, made.end_h, PriorRule(), version="week-26")
    assert (again.best.p == report.best.p).all() and again.findings == report.findings


def it_does_not_replace_a_model_that_is_as_good(report: TrainingReport, made: Made) -> None:
    again = train(made.log, made.end_h, report.best.model)
    assert not again.promotable and "not_better" in said(again)
    assert "not better than week-26-" in str(again.findings[0])


def it_does_not_replace_a_model_that_is_worse_by_no_more_than_chance(report: TrainingReport, made: Made) -> None:
    nearly = replace(report.best.model, shift=report.best.model.shift + 0.2)
    again = train(made.log, made.end_h, nearly)
    assert again.best.difference.value < 0 < again.best.difference.high
    assert not again.promotable and "not_better" in said(again)


def it_does_not_promote_on_luck() -> None:
    class Oracle(PriorRule):
        """Knows the true chances."""

        def score_log(self, log: OfferLog) -> Any:
            return truth[np.searchsorted(made.log.sent_h, log.sent_h)]

    promoted = 0
    for seed in range(3):
        made = make_log(3000, seed=seed)
        truth = made.p
        promoted += train(made.log, made.end_h, Oracle()).promotable
    assert promoted == 0


# p is the chance of a yes to an offer sent now


def it_comes_near_the_truth_forward_in_time() -> None:
    made = make_log(40_000, seed=2)
    found = forward_figures(made.log, made.p, PriorRule())
    assert found.auc_ratio > 0.97 > found.prior_ratio
    assert found.calibration_error < 0.015 and found.per_buurt < 0.02 and found.per_language < 0.02
    assert found.promotable and found.by_kind[found.kind] == found.auc_ratio


def it_lets_silence_weigh_on_p_and_not_on_who_says_yes(report: TrainingReport, made: Made) -> None:
    rested, tired = made.log.X[:200].copy(), made.log.X[:200].copy()
    rested[:, COLUMN["days_since_offer"]], tired[:, COLUMN["days_since_offer"]] = np.nan, 1.0
    model = report.best.model
    assert (model.log_odds(rested) == model.log_odds(tired)).all()
    assert (model.attention.of(tired) < 0.5 * model.attention.of(rested)).all()


def it_moves_a_volunteers_chances_with_their_answers(report: TrainingReport, made: Made) -> None:
    effects = report.best.model.effects(made.log, 1500)
    asked = np.bincount(made.log.volunteer[made.log.answered], minlength=1500)
    assert (effects.mean[asked == 0] == 0).all()
    assert np.corrcoef(effects.mean[asked > 8], made.effect[asked > 8])[0, 1] > 0.5


# The model as a rule of the matcher


@pytest.fixture(params=[0, 1], ids=["logistic", "boosting"])
def model(request: pytest.FixtureRequest, report: TrainingReport) -> AcceptanceModel:
    return report.candidates[request.param].model


def town() -> Any:
    people = [{"x": 100.0 * n, "radius_m": 3000.0, "slots": 0b1111, "days_since_offer": 2.0 + n} for n in range(8)]
    people.append({"x": 50.0, "offers": 12.0, "accepts": 11.0, "skills": 7})
    asked = [{"slots": 0b11, "urgency": 2.0}, {"x": 400.0, "slots": 0b1100, "waiting_days": 3.0}]
    return problem(volunteers(*people), requests(*asked))


@pytest.mark.parametrize("known", [False, True])
def it_scores_edges_as_it_scores_their_features(model: AcceptanceModel, known: bool) -> None:
    here = town()
    edges = eligible_pairs(here)
    context = OfferContext(
        now_h=130.0,
        school_holiday=0.0,
        recent_offers=np.arange(9.0),
        effect_mean=np.linspace(-1, 1, 9),
        effect_variance=np.linspace(0.1, 0.6, 9),
        hours_to_deadline=np.array([20.0, np.nan]),
        minutes=np.array([np.nan, 90.0]),
        needs_car=np.array([0.0, 1.0]),
        skill_yes_share=np.array([0.3, np.nan]),
    )
    now = model.in_context(context) if known else model
    effects = now._effects_now(here)
    mine = type(effects)(effects.mean[edges.volunteer], effects.variance[edges.volunteer])
    slowly = now.chance(edge_features(here, edges, context if known else None), mine)
    assert now.score(here, edges) == pytest.approx(slowly, rel=1e-12) and ((slowly > 0) & (slowly < 1)).all()


def it_says_what_p_would_be_at_the_reference(model: AcceptanceModel) -> None:
    here = town()
    edges = eligible_pairs(here)
    p = model.score(here, edges)
    at_two_km = model.at_reference(here, edges, "km")
    near = edges.distance_m < 1000.0
    assert (p[near] > at_two_km[near]).all()
    asked = model.at_reference(here, edges, "days_since_offer")
    days = here.volunteers.days_since_offer[edges.volunteer]
    assert (p[days == 3.0] == asked[days == 3.0]).all() and (p[days > 3] > asked[days > 3]).all()
    with pytest.raises(KeyError):
        model.at_reference(here, edges, "postcode")


def it_believes_who_often_said_yes(model: AcceptanceModel) -> None:
    here = town()
    plain = problem(replace(here.volunteers, offers=np.full(9, np.nan), accepts=np.full(9, np.nan)), here.requests)
    edges = eligible_pairs(here)
    often = edges.volunteer == 8
    assert (model.score(here, edges)[often] > model.score(plain, edges)[often]).all()


# Bad input


def refused(log: OfferLog, now_h: float, **more: Any) -> TrainingError:
    with pytest.raises(TrainingError) as caught:
        train(log, now_h, PriorRule(), **more)
    assert str(caught.value).endswith(".")
    return caught.value


def with_first(log: OfferLog, **values: float) -> OfferLog:
    """The log with one value of its first answered offer changed."""
    first = int(np.flatnonzero(log.answered)[0])
    changes = {name: getattr(log, name).copy() for name in values}
    for name, value in values.items():
        changes[name][first] = value
    return replace(log, **changes)


def it_keeps_the_stated_rule_below_a_thousand_outcomes() -> None:
    made = make_log(999)
    error = refused(made.log, made.end_h)
    assert error.finding.key == "too_few" and "999 outcomes" in str(error) and "stays in use" in str(error)


def it_counts_no_offer_that_may_still_be_answered() -> None:
    made = make_log(1200)
    still_open = replace(made.log, settled=made.log.settled & (np.arange(1200) < 800))
    assert refused(still_open, made.end_h).finding.key == "too_few"


def it_refuses_an_empty_log() -> None:
    made = make_log(10)
    assert refused(made.log.take(np.zeros(10, bool)), made.end_h).finding.key == "no_offers"


@pytest.mark.parametrize("kind", ["yes", "no"])
def it_refuses_a_log_with_one_kind_of_answer(kind: str) -> None:
    made = make_log(2000)
    error = refused(replace(made.log, accepted=made.log.answered & (kind == "yes")), made.end_h)
    assert error.finding.key == "one_class" and f"answers are {kind}," in str(error)


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"sent_h": np.nan}, "times_missing"),
        ({"sent_h": np.inf}, "times_missing"),
        ({"answered_h": -np.inf}, "times_missing"),
        ({"sent_h": 1e6, "answered_h": 1e6}, "future"),
        ({"answered_h": 1e5}, "future"),
        ({"sent_h": -1.0}, "too_early"),
        ({"sent_h": 900.0}, "answered_before_sent"),
        ({"answered_h": np.nan}, "contradiction"),
        ({"answered": 0}, "contradiction"),
    ],
)
def it_refuses_a_log_whose_clock_jumped(values: dict[str, float], key: str) -> None:
    made = make_log(2000)
    error = refused(with_first(made.log, **values), made.end_h)
    assert error.finding.key == key and str(error).startswith("1 offers")


def it_refuses_features_that_cannot_be() -> None:
    made = make_log(2000)
    features = made.log.X.copy()
    features[3, COLUMN["km"]] = -2.0
    error = refused(replace(made.log, X=features), made.end_h)
    assert error.finding.key == "bad_feature" and "km" in str(error)


def it_refuses_a_log_in_which_nobody_comes_back() -> None:
    made = make_log(2000)
    strangers = replace(made.log, volunteer=np.arange(2000, dtype=np.int32))
    assert refused(strangers, made.end_h).finding.key == "all_new"


def it_refuses_a_period_without_both_kinds_of_answers() -> None:
    made = make_log(2000)
    late = made.log.sent_h > np.quantile(made.log.sent_h, 0.75)
    error = refused(replace(made.log, accepted=made.log.accepted & ~late), made.end_h)
    assert error.finding.key == "too_few_answers" and "latest period" in str(error)


def it_knows_at_any_moment_only_what_had_been_answered() -> None:
    made = make_log(2000)
    then = known_by(made.log, 1000.0)
    assert (then.sent_h < 1000).all()
    assert not (np.nan_to_num(then.answered_h, nan=0.0) >= 1000).any()
    late = made.log.take(made.log.sent_h < 1000).answered_h >= 1000
    assert late.any() and not then.answered[late].any() and not then.settled[late].any()
