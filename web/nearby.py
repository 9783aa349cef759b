"""Open requests nearby as lines of a list: written fast, because a list can be long.

The same words come back on many lines and for many people, so they are kept: nothing here is personal.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from markupsafe import Markup

from matching.catalogue import CATEGORIES
from matching.services.looking_around import Fit, NearbyRequest
from web import facts, i18n
from web.icons import icon

PAGE = 20
MOST = 200
MOST_NAMED = 6  # buurten named in a sentence before "and more"
KEPT = 8192


class Line(NamedTuple):
    """One request in a list."""

    href: str
    icon: Markup
    what: str
    when: str
    where: str
    waits: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of a list: `shown` of `total`, page `number` of `pages`."""

    shown: Sequence[Fit]
    total: int
    number: int
    pages: int
    size: int


def sheet(found: Sequence[Fit], page: str | None, size: str | None) -> Sheet:
    """The page that the address asks for; the nearest there is when it asks for nonsense."""
    per_page = min(max(_whole(size, PAGE), 1), MOST)
    pages = max(1, -(-len(found) // per_page))
    number = min(max(_whole(page, 1), 1), pages)
    start = (number - 1) * per_page
    return Sheet(found[start : start + per_page], len(found), number, pages, per_page)


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and len(text) < 8 and text.isascii() and text.isdigit() else default


def lines(shown: Sequence[NearbyRequest], today: date) -> list[Line]:
    """The words of each request: what, when and roughly where."""
    code = i18n.language()
    start = url_for("volunteering.opening", request_id=0).removesuffix("0")  # building 200 addresses takes long
    icons = {each.category: icon(CATEGORIES[each.category].icon) for each in shown}
    return [
        Line(
            start + str(each.id),
            icons[each.category],
            _what(code, each.category),
            facts.sentence(facts.when_text(code, today, each.frequency, each.day, each.slots)),
            _where(code, each.buurt_name, each.distance_m),
            _waits(code, (today - i18n.local(each.created_at).date()).days),
        )
        for each in shown
    ]


def when(each: facts.Described) -> str:
    """When it is, as a sentence begins."""
    return facts.sentence(facts.when(each))


def where(buurt: str, metres: int) -> str:
    """ "Geuzenbuurt, 400 m bij u vandaan"."""
    return _where(i18n.language(), buurt, metres)


@lru_cache(KEPT)
def _what(_code: str, category: str) -> str:
    return facts.what(category)


@lru_cache(KEPT)
def _where(_code: str, buurt: str, metres: int) -> str:
    return _("%(buurt)s, %(distance)s from you", buurt=buurt, distance=i18n.distance_text(metres))


@lru_cache(KEPT)
def _waits(_code: str, days: int) -> str:
    """Since when somebody waits; nothing in the first days, when that is as it should be."""
    return ngettext("Waiting for a day", "Waiting for %(num)d days", days) if days > 1 else ""


def chips(found: Sequence[Fit]) -> list[tuple[str, str, int]]:
    """Category, its words and how many, in the order of the catalogue; only what there is."""
    counts = Counter(each.category for each in found)
    return [(key, facts.what(key), counts[key]) for key in CATEGORIES if key in counts]


def reach_sentence(radius_m: int | None, buurten: Sequence[tuple[str, str]]) -> str:
    """ "Met 2 km bereikt u Geuzenbuurt, Electrobuurt en Liebergen." `buurten`: code and name, nearest first."""
    if radius_m is None:
        return _("You reach all buurten of the gemeente.")
    distance = i18n.distance_text(radius_m)
    names = [name for _code, name in buurten]
    more = len(names) - MOST_NAMED
    if more > 1:
        return _(
            "With %(distance)s you reach %(buurten)s and %(count)d other buurten.",
            distance=distance,
            buurten=", ".join(names[:MOST_NAMED]),
            count=more,
        )
    if len(names) == 1:
        return _("With %(distance)s you reach %(buurt)s.", distance=distance, buurt=names[0])
    return _(
        "With %(distance)s you reach %(buurten)s and %(last)s.",
        distance=distance,
        buurten=", ".join(names[:-1]),
        last=names[-1],
    )
