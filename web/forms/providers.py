"""An organisation in the directory, and looking one up."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, StringField, TelField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from matching.errors import Invalid
from matching.respijt_catalogue import FORMS, PAYERS
from matching.services.providers import LONGEST_NAME, LONGEST_NOTE, LONGEST_URL, MOST_PLACES, Entry
from web import care_words
from web.forms.fields import CheckboxesField, Form, ListField, one_line, say

NOT_IN_LIST = _l("Choose from the list.")


class PlacesField(IntegerField):
    """A whole number, with our own sentence for what is none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = (one_line(valuelist[0] if valuelist else "") or "")[:20]
        self.data, self.raw_data = None, [typed]  # what the field shows again
        if not typed:
            return
        if not (typed.isascii() and typed.isdigit() and 0 < int(typed) <= MOST_PLACES):
            raise ValueError(_("Fill in a whole number between 1 and %(most)s.", most=MOST_PLACES))
        self.data = int(typed)


class ProviderForm(Form):
    """What the directory holds of an organisation."""

    gemeente = ListField(_l("Gemeente"), wrong=NOT_IN_LIST)
    name = StringField(
        _l("Name of the organisation"),
        filters=[one_line],
        validators=[
            DataRequired(_l("Fill in the name of the organisation.")),
            Length(max=LONGEST_NAME, message=_l("This name is too long. Use at most 120 letters.")),
        ],
    )
    forms = CheckboxesField(
        _l("What do they offer?"),
        choices=[SelectChoice(key, care_words.FORMS[key]) for key in FORMS],
        validators=[InputRequired(_l("Choose at least one thing they offer."))],
    )
    payers = CheckboxesField(
        _l("Who can pay for it?"),
        choices=[SelectChoice(key, care_words.PAYERS[key]) for key in PAYERS],
        validators=[InputRequired(_l("Choose at least one who can pay."))],
    )
    buurt = ListField(_l("In which buurt are they?"), default="", wrong=NOT_IN_LIST)
    capacity = PlacesField(_l("How many places a day?"), [Optional()])
    phone = TelField(_l("Telephone number"), filters=[one_line])
    url = StringField(
        _l("Website"),
        filters=[one_line],
        validators=[Length(max=LONGEST_URL, message=_l("This address is too long. Use at most 200 characters."))],
    )
    note = StringField(
        _l("Good to know"),
        filters=[one_line],
        validators=[Length(max=LONGEST_NOTE, message=_l("Make it shorter: 300 characters at most."))],
    )

    def __init__(
        self, *args: Any, gemeenten: list[tuple[str, str]], buurten: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.gemeente.choices = [SelectChoice(code, name) for code, name in gemeenten]
        whole = SelectChoice("", _("They serve the whole gemeente"))
        self.buurt.choices = [whole, *(SelectChoice(code, name) for code, name in buurten)]

    def entry(self) -> Entry:
        """What was filled in."""
        return Entry(
            name=self.name.data or "",
            forms=tuple(self.forms.data or ()),
            payers=tuple(self.payers.data or ()),
            buurt_code=self.buurt.data or None,
            capacity=self.capacity.data,
            phone=self.phone.data or "",
            url=self.url.data or "",
            note=self.note.data or "",
        )

    def refuse(self, refused: Invalid) -> None:
        """Put the service's refusal at its field."""
        known = {
            "name": _("Fill in the name of the organisation."),
            "forms": _("Choose at least one thing they offer."),
            "payers": _("Choose at least one who can pay."),
            "capacity": _("Fill in a whole number between 1 and %(most)s.", most=MOST_PLACES),
            "url": _("This is not a whole web address. It looks like: https://www.example.nl."),
            "note": _("Make it shorter: 300 characters at most."),
            "buurt": _("This buurt lies in another gemeente. Choose one from the list."),
            "phone": _("This is not a whole telephone number. It has 10 digits, like 06 12 34 56 78."),
        }
        say(self[refused.field], known[refused.field])


class FindForm(Form):
    """Which organisations to show. What cannot be chosen counts as any."""

    vorm = ListField(_l("What are you looking for?"), default="", wrong=NOT_IN_LIST)
    betaler = ListField(_l("Who pays?"), default="", wrong=NOT_IN_LIST)
    wijk = ListField(_l("Wijk"), default="", wrong=NOT_IN_LIST)

    def __init__(self, *args: Any, areas: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.vorm.choices = _any_of(_("Everything"), ((key, care_words.FORMS[key]) for key in FORMS))
        self.betaler.choices = _any_of(_("Anybody"), ((key, care_words.PAYERS[key]) for key in PAYERS))
        self.wijk.choices = _any_of(_("All wijken"), areas)
        for field in (self.vorm, self.betaler, self.wijk):
            if field.data not in {choice.value for choice in field.choices}:
                field.data = ""


def _any_of(text: str, choices: Any) -> list[SelectChoice]:
    return [SelectChoice("", text), *(SelectChoice(key, name) for key, name in choices)]
