"""Ways to take care over for a while, who pays, and what is counted: `data/respijt.json`, read once.

Changing it takes no programming. What the keys are called on screen stands in `web/care_words.py`.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Form:
    """One form of respijtzorg.

    by: "volunteer" or "provider". unit: a key of UNITS, what one time usually counts as. usual_minutes: of one time.
    payers: keys of PAYERS, the usual one first. least_days: a stay in this form is at least so long; 0: no such rule.
    """

    key: str
    by: str
    at_home: bool
    unit: str
    usual_minutes: int
    least_days: int
    payers: tuple[str, ...]

    @property
    def by_volunteer(self) -> bool:
        """Whether a neighbour does it, so that the matcher can look for one."""
        return self.by == "volunteer"


@dataclass(frozen=True)
class Payer:
    """Who pays. yearly_nights: the most nights in a calendar year, None where no law says so."""

    key: str
    yearly_nights: int | None


def _read() -> dict[str, Any]:
    with (Path(__file__).parent / "data" / "respijt.json").open(encoding="utf-8") as file:
        content: dict[str, Any] = json.load(file)
    return content


_CONTENT = _read()
UNITS: tuple[str, ...] = tuple(_CONTENT["units"])
PAYERS: dict[str, Payer] = {row["key"]: Payer(row["key"], row["yearly_nights"]) for row in _CONTENT["payers"]}
FORMS: dict[str, Form] = {
    row["key"]: Form(**{**{k: v for k, v in row.items() if k != "why"}, "payers": tuple(row["payers"])})
    for row in _CONTENT["forms"]
}
