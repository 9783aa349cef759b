"""What a payer gives, stopping it early, and putting a line right. Forms check shape; services.ledger decides."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from matching.errors import Invalid
from matching.services.ledger_rules import TOLD_BY_CARER
from web import ledger_words
from web.care_words import FORMS, PAYERS
from web.forms.care import WholeNumberField, choices
from web.forms.fields import ChoiceField, DayField, Form, ListField, say
from web.i18n import today

ANY = "any"  # the value of "any form" on screen; it is empty in the ledger


def _units() -> WholeNumberField:
    return WholeNumberField(
        _l("How many?"), [InputRequired(_l("Write how many there are."))], wrong=_l("Write a whole number, 1 or more.")
    )


class OwnEntitlementForm(Form):
    """For what, how much, and between which days. The mantelzorger writes down own money and insurance only."""

    at_desk = False
    payer = ChoiceField(
        _l("Who pays?"), choices=choices({key: PAYERS[key] for key in TOLD_BY_CARER}), wrong=_l("Choose who pays.")
    )
    form = ListField(
        _l("For which kind of time off?"),
        choices=[SelectChoice(ANY, ledger_words.ANY_FORM), *choices(FORMS)],
        default=ANY,
        wrong=_l("Choose a kind of time off."),
    )
    unit = ChoiceField(
        _l("Counted in what?"), choices=choices(ledger_words.UNITS), wrong=_l("Choose in what it is counted.")
    )
    units = _units()
    first_day = DayField(_l("From which day?"), [InputRequired(_l("Choose the first day."))])
    last_day = DayField(_l("Up to and including which day?"), [InputRequired(_l("Choose the last day."))])

    def given(self) -> dict[str, Any]:
        """As ledger.add_entitlement takes it."""
        return {
            "payer": self.payer.data,
            "form": "" if self.form.data == ANY else self.form.data,
            "unit": self.unit.data,
            "units": self.units.data,
            "first_day": self.first_day.data,
            "last_day": self.last_day.data,
            "indication_ends": None,
        }

    def refuse(self, error: Invalid) -> None:
        """Put what the service refused at its field, in words."""
        say(self[error.field], ledger_words.refusal(error, today(), at_desk=self.at_desk))


class EntitlementForm(OwnEntitlementForm):
    """The same at the desk, from the letter with the decision: any payer, and an indication that can end."""

    at_desk = True
    payer = ChoiceField(_l("Who pays?"), choices=choices(ledger_words.PAYERS_AT_DESK), wrong=_l("Choose who pays."))
    indication_ends = DayField(_l("When does the indication end?"), [Optional()])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in [each for each in self._fields if each != "payer"]:  # errors are listed in the order of the page
            self._fields[name] = self._fields.pop(name)

    def given(self) -> dict[str, Any]:
        return super().given() | {"indication_ends": self.indication_ends.data}


class EndForm(Form):
    """The new last day of an entitlement."""

    at_desk = True
    last_day = DayField(_l("What is the last day?"), [InputRequired(_l("Choose the last day."))])

    def refuse(self, error: Invalid) -> None:
        say(self[error.field], ledger_words.refusal(error, today(), at_desk=self.at_desk))


class OwnEndForm(EndForm):
    """The same for the mantelzorger."""

    at_desk = False


class CorrectionForm(Form):
    """What a line should have said, and why."""

    at_desk = True
    units = WholeNumberField(
        _l("What should it be?"),
        [InputRequired(_l("Write what it should be. 0 means: nothing."))],
        wrong=_l("Write a whole number, 0 or more."),
    )
    reason = ChoiceField(
        _l("Why?"), choices=choices(ledger_words.REASONS), wrong=_l("Choose why it has to be corrected.")
    )

    def refuse(self, error: Invalid) -> None:
        say(self[error.field], ledger_words.refusal(error, today(), at_desk=self.at_desk))


class OwnCorrectionForm(CorrectionForm):
    """The same for the mantelzorger, who writes down what stands in no decision."""

    at_desk = False
    reason = ChoiceField(
        _l("Why?"),
        choices=choices({key: text for key, text in ledger_words.REASONS.items() if key != "decision"}),
        wrong=_l("Choose why it has to be corrected."),
    )
