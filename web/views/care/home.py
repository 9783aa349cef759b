"""The door for mantelzorgers: what can be arranged today, and whom to call."""

from flask import render_template
from flask.typing import ResponseReturnValue

from web.access import public
from web.views.care.blueprint import bp


@bp.get("")
@public
def index() -> ResponseReturnValue:
    return render_template("care/index.html")
