"""What a volunteer can do, when, how far and how often; days away; who somebody is."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import BooleanField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from matching.catalogue import CATEGORIES, LANGUAGES
from matching.services.volunteering import WEEKLY_MAXIMA, Profile
from web.facts import slot_key, slot_list
from web.forms.fields import CheckboxesField, ChoiceField, DagdelenField, DayField, Form, ListField, one_line
from web.i18n import distance_text

STOPS = (500, 1000, 2000, 3000)  # metres; after the last one comes "anywhere"
ANYWHERE = "0"
# Which cells the buttons above the grid fill, as masks: morning and afternoon on working days; all evenings;
# Saturday and Sunday by day; and none, to begin again.
FILLS = {
    "werkdag": sum(0b0011 << 4 * day for day in range(5)),
    "avond": sum(0b0100 << 4 * day for day in range(7)),
    "weekend": sum(0b0011 << 4 * day for day in (5, 6)),
    "leeg": 0,
}


class SkillsForm(Form):
    """What somebody can do."""

    skills = CheckboxesField(
        _l("I can do this"),
        [DataRequired(_l("Choose at least one thing that you like to do."))],
        name="kan",
        choices=lambda: [SelectChoice(key, _(each.help)) for key, each in CATEGORIES.items()],
    )
    has_car = BooleanField(_l("I have a car that I can use for this"), name="met-auto")
    languages = CheckboxesField(
        _l("I speak these languages"),
        [DataRequired(_l("Choose at least one language."))],
        name="talen",
        choices=lambda: [SelectChoice(each.code, _(each.name)) for each in LANGUAGES],
    )


class WhenForm(Form):
    """When somebody is free, and how often."""

    slots = DagdelenField(_l("I am free then"), [DataRequired(_l("Choose at least one part of a day."))], name="vrij")
    weekly_max = ListField(
        _l("At most this often"),
        [InputRequired(_l("Choose how often you want to help."))],
        name="keer",
        wrong=_l("Choose how often you want to help."),
        choices=lambda: [SelectChoice(str(count), often(count)) for count in WEEKLY_MAXIMA],
    )

    def fill(self, name: str) -> None:
        """Tick the cells that a button stands for, beside those that are ticked; "leeg" unticks them all.
        An unknown button does nothing."""
        if name in FILLS:
            mask = self.slots.mask | FILLS[name] if FILLS[name] else 0
            self.slots.data = [slot_key(slot) for slot in slot_list(mask)]


class DistanceForm(Form):
    """How far somebody wants to go."""

    distance = ChoiceField(
        _l("I want to go this far"),
        name="afstand",
        wrong=_l("Choose how far you want to go."),
        choices=lambda: [
            *(SelectChoice(str(stop), distance_text(stop)) for stop in STOPS),
            SelectChoice(ANYWHERE, _("anywhere")),
        ],
    )

    @property
    def radius_m(self) -> int | None:
        """Metres; None for anywhere, and for an answer that we did not offer."""
        chosen = self.distance.data
        return int(chosen) if chosen in {str(stop) for stop in STOPS} else None


class ProfileForm(SkillsForm, WhenForm, DistanceForm):
    """All of it on one page."""

    @property
    def profile(self) -> Profile:
        """What was filled in, once it is valid. The order is that of the catalogue, so that equal is equal."""
        return Profile(
            skills=tuple(key for key in CATEGORIES if key in (self.skills.data or ())),
            slots=self.slots.mask,
            radius_m=self.radius_m,
            languages=tuple(each.code for each in LANGUAGES if each.code in (self.languages.data or ())),
            weekly_max=int(self.weekly_max.data),
            has_car=bool(self.has_car.data),
        )


def answers(profile: Profile) -> dict[str, Any]:
    """The answers with which ProfileForm shows this profile."""
    return {
        "skills": list(profile.skills),
        "has_car": profile.has_car,
        "languages": list(profile.languages),
        "slots": [slot_key(slot) for slot in slot_list(profile.slots)],
        "weekly_max": str(profile.weekly_max),
        "distance": nearest_stop(profile.radius_m),
    }


def nearest_stop(radius_m: int | None) -> str:
    """The first stop that reaches at least as far as this radius."""
    reaching = (str(stop) for stop in STOPS if radius_m is not None and stop >= radius_m)
    return next(reaching, ANYWHERE)


def often(count: int) -> str:
    """ "2 keer per week"."""
    return ngettext("once a week", "%(num)d times a week", count)


class WhoForm(Form):
    """Who somebody is: asked last, and only of whoever is not signed in."""

    first_name = StringField(
        _l("What is your first name?"),
        [DataRequired(_l("Write your first name.")), Length(max=80, message=_l("Write a shorter name."))],
        name="voornaam",
        filters=[one_line],
    )
    email = StringField(
        _l("What is your e-mail address?"),
        [DataRequired(_l("Write your e-mail address.")), Length(max=254, message=_l("This address is too long."))],
        name="email",
        filters=[one_line],
    )
    phone = StringField(
        _l("What is your telephone number?"),
        [DataRequired(_l("Write your telephone number.")), Length(max=40, message=_l("This number is too long."))],
        name="telefoon",
        filters=[one_line],
    )
    adult = BooleanField(
        _l("I am 18 years or older"),
        [DataRequired(_l("You can help through Omzien when you are 18 or older. Tick the box if you are."))],
        name="volwassen",
    )


class AbsenceForm(Form):
    """Days on which somebody is away."""

    first_day = DayField(_l("First day that you are away"), [InputRequired(_l("Choose the first day."))], name="van")
    last_day = DayField(_l("Last day that you are away"), [InputRequired(_l("Choose the last day."))], name="tot")


class PauseForm(Form):
    """Until when somebody wants to be left alone."""

    until = DayField(_l("From when can we ask you again?"), [Optional()], name="vanaf")
