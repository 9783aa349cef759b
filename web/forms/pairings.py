"""Agreeing on an hour, and how it was."""

from datetime import time
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField, TimeField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Optional

from web.forms.fields import ChoiceField, DayField, Form, plain


class HourField(TimeField):
    """An hour, as a time picker sends it or as people write it: 10:30, 10.30 or 10."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, format=["%H:%M", "%H:%M:%S"], **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = valuelist[0].strip().replace(".", ":")[:20] if valuelist else ""
        if not typed:
            return
        try:
            super().process_formdata([typed if ":" in typed else f"{typed}:00"])
        except ValueError:
            self.data = None
            raise ValueError(_("Write a time like this: 10.30.")) from None
        assert isinstance(self.data, time)
        self.data = self.data.replace(second=0)


class PlanForm(Form):
    """The day and the hour that both agreed on."""

    day = DayField(_l("On which day?"), [InputRequired(_l("Choose a day."))], name="dag")
    hour = HourField(_l("At what time?"), [InputRequired(_l("Choose a time."))], name="tijd")


class FeedbackForm(Form):
    """Two questions to each side, and room for a word. `helped`: to the one who was helped."""

    went = ChoiceField(
        _l("How did it go?"),
        name="hoe",
        wrong=_l("Choose how it went."),
        choices=lambda: [
            SelectChoice("good", _("Well")),
            SelectChoice("fair", _("It was all right")),
            SelectChoice("bad", _("Not so well")),
        ],
    )
    again = ChoiceField(
        _l("Would you do this together again?"),
        name="weer",
        wrong=_l("Choose whether you would do this together again."),
        choices=lambda: [
            SelectChoice("yes", _("Yes, gladly")),
            SelectChoice("maybe", _("Perhaps")),
            SelectChoice("no", _("Rather not")),
        ],
    )
    remark = TextAreaField(
        _l("Is there anything else that you want to tell us?"),
        [Optional(), Length(max=1000, message=_l("Make your text shorter: at most 1000 characters."))],
        name="opmerking",
        filters=[plain],
        description=_l("Only the opbouwwerker reads this."),
    )
