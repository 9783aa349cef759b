"""Moments as the planner and the models count them: hours since a Monday 00:00 on the Dutch clock.

One moment, `now`, is read off the clock on the wall, so that the hour of the day and of the week is the one that
people see. Every other moment is so many real hours before or after it. When the clock changes, seven days stay 168
hours: nobody gets a fourth message because a night had an hour less, or waits for one because it had an hour more.
Only the hour of the day of a moment across the change is an hour off, which nothing that is counted depends on.
"""

from datetime import datetime

from matching.working_days import AMSTERDAM

MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001  # on the wall: any Monday will do


def wall_hours(now: datetime) -> float:
    """Hours since a Monday 00:00 on the Dutch clock; modulo 168 the hour of the week."""
    return (now.astimezone(AMSTERDAM).replace(tzinfo=None) - MONDAY).total_seconds() / 3600


def hours_at(moment: datetime, *, now: datetime) -> float:
    """The same for a moment, counted in real hours from `now`."""
    return wall_hours(now) + (moment - now).total_seconds() / 3600
