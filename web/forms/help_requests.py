"""What a request for help asks: one form per step. They check shape; services.wishes decides."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, EmailField, Field, StringField, TelField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length

from matching import catalogue
from matching.errors import Invalid
from matching.models import Channel, ForWhom, Frequency
from matching.models.base import utcnow
from matching.services import accounts, wishes
from matching.services.wishes import LONGEST_TEXT, MINUTES, ConsentBy, ConsentHow
from web.forms.fields import (
    CheckboxesField,
    ChoiceField,
    DagdelenField,
    DayField,
    Form,
    ListField,
    one_line,
    plain,
    say,
)
from web.forms.where import WhereForm
from web.i18n import LANGUAGES, PART_NAMES, PARTS

BY_PHONE = "phone"  # for_whom, at the desk: for somebody who is on the telephone
OTHER_CATEGORY = "other"
MINUTE_NAMES = {
    15: _l("A quarter of an hour"),
    30: _l("Half an hour"),
    45: _l("Three quarters of an hour"),
    60: _l("An hour"),
    90: _l("An hour and a half"),
    120: _l("Two hours"),
    180: _l("Three hours"),
    240: _l("Four hours"),
}
NO_FREQUENCY = _l("Choose how often you would like help.")
A_NAME = (
    DataRequired(_l("Fill in a first name.")),
    Length(max=80, message=_l("This name is too long. Use at most 80 letters.")),
)


def when_refusal(reason: str) -> str:
    """Why wishes.check_when refuses, as a sentence."""
    known: dict[str, str] = {
        "day.missing": _("Choose the day on which you would like help."),
        "day.past": _("This day is over. Choose today or a later day."),
        "day.too_far": _("This day is more than a year away. Choose a day within a year."),
        "parts.missing": _("Choose when on that day suits you. You may choose more than one."),
        "parts.past": _("That part of today is over. Choose a later part or another day."),
        "slots.missing": _("Choose at least one moment that suits you."),
    }
    return known[reason]


def text_refusal(kind: str, found: str = "") -> str:
    """Why wishes.check_text refuses, as a sentence that says what to take out."""
    known: dict[str, str] = {
        "too_long": _("Your text is too long. Use at most %(count)s characters.", count=LONGEST_TEXT),
        "phone": _(
            "Your text holds a telephone number: %(found)s. Please take it out. "
            "We share it only when you both say yes.",
            found=found,
        ),
        "email": _(
            "Your text holds an e-mail address: %(found)s. Please take it out. We ask for it later, and keep it safe.",
            found=found,
        ),
        "bsn": _("Your text holds a BSN: %(found)s. Please take it out. We never need your BSN.", found=found),
        "postcode": _("Your text holds a postcode: %(found)s. Please take it out. Your buurt is enough.", found=found),
        "address": _("Your text holds an address: %(found)s. Please take it out. Your buurt is enough.", found=found),
    }
    return known[kind]


class TextForm(Form):
    """Something about it in one's own words."""

    description = TextAreaField(_l("Would you like to tell more about it?"), filters=[plain])

    def validate_description(self, field: Field) -> None:
        text = field.data = field.data or ""
        try:
            wishes.check_text(text)
        except Invalid as refused:
            details = {detail.kind: detail.text for detail in reversed(catalogue.personal_details(text[:LONGEST_TEXT]))}
            sentences = [text_refusal(kind, found) for kind, found in sorted(details.items())]
            raise ValidationError(" ".join(sentences) or text_refusal(refused.reason)) from None


class WhatForm(TextForm):
    """Step 1. `suggestion` is set instead of an error when the words point at another category than the one chosen;
    where they tell of caring for somebody, the page shows the way to time off, and the answer is only "no"."""

    category = ChoiceField(
        _l("Choose what fits best."),
        choices=[SelectChoice(each.key, _l(each.ask)) for each in catalogue.CATEGORIES.values() if not each.respijt],
        required=False,
        wrong=_l("Choose one of these. Does nothing fit? Then choose: Something else."),
    )
    suggested = StringField()  # the answer to a suggestion: a category
    is_discreet = BooleanField(_l("I would rather ask in private"))
    for_whom = ChoiceField(_l("For whom do you ask?"), wrong=_l("Choose for whom you ask."))

    def __init__(self, *args: Any, at_desk: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.suggestion: str | None = None
        self.for_whom.choices = [
            SelectChoice(ForWhom.SELF, _("For myself")),
            SelectChoice(ForWhom.OTHER, _("For someone else")),
        ]
        if at_desk:
            self.for_whom.choices.append(SelectChoice(BY_PHONE, _("For someone on the telephone")))
        if self.suggested.data in catalogue.CATEGORIES:
            self.category.data = self.suggested.data

    def validate(self, extra_validators: Any = None) -> bool:
        if not super().validate(extra_validators):
            return False
        if self.category.data not in (None, OTHER_CATEGORY) or self.suggested.data == OTHER_CATEGORY:
            return True
        found = catalogue.suggest(self.description.data or "")
        if found and found != OTHER_CATEGORY:
            self.suggestion = found
            return False
        if self.category.data is None:
            say(self.category, _("Choose what fits best. Does nothing fit? Then choose: Something else."))
            return False
        return True


class WhenForm(Form):
    """Step 2. Only what belongs to the chosen frequency counts."""

    frequency = ChoiceField(
        _l("How often?"),
        choices=[
            SelectChoice(Frequency.ONCE, _l("Once, on one day")),
            SelectChoice(Frequency.WEEKLY, _l("Every week")),
            SelectChoice(Frequency.FLEXIBLE, _l("Once, the day does not matter")),
        ],
        wrong=NO_FREQUENCY,
    )
    day = DayField(_l("Which day?"))
    parts = CheckboxesField(
        _l("When on that day?"),
        choices=[SelectChoice(key, name) for key, name in zip(PARTS, PART_NAMES, strict=True)],
    )
    slots = DagdelenField(_l("Which moments suit you?"))
    minutes = ListField(
        _l("How long does it take, about?"),
        choices=[SelectChoice(str(each), MINUTE_NAMES[each]) for each in MINUTES],
        wrong=_l("Choose how long it takes, about."),
    )

    def validate(self, extra_validators: Any = None) -> bool:
        if self.frequency.data != Frequency.ONCE:
            self.day.process_errors = []  # left over from another choice
        if not super().validate(extra_validators):
            return False
        try:
            wishes.check_when(Frequency(self.frequency.data), self.day.data, self.mask, now=utcnow())
        except Invalid as refused:
            say(self[refused.field], when_refusal(f"{refused.field}.{refused.reason}"))
            return False
        return True

    @property
    def mask(self) -> int:
        """The moments as 28 bits; 0 when none was chosen."""
        if self.frequency.data != Frequency.ONCE:
            return self.slots.mask
        chosen = [PARTS.index(part) for part in self.parts.data or () if part in PARTS]
        return wishes.day_slots(self.day.data, chosen) if self.day.data else 0


class PlaceForm(WhereForm):
    """Step 3."""

    language = ListField(_l("Does a language matter?"), wrong=_l("Choose a language from the list."), default="")
    welcomes_anyone = BooleanField(_l("Anyone whom the opbouwwerker chooses is welcome"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [SelectChoice(each.code, _spoken(each)) for each in catalogue.LANGUAGES]
        self.language.choices = [SelectChoice("", _("No, that does not matter")), *names]

    @property
    def languages(self) -> tuple[str, ...]:
        return (self.language.data,) if self.language.data else ()


def _spoken(language: catalogue.Language) -> str:
    name = _(language.name)
    return name if name == language.own_name else f"{name} ({language.own_name})"


class ContactForm(Form):
    """Who asks: the last step, only for somebody we do not know yet."""

    first_name = StringField(_l("Your first name"), A_NAME, filters=[one_line])
    email = EmailField(_l("Your e-mail address"), filters=[one_line])
    phone = TelField(_l("Your telephone number"), filters=[one_line])
    channel = ChoiceField(
        _l("How shall we let you know?"),
        choices=[SelectChoice(Channel.EMAIL, _l("We send an e-mail")), SelectChoice(Channel.PHONE, _l("We call you"))],
        wrong=_l("Choose how we shall let you know."),
        default=Channel.EMAIL,
    )
    locale = ListField(
        _l("In which language shall we write?"),
        choices=[SelectChoice(code, name) for code, name in LANGUAGES],
        wrong=_l("Choose a language from the list."),
    )
    adult = BooleanField(
        _l("I am 18 years or older"),
        [InputRequired(_l("Tick this when you are 18 or older. Are you younger? Then call us."))],
    )

    def validate_email(self, field: Field) -> None:
        if field.data:
            try:
                accounts.normal_email(field.data)
            except Invalid:
                raise ValidationError(
                    _("This is not a whole e-mail address. It looks like: name@example.nl.")
                ) from None
        elif self.channel.data == Channel.EMAIL:
            raise ValidationError(_("Fill in an e-mail address, or choose: We call you."))

    def validate_phone(self, field: Field) -> None:
        if field.data:
            try:
                accounts.normal_phone(field.data)
            except Invalid:
                raise ValidationError(
                    _("This is not a whole telephone number. It has 10 digits, like 06 12 34 56 78.")
                ) from None
        elif self.channel.data == Channel.PHONE:
            raise ValidationError(_("Fill in a telephone number, or choose: We send an e-mail."))


class OtherForm(Form):
    """For whom somebody else asks, and that this person agrees."""

    other_name = StringField(
        _l("First name of the person you ask for"),
        A_NAME,
        filters=[one_line],
    )
    consent_by = ChoiceField(
        _l("Who agreed to this?"),
        choices=[
            SelectChoice(ConsentBy.PERSON, _l("The person I ask for")),
            SelectChoice(ConsentBy.REPRESENTATIVE, _l("Someone who may decide for that person")),
        ],
        default=ConsentBy.PERSON,
        wrong=_l("Choose who agreed to this."),
    )
    consent_how = ChoiceField(
        _l("How did they agree?"),
        choices=[
            SelectChoice(ConsentHow.SPOKEN, _l("Face to face")),
            SelectChoice(ConsentHow.PHONE, _l("On the telephone")),
            SelectChoice(ConsentHow.PAPER, _l("On paper")),
        ],
        wrong=_l("Choose how they agreed."),
    )
    consent = BooleanField(
        _l("Yes, this person agrees that I ask this"),
        [InputRequired(_l("Ask the other person first. Does he or she agree? Then tick this."))],
    )


class OtherAndContactForm(OtherForm, ContactForm):
    """For somebody else, by somebody we do not know yet."""


class OnThePhoneForm(OtherForm, ContactForm):
    """For somebody on the telephone, by staff: the account becomes that person's."""

    first_name = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.other_name.label.text = _("First name of the person on the telephone")
        self.email.label.text = _("E-mail address of this person")
        self.phone.label.text = _("Telephone number of this person")
        self.channel.label.text = _("How shall we let this person know?")
        self.adult.label.text = _("This person is 18 years or older")
        self.consent.label.text = _("I read the text above aloud, and this person agrees")


class WithdrawForm(Form):
    """Why a request is taken back; nobody has to say."""

    reason = ChoiceField(
        _l("Would you like to say why?"),
        choices=[
            SelectChoice("solved", _l("I found help myself")),
            SelectChoice("not_needed", _l("I no longer need it")),
            SelectChoice("too_long", _l("It took too long")),
            SelectChoice("other", _l("Something else")),
        ],
        required=False,
        wrong=_l("Choose one of these answers."),
    )
