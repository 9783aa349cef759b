"""Which rule says how likely a yes is: the model of the register that is in use, or the stated rule without one.

A file that is missing, foreign, newer or changed changes nothing in the register: the model in use stays in use, and
until its file is back the stated rule does its work. That is logged, and every run says which rule it used.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, select

from matching.errors import IllegalMove
from matching.models import AcceptanceModel
from matching.ranking.acceptance import AcceptanceRule, PriorRule
from matching.services.matcher.context import in_context, offer_context
from matching.services.matcher.town import Town
from matching.services.models import FOLDER, PRIOR
from matching.workflow import ModelState

log = logging.getLogger("omzien.models")


@dataclass(frozen=True, slots=True)
class InUse:
    """The rule to match with, the version it has in the register, and what is wrong with the registered one."""

    rule: AcceptanceRule
    version: str
    trouble: str = ""  # a sentence; empty when all is well


def rule_in_use(session: Session, home: Path | None) -> tuple[AcceptanceRule, str]:
    """The rule to match with and its version. home: the folder that holds models/; None: only the stated rule."""
    found = look_up(session, home)
    if found.trouble:
        log.warning("%s The stated rule %s is used until this is repaired.", found.trouble, found.version)
    return found.rule, found.version


def look_up(session: Session, home: Path | None) -> InUse:
    """The same with the sentence about what is wrong, without logging it."""
    model = session.exec(select(AcceptanceModel).where(AcceptanceModel.state == ModelState.IN_USE)).first()
    prior = PriorRule()
    if model is None or model.kind == PRIOR:
        return InUse(prior, prior.version)
    try:
        return InUse(check(model, home), model.version)
    except IllegalMove as error:
        return InUse(prior, prior.version, str(error))


def check(model: AcceptanceModel, home: Path | None) -> AcceptanceRule:
    """The rule of a registered model, from its file. Raises IllegalMove with a sentence where that cannot be used."""
    if model.kind == PRIOR:
        return PriorRule()
    if home is None:
        raise IllegalMove(f"Model {model.version} has a file, and no folder with model files is known here.")
    from matching.ranking.model_files import ModelFileError, load  # scikit-learn, only where it is needed

    try:
        return load(home / FOLDER / model.file_name, model.sha256)
    except ModelFileError as error:
        raise IllegalMove(f"Model {model.version} cannot be used: {error}") from error


def told_of_now(session: Session, rule: AcceptanceRule, town: Town, *, now: datetime) -> AcceptanceRule:
    """The rule for matching this very town: a model that learned is told what holds now."""
    if isinstance(rule, PriorRule):
        return rule
    return in_context(rule, offer_context(session, town, now=now))
