"""How it went: the own check week by week with the time off that was taken, as a picture, a text and a table."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlmodel import Session

from matching.models import CareSituation
from matching.services import strain
from matching.services.strain import OWN, Check, Week
from matching.working_days import AMSTERDAM
from web import strain_words
from web.i18n import day_text

SHORT_SPAN, LONG_SPAN = 12, 26  # weeks in the picture
LEFT, RIGHT, TOP, STEP = 70, 280, 14, 30  # in units of the drawing; STEP from one level to the next
FLOOR, BRICK, MOST_BRICKS = 170, 8, 7
LABELS = 5  # week numbers under the picture
DOT = 7


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    week: int
    how: Any
    relief: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Paths and texts of the drawing; `words` says in sentences what happened."""

    rows: list[Row]
    line: str
    dots: str
    bricks: str
    labels: list[tuple[float, int]]
    words: list[str]
    levels: list[Any]


@dataclass(frozen=True, slots=True)
class HomeView:
    """For the mantelzorger: the picture (None before the first answer) and when we ask again."""

    picture: Picture | None
    next_check_on: date | None
    rhythm: Any


@dataclass(frozen=True, slots=True)
class DeskView:
    """For the desk: the same, and the scores that professionals took, newest first, as (day, words)."""

    picture: Picture | None
    scores: list[tuple[date, str]]
    last: tuple[date, str] | None
    next_check_on: date | None
    rhythm: Any
    is_overdue: bool


def home(session: Session, situation: CareSituation, now: datetime) -> HomeView | None:
    """Two queries."""
    today = now.astimezone(AMSTERDAM).date()
    picture, _found = _picture(session, situation, today, at_desk=False)
    return HomeView(picture, situation.next_check_on, strain_words.RHYTHMS[situation.check_every_weeks])


def desk(session: Session, situation: CareSituation, now: datetime) -> DeskView | None:
    """Two queries. The answers themselves are the mantelzorger's own: the desk reads how heavy it is."""
    today = now.astimezone(AMSTERDAM).date()
    picture, found = _picture(session, situation, today, at_desk=True)
    newest = found[-1] if found else None
    due = situation.next_check_on
    return DeskView(
        picture=picture,
        scores=[(each.day, strain_words.band_text(each)) for each in reversed(found) if each.instrument != OWN],
        last=(newest.day, strain_words.band_text(newest)) if newest else None,
        next_check_on=due,
        rhythm=strain_words.RHYTHMS[situation.check_every_weeks],
        is_overdue=due is not None and due < today - timedelta(weeks=1),
    )


def _picture(
    session: Session, situation: CareSituation, today: date, *, at_desk: bool
) -> tuple[Picture | None, list[Check]]:
    assert situation.id is not None
    found, relief = strain.history(session, situation.id, today=today, weeks=LONG_SPAN)
    span = SHORT_SPAN if 0 < situation.check_every_weeks <= 2 else LONG_SPAN
    weeks = strain.by_week(found, relief, today=today, count=span)
    has_any = any(week.check is not None for week in weeks)
    return (draw(weeks, at_desk=at_desk) if has_any else None), found


def draw(weeks: list[Week], *, at_desk: bool = False) -> Picture:
    """A level for each week with an answer, bricks for the relief of each week, and what both say in words."""
    width = (RIGHT - LEFT) / len(weeks)
    middles = [LEFT + width * (n + 0.5) for n in range(len(weeks))]
    points = [
        (x, TOP + STEP * strain_words.LEVELS.index(week.check.band))
        for x, week in zip(middles, weeks, strict=True)
        if week.check is not None
    ]
    half = DOT / 2
    brick = round(min(16.0, width - 1.5), 1)
    every = max(1, len(weeks) // LABELS)
    return Picture(
        rows=[
            Row(_number(week), strain_words.BANDS[week.check.band] if week.check else _("no answer"), week.relief)
            for week in weeks
        ],
        line="M" + "L".join(f"{x:.1f} {y}" for x, y in points),
        dots="".join(f"M{x - half:.1f} {y - half:.1f}h{DOT}v{DOT}h-{DOT}z" for x, y in points),
        bricks="".join(
            f"M{x - brick / 2:.1f} {FLOOR - BRICK * n}h{brick}v6h-{brick}z"
            for x, week in zip(middles, weeks, strict=True)
            for n in range(min(week.relief, MOST_BRICKS))
        ),
        labels=[
            (round(middles[n], 1), _number(week)) for n, week in enumerate(weeks) if (len(weeks) - 1 - n) % every == 0
        ],
        words=describe(weeks, at_desk=at_desk),
        levels=[strain_words.SHORT[level] for level in strain_words.LEVELS],
    )


def describe(weeks: list[Week], *, at_desk: bool = False) -> list[str]:
    """What the picture shows, in sentences. It says what happened, not what caused it."""
    answered = [(week, week.check) for week in weeks if week.check is not None]
    _last_week, last = answered[-1]
    day, how = day_text(last.day), _lowered(last)
    said = [
        _("The last answer is of %(day)s: %(how)s.", day=day, how=how)
        if at_desk
        else _("On %(day)s you said: %(how)s.", day=day, how=how)
    ]
    week, heaviest = max(answered, key=lambda each: strain_words.LEVELS.index(each[1].band))
    if strain_words.LEVELS.index(heaviest.band) > strain_words.LEVELS.index(last.band):
        said.append(_("In week %(week)d it was heaviest: %(how)s.", week=_number(week), how=_lowered(heaviest)))
    return [*said, _rest(sum(week.relief for week in weeks), at_desk)]


def _rest(relief: int, at_desk: bool) -> str:
    if at_desk and relief:
        return ngettext(
            "In these weeks there was %(num)d half-day or night of rest.",
            "In these weeks there were %(num)d half-days and nights of rest.",
            relief,
        )
    if relief:
        return ngettext(
            "In these weeks you had %(num)d half-day or night of rest.",
            "In these weeks you had %(num)d half-days and nights of rest.",
            relief,
        )
    return _("In these weeks nobody took over yet.") if at_desk else _("In these weeks nobody took over from you yet.")


def _lowered(check: Check) -> str:
    text = str(strain_words.BANDS[check.band])
    return text[:1].lower() + text[1:]


def _number(week: Week) -> int:
    return week.monday.isocalendar().week
