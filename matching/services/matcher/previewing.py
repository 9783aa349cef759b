"""What each setting of the dials would make of today's requests: calculated ahead, because no page runs the matcher.

For every gemeente all settings are tried on the same town in which the other gemeenten stay as they are, so a cell
holds what a real run with that setting would propose. Only counts are kept, of nobody in particular: numbers of people
to the nearest five, and nothing about fewer than five.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlmodel import Session

from matching.models import MatcherPreview
from matching.ranking.acceptance import AcceptanceRule
from matching.ranking.problem import Matching
from matching.services import dials
from matching.services.dials import STEPS, Cell, Dials, Figures, Parity, cell_key
from matching.services.matcher.bits import LANGUAGE_BITS
from matching.services.matcher.rule_in_use import rule_in_use, told_of_now
from matching.services.matcher.solving import solver
from matching.services.matcher.town import Town, read_town

FEWEST = 5  # people or requests; about fewer nothing is said
ROUNDED_TO = 5
NOTHING: Figures = {"requests": None, "in_use": "", "weights": {}, "low_requests": None, "cells": {}}
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def calculate(session: Session, *, now: datetime, home: Path | None = None) -> dict[str, Figures]:
    """By code of the gemeente, what each setting would propose now. Writes nothing."""
    town = read_town(session, now=now, place_code=None)
    rule, _version = rule_in_use(session, home)
    rule = told_of_now(session, rule, town, now=now)
    settings = dials.read(session)
    return {code: _figures(town, settings, rule, code) for code in sorted(set(town.gemeente_of.values()))}


def keep(session: Session, made: Mapping[str, Figures], *, now: datetime) -> None:
    """Store previews in place of the earlier ones."""
    for code, figures in made.items():
        session.merge(MatcherPreview(gemeente_code=code, at=now, figures=dict(figures)))
    session.flush()


def _figures(town: Town, settings: Mapping[str, Dials], rule: AcceptanceRule, gemeente_code: str) -> Figures:
    gemeente = _Gemeente.of(town, gemeente_code)
    if gemeente.requests.sum() < FEWEST:
        return NOTHING
    now = settings[gemeente_code]
    outcomes = {
        key: gemeente.outcome(solver(town, {**settings, gemeente_code: tried}, rule)(town.problem))
        for key, tried in _tried(now)
    }
    base, best = outcomes[now.cell_key], outcomes[cell_key(STEPS[0].key, STEPS[0].key, False)]
    low = gemeente.low(base)
    low_requests = int((gemeente.requests & low).sum())
    enough_low = low_requests >= FEWEST
    return {
        "requests": int(gemeente.requests.sum()),
        "in_use": now.cell_key,
        "weights": now.area_weights,
        "low_requests": low_requests if enough_low else None,
        "cells": {
            key: gemeente.cell(found, base=base, best=best, low=low if enough_low else None)
            for key, found in outcomes.items()
        },
    }


def _tried(now: Dials) -> Iterator[tuple[str, Dials]]:
    """All settings with their keys; with the weights of the wijken too, where there are any."""
    for weighted in (False, True) if now.area_weights else (False,):
        for first in STEPS:
            for second in STEPS:
                tried = replace(now, equity=first.equity, balance=second.balance, uses_area_weights=weighted)
                yield cell_key(first.key, second.key, weighted), tried


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A matching, as far as it is about one gemeente. filled, eligible: bool[m]. load: int64[n], per volunteer."""

    filled: Bools
    eligible: Bools
    load: Ints
    value: float


@dataclass(frozen=True, slots=True)
class _Gemeente:
    """One gemeente within the town. requests: bool[m], its own. buurt: int32[m]. wijk: int64[m], index in wijken.
    people: bool[n], who live there. room: int32[n]. needs_language: bool[m], a language, and not Dutch."""

    requests: Bools
    buurt: npt.NDArray[np.int32]
    wijk: Ints
    wijken: tuple[str, ...]
    people: Bools
    room: npt.NDArray[np.int32]
    needs_language: Bools
    urgency: npt.NDArray[np.float64]

    @classmethod
    def of(cls, town: Town, code: str) -> "_Gemeente":
        asked, people = town.problem.requests, town.problem.volunteers
        own = np.array([town.gemeente_of[buurt] == code for buurt in town.buurten], bool)
        names = [f"WK{buurt[2:8]}" for buurt in town.buurten]
        wijken, wijk_of_buurt = np.unique(names, return_inverse=True)
        dutch = np.uint64(LANGUAGE_BITS["nl"])
        return cls(
            requests=own[asked.buurt],
            buurt=asked.buurt,
            wijk=wijk_of_buurt[asked.buurt],
            wijken=tuple(wijken.tolist()),
            people=own[people.buurt],
            room=people.capacity,
            needs_language=(asked.languages != 0) & (asked.languages & dutch == 0),
            urgency=asked.urgency,
        )

    def outcome(self, found: Matching) -> _Outcome:
        chosen = found.proposals
        filled = np.zeros(len(self.requests), bool)
        filled[chosen.request] = True
        eligible = filled.copy()
        eligible[[one.request for one in found.unmatched if one.reason == "all_busy"]] = True
        own = self.requests[chosen.request]
        return _Outcome(
            filled=filled & self.requests,
            eligible=eligible & self.requests,
            load=np.bincount(chosen.volunteer, minlength=len(self.room)),
            value=float((self.urgency[chosen.request] * chosen.p)[own].sum()),
        )

    def fill(self, found: _Outcome) -> tuple[Ints, npt.NDArray[np.float64]]:
        """int64[b] requests per buurt, float64[b] the share of them that is filled, nan without any."""
        asked = np.bincount(self.buurt[self.requests])
        with np.errstate(invalid="ignore"):
            return asked, np.bincount(self.buurt[found.filled], minlength=len(asked)) / asked

    def low(self, base: _Outcome) -> Bools:
        """bool[m]: requests in buurten of which a smaller part is filled than of all together."""
        _asked, share = self.fill(base)
        here = np.zeros(len(self.requests), bool)
        here[self.requests] = share[self.buurt[self.requests]] < base.filled.sum() / self.requests.sum()
        return here

    def cell(self, found: _Outcome, *, base: _Outcome, best: _Outcome, low: Bools | None) -> Cell:
        asked, share = self.fill(found)
        here, large = asked > 0, asked >= FEWEST
        offered = self.people & (self.room >= 2)
        load = found.load[self.people]
        several = [int((load == k).sum()) for k in range(3)] + [int((load >= 3).sum())]
        return {
            "filled": int(found.filled.sum()),
            "share": _part(found.filled.sum(), self.requests.sum()),
            "p10": round(float(np.percentile(share[here], 10)), 3) if here.sum() >= FEWEST else None,
            "worst": round(float(share[large].min()), 3) if large.any() else None,
            "load": [_rounded(count) for count in several],
            "several": _rounded(several[2] + several[3]),
            "heaviest": float((found.load / self.room.clip(1))[offered].max()) if offered.sum() >= FEWEST else None,
            "lost": round(max(0.0, 100 * (1 - found.value / best.value)), 1) if best.value else 0.0,
            "low": None if low is None else int((found.filled & low).sum()),
            "parity": self.parity(found),
            "wijken": self.changes(found, base),
        }

    def parity(self, found: _Outcome) -> Parity | None:
        """None where either group is small: the one would tell the other."""
        wish, others = found.eligible & self.needs_language, found.eligible & ~self.needs_language
        if min(wish.sum(), others.sum()) < FEWEST:
            return None
        first = (found.filled & wish).sum() / wish.sum()
        second = (found.filled & others).sum() / others.sum()
        return {
            "asked": ROUNDED_TO * round(int(wish.sum()) / ROUNDED_TO),
            "share": _in_twentieths(first),
            "others_asked": ROUNDED_TO * round(int(others.sum()) / ROUNDED_TO),
            "others_share": _in_twentieths(second),
            "relative": _in_twentieths(first / second) if second else None,
        }

    def changes(self, found: _Outcome, base: _Outcome) -> dict[str, int] | None:
        """By code of a wijk with enough requests: about how many more are filled than now; those that change. None
        where the total would give one of them away."""
        count = len(self.wijken)
        more = np.bincount(self.wijk[found.filled], minlength=count) - np.bincount(
            self.wijk[base.filled], minlength=count
        )
        enough = np.bincount(self.wijk[self.requests], minlength=count) >= FEWEST
        changed: Any = np.flatnonzero(enough & (more != 0))
        rough = {self.wijken[n]: _roughly(int(more[n])) for n in changed}
        total = int(found.filled.sum()) - int(base.filled.sum())
        return None if gives_away(list(rough.values()), total) else rough


def gives_away(rough: Sequence[int], total: int) -> bool:
    """Whether whoever knows the total can work out one of these rough numbers exactly."""
    lows, highs = zip(*(_could_be(number) for number in rough), strict=True) if rough else ((), ())
    return any(
        max(low, total - sum(highs) + high) >= min(high, total - sum(lows) + low)
        for low, high in zip(lows, highs, strict=True)
    )


def _could_be(rough: int) -> tuple[int, int]:
    """The smallest and the largest number that `_roughly` makes this of."""
    size = abs(rough)
    low, high = (1, FEWEST - 1) if size < FEWEST else (max(FEWEST, size - ROUNDED_TO // 2), size + ROUNDED_TO // 2)
    return (low, high) if rough > 0 else (-high, -low)


def _part(some: Any, all_of_them: Any) -> float:
    return round(float(some / all_of_them), 3)


def _in_twentieths(share: float) -> float:
    return round(round(20 * float(share)) / 20, 2)


def _rounded(count: int) -> int | None:
    """To the nearest five; None below five. Rounding keeps what is left out from being worked out from the total."""
    return None if count < FEWEST else ROUNDED_TO * round(count / ROUNDED_TO)


def _roughly(more: int) -> int:
    """To the nearest five; 1 or -1 for anything smaller than five."""
    size = 1 if abs(more) < FEWEST else ROUNDED_TO * round(abs(more) / ROUNDED_TO)
    return size if more > 0 else -size
