"""The desk of the opbouwwerker: today, requests, choosing, people; and of the coordinator: sharing help fairly."""

from web.views.desk import (
    arranging,
    asking_around,
    care,
    dials,
    judging,
    ledger,
    people,
    plan,
    providers,
    recruitment,
    requests,
    respijt,
    respijt_calendar,
    respijt_figures,
    signals,
    today,
)
from web.views.desk.blueprint import bp

__all__ = [
    "arranging",
    "asking_around",
    "bp",
    "care",
    "dials",
    "judging",
    "ledger",
    "people",
    "plan",
    "providers",
    "recruitment",
    "requests",
    "respijt",
    "respijt_calendar",
    "respijt_figures",
    "signals",
    "today",
]
