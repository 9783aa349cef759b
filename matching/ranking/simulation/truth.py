"""How the made-up people behave. No policy and no rule may look in here; the loop (events.py) does.

Every number is an assumption. The base rate is set so that asking the nearest first, with the message cap, needs six
to eight messages for a filled request, as was seen in earlier trials; the shape is made unlike the model's own form on
purpose: distance counts more after dark and hardly within a few hundred metres, more shared slots help only with what
people like to do, those with work drop away in the holidays, urgency moves neighbours but not strangers.

All draws are made once per eligible pair and world. The same pair therefore gives the same answer under every policy
(common random numbers), as far as the policy has not tired the volunteer out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from matching.ranking.problem import VOG, FloatArray
from matching.ranking.simulation.world import (
    ENGLISH,
    RESPITE_SKILL,
    SKILLS,
    WEEK_H,
    Rng,
    World,
    school_holiday,
    streams,
)

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

# Log-odds of a yes within a message's reach.
BASE = -1.25
EFFECT_SD = 0.8
PER_KM_LIGHT, PER_KM_DARK, FREE_KM = 0.55, 0.9, 0.3
FAR_SHARE, FAR_LOSS = 0.8, 0.4  # close to the limit somebody set for themselves
LIKED_SD = 0.45  # skills differ in how much people like to do them
PER_SLOT_LIKED, PER_SLOT_DISLIKED = 0.35, 0.05
HOLIDAY_LOSS_WORKERS, HOLIDAY_LOSS_OTHERS = 0.6, 0.1
URGENT_NEAR_GAIN, URGENT_NEAR_KM = 0.5, 1.0
OWN_LANGUAGE_GAIN = 0.4
RESPITE_LOSS, RESPITE_VOG_WORKDAY_LOSS = 0.3, 0.3
BUSY_GAIN = -0.25  # people with three or more skills are in demand elsewhere too

DECLINES = 0.45  # of those who will not: the others stay silent
# How often people look at their messages, times per hour, by hour of the day.
LOOKING_WEEKDAY = (0.02,) * 7 + (0.25, 0.25) + (0.12,) * 3 + (0.3,) + (0.12,) * 4 + (0.45,) * 5 + (0.2, 0.05)
LOOKING_WEEKEND = (0.03,) * 8 + (0.2,) + (0.3,) * 8 + (0.38,) * 5 + (0.2, 0.08)
SPEED_SD = 0.5  # people differ in it
URGENT_PUSH = 2.5  # an urgent message comes as a text message, the others by mail
DECIDES_AT_ONCE, AT_ONCE_H, THINKS_H, THINKS_URGENT_H = 0.65, 0.05, 2.0, 0.5
DROPS_OUT, DROPS_OUT_AFTER_H = 0.03, 18.0
NO_SHOW = 0.02


@dataclass(frozen=True, slots=True)
class Fatigue:
    """What messages do to people.

    A message weighs 1, a task taken weighs `task` more, and both fade with `fades_h`; with load L attention is
    1 / (1 + per_message * L). Above a load of `quits_above` each message makes people stop for `quits_h`, with chance
    `quits` per unit above.
    """

    per_message: float = 0.0
    fades_h: float = 72.0
    quits: float = 0.0
    quits_above: float = 1.5
    quits_h: float = 504.0
    task: float = 2.0


FATIGUE = {"off": Fatigue(), "mild": Fatigue(0.2), "harsh": Fatigue(0.4, 96.0, 0.12)}


@dataclass(frozen=True, slots=True)
class Truth:
    """What would happen, per eligible pair of a world (`e` of them, in the world's order).

    p: float64[e], chance of a yes from somebody rested. yes_draw, quit_draw: float64[e] uniform. declines: bool[e],
    says no aloud. attention_h: float64[e], looks needed before the message is opened. speed: float64[e], looks per
    usual look. thinks_h: float64[e]. no_show: bool[e]. drops_out_h: float64[e], hours after the claim, inf = never.
    """

    p: FloatArray
    yes_draw: FloatArray
    quit_draw: FloatArray
    declines: Bools
    attention: FloatArray
    speed: FloatArray
    thinks_h: FloatArray
    no_show: Bools
    drops_out_h: FloatArray

    @property
    def keeps(self) -> Bools:
        """bool[e]: comes as agreed."""
        return ~self.no_show & np.isinf(self.drops_out_h)


def build_truth(world: World) -> Truth:
    """The behaviour of a world's people; fixed by the world's seed."""
    rng = streams(world.seed, "effects", "tastes", "answers", "moments", "keeping")
    size, people = len(world.edges), len(world.volunteers)
    urgent = world.urgent[world.edges.request]
    effect = rng["effects"].normal(0.0, EFFECT_SD, people)
    speed = rng["moments"].lognormal(0.0, SPEED_SD, people)[world.edges.volunteer] * np.where(urgent, URGENT_PUSH, 1.0)
    return Truth(
        p=expit(log_odds(world, rng["tastes"]) + effect[world.edges.volunteer]),
        yes_draw=rng["answers"].random(size),
        quit_draw=rng["answers"].random(size),
        declines=rng["answers"].random(size) < DECLINES,
        attention=rng["moments"].exponential(1.0, size),
        speed=speed,
        thinks_h=_thinking(urgent, rng["moments"]),
        no_show=rng["keeping"].random(size) < NO_SHOW,
        drops_out_h=np.where(
            rng["keeping"].random(size) < DROPS_OUT, rng["keeping"].exponential(DROPS_OUT_AFTER_H, size), np.inf
        ),
    )


def _thinking(urgent: Bools, rng: Rng) -> FloatArray:
    """float64[e] hours between opening a message and deciding."""
    longer = rng.exponential(1.0, len(urgent)) * np.where(urgent, THINKS_URGENT_H, THINKS_H)
    return np.where(rng.random(len(urgent)) < DECIDES_AT_ONCE, AT_ONCE_H, longer)


def log_odds(world: World, rng: Rng) -> FloatArray:
    """float64[e]: of a yes, without the volunteer's own effect."""
    v, r = world.edges.volunteer, world.edges.request
    workday = world.workday[v]
    respite = world.respite[r]
    own = (world.requests.languages[r] & world.volunteers.languages[v]) >> np.uint64(ENGLISH + 1)
    many_skills = np.bitwise_count(world.volunteers.skills[v]) >= 3
    vog = (world.volunteers.clearances[v] & VOG) != 0
    return np.asarray(
        BASE
        + _distance_part(world)
        + _skill_part(world, rng)
        - school_holiday(world.posted_h)[r] * np.where(workday, HOLIDAY_LOSS_WORKERS, HOLIDAY_LOSS_OTHERS)
        + OWN_LANGUAGE_GAIN * (own != 0)
        - respite * (RESPITE_LOSS + RESPITE_VOG_WORKDAY_LOSS * (workday & vog))
        + BUSY_GAIN * many_skills
    )


def _distance_part(world: World) -> FloatArray:
    """Distance counts more when all shared slots are in the evening or at night, and near one's own limit."""
    v, r = world.edges.volunteer, world.edges.request
    km = world.edges.distance_m / 1000.0
    light = 0b0011_0011_0011_0011_0011_0011_0011
    shared = world.requests.usable_slots()[r] & world.volunteers.slots[v]
    per_km = np.where((shared & np.uint32(light)) != 0, PER_KM_LIGHT, PER_KM_DARK)
    at_limit = world.edges.distance_m > FAR_SHARE * world.volunteers.radius_m[v]
    neighbourly = world.urgent[r] & (km < URGENT_NEAR_KM)
    return np.asarray(
        -per_km * np.maximum(km - FREE_KM, 0.0) - FAR_LOSS * at_limit + URGENT_NEAR_GAIN * neighbourly, np.float64
    )


def _skill_part(world: World, rng: Rng) -> FloatArray:
    """What people like to do they fit in wherever they can; what they do not like no free hour makes attractive."""
    liked = rng.normal(0.0, LIKED_SD, SKILLS)
    liked[RESPITE_SKILL] = 0.0
    skill = np.log2(world.requests.skills.astype(np.float64)).astype(np.int64)[world.edges.request]
    per_slot = np.where(liked > 0, PER_SLOT_LIKED, PER_SLOT_DISLIKED)[skill]
    return np.asarray(liked[skill] + per_slot * np.log(np.maximum(world.shared_slots, 1)), np.float64)


_LOOKING = np.array(LOOKING_WEEKDAY * 5 + LOOKING_WEEKEND * 2)
_LOOKED = np.concatenate(([0.0], np.cumsum(_LOOKING)))
LOOKS_PER_WEEK = float(_LOOKED[-1])


def looks_until(moment_h: npt.ArrayLike) -> FloatArray:
    """float64: how often a usual person has looked at their messages since hour 0."""
    weeks, hour = np.divmod(np.asarray(moment_h, np.float64), WEEK_H)
    return np.asarray(weeks * LOOKS_PER_WEEK + np.interp(hour, np.arange(len(_LOOKED)), _LOOKED), np.float64)


def moment_of(looks: npt.ArrayLike) -> FloatArray:
    """float64 hours: the other way round."""
    weeks, rest = np.divmod(np.asarray(looks, np.float64), LOOKS_PER_WEEK)
    return np.asarray(weeks * WEEK_H + np.interp(rest, _LOOKED, np.arange(len(_LOOKED))), np.float64)


def opened_h(truth: Truth, edges: Ints, sent_h: npt.ArrayLike) -> FloatArray:
    """float64[k] hours: when the messages to these pairs, sent then, are opened. Never earlier when sent later."""
    return moment_of(looks_until(sent_h) + truth.attention[edges] / truth.speed[edges])


def in_time(world: World, truth: Truth, edges: Ints, sent_h: FloatArray) -> FloatArray:
    """float64[k]: chance that who would say yes to a message sent then does so by the deadline of the request.

    Averaged over how long people think, in five equal parts of those who do not decide at once.
    """
    request = world.edges.request[edges]
    deadline, speed, before = world.deadline_h[request], truth.speed[edges], looks_until(sent_h)
    longer = np.where(world.urgent[request], THINKS_URGENT_H, THINKS_H)

    def opened_by(thinks_h: FloatArray | float) -> FloatArray:
        looks = looks_until(np.maximum(deadline - thinks_h, sent_h)) - before
        return np.asarray(-np.expm1(-looks * speed), np.float64)

    quantiles = -np.log1p(-np.arange(0.1, 1.0, 0.2))
    thinking = np.mean([opened_by(longer * quantile) for quantile in quantiles], axis=0)
    return np.asarray(DECIDES_AT_ONCE * opened_by(AT_ONCE_H) + (1.0 - DECIDES_AT_ONCE) * thinking, np.float64)


def chance_of_help(world: World, truth: Truth, edges: Ints, sent_h: FloatArray) -> FloatArray:
    """float64[k]: a rested volunteer says yes in time and comes as agreed."""
    return truth.p[edges] * in_time(world, truth, edges, sent_h) * (1.0 - NO_SHOW) * (1.0 - DROPS_OUT)
