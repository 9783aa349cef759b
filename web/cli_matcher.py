"""Commands that simulate and measure the matcher. They touch no database; what is heavy is imported when they run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

REGIMES = ("thin", "dense", "scarce", "national")


@contextmanager
def _bar(label: str) -> Iterator[Callable[[float], None]]:
    """A progress bar that takes the part done, 0 to 1; nothing where nobody watches."""
    with click.progressbar(length=1000, label=label, file=sys.stderr) as bar:
        yield lambda done: bar.update(round(done * 1000) - bar.pos)


def _stop(sentence: object) -> None:
    click.echo(str(sentence), err=True)
    sys.exit(2)


@click.command()
@click.option("--regime", required=True, type=click.Choice(REGIMES))
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1, 10_000), help="How many worlds.")
@click.option("--first-seed", default=1, show_default=True, type=click.IntRange(0), help="Seeds follow from this one.")
@click.option("--weeks", default=26, show_default=True, type=click.IntRange(1, 520))
@click.option("--fatigue", default="mild", show_default=True, help="What messages do to people: off, mild or harsh.")
@click.option(
    "--policies", default="", help="Separated by commas; the first is compared with the others. All if empty."
)
@click.option("--volunteers", default=None, type=int, help="Another number of volunteers than the regime has.")
@click.option("--requests", default=None, type=float, help="Another number of requests (a week; national: in all).")
@click.option("--buurten", default=None, type=int, help="Made-up buurten instead of the 43 of Hilversum.")
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 256), help="Processes at once.")
@click.option(
    "--out", default=None, type=click.Path(file_okay=False, path_type=Path), help="Folder for JSON and plots."
)
def simulate(
    regime: str,
    seeds: int,
    first_seed: int,
    weeks: int,
    fatigue: str,
    policies: str,
    volunteers: int | None,
    requests: float | None,
    buurten: int | None,
    jobs: int,
    out: Path | None,
) -> None:
    """Let made-up towns live for some weeks under the planner and its rivals, and compare.

    The same seeds give the same figures on every machine. `national` instead settles one large moment, once per seed.
    """
    try:
        if regime == "national":
            _national(first_seed, seeds, volunteers, requests, buurten, out)
        else:
            _simulate(regime, range(first_seed, first_seed + seeds), weeks, fatigue, policies, volunteers, requests,
                      buurten, jobs, out)  # fmt: skip
    except ValueError as error:
        _stop(error)


def _simulate(
    regime: str,
    seeds: range,
    weeks: int,
    fatigue: str,
    policies: str,
    volunteers: int | None,
    requests: float | None,
    buurten: int | None,
    jobs: int,
    out: Path | None,
) -> None:
    from matching.ranking.simulation.report import simulation_report, write_simulation
    from matching.ranking.simulation.runs import NAMES, check_names, run_seeds
    from matching.ranking.simulation.world import REGIMES as SHAPES
    from matching.ranking.simulation.world import Shape

    usual = SHAPES[regime]
    shape = Shape(
        usual.volunteers if volunteers is None else volunteers,
        usual.per_week if requests is None else requests,
        weeks,
        buurten,
    )
    names = [name.strip() for name in policies.split(",") if name.strip()] or list(NAMES)
    check_names(names, fatigue)
    with _bar(regime.ljust(9)) as progress:
        results = run_seeds(regime, shape, seeds, names, fatigue, jobs=jobs, progress=progress)
    click.echo(simulation_report(results))
    if out:
        from matching.ranking.simulation.plots import plot_simulation

        for path in (*write_simulation(out, results), *plot_simulation(out, results)):
            click.echo(f"written: {path}")


def _national(
    first_seed: int, seeds: int, volunteers: int | None, requests: float | None, buurten: int | None, out: Path | None
) -> None:
    from matching.ranking.simulation import bench
    from matching.ranking.simulation.report import bench_report, write_json

    if requests is not None and not requests < 1e9:
        raise ValueError("The number of requests must be a number below a thousand million.")
    sizes = {"volunteers": volunteers, "requests": None if requests is None else round(requests), "buurten": buurten}
    given = {name: size for name, size in sizes.items() if size is not None}
    for seed in range(first_seed, first_seed + seeds):
        with _bar(f"seed {seed}".ljust(9)) as progress:
            found = bench.national(seed, progress=progress, **given)
        click.echo(bench_report("national", found))
        if out:
            click.echo(f"written: {write_json(out, f'national-{seed}.json', found)}")


@click.command("bench-matcher")
@click.option("--parts", default="", help="Separated by commas: national, city, equity, explanations, model.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0))
@click.option(
    "--out", default=None, type=click.Path(file_okay=False, path_type=Path), help="Folder for JSON and plots."
)
def bench_matcher(parts: str, seed: int, out: Path | None) -> None:
    """Measure the parts of the matcher beside their aims: a country, a city, fairness, reasons, the learned model."""
    from matching.ranking.simulation import bench

    names = [name.strip() for name in parts.split(",") if name.strip()] or list(bench.PARTS)
    unknown = [name for name in names if name not in bench.PARTS]
    if unknown:
        _stop(f"There is no part called {unknown[0]!r}. Choose from: {', '.join(bench.PARTS)}.")
    # The country first: its memory is that of the whole process.
    for name in sorted(names, key=bench.PARTS.index):
        _bench(name, seed, out)


def _bench(name: str, seed: int, out: Path | None) -> None:
    from matching.ranking.simulation import bench
    from matching.ranking.simulation.report import bench_report, write_json

    with _bar(name.ljust(13)) as progress:
        found = bench.run_part(name, seed, progress)
    click.echo(bench_report(name, found))
    click.echo()
    if out:
        click.echo(f"written: {write_json(out, f'bench-{name}.json', found)}")
    if out and name == "equity":
        from matching.ranking.simulation.plots import plot_equity

        click.echo(f"written: {plot_equity(out, found)}")
