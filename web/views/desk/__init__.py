"""The desk of the opbouwwerker: today, requests, choosing, people; and of the coordinator: sharing help fairly."""

from web.views.desk import asking_around, dials, judging, people, recruitment, requests, today
from web.views.desk.blueprint import bp

__all__ = ["asking_around", "bp", "dials", "judging", "people", "recruitment", "requests", "today"]
