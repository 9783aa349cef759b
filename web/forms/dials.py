"""Forms of the coordinator: the two dials, and the weights of the wijken."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError

from matching.services.dials import LEAST_WEIGHT, MOST_WEIGHT, STEPS, USUAL_WEIGHT
from web.forms.fields import ChoiceField, Form, one_line
from web.i18n import number_text

STEP_NAMES = {
    "none": _l("Not at all"),
    "little": _l("A little"),
    "clearly": _l("Clearly"),
    "strongly": _l("Strongly"),
}
WEIGHT = "gewicht-"  # before the code of a wijk
LONGEST = 20


class DialField(ChoiceField):
    """Four words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        choices = [SelectChoice(step.key, STEP_NAMES[step.key]) for step in STEPS]
        super().__init__(*args, choices=choices, **kwargs)


class DialsForm(Form):
    """How help is shared out."""

    equity = DialField(
        _l("Buurten with little help go first"), name="buurten", wrong=_l("Choose how strongly buurten go first.")
    )
    balance = DialField(
        _l("Spare volunteers"), name="vrijwilligers", wrong=_l("Choose how strongly we spare volunteers.")
    )
    uses_area_weights = BooleanField(_l("Let the weights of the wijken count"), name="wijken")

    @property
    def chosen(self) -> tuple[str, str, bool]:
        return self.equity.data, self.balance.data, self.uses_area_weights.data


class WeightField(StringField):
    """A number from 0.5 to 2, written with a comma or a point. What was typed stays; `number` is None for anything
    else."""

    number: float | None = None

    def process_formdata(self, valuelist: list[str]) -> None:
        self.data = (one_line(valuelist[0]) or "")[:LONGEST] if valuelist else None

    def pre_validate(self, _form: Any) -> None:
        self.number = None if self.data is None else weight_of(self.data)
        if self.number is None:
            raise ValidationError(_("Choose a number from 0.5 to 2, for example 1.5."))


def weight_of(text: str) -> float | None:
    """The weight that somebody typed; nothing is the usual weight."""
    digits = text.replace(",", ".", 1)
    if not digits:
        return USUAL_WEIGHT
    if not (digits.isascii() and digits.replace(".", "", 1).isdigit()):
        return None
    number = float(digits)
    return number if LEAST_WEIGHT <= number <= MOST_WEIGHT else None


def weights_form(wijken: Mapping[str, str], weights: Mapping[str, float], typed: Any = None) -> Form:
    """A field for every wijk (code to name), filled with the weights it has or with what was typed."""
    fields = {code: WeightField(name, name=f"{WEIGHT}{code}") for code, name in wijken.items()}
    filled: type[Form] = type("WeightsForm", (Form,), fields)
    return filled(typed, data={code: number_text(weights.get(code, USUAL_WEIGHT)) for code in wijken})
