"""Whom to look for, so that more requests find somebody."""

from flask import render_template
from flask.typing import ResponseReturnValue

from matching.services import recruitment
from web import unmatched_words
from web.db import db
from web.views.desk.blueprint import at_desk, bp, my_places


@bp.get("/werven", endpoint="recruitment")
@at_desk
def show() -> ResponseReturnValue:
    """What would help the most requests: volunteers who lack one thing, and whom to look for."""
    found = recruitment.recruiting(db(), my_places())
    steps = [unmatched_words.step(one) for one in found.steps]
    return render_template(
        "desk/recruitment.html",
        at=found.at,
        already=[one for one in steps if not one.is_new],
        new=[one for one in steps if one.is_new],
    )
