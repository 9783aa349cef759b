"""Where people live: the buurten of Hilversum, or made-up towns of the same shape."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from matching.ranking.problem import FloatArray, IntArray

HILVERSUM = Path(__file__).parents[2] / "data" / "hilversum"
# On this small a patch a flat map is right within a metre: metres per degree at 52.2 degrees north.
METRES_PER_DEGREE = (68_360.0, 111_260.0)
HILVERSUM_RD = (140_500.0, 470_500.0)

TOWN_BUURTEN = 43
BUURT_STEP_M = 600.0
BUURT_WOBBLE_M = 120.0
TOWN_STEP_M = 11_000.0
SIZE_SD = 0.7
NEED_SD = 0.5
SUPPLY_POWER = -0.5


@dataclass(frozen=True, slots=True)
class Buurten:
    """`b` buurten: x, y float64[b], metres; demand, supply float64[b], shares of all requests and all volunteers."""

    x: FloatArray
    y: FloatArray
    demand: FloatArray
    supply: FloatArray

    def __len__(self) -> int:
        return len(self.x)


def build_buurten(count: int | None, rng: np.random.Generator) -> Buurten:
    """Buurten with lognormal sizes (sd 0.7) and need (sd 0.5); supply goes with need to the power -0.5.

    count: None for the 43 real points of Hilversum, whose sizes add up to the inhabitants of each wijk (of buurten no
    public figure comes with this software), otherwise this many made-up ones, in towns of 43.
    Raises ValueError when count is below 1.
    """
    if count is not None and count < 1:
        raise ValueError("A world needs at least one buurt.")
    if count is None:
        x, y, wijk, inhabitants = _hilversum()
        size = rng.lognormal(0.0, SIZE_SD, len(x))
        size *= inhabitants[wijk] / np.bincount(wijk, size)[wijk]
    else:
        x, y = _made_up(count, rng)
        size = rng.lognormal(0.0, SIZE_SD, count)
    need = rng.lognormal(0.0, NEED_SD, len(x))
    demand, supply = size * need, size * need**SUPPLY_POWER
    return Buurten(x, y, demand / demand.sum(), supply / supply.sum())


def _hilversum() -> tuple[FloatArray, FloatArray, IntArray, FloatArray]:
    """x, y float64[43] metres; the wijk of each int32[43]; inhabitants per wijk float64[9]."""
    rows = [row for row in _rows("gebieden.csv") if row["niveau"] == "buurt"]
    people = {row["code"]: float(row["population"]) for row in _rows("kerncijfers_wijken_2022.csv")}
    degrees = np.array([[float(row["lon"]), float(row["lat"])] for row in rows])
    metres = (degrees - degrees.mean(0)) * METRES_PER_DEGREE + HILVERSUM_RD
    codes = sorted({row["bovenliggend"] for row in rows})
    wijk = np.array([codes.index(row["bovenliggend"]) for row in rows], np.int32)
    return metres[:, 0], metres[:, 1], wijk, np.array([people[code] for code in codes])


def _rows(name: str) -> list[dict[str, str]]:
    with (HILVERSUM / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _made_up(count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Towns on a wide grid, each a wobbly grid of buurten."""
    buurt = np.arange(count)
    town, place = np.divmod(buurt, TOWN_BUURTEN)
    towns_in_a_row = int(np.ceil(np.sqrt(town[-1] + 1)))
    wobble = rng.normal(0.0, BUURT_WOBBLE_M, (count, 2))
    x = (town % towns_in_a_row) * TOWN_STEP_M + (place % 7) * BUURT_STEP_M + wobble[:, 0]
    y = (town // towns_in_a_row) * TOWN_STEP_M + (place // 7) * BUURT_STEP_M + wobble[:, 1]
    return x, y
