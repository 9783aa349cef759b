"""Forms of the desk: a reason, a search, the certificate of conduct."""

from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import DataRequired, InputRequired, Length

from web.forms.fields import DayField, Form, one_line

LONGEST_REASON = 300


class ReasonForm(Form):
    """Why somebody else, why nobody, or why a request is closed."""

    reason = StringField(
        name="reden",
        filters=[one_line],
        validators=[
            DataRequired(_l("Write in a few words why.")),
            Length(max=LONGEST_REASON, message=_l("Make it shorter: 300 characters at most.")),
        ],
    )

    def __init__(self, *args: object, label: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.reason.label.text = label


class TrainingForm(Form):
    """When the training was finished."""

    trained_on = DayField(
        _l("Training finished on"),
        name="training",
        validators=[InputRequired(_l("Choose the day on which the training was finished."))],
    )


class VogForm(Form):
    """Until when the certificate counts."""

    renew_by = DayField(
        _l("Renew by"),
        name="verlengen",
        validators=[InputRequired(_l("Choose the day by which it has to be renewed."))],
    )
