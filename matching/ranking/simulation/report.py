"""What was found, for people: an aligned table, and which aims are reached."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matching.ranking.simulation.aims import Verdict, verdicts
from matching.ranking.simulation.runs import Estimate, Results, as_json
from matching.ranking.simulation.world import REGIMES

# Heading, figure, how to show it.
COLUMNS = (
    ("fill", "fill", "{:.3f}"),
    ("of ask-all", "fill_over_ask_all", "{:.3f}"),
    ("urgent", "urgent_fill", "{:.3f}"),
    ("messages", "messages", "{:.2f}"),
    ("most/7d", "most_in_week", "{:.0f}"),
    ("in vain", "in_vain", "{:.3f}"),
    ("h urgent", "hours_urgent", "{:.1f}"),
    ("h others", "hours_others", "{:.1f}"),
    ("buurt p10", "buurt_p10", "{:.3f}"),
    ("language", "language_parity", "{:.3f}"),
)
COMPARED = ("fill", "urgent_fill", "messages", "in_vain")
WHAT = {
    "fill": "requests helped in time; of ask-all: over 1 - prod(1 - p)",
    "messages": "per filled request; most/7d: to one volunteer in any seven days",
    "in vain": "yeses that came too late, per filled request",
    "h": "median hours from posting to the yes that stands",
    "buurt p10": "10th percentile of the fill of buurten",
    "language": "fill of askers who need another language over that of others, among those with anyone eligible",
}


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned text, the first column to the left and the others to the right."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def simulation_report(results: Results) -> str:
    """The whole report of a simulated regime."""
    shape = results.shape
    seeds = [seed.seed for seed in results.seeds]
    parts = [
        f"{results.regime}: {shape.volunteers} volunteers, {shape.per_week:g} requests a week, {shape.weeks} weeks, "
        f"fatigue {results.fatigue}, seeds {seeds[0]} to {seeds[-1]} ({len(seeds)})",
        _bounds_line(results),
        figures_table(results),
        "\n".join(f"  {name}: {meaning}" for name, meaning in WHAT.items()),
    ]
    if len(results.policies) > 1:
        parts.append(f"{results.policies[0]} less the others, paired over seeds, with 95 % intervals")
        parts.append(differences_table(results))
    found = verdicts(results.regime, results.summary(results.policies[0]))
    if found:
        usual = REGIMES[results.regime]
        same = (shape.volunteers, shape.per_week, shape.buurten) == (usual.volunteers, usual.per_week, usual.buurten)
        other = "" if same else " (stated for another size of town)"
        parts.append(f"aims, for {results.policies[0]}{other}")
        parts.append(verdict_table(found))
    return "\n\n".join(parts)


def _bounds_line(results: Results) -> str:
    bound = results.bound
    return (
        f"nobody can do better than: fill {bound('bound_fill'):.3f} (ask-all; {bound('bound_fill_in_time'):.3f} in "
        f"time, {bound('bound_fill_drawn'):.3f} with these draws), urgent {bound('bound_urgent_fill'):.3f}; at ask-all "
        f"language parity is {bound('bound_language_parity'):.3f}\n"
        f"eligible per request {bound('eligible_per_request'):.1f}, nobody eligible for "
        f"{bound('requests_with_nobody'):.1%} of the requests"
    )


def figures_table(results: Results) -> str:
    """A row per policy; the largest number of messages over all seeds, the mean of everything else."""
    rows = []
    for policy in results.policies:
        cells = [policy]
        for _, figure, form in COLUMNS:
            worst = figure == "most_in_week"
            value = results.values(policy, figure).max() if worst else results.mean(policy, figure).mean
            cells.append(_shown(form, float(value)))
        rows.append(cells)
    return table(["policy", *(head for head, _, _ in COLUMNS)], rows)


def differences_table(results: Results) -> str:
    """Ours less each other policy."""
    first = results.policies[0]
    rows = [
        [policy, *(_interval(results.difference(first, policy, figure)) for figure in COMPARED)]
        for policy in results.policies[1:]
    ]
    return table(["less", *COMPARED], rows)


def verdict_table(found: Sequence[Verdict]) -> str:
    """A row per aim."""
    rows = [
        [
            verdict.aim.name,
            verdict.aim.regime,
            _shown("{:.4g}", verdict.value),
            verdict.aim.wanted,
            "reached" if verdict.reached else "NOT reached",
            "" if math.isnan(verdict.bound) else f"{verdict.bound:.4g}",
            verdict.aim.best,
        ]
        for verdict in found
    ]
    return table(["figure", "where", "found", "aim", "", "bound", "best elsewhere"], rows)


def write_json(folder: Path, name: str, content: Any) -> Path:
    """Writes a file of this name in the folder, which is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def write_simulation(folder: Path, results: Results) -> list[Path]:
    """The report as text and the results as JSON."""
    content = as_json(results)
    content["aims"] = verdicts_json(verdicts(results.regime, results.summary(results.policies[0])))
    paths = [write_json(folder, f"simulation-{results.regime}.json", content)]
    text = folder / f"simulation-{results.regime}.txt"
    text.write_text(simulation_report(results) + "\n", encoding="utf-8")
    return [*paths, text]


def verdicts_json(found: Iterable[Verdict]) -> list[dict[str, Any]]:
    """The aims with what was found; nan becomes null."""
    return [
        {
            "name": verdict.aim.name,
            "where": verdict.aim.regime,
            "figure": verdict.aim.figure,
            "found": None if math.isnan(verdict.value) else verdict.value,
            "aim": verdict.aim.wanted,
            "reached": verdict.reached,
            "possible": None if math.isnan(verdict.bound) else verdict.bound,
            "best_elsewhere": verdict.aim.best,
        }
        for verdict in found
    ]


def _interval(found: Estimate) -> str:
    if math.isnan(found.low):
        return _shown("{:+.3f}", found.mean)
    return f"{found.mean:+.3f} ({found.low:+.3f} to {found.high:+.3f})"


def _shown(form: str, value: float) -> str:
    return "-" if math.isnan(value) else form.format(value)


def bench_report(part: str, found: dict[str, Any]) -> str:
    """The aims of a part of the benchmark, then everything else that it found."""
    regimes = {"explanations": "static", "equity": "static"}
    judged = verdicts(regimes.get(part, part), found)
    shown = {verdict.aim.figure for verdict in judged} | {verdict.aim.bound for verdict in judged}
    lines = [f"{part}", verdict_table(judged)] if judged else [part]
    lines.extend(f"  {name}: {_plain(value)}" for name, value in found.items() if name not in shown)
    return "\n".join(lines)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5g}"
    if isinstance(value, list):
        return "; ".join(_plain(part) for part in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(part)}" for name, part in value.items())
    return str(value)
