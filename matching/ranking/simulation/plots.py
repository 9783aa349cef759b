"""Pictures of what was found, as SVG files: fill against messages, waiting times, the equity frontier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot
from matplotlib.axes import Axes

from matching.ranking.simulation.history import WAITING_GRID_H
from matching.ranking.simulation.runs import VARIANTS, Results

OURS_COLOUR, OTHERS_COLOUR = "#0b5d3b", "#8a8f98"
MARKS = ("o", "s", "^", "v", "D", "P", "X", "<", ">", "h", "*", "p", "d", "8", "H", "+")


def plot_simulation(folder: Path, results: Results) -> list[Path]:
    """Two pictures of a simulated regime; the folder is made where it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_fill_against_messages(folder, results), _waiting_times(folder, results)]


def plot_equity(folder: Path, found: dict[str, Any]) -> Path:
    """The frontier that bench.equity found."""
    folder.mkdir(parents=True, exist_ok=True)
    figure, axes = _picture("value lost, per cent", "10th percentile of buurt fill, per cent")
    points = found["frontier"]
    lost, percentile = [100 * p["lost"] for p in points], [100 * p["percentile"] for p in points]
    axes.plot(lost, percentile, "o-", color=OURS_COLOUR, label="the equity dial")
    for point, x, y in zip(points, lost, percentile, strict=True):
        axes.annotate(f"{point['equity']:g}", (x, y), textcoords="offset points", xytext=(4, -10), fontsize=7)
    possible = 100 * found["percentile_at_0"] + found["possible_per_world"][0]
    axes.plot([1.0], [possible], "k_", markersize=16, label="at most possible for 1 per cent")
    axes.set_title("Scarce, one moment: what fairness between buurten costs")
    axes.legend(frameon=False)
    return _saved(figure, folder / "equity-frontier.svg")


def _fill_against_messages(folder: Path, results: Results) -> Path:
    figure, axes = _picture("messages per filled request", "fill")
    for policy, mark in zip(results.policies, MARKS * 2, strict=False):
        ours = policy in VARIANTS
        axes.plot(
            results.mean(policy, "messages").mean, results.mean(policy, "fill").mean, mark,
            color=OURS_COLOUR if ours else OTHERS_COLOUR, markersize=9 if ours else 7, label=policy,
        )  # fmt: skip
    axes.axhline(results.bound("bound_fill"), color="black", linewidth=0.8, linestyle="--", label="ask-all bound")
    axes.set_xscale("log")
    for axis in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        axis("{x:g}")
    axes.set_title(f"{results.regime}: fill against messages, {len(results.seeds)} seeds")
    axes.legend(fontsize=7, frameon=False)
    return _saved(figure, folder / f"fill-against-messages-{results.regime}.svg")


def _waiting_times(folder: Path, results: Results) -> Path:
    figure, axes = _picture("hours since the request was posted", "share of all requests filled")
    for policy in results.policies:
        ours = policy in VARIANTS
        axes.plot(
            WAITING_GRID_H, results.waiting(policy), linewidth=2.0 if ours else 0.9,
            linestyle="--" if ours and policy != results.policies[0] else "-",
            color=OURS_COLOUR if ours else None, label=policy,
        )  # fmt: skip
    axes.set_xlim(0, WAITING_GRID_H[-1])
    axes.set_ylim(0, 1)
    axes.set_title(f"{results.regime}: how long people wait, {len(results.seeds)} seeds")
    axes.legend(fontsize=7, frameon=False, ncols=2)
    return _saved(figure, folder / f"waiting-{results.regime}.svg")


def _picture(x: str, y: str) -> tuple[Any, Axes]:
    figure, axes = pyplot.subplots(figsize=(7.2, 4.8), layout="constrained")
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _saved(figure: Any, path: Path) -> Path:
    # No date inside, so that the same seeds give the same file.
    with mpl.rc_context({"svg.hashsalt": "omzien"}):
        figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
    return path
