"""How heavy it was before and after time off, of the same mantelzorgers: a mean difference with its interval.

It is no proof that the time off did it: people ask when it is heaviest, and after a peak it gets lighter anyway.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from math import fsum, sqrt
from statistics import NormalDist, fmean, stdev
from typing import Any, TypedDict

from sqlalchemy import func, select
from sqlmodel import Session, col

from matching.models import CareSituation, RespijtBooking, StrainCheck
from matching.services.reach import within
from matching.services.strain import OWN
from matching.suppression import FEW
from matching.workflow import BookingState
from matching.working_days import AMSTERDAM

BEFORE = timedelta(weeks=8)  # the last check in these weeks, until the first day off
AFTER_FROM, AFTER_UNTIL = timedelta(weeks=6), timedelta(weeks=20)  # the first check between these
AT_ONCE = 500  # keys in one query


class Change(TypedDict):
    """Mean points of the own check before and after, the mean difference (below zero: lighter) with its 95 %
    interval, and of how many mantelzorgers."""

    before: float
    after: float
    change: float
    low: float
    high: float
    carers: int


def read_change(session: Session, gemeente_code: str) -> Change | None:
    """For all mantelzorgers of a gemeente with a check before and one after their first time off; None for too few.

    Only the scores that it takes are decrypted.
    """
    chosen = pairs(_first_days(session, gemeente_code), _checks(session, gemeente_code))
    scores = _scores(session, [key for pair in chosen for key in pair])
    return summary([(scores[before], scores[after]) for before, after in chosen])


def pairs(first_days: Mapping[int, tuple[int, date]], checks: Iterable[Any]) -> list[tuple[int, int]]:
    """Keys of the check before and the one after, one pair for each mantelzorger.

    first_days: by situation, the mantelzorger and the first day off. checks: rows with id, situation_id and day.
    """
    found: dict[int, list[Any]] = defaultdict(list)
    for check in checks:
        found[check.situation_id].append(check)
    chosen: dict[int, tuple[int, int]] = {}
    for situation_id, (carer, first) in sorted(first_days.items()):
        before = [check for check in found[situation_id] if first - BEFORE <= check.day <= first]
        after = [check for check in found[situation_id] if first + AFTER_FROM <= check.day <= first + AFTER_UNTIL]
        if before and after:
            pair = max(before, key=lambda check: check.day).id, min(after, key=lambda check: check.day).id
            chosen.setdefault(carer, pair)
    return list(chosen.values())


def summary(scores: Sequence[tuple[int, int]]) -> Change | None:
    """The mean of the differences with the interval of a paired t; None for fewer than FEW pairs."""
    if len(scores) < FEW:
        return None
    differences = [after - before for before, after in scores]
    change = fmean(differences)
    wide = t_quantile(0.975, len(scores) - 1) * stdev(differences) / sqrt(len(scores))
    return Change(
        before=round(fmean(before for before, _after in scores), 1),
        after=round(fmean(after for _before, after in scores), 1),
        change=round(change, 1),
        low=round(change - wide, 1),
        high=round(change + wide, 1),
        carers=len(scores),
    )


def t_quantile(p: float, freedom: int) -> float:
    """Of Student's t, from the normal one: Abramowitz and Stegun 26.7.5. Within .001 from 4 degrees of freedom on."""
    z = NormalDist().inv_cdf(p)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + fsum(term / float(freedom) ** power for power, term in enumerate(terms, 1))


def _first_days(session: Session, gemeente_code: str) -> dict[int, tuple[int, date]]:
    c, b = CareSituation, RespijtBooking
    query = (
        select(col(c.id), col(c.mantelzorger_id), func.min(col(b.starts_at)).label("first"))
        .join(b, col(b.situation_id) == col(c.id))
        .where(within(col(c.buurt_code), (gemeente_code,)), col(b.state) == BookingState.USED)
        .group_by(col(c.id), col(c.mantelzorger_id))
    )
    rows = session.connection().execute(query)
    return {row.id: (row.mantelzorger_id, row.first.astimezone(AMSTERDAM).date()) for row in rows}


def _checks(session: Session, gemeente_code: str) -> Iterable[Any]:
    c, s = CareSituation, StrainCheck
    query = (
        select(col(s.id), col(s.situation_id), col(s.day))
        .join(c, col(c.id) == col(s.situation_id))
        .where(within(col(c.buurt_code), (gemeente_code,)), col(s.instrument) == OWN)
    )
    return session.connection().execute(query)


def _scores(session: Session, keys: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for at in range(0, len(keys), AT_ONCE):
        query = select(col(StrainCheck.id), col(StrainCheck.result)).where(
            col(StrainCheck.id).in_(keys[at : at + AT_ONCE])
        )
        found |= {row.id: int(row.result["score"]) for row in session.connection().execute(query)}
    return found
