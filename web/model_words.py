"""What the register of models says, in words: features, checks and reasons, for the public pages of the models."""

from collections.abc import Mapping
from typing import Any

from babel.numbers import format_decimal, format_percent
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from matching.models import Role
from matching.workflow import ModelState
from web.i18n import language

# The one table of what a model may see. A test compares it with the list that the models are made from.
FEATURES = {
    "km": _l("How far the volunteer lives from the place of the request"),
    "share_of_radius": _l("How near that is to the farthest the volunteer wants to go"),
    "shared_slots": _l("At how many moments both can"),
    "evening_only": _l("Whether only evenings or nights suit the asker"),
    "skills_asked": _l("How many kinds of help somebody asks for"),
    "skills_held": _l("How many kinds of help the volunteer offers"),
    "skill_yes_share": _l("How often people say yes to this kind of help"),
    "minutes": _l("How long the help takes"),
    "needs_car": _l("Whether the help needs a car"),
    "urgency": _l("How much haste there is"),
    "hours_to_deadline": _l("How much time is left to find somebody"),
    "waiting_days": _l("How long the request waits"),
    "hour_of_day": _l("At what hour we ask"),
    "weekend": _l("Whether we ask in the weekend"),
    "school_holiday": _l("Whether it is a school holiday"),
    "recent_offers": _l("How many questions the volunteer got in four weeks"),
    "days_since_offer": _l("How long ago we last asked the volunteer"),
    "answered_before": _l("How often the volunteer answered before"),
    "accepted_before": _l("How often the volunteer said yes before"),
}
EXCLUDED = {
    "language": _l("which language somebody speaks"),
    "postcode": _l("the postcode"),
    "buurt": _l("in which buurt somebody lives"),
    "wijk": _l("in which wijk somebody lives"),
    "name": _l("the name"),
    "age": _l("the age"),
    "gender": _l("man or woman"),
    "health": _l("health"),
    "nationality": _l("where somebody comes from"),
    "religion": _l("what somebody believes"),
    "carer": _l("whether somebody is a mantelzorger"),
    "income": _l("how much money somebody has"),
    "address": _l("the address"),
}
# The numbers of the stated rule, in the order of its formula.
STATED = {
    "intercept": _l("b: where the chance starts, at two kilometres and one shared moment"),
    "per_km": _l("k: what each kilometre nearer adds"),
    "per_slot": _l("m: what each further shared moment adds"),
    "rest": _l("q: how fast somebody is rested, per day"),
    "base_rate": _l("r: the share of answers that we think is a yes"),
    "effect_sd": _l("s: how much we think people differ"),
}
# What the rule makes of it, for who does not read formulas.
EXAMPLES = {
    "two_km": _l("Lives two kilometres away, never asked before"),
    "half_km": _l("Lives half a kilometre away"),
    "four_km": _l("Lives four kilometres away"),
    "four_slots": _l("Lives two kilometres away, and both can at four moments"),
    "yesterday": _l("Lives two kilometres away, and got a question yesterday"),
    "last_week": _l("Lives two kilometres away, and got a question a week ago"),
    "said_yes": _l("Lives two kilometres away, and said yes five times of five"),
    "said_no": _l("Lives two kilometres away, and said no five times of five"),
}
LANGUAGE_GROUPS = {"yes": _l("Askers who wish for another language"), "no": _l("All other askers")}
KINDS = {
    "prior": _l("A rule that we wrote down"),
    "logistic": _l("Learned from answers, with a formula"),
    "boosting": _l("Learned from answers, with many small steps"),
}
STATES = {
    ModelState.CANDIDATE: (_l("not in use"), "neutral"),
    ModelState.IN_USE: (_l("in use"), "safe"),
    ModelState.RETIRED: (_l("used before"), "neutral"),
}
# How far a dial is turned.
STEPS = {"none": _l("not"), "little": _l("a little"), "clearly": _l("clearly"), "strongly": _l("strongly")}
# Those who decide about models; their names are nobody's business here.
DECIDERS = {Role.BEHEERDER: _l("the beheerder"), Role.COORDINATOR: _l("the coordinator")}


def kind(name: str) -> str:
    return str(KINDS.get(name, name))


def uses(names: list[str]) -> list[str]:
    """What a model looks at, as labels; an unknown key stays as it is."""
    return [str(FEATURES.get(name, name)) for name in names]


def never(names: list[str]) -> str:
    """What no model may see, as one enumeration."""
    return ", ".join(str(EXCLUDED.get(name, name)) for name in names)


def decided_by(role: str, gemeente: str) -> str:
    """ "de beheerder van Hilversum"."""
    who = str(DECIDERS[Role(role)]) if role in DECIDERS else _("a member of staff")
    return _("%(who)s of %(place)s", who=who, place=gemeente) if gemeente else who


def share(value: float, digits: int = 0) -> str:
    """ "52%", or with digits=1 "1,2%"."""
    return format_percent(value, "#,##0.0%" if digits else "#,##0%", locale=language())


def decimal(value: float) -> str:
    """ "0,0123"."""
    return format_decimal(value, "#,##0.0000", locale=language())


def finding(found: Mapping[str, Any]) -> str:
    """Why a model may or may not be promoted, as a sentence."""
    values = found["values"]
    other, key = values.get("in_use", ""), found["key"]
    if key == "better":
        return _("On the latest weeks it guesses better than %(other)s. We are 95%% sure of that.", other=other)
    if key == "not_better":
        return _("We are not 95%% sure that it guesses better than %(other)s.", other=other)
    error = share(values["error"], 1)
    if key == "calibrated":
        return _("Its chances are right enough: they differ %(error)s on average.", error=error)
    return _("Its chances are not right enough: they differ %(error)s on average.", error=error)


def limits(of_kind: str) -> list[str]:
    """What every reader should know that a version of this kind cannot do."""
    always = [
        _("It measures in a straight line. Water or a railway can make it farther."),
        _("A chance says little about one person. It holds for many together."),
        _("It knows only volunteers of Omzien. Neighbours help each other in other ways too."),
    ]
    if of_kind == "prior":
        return [_("Nobody has checked its numbers with answers yet."), *always]
    return [
        _("It learned from people whom we asked. Of whom we never ask, it knows little."),
        _("For small groups we cannot check it well."),
        *always,
    ]
