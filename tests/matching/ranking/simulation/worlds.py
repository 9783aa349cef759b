"""Small made-up worlds for the tests of the simulation."""

from __future__ import annotations

from functools import lru_cache

from matching.ranking.simulation.truth import Truth, build_truth
from matching.ranking.simulation.world import Shape, World, build_world

SMALL = Shape(volunteers=250, per_week=50.0, weeks=3)


@lru_cache(maxsize=8)
def small_world(seed: int = 1, shape: Shape = SMALL) -> tuple[World, Truth]:
    """A few hundred volunteers over three weeks, and how its people behave."""
    world = build_world(shape, seed)
    return world, build_truth(world)
