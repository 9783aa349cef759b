"""What a mantelzorger tells about the care, and the two consents. Forms check shape; services.care decides."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import BooleanField, IntegerField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length

from matching.errors import Invalid
from matching.models import CareSituation
from matching.services import care
from web import care_words
from web.forms.fields import ChoiceField, DayField, Form, one_line, plain, say
from web.forms.where import WhereForm

CLOSED_REFUSAL = _l("This is closed. Open it again first.")


class WholeNumberField(IntegerField):
    """A whole number as people write it; `wrong` is the sentence for anything else."""

    def __init__(self, *args: Any, wrong: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wrong = wrong

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = one_line(valuelist[0] if valuelist else "") or ""
        self.raw_data = [typed]  # what the field shows again
        if not typed:
            return
        if not (typed.isascii() and typed.isdigit() and len(typed) < 7):
            self.data = None
            raise ValueError(self.wrong)
        self.data = int(typed)


def choices(words: dict[str, Any]) -> list[SelectChoice]:
    return [SelectChoice(key, text) for key, text in words.items()]


class StoryForm(WhereForm):
    """For whom somebody cares, since when, how much and where. No diagnosis: there is no field for it."""

    relation = ChoiceField(
        _l("For whom do you care?"), choices=choices(care_words.RELATIONS), wrong=_l("Choose for whom you care.")
    )
    since_year = WholeNumberField(
        _l("Since which year?"),
        [InputRequired(_l("Fill in a year, like 2021."))],
        wrong=_l("Write a year in four numbers, like 2021."),
    )
    hours_a_week = WholeNumberField(
        _l("How many hours a week, about?"),
        [InputRequired(_l("Fill in how many hours a week, about. A guess is fine."))],
        wrong=_l("Write a whole number of hours, like 20."),
    )
    lives = ChoiceField(
        _l("Where does your loved one live?"),
        choices=choices(care_words.LIVES),
        wrong=_l("Choose where your loved one lives."),
    )
    words = TextAreaField(
        _l("Would you like to tell more?"),
        [Length(max=care.LONGEST_WORDS, message=_l("Make it shorter: 1,000 characters at most."))],
        filters=[plain],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buurt.label.text = _("In which buurt does your loved one live?")
        for name in ("buurt", "words", "consent"):  # errors are listed in the order of the page
            if name in self._fields:
                self._fields[name] = self._fields.pop(name)

    def story(self) -> care.Story:
        return care.Story(
            relation=self.relation.data,
            since_year=self.since_year.data or 0,
            hours_a_week=self.hours_a_week.data or 0,
            lives=self.lives.data,
            words=self.words.data or "",
            buurt_code=self.buurt.data,
        )

    def refuse(self, error: Invalid) -> None:
        """Put what the service refused at its field, in words."""
        sentences: dict[str, str] = {
            "since_year.future": _("This year has yet to come. Fill in the year in which it began."),
            "since_year.too_old": _("Fill in a year after 1940."),
            "hours_a_week.out_of_range": _("A week has 168 hours. Fill in a number from 1 to 168."),
        }
        say(self[error.field], sentences.get(f"{error.field}.{error.reason}", _("Choose this again.")))


def told(situation: CareSituation) -> dict[str, Any]:
    """What the form shows of a situation."""
    return {**{name: situation.details.get(name) for name in care.TEXTS}, "buurt": situation.buurt_code}


class NewSituationForm(StoryForm):
    """The same, with the consent of whoever tells it."""

    consent = BooleanField(
        _l("Yes, Omzien may keep this about me"),
        [InputRequired(_l("Do you agree? Then tick this. Without it we keep nothing."))],
    )


class CaredForForm(Form):
    """That the person cared for agrees, and what we may call that person."""

    cared_for_name = StringField(
        _l("What may we call your loved one?"),
        [
            DataRequired(_l("Fill in a first name or a nickname.")),
            Length(max=care.LONGEST_NAME, message=_l("This name is too long. Use at most 80 letters.")),
        ],
        filters=[one_line],
    )
    given_by = ChoiceField(_l("Who said yes?"), choices=choices(care_words.GIVEN_BY), wrong=_l("Choose who said yes."))
    asked_by = ChoiceField(
        _l("Who asked it?"),
        choices=choices(care_words.ASKED_BY),
        default="mantelzorger",
        wrong=_l("Choose who asked it."),
    )
    asked_on = DayField(_l("On which day?"), [InputRequired(_l("Choose the day on which they said yes."))])

    def consent(self) -> care.CaredForConsent:
        return care.CaredForConsent(self.given_by.data, self.asked_by.data, self.asked_on.data)

    def refuse(self, error: Invalid) -> None:
        sentences: dict[str, str] = {
            "asked_on.future": _("This day has yet to come. Choose today or an earlier day."),
            "asked_on.too_old": _("This is long ago. Please ask again, and fill in that day."),
        }
        say(self[error.field], sentences.get(f"{error.field}.{error.reason}", _("Choose this again.")))


class CloseForm(Form):
    """Why the caring, or help with it, is over."""

    reason = ChoiceField(
        _l("What has changed?"),
        choices=choices(care_words.CLOSE_REASONS),
        wrong=_l("Choose what comes closest."),
    )
