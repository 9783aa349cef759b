"""The card of a model: everything the public page of a version says of it, as plain JSON.

Figures about fewer than five people are left out, and so is what they could be worked out from: where one group of a
division is left out, the smallest of the others goes too, until the ones left out together hold at least five of
everything that is counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlmodel import Session

from matching.models import AcceptanceModel
from matching.ranking.acceptance import PriorRule
from matching.ranking.evaluation import Figures, Group, Interval
from matching.ranking.features import EXCLUDED, FEATURES, NAMES, OfferLog, feature_matrix
from matching.services.models import PRIOR

if TYPE_CHECKING:
    from matching.ranking.training import TrainingReport  # brings the estimators, which a matching run needs not

FORMAT = 1
FEW = 5


@dataclass(frozen=True, slots=True)
class Counted:
    """Whom a group of judged offers is about: who was asked, who needed help, and how many yeses and others."""

    volunteers: frozenset[int]
    askers: frozenset[int]
    yeses: int
    others: int  # no, or no answer

    @property
    def smallest(self) -> int:
        return min(len(self.volunteers), len(self.askers), self.yeses, self.others)


def together(counted: Iterable[Counted]) -> Counted:
    """Several groups as one."""
    total = Counted(frozenset(), frozenset(), 0, 0)
    for each in counted:
        total = Counted(
            total.volunteers | each.volunteers,
            total.askers | each.askers,
            total.yeses + each.yeses,
            total.others + each.others,
        )
    return total


def published(groups: Mapping[str, Group], counted: Mapping[str, Counted]) -> list[dict[str, Any]]:
    """The rows of a division that may be shown: {"key", "offers", "said", "came"}, or {"key"} for one left out."""
    shown = sorted(groups, key=lambda key: (counted[key].smallest, key))
    hidden = [key for key in shown if counted[key].smallest < FEW]
    shown = [key for key in shown if key not in hidden]
    while hidden and shown and (len(hidden) < 2 or together(counted[k] for k in hidden).smallest < FEW):
        hidden.append(shown.pop(0))
    rows = [_row(key, groups[key]) for key in shown] + [{"key": key} for key in hidden]
    return sorted(rows, key=lambda row: str(row["key"]))


def _row(key: str, group: Group) -> dict[str, Any]:
    return {"key": key, "offers": round(group.offers), "said": round(group.said, 3), "came": round(group.came, 3)}


@dataclass(frozen=True, slots=True)
class Trained:
    """What the card of a trained model is made from, beside the report. Days on the Dutch calendar.

    groups: by name of a division ("buurt", "language") the groups and what is counted of each. off_policy: see
    `policy_part`.
    """

    first_day: date
    last_day: date
    judged_from: date
    answers: int
    yeses: int
    volunteers: int
    requests: int
    known: tuple[str, ...]  # features of which anything is known in the log
    groups: Mapping[str, tuple[Mapping[str, Group], Mapping[str, Counted]]]
    off_policy: dict[str, Any]


def trained_card(report: TrainingReport, facts: Trained) -> dict[str, Any]:
    """The card of the best candidate of a training."""
    return {
        "format": FORMAT,
        "uses": [name for name in report.best.model.features if name in facts.known],
        "excluded": list(EXCLUDED),
        "data": {
            "first_day": facts.first_day.isoformat(),
            "last_day": facts.last_day.isoformat(),
            "judged_from": facts.judged_from.isoformat(),
            "offers": report.offers,
            "outcomes": report.outcomes,
            "answers": facts.answers,
            "yeses": facts.yeses,
            "volunteers": facts.volunteers if facts.volunteers >= FEW else None,
            "requests": facts.requests if facts.requests >= FEW else None,
        },
        "checks": _figures(report.best.figures),
        "in_use": report.in_use_version,
        "in_use_checks": _figures(report.in_use),
        "unseen": _figures(report.unseen),
        "kinds": {each.model.kind: _figures(each.figures) for each in report.candidates},
        "difference": _interval(report.best.difference),
        "groups": {name: published(*division) for name, division in facts.groups.items()},
        "off_policy": facts.off_policy,
        "promotable": report.promotable,
        "findings": [
            {"key": each.key, "values": {k: _number(v) for k, v in each.values.items()}, "sentence": str(each)}
            for each in report.findings
        ],
    }


def policy_part(estimate: Interval, *, logged: float, decisions: int, effective: float) -> dict[str, Any]:
    """What the model's choices would have brought: yeses per question, with its interval and what really came."""
    counts = {"logged": _number(logged), "decisions": decisions, "effective": round(effective)}
    return _interval(estimate) | counts


def _figures(found: Figures) -> dict[str, Any]:
    """Without the bins: each is about few people."""
    names = ("offers", "yeses", "log_loss", "brier", "auc", "calibration_error", "calibration_floor")
    return {name: _number(getattr(found, name)) for name in names}


def _interval(found: Interval) -> dict[str, Any]:
    return {name: _number(value) for name, value in asdict(found).items()}


def _number(value: Any) -> Any:
    """Rounded to what a reader can use; JSON knows no nan."""
    if not isinstance(value, float):
        return value
    return round(value, 6) if np.isfinite(value) else None


def stated_card(rule: PriorRule) -> dict[str, Any]:
    """The card of the stated rule: its numbers, which are assumptions, and what it makes of some examples."""
    return {
        "format": FORMAT,
        "uses": list(used_by(rule)),
        "excluded": list(EXCLUDED),
        "stated": asdict(rule),
        "examples": {key: round(p, 4) for key, p in _examples(rule).items()},
        "promotable": False,
    }


_USUAL = {"km": 2.0, "shared_slots": 1.0, "answered_before": 0.0, "accepted_before": 0.0}
_CASES: dict[str, dict[str, float]] = {
    "two_km": {},
    "half_km": {"km": 0.5},
    "four_km": {"km": 4.0},
    "four_slots": {"shared_slots": 4.0},
    "yesterday": {"days_since_offer": 1.0},
    "last_week": {"days_since_offer": 7.0},
    "said_yes": {"answered_before": 5.0, "accepted_before": 5.0},
    "said_no": {"answered_before": 5.0},
}


def _examples(rule: PriorRule) -> dict[str, float]:
    log = _offers([_USUAL | case for case in _CASES.values()])
    return dict(zip(_CASES, rule.score_log(log).tolist(), strict=True))


def used_by(rule: PriorRule) -> tuple[str, ...]:
    """The features that change what the rule says: found by changing each of them."""
    usual = dict.fromkeys(NAMES, 2.0)
    changed = [usual | {feature.name: 1.0} for feature in FEATURES]
    p = rule.score_log(_offers([usual, *changed]))
    return tuple(name for name, differs in zip(NAMES, (p[1:] != p[0]).tolist(), strict=True) if differs)


def _offers(rows: list[dict[str, float]]) -> OfferLog:
    """Made-up offers with these features, to ask a rule about."""
    k = len(rows)
    columns = {name: np.array([row.get(name, np.nan) for row in rows]) for name in NAMES}
    no, who, at = np.zeros(k, bool), np.arange(k, dtype=np.int32), np.zeros(k)
    return OfferLog(at, np.full(k, np.nan), who, np.zeros(k, np.int32), no, no, no, no, feature_matrix(k, columns))


def keep_stated(session: Session) -> None:
    """Let the register hold what the program says of the stated rule, so that the public page can show it."""
    rule = PriorRule()
    model, card = session.get(AcceptanceModel, rule.version), stated_card(rule)
    if model is not None and model.kind == PRIOR and model.card != card:
        model.card = card
        session.add(model)
