"""What the acceptance model may see of an offer: only facts that were known when it was sent.

Columns are float64; nan = not known, and every use states what stands in for it. `FEATURES` is the whole list: what is
not in it cannot reach a model, and `EXCLUDED` names what must never be in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.problem import Edges, FloatArray, IntArray, Problem

Bools = npt.NDArray[np.bool_]

HOURS_IN_WEEK = 168.0
SATURDAY_H = 120.0
# Hours in which people look at messages.
AWAKE_FROM, AWAKE_UNTIL = 8.0, 22.0
DAYLIGHT_SLOTS = np.uint32(sum(0b0011 << (4 * day) for day in range(7)))


@dataclass(frozen=True, slots=True)
class Feature:
    """One column. sign: +1 or -1 where more of it may only raise or lower p, 0 where either may be.

    role: "wish" feeds f(x), "rest" feeds a(t), "past" feeds the volunteer effect.
    """

    name: str
    meaning: str
    unit: str
    sign: int
    role: str = "wish"


FEATURES = (
    Feature("km", "straight line from the volunteer's point to that of the request", "km", -1),
    Feature("share_of_radius", "the same as a share of the distance the volunteer chose as farthest", "share", -1),
    Feature("shared_slots", "asked slots in which the volunteer is free", "slots", +1),
    Feature("evening_only", "all shared slots are in the evening or at night", "0 or 1", 0),
    Feature("skills_asked", "skills the request asks for", "skills", 0),
    Feature("skills_held", "skills the volunteer offers", "skills", 0),
    Feature("skill_yes_share", "share of answered offers for these skills that were accepted before", "share", +1),
    Feature("minutes", "how long the help takes", "minutes", -1),
    Feature("needs_car", "the help needs a car", "0 or 1", 0),
    Feature("urgency", "weight of the request", "weight", 0),
    Feature("hours_to_deadline", "until somebody must have said yes", "hours", 0),
    Feature("waiting_days", "since the request was posted", "days", 0),
    Feature("hour_of_day", "when the offer is sent, local time", "hours", 0),
    Feature("weekend", "the offer is sent on a Saturday or Sunday", "0 or 1", 0),
    Feature("school_holiday", "the offer is sent in a school holiday of the region", "0 or 1", 0),
    Feature("recent_offers", "offers to the volunteer in the 28 days before", "offers", -1),
    Feature("days_since_offer", "since the last offer to the volunteer", "days", +1, "rest"),
    Feature("answered_before", "offers the volunteer answered before", "offers", 0, "past"),
    Feature("accepted_before", "offers the volunteer accepted before", "offers", +1, "past"),
)
NAMES = tuple(feature.name for feature in FEATURES)
COLUMN = {name: index for index, name in enumerate(NAMES)}

# Never a feature, under this or any other name: what would let the model prefer people for who they are or where
# they live. Language is a hard rule where the asker wished for it, and nothing more.
EXCLUDED = (
    "language", "postcode", "buurt", "wijk", "name", "age", "gender", "health", "nationality", "religion", "carer",
    "income", "address",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OfferContext:
    """What a model may use and a Problem does not hold. Every part may be missing (None or nan).

    now_h: hours since a Monday 00:00, local time. school_holiday: 0 or 1. Of the n volunteers, float64[n]:
    recent_offers, offers in the last 28 days; effect_mean and effect_variance, from AcceptanceModel.effects. Of the m
    requests, float64[m]: hours_to_deadline, minutes, needs_car (0 or 1), skill_yes_share.
    """

    now_h: float = float("nan")
    school_holiday: float = float("nan")
    recent_offers: FloatArray | None = None
    effect_mean: FloatArray | None = None
    effect_variance: FloatArray | None = None
    hours_to_deadline: FloatArray | None = None
    minutes: FloatArray | None = None
    needs_car: FloatArray | None = None
    skill_yes_share: FloatArray | None = None


def _unknown() -> FloatArray:
    return np.zeros(0)


@dataclass(frozen=True, slots=True)
class OfferLog:
    """`k` offers that were sent, in any order; one entry per offer in every column.

    sent_h, answered_h: float64[k], hours since a Monday 00:00 local time, nan = not answered. volunteer: int32[k], the
    same number for the same person. answered, accepted: bool[k], an accepted one is answered. settled: bool[k], the
    outcome is final: answered, or its time ran out in silence; still open or taken back (somebody else said yes) is
    not. closed_h: float64[k], when an unanswered offer ran out or was taken back; nan = unknown or still open.
    X: float64[k, F], columns as in FEATURES. propensity: float64[k], the chance with which the planner picked this
    volunteer; p_at_offer: float64[k], the p given then; nan = unknown. buurt int32[k] and needs_language bool[k] serve
    the checks per group and nothing else. Raises ValueError when a column has another length or X another width.
    """

    sent_h: FloatArray
    answered_h: FloatArray
    volunteer: IntArray
    buurt: IntArray
    needs_language: Bools
    answered: Bools
    accepted: Bools
    settled: Bools
    X: FloatArray
    closed_h: FloatArray = field(default_factory=_unknown)
    propensity: FloatArray = field(default_factory=_unknown)
    p_at_offer: FloatArray = field(default_factory=_unknown)

    def __post_init__(self) -> None:
        k = len(self.sent_h)
        for name in ("closed_h", "propensity", "p_at_offer"):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.full(k, np.nan))
        for name in self.__slots__:
            shape = (k, len(FEATURES)) if name == "X" else (k,)
            if getattr(self, name).shape != shape:
                raise ValueError(f"OfferLog.{name} has shape {getattr(self, name).shape}, expected {shape}")

    def __len__(self) -> int:
        return len(self.sent_h)

    def take(self, chosen: npt.NDArray[Any]) -> OfferLog:
        """The offers at these positions, or where this mask is true."""
        return OfferLog(*(getattr(self, name)[chosen] for name in self.__slots__))

    def column(self, name: str) -> FloatArray:
        """float64[k]: one feature."""
        values: FloatArray = self.X[:, COLUMN[name]]
        return values


def feature_matrix(length: int, columns: Mapping[str, Any]) -> FloatArray:
    """float64[length, F] from named columns (arrays or one number for all); what is not given is nan.

    Raises KeyError for a name that is not in FEATURES, ValueError for a column of another length.
    """
    matrix = np.full((length, len(FEATURES)), np.nan)
    for name, values in columns.items():
        matrix[:, COLUMN[name]] = values
    return matrix


def moment_columns(sent_h: Any) -> dict[str, FloatArray]:
    """hour_of_day and weekend of these hours since a Monday 00:00; nan stays nan."""
    hour_of_week = np.asarray(sent_h, float) % HOURS_IN_WEEK
    weekend = np.where(np.isnan(hour_of_week), np.nan, hour_of_week >= SATURDAY_H)
    return {"hour_of_day": hour_of_week % 24.0, "weekend": weekend}


def waking_hours(from_h: FloatArray, until_h: FloatArray) -> FloatArray:
    """float64[k]: hours by day and in the evening between two moments, hours since some midnight; nan stays nan."""

    def awake(hour: FloatArray) -> FloatArray:
        days, rest = np.divmod(hour, 24.0)
        hours: FloatArray = days * (AWAKE_UNTIL - AWAKE_FROM) + (rest.clip(AWAKE_FROM, AWAKE_UNTIL) - AWAKE_FROM)
        return hours

    return awake(until_h) - awake(from_h)


def waking_hours_left(X: FloatArray) -> FloatArray:  # scikit-learn's name
    """float64[k]: waking hours between each offer and its deadline; inf where unknown."""
    sent = X[:, COLUMN["hour_of_day"]]
    left = waking_hours(sent, sent + X[:, COLUMN["hours_to_deadline"]].clip(0.0))
    return np.where(np.isnan(left), np.inf, left)


def edge_features(problem: Problem, edges: Edges, context: OfferContext | None = None) -> FloatArray:
    """float64[e, F]: the features of asking these volunteers for these requests now."""
    context = context or OfferContext()
    columns = pair_columns(problem, edges)
    for name, values in request_columns(problem, context).items():
        columns[name] = values[edges.request] if isinstance(values, np.ndarray) else values
    for name, values in volunteer_columns(problem, context).items():
        columns[name] = values[edges.volunteer]
    return feature_matrix(len(edges), columns)


def pair_columns(problem: Problem, edges: Edges) -> dict[str, Any]:
    """[e] each: the features that depend on both."""
    volunteers, requests = problem.volunteers, problem.requests
    km = edges.distance_m / 1000.0
    shared = requests.usable_slots()[edges.request] & volunteers.slots[edges.volunteer]
    return {
        "km": km,
        "share_of_radius": shares_of_radius(problem, edges, km),
        "shared_slots": np.bitwise_count(shared),
        "evening_only": (shared & DAYLIGHT_SLOTS) == 0,
    }


def shares_of_radius(problem: Problem, edges: Edges, km: FloatArray) -> FloatArray:
    """float64[e]: these kilometres as a share of the radius, at most 1."""
    share: FloatArray = np.minimum(km / (problem.volunteers.radius_m[edges.volunteer] / 1000.0).clip(1e-3), 1.0)
    return share


def request_columns(problem: Problem, context: OfferContext) -> dict[str, Any]:
    """[m] each, or one number for all: the features of the requests and of the moment."""
    requests = problem.requests
    columns: dict[str, Any] = {
        "skills_asked": np.bitwise_count(requests.skills),
        "urgency": requests.urgency,
        "waiting_days": requests.waiting_days,
        "school_holiday": context.school_holiday,
        **{name: float(value) for name, value in moment_columns(context.now_h).items()},
    }
    for name in ("hours_to_deadline", "minutes", "needs_car", "skill_yes_share"):
        columns |= _known(name, context)
    return columns


def volunteer_columns(problem: Problem, context: OfferContext) -> dict[str, Any]:
    """[n] each: the features of the volunteers."""
    volunteers = problem.volunteers
    return {
        "skills_held": np.bitwise_count(volunteers.skills),
        "days_since_offer": volunteers.days_since_offer,
        "answered_before": volunteers.offers,
        "accepted_before": volunteers.accepts,
        **_known("recent_offers", context),
    }


def _known(name: str, context: OfferContext) -> dict[str, FloatArray]:
    values = getattr(context, name)
    return {} if values is None else {name: values}


WISHES = np.array([COLUMN[feature.name] for feature in FEATURES if feature.role == "wish"])
WISH_SIGNS = tuple(feature.sign for feature in FEATURES if feature.role == "wish")


def wishes(X: FloatArray) -> FloatArray:  # scikit-learn's name
    """float64[k, W]: the columns that feed f(x), for the trees."""
    return X[:, WISHES]


# The columns of the logistic regression: a part that depends on the pair times a part that does not.
CURVES = (
    ("km", "one"), ("root_km", "one"), ("km_squared", "one"), ("share", "one"), ("slots", "one"), ("log_slots", "one"),
    ("evening", "one"), ("km_evening", "one"),
    ("one", "skills_asked"), ("one", "skills_held"), ("one", "yes_share"), ("one", "minutes"), ("one", "log_minutes"),
    ("one", "needs_car"), ("one", "urgency"), ("one", "log_left"), ("one", "log_waiting"), ("one", "clock_sin"),
    ("one", "clock_cos"), ("one", "clock_sin2"), ("one", "clock_cos2"), ("one", "weekend"), ("one", "holiday"),
    ("one", "recent_offers"), ("one", "minutes_weekend"), ("one", "urgency_yes_share"),
    ("km", "urgency"), ("km", "weekend"), ("km", "minutes"), ("km", "yes_share"),
)  # fmt: skip
# These belong to the volunteer; all other parts that do not depend on the pair belong to the request or the moment.
OF_VOLUNTEER = frozenset({"skills_held", "recent_offers"})


def curves(X: FloatArray) -> FloatArray:
    """float64[k, C]: the same facts bent and crossed, for the logistic regression, which draws straight lines only.

    Distance counts by its root and its square too, counts by their logarithm, the hour as a point on the clock; and
    distance and length of the help may weigh differently with urgency, weekend and each other. nan stays nan.
    """
    pair, side = pair_parts(X), side_parts(X)
    matrix = np.empty((len(X), len(CURVES)))
    for column, (of_pair, of_side) in enumerate(CURVES):
        np.multiply(pair[of_pair], side[of_side], out=matrix[:, column])
    return matrix


def pair_parts(X: FloatArray) -> dict[str, FloatArray]:
    """float64[k] each: what depends on the pair."""
    km, slots, evening = (X[:, COLUMN[name]] for name in ("km", "shared_slots", "evening_only"))
    return {
        "one": np.ones(len(X)),
        "km": km,
        "root_km": np.sqrt(km),
        "km_squared": km**2,
        "share": X[:, COLUMN["share_of_radius"]],
        "slots": slots,
        "log_slots": np.log1p(slots),
        "evening": evening,
        "km_evening": km * evening,
    }


def side_parts(X: FloatArray) -> dict[str, FloatArray]:
    """float64[k] each: what depends on the volunteer, the request or the moment only."""
    of = {name: X[:, index] for name, index in COLUMN.items()}
    clock = of["hour_of_day"] * (2.0 * np.pi / 24.0)
    return {
        "one": np.ones(len(X)),
        "skills_asked": of["skills_asked"],
        "skills_held": np.log1p(of["skills_held"]),
        "yes_share": of["skill_yes_share"],
        "minutes": of["minutes"],
        "log_minutes": np.log1p(of["minutes"]),
        "needs_car": of["needs_car"],
        "urgency": of["urgency"],
        "log_left": np.log1p(of["hours_to_deadline"].clip(0.0)),
        "log_waiting": np.log1p(of["waiting_days"]),
        "clock_sin": np.sin(clock),
        "clock_cos": np.cos(clock),
        "clock_sin2": np.sin(2.0 * clock),
        "clock_cos2": np.cos(2.0 * clock),
        "weekend": of["weekend"],
        "holiday": of["school_holiday"],
        "recent_offers": np.log1p(of["recent_offers"]),
        "minutes_weekend": of["minutes"] * of["weekend"],
        "urgency_yes_share": of["urgency"] * of["skill_yes_share"],
    }


def shared_slot_counts(problem: Problem, edges: Edges) -> npt.NDArray[np.uint8]:
    """uint8[e]: in how many of the asked slots the volunteer is free."""
    asked = problem.requests.usable_slots()
    shared: npt.NDArray[np.uint8] = np.bitwise_count(asked[edges.request] & problem.volunteers.slots[edges.volunteer])
    return shared
