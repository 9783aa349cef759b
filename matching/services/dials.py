"""How help is shared out in a gemeente: the two dials of the matcher, and the weights of its wijken (R25).

`equity` is how much a buurt where few requests find somebody goes before; `balance` how much the work is spread over
volunteers. A weight multiplies equity for the requests of a wijk, and only once the gemeente switched that on. Nothing
here is ever about a person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import select
from sqlmodel import Session, col

from matching.access import Viewer, may_set_dials
from matching.errors import IllegalMove, Invalid, NotAllowed, NotFound
from matching.models import Account, Gemeente, MatcherPreview, MatcherSetting, Tag, Wijk
from matching.services.history import record

MOST_DIAL = 10.0
LEAST_WEIGHT, USUAL_WEIGHT, MOST_WEIGHT = 0.5, 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Step:
    """One of the four words on a dial, and the numbers it stands for."""

    key: str
    equity: float
    balance: float


# Each step must be seen. Tried on cities with up to one and a half request for every volunteer: equity costs about
# 0.1, 0.5 and 1.5 % of the value, and fills 0.5 to 4 points more of all requests, most of them where little was
# filled; balance takes away half and then nearly all of the third requests for one volunteer, for up to 4 %.
STEPS = (
    Step("none", equity=0.0, balance=0.0),
    Step("little", equity=0.1, balance=0.1),
    Step("clearly", equity=0.3, balance=0.3),
    Step("strongly", equity=1.0, balance=1.0),
)
BY_KEY = {step.key: step for step in STEPS}


class Parity(TypedDict):
    """How often requests get a proposal, of those for which somebody is eligible: of askers who need another language
    and of the others. Numbers of requests to the nearest five, shares to the nearest twentieth."""

    asked: int
    share: float
    others_asked: int
    others_share: float
    relative: float | None  # the one share over the other


class Cell(TypedDict):
    """What one setting would propose. None stands for too few to say."""

    filled: int  # requests with a proposal
    share: float  # of all requests
    p10: float | None  # share filled in the buurt at the 10th percentile
    worst: float | None  # share filled in the worst of the buurten with at least five requests
    load: list[int | None]  # volunteers with 0, 1, 2, and 3 or more proposals, to the nearest five
    several: int | None  # volunteers with two or more, to the nearest five
    heaviest: float | None  # the largest part of an offer of two or more that is used
    lost: float  # value, in per cent of the most that can be
    low: int | None  # requests with a proposal in the buurten that get fewer than average now
    parity: Parity | None
    wijken: dict[str, int] | None  # change from now, to the nearest five; 1 or -1 stands for one to four


class Figures(TypedDict):
    """A preview: one cell for each setting, by `cell_key`."""

    requests: int | None  # None: too few to say anything
    in_use: str  # the key of the setting that "now" is
    weights: dict[str, float]
    low_requests: int | None
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Dials:
    """What a gemeente is set to. Weights of wijken that have the usual one are not listed."""

    gemeente_code: str
    gemeente_name: str = ""
    equity: float = 0.1
    balance: float = 0.1
    area_weights: dict[str, float] = field(default_factory=dict)
    uses_area_weights: bool = False
    changed_at: datetime | None = None
    changed_by: str = ""  # first name

    @property
    def stamp(self) -> str:
        """Which change this is: a form says with it what its reader has seen."""
        return self.changed_at.isoformat() if self.changed_at else "-"

    def equity_in(self, buurt_code: str) -> float:
        """Equity for the requests of this buurt."""
        if not self.uses_area_weights:
            return self.equity
        return self.equity * self.area_weights.get(f"WK{buurt_code[2:8]}", USUAL_WEIGHT)

    @property
    def equity_step(self) -> str:
        """The word nearest to the number."""
        return min(STEPS, key=lambda step: abs(step.equity - self.equity)).key

    @property
    def balance_step(self) -> str:
        return min(STEPS, key=lambda step: abs(step.balance - self.balance)).key

    @property
    def cell_key(self) -> str:
        return cell_key(self.equity_step, self.balance_step, self.uses_area_weights and bool(self.area_weights))

    def values(self) -> dict[str, Any]:
        """What is set, as the history keeps it."""
        return {
            "equity": self.equity,
            "balance": self.balance,
            "area_weights": self.area_weights,
            "uses_area_weights": self.uses_area_weights,
        }


def cell_key(equity: str, balance: str, weighted: bool) -> str:
    """The name of a setting within a preview."""
    return f"{equity}.{balance}.wijken" if weighted else f"{equity}.{balance}"


def read(session: Session, codes: Sequence[str] | None = None) -> dict[str, Dials]:
    """By code, what these gemeenten (or all) are set to; one that never chose has the usual setting."""
    s = MatcherSetting
    columns = (Gemeente.code, Gemeente.name, s.equity, s.balance, s.area_weights, s.uses_area_weights, s.changed_at,
               Account.first_name)  # fmt: skip
    query: Any = (
        select(*(col(column) for column in columns))
        .outerjoin(MatcherSetting, col(s.gemeente_code) == col(Gemeente.code))
        .outerjoin(Account, col(Account.id) == col(s.changed_by_id))
        .order_by(col(Gemeente.name))
    )
    rows = session.connection().execute(query if codes is None else query.where(col(Gemeente.code).in_(codes)))
    return {
        row.code: Dials(
            row.code, row.name, row.equity, row.balance, dict(row.area_weights or {}), row.uses_area_weights,
            row.changed_at, row.first_name or "",
        ) if row.changed_at else Dials(row.code, row.name)
        for row in rows
    }  # fmt: skip


def look(session: Session, viewer: Viewer, gemeente_code: str) -> Dials:
    """What a gemeente is set to, for somebody who may change it. Raises NotFound where there is no such gemeente and
    NotAllowed where it is not theirs."""
    found = read(session, [gemeente_code]).get(gemeente_code)
    if found is None:
        raise NotFound(f"no gemeente {gemeente_code}")
    if not may_set_dials(viewer, gemeente_code):
        raise NotAllowed(f"no coordinator of {gemeente_code}")
    return found


def wijken(session: Session, gemeente_code: str) -> dict[str, str]:
    """Code to name, by name."""
    query = select(col(Wijk.code), col(Wijk.name)).where(col(Wijk.gemeente_code) == gemeente_code)
    rows = session.connection().execute(query.order_by(col(Wijk.name), col(Wijk.code)))
    return {row.code: row.name for row in rows}


def preview(session: Session, gemeente_code: str) -> tuple[datetime, Figures] | None:
    """When the newest preview was made, and what it says; None before the first."""
    found = session.get(MatcherPreview, gemeente_code)
    return (found.at, found.figures) if found else None  # type: ignore[return-value]  # JSON of that form


def save(
    session: Session,
    viewer: Viewer,
    gemeente_code: str,
    *,
    equity: float,
    balance: float,
    area_weights: Mapping[str, float],
    uses_area_weights: bool,
    now: datetime,
    seen: str = "",
) -> bool:
    """Set the dials of a gemeente; it holds from the next matching. Returns whether anything changed.

    seen: the stamp of what the viewer was looking at. Raises IllegalMove when somebody changed it since, Invalid at
    equity, balance, area_weights (a wijk of elsewhere) or the code of a wijk, and NotFound or NotAllowed as `look`.
    """
    # One at a time, also for the first row, which cannot be locked before it is there.
    session.get(Gemeente, gemeente_code, with_for_update={"key_share": True})
    old = look(session, viewer, gemeente_code)
    if seen and seen != old.stamp:
        raise IllegalMove(f"the dials of {gemeente_code} were changed by somebody else")
    _check_dial("equity", equity)
    _check_dial("balance", balance)
    weights = _checked_weights(area_weights, wijken(session, gemeente_code))
    new = Dials(gemeente_code, old.gemeente_name, float(equity), float(balance), weights, bool(uses_area_weights))
    if new.values() == old.values():
        return False
    setting = session.get(MatcherSetting, gemeente_code) or MatcherSetting(gemeente_code=gemeente_code, changed_at=now)
    for name, value in new.values().items():
        setattr(setting, name, value)
    setting.changed_at, setting.changed_by_id = now, viewer.account_id
    session.add(setting)
    facts = {"gemeente": gemeente_code, "old": old.values(), "new": new.values()}
    record(session, Tag.DIALS_CHANGED, setting, now=now, actor_id=viewer.account_id, **facts)
    session.flush()
    session.info["dials"] = True  # whoever commits this lets the worker make a new preview
    return True


def _check_dial(name: str, value: float) -> None:
    if not 0 <= value <= MOST_DIAL:  # also refuses nan
        raise Invalid(name, "out_of_range")


def _checked_weights(given: Mapping[str, float], known: Mapping[str, str]) -> dict[str, float]:
    """Those that differ from the usual weight, by code."""
    for code, weight in given.items():
        if code not in known:
            raise Invalid("area_weights", "unknown_wijk")
        if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
            raise Invalid(code, "out_of_range")
    return {code: round(given[code], 2) for code in sorted(given) if round(given[code], 2) != USUAL_WEIGHT}
