"""Asking for time for yourself, calling for help, and what the desk does with it. A form checks shape only."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Field, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from matching import catalogue
from matching.errors import Invalid
from matching.respijt_catalogue import FORMS
from matching.services import referring
from matching.services import relief_rules as rules
from matching.services.relief import SHORT_TEXT, Ask
from web import care_words, relief_words
from web.facts import slot_key, slot_list
from web.forms.fields import ChoiceField, DagdelenField, DayField, Form, ListField, one_line, plain, say
from web.forms.help_requests import text_refusal
from web.i18n import slot_text

CHOOSE_ONE = _l("Choose from the list.")


class AskForm(Form):
    """One page: what, how often, when, and in one's own words. Only what belongs to the chosen rhythm counts."""

    form = ChoiceField(
        _l("What would help you?"),
        choices=[
            SelectChoice(relief_words.UNSURE, _l("I do not know yet, think along with me")),
            *(SelectChoice(key, care_words.FORMS[key]) for key in FORMS),
        ],
        wrong=_l("Choose what would help you. You may also choose: think along with me."),
    )
    rhythm = ChoiceField(
        _l("How often?"),
        choices=[SelectChoice(key, name) for key, name in relief_words.RHYTHMS.items()],
        wrong=_l("Choose how often you would like it."),
    )
    nth = ListField(
        _l("Which one of the month?"),
        choices=[SelectChoice(str(key), name) for key, name in relief_words.NTH.items()],
        default="1",
        wrong=CHOOSE_ONE,
    )
    slots = DagdelenField(_l("Which moments suit you?"))
    minutes = ListField(
        _l("How long at a time?"),
        choices=[SelectChoice(str(key), name) for key, name in relief_words.MINUTES.items()],
        default="0",
        wrong=CHOOSE_ONE,
    )
    first_day = DayField(_l("From which day?"))
    last_day = DayField(_l("Until which day?"))
    urgency = ChoiceField(
        _l("How much hurry is there?"),
        choices=[SelectChoice(key, name) for key, name in relief_words.URGENCIES.items()],
        default=rules.NORMAL,
        wrong=_l("Choose how much hurry there is."),
    )
    words = TextAreaField(_l("Would you like to tell more about it?"), filters=[plain])

    def validate_words(self, field: Field) -> None:
        text = field.data = field.data or ""
        try:
            rules.check_words(text)
        except Invalid as refused:
            found = {each.kind: each.text for each in reversed(catalogue.personal_details(text[: rules.LONGEST_TEXT]))}
            sentences = [text_refusal(kind, detail) for kind, detail in sorted(found.items())]
            raise ValidationError(" ".join(sentences) or text_refusal(refused.reason)) from None

    def validate_first_day(self, field: Field) -> None:
        if field.data is None and not field.errors:
            raise ValidationError(_("Choose the first day."))

    def asked(self) -> Ask | None:
        """What is asked; None, with a sentence at the field, where the answers do not make one rhythm."""
        rhythm, form = str(self.rhythm.data), self.kind
        try:
            rule = rules.rule(rhythm, nth=int(self.nth.data), slots=self.slots.mask)
        except Invalid as refused:
            self.refuse(refused)
            return None
        return Ask(
            form=form,
            rrule=rule,
            first_day=self.first_day.data,
            last_day=self.last_day.data,
            slots=self.slots.mask,
            minutes=self._minutes(rhythm, form),
            urgency=str(self.urgency.data),
            words=self.words.data or "",
        )

    @property
    def kind(self) -> str:
        """The key of the form; "" for "think along with me"."""
        return "" if self.form.data == relief_words.UNSURE else str(self.form.data)

    def _minutes(self, rhythm: str, form: str) -> int:
        if rhythm == rules.WEEKEND:
            return rules.WEEKEND_MINUTES
        return int(self.minutes.data) or (FORMS[form].usual_minutes if form else rules.USUAL_MINUTES)

    def refuse(self, refused: Invalid) -> None:
        """Put the service's refusal at its field."""
        field = refused.field if refused.field in self else "words"
        say(self[field], relief_words.refusal(refused.field, refused.reason, self.kind))


class NowForm(Form):
    """Help is needed now: one choice, and a line when there is the energy for it. Anything may stand in it."""

    need = ChoiceField(
        _l("What do you need most?"),
        choices=[SelectChoice(key, name) for key, name in relief_words.NEEDS.items()],
        wrong=_l("Choose what you need most now."),
    )
    words = TextAreaField(
        _l("Would you like to say something about it?"),
        filters=[plain],
        validators=[Length(max=SHORT_TEXT, message=_l("Make it shorter: 300 characters at most."))],
    )


class FormForm(Form):
    """Which form it becomes: the desk chooses with the mantelzorger."""

    form = ListField(
        _l("What does it become?"),
        choices=[SelectChoice(key, care_words.FORMS[key]) for key in FORMS],
        wrong=CHOOSE_ONE,
    )


class MomentForm(Form):
    """Which of the moments that suit it becomes."""

    slot = ListField(_l("Which moment does it become?"), wrong=CHOOSE_ONE)

    def __init__(self, *args: Any, slots: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.slot.choices = [SelectChoice(slot_key(slot), slot_text(slot)) for slot in slot_list(slots)]

    def chosen(self, slots: int) -> int:
        return next((slot for slot in slot_list(slots) if slot_key(slot) == self.slot.data), -1)


class ReferForm(Form):
    """Which organisation is asked, and when to look again."""

    provider = ListField(_l("Which organisation?"), wrong=_l("Choose an organisation from the list."))
    follow_up_on = DayField(
        _l("When do you ask how it stands?"), validators=[InputRequired(_l("Choose a day to look again."))]
    )
    words = StringField(
        _l("Note for the desk"),
        filters=[one_line],
        validators=[
            Length(max=referring.LONGEST_WORDS, message=_l("Make it shorter: 1000 characters at most.")),
        ],
    )

    def __init__(self, *args: Any, providers: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.provider.choices = [SelectChoice(str(key), name) for key, name in providers]

    def refuse(self, refused: Invalid) -> None:
        """Put the service's refusal at its field."""
        known = {
            "follow_up_on.past": _("This day is over. Choose today or a later day."),
            "follow_up_on.too_far": _("This day is more than a year away. Choose a day within a year."),
            "provider.gone": _("This organisation is no longer in the directory. Choose another."),
            "provider.form": _("This organisation does not offer this. Choose another."),
        }
        field = refused.field if refused.field in self else "provider"
        found = known.get(f"{refused.field}.{refused.reason}")
        say(self[field], found or relief_words.refusal(refused.field, refused.reason))


class AgainForm(Form):
    """When to ask the organisation again."""

    follow_up_on = DayField(_l("When do you ask again?"), validators=[InputRequired(_l("Choose a day to look again."))])


class WhyForm(Form):
    """Why it does not become this organisation, or why it ends."""

    reason = ListField(_l("Why?"), wrong=CHOOSE_ONE)

    def __init__(self, *args: Any, reasons: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reason.choices = [SelectChoice(key, name) for key, name in reasons.items()]


class CloseForm(Form):
    """Why the desk closes it; the mantelzorger reads it."""

    reason = ListField(
        _l("Why do you close it?"),
        choices=[SelectChoice(key, name) for key, name in relief_words.CLOSINGS.items()],
        wrong=CHOOSE_ONE,
    )
