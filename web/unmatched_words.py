"""Why nobody was found for a request, and what would help: the smallest change, and whom to look for."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from matching.catalogue import CATEGORIES
from matching.services.recruitment import NEW, Step
from web import facts
from web.i18n import DAYS, PARTS, day_text, distance_text, slot_text

FREE = {
    "weekday-mornings": _l("Free on weekday mornings"),
    "weekday-afternoons": _l("Free on weekday afternoons"),
    "weekday-evenings": _l("Free on weekday evenings"),
    "weekends": _l("Free in the weekend"),
    "nights": _l("Free at night"),
}
CLEARED = {
    "vog": _l("Needs a VOG"),
    "introduction": _l("Needs an introduction"),
    "training": _l("Needs training in taking over care"),
}
TRAINED = 4  # the mask of matching.ranking.problem, which no page loads


def no_match_text(reason: str) -> str:
    """Why nobody was found for a request, as a sentence; empty for a reason we do not know."""
    known = {
        "no_skill": _("Nobody in this gemeente has this in the profile."),
        "too_far": _("Whoever does this lives too far away."),
        "no_slot": _("Nobody nearby is free at this time."),
        "no_language": _("Nobody nearby who does this speaks the language."),
        "no_vog": _("Nobody nearby who does this has all that it needs, such as the VOG and the introduction."),
        "blocked": _("Whoever could help now has said no, is away, or cannot be asked for this."),
        "all_busy": _("Everybody who could do this has enough to do this week."),
    }
    return known.get(reason, "")


def no_match_help(wish: Mapping[str, Any] | None) -> str:
    """The smallest change that would help, in words; else which rule to do something about. Empty when nothing is
    known."""
    if not wish:
        return ""
    change = wish.get("change")
    if change:
        return _CHANGES[change["key"]](int(change["near"]), change)
    near = int(wish.get("near") or 0)
    say = _HELPS.get(str(wish.get("lack", "")))
    return say(near, list(wish.get("missing") or ())) if say else ""


def _help_skill(near: int, missing: list[Any]) -> str:
    if "car" in missing:
        if not near:
            return _("Look for a volunteer with a car.")
        return ngettext(
            "Look for a volunteer with a car. One volunteer nearby lacks only that.",
            "Look for a volunteer with a car. %(num)s volunteers nearby lack only that.",
            near,
        )
    if not near:
        return _("Look for somebody who would like to do this.")
    return ngettext(
        "One volunteer nearby has the time for it. Ask whether this is something to do.",
        "%(num)s volunteers nearby have the time for it. Ask whether this is something to do.",
        near,
    )


def _help_distance(near: int, _missing: list[Any]) -> str:
    if not near:
        return _("Look for somebody who lives nearer by.")
    return ngettext(
        "One volunteer would fit, but would have to go farther than asked.",
        "%(num)s volunteers would fit, but would have to go farther than asked.",
        near,
    )


def _help_slot(near: int, _missing: list[Any]) -> str:
    if not near:
        return _("Ask whether another time suits too.")
    return ngettext(
        "Ask whether another time suits too: one volunteer nearby fits in everything else.",
        "Ask whether another time suits too: %(num)s volunteers nearby fit in everything else.",
        near,
    )


def _help_language(near: int, missing: list[Any]) -> str:
    names = facts.either([facts.language_name(str(code)) for code in missing[:3]])
    if not names or not near:
        return _("Look for somebody who speaks the language, or ask whether another language will do.")
    return ngettext(
        "Look for somebody who speaks %(language)s. One volunteer nearby lacks only that.",
        "Look for somebody who speaks %(language)s. %(num)s volunteers nearby lack only that.",
        near,
        language=names,
    )


def _help_clearance(near: int, missing: list[Any]) -> str:
    if TRAINED in missing:
        return _help_training(near)
    if not near:
        return _("Look for somebody with a VOG, or help a volunteer to ask for one.")
    return ngettext(
        "One volunteer nearby lacks only the VOG or the introduction. Arrange that together.",
        "%(num)s volunteers nearby lack only the VOG or the introduction. Arrange that together.",
        near,
    )


def _help_training(near: int) -> str:
    if not near:
        return _("Look for somebody who is trained in taking over care, or offer a volunteer the training.")
    return ngettext(
        "One volunteer nearby lacks only the VOG, the introduction or the training. Arrange that together.",
        "%(num)s volunteers nearby lack only the VOG, the introduction or the training. Arrange that together.",
        near,
    )


def _help_consent(_near: int, _missing: list[Any]) -> str:
    return _("Look for a new volunteer, or talk it over with the asker.")


def _help_capacity(near: int, _missing: list[Any]) -> str:
    if not near:
        return _("Wait some days, or look for one more volunteer nearby.")
    return ngettext(
        "Wait some days: one volunteer fits and has enough to do now.",
        "Wait some days: %(num)s volunteers fit and have enough to do now.",
        near,
    )


_HELPS = {
    "skill": _help_skill,
    "distance": _help_distance,
    "slot": _help_slot,
    "language": _help_language,
    "clearance": _help_clearance,
    "consent": _help_consent,
    "capacity": _help_capacity,
}


def _other_slot(near: int, change: Mapping[str, Any]) -> str:
    day, part = str(change["slot"]).split("-")
    return _another_moment(near, slot_text(DAYS.index(day) * 4 + PARTS.index(part)))


def _later_day(near: int, change: Mapping[str, Any]) -> str:
    return _another_moment(near, day_text(str(change["day"])))


def _another_moment(near: int, moment: str) -> str:
    return ngettext(
        "Ask whether %(moment)s suits too. One volunteer is free then and fits.",
        "Ask whether %(moment)s suits too. %(num)s volunteers are free then and fit.",
        near,
        moment=moment,
    )


def _introduction(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Plan an introduction: one volunteer nearby lacks only that.",
        "Plan an introduction: %(num)s volunteers nearby lack only that.",
        near,
    )


def _vog(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Help with a VOG: one volunteer nearby lacks only that.",
        "Help with a VOG: %(num)s volunteers nearby lack only that.",
        near,
    )


def _vog_and_introduction(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Plan an introduction and help with a VOG: one volunteer nearby lacks only these.",
        "Plan an introduction and help with a VOG: %(num)s volunteers nearby lack only these.",
        near,
    )


def _training(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Offer the training in taking over care: one volunteer nearby lacks only that.",
        "Offer the training in taking over care: %(num)s volunteers nearby lack only that.",
        near,
    )


def _training_and_introduction(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Plan an introduction and the training in taking over care: one volunteer nearby lacks only these.",
        "Plan an introduction and the training in taking over care: %(num)s volunteers nearby lack only these.",
        near,
    )


def _training_and_vog(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Offer the training in taking over care and help with a VOG: one volunteer nearby lacks only these.",
        "Offer the training in taking over care and help with a VOG: %(num)s volunteers nearby lack only these.",
        near,
    )


def _training_vog_and_introduction(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Plan an introduction and the training, and help with a VOG: one volunteer nearby lacks only these.",
        "Plan an introduction and the training, and help with a VOG: %(num)s volunteers nearby lack only these.",
        near,
    )


def _free_slot(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Ask whether somebody can make time: one volunteer nearby fits in everything else.",
        "Ask whether somebody can make time: %(num)s volunteers nearby fit in everything else.",
        near,
    )


def _more_metres(near: int, change: Mapping[str, Any]) -> str:
    return ngettext(
        "Ask whether %(distance)s farther is all right: one volunteer fits in everything else.",
        "Ask whether %(distance)s farther is all right: %(num)s volunteers fit in everything else.",
        near,
        distance=distance_text(math.ceil(change["metres"] / 100) * 100),
    )


def _any_language(near: int, _change: Mapping[str, Any]) -> str:
    return ngettext(
        "Ask whether another language will do: one volunteer nearby fits in everything else.",
        "Ask whether another language will do: %(num)s volunteers nearby fit in everything else.",
        near,
    )


def _somebody_new(_near: int, change: Mapping[str, Any]) -> str:
    needed = ", ".join(text for _icon, text in brings(**{key: change[key] for key in PROFILE}))
    return _("Look for somebody new nearby. What fits: %(list)s.", list=needed)


_CHANGES: dict[str, Callable[[int, Mapping[str, Any]], str]] = {
    "wait": lambda near, _change: _help_capacity(near, []),
    "more_room": lambda near, _change: _help_capacity(near, []),
    "other_slot": _other_slot,
    "later_day": _later_day,
    "introduction": _introduction,
    "skill": lambda near, _change: _help_skill(near, []),
    "free_slot": _free_slot,
    "farther": _more_metres,
    "no_language": _any_language,
    "vog": _vog,
    "vog_and_introduction": _vog_and_introduction,
    "training": _training,
    "training_and_introduction": _training_and_introduction,
    "training_and_vog": _training_and_vog,
    "training_vog_and_introduction": _training_vog_and_introduction,
    "recruit": _somebody_new,
}
PROFILE = ("skills", "clearances", "language", "slots")


def brings(skills: list[str], clearances: list[str], language: str | None, slots: str) -> list[tuple[str, str]]:
    """What somebody new would bring along, each with a pictogram."""
    found = [(CATEGORIES[key].icon, _(CATEGORIES[key].help)) for key in skills if key in CATEGORIES]
    if "car" in skills:
        found.append(("auto", _("Has a car")))
    if language:
        found.append(("praten", _("Speaks %(language)s", language=facts.language_name(language))))
    found += [("slot", str(CLEARED[key])) for key in clearances]
    return [*found, ("agenda", str(FREE[slots]))] if slots else found


@dataclass(frozen=True, slots=True)
class StepInWords:
    """A step of the recruitment list: the sentence, what somebody new brings along (pictogram and text), the requests
    it helps (id and title) and the volunteers it is about (id and name). elsewhere: how many of the requests lie
    outside the viewer's places."""

    text: str
    is_new: bool
    brings: list[tuple[str, str]]
    requests: list[tuple[int, str]]
    who: list[tuple[int, str]]
    elsewhere: int


def step(found: Step) -> StepInWords:
    """In words."""
    requests = [
        (row.id, _("%(what)s for %(name)s", what=facts.what(row.category), name=row.name)) for row in found.requests
    ]
    return StepInWords(
        text=_sentence(found),
        is_new=found.key == NEW,
        brings=brings(found.skills, found.clearances, found.language, found.slots),
        requests=requests,
        who=[(row.id, row.name) for row in found.who],
        elsewhere=found.helps - len(requests),
    )


def _sentence(found: Step) -> str:
    requests = ngettext("one request", "%(num)s requests", found.helps)
    values = {"place": found.place, "requests": requests}
    if found.key != NEW:
        return _lacking(found.key, found.volunteers, values)
    if "car" in found.skills:
        return ngettext(
            "One volunteer with a car in %(place)s would help %(requests)s.",
            "%(num)s volunteers with a car in %(place)s would help %(requests)s.",
            found.volunteers,
            **values,
        )
    return ngettext(
        "One volunteer in %(place)s would help %(requests)s.",
        "%(num)s volunteers in %(place)s would help %(requests)s.",
        found.volunteers,
        **values,
    )


def _lacking(key: str, volunteers: int, values: dict[str, str]) -> str:
    if key == "introduction":
        return ngettext(
            "One volunteer in %(place)s lacks only an introduction. After it there is somebody for %(requests)s.",
            "%(num)s volunteers in %(place)s lack only an introduction. After it there is somebody for %(requests)s.",
            volunteers,
            **values,
        )
    if key == "vog":
        return ngettext(
            "One volunteer in %(place)s lacks only a VOG. With it there is somebody for %(requests)s.",
            "%(num)s volunteers in %(place)s lack only a VOG. With it there is somebody for %(requests)s.",
            volunteers,
            **values,
        )
    if key != "vog_and_introduction":
        return _lacking_training(key, volunteers, values)
    return ngettext(
        "One volunteer in %(place)s lacks a VOG and an introduction. With both there is somebody for %(requests)s.",
        "%(num)s volunteers in %(place)s lack a VOG and an introduction. With both there is somebody for %(requests)s.",
        volunteers,
        **values,
    )


def _lacking_training(key: str, volunteers: int, values: dict[str, str]) -> str:
    if key == "training":
        return ngettext(
            "One volunteer in %(place)s lacks only the training in taking over care. "
            "With it there is somebody for %(requests)s.",
            "%(num)s volunteers in %(place)s lack only the training in taking over care. "
            "With it there is somebody for %(requests)s.",
            volunteers,
            **values,
        )
    if key == "training_and_introduction":
        return ngettext(
            "One volunteer in %(place)s lacks the training and an introduction. "
            "With both there is somebody for %(requests)s.",
            "%(num)s volunteers in %(place)s lack the training and an introduction. "
            "With both there is somebody for %(requests)s.",
            volunteers,
            **values,
        )
    if key == "training_and_vog":
        return ngettext(
            "One volunteer in %(place)s lacks the training and a VOG. With both there is somebody for %(requests)s.",
            "%(num)s volunteers in %(place)s lack the training and a VOG. "
            "With both there is somebody for %(requests)s.",
            volunteers,
            **values,
        )
    return ngettext(
        "One volunteer in %(place)s lacks the training, a VOG and an introduction. "
        "With all three there is somebody for %(requests)s.",
        "%(num)s volunteers in %(place)s lack the training, a VOG and an introduction. "
        "With all three there is somebody for %(requests)s.",
        volunteers,
        **values,
    )
