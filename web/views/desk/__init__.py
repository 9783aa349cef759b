"""The desk of the opbouwwerker: today, requests, choosing, people."""

from web.views.desk import judging, people, requests, today
from web.views.desk.blueprint import bp

__all__ = ["bp", "judging", "people", "requests", "today"]
