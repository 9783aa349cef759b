"""The plan for when the carer drops out: whether there is one, who said yes, and whether it still holds."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from matching.models import CareSituation
from matching.services import care, drop_out
from matching.working_days import AMSTERDAM
from web import plan_words


@dataclass(frozen=True, slots=True)
class View:
    """has_plan: something is written or somebody was asked. people: (name, telephone, what they said), in order."""

    has_plan: bool
    people: list[tuple[str, str, str]]
    agreed: int
    confirmed: str
    is_overdue: bool
    is_called: bool
    comes: list[str]


def home(session: Session, situation: CareSituation, now: datetime) -> View | None:
    """Two queries. None when the situation is closed: then the plan is hidden."""
    if not care.is_open(situation):
        return None
    assert situation.id is not None
    plan = drop_out.of(session, situation.id)
    if plan is None:
        return View(False, [], 0, "", False, False, [])
    is_called = plan.is_called(now)
    return View(
        has_plan=not plan.is_empty,
        people=[(row.name, plan_words.phone(row), plan_words.standing(row)) for row in plan.stand_ins],
        agreed=sum(1 for row in plan.stand_ins if row.said_yes),
        confirmed=plan_words.confirmed(plan),
        is_overdue=plan.is_overdue(now.astimezone(AMSTERDAM).date()),
        is_called=is_called,
        comes=[row.name for row in plan.stand_ins if row.comes] if is_called else [],
    )


def desk(session: Session, situation: CareSituation, now: datetime) -> View | None:
    """The same; the page that shows it notes the look."""
    return home(session, situation, now)
