"""Commands for the keys of what mantelzorgers tell us: make one, change to it, and check. What is heavy comes late."""

from __future__ import annotations

import base64
import secrets
import sys
from typing import Any

import click


class Sentences(click.Group):
    """Commands where a missing or wrong key gives a sentence and exit code 2, wherever it shows."""

    def invoke(self, ctx: click.Context) -> Any:
        from matching.models.encrypted import NoKey

        try:
            return super().invoke(ctx)
        except NoKey as error:
            _stop(str(error))
        except Exception as error:  # SQLAlchemy wraps what goes wrong while a value is encrypted
            if not isinstance(getattr(error, "orig", None), NoKey):
                raise
            _stop(str(getattr(error, "orig", "")))


@click.group()
def keys() -> None:
    """Keys of the encrypted columns (OMZIEN_FIELD_KEYS, newest first, with commas between).

    To change to a new key: make one (omzien keys new), put it in front of the old one, restart everything, run
    omzien keys rotate, look with omzien keys check, and only then take the old one away. Without
    OMZIEN_FIELD_KEYS the key is the text of OMZIEN_HOME/field_key: that is the old one then.
    """


@keys.command("new")
def new() -> None:
    """Print a new key. Keep it as safe as the database, but not beside its backups."""
    click.echo(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())


@keys.command("rotate")
def rotate() -> None:
    """Rewrite every encrypted row with the first key.

    Others can work on meanwhile. It can be stopped at any moment and run again: what was done stays done.
    """
    from matching.services import keys as service

    ring, sessions = _open()
    rewritten = unreadable = 0
    try:
        with sessions(False) as session:
            totals = {place.name: service.count(session, place) for place in service.places()}
        with click.progressbar(length=sum(totals.values()), label="rewriting", file=sys.stderr) as bar:
            for place in service.places():
                after, is_more = None, True
                while is_more:
                    with sessions(True) as session:
                        step = service.rotate(session, place, ring, after=after)
                        session.commit()
                    rewritten, unreadable = rewritten + step.rewritten, unreadable + step.unreadable
                    bar.update(step.rows)
                    after, is_more = step.last, step.last is not None
    except KeyboardInterrupt:
        _stop(f"Stopped. {rewritten} rows were rewritten; run it again for the rest.")
    click.echo(f"{rewritten} rows rewritten with the first key.")
    if unreadable:
        _stop(f"{unreadable} rows fit none of the keys. They are as they were. Put the older key behind the others.")


@keys.command("check")
def check() -> None:
    """Count, for each column, which rows the first key opens, which an older one, and which none."""
    from matching.services import keys as service

    ring, sessions = _open()
    lost = older = 0
    with sessions(False) as session:
        click.echo(f"{'column':<32}{'first key':>10}{'older key':>10}{'unreadable':>11}")
        for place in service.places():
            found = service.check(session, place, ring)
            lost, older = lost + found[service.UNREADABLE], older + found[service.OLDER]
            click.echo(
                f"{place.name:<32}{found[service.FIRST]:>10}{found[service.OLDER]:>10}{found[service.UNREADABLE]:>11}"
            )
    if lost:
        _stop(f"{lost} rows fit none of the keys. Put the key they were written with behind the others.")
    click.echo("Rows with an older key: run omzien keys rotate." if older else "The first key opens everything.")


def _open() -> tuple[tuple[str, ...], Any]:
    """The keys that are set, and sessions. A database that is not there or not brought up gives a sentence."""
    from sqlalchemy.exc import SQLAlchemyError

    from matching.database import open_engine
    from matching.models.encrypted import use_keys
    from matching.services import keys as service
    from web.config import from_environment
    from web.db import session_factory

    settings = from_environment()
    use_keys(settings.field_keys)  # says what is wrong with a key that is none
    sessions = session_factory(open_engine(settings.database_url))
    try:
        with sessions(False) as session:
            service.count(session, service.places()[0])
    except SQLAlchemyError as error:
        _stop(f"The database cannot be read ({type(error).__name__}). Look at OMZIEN_DATABASE_URL, or: omzien migrate")
    return settings.field_keys, sessions


def _stop(sentence: str) -> None:
    click.echo(sentence, err=True)
    sys.exit(2)
