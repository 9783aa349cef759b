"""Commands for the register of models: train, and look, promote and roll back. What is heavy is imported late."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from matching.models.base import utcnow

if TYPE_CHECKING:
    from sqlmodel import Session

    from matching.models import AcceptanceModel


def _settings() -> Any:
    from web.config import from_environment

    return from_environment()


def _sessions() -> Any:
    from matching.database import open_engine
    from web.db import session_factory

    return session_factory(open_engine(_settings().database_url))


@contextmanager
def _session(*, writes: bool) -> Iterator[Session]:
    """A session that commits at the end where it writes; a refusal becomes a sentence and exit code 2."""
    from matching.errors import Invalid, OmzienError

    try:
        with _sessions()(writes) as session:
            yield session
            if writes:
                session.commit()
    except Invalid:
        _stop("Nobody has an account with this e-mail address.")
    except OmzienError as error:
        _stop(error)


def _stop(sentence: object) -> None:
    click.echo(str(sentence), err=True)
    sys.exit(2)


@click.command()
def train() -> None:
    """Learn a model from the answers of volunteers so far. It becomes a candidate; a human promotes it.

    With too few answers, or a log that cannot be right, nothing changes and a sentence says why.
    """
    from matching import jobs
    from matching.services.matcher.training import CannotTrain

    bar = click.progressbar(length=100, label="training".ljust(16), file=sys.stderr, show_eta=False)
    try:
        with bar:
            version = jobs.train_candidate(
                _sessions(), utcnow(), _settings().home, lambda done: bar.update(round(done * 100) - bar.pos)
            )
    except CannotTrain as error:
        _stop(error)
        return
    with _session(writes=False) as session:
        _show(session, version)


@click.group()
def models() -> None:
    """Versions of the model that says how likely a yes is."""


@models.command("list")
def list_versions() -> None:
    """All versions, the newest first, and whether the one in use can be read."""
    from matching.services import models as register
    from matching.services.matcher.rule_in_use import look_up

    with _session(writes=False) as session:
        click.echo(f"{'version':<32}{'kind':<10}{'state':<11}{'trained':<12}{'outcomes':>9}{'better':>8}  promoted")
        for model in register.versions(session):
            better = "-" if model.kind == register.PRIOR else "yes" if model.card.get("promotable") else "no"
            promoted = f"{model.promoted_at:%Y-%m-%d}" if model.promoted_at else "-"
            click.echo(
                f"{model.version:<32}{model.kind:<10}{model.state:<11}{model.trained_at:%Y-%m-%d}  "
                f"{model.offers:>9}{better:>8}  {promoted}"
            )
        found = look_up(session, _settings().home)
        if found.trouble:
            click.echo(f"Warning: {found.trouble} {found.version} is used until this is repaired.", err=True)


@models.command("show")
@click.argument("version")
def show(version: str) -> None:
    """The card of VERSION: what it learned from, how it was checked, and what came of that."""
    with _session(writes=False) as session:
        _show(session, version)


@models.command("promote")
@click.argument("version")
@click.option("--by", "email", required=True, help="E-mail address of the beheerder or coordinator who decides.")
def promote(version: str, email: str) -> None:
    """Put VERSION in use. Only where its card shows that it is better than the one in use now."""
    from matching.services import models as register
    from matching.services.matcher.rule_in_use import check

    with _session(writes=True) as session:
        by = register.decider(session, email)
        check(register.find(session, version), _settings().home)
        chosen = register.promote(session, version, by=by.id or 0, now=utcnow())
    click.echo(f"{chosen.version} is in use now.")


@models.command("rollback")
@click.option("--by", "email", required=True, help="E-mail address of the beheerder or coordinator who decides.")
def roll_back(email: str) -> None:
    """Put the model back in use that was used before the present one; one whose file is gone is passed over."""
    from matching.errors import IllegalMove
    from matching.services import models as register
    from matching.services.matcher.rule_in_use import check

    with _session(writes=True) as session:
        by = register.decider(session, email)
        while True:  # the stated rule needs no file, so this ends
            chosen = register.roll_back(session, by=by.id or 0, now=utcnow())
            try:
                check(chosen, _settings().home)
                break
            except IllegalMove as error:
                click.echo(f"{error} Going back one further.", err=True)
    click.echo(f"{chosen.version} is in use now.")


def _show(session: Session, version: str) -> None:
    from matching.services import models as register

    model = register.find(session, version)
    for name, value in _lines(model, model.card):
        click.echo(f"{name:<28}{value}")


def _lines(model: AcceptanceModel, card: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "version", model.version
    yield "kind", model.kind
    yield "state", str(model.state)
    yield "uses", ", ".join(card.get("uses", [])) or "-"
    yield "never sees", ", ".join(card.get("excluded", [])) or "-"
    for name, number in card.get("stated", {}).items():
        yield f"assumed {name}", f"{number:g}"
    if "data" not in card:
        return
    data, checks, then = card["data"], card["checks"], card["in_use_checks"]
    yield "learned from", f"{data['outcomes']} outcomes, {data['answers']} answers, {data['yeses']} yes"
    yield "period", f"{data['first_day']} to {data['last_day']}, judged from {data['judged_from']}"
    yield "AUC", f"{checks['auc']:.3f} ({card['in_use']}: {then['auc']:.3f})"
    yield "calibration error", f"{checks['calibration_error']:.3f} ({card['in_use']}: {then['calibration_error']:.3f})"
    gap = card["difference"]
    yield "log loss, difference", f"{gap['value']:+.4f} (95 %: {gap['low']:+.4f} to {gap['high']:+.4f})"
    policy = card["off_policy"]
    if "value" in policy:
        ranged = f"{policy['value']:.3f} (95 %: {policy['low']:.3f} to {policy['high']:.3f})"
        yield "yes per question, if it chose", f"{ranged}, was {policy['logged']:.3f}"
    else:
        yield "yes per question, if it chose", policy["why"]
    for found in card["findings"]:
        yield "finding", found["sentence"]
    yield "may be promoted", "yes" if card["promotable"] else "no"
