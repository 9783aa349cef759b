"""All lines of a ledger as rows for a spreadsheet: numbered from the first that was written, without a database."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime

from matching.services.ledger_lines import Line


@dataclass(frozen=True)
class Row:
    """number: counts from 1. change: what the line does to what is left. corrects: the number of the line that it
    undoes. starts_at, ends_at: of the booking."""

    number: int
    written_at: datetime
    day: date
    kind: str
    payer: str
    form: str
    unit: str
    granted: int
    planned: int
    used: int
    change: int
    starts_at: datetime | None
    ends_at: datetime | None
    corrects: int | None
    reason: str
    by: str


def rows(lines: Iterable[Line]) -> Iterator[Row]:
    """lines: the oldest first."""
    numbers: dict[int, int] = {}
    for number, line in enumerate(lines, 1):
        numbers[line.id] = number
        yield Row(
            number=number,
            written_at=line.at,
            day=line.day,
            kind=line.kind,
            payer=line.payer,
            form=line.form,
            unit=line.unit,
            granted=line.granted,
            planned=line.planned,
            used=line.used,
            change=line.granted - line.planned - line.used,
            starts_at=line.starts_at,
            ends_at=line.ends_at,
            corrects=numbers[line.corrects_id] if line.corrects_id else None,
            reason=line.reason,
            by=line.by or "",
        )
