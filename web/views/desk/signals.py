"""Signals about mantelzorgers of my buurten: why, and the next step. Every name that is shown is a look."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.models.base import utcnow
from matching.services import signals
from web import signal_words
from web.auth import viewer
from web.db import db
from web.views.care.blueprint import trace_id
from web.views.desk.blueprint import KEY, MOST, PAGE, at_desk, bp, whole


@bp.get("/signalen", endpoint="signals")
@at_desk
def show() -> ResponseReturnValue:
    """What a human should look at, most worrying first."""
    kind = request.args.get("soort", "")
    kind = kind if kind in signal_words.KINDS else ""
    sheet = signals.for_desk(
        db(),
        viewer(),
        kind=kind,
        page=whole("pagina", 1, 10**6),
        size=whole("aantal", PAGE, MOST),
        trace_id=trace_id(),
        now=utcnow(),
    )
    lines = signal_words.lines(sheet.rows, signals.details(db(), sheet.rows), viewer())
    return render_template(
        "desk/signals.html", sheet=sheet, kind=kind, lines=lines, chips=signal_words.chips(sheet.counts)
    )


@bp.post(f"/signalen/{KEY.format('signal_id')}/gedaan")
@at_desk
def handle_signal(signal_id: int) -> ResponseReturnValue:
    """Somebody did something about it."""
    if signals.handle(db(), viewer(), signal_id, now=utcnow()):
        flash(_("Noted. It stays away, unless it happens again."), "ok")
    else:
        flash(_("A colleague was just before you, or it is over already."), "info")
    back = request.form.get("terug", "")
    if back.isascii() and back.isdigit() and len(back) < 10:
        return redirect(url_for(".care_situation", situation_id=int(back), _anchor="signalen"))
    kind = request.form.get("soort", "")
    return redirect(url_for(".signals", soort=kind if kind in signal_words.KINDS else None))
