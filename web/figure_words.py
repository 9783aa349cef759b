"""Figures about respijtzorg in words, tables and two pictures."""

import csv
from dataclasses import dataclass
from io import StringIO

from babel.numbers import format_percent
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.services.respijt_figures import MEASURES, Estimate, Figures, Numbers, Shown
from matching.services.strain import INSTRUMENTS, OWN
from matching.services.strain_change import Change
from web.i18n import language, number_text
from web.ledger_words import PAYERS_AT_DESK

MEASURE_NAMES = {"granted": _l("Granted"), "planned": _l("Planned"), "used": _l("Used")}
ALL = "all"  # payers together
WIDTH, BAR, ROW = 320, 14, 46  # of a picture, in pixels


@dataclass(frozen=True, slots=True)
class CarersRow:
    """A line of the first table; None where it is left out. share: as shown."""

    place: str
    known: int | None
    relieved: int | None
    share: str | None


@dataclass(frozen=True, slots=True)
class HoursRow:
    """A payer or a wijk with its hours, in the order of MEASURES; None where they are left out."""

    name: str
    hours: list[int | None]


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of the picture of hours: where it lies and how long its parts are, in pixels."""

    name: str
    text: str
    y: int
    used: int
    planned: int
    left: int


@dataclass(frozen=True, slots=True)
class Bars:
    rows: list[Bar]
    height: int
    width: int = WIDTH


def rows_shown(found: Shown) -> list[int]:
    """The numbers of the viewer's wijken, and the gemeente at the end."""
    assert found.figures is not None
    return [*found.mine, len(found.figures["wijken"])]


def place_name(found: Shown, number: int) -> str:
    assert found.figures is not None
    wijken = found.figures["wijken"]
    return wijken[number][1] if number < len(wijken) else _("All of %(gemeente)s", gemeente=found.gemeente_name)


def carers(found: Shown) -> list[CarersRow]:
    assert found.figures is not None
    known, relieved = found.figures["known"], found.figures["relieved"]
    return [
        CarersRow(place_name(found, n), known[n], relieved[n], _share(relieved[n], known[n]))
        for n in rows_shown(found)
    ]  # fmt: skip


def _share(part: int | None, whole: int | None) -> str | None:
    return None if part is None or not whole else format_percent(part / whole, locale=language())


def known_text(figures: Figures, estimate: Estimate | None) -> str:
    """How many we know, beside how many there may be."""
    known = figures["known"][-1]
    if known is None:
        return _("We know fewer mantelzorgers than we can show.")
    text = ngettext("We know one mantelzorger.", "We know %(shown)s mantelzorgers.", known, shown=number_text(known))
    if estimate is None:
        return text
    share = format_percent(known / estimate.people, locale=language())
    more = _(
        "There are about %(people)s, says %(source)s (%(year)d). That is an estimate. We know %(share)s of them.",
        people=number_text(estimate.people),
        source=estimate.source,
        year=estimate.year,
        share=share,
    )
    return f"{text} {more}"


def payer_name(payer: str) -> str:
    return _("All together") if payer == ALL else str(PAYERS_AT_DESK[payer])


def by_payer(figures: Figures) -> list[HoursRow]:
    """Hours in the whole gemeente, for each payer and together."""
    return [
        HoursRow(payer_name(payer), [figures["hours"][name][n][-1] for name in MEASURES])
        for n, payer in enumerate((*figures["payers"], ALL))
    ]


def by_wijk(found: Shown, payer: str) -> list[HoursRow]:
    """Hours of one payer, or all together, in the viewer's wijken and the gemeente."""
    assert found.figures is not None
    at = [*found.figures["payers"], ALL].index(payer)
    return [
        HoursRow(place_name(found, n), [found.figures["hours"][name][at][n] for name in MEASURES])
        for n in rows_shown(found)
    ]


def hours_picture(rows: list[HoursRow]) -> Bars | None:
    """A bar for each payer that is shown: used, planned and left of what was granted; None when there is none."""
    shown = [row for row in rows[:-1] if row.hours[0]]
    most = max((row.hours[0] or 0 for row in shown), default=0)
    bars = []
    for n, row in enumerate(shown):
        granted, planned, used = (number or 0 for number in row.hours)
        whole, x_used = round(WIDTH * granted / most), min(round(WIDTH * used / most), WIDTH)
        x_planned = max(x_used, min(round(WIDTH * (used + planned) / most), whole))
        text = _("%(used)s of %(granted)s hours", used=number_text(used), granted=number_text(granted))
        bars.append(Bar(row.name, text, n * ROW, x_used, x_planned - x_used, whole - x_planned))
    return Bars(bars, len(bars) * ROW) if bars else None


def hours_text(rows: list[HoursRow]) -> str:
    """The picture for whoever does not see it."""
    shown = [
        _(
            "%(payer)s: %(granted)s hours granted, %(planned)s planned, %(used)s used.",
            payer=row.name,
            granted=number_text(row.hours[0] or 0),
            planned=number_text(row.hours[1] or 0),
            used=number_text(row.hours[2] or 0),
        )
        for row in rows[:-1]
        if row.hours[0]
    ]
    return " ".join(shown)


def waiting_rows(found: Shown) -> list[tuple[str, float | None]]:
    """Place and the middle number of weeks until the first time off."""
    assert found.figures is not None
    waiting = found.figures["waiting"]
    medians = [*waiting["wijken"], waiting["median"]]
    return [(place_name(found, n), medians[n]) for n in rows_shown(found)]


def waiting_text(figures: Figures) -> list[str]:
    waiting, sentences = figures["waiting"], []
    if waiting["median"] is None or waiting["carers"] is None:
        sentences.append(_("Too few mantelzorgers had a first time off to say how long it takes."))
    else:
        sentences.append(
            _(
                "Half of %(carers)d mantelzorgers had their first time off within %(weeks)s weeks after asking.",
                carers=waiting["carers"],
                weeks=number_text(waiting["median"]),
            )
        )
    if waiting["still_waiting"] is not None:
        sentences.append(
            _("%(count)d others still wait for a first time. They do not count here.", count=waiting["still_waiting"])
        )
    return sentences


def strain_text(change: Change) -> list[str]:
    """What the difference is, and what it does not say."""
    most = INSTRUMENTS[OWN]
    values = {"points": number_text(abs(change["change"])), "low": number_text(change["low"]),
              "high": number_text(change["high"]), "carers": change["carers"]}  # fmt: skip
    if change["change"] < 0:
        first = _("After time off it was %(points)s points lighter on average, for %(carers)d mantelzorgers.", **values)
    elif change["change"] > 0:
        first = _("After time off it was %(points)s points heavier on average, for %(carers)d mantelzorgers.", **values)
    else:
        first = _("After time off it was as heavy as before on average, for %(carers)d mantelzorgers.", **values)
    return [
        first,
        _("The real difference lies between %(low)s and %(high)s points, with 95%% certainty.", **values),
        _("It was %(before)s of %(most)d points before, and %(after)s after.", before=number_text(change["before"]),
          after=number_text(change["after"]), most=most),
    ]  # fmt: skip


def strain_bars(change: Change) -> list[tuple[str, str, str, int, int]]:
    """Label, number, kind of brick, y and width in pixels of the two bars."""
    most = INSTRUMENTS[OWN]
    pairs = ((_("Before"), change["before"], "used"), (_("After"), change["after"], "left"))
    return [
        (label, number_text(value), kind, n * ROW, round(WIDTH * value / most))
        for n, (label, value, kind) in enumerate(pairs)
    ]


def as_csv(found: Shown) -> str:
    """The tables as one, with what is left out as an empty cell."""
    assert found.figures is not None
    figures, out = found.figures, StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow([_("Figure"), _("Who pays"), _("Place"), _("Number")])
    named: list[tuple[str, str, Numbers]] = [
        (_("Mantelzorgers known"), "", figures["known"]),
        (_("Mantelzorgers with time off in the last 90 days"), "", figures["relieved"]),
    ]
    for name in MEASURES:
        for n, payer in enumerate((*figures["payers"], ALL)):
            text = {"granted": _("Hours granted"), "planned": _("Hours planned"), "used": _("Hours used")}[name]
            named.append((text, payer_name(payer), figures["hours"][name][n]))
    for text, payer_text, numbers in named:
        for at in rows_shown(found):
            writer.writerow([text, payer_text, place_name(found, at), _cell(numbers[at])])
    for place, weeks in waiting_rows(found):
        writer.writerow([_("Weeks until the first time off"), "", place, "" if weeks is None else number_text(weeks)])
    return "\ufeff" + out.getvalue()


def _cell(number: int | None) -> str:
    return "" if number is None else str(number)
