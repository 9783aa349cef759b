"""Who of the staff looked at my data, when, and what for."""

from flask import render_template
from flask.typing import ResponseReturnValue

from matching.services import looks
from web import care_words
from web.access import signed_in
from web.db import db
from web.views.care.blueprint import bp, me

SHOWN = 200


@bp.get("/wie-keek-mee")
@signed_in
def who_looked() -> ResponseReturnValue:
    return render_template("care/looks.html", looks=looks.at(db(), me(), limit=SHOWN), words=care_words, most=SHOWN)
