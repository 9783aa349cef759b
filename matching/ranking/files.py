"""The matcher on plain files, for benchmarks and for municipalities that want to try it on an export.

UTF-8 CSV with a header line, lists separated by `|`. In: volunteers.csv, requests.csv and optionally blocks.csv and
weights.csv. Out: proposals.csv, unmatched.csv and summary.json. Nothing is guessed: the first broken line stops the
run with its file, line and column, before anything is written.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from matching.ranking.columns import (
    FileError,
    Table,
    Vocabulary,
    read_table,
)
from matching.ranking.matcher import match
from matching.ranking.problem import (
    SLOT_NAMES,
    IntArray,
    Matching,
    Problem,
    Progress,
    Requests,
    Volunteers,
    Weights,
)

__all__ = ["FileError", "FileProblem", "match_files", "read_problem", "write_matching"]

VOLUNTEER_COLUMNS = (
    "id",
    "buurt",
    "x",
    "y",
    "radius_m",
    "capacity",
    "skills",
    "slots",
    "languages",
    "vog",
    "offers",
    "accepts",
    "days_since_offer",
)
REQUEST_COLUMNS = (
    "id",
    "buurt",
    "x",
    "y",
    "skills",
    "slots",
    "languages",
    "vog_required",
    "urgency",
    "waiting_days",
)
BLOCK_COLUMNS = ("volunteer_id", "request_id")
WEIGHT_COLUMNS = ("volunteer_id", "request_id", "p")

# Rows written at once: enough to be quick, few enough to hold all their words.
ROWS_AT_ONCE = 1 << 16

SLOT_BITS = Vocabulary("slot", {name: bit for bit, name in enumerate(SLOT_NAMES)}, limit=32, fixed=True)


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A problem read from a folder, with the words behind its bits and indices."""

    problem: Problem
    buurten: list[str]
    skills: list[str]
    languages: list[str]


def match_files(
    folder: str | Path,
    out: str | Path,
    *,
    equity: float = 0.1,
    balance: float = 0.1,
    seed: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Match the files of one folder into another and return the summary that was written.

    progress: as for match(), with the step "reading" before and "writing" after. Raises FileError on the first broken
    line, ValueError on a negative dial, OSError when the folder cannot be written; then `out` is as it was.
    """
    given = read_problem(Path(folder), progress)
    matching = match(given.problem, equity=equity, balance=balance, seed=seed, progress=progress)
    summary = _summary_as_dict(given, matching)
    write_matching(given, matching, summary, Path(out), progress)
    return summary


def read_problem(folder: Path, progress: Progress | None = None) -> FileProblem:
    """Read and check all files of a folder. Raises FileError on the first broken line."""
    tell = progress or (lambda _step, _part: None)
    tell("reading", 0.0)
    # Only what is asked for can matter, so requests fill the vocabularies and volunteers are read in their terms.
    skills, languages = Vocabulary("skill"), Vocabulary("language")
    buurten = Vocabulary("buurt", limit=2**31)
    asked = read_table(folder / "requests.csv", REQUEST_COLUMNS)
    requests = _requests(asked, buurten, skills, languages)
    tell("reading", 0.3)
    offered = read_table(folder / "volunteers.csv", VOLUNTEER_COLUMNS)
    volunteers = _volunteers(offered, buurten, skills, languages)
    tell("reading", 0.9)
    people = {name: index for index, name in enumerate(volunteers.ids)}
    questions = {name: index for index, name in enumerate(requests.ids)}
    blocks, weights = folder / "blocks.csv", folder / "weights.csv"
    problem = Problem(
        volunteers,
        requests,
        buurt_count=len(buurten.names),
        blocks=_blocks(read_table(blocks, BLOCK_COLUMNS), people, questions) if blocks.exists() else _none(),
        weights=_weights(read_table(weights, WEIGHT_COLUMNS), people, questions) if weights.exists() else None,
    )
    tell("reading", 1.0)
    return FileProblem(problem, list(buurten.names), list(skills.names), list(languages.names))


def _none() -> IntArray:
    return np.zeros((0, 2), np.int32)


def _requests(table: Table, buurten: Vocabulary, skills: Vocabulary, languages: Vocabulary) -> Requests:
    return Requests(
        ids=table.ids("id"),
        buurt=table.words("buurt", buurten),
        x=table.numbers("x"),
        y=table.numbers("y"),
        skills=table.masks("skills", skills).astype(np.uint64),
        slots=table.masks("slots", SLOT_BITS).astype(np.uint32),
        languages=table.masks("languages", languages).astype(np.uint64),
        clearances=table.whole_numbers("vog_required", at_most=1).astype(np.uint8),
        urgency=table.numbers("urgency", at_least=1.0),
        waiting_days=table.numbers("waiting_days", at_least=0.0),
        day=np.full(len(table), -1, np.int32),
    )


def _volunteers(table: Table, buurten: Vocabulary, skills: Vocabulary, languages: Vocabulary) -> Volunteers:
    offers = table.numbers("offers", at_least=0.0, may_be_empty=True)
    accepts = table.numbers("accepts", at_least=0.0, may_be_empty=True)
    table.refuse("accepts", np.isnan(offers) != np.isnan(accepts), "is given without offers, or the other way round")
    table.refuse("accepts", accepts > offers, "is more than offers")
    return Volunteers(
        ids=table.ids("id"),
        buurt=table.words("buurt", buurten),
        x=table.numbers("x"),
        y=table.numbers("y"),
        radius_m=table.numbers("radius_m", at_least=0.0, may_be_infinite=True),
        capacity=table.whole_numbers("capacity", at_most=1_000_000),
        skills=table.masks("skills", skills.closed()).astype(np.uint64),
        slots=table.masks("slots", SLOT_BITS).astype(np.uint32),
        languages=table.masks("languages", languages.closed()).astype(np.uint64),
        clearances=table.whole_numbers("vog", at_most=1).astype(np.uint8),
        offers=offers,
        accepts=accepts,
        days_since_offer=table.numbers("days_since_offer", at_least=0.0, may_be_empty=True),
    )


def _pairs(table: Table, people: dict[str, int], questions: dict[str, int]) -> IntArray:
    volunteer = table.known("volunteer_id", people, "volunteers.csv")
    request = table.known("request_id", questions, "requests.csv")
    return np.column_stack((volunteer, request))


def _blocks(table: Table, people: dict[str, int], questions: dict[str, int]) -> IntArray:
    return _pairs(table, people, questions)


def _weights(table: Table, people: dict[str, int], questions: dict[str, int]) -> Weights:
    pairs = _pairs(table, people, questions)
    keys = pairs[:, 0].astype(np.int64) * max(1, len(questions)) + pairs[:, 1]
    _, first = np.unique(keys, return_index=True)
    repeated = np.ones(len(keys), bool)
    repeated[first] = False
    table.refuse("request_id", repeated, "repeats an earlier pair of volunteer and request")
    return Weights(pairs, table.numbers("p", at_least=0.0, at_most=1.0))


def _summary_as_dict(given: FileProblem, matching: Matching) -> dict[str, Any]:
    summary = matching.summary
    per_buurt = zip(given.buurten, summary.fill_per_buurt.tolist(), strict=True)
    return {
        "value": summary.value,
        "fill": summary.fill,
        "fill_per_buurt": {buurt: fill for buurt, fill in per_buurt if not np.isnan(fill)},
        "load": {str(requests): volunteers for requests, volunteers in enumerate(summary.load)},
        "edges": summary.edges,
        "seconds": {step: round(seconds, 4) for step, seconds in summary.seconds.items()},
        "peak_memory_mb": round(summary.peak_memory_mb, 1),
    }


def write_matching(
    given: FileProblem, matching: Matching, summary: dict[str, Any], out: Path, progress: Progress | None = None
) -> None:
    """Write the three files next to their place first, then move them there, so none is ever half written."""
    requests = given.problem.requests
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".match-files-", dir=out) as held:
        draft = Path(held)
        header = ("request_id", "volunteer_id", "rank", "p", "distance_m", "reasons")
        _write_rows(draft / "proposals.csv", header, _proposal_rows(given, matching, progress))
        unmatched = ((requests.ids[item.request], item.reason) for item in matching.unmatched)
        _write_rows(draft / "unmatched.csv", ("request_id", "reason"), unmatched)
        text = json.dumps(summary, indent=2, ensure_ascii=False) + "\n"
        (draft / "summary.json").write_text(text, encoding="utf-8")
        for name in ("proposals.csv", "unmatched.csv", "summary.json"):
            os.replace(draft / name, out / name)


def _write_rows(path: Path, header: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _proposal_rows(
    given: FileProblem, matching: Matching, progress: Progress | None
) -> Iterator[tuple[str, str, int, str, str, str]]:
    """A country has half a million of them, so they are written from columns, some thousands at a time."""
    people, questions = given.problem.volunteers.ids, given.problem.requests.ids
    proposals = matching.proposals
    tell = _teller(given)
    for start in range(0, len(proposals), ROWS_AT_ONCE):
        rows = slice(start, min(start + ROWS_AT_ONCE, len(proposals)))
        yield from zip(
            map(questions.__getitem__, proposals.request[rows].tolist()),
            map(people.__getitem__, proposals.volunteer[rows].tolist()),
            proposals.rank[rows].tolist(),
            # Ten digits: whoever adds up urgency * p finds the value of the summary.
            map("{:.10g}".format, proposals.p[rows].tolist()),
            map("{:.1f}".format, proposals.distance_m[rows].tolist()),
            map("|".join, proposals.explain.told(rows, tell)),
            strict=True,
        )
        if progress:
            progress("writing", rows.stop / len(proposals))


def _teller(given: FileProblem) -> Callable[[str, float | None, bool], str]:
    """Writes a reason as `key:value`, with a minus in front of what speaks against: near:1100, -farther:300."""
    words = {"skill": given.skills, "slot": SLOT_NAMES, "language": given.languages}

    @lru_cache(maxsize=1 << 16)
    def tell(key: str, value: float | None, against: bool) -> str:
        sign = "-" if against else ""
        if value is None:
            return sign + key
        if key in words:
            return f"{sign}{key}:{words[key][int(value)]}"
        if key == "clearance":
            return f"{sign}clearance:vog"
        return f"{sign}{key}:{value:g}" if value < 1e6 else f"{sign}{key}:{value:.0f}"

    return tell
