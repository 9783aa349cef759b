"""The plan for when the mantelzorger drops out, in words: the same on the page, on paper and for a stand-in."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from matching.services.drop_out import PlanView, StandInRow
from web.facts import phone_text
from web.i18n import day_text, moment_text

# In the order in which somebody who takes over needs them.
TITLES = {
    "first_hours": _l("What has to happen first"),
    "keys": _l("How somebody gets in"),
    "habits": _l("Habits, and what helps"),
    "whom_to_call": _l("Whom to call"),
}
HINTS = {
    "first_hours": _l("The first hours: food, sleep, who must not be left alone. No diagnosis; what to do is enough."),
    "keys": _l("Write down no codes of doors or alarms. Tell who has the key."),
    "habits": _l("How a usual day goes, what gives rest, and what does not."),
    "whom_to_call": _l("The general practitioner, home care, family. With their telephone numbers."),
}
RELATIONS = {
    "family": _l("Family"),
    "neighbour": _l("Neighbour"),
    "friend": _l("Friend"),
    "volunteer": _l("Volunteer"),
    "professional": _l("Professional"),
    "other": _l("Somebody else"),
}
SAFETY_NET = (
    ("112", _l("Direct danger")),
    ("113", _l("You think of suicide")),
    ("0800 2000", _l("Violence at home (Veilig Thuis)")),
    ("088 0767 000", _l("Talking to someone (Luisterlijn)")),
)
RIGHT_TO_LEFT = range(0x0590, 0x0900)  # Hebrew, Arabic and their neighbours


def relation(row: StandInRow) -> str:
    return str(RELATIONS.get(row.relation, RELATIONS["other"]))


def phone(row: StandInRow) -> str:
    """The number as people write it; empty where it is not known."""
    return phone_text(row.phone) if row.phone else ""


def standing(row: StandInRow) -> str:
    """What this person said, and when."""
    if row.standing == "agreed" and row.answered_at:
        return _("said yes on %(day)s", day=day_text(row.answered_at))
    if row.standing == "asked_again" and row.answered_at:
        return _("said yes on %(day)s, and was asked again", day=day_text(row.answered_at))
    if row.standing == "declined":
        return _("said no")
    return _("has not answered yet")


def badge(row: StandInRow) -> tuple[str, str]:
    """The same in a word, with the kind of badge."""
    if row.said_yes:
        return _("Said yes"), "safe"
    return (_("Said no"), "danger") if row.standing == "declined" else (_("No answer yet"), "neutral")


def coming(row: StandInRow) -> str:
    """Whether this person comes, now that it is needed."""
    if row.comes is None or row.comes_at is None:
        return _("has our message, and has not answered yet")
    if row.comes:
        return _("comes (answered %(moment)s)", moment=moment_text(row.comes_at))
    return _("cannot come (answered %(moment)s)", moment=moment_text(row.comes_at))


def confirmed(plan: PlanView) -> str:
    """When the carer last said that it holds."""
    if plan.confirmed_on is None:
        return _("Nobody has said yet that this plan holds.")
    return _("This plan was right on %(day)s.", day=day_text(plan.confirmed_on))


def texts(plan: PlanView) -> list[tuple[str, str]]:
    """Titles and what the carer wrote."""
    return [(str(TITLES[name]), plan.words[name]) for name in TITLES if name in plan.words]


def runs_from_the_right(plan: PlanView) -> bool:
    """Whether something is written in a script from right to left: the PDF cannot join its letters."""
    spoken = [*plan.words.values(), *(row.name for row in plan.stand_ins)]
    return any(ord(character) in RIGHT_TO_LEFT for text in spoken for character in text)


def refusal(field: str, reason: str) -> str:
    """Why the rules refuse, as a sentence that says what to do."""
    known: dict[str, Any] = {
        "first_hours.missing": _("Write at least one thing down."),
        "first_name.missing": _("Fill in a name."),
        "relation.missing": _("Choose who this is for you."),
        "phone.not_a_number": _("This is no telephone number. Write it like this: 06 12345678."),
        "email.not_an_address": _("This is no e-mail address. Write it like this: name@example.nl."),
        "email.own": _("This is your own address. Fill in the address of the one who can step in."),
        "email.twice": _("This person is on your plan already."),
        "email.full": _("Six people is the most. Take somebody off your plan first."),
    }
    return str(known.get(f"{field}.{reason}") or _("Make your text shorter: at most 1500 characters."))
