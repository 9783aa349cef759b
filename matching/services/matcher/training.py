"""Learning a model from the log of offers, in three parts: read, learn without the database, and register.

A candidate is all that comes out. Whether it may be used is on its card; that it is used, a human decides.
"""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlmodel import Session, col, select

from matching.errors import OmzienError
from matching.models import AcceptanceModel, HelpRequest, Tag
from matching.ranking import acceptance
from matching.ranking.acceptance import AcceptanceRule
from matching.ranking.effects import effects_known
from matching.ranking.evaluation import EvaluationError, Group, evaluate_policy
from matching.ranking.features import NAMES
from matching.ranking.model_files import save
from matching.ranking.problem import FloatArray, IntArray
from matching.ranking.training import TrainingError, TrainingReport, train
from matching.services.history import record
from matching.services.matcher.hours import MONDAY, wall_hours
from matching.services.matcher.learning_log import (
    BY_ITSELF,
    OFFER,
    Log,
    LoggedEdges,
    decisions_for_evaluation,
    read_log,
)
from matching.services.matcher.model_card import Counted, Trained, policy_part, trained_card
from matching.services.matcher.rule_in_use import look_up
from matching.services.matcher.town import read_places
from matching.services.models import FOLDER

EVER = datetime(1970, 1, 1, tzinfo=UTC)  # also what a clock that was wrong wrote
Progress = Callable[[float], None]
Bools = npt.NDArray[np.bool_]


class CannotTrain(OmzienError):
    """Nothing was trained and nothing changed; the message says why."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What is learned from: the log without what volunteers offered themselves, the asker of each choice int64[k], the
    codes behind the numbers of the buurten, and the rule to do better than."""

    log: Log
    asker: npt.NDArray[np.int64]
    buurt_codes: list[str]
    in_use: AcceptanceRule


@dataclass(frozen=True, slots=True)
class Learned:
    """A model that nobody registered yet, with its card."""

    model: acceptance.AcceptanceModel
    card: dict[str, Any]


def read(session: Session, home: Path) -> Reading:
    """Raises CannotTrain where the model in use cannot be read: there is nothing to compare with."""
    present = look_up(session, home)
    if present.trouble:
        raise CannotTrain(f"{present.trouble} Without it nothing can be compared, so nothing was trained.")
    log = read_log(session, EVER, with_edges=True)
    log = only(log, log.source != OFFER)  # whoever offered had said yes before anybody asked
    rows = session.connection().execute(select(col(HelpRequest.id), col(HelpRequest.asker_id)))
    askers = {key: asker for key, asker in rows}  # noqa: C416  # a result has keys() of its own
    asker = np.array([askers[key] for key in log.request.tolist()], np.int64)
    return Reading(log, asker, list(read_places(session)[0]), present.rule)


def learn(reading: Reading, *, now: datetime, progress: Progress | None = None) -> Learned:
    """Train on what was read, judge on the latest weeks, and write the card. Raises CannotTrain with a sentence."""
    told = progress or (lambda done: None)
    offers = reading.log.offers
    try:
        report = train(offers, wall_hours(now), reading.in_use, version=f"{_day(wall_hours(now))}")
    except TrainingError as error:
        raise CannotTrain(str(error)) from error
    told(0.8)
    late = (offers.sent_h >= report.calibrated_h) & offers.settled
    facts = Trained(
        first_day=_day(report.first_h),
        last_day=_day(report.last_h),
        judged_from=_day(report.calibrated_h),
        answers=int(offers.answered.sum()),
        yeses=int(offers.accepted.sum()),
        volunteers=len(np.unique(offers.volunteer)),
        requests=len(np.unique(reading.log.request)),
        known=tuple(np.array(NAMES)[np.isfinite(offers.X).any(axis=0)].tolist()),
        groups={
            "buurt": _division(reading, late, offers.buurt, report.per_buurt, reading.buurt_codes),
            "language": _division(reading, late, offers.needs_language, report.per_language, ["no", "yes"]),
        },
        off_policy=_off_policy(reading.log, report, late),
    )
    told(0.95)
    return Learned(report.best.model, trained_card(report, facts))


def register(session: Session, home: Path, learned: Learned, *, now: datetime) -> AcceptanceModel:
    """Write the file and put the candidate in the register. The file is there before the row is."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    version, path, sha256 = _kept_file(session, folder, learned.model)
    data = learned.card["data"]
    made = AcceptanceModel(
        version=version,
        kind=learned.model.kind,
        file_name=path.name,
        sha256=sha256,
        trained_at=now,
        first_day=date.fromisoformat(data["first_day"]),
        last_day=date.fromisoformat(data["last_day"]),
        offers=data["outcomes"],
        card=learned.card,
    )
    session.add(made)
    facts = {"version": version, "kind": made.kind, "outcomes": made.offers, "promotable": learned.card["promotable"]}
    record(session, Tag.MODEL_TRAINED, made, now=now, **facts)
    session.flush()
    return made


def _kept_file(session: Session, folder: Path, model: acceptance.AcceptanceModel) -> tuple[str, Path, str]:
    """A name that nobody has yet, the file under it, whole or not at all, and its sha256."""
    for number in count(1):
        version = model.version if number == 1 else f"{model.version}-{number}"
        path = folder / f"{version}.skops"
        if session.get(AcceptanceModel, version) is not None or path.exists():
            continue
        with tempfile.TemporaryDirectory(dir=folder) as draft:
            name, sha256 = save(replace(model, version=version), draft)
            written = Path(draft) / name
            _to_disk(written)
            try:
                os.link(written, path)
            except FileExistsError:
                continue  # another training was a moment earlier
        _to_disk(folder)
        return version, path, sha256
    raise AssertionError("count() does not end")


def _to_disk(path: Path) -> None:
    """The register must not know of a file that a power cut takes away."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _day(hours: float) -> date:
    return (MONDAY + timedelta(hours=hours)).date()


def only(log: Log, mask: Bools) -> Log:
    """These choices of the log, with the people of each."""
    place = np.cumsum(mask) - 1
    edges = log.edges
    if edges is not None:
        mine = mask[edges.decision]
        columns = {name: getattr(edges, name)[mine] for name in LoggedEdges.__slots__}
        edges = LoggedEdges(**columns | {"decision": place[columns["decision"]].astype(np.int32)})
    return Log(log.offers.take(mask), log.request[mask], log.source[mask], log.model[mask], edges)


def _division(
    reading: Reading, late: Bools, key: npt.NDArray[Any], groups: dict[int, Group], names: list[str]
) -> tuple[dict[str, Group], dict[str, Counted]]:
    """The groups of a division of the judged offers (mask `late`) by name, and whom each is about."""
    offers = reading.log.offers
    counted = {}
    for number in groups:
        mine = late & (key == number)
        yeses = int(offers.accepted[mine].sum())
        volunteers = frozenset(offers.volunteer[mine].tolist())
        askers = frozenset(reading.asker[mine].tolist())
        counted[names[number]] = Counted(volunteers, askers, yeses, int(mine.sum()) - yeses)
    return {names[number]: group for number, group in groups.items()}, counted


def _off_policy(log: Log, report: TrainingReport, late: Bools) -> dict[str, Any]:
    """What would have come of the judged questions that the program sent, if the new model had chosen whom to ask."""
    model, judged = report.best.model, late & np.isin(log.source, BY_ITSELF)
    try:
        decisions, edges = decisions_for_evaluation(only(log, judged))
        then = log.offers.sent_h[judged][edges.decision]
        past = effects_known(log.offers, model.log_odds(log.offers.X), model.effect_sd, edges.volunteer, then)
        target = likeliest(model.chance(edges.X, past), edges.decision)
        found = evaluate_policy(decisions, target, edges.p)
    except EvaluationError as error:
        return {"why": str(error)}
    logged = float(decisions.reward.mean())
    return policy_part(found.doubly_robust, logged=logged, decisions=found.decisions, effective=found.effective)


def likeliest(p: FloatArray, decision: IntArray) -> FloatArray:
    """float64[c]: the policy that asks whoever has the highest p in each decision; equal ones share."""
    best = np.full(int(decision.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(best, decision, p)
    chosen = (p == best[decision]).astype(float)
    share: FloatArray = chosen / np.bincount(decision, chosen)[decision]
    return share
