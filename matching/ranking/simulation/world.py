"""Who lives there, what they ask and when: everything a policy may know.

One seed fixes a world. Each kind of draw has its own stream of random numbers, so a change in one does not move the
others. All numbers are assumptions, chosen to be believable for a Dutch town of 90,000 inhabitants.

Time: float64 hours since the Monday 00:00, local time, on which the simulation starts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from matching.ranking.eligibility import eligible_pairs
from matching.ranking.features import shared_slot_counts
from matching.ranking.problem import (
    VOG,
    ClearanceArray,
    Edges,
    FloatArray,
    IntArray,
    MaskArray,
    Problem,
    Requests,
    SlotArray,
    Volunteers,
)
from matching.ranking.simulation.places import TOWN_BUURTEN, Buurten, build_buurten

Bools = npt.NDArray[np.bool_]
Rng = np.random.Generator

WEEK_H = 168.0
DAY_H = 24.0
HOME_SD_M = 250.0
ROUNDED_M = 100.0  # points are rounded before the matcher sees them
SKILLS = 16
RESPITE_SKILL = 15
RESPITE_SHARE = 0.06
SKILL_SPREAD = 3.0  # of the Dirichlet draw of demand and of supply; lower is more unequal
SKILL_DRAWS = 3  # a volunteer offers one to three
RADIUS_M, RADIUS_SD, RADIUS_LEAST_M, RADIUS_MOST_M = 1300.0, 0.4, 500.0, 3000.0
CAPACITY_SHARES = (0.55, 0.30, 0.15)
VOG_HELD = 0.45
VOG_REQUIRED = 0.25

# Language 0 is Dutch, which everybody here can manage; 1 is English; 2 to 5 are others.
DUTCH, ENGLISH, OTHER_LANGUAGES = 0, 1, (2, 3, 4, 5)
NEEDS_LANGUAGE = 0.10
ENGLISH_WILL_DO = 0.60  # of askers who need another language
ENGLISH_HELD = 0.35
OTHER_HELD = (0.050, 0.035, 0.025, 0.015)
OTHER_NEEDED = (0.40, 0.30, 0.20, 0.10)

# Chances per slot (morning, afternoon, evening, night), on weekdays and in the weekend.
OFFICE = ((0.34, 0.32, 0.04, 0.002), (0.03, 0.03, 0.02, 0.002))
WORKERS = ((0.02, 0.03, 0.30, 0.01), (0.38, 0.38, 0.22, 0.01))
AT_HOME = ((0.55, 0.55, 0.20, 0.01), (0.20, 0.20, 0.15, 0.01))
AT_HOME_SHARE = 0.30
RESPITE_SLOTS = ((0.12, 0.20, 0.25, 0.03), (0.30, 0.30, 0.20, 0.03))

# Deadlines in hours, weights and shares of urgent, soon and whenever.
DEADLINES_H = (24.0, 72.0, 168.0)
URGENCIES = (4.0, 2.0, 1.0)
URGENCY_SHARES = (0.15, 0.35, 0.50)

# How often people post, relative: by hour of a weekday and of a weekend day.
POSTING_WEEKDAY = (0.02,) * 7 + (0.3, 0.8) + (1.0,) * 8 + (0.5, 0.4, 0.4, 0.4, 0.3, 0.1, 0.02)
POSTING_WEEKEND = (0.02,) * 7 + (0.1, 0.2) + (0.35,) * 10 + (0.25, 0.25, 0.2, 0.1, 0.02)
SEASON_SWING = 0.15  # more is asked in winter
FIRST_WEEK_OF_YEAR = 36  # simulations start in September
HOLIDAY_WEEKS = (1, 8, 18, 27, 28, 29, 30, 31, 32, 33, 43, 52)  # of the year; everybody's calendar shows them


# About one pair in seventy of a town may meet: this many need some gigabytes.
MOST_PAIRS_PER_BUURT = 1e8


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a world is. buurten None: the real ones of Hilversum. per_week: requests, on average."""

    volunteers: int
    per_week: float
    weeks: int = 26
    buurten: int | None = None

    def __post_init__(self) -> None:
        if self.volunteers < 1:
            raise ValueError("A world without volunteers has nothing to simulate: give at least 1.")
        if not 0 < self.per_week <= 1_000_000:
            raise ValueError("The number of requests a week must be more than 0 and at most 1,000,000.")
        if not 1 <= self.weeks <= 520:
            raise ValueError("The number of weeks must lie between 1 and 520.")
        if self.buurten is not None and self.buurten < 1:
            raise ValueError("A world needs at least one buurt.")
        pairs = self.volunteers * self.per_week * self.weeks / (self.buurten or TOWN_BUURTEN)
        if pairs > MOST_PAIRS_PER_BUURT:
            raise ValueError("This world has too many pairs of volunteers and requests to keep: make it smaller.")


REGIMES = {"thin": Shape(1500, 150.0), "dense": Shape(4000, 150.0), "scarce": Shape(1000, 300.0)}
NATIONAL_VOLUNTEERS, NATIONAL_REQUESTS, NATIONAL_BUURTEN = 400_000, 150_000, 14_000


@dataclass(frozen=True, slots=True)
class World:
    """What is public. Requests are in order of posting.

    posted_h, deadline_h: float64[m], hours. edges: every eligible pair, sorted by request; start: int64[m + 1], the
    edges of request r are start[r] to start[r + 1]. shared_slots: uint8[e]. respite, needs_language: bool[m].
    workday: bool[n], free in evenings and weekends only (not told to policies other than through their slots).
    """

    seed: int
    weeks: int
    problem: Problem
    posted_h: FloatArray
    deadline_h: FloatArray
    respite: Bools
    needs_language: Bools
    workday: Bools
    edges: Edges
    start: npt.NDArray[np.int64]
    shared_slots: npt.NDArray[np.uint8]

    @property
    def volunteers(self) -> Volunteers:
        return self.problem.volunteers

    @property
    def requests(self) -> Requests:
        return self.problem.requests

    @property
    def urgent(self) -> Bools:
        """bool[m]: the ones that have a day only."""
        return (self.deadline_h - self.posted_h) <= DEADLINES_H[0] + 1e-9


def streams(seed: int, *purposes: str) -> dict[str, Rng]:
    """One generator per purpose; the same seed and purpose give the same numbers whatever else is drawn."""
    return {purpose: np.random.default_rng(np.random.SeedSequence([seed, *purpose.encode()])) for purpose in purposes}


def build_world(shape: Shape, seed: int) -> World:
    """A town over some weeks, with all its eligible pairs."""
    rng = streams(seed, "places", "skills", "volunteers", "requests", "times")
    buurten = build_buurten(shape.buurten, rng["places"])
    demand, supply = skill_shares(rng["skills"])
    volunteers, workday = build_volunteers(shape.volunteers, buurten, supply, rng["volunteers"])
    posted = posting_times(shape.per_week, shape.weeks, rng["times"])
    requests, deadline, respite = build_requests(len(posted), buurten, demand, rng["requests"])
    problem = Problem(volunteers, requests, len(buurten))
    edges = eligible_pairs(problem)
    return World(
        seed=seed,
        weeks=shape.weeks,
        problem=problem,
        posted_h=posted,
        deadline_h=posted + deadline,
        respite=respite,
        needs_language=requests.languages != 0,
        workday=workday,
        edges=edges,
        start=np.searchsorted(edges.request, np.arange(len(requests) + 1)),
        shared_slots=shared_slot_counts(problem, edges),
    )


def build_snapshot(volunteers: int, requests: int, buurten: int | None, seed: int) -> Problem:
    """Everything that is open at one moment, for the static benchmarks: volunteers with some history, no edges yet."""
    if volunteers < 1 or requests < 1:
        raise ValueError("Nothing can be settled without volunteers or without requests: give at least 1 of each.")
    if buurten is not None and buurten < 1:
        raise ValueError("A world needs at least one buurt.")
    if volunteers * requests / (buurten or TOWN_BUURTEN) > MOST_PAIRS_PER_BUURT:
        raise ValueError("This world has too many pairs of volunteers and requests to keep: make it smaller.")
    rng = streams(seed, "places", "skills", "volunteers", "requests", "past")
    places = build_buurten(buurten, rng["places"])
    demand, supply = skill_shares(rng["skills"])
    people, _ = build_volunteers(volunteers, places, supply, rng["volunteers"])
    asked, _, _ = build_requests(requests, places, demand, rng["requests"])
    waiting = np.round(rng["past"].exponential(4.0, requests), 1)
    return Problem(_with_past(people, rng["past"]), replace(asked, waiting_days=waiting), len(places))


def _with_past(people: Volunteers, rng: Rng) -> Volunteers:
    """Three answered offers on average, a third accepted, the last one two weeks ago on average."""
    n = len(people)
    offers = rng.poisson(3.0, n)
    accepts = rng.binomial(offers, 0.35)
    days = np.where(offers > 0, np.round(rng.exponential(14.0, n), 1), np.nan)
    return replace(people, offers=offers.astype(float), accepts=accepts.astype(float), days_since_offer=days)


def skill_shares(rng: Rng) -> tuple[FloatArray, FloatArray]:
    """float64[16] twice: shares of the demand and of the supply, drawn apart; the last skill is respite."""
    demand = rng.dirichlet(np.full(SKILLS - 1, SKILL_SPREAD))
    supply = rng.dirichlet(np.full(SKILLS - 1, SKILL_SPREAD))
    return (
        np.append(demand * (1.0 - RESPITE_SHARE), RESPITE_SHARE),
        np.append(supply * (1.0 - RESPITE_SHARE), RESPITE_SHARE),
    )


def build_volunteers(n: int, buurten: Buurten, supply: FloatArray, rng: Rng) -> tuple[Volunteers, Bools]:
    """Volunteers without a past, and bool[n]: those with work, free in evenings and weekends."""
    buurt, x, y = _homes(n, buurten, buurten.supply, rng)
    workday = rng.random(n) >= AT_HOME_SHARE
    slots = np.where(workday, _slots(n, WORKERS, rng), _slots(n, AT_HOME, rng)).astype(np.uint32)
    skills = np.zeros(n, np.uint64)
    for _ in range(SKILL_DRAWS):
        skills |= _bits(rng.choice(SKILLS, n, p=supply))
    never = np.full(n, np.nan)
    volunteers = Volunteers(
        ids=range_ids("v", n),
        buurt=buurt,
        x=x,
        y=y,
        radius_m=np.round(rng.lognormal(np.log(RADIUS_M), RADIUS_SD, n).clip(RADIUS_LEAST_M, RADIUS_MOST_M)),
        capacity=rng.choice([1, 2, 3], n, p=CAPACITY_SHARES).astype(np.int32),
        skills=skills,
        slots=slots,
        languages=_languages_held(n, rng),
        clearances=_clearances(n, VOG_HELD, rng),
        offers=np.zeros(n),
        accepts=np.zeros(n),
        days_since_offer=never,
    )
    return volunteers, workday


def build_requests(m: int, buurten: Buurten, demand: FloatArray, rng: Rng) -> tuple[Requests, FloatArray, Bools]:
    """Requests, float64[m] hours they may take, and bool[m] the respite ones (these always need a VOG)."""
    buurt, x, y = _homes(m, buurten, buurten.demand, rng)
    skill = rng.choice(SKILLS, m, p=demand)
    respite = skill == RESPITE_SKILL
    slots = np.where(respite, _slots(m, RESPITE_SLOTS, rng), _slots(m, OFFICE, rng)).astype(np.uint32)
    kind = rng.choice(3, m, p=URGENCY_SHARES)
    # Respite takes part of the 25 per cent, so the others ask for a VOG a little less often.
    clearances = _clearances(m, (VOG_REQUIRED - RESPITE_SHARE) / (1.0 - RESPITE_SHARE), rng)
    requests = Requests(
        ids=range_ids("r", m),
        buurt=buurt,
        x=x,
        y=y,
        skills=_bits(skill),
        slots=slots,
        languages=_languages_needed(m, rng),
        clearances=np.where(respite, VOG, clearances).astype(np.uint8),
        urgency=np.array(URGENCIES)[kind],
        waiting_days=np.zeros(m),
        day=np.full(m, -1, np.int32),
    )
    return requests, np.array(DEADLINES_H)[kind], respite


def posting_times(per_week: float, weeks: int, rng: Rng) -> FloatArray:
    """float64[m], hours, ascending: a Poisson stream, mostly in office hours, more in winter."""
    week = np.arange(weeks)
    mean = per_week * (1.0 + SEASON_SWING * np.cos(2.0 * np.pi * (week + FIRST_WEEK_OF_YEAR - 2) / 52.0))
    counts = rng.poisson(mean)
    if counts.sum() == 0:
        counts[0] = 1
    weights = np.array(POSTING_WEEKDAY * 5 + POSTING_WEEKEND * 2)
    hour = rng.choice(len(weights), counts.sum(), p=weights / weights.sum())
    posted: FloatArray = np.repeat(week, counts) * WEEK_H + hour + rng.random(counts.sum())
    return np.sort(posted)


def school_holiday(moment_h: FloatArray) -> FloatArray:
    """float64, same shape: 1 in a week of school holidays, else 0."""
    week = (np.floor_divide(moment_h, WEEK_H).astype(np.int64) + FIRST_WEEK_OF_YEAR - 1) % 52 + 1
    return np.isin(week, HOLIDAY_WEEKS).astype(np.float64)


def range_ids(letter: str, count: int) -> list[str]:
    return [f"{letter}{index}" for index in range(count)]


def _homes(count: int, buurten: Buurten, shares: FloatArray, rng: Rng) -> tuple[IntArray, FloatArray, FloatArray]:
    buurt = rng.choice(len(buurten), count, p=shares).astype(np.int32)
    away = rng.normal(0.0, HOME_SD_M, (2, count))
    x = np.round((buurten.x[buurt] + away[0]) / ROUNDED_M) * ROUNDED_M
    y = np.round((buurten.y[buurt] + away[1]) / ROUNDED_M) * ROUNDED_M
    return buurt, x, y


def _slots(count: int, chances: tuple[tuple[float, ...], tuple[float, ...]], rng: Rng) -> SlotArray:
    """uint32[count] masks of the 28 slots; whoever drew none gets one of the likely ones."""
    weights = np.array(chances[0] * 5 + chances[1] * 2)
    mask = np.zeros(count, np.uint32)
    for slot, chance in enumerate(weights):
        mask |= (rng.random(count) < chance).astype(np.uint32) << np.uint32(slot)
    spare = np.left_shift(np.uint32(1), rng.choice(28, count, p=weights / weights.sum()).astype(np.uint32))
    return np.where(mask == 0, spare, mask).astype(np.uint32)


def _languages_held(n: int, rng: Rng) -> MaskArray:
    mask = np.full(n, 1 << DUTCH, np.uint64)
    for language, share in zip((ENGLISH, *OTHER_LANGUAGES), (ENGLISH_HELD, *OTHER_HELD), strict=True):
        mask |= (rng.random(n) < share).astype(np.uint64) << np.uint64(language)
    return mask


def _languages_needed(m: int, rng: Rng) -> MaskArray:
    """uint64[m]: 0 for nine in ten; otherwise the own language, and English where that will do."""
    own = _bits(rng.choice(OTHER_LANGUAGES, m, p=OTHER_NEEDED))
    english = (rng.random(m) < ENGLISH_WILL_DO).astype(np.uint64) << np.uint64(ENGLISH)
    return np.where(rng.random(m) < NEEDS_LANGUAGE, own | english, np.uint64(0)).astype(np.uint64)


def _clearances(count: int, share: float, rng: Rng) -> ClearanceArray:
    return np.where(rng.random(count) < share, VOG, 0).astype(np.uint8)


def _bits(position: npt.NDArray[np.integer]) -> MaskArray:
    mask: MaskArray = np.left_shift(np.uint64(1), position.astype(np.uint64))
    return mask
