"""What would help the requests that nobody takes: per request the smallest change, per gemeente whom to look for.

Both are kept in names, because the bits of the matcher hold for one run only. Places are wijken: a newcomer lives at
the point of the wijk and would go to all of it.
"""

from collections import defaultdict
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlmodel import Session, col, select

from matching.models import Buurt, Recruitment, Wijk
from matching.ranking.changes import Change, left_over, smallest_changes
from matching.ranking.newcomers import Places, Profile
from matching.ranking.problem import INTRODUCED, TRAINED, VOG, Matching, Problem
from matching.ranking.reasons import bits
from matching.ranking.recruitment import Row, for_requests, recruitment_list
from matching.services.matcher.bits import CAR, FIRST_GEMEENTE, LANGUAGE_CODES, NAMES, skill_name
from matching.services.matcher.town import Town

Solve = Callable[[Problem], Matching]
FIXED_SKILLS = (1 << 64) - (1 << CAR)  # a car, and the gemeente where somebody helps
NEAREST_M = 2_000.0  # everybody goes as far as this, and farther where the wijk is larger
CLEARANCES = {VOG: "vog", INTRODUCED: "introduction", TRAINED: "training"}


def changes(town: Town, found: Matching) -> dict[int, dict[str, Any]]:
    """By the index of a request without a proposal: its smallest change.

    key, near (how many volunteers would fit then) and, by key: slot (a name), day (ISO), skills, metres, or what
    somebody new brings (skills, clearances, language, slots). A request that no single change would help is left out.
    """
    unmatched = np.array([item.request for item in found.unmatched], np.int64)
    rest = left_over(town.problem, found)
    small = smallest_changes(rest, unmatched, fixed_skills=FIXED_SKILLS)
    return {change.request: _kept_change(rest, change) for change in small if change is not None}


def _kept_change(rest: Problem, change: Change) -> dict[str, Any]:
    kept: dict[str, Any] = {"key": change.key, "near": len(change.volunteers)}
    if change.key == "other_slot":
        kept["slot"] = NAMES["slot"](change.value)
    elif change.key == "later_day":
        day = date.fromordinal(int(rest.requests.day[change.request])) + timedelta(days=change.value)
        kept["day"] = day.isoformat()
    elif change.key == "skill":
        kept["skills"] = _skills(change.value)
    elif change.key == "farther":
        kept["metres"] = change.value
    return kept | (_kept_profile(change.profile) if change.profile else {})


def _kept_profile(profile: Profile) -> dict[str, Any]:
    return {
        "skills": _skills(profile.skills),
        "clearances": [name for mask, name in CLEARANCES.items() if profile.clearances & mask],
        "language": LANGUAGE_CODES[profile.language] if profile.language >= 0 else None,
        "slots": profile.slots,
    }


def _skills(mask: int) -> list[str]:
    """Categories and "car"; that somebody helps in this gemeente goes without saying."""
    return [skill_name(bit) for bit in bits(mask) if bit < FIRST_GEMEENTE]


def keep(
    session: Session, town: Town, found: Matching, solve: Solve, *, now: datetime, place_code: str | None = None
) -> None:
    """Store for each gemeente of this run whom to look for, in place of what was stored before.

    solve: matches a town as this run did. A run for one wijk or buurt knows too little of its gemeente and stores
    nothing.
    """
    if place_code is not None and not place_code.startswith("GM"):
        return
    codes = sorted({code for code in town.gemeente_of.values() if place_code in (None, code)})
    waiting = _by_gemeente(town, np.array([item.request for item in found.unmatched], np.int64))
    for code in codes:
        rows = _rows_of(session, town, found, solve, code) if code in waiting else []
        session.merge(Recruitment(gemeente_code=code, at=now, rows=rows))
    session.flush()


def _by_gemeente(town: Town, requests: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, list[int]]:
    """The indices of these requests, by the gemeente of their buurt."""
    gemeenten = list(town.gemeente_of.values())  # in the order of the buurten
    found: dict[str, list[int]] = defaultdict(list)
    for request in requests.tolist():
        found[gemeenten[town.problem.requests.buurt[request]]].append(request)
    return found


def _rows_of(session: Session, town: Town, found: Matching, solve: Solve, code: str) -> list[dict[str, Any]]:
    """The rows of one gemeente; whatever was proposed elsewhere stays as it is."""
    everything = np.arange(len(town.problem.requests))
    own = np.array(_by_gemeente(town, everything)[code], np.int64)
    problem = town.problem
    if len(own) < len(everything):
        problem = for_requests(problem, found, own)
        found = solve(problem)
    wijken, places, home = _places(session, town, code)
    rows = recruitment_list(problem, found, places, home, solve)
    return [_kept_row(town, own, wijken, row) for row in rows]


def _places(session: Session, town: Town, code: str) -> tuple[list[str], Places, np.ndarray[Any, np.dtype[np.int32]]]:
    """The codes of the wijken, their points and reach, and per volunteer the wijk where they live, or -1."""
    first_buurt: dict[str, int] = {}
    for buurt, number in town.buurten.items():
        first_buurt.setdefault(_wijk_of(buurt), number)
    wijken = select(col(Wijk.code), col(Wijk.x), col(Wijk.y)).where(col(Wijk.gemeente_code) == code)
    found = session.connection().execute(wijken.order_by(col(Wijk.code)))
    points = {wijk: (float(x), float(y)) for wijk, x, y in found if wijk in first_buurt}
    reach = dict.fromkeys(points, NEAREST_M)
    buurten = select(col(Buurt.code), col(Buurt.x), col(Buurt.y)).where(col(Buurt.gemeente_code) == code)
    for buurt, x, y in session.connection().execute(buurten):
        wijk = _wijk_of(buurt)
        reach[wijk] = max(reach[wijk], float(np.hypot(x - points[wijk][0], y - points[wijk][1])))
    index = {wijk: number for number, wijk in enumerate(points)}
    home = np.array([index.get(_wijk_of(buurt), -1) for buurt in town.buurten], np.int32)
    columns = np.array(list(points.values()), np.float64).reshape(-1, 2)
    places = Places(
        buurt=np.array([first_buurt[wijk] for wijk in points], np.int32),
        x=columns[:, 0],
        y=columns[:, 1],
        radius_m=np.array(list(reach.values()), np.float64),
    )
    return list(points), places, home[town.problem.volunteers.buurt]


def _wijk_of(buurt_code: str) -> str:
    return f"WK{buurt_code[2:8]}"


def _kept_row(town: Town, own: np.ndarray[Any, np.dtype[np.int64]], wijken: list[str], row: Row) -> dict[str, Any]:
    return {
        "key": row.key,
        "place": wijken[row.place],
        "volunteers": row.volunteers,
        "requests": [town.request_ids[own[request]] for request in row.requests],
        "who": [town.volunteer_ids[volunteer] for volunteer in row.who],
        **(_kept_profile(row.profile) if row.profile else {}),
    }
