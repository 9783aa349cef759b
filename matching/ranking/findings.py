"""What the training says: sentences about a model, and about a log that cannot be learned from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from matching.ranking.features import COLUMN, OfferLog

Bools = npt.NDArray[np.bool_]

LEAST_OUTCOMES = 1000

# Sentences are English; whoever shows them translates the template and fills in the values.
SENTENCES = {
    "better": "On the latest weeks its log loss is %(gain).4f lower than that of %(in_use)s (95 %% certain: between "
    "%(low).4f and %(high).4f lower).",
    "not_better": "On the latest weeks it is not better than %(in_use)s with 95 %% certainty: the difference in log "
    "loss lies between %(low).4f and %(high).4f (less is better).",
    "calibrated": "What it says and what comes differ by %(error).3f on average (aim %(aim).3f, %(in_use)s "
    "%(other).3f).",
    "not_calibrated": "What it says and what comes differ by %(error).3f on average, more than the aim of %(aim).3f "
    "and more than the %(other).3f of %(in_use)s.",
    "no_offers": "There are no offers to learn from.",
    "too_few": "There are %(outcomes)d outcomes and at least %(least)d are needed, so the stated rule stays in use.",
    "too_few_answers": "The %(period)s has %(answers)d answers, of which %(yeses)d yes; at least %(least)d are needed, "
    "with %(kind)d of each kind.",
    "one_class": "All %(answers)d answers are %(kind)s, so there is nothing to tell apart.",
    "times_missing": "%(count)d offers have a time that is missing or no number, so the log cannot be put in order.",
    "future": "%(count)d offers were sent or answered after now: the clock must have jumped.",
    "too_early": "%(count)d offers were sent before the system existed: the clock must have jumped.",
    "answered_before_sent": "%(count)d offers were answered before they were sent: the clock must have jumped.",
    "contradiction": "%(count)d offers are accepted without an answer, or answered without a time, or the other way "
    "round.",
    "bad_feature": "%(count)d values of %(feature)s are infinite or less than 0.",
    "all_new": "Nobody who was asked in the latest weeks had been asked before, so the volunteers in the log cannot be "
    "the same people throughout.",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence with its numbers. key: of SENTENCES."""

    key: str
    values: dict[str, Any]

    def __str__(self) -> str:
        return SENTENCES[self.key] % self.values


class TrainingError(Exception):
    """Nothing was trained; str() is a sentence that says why, `finding` holds its parts."""

    def __init__(self, key: str, **values: Any) -> None:
        self.finding = Finding(key, values)
        super().__init__(str(self.finding))


def check_log(log: OfferLog, now_h: float, earliest_h: float = 0.0) -> None:
    """Raises TrainingError where the log cannot be right, or holds too little."""
    if not len(log):
        raise TrainingError("no_offers")
    _check_times(log, now_h, earliest_h)
    torn = (log.answered != np.isfinite(log.answered_h)) | (log.accepted & ~log.answered)
    _refuse("contradiction", torn)
    for name, index in COLUMN.items():
        wrong = np.isinf(log.X[:, index]) | (log.X[:, index] < 0)
        if wrong.any() and name != "hours_to_deadline":
            raise TrainingError("bad_feature", count=int(wrong.sum()), feature=name)
    outcomes = int(log.settled.sum())
    if outcomes < LEAST_OUTCOMES:
        raise TrainingError("too_few", outcomes=outcomes, least=LEAST_OUTCOMES)
    answers, yeses = int(log.answered.sum()), int(log.accepted.sum())
    if yeses in (0, answers):
        raise TrainingError("one_class", answers=answers, kind="yes" if yeses else "no")


def _check_times(log: OfferLog, now_h: float, earliest_h: float) -> None:
    _refuse("times_missing", ~np.isfinite(log.sent_h) | np.isinf(log.answered_h) | np.isinf(log.closed_h))
    _refuse("future", (log.sent_h > now_h) | (np.nan_to_num(log.answered_h, nan=-np.inf) > now_h))
    _refuse("too_early", log.sent_h < earliest_h)
    _refuse("answered_before_sent", np.nan_to_num(log.answered_h - log.sent_h, nan=0.0) < 0)


def _refuse(key: str, wrong: Bools) -> None:
    if wrong.any():
        raise TrainingError(key, count=int(wrong.sum()))
