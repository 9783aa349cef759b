"""The public register of models: which versions there are, and of each what is known, as the register says it."""

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlmodel import col, select

from matching.access import may_administer
from matching.models import Buurt
from matching.models.base import utcnow
from matching.services import dials, model_practice, models
from matching.services.model_practice import FEW, Practice
from matching.services.models import Change
from matching.workflow import ModelState
from web import model_words
from web.access import public
from web.auth import viewer
from web.db import db

bp = Blueprint("algorithm", __name__, url_prefix="/algoritme")
MOST_CANDIDATES = 10  # one a week is made; those that were never used say little after that


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A line of the checks per group. Without said and came: too few people to show it."""

    name: str
    offers: int
    said: float | None
    came: float | None


@bp.get("")
@public
def index() -> ResponseReturnValue:
    every, changes = models.versions(db()), models.changes(db())
    never_used = [model.version for model in every if model.state == ModelState.CANDIDATE][MOST_CANDIDATES:]
    shown = [model for model in every if model.version not in never_used]
    return render_template(
        "algorithm/index.html", words=model_words, models=shown, changes=changes, fell_back=_fell_back(changes)
    )


@bp.get("/<version>")
@public
def show(version: str) -> ResponseReturnValue:
    now = utcnow()
    model = models.find(db(), version)
    changes = models.changes(db())
    period = model_practice.period_of(model, changes, now=now)
    return render_template(
        "algorithm/show.html",
        words=model_words,
        model=model,
        card=model.card,
        changes=[change for change in changes if version in (change.version, change.replaced)],
        came=next((change.at for change in changes if change.version == version), None),
        groups={name: _group_rows(name, rows) for name, rows in model.card.get("groups", {}).items()},
        period=period,
        practice=_told(model_practice.read_practice(db(), period)) if period else None,
        few=FEW,
        dials=list(dials.read(db()).values()) if model.state == ModelState.IN_USE else [],
        fell_back=_fell_back(changes) if model.state == ModelState.IN_USE else None,
        is_beheerder=may_administer(viewer()),
    )


def _fell_back(changes: list[Change]) -> str | None:
    """The version that the newest matching run used because the one in use could not be read; None when all is well.
    A run from before the last change says nothing."""
    run, present = model_practice.last_run(db()), models.in_use(db())
    if run is None or run.model == present.version or (changes and run.started_at <= changes[0].at):
        return None
    return run.model


def _group_rows(name: str, rows: list[dict[str, Any]]) -> list[GroupRow]:
    names = _buurt_names() if name == "buurt" else model_words.LANGUAGE_GROUPS
    made = [
        GroupRow(str(names.get(row["key"], row["key"])), row.get("offers", 0), row.get("said"), row.get("came"))
        for row in rows
    ]
    return sorted(made, key=lambda row: (row.said is None, row.name))


def _buurt_names() -> dict[str, Any]:
    rows = db().connection().execute(select(col(Buurt.code), col(Buurt.name)))
    return {row.code: row.name for row in rows}


def _told(practice: Practice) -> dict[str, int | float | None]:
    """What may be told of it. None stands for fewer than five, and for what would give such a number away."""

    def count(number: int) -> int | None:
        return number if number >= FEW else None

    parts = (practice.somebody_else, practice.nobody)
    both = all(part >= FEW for part in parts)
    known = practice.otherwise >= FEW and practice.followed >= FEW
    learns = practice.by_lot >= FEW and practice.asked_by_program - practice.by_lot >= FEW
    return {
        "choices": count(practice.choices),
        "otherwise": practice.otherwise if known else None,
        "otherwise_share": practice.otherwise / practice.choices if known else None,
        "somebody_else": practice.somebody_else if known and both else None,
        "nobody": practice.nobody if known and both else None,
        "asked_by_program": count(practice.asked_by_program),
        "by_lot": practice.by_lot if learns else None,
        "by_lot_share": practice.by_lot / practice.asked_by_program if learns else None,
    }
