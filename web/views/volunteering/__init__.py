"""Helping: becoming a volunteer, the profile, days away, looking around. One blueprint in short chapters."""

from web.views.volunteering import absences, joining, looking, profile, respijt, respijt_calendar
from web.views.volunteering.blueprint import bp

__all__ = ["absences", "bp", "joining", "looking", "profile", "respijt", "respijt_calendar"]
