"""Steps towards time off at home by a volunteer: a day, a tick, a reason, how it was."""

from collections.abc import Mapping
from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, HiddenField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError

from matching.errors import Invalid
from matching.services.evaluating import Answers
from web import arranging_words as words
from web.forms.fields import ChoiceField, DayField, Form, ListField, plain, say

TOO_LONG = _l("Make your text shorter: at most 1000 characters.")


def _choices(texts: Mapping[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(key, text) for key, text in texts.items()]


class StepDayForm(Form):
    """On which day they met, or tried it."""

    on = DayField(_l("On which day?"), [InputRequired(_l("Choose a day."))], name="dag")


class AgreeForm(Form):
    """One tick under the whole text. `version` says which text was shown."""

    agrees = BooleanField(
        _l("I have read the agreement, and I agree with it."),
        [DataRequired(_l("Tick that you agree, or go back."))],
        name="akkoord",
    )
    version = HiddenField(name="versie")


class StopForm(Form):
    """Why it stops; no reason is wrong."""

    reason = ChoiceField(_l("What is the reason?"), name="reden", wrong=_l("Choose what comes closest."))

    def __init__(self, *args: Any, reasons: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reason.choices = _choices(reasons)


class DeskStopForm(Form):
    """The same at the desk, from a list."""

    reason = ListField(_l("Why"), name="reden", wrong=_l("Choose why."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reason.choices = [SelectChoice("", _l("Choose")), *_choices(words.DESK_REASONS)]

    def validate_reason(self, field: ListField) -> None:
        if not field.data:
            raise ValidationError(_l("Choose why."))


class TellForm(Form):
    """What this one volunteer should know."""

    words = TextAreaField(
        _l("In your own words"), [Length(max=1000, message=TOO_LONG)], name="woorden", filters=[plain]
    )


class EvaluationForm(Form):
    """How it is after the third time. Only the mantelzorger is asked about rest."""

    went = ChoiceField(_l("How was it?"), name="hoe", choices=_choices(words.WENT), wrong=_l("Choose how it was."))
    rest = ChoiceField(
        _l("Did you get rest?"),
        name="rust",
        choices=_choices(words.RESTED),
        wrong=_l("Choose whether you got rest."),
    )
    again = ChoiceField(
        _l("Shall we go on like this?"),
        name="verder",
        choices=_choices(words.GO_ON),
        wrong=_l("Choose whether it goes on."),
    )
    words = TextAreaField(
        _l("Is there anything else that you want to tell us?"),
        [Length(max=1000, message=TOO_LONG)],
        name="woorden",
        filters=[plain],
        description=_l("Only the opbouwwerker reads this."),
    )

    def __init__(self, *args: Any, is_carer: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_carer:
            del self.rest

    @property
    def answers(self) -> Answers:
        rest = self.rest.data if "rest" in self else ""
        return Answers(self.went.data or "", rest or "", self.again.data or "", self.words.data or "")


def say_day(form: StepDayForm, refused: Invalid) -> str:
    """A refused day, at its field; the sentence too."""
    sentence = str(words.DAY_PROBLEMS[refused.reason])
    say(form.on, sentence)
    return sentence
