"""What needs the opbouwwerker today."""

from flask import render_template
from flask.typing import ResponseReturnValue

from matching.models.base import utcnow
from matching.services import desk, desk_calls, desk_people, signals
from web import desk_words, signal_words
from web.db import db
from web.i18n import today as current_day
from web.views.desk.blueprint import MOST, PAGE, at_desk, bp, just_decided, my_places, note_respijt, whole

EXPANDED = 3  # requests shown with their candidates side by side
SIDE_BY_SIDE = 3
SHOWN = {desk.RISK: 5, desk.CONTACT: 5, desk.NOBODY: 3}
COUNTED = (desk.RISK, desk.CONTACT, desk.NOBODY)
PEOPLE_SHOWN = 3


@bp.get("")
@at_desk
def today() -> ResponseReturnValue:
    """Worries first, then who waits for a first contact, then whom to choose."""
    places, day = my_places(), current_day()
    waits = desk.attention(db(), places, SHOWN)
    rows = desk.to_judge(db(), places, limit=whole("aantal", PAGE, MOST))
    calls = desk_calls.calls(db(), places, now=utcnow())
    # What is risky, and a call to a volunteer, is shown without the name of whom it is for.
    shown = [(row.id, row.category) for row in (*waits[desk.CONTACT], *waits[desk.NOBODY], *rows)]
    shown += [(call.request_id, call.category) for call in calls if call.kind != desk_calls.VOLUNTEER]
    note_respijt(shown, "relief.list")
    candidates = desk.candidates(db(), [row.id for row in rows[:EXPANDED]], state="proposed")
    panels = [
        (line, desk_words.options(candidates[line.id][:SIDE_BY_SIDE])) for line in desk_words.lines(rows[:EXPANDED])
    ]
    return render_template(
        "desk/today.html",
        day=day,
        counts={**desk.count(db(), places, COUNTED), desk.CHOOSE: rows[0].total if rows else 0},
        risky=desk_words.lines(waits[desk.RISK]),
        contacts=[
            (line, desk_words.clock(line.row.created_at, line.row.contact_due, day))
            for line in desk_words.lines(waits[desk.CONTACT])
        ],
        calls=desk_words.calls(calls),
        nobody=desk_words.lines(waits[desk.NOBODY]),
        panels=panels,
        rest=desk_words.with_choice(desk_words.lines(rows[EXPANDED:])),
        signals=signal_words.chips(signals.count(db(), places)),
        people=desk_people.waiting(db(), places, today=day, limit=PEOPLE_SHOWN),
        decided=just_decided(),
    )
