"""Mantelzorg: how it goes, time off, what is left, and the plan for when the carer drops out."""

from web.views.care import home
from web.views.care.blueprint import bp

__all__ = ["bp", "home"]
