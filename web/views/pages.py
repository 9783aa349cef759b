"""The front page and what hangs from the footer."""

from flask import Blueprint, redirect, render_template, request, session
from flask.typing import ResponseReturnValue

from matching.services import models, places
from web.access import public
from web.db import db
from web.i18n import CODES
from web.safe_paths import local_path

bp = Blueprint("pages", __name__)


@bp.get("/")
@public
def index() -> ResponseReturnValue:
    return render_template("home/index.html", wijken=places.wijken_with_buurten(db()))


@bp.post("/taal")
@public
def language() -> ResponseReturnValue:
    """Keep the language in this browser; the account's own language is set at "Ik"."""
    if request.form.get("taal") in CODES:
        session["locale"] = request.form["taal"]
        session.permanent = True
    return redirect(local_path(request.form.get("verder")))


@bp.get("/hoe-wij-kiezen")
@public
def how_we_choose() -> ResponseReturnValue:
    return render_template("pages/how_we_choose.html", model=models.in_use(db()))


@bp.get("/privacy")
@public
def privacy() -> ResponseReturnValue:
    return render_template("pages/privacy.html")


@bp.get("/toegankelijkheid")
@public
def accessibility() -> ResponseReturnValue:
    return render_template("pages/accessibility.html")


@bp.get("/contact")
@public
def contact() -> ResponseReturnValue:
    return render_template("pages/contact.html")


@bp.get("/gezond")
@public
def alive() -> ResponseReturnValue:
    """For the operator: this process answers."""
    return "ok\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
