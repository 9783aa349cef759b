"""The blueprint, and what its chapters share."""

from secrets import token_hex

from flask import Blueprint, g

from matching.models import CareSituation
from matching.services import care
from web.auth import viewer
from web.db import db

bp = Blueprint("care", __name__, url_prefix="/mantelzorg")
KEY = "<int(max=2147483647):{}>"  # what both databases can hold as a key; more is no page of ours


def me() -> int:
    account_id = viewer().account_id
    assert account_id is not None
    return account_id


def my_situation(situation_id: int) -> CareSituation:
    """The mantelzorger's own, or a 404."""
    return care.own(db(), viewer().account_id, situation_id)


def trace_id() -> str:
    """One number for this request, under which looks at personal data are logged."""
    if "trace_id" not in g:
        g.trace_id = token_hex(16)
    return str(g.trace_id)
