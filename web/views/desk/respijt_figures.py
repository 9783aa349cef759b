"""Figures about respijtzorg for the coordinator and the desk: made at night, small numbers left out."""

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue

from matching.access import DESK_ROLES
from matching.services import respijt_figures
from matching.services.respijt_figures import Shown
from web import figure_words
from web.auth import viewer
from web.db import db
from web.forms.fields import one_line
from web.views.desk.blueprint import at_desk, bp


@bp.get("/respijtcijfers", endpoint="respijt_figures")
@at_desk
def show() -> ResponseReturnValue:
    """Who is known, what was granted and used, how long it takes, and whether it got lighter."""
    found = _mine()
    if found.figures is None:
        return render_template("desk/respijt_figures.html", found=found)
    payers = (figure_words.ALL, *found.figures["payers"])
    payer = request.args.get("betaler", "")
    payer = payer if payer in payers else figure_words.ALL
    hours = figure_words.by_payer(found.figures)
    return render_template(
        "desk/respijt_figures.html",
        found=found,
        figures=found.figures,
        fig=figure_words,
        known_text=figure_words.known_text(found.figures, respijt_figures.estimate(found.gemeente_code)),
        carers=figure_words.carers(found),
        hours=hours,
        picture=figure_words.hours_picture(hours),
        payer=payer,
        payers=[(key, figure_words.payer_name(key)) for key in payers],
        by_wijk=figure_words.by_wijk(found, payer),
        waiting=[row for row in figure_words.waiting_rows(found) if row[1] is not None],
        several=len(_gemeenten()) > 1,
    )


@bp.get("/respijtcijfers.csv", endpoint="respijt_figures_csv")
@at_desk
def download() -> ResponseReturnValue:
    """The same numbers as a file for a spreadsheet."""
    found = _mine()
    text = figure_words.as_csv(found) if found.figures is not None else ""
    name = f'attachment; filename="respijtcijfers-{found.gemeente_code}.csv"'
    return Response(text, mimetype="text/csv", headers={"Content-Disposition": name, "Cache-Control": "no-store"})


def _gemeenten() -> list[str]:
    return sorted({f"GM{place[2:6]}" for place in viewer().places(*DESK_ROLES)})


def _mine() -> Shown:
    """Of the gemeente in the address, or the first of the viewer's."""
    wanted = (one_line(request.args.get("gemeente", "")) or "")[:10]
    return respijt_figures.look(db(), viewer(), wanted or _gemeenten()[0])
