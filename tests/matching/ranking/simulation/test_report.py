"""Seeds together, the table of aims, and both commands."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from matching.ranking.simulation.aims import AIMS, Aim, verdicts
from matching.ranking.simulation.history import Figures, numbers
from matching.ranking.simulation.report import simulation_report, table
from matching.ranking.simulation.runs import UnknownNameError, estimate, run_seeds
from matching.ranking.simulation.world import Shape
from web.cli import main

TINY = Shape(120, 20.0, 2, buurten=8)
SIMULATE = ["simulate", "--weeks", "2", "--volunteers", "120", "--requests", "20", "--buurten", "8", "--jobs", "1"]


def it_has_an_aim_for_every_figure_that_the_design_names() -> None:
    figures = {aim.figure for aim in AIMS}
    assert figures == {
        "assignment_ms", "edges_ms", "share_of_optimum", "seconds", "memory_gb", "fill_over_ask_all", "urgent_fill",
        "messages", "most_in_week", "in_vain", "hours_urgent", "hours_others", "equity_points", "language_parity",
        "auc_3000", "auc_100000", "calibration", "calibration_buurt", "calibration_language", "facts_true",
        "first_reason_counts",
    }  # fmt: skip
    limits = {(aim.regime, aim.figure): (aim.low, aim.high) for aim in AIMS}
    assert limits["thin", "fill_over_ask_all"][0] == 0.92
    assert limits["dense", "messages"][1] == 5.0
    assert limits["scarce", "urgent_fill"][0] == 0.42
    assert limits["dense", "language_parity"] == (0.95, 1.05)


def it_names_figures_that_a_run_has() -> None:
    measured = set(Figures.__slots__)
    assert {aim.figure for aim in AIMS if aim.regime in ("thin", "dense", "scarce")} <= measured


@pytest.mark.parametrize(
    ("low", "high", "value", "reached"),
    [
        (0.9, math.inf, 0.9, True),
        (0.9, math.inf, 0.89, False),
        (-math.inf, 5, 5.01, False),
        (0.95, 1.05, 1.0, True),
        (0.95, 1.05, 1.06, False),
        (0.9, math.inf, math.nan, False),
    ],
)
def it_judges_by_the_limits(low: float, high: float, value: float, reached: bool) -> None:
    assert Aim("x", "thin", "fill", low, high, "").reached(value) is reached


def it_prints_the_bound_beside_an_aim() -> None:
    (verdict,) = verdicts("static", {"equity_points": 7.0, "equity_frontier": 9.5})
    assert not verdict.reached and verdict.bound == 9.5


def it_gives_an_interval_by_students_t() -> None:
    found = estimate(np.array([1.0, 2.0, 3.0]))
    assert (found.mean, found.high) == (2.0, pytest.approx(2 + 4.302653 / math.sqrt(3)))
    assert math.isnan(estimate(np.array([1.0])).low)


def it_does_not_depend_on_the_number_of_processes() -> None:
    alone, together = (run_seeds("thin", TINY, [1, 2], ["nearest", "everyone"], "mild", jobs=jobs) for jobs in (1, 2))
    assert simulation_report(alone) == simulation_report(together)


def it_compares_on_identical_worlds() -> None:
    results = run_seeds("thin", TINY, [1, 2], ["nearest", "everyone"], "mild")
    for name in ("requests",):
        assert results.difference("nearest", "everyone", name).mean == 0
    each = results.values("nearest", "fill") - results.values("everyone", "fill")
    assert results.difference("nearest", "everyone", "fill").mean == pytest.approx(each.mean())


@pytest.mark.parametrize(("names", "fatigue"), [(["nearst"], "mild"), (["nearest"], "weekly"), ([], "mild")])
def it_names_the_choices_when_a_name_is_unknown(names: list[str], fatigue: str) -> None:
    with pytest.raises(UnknownNameError, match=r"Choose from|at least one policy"):
        run_seeds("thin", TINY, [1], names, fatigue)


def it_lines_up_a_table() -> None:
    assert table(["a", "bb"], [["xxx", "1"]]) == "a    bb\nxxx   1"


def it_simulates_from_the_command_line(tmp_path: Path) -> None:
    arguments = [*SIMULATE, "--regime", "thin", "--seeds", "2", "--policies", "ours,nearest,everyone-uncapped"]
    done = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "ours less the others" in done.output and "everyone-uncapped" in done.output and "ask-all" in done.output
    found = json.loads((tmp_path / "simulation-thin.json").read_text())
    assert found["seeds"] == [1, 2] and set(found["policies"]) == {"ours", "nearest", "everyone-uncapped"}
    names = {name for name, _ in numbers(run_seeds("thin", TINY, [1], ["nearest"], "mild").seeds[0].found["nearest"])}
    assert set(found["policies"]["nearest"]["figures"]) == names
    assert found["differences"]["ours less nearest"]["fill"].keys() == {"mean", "low", "high"}
    for name in ("fill-against-messages-thin.svg", "waiting-thin.svg"):
        assert (tmp_path / name).read_text().lstrip().startswith("<?xml")


def it_settles_a_small_country_from_the_command_line(tmp_path: Path) -> None:
    arguments = ["simulate", "--regime", "national", "--seeds", "1", "--volunteers", "900", "--requests", "300"]
    done = CliRunner().invoke(main, [*arguments, "--buurten", "43", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "share of the optimum" in done.output and json.loads((tmp_path / "national-1.json").read_text())["edges"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--regime", "thin", "--volunteers", "0"], "without volunteers"),
        (["--regime", "thin", "--requests", "-3"], "requests a week"),
        (["--regime", "thin", "--requests", "nan"], "requests a week"),
        (["--regime", "thin", "--buurten", "0"], "at least one buurt"),
        (["--regime", "thin", "--policies", "ours,theirs"], "no policy called 'theirs'"),
        (["--regime", "thin", "--fatigue", "much"], "no fatigue called 'much'"),
        (["--regime", "thin", "--seeds", "0"], "not in the range"),
        (["--regime", "elsewhere"], "is not one of"),
        (["--regime", "national", "--volunteers", "0"], "without volunteers"),
        (["--regime", "national", "--requests", "nan"], "number of requests"),
        (["--regime", "national", "--buurten", "0"], "at least one buurt"),
    ],
)
def it_says_what_is_wrong_without_a_traceback(arguments: list[str], sentence: str) -> None:
    done = CliRunner().invoke(main, ["simulate", *arguments])
    assert done.exit_code == 2 and sentence in done.output and "Traceback" not in done.output


def it_refuses_an_unknown_part_of_the_benchmark() -> None:
    done = CliRunner().invoke(main, ["bench-matcher", "--parts", "moon"])
    assert done.exit_code == 2 and "no part called 'moon'" in done.output
