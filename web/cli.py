"""The command line: `omzien --help` is its documentation. What is heavy is imported by the command that needs it."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine
from sqlmodel import Session

from matching.models.base import utcnow
from web.cli_keys import Sentences, keys
from web.cli_matcher import bench_matcher, simulate
from web.cli_models import models, train

HILVERSUM = Path(__file__).parent.parent / "matching" / "data" / "hilversum"
Progress = Callable[[str, float], None]


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Omzien: neighbours help each other, buurt by buurt.

    Settings come from the environment: OMZIEN_HOME (default var/), OMZIEN_DATABASE_URL, OMZIEN_SECRET_KEY,
    OMZIEN_FIELD_KEYS, OMZIEN_BASE_URL, OMZIEN_SMTP_URL, OMZIEN_MAIL_FROM, OMZIEN_GEMEENTE, OMZIEN_PROXIES.
    """


main.add_command(simulate)
main.add_command(bench_matcher)


def _engine() -> Engine:
    from matching.database import open_engine
    from matching.models.encrypted import use_keys
    from web.config import from_environment

    settings = from_environment()
    use_keys(settings.field_keys)
    return open_engine(settings.database_url)


def _home() -> Path:
    from web.config import from_environment

    return from_environment().home


@contextmanager
def _transaction() -> Iterator[Session]:
    """A session that commits at the end, or not at all."""
    from web.db import session_factory

    with session_factory(_engine())(True) as session:
        yield session
        session.commit()


@contextmanager
def _progress() -> Iterator[Progress]:
    """A progress bar per step (a name and the part done, 0 to 1); nothing where nobody watches."""
    bars: dict[str, Any] = {}

    def report(step: str, done: float) -> None:
        if step not in bars:
            bars[step] = click.progressbar(length=100, label=step.ljust(16), file=sys.stderr, show_eta=False)
        bar = bars[step]
        bar.update(round(done * 100) - bar.pos)
        if done >= 1:
            bar.render_finish()

    yield report


@main.command()
def migrate() -> None:
    """Bring the database to the newest form."""
    from matching.migrate import migrate as run

    run(_engine())


@main.group()
def places() -> None:
    """Gemeenten, wijken and buurten."""


@places.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def import_places(folder: Path) -> None:
    """Load a gemeente with its wijken, buurten, borders, key figures and postcodes from FOLDER.

    Running it twice changes nothing. A broken file is refused whole.
    """
    from matching.services.place_files import PlaceFileError
    from matching.services.places import import_places as run

    try:
        with _transaction() as session:
            click.echo(str(run(session, folder)))
    except PlaceFileError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


@main.command()
@click.option("--volunteers", default=600, show_default=True, type=click.IntRange(0, 100_000))
@click.option("--requests", default=150, show_default=True, type=click.IntRange(0, 100_000))
@click.option("--carers", default=60, show_default=True, type=click.IntRange(0, 10_000), help="Mantelzorgers.")
@click.option("--seed", default=1, show_default=True)
def seed(volunteers: int, requests: int, carers: int, seed: int) -> None:
    """Fill the database with a believable city to try things out. The people are made up."""
    _fill(volunteers, requests, carers, seed)


def _fill(volunteers: int, requests: int, carers: int, seed: int) -> None:
    from matching.seed import build_city

    with _progress() as progress, _transaction() as session:
        build_city(
            session,
            volunteers=volunteers,
            requests=requests,
            carers=carers,
            seed=seed,
            now=utcnow(),
            progress=progress,
        )
    _look_after_mantelzorgers()


def _look_after_mantelzorgers() -> None:
    """What the worker does every night: signals for the desk, and figures."""
    from matching.services import respijt_figures, signals
    from matching.working_days import AMSTERDAM

    now = utcnow()
    today = now.astimezone(AMSTERDAM).date()
    with _transaction() as session:
        signals.run(session, today=today, now=now)
        for code in respijt_figures.gemeenten(session):
            figures = respijt_figures.calculate(session, code, today=today)
            respijt_figures.keep(session, code, figures, now=now)


@main.command()
@click.option("--buurt", "place", default=None, help="Only this buurt, wijk or gemeente (CBS code).")
def match(place: str | None) -> None:
    """Propose volunteers for open requests. People decide."""
    _match(place)


def _match(place: str | None) -> None:
    from matching.services.matcher import buurt_table, proposing

    with _progress() as progress, _transaction() as session:
        run = proposing.propose(session, now=utcnow(), home=_home(), place_code=place, progress=progress)
        rows = buurt_table.table(session, run)
    _print_table(rows)


def _preview() -> None:
    from matching.services.matcher import previewing

    with _transaction() as session:
        now = utcnow()
        previewing.keep(session, previewing.calculate(session, now=now, home=_home()), now=now)


def _print_table(rows: list[Any]) -> None:
    head = ("buurt", "open", "voorstel", "zonder", "meestal omdat")
    click.echo(f"{head[0]:<28}{head[1]:>6}{head[2]:>10}{head[3]:>8}  {head[4]}")
    for row in rows:
        click.echo(f"{row.buurt:<28}{row.open:>6}{row.proposed:>10}{row.without:>8}  {row.reason or ''}")
    total = [sum(getattr(row, name) for row in rows) for name in ("open", "proposed", "without")]
    click.echo(f"{'totaal':<28}{total[0]:>6}{total[1]:>10}{total[2]:>8}")


@main.command("match-files")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", required=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--equity", default=0.1, show_default=True, type=click.FloatRange(0, 10))
@click.option("--balance", default=0.1, show_default=True, type=click.FloatRange(0, 10))
@click.option("--seed", default=1, show_default=True)
def match_files(folder: Path, out: Path, equity: float, balance: float, seed: int) -> None:
    """Match volunteers.csv and requests.csv in FOLDER; write proposals.csv, unmatched.csv, summary.json."""
    from matching.ranking.files import FileError
    from matching.ranking.files import match_files as run

    try:
        with _progress() as progress:
            summary = run(folder, out, equity=equity, balance=balance, seed=seed, progress=progress)
    except FileError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    click.echo(f"value {summary['value']:.3f}, fill {summary['fill']:.1%}, edges {summary['edges']}")


@main.group()
def staff() -> None:
    """Roles of staff, tied to places."""


@staff.command("give")
@click.argument("email")
@click.argument("role", type=click.Choice(["opbouwwerker", "coordinator", "sociaal_plein", "beheerder"]))
@click.argument("place")
def give_role(email: str, role: str, place: str) -> None:
    """Give EMAIL the ROLE for PLACE (a CBS code of a gemeente, wijk or buurt)."""
    from matching.errors import OmzienError
    from matching.services import accounts

    try:
        with _transaction() as session:
            accounts.give_role(session, email, role, place, now=utcnow())
    except OmzienError as error:
        click.echo(str(error), err=True)
        sys.exit(2)


@main.command()
@click.option("--port", default=lambda: int(os.environ.get("PORT", "8000")), show_default="PORT or 8000")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64))
def serve(port: int, host: str, workers: int) -> None:
    """Serve the web and run the worker, until stopped."""
    from web.serving import serve as run

    run(host=host, port=port, workers=workers)


@main.command()
def worker() -> None:
    """Run the worker alone: messages and jobs."""
    from web import create_app
    from web.worker import run_consumer

    run_consumer(create_app())


@main.command()
@click.option("--volunteers", default=600, show_default=True)
@click.option("--requests", default=150, show_default=True)
@click.option("--carers", default=60, show_default=True)
def demo(volunteers: int, requests: int, carers: int) -> None:
    """A believable Hilversum to try out: filled at the first start, served at once after that."""
    from matching.migrate import migrate as bring_up
    from matching.seed import DEMO_LOGINS, DEMO_PASSWORD, is_empty
    from matching.services.places import import_places as load
    from web.serving import serve as run

    os.environ["OMZIEN_DEMO"] = "1"
    bring_up(_engine())
    with _transaction() as session:
        load(session, HILVERSUM)
        fresh = is_empty(session)
    if fresh:
        click.echo(
            f"Filling Hilversum with {volunteers} made-up volunteers, {requests} requests and {carers} mantelzorgers."
        )
        _fill(volunteers, requests, carers, 1)
        _match(None)
        _preview()
    port = int(os.environ.get("PORT", "8000"))
    click.echo(f"\nOmzien is on http://127.0.0.1:{port}  (stop with Ctrl-C)")
    click.echo(f"Messages that were sent: http://127.0.0.1:{port}/postvak\n")
    click.echo(f"Log in with one of these, password {DEMO_PASSWORD}")
    for role, email in DEMO_LOGINS:
        click.echo(f"  {role:<28}{email}")
    run(host="127.0.0.1", port=port, workers=2)


for command in (train, models, keys):
    main.add_command(command)

if __name__ == "__main__":
    main()
