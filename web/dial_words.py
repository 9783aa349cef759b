"""What a setting of the dials would change, in words. Counts of people stay rough: see the preview."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext

from matching.services.dials import STEPS, Cell, Dials, Figures, Parity, cell_key
from web.facts import listed
from web.forms.dials import STEP_NAMES
from web.frontier import Frontier, draw
from web.i18n import number_text

ALIKE = (0.95, 1.05)  # of two shares, the one over the other
Choice = tuple[str, str, bool]  # steps of equity and balance, and whether the weights of the wijken count


class Row(NamedTuple):
    """A figure now and with the chosen setting."""

    name: str
    now: str
    then: str


@dataclass(frozen=True, slots=True)
class Grid:
    """One cell of the table: two counts, and whether it is the setting in use or the chosen one."""

    filled: int
    low: int
    is_now: bool
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A preview in words, for one choice. What cannot be said is None or empty."""

    at: datetime
    requests: int | None  # None: too few
    is_fresh: bool  # made with the setting that is in use
    is_known: bool  # whether it holds the choice
    changes: list[str]
    rows: list[Row]
    parity: list[str]
    frontier: Frontier | None
    table: list[tuple[str, list[Grid]]]  # by step of equity; within it by step of balance
    words: str  # of the picture


def seen(found: tuple[datetime, Figures], dials: Dials, choice: Choice, wijken: Mapping[str, str]) -> Seen:
    """What the preview (its moment and its figures) says of this choice."""
    at, figures = found
    is_fresh = figures["in_use"] == dials.cell_key and figures["weights"] == dials.area_weights
    weighted = choice[2] and bool(dials.area_weights)
    key, cells = cell_key(choice[0], choice[1], weighted), figures["cells"]
    now, then = cells.get(dials.cell_key), cells.get(key)
    if weighted and figures["weights"] != dials.area_weights:
        then = None  # it knows other weights
    if now is None or then is None:
        return Seen(at, figures["requests"], is_fresh, False, [], [], [], None, [], "")
    has_low = figures["low_requests"] is not None
    return Seen(
        at,
        figures["requests"],
        is_fresh,
        True,
        changes(now, then, wijken, is_fresh=is_fresh),
        _rows(now, then),
        _parity(then["parity"]),
        _picture(cells, weighted, dials.cell_key, key) if has_low else None,
        _table(cells, weighted, dials.cell_key, key) if has_low else [],
        _picture_words(now, then),
    )


def changes(now: Cell, then: Cell, wijken: Mapping[str, str], *, is_fresh: bool) -> list[str]:
    """Sentences, the weightiest first; none when everything stays the same. is_fresh: the preview was made with the
    setting that is in use, so that it knows which buurten get little help now."""
    found = [_total(now, then)]
    if is_fresh and now["low"] is not None and then["low"] is not None:
        found.append(_low(then["low"] - now["low"]))
    found += [_several(now, then), _chance(now, then)]
    if is_fresh:
        found += _places(then["wijken"], wijken)
    return found if _differs(now, then) else []


def _differs(now: Cell, then: Cell) -> bool:
    shown = ("filled", "low", "p10", "worst", "several", "lost", "wijken")
    return any(now[name] != then[name] for name in shown)  # type: ignore[literal-required]  # names of the cell


def _total(now: Cell, then: Cell) -> str:
    more = then["filled"] - now["filled"]
    if not more:
        return _("As many proposals in total: %(count)d.", count=then["filled"])
    if more > 0:
        return ngettext("%(num)d proposal more in total.", "%(num)d proposals more in total.", more)
    return ngettext("%(num)d proposal fewer in total.", "%(num)d proposals fewer in total.", -more)


def _low(more: int) -> str:
    if not more:
        return _("As many proposals in buurten that get little help now.")
    if more > 0:
        return ngettext(
            "%(num)d request more in buurten that get little help now.",
            "%(num)d requests more in buurten that get little help now.",
            more,
        )
    return ngettext(
        "%(num)d request fewer in buurten that get little help now.",
        "%(num)d requests fewer in buurten that get little help now.",
        -more,
    )


def _several(now: Cell, then: Cell) -> str:
    if now["several"] == then["several"]:
        return _("About as many volunteers get more than one proposal.")
    return _(
        "%(then)s volunteers get more than one proposal. Now that is %(now)s.",
        then=rough(then["several"], capital=True),
        now=rough(now["several"]),
    )


def rough(count: int | None, *, capital: bool = False) -> str:
    """ "about 15" or "fewer than 5"."""
    if count is None:
        return _("Fewer than 5") if capital else _("fewer than 5")
    return _("About %(count)d", count=count) if capital else _("about %(count)d", count=count)


def _chance(now: Cell, then: Cell) -> str:
    left = (100 - then["lost"]) / (100 - now["lost"]) if now["lost"] < 100 else 1.0
    percent = round(100 * (left - 1), 1)
    if not percent:
        return _("The chance of a yes stays as large.")
    if percent > 0:
        return _("The chance of a yes grows by %(percent)s percent.", percent=number_text(percent))
    return _("The chance of a yes shrinks by %(percent)s percent.", percent=number_text(-percent))


def _places(change: Mapping[str, int] | None, wijken: Mapping[str, str]) -> list[str]:
    """Which wijken gain and which lose, and about how many."""
    if change is None:
        return [_("In which wijk that is, we do not say. It is about too few requests.")]
    named = sorted((wijken[code], by) for code, by in change.items() if code in wijken)
    few = {sign: listed(name for name, by in named if by == sign) for sign in (1, -1)}
    return [
        *([_("A few more proposals in %(places)s: fewer than 5 in each wijk.", places=few[1])] if few[1] else []),
        *([_("A few proposals fewer in %(places)s: fewer than 5 in each wijk.", places=few[-1])] if few[-1] else []),
        *(_("About %(count)d proposals more in %(place)s.", count=by, place=name) for name, by in named if by > 1),
        *(_("About %(count)d proposals fewer in %(place)s.", count=-by, place=name) for name, by in named if by < -1),
    ]


def _rows(now: Cell, then: Cell) -> list[Row]:
    """The figures behind the sentences."""
    columns = (
        (_("Proposals in total"), [str(cell["filled"]) for cell in (now, then)]),
        (_("Requests with a proposal"), [_percent(cell["share"]) for cell in (now, then)]),
        (_("The same in the buurten with the least help"), [_percent(cell["p10"]) for cell in (now, then)]),
        (_("The same in the buurt with the least help"), [_percent(cell["worst"]) for cell in (now, then)]),
        (_("Volunteers with one proposal"), [rough(cell["load"][1]) for cell in (now, then)]),
        (_("Volunteers with more proposals"), [rough(cell["several"]) for cell in (now, then)]),
        (_("Of what somebody offered, used at most"), [_percent(cell["heaviest"]) for cell in (now, then)]),
        (_("Less chance of a yes than possible"), [_percent(cell["lost"] / 100, 1) for cell in (now, then)]),
    )
    return [Row(name, *texts) for name, texts in columns]


def _percent(share: float | None, digits: int = 0) -> str:
    if share is None:
        return _("too few")
    return f"{number_text(round(100 * share, digits) if digits else round(100 * share))}%"


def _parity(parity: Parity | None) -> list[str]:
    """Whether askers who need another language get as often a proposal as others."""
    if parity is None:
        return [_("Today too few people ask for another language. Then we say nothing about it.")]
    relative = parity["relative"] or 0.0
    verdict = (
        _("That is about alike.") if ALIKE[0] <= relative <= ALIKE[1]
        else _("That is less often. Volunteers who speak more languages help here.") if relative < ALIKE[0]
        else _("That is more often.")
    )  # fmt: skip
    return [
        _("Who asks for another language gets a proposal about %(some)s times in 100. Others get one %(others)s times.",
          some=round(100 * parity["share"]), others=round(100 * parity["others_share"])),
        verdict,
        _("We count requests for which we know somebody: about %(some)d and about %(others)d.",
          some=parity["asked"], others=parity["others_asked"]),
    ]  # fmt: skip


def _pairs(cells: Mapping[str, Cell], weighted: bool) -> dict[str, tuple[int, int]]:
    keys = [cell_key(first.key, second.key, weighted) for first in STEPS for second in STEPS]
    return {key: _pair(cells[key]) for key in keys}


def _pair(cell: Cell) -> tuple[int, int]:
    return cell["filled"], cell["low"] or 0


def _picture(cells: Mapping[str, Cell], weighted: bool, now: str, chosen: str) -> Frontier:
    """The sixteen choices, and the setting in use where that is another one."""
    return draw(_pairs(cells, weighted) | {now: _pair(cells[now])}, now=now, chosen=chosen)


def _table(cells: Mapping[str, Cell], weighted: bool, now: str, chosen: str) -> list[tuple[str, list[Grid]]]:
    pairs = _pairs(cells, weighted)
    rows = []
    for first in STEPS:
        keys = [cell_key(first.key, second.key, weighted) for second in STEPS]
        rows.append((str(STEP_NAMES[first.key]), [Grid(*pairs[key], key == now, key == chosen) for key in keys]))
    return rows


def _picture_words(now: Cell, then: Cell) -> str:
    low = _("Now: %(filled)d proposals, and %(low)d of them in buurten with little help.",
            filled=now["filled"], low=now["low"] or 0)  # fmt: skip
    if now is then:
        return low
    return low + " " + _("Your choice: %(filled)d and %(low)d.", filled=then["filled"], low=then["low"] or 0)
