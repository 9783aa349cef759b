"""Asking around: releasing a request for it, and stopping."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.errors import IllegalMove, Invalid, NotFound
from matching.models.base import utcnow
from matching.services import asking_around
from matching.services.judging import can_undo
from web import asking_words
from web.db import db
from web.views.desk.blueprint import at_desk, bp, me, my_request, sorry
from web.views.desk.requests import ONE


@bp.post(f"{ONE}/rondvragen")
@at_desk
def ask_around(request_id: int) -> ResponseReturnValue:
    """Ask whoever fits, but not those whom the form strikes off."""
    found = my_request(request_id)
    struck = request.form.getlist("niet")
    if not all(each.isascii() and each.isdigit() and len(each) < 10 for each in struck):
        return sorry(_("This person is no longer proposed. Look who is now."), request_id=request_id)
    try:
        asking_around.start(db(), found, by=me(), now=utcnow(), without=map(int, struck))
    except Invalid as error:
        return sorry(asking_words.refused(error.reason), request_id=request_id)
    except NotFound:
        return sorry(_("This person is no longer proposed. Look who is now."), request_id=request_id)
    except IllegalMove:
        return sorry(_("A colleague was just before you. Look how it stands now."), request_id=request_id)
    return redirect(url_for(".request", request_id=request_id, _anchor="rondvragen"))


@bp.post(f"{ONE}/rondvragen/stop")
@at_desk
def stop_asking_around(request_id: int) -> ResponseReturnValue:
    """Ask nobody new; within the minute as if it had never begun."""
    found = my_request(request_id)
    began = found.asking_since
    now = utcnow()
    try:
        asking_around.stop(db(), found, by=me(), now=now)
    except IllegalMove:
        return sorry(_("This request has changed in the meantime. Look how it stands."), request_id=request_id)
    if can_undo(began, now=now):
        flash(_("Taken back. We asked nobody."), "ok")
    else:
        flash(_("We ask nobody new. Whoever was asked may still answer."), "ok")
    return redirect(url_for(".request", request_id=request_id))
