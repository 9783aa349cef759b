"""Mantelzorg: how it goes, time off, what is left, and the plan for when the carer drops out."""

from web.views.care import arranging, calendar, home, ledger, looks, plan, relief, situation, strain
from web.views.care.blueprint import bp

__all__ = ["arranging", "bp", "calendar", "home", "ledger", "looks", "plan", "relief", "situation", "strain"]
