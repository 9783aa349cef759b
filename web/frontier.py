"""The settings of the dials as points: to the right more proposals in total, higher more of them in the buurten that
get little help. Pure; the page draws what comes out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 320, 220
LEFT, RIGHT, TOP, BOTTOM = 40, 22, 26, 44  # free of points
MOST_TICKS = 5
LEAST_SPAN = 4  # of an axis: a difference of one must not look like a gulf
Pair = tuple[int, int]  # proposals in total, and those in buurten with little help


@dataclass(frozen=True, slots=True)
class Dot:
    """Settings that propose equally many: where they lie in pixels, how many they are, and which marks they carry."""

    x: int
    y: int
    settings: int
    is_now: bool
    is_chosen: bool
    is_lower: bool  # than the other one that carries a mark: its word goes below

    @property
    def anchor(self) -> str:
        """Which end of a word beside it stays on the drawing."""
        return "start" if self.x < WIDTH / 3 else "end" if self.x > WIDTH * 2 / 3 else "middle"


@dataclass(frozen=True, slots=True)
class Tick:
    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Frontier:
    """The picture. `path` runs along the settings that no other beats on both counts; empty for a single one."""

    dots: tuple[Dot, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    path: str
    grid: str
    width: int = WIDTH
    height: int = HEIGHT


def draw(pairs: Mapping[str, Pair], *, now: str, chosen: str) -> Frontier:
    """pairs: by key of a setting. now, chosen: keys; one that is not among them gets no mark."""
    xs, ys = (_scale({pair[axis] for pair in pairs.values()}) for axis in (0, 1))

    def place(pair: Pair) -> Pair:
        across = LEFT + (WIDTH - LEFT - RIGHT) * (pair[0] - xs[0]) / (xs[-1] - xs[0])
        up = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (pair[1] - ys[0]) / (ys[-1] - ys[0])
        return round(across), round(up)

    values = list(pairs.values())
    highest = max((pairs[key][1] for key in (now, chosen) if key in pairs), default=0)
    level = now in pairs and chosen in pairs and pairs[now][1] == pairs[chosen][1]
    dots = [
        Dot(
            *place(pair), values.count(pair), pairs.get(now) == pair, pairs.get(chosen) == pair,
            is_lower=pair[1] < highest or (level and pair == pairs[chosen] != pairs[now]),
        )
        for pair in sorted(set(values))
    ]  # fmt: skip
    best = [place(pair) for pair in _unbeaten(values)]
    return Frontier(
        dots=tuple(dots),
        across=tuple(Tick(place((x, ys[0]))[0], str(x)) for x in xs),
        up=tuple(Tick(place((xs[0], y))[1], str(y)) for y in ys),
        path="M" + "L".join(f"{x} {y}" for x, y in best) if len(best) > 1 else "",
        grid="".join(f"M{LEFT} {place((xs[0], y))[1]}H{WIDTH - RIGHT}" for y in ys),
    )


def _scale(found: Iterable[int]) -> Sequence[int]:
    """Round numbers around all that are found: at least two, at most MOST_TICKS."""
    low, high = min(found), max(found)
    missing = max(0, LEAST_SPAN - (high - low))
    low, high = max(0, low - missing // 2), max(0, low - missing // 2) + max(high - low, LEAST_SPAN)
    for step in (size * ten for ten in (1, 10, 100, 1000, 10_000) for size in (1, 2, 5)):
        first, last = low // step * step, -(-high // step) * step
        if (last - first) // step < MOST_TICKS:
            return range(first, last + 1, step)
    return (low, high + 1)


def _unbeaten(pairs: Iterable[Pair]) -> list[Pair]:
    """From left to right, those that no other equals on one count and beats on the other."""
    found: list[Pair] = []
    for pair in sorted(set(pairs), reverse=True):
        if not found or pair[1] > found[-1][1]:
            found.append(pair)
    found.reverse()
    return found
