"""Gemeente and buurt: what is there, who works there, and what is around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic

from babel.numbers import format_decimal, format_percent
from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import LazyString
from flask_babel import lazy_gettext as _l
from flask_login import current_user

import web
from matching.errors import NotFound
from matching.models.base import utcnow
from matching.services import buurten
from matching.services.buurten import Atlas, Figure
from matching.services.place_files import CBS, HEALTH
from web.access import public, signed_in
from web.db import db
from web.i18n import language, today
from web.maps import GemeenteMap, draw

bp = Blueprint("places", __name__, url_prefix="/buurten")
KEPT_SECONDS = 60
ADULTS, OLDER = f"{HEALTH} 18+", f"{HEALTH} 65+"
PUBLISHERS = {CBS: "CBS", ADULTS: "GGD", OLDER: "GGD"}  # short, for the table; the note below it explains
# What a reader understands at once, out of all that was imported: source, topic, label, whether in per cent.
FIGURES: tuple[tuple[str, str, LazyString, bool], ...] = (
    (CBS, "population", _l("Inhabitants"), False),
    (ADULTS, "Eenzaam", _l("Feel lonely (18 and older)"), True),
    (OLDER, "Eenzaam", _l("Feel lonely (65 and older)"), True),
    (ADULTS, "Mantelzorger", _l("Care for someone close to them"), True),
    (ADULTS, "Vrijwilligerswerk", _l("Do voluntary work"), True),
)


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A line of the table: `values` for buurt, wijk and gemeente, as shown; None where it is unknown."""

    label: LazyString
    publisher: str
    year: int
    is_estimate: bool
    values: tuple[str | None, ...]


@bp.get("")
@public
def index() -> ResponseReturnValue:
    """The gemeente with all its buurten, as a list and on the map."""
    front = web.gemeente()
    code = request.args.get("gemeente") or (front.code if front else "")
    if not code:
        return render_template("places/none.html")
    atlas, drawn = _kept(code)
    others = [(code, name) for code, name in buurten.gemeenten(db()) if code != atlas.code]
    return render_template(
        "places/index.html", atlas=atlas, map=drawn, others=others, is_unknown="onbekend" in request.args
    )


@bp.get("/vind")
@public
def find() -> ResponseReturnValue:
    """To the page of the buurt that was chosen from a list."""
    code = request.args.get("buurt", "")
    try:
        known = code in _kept(_gemeente_of(code))[1].buurten
    except NotFound:
        known = False
    return redirect(url_for(".buurt", code=code) if known else url_for(".index", onbekend=1))


@bp.get("/mijn")
@signed_in
def mine() -> ResponseReturnValue:
    """To the page of my own buurt."""
    code = current_user.buurt_code
    return redirect(url_for(".buurt", code=code) if code else url_for(".index"))


@bp.get("/<code>")
@public
def buurt(code: str) -> ResponseReturnValue:
    atlas, drawn = _kept(_gemeente_of(code))
    now = buurten.read_now(db(), code, today=today(), now=utcnow()) if code in drawn.buurten else None
    if now is None:
        raise NotFound(f"no buurt {code}")
    surroundings = drawn.around(code)
    wijk = drawn.wijken[surroundings.here.wijk_code]
    return render_template(
        "places/buurt.html",
        atlas=atlas,
        map=drawn,
        buurt=surroundings.here,
        wijk=wijk,
        surroundings=surroundings,
        now=now,
        few=buurten.FEW,
        figures=_figure_rows(atlas, (code, wijk.code, atlas.code)),
    )


def _gemeente_of(buurt_code: str) -> str:
    """The gemeente that a buurt code says it lies in: CBS codes nest."""
    return f"GM{buurt_code[2:6]}"


def _kept(gemeente_code: str) -> tuple[Atlas, GemeenteMap]:
    """A gemeente and its map, drawn once a minute at most. Raises NotFound for one that was never imported."""
    kept: dict[str, tuple[float, Atlas, GemeenteMap]] = current_app.extensions.setdefault("omzien.maps", {})
    if gemeente_code not in kept or kept[gemeente_code][0] < monotonic():
        atlas = buurten.read_atlas(db(), gemeente_code)
        if atlas is None:
            kept.pop(gemeente_code, None)
            raise NotFound(f"no gemeente {gemeente_code}")
        kept[gemeente_code] = (monotonic() + KEPT_SECONDS, atlas, draw(atlas))
    return kept[gemeente_code][1:]


def atlas_and_map(gemeente_code: str) -> tuple[Atlas, GemeenteMap]:
    """A gemeente and its map, for other pages that draw it. Raises NotFound for one that was never imported."""
    return _kept(gemeente_code)


def _figure_rows(atlas: Atlas, places: Sequence[str]) -> list[FigureRow]:
    rows = []
    for source, topic, label, is_share in FIGURES:
        found = [atlas.figures.get((place, source, topic)) for place in places]
        known = [figure for figure in found if figure]
        if known:
            values = tuple(_shown(figure, is_share) for figure in found)
            is_estimate = any(figure.is_estimate for figure in known)
            rows.append(FigureRow(label, PUBLISHERS[source], max(figure.year for figure in known), is_estimate, values))
    return rows


def _shown(figure: Figure | None, is_share: bool) -> str | None:
    return _written(figure.value, is_share, language()) if figure else None


@lru_cache(4096)
def _written(value: float, is_share: bool, code: str) -> str:
    """ "21.345" or "52%"."""
    return format_percent(value / 100, locale=code) if is_share else format_decimal(round(value), locale=code)
