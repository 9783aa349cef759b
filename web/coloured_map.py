"""The map of the gemeente with some buurten coloured: what a volunteer reaches, or where neighbours ask for help."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache

from web.maps import GemeenteMap, Label

HALF_A_LETTER = 9  # from the middle of a number to its foot, in pixels of the drawing


@dataclass(frozen=True, slots=True)
class ColouredMap:
    """One path for each colour, empty where nothing has it, and a number on each buurt that has one."""

    width: int
    height: int
    here: str
    coloured: str
    town: str
    countryside: str
    numbers: tuple[Label, ...]


def colour(
    drawn: GemeenteMap, here: str | None, codes: Collection[str], numbers: Mapping[str, int] | None = None
) -> ColouredMap:
    """The map with the buurten `codes` coloured and the buurt `here` as the place where one is."""
    paths: dict[str, list[str]] = {"here": [], "coloured": [], "town": [], "countryside": []}
    for code, buurt in drawn.buurten.items():
        quiet = "countryside" if buurt.is_countryside else "town"
        paths["here" if code == here else "coloured" if code in codes else quiet].append(buurt.path)
    counted = ((drawn.buurten[code].path, count) for code, count in (numbers or {}).items() if code in drawn.buurten)
    return ColouredMap(
        drawn.width,
        drawn.height,
        **{kind: "".join(parts) for kind, parts in paths.items()},
        numbers=tuple(Label(*middle(path), str(count)) for path, count in counted),
    )


@lru_cache(2048)
def middle(path: str) -> tuple[int, int]:
    """The middle of a drawn shape, for a number on it: halfway across and down."""
    corners = [(int(x), int(y)) for x, y in re.findall(r"(-?\d+) (-?\d+)", path)]
    across, down = zip(*corners, strict=True)
    return (min(across) + max(across)) // 2, (min(down) + max(down)) // 2 + HALF_A_LETTER
