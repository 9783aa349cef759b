"""Language of the page and the way dates, distances and moments are written."""

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import support
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal
from flask import Flask, g, has_request_context, request, session
from flask_babel import Babel, Domain, get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

TIMEZONE = ZoneInfo("Europe/Amsterdam")
LANGUAGES = (("nl", "Nederlands"), ("en", "English"))
CODES = tuple(code for code, _name in LANGUAGES)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PARTS = ("morning", "afternoon", "evening", "night")
PART_NAMES = (_l("morning"), _l("afternoon"), _l("evening"), _l("night"))
DAY_NAMES = (
    _l("Monday"),
    _l("Tuesday"),
    _l("Wednesday"),
    _l("Thursday"),
    _l("Friday"),
    _l("Saturday"),
    _l("Sunday"),
)
# Whole phrases: in Dutch they are one word, and no language builds them from the same pieces.
SLOT_NAMES = (
    (_l("Monday morning"), _l("Monday afternoon"), _l("Monday evening"), _l("Monday night")),
    (_l("Tuesday morning"), _l("Tuesday afternoon"), _l("Tuesday evening"), _l("Tuesday night")),
    (_l("Wednesday morning"), _l("Wednesday afternoon"), _l("Wednesday evening"), _l("Wednesday night")),
    (_l("Thursday morning"), _l("Thursday afternoon"), _l("Thursday evening"), _l("Thursday night")),
    (_l("Friday morning"), _l("Friday afternoon"), _l("Friday evening"), _l("Friday night")),
    (_l("Saturday morning"), _l("Saturday afternoon"), _l("Saturday evening"), _l("Saturday night")),
    (_l("Sunday morning"), _l("Sunday afternoon"), _l("Sunday evening"), _l("Sunday night")),
)


class QuickDomain(Domain):
    """Flask-Babel's domain, which asks for the catalogue once a request instead of at every text."""

    def get_translations(self) -> support.NullTranslations:
        if not g:
            return super().get_translations()
        if "catalogue" not in g:
            g.catalogue = super().get_translations()
        catalogue: support.NullTranslations = g.catalogue
        return catalogue


def init_app(app: Flask) -> None:
    babel = Babel(app, locale_selector=choose_locale, timezone_selector=lambda: "Europe/Amsterdam")
    babel.domain_instance = QuickDomain()
    app.jinja_env.filters.update(
        day=day_text, short_day=short_day_text, moment=moment_text, clock=clock_text, distance=distance_text,
        slot=slot_text, number=number_text,
    )  # fmt: skip


def choose_locale() -> str:
    """Chosen in this browser, else by this person, else what the browser asks for, else Dutch."""
    if "message_locale" in g:  # the worker writes to somebody in their own language
        return str(g.message_locale)
    if not has_request_context():
        return "nl"
    if session.get("locale") in CODES:
        return str(session["locale"])
    if current_user.is_authenticated and current_user.locale in CODES:
        return str(current_user.locale)
    return request.accept_languages.best_match(CODES, "nl") or "nl"


def language() -> str:
    """The language code of this page."""
    return str(get_locale() or "nl")


def local(moment: datetime) -> datetime:
    """A stored moment on the Dutch clock."""
    return moment.astimezone(TIMEZONE)


def today() -> date:
    """The date in the Netherlands."""
    return datetime.now(UTC).astimezone(TIMEZONE).date()


@lru_cache(4096)
def _date(day: date, pattern: str, code: str) -> str:
    return format_date(day, pattern, locale=code)


def day_text(day: date | datetime | str) -> str:
    """ "dinsdag 24 november", with the year when it is not this year. Takes ISO text too: messages keep that."""
    day = date.fromisoformat(day) if isinstance(day, str) else day
    day = local(day).date() if isinstance(day, datetime) else day
    code = language()
    pattern = "EEEE d MMMM" if code == "nl" else "EEEE, d MMMM"
    return _date(day, pattern if day.year == today().year else pattern + " y", code)


def short_day_text(day: date | datetime) -> str:
    """ "di 24 nov"."""
    day = local(day).date() if isinstance(day, datetime) else day
    return _date(day, "EEE d MMM", language())


def moment_text(moment: datetime | str) -> str:
    """ "maandag 23 november om 18.00 uur"."""
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment  # messages keep ISO text
    return _("%(day)s at %(time)s", day=day_text(moment), time=clock_text(moment))


def clock_text(moment: datetime) -> str:
    """ "18.00" in Dutch, "18:00" in English."""
    pattern = "HH.mm" if language() == "nl" else "HH:mm"
    return format_time(local(moment).time(), pattern, locale=language())


def datetime_text(moment: datetime) -> str:
    return format_datetime(local(moment), locale=language())


def distance_text(metres: float) -> str:
    """ "400 m" below a kilometre, "1,1 km" above; rounded to 100 m, as precise as our points are."""
    rounded = round(metres / 100) * 100
    if rounded < 100:
        return _("less than 100 m")
    return f"{rounded} m" if rounded < 1000 else f"{number_text(rounded / 1000)} km"


def number_text(value: float) -> str:
    return format_decimal(value, locale=language())


def slot_text(slot: int) -> str:
    """The name of a dagdeel: 0 is Monday morning, 27 Sunday night."""
    return str(SLOT_NAMES[slot // 4][slot % 4])
