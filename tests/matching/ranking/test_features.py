import numpy as np
import pytest

from matching.ranking.eligibility import eligible_pairs
from matching.ranking.features import (
    COLUMN,
    CURVES,
    EXCLUDED,
    FEATURES,
    NAMES,
    WISH_SIGNS,
    OfferContext,
    OfferLog,
    curves,
    edge_features,
    feature_matrix,
    moment_columns,
    waking_hours_left,
    wishes,
)
from matching.ranking.problem import Problem

from .offer_logs import make_log
from .towns import problem, requests, volunteers


def row(town: Problem, context: OfferContext | None = None) -> dict[str, float]:
    (values,) = edge_features(town, eligible_pairs(town), context)
    return dict(zip(NAMES, values.tolist(), strict=True))


@pytest.mark.parametrize("excluded", EXCLUDED)
def it_keeps_what_is_excluded_out_of_every_feature(excluded: str) -> None:
    for feature in FEATURES:
        words = f"{feature.name.replace('_', ' ')} {feature.meaning}".lower().split()
        assert not any(word.startswith(excluded) for word in words)


def it_names_everything_the_law_and_the_design_exclude() -> None:
    assert {"language", "postcode", "buurt", "name", "age", "health", "nationality", "carer"} <= set(EXCLUDED)


def it_gives_the_same_features_whoever_the_people_are() -> None:
    plain = problem(volunteers({}), requests({}))
    other = problem(volunteers({"buurt": 3, "languages": 7}), requests({"buurt": 4, "languages": 1}))
    np.testing.assert_equal(row(plain), row(other))


def it_reads_a_pair_off_the_problem() -> None:
    person = {"radius_m": 2000.0, "slots": 0b111, "skills": 3, "offers": 4.0, "accepts": 1.0, "days_since_offer": 9.0}
    found = row(
        problem(volunteers(person), requests({"x": 500.0, "slots": 0b110, "urgency": 2.0, "waiting_days": 3.0}))
    )
    assert (found["km"], found["share_of_radius"], found["shared_slots"], found["evening_only"]) == (0.5, 0.25, 2, 0)
    assert (found["skills_held"], found["skills_asked"], found["urgency"], found["waiting_days"]) == (2, 1, 2, 3)
    assert (found["answered_before"], found["accepted_before"], found["days_since_offer"]) == (4, 1, 9)


def it_says_nothing_of_what_is_not_known() -> None:
    found = row(problem(volunteers({}), requests({})))
    unknown = {name for name, value in found.items() if np.isnan(value)}
    assert {"minutes", "needs_car", "hours_to_deadline", "hour_of_day", "weekend", "school_holiday"} <= unknown


def it_takes_the_moment_and_the_rest_from_the_context() -> None:
    context = OfferContext(
        now_h=5 * 24 + 19.5, school_holiday=1.0, recent_offers=np.array([2.0]), hours_to_deadline=np.array([30.0]),
        minutes=np.array([45.0]), needs_car=np.array([1.0]), skill_yes_share=np.array([0.4]),
    )  # fmt: skip
    found = row(problem(volunteers({}), requests({})), context)
    assert (found["hour_of_day"], found["weekend"], found["school_holiday"]) == (19.5, 1, 1)
    assert (found["recent_offers"], found["hours_to_deadline"], found["minutes"]) == (2, 30, 45)
    assert (found["needs_car"], found["skill_yes_share"]) == (1, 0.4)


def it_knows_a_help_that_can_only_be_in_the_evening() -> None:
    evening = problem(volunteers({"slots": 0b1101}), requests({"slots": 0b1110}))
    assert row(evening)["evening_only"] == 1


def it_treats_an_unlimited_radius_as_no_share_at_all() -> None:
    assert row(problem(volunteers({"radius_m": np.inf}), requests({"x": 900.0})))["share_of_radius"] == 0


@pytest.mark.parametrize(
    ("hour", "left", "expected"),
    [(9.0, 3.0, 3.0), (21.0, 12.0, 2.0), (23.0, 8.0, 0.0), (12.0, 48.0, 28.0), (12.0, np.nan, np.inf)],
)
def it_counts_the_hours_in_which_people_are_awake(hour: float, left: float, expected: float) -> None:
    rows = feature_matrix(1, {"hour_of_day": hour, "hours_to_deadline": left})
    assert waking_hours_left(rows).tolist() == [pytest.approx(expected)]


def it_finds_the_weekend_on_the_fifth_day() -> None:
    found = moment_columns(np.array([0.0, 119.0, 120.0, 167.9, 168.0]))
    assert found["weekend"].tolist() == [0, 0, 1, 1, 0]


def it_feeds_f_with_wishes_only() -> None:
    rows = np.arange(len(NAMES), dtype=float)[None, :]
    fed = {NAMES[int(value)] for value in wishes(rows)[0]}
    assert fed == {feature.name for feature in FEATURES if feature.role == "wish"}
    assert len(WISH_SIGNS) == len(fed) and not fed & {"days_since_offer", "answered_before", "accepted_before"}


def it_bends_the_columns_and_keeps_nan_where_nothing_is_known() -> None:
    rows = feature_matrix(2, {"km": 4.0, "shared_slots": 1.0, "urgency": [1.0, np.nan]})
    bent = dict(zip(CURVES, curves(rows).T.tolist(), strict=True))
    assert bent["root_km", "one"] == [2, 2] and bent["km_squared", "one"] == [16, 16]
    np.testing.assert_equal(bent["km", "urgency"], [4, np.nan])


def it_refuses_a_column_of_another_length() -> None:
    log = make_log(50).log
    with pytest.raises(ValueError, match="accepted has shape"):
        OfferLog(**{name: getattr(log, name) for name in log.__slots__} | {"accepted": np.zeros(3, bool)})
    with pytest.raises(ValueError, match="X has shape"):
        OfferLog(**{name: getattr(log, name) for name in log.__slots__} | {"X": log.X[:, 1:]})


def it_refuses_a_feature_that_is_not_on_the_list() -> None:
    with pytest.raises(KeyError):
        feature_matrix(1, {"postcode": 1.0})


def it_takes_some_offers_of_a_log() -> None:
    log = make_log(50).log
    some = log.take(np.array([3, 1]))
    assert some.sent_h.tolist() == log.sent_h[[3, 1]].tolist()
    assert some.column("km").tolist() == log.X[[3, 1], COLUMN["km"]].tolist()
