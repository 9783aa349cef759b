"""Helping: becoming a volunteer, the profile, days away, looking around. One blueprint in four short chapters."""

from web.views.volunteering import absences, joining, looking, profile  # noqa: F401  # they add their views to bp
from web.views.volunteering.blueprint import bp

__all__ = ["bp"]
