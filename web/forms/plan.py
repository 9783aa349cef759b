"""What the carer writes for the day that they drop out, and who can step in."""

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, StringField, TelField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

from matching.errors import Invalid
from matching.services.accounts import LONGEST_EMAIL, LONGEST_NAME
from matching.services.drop_out import LONGEST_TEXT
from web import plan_words
from web.forms.fields import ChoiceField, Form, one_line, plain, say

_SHORTER = Length(max=LONGEST_TEXT, message=_l("Make your text shorter: at most 1500 characters."))


class WordsForm(Form):
    """Four texts in the carer's own words; any of them may stay empty."""

    first_hours = TextAreaField(
        plan_words.TITLES["first_hours"], [_SHORTER], filters=[plain], description=plan_words.HINTS["first_hours"]
    )
    keys = TextAreaField(plan_words.TITLES["keys"], [_SHORTER], filters=[plain], description=plan_words.HINTS["keys"])
    habits = TextAreaField(
        plan_words.TITLES["habits"], [_SHORTER], filters=[plain], description=plan_words.HINTS["habits"]
    )
    whom_to_call = TextAreaField(
        plan_words.TITLES["whom_to_call"], [_SHORTER], filters=[plain], description=plan_words.HINTS["whom_to_call"]
    )

    def words(self) -> dict[str, str]:
        return {name: field.data or "" for name, field in self._fields.items()}

    def refuse(self, error: Invalid) -> None:
        say(self[error.field], plan_words.refusal(error.field, error.reason))


class StandInForm(Form):
    """Somebody who can step in."""

    first_name = StringField(
        _l("First name"),
        [
            DataRequired(_l("Fill in a name.")),
            Length(max=LONGEST_NAME, message=_l("Make the name shorter: at most 80 characters.")),
        ],
        name="naam",
        filters=[one_line],
    )
    relation = ChoiceField(
        _l("Who is this?"),
        name="relatie",
        choices=[SelectChoice(key, text) for key, text in plan_words.RELATIONS.items()],
        wrong=_l("Choose who this is for you."),
    )
    phone = TelField(
        _l("Telephone number"),
        [DataRequired(_l("Fill in a telephone number.")), Length(max=40)],
        name="telefoon",
        filters=[one_line],
    )
    email = EmailField(
        _l("E-mail address"),
        [DataRequired(_l("Fill in an e-mail address.")), Length(max=LONGEST_EMAIL)],
        name="email",
        filters=[one_line],
        description=_l("We send the question there. You do not see the answer before they gave it themselves."),
    )

    def refuse(self, error: Invalid) -> None:
        say(self[error.field], plan_words.refusal(error.field, error.reason))
