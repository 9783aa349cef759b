"""How are you, in words: six questions of our own with three answers each, bands, and the one next step."""

from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from matching.services.strain import INSTRUMENTS, OWN, Check

# Question and its three answers, lighter to heavier (0, 1, 2). They are ours: nothing is taken from another list.
QUESTIONS: dict[str, tuple[Any, tuple[Any, Any, Any]]] = {
    "sleep": (
        _l("How do you sleep these days?"),
        (_l("I wake up rested"), _l("Some nights are short"), _l("I hardly get to sleep")),
    ),
    "time": (
        _l("When did you last do something just for fun?"),
        (_l("This week"), _l("A few weeks ago"), _l("I don't remember")),
    ),
    "worries": (
        _l("How often is your head full of the care?"),
        (_l("Now and then"), _l("A part of every day"), _l("It never stops")),
    ),
    "body": (
        _l("How does your body feel at the end of the day?"),
        (_l("Fine"), _l("Tired"), _l("Worn out or in pain")),
    ),
    "others": (
        _l("Do you get round to your work, your family and your friends?"),
        (_l("Yes, mostly"), _l("Too little"), _l("Hardly ever")),
    ),
    "go_on": (
        _l("Suppose it stays like this. How long can you manage?"),
        (_l("I can go on for a good while"), _l("Some more weeks"), _l("I can't go on")),
    ),
}
PICTURES = ("goed", "gaat", "zwaar")  # of the three answers
# What an own check says, and how it reads in a table.
BANDS: dict[str, Any] = {
    "good": _l("It goes well"),
    "fair": _l("It goes all right"),
    "heavy": _l("It is heavy"),
    "too_much": _l("It is too much"),
}
LEVELS = ("good", "fair", "heavy", "too_much")  # from the top of the picture to the bottom
SHORT = {"good": _l("Good"), "fair": _l("All right"), "heavy": _l("Heavy"), "too_much": _l("Too much")}
MEANINGS: dict[str, Any] = {
    "good": _l("You have room for yourself. That is worth keeping."),
    "fair": _l("You manage, and it costs you something. Some time off keeps it that way."),
    "heavy": _l("You carry a lot. You do not have to do this alone."),
    "too_much": _l("This is more than one person can carry. You may stop for a moment, and somebody else takes over."),
}
INSTRUMENT_NAMES = {"ediz_plus": "EDIZ-plus", "csi": "CSI"}
PROFESSIONAL_BANDS: dict[str, dict[str, Any]] = {
    "ediz_plus": {
        "none": _l("no strain"),
        "light": _l("light strain"),
        "moderate": _l("moderate strain"),
        "heavy": _l("heavy strain"),
    },
    "csi": {"usual": _l("no high strain"), "high": _l("high strain")},
}
RHYTHMS: dict[int, Any] = {
    1: _l("Every week"),
    2: _l("Every two weeks"),
    4: _l("Every four weeks"),
    8: _l("Every eight weeks"),
    0: _l("Only when I want"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """The one next step: what we advise, and the button; `key` is a value of strain.STEPS."""

    key: str
    title: Any
    text: Any
    button: Any


STEPS: dict[str, Step] = {
    "nothing": Step("nothing", _l("You need not do anything now"), _l("Fill this in again whenever you like."), ""),
    "time_off": Step(
        "time_off",
        _l("Take some time for yourself"),
        _l("Somebody else can stay with your loved one for an afternoon."),
        _l("Ask for time off"),
    ),
    "call": Step(
        "call",
        _l("Talk to the opbouwwerker today"),
        _l("One call is enough. The opbouwwerker helps you find out what can be lighter."),
        _l("Call the opbouwwerker"),
    ),
    "now": Step(
        "now",
        _l("You need not wait"),
        _l("Let us know that it is too much. Somebody calls you back."),
        _l("I need help now"),
    ),
}


def band_text(check: Check) -> str:
    """How heavy a check says it is, with the score where a professional took it."""
    if check.instrument == OWN:
        return str(BANDS[check.band])
    return _(
        "%(instrument)s: %(score)d of %(most)d, %(band)s",
        instrument=INSTRUMENT_NAMES[check.instrument],
        score=check.score,
        most=INSTRUMENTS[check.instrument],
        band=PROFESSIONAL_BANDS[check.instrument][check.band],
    )
