"""The door for mantelzorgers: what can be arranged today, and whom to call."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from web.access import public

bp = Blueprint("care", __name__)


@bp.get("/mantelzorg")
@public
def index() -> ResponseReturnValue:
    return render_template("care/index.html")
