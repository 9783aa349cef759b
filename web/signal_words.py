"""A signal to the desk in words: what, why, since when, and the next step."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.access import Viewer, works_in
from matching.services import signal_rules as rules
from matching.services.signals import Details
from matching.services.strain import INSTRUMENTS, OWN, Check
from web.care_words import amount
from web.i18n import day_text, today
from web.ledger_words import PAYERS_AT_DESK
from web.strain_words import BANDS, INSTRUMENT_NAMES

KINDS = {
    rules.RISING: (_l("It gets heavier"), "zwaar"),
    rules.NO_RELIEF: (_l("No time off"), "huis-hart"),
    rules.CANCELLED: (_l("Time off fell through twice"), "agenda"),
    rules.NO_VOG: (_l("Stand-in without papers"), "mens"),
    rules.EXPIRING: (_l("Something is left and ends soon"), "weegschaal"),
    rules.INDICATION: (_l("Indication ends"), "brief"),
    rules.OVERDUE: (_l("Check overdue"), "bel"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """A link to what can be done now; the first of a line is shown as a button."""

    href: str
    text: str
    icon: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A signal, ready to show."""

    id: int
    situation_id: int
    kind: str
    icon: str
    title: str
    why: str
    where: str
    raised_at: datetime
    steps: list[Step]


def chips(counts: dict[str, int]) -> list[tuple[str, str, int]]:
    """(kind, text, how many) for what there is, most worrying first."""
    return [(kind, str(KINDS[kind][0]), number) for kind, number in counts.items()]


def lines(rows: list[Any], known: Details, viewer: Viewer, *, on_page: bool = False) -> list[Line]:
    """The rows of signals.for_desk in words; a link to a volunteer only where the viewer may look. on_page: they stand
    on the page of the situation itself."""
    return [_line(row, known, viewer, on_page) for row in rows]


def _line(row: Any, known: Details, viewer: Viewer, on_page: bool) -> Line:
    title, why = _WORDS[row.kind](row, known)
    steps = _steps(row, known, viewer)
    steps = steps[:-1] if on_page else steps  # the last one leads to that page
    return Line(
        row.id, row.situation_id, row.kind, KINDS[row.kind][1], title, why, row.buurt_name, row.raised_at, steps
    )


def _day(row: Any, name: str) -> str:
    return day_text(date.fromisoformat(row.data[name]))


def _rising(row: Any, known: Details) -> tuple[str, str]:
    title = _("%(name)s: it gets heavier", name=row.name)
    last, before = known.checks.get(row.data["check"]), known.checks.get(row.data.get("before", 0))
    if last is None:
        return title, _("The answer of %(day)s was heavy.", day=_day(row, "day"))
    if before is None:
        return title, _said(last)
    return title, _("%(last)s Before that, on %(day)s, it was %(score)d.", last=_said(last), day=day_text(before.day),
                    score=before.score)  # fmt: skip


def _said(check: Check) -> str:
    values = {"day": day_text(check.day), "score": check.score, "most": INSTRUMENTS[check.instrument]}
    if check.instrument == OWN:
        return _("%(band)s: %(score)d of %(most)d points on %(day)s.", band=BANDS[check.band], **values)
    name = INSTRUMENT_NAMES[check.instrument]
    return _("%(instrument)s gave %(score)d of %(most)d points on %(day)s.", instrument=name, **values)


def _no_relief(row: Any, _known: Details) -> tuple[str, str]:
    since = date.fromisoformat(row.data["since"])
    weeks = (today() - since).days // 7
    title = ngettext(
        "%(name)s: no time off for a week", "%(name)s: no time off for %(num)d weeks", weeks, name=row.name
    )
    if row.data["had"]:
        why = _("The last time was before or on %(day)s.", day=day_text(since))
    else:
        why = _("Waits since %(day)s, and has had none yet.", day=day_text(since))
    if "planned" in row.data:
        return title, _("%(why)s The next one is on %(day)s.", why=why, day=_day(row, "planned"))
    return title, _("%(why)s Nothing is planned.", why=why)


def _cancelled(row: Any, _known: Details) -> tuple[str, str]:
    title = _("%(name)s: time off fell through twice", name=row.name)
    return title, _(
        "It did not happen on %(first)s and on %(last)s. Nobody came instead.",
        first=_day(row, "first"),
        last=_day(row, "last"),
    )


def _no_vog(row: Any, known: Details) -> tuple[str, str]:
    person = known.people.get(row.data["volunteer"])
    who, data = person.name if person else _("The stand-in"), row.data
    title = _("%(name)s: %(who)s takes over and lacks something", name=row.name, who=who)
    why = []
    if "until" in data:
        is_over = date.fromisoformat(data["until"]) <= today()
        on = _("The VOG ended on %(day)s.") if is_over else _("The VOG ends on %(day)s.")
        why.append(on % {"day": _day(row, "until")})
    elif not data["vog"]:
        why.append(_("Nobody has seen a VOG."))
    if not data["introduced"]:
        why.append(_("The introduction was not noted."))
    if not data["trained"]:
        why.append(_("The training was not noted."))
    if data["others"]:
        why.append(ngettext("The same goes for one more person.", "The same goes for %(num)d more.", data["others"]))
    return title, " ".join(why)


def _expiring(row: Any, known: Details) -> tuple[str, str]:
    right = known.rights.get(row.data["entitlement"])
    title = _("%(name)s: something is left that ends soon", name=row.name)
    if right is None:
        return title, _("It ends on %(day)s.", day=_day(row, "ends"))
    why = _(
        "%(amount)s left, and it ends on %(day)s. Who pays: %(payer)s.",
        amount=amount(right.unit, row.data["left"]),
        day=_day(row, "ends"),
        payer=PAYERS_AT_DESK[right.payer],
    )
    return title, _with_others(why, row.data["others"])


def _indication(row: Any, known: Details) -> tuple[str, str]:
    right = known.rights.get(row.data["entitlement"])
    is_over = date.fromisoformat(row.data["ends"]) < today()
    if is_over:
        title = _("%(name)s: the indication has ended", name=row.name)
        why = _("It ended on %(day)s, and there is no newer one.", day=_day(row, "ends"))
    else:
        title = _("%(name)s: the indication ends", name=row.name)
        why = _("It ends on %(day)s. Asking for a new one takes weeks.", day=_day(row, "ends"))
    if right is not None:
        why = _("%(why)s Who pays: %(payer)s.", why=why, payer=PAYERS_AT_DESK[right.payer])
    return title, _with_others(why, row.data["others"])


def _with_others(why: str, others: int) -> str:
    if not others:
        return why
    more = ngettext("There is one more like it.", "There are %(num)d more like it.", others)
    return f"{why} {more}"


def _overdue(row: Any, _known: Details) -> tuple[str, str]:
    weeks = (today() - date.fromisoformat(row.data["due"])).days // 7
    title = _("%(name)s: how is it going?", name=row.name)
    why = ngettext(
        "We asked on %(day)s. That was a week ago, and there is no answer.",
        "We asked on %(day)s. That was %(num)d weeks ago, and there is no answer.",
        weeks,
        day=_day(row, "due"),
    )
    return title, why


_WORDS: dict[str, Callable[[Any, Details], tuple[str, str]]] = {
    rules.RISING: _rising,
    rules.NO_RELIEF: _no_relief,
    rules.CANCELLED: _cancelled,
    rules.NO_VOG: _no_vog,
    rules.EXPIRING: _expiring,
    rules.INDICATION: _indication,
    rules.OVERDUE: _overdue,
}


def _steps(row: Any, known: Details, viewer: Viewer) -> list[Step]:
    call = [Step(f"tel:{row.phone}", _("Call %(name)s", name=row.name), "bel")] if row.phone else []
    look = Step(
        url_for("desk.care_situation", situation_id=row.situation_id), _("Look at %(name)s's page", name=row.name)
    )
    if row.kind == rules.NO_RELIEF and "relief" in row.data:
        return [Step(url_for("desk.relief", relief_id=row.data["relief"]), _("Arrange time off")), *call, look]
    if row.kind == rules.CANCELLED:
        calendar = url_for("desk.care_calendar", situation_id=row.situation_id)
        return [Step(calendar, _("Plan a new moment")), *call, look]
    if row.kind in (rules.EXPIRING, rules.INDICATION):
        return [Step(url_for("desk.ledger", situation_id=row.situation_id), _("See what is left")), *call, look]
    if row.kind == rules.NO_VOG:
        person = known.people.get(row.data["volunteer"])
        if person is not None and person.buurt_code and works_in(viewer, person.buurt_code):
            return [Step(url_for("desk.person", account_id=person.id), _("Ask %(name)s", name=person.name)), look]
        return [look]
    return [*call, look]
