"""A moment of time off: moving it, calling it off, booking it, and laying a rhythm out."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from matching.errors import Invalid
from web.forms.fields import ChoiceField, DayField, Form, ListField, one_line, say
from web.forms.pairings import HourField
from web.i18n import TIMEZONE

EVENING = time(18)  # from then on an end "before" the beginning is the next morning
FIELDS = {"starts_at": "start", "ends_at": "end"}  # what a service calls them


class ClockField(HourField):
    """An hour; what was typed is shown again without characters that no page may hold."""

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = one_line(valuelist[0] if valuelist else "") or ""
        self.raw_data = [typed]
        super().process_formdata([typed])


class OffForm(Form):
    """Why it does not go ahead."""

    reason = ChoiceField(_l("Why does it not go ahead?"), name="reden", wrong=_l("Choose why."))

    def __init__(self, formdata: Any, *, choices: Mapping[str, Any]) -> None:
        super().__init__(formdata)
        self.reason.choices = [SelectChoice(key, text) for key, text in choices.items()]


class TimesForm(Form):
    """From when until when, by the Dutch clock."""

    day = DayField(_l("On which day?"), [InputRequired(_l("Choose a day."))], name="dag")
    start = ClockField(_l("From what time?"), [InputRequired(_l("Choose a time."))], name="van")
    end = ClockField(_l("Until what time?"), [InputRequired(_l("Choose a time."))], name="tot")
    last_day = DayField(
        _l("Until which day?"),
        [Optional()],
        name="tot_dag",
        description=_l("Only when it lasts longer than a day or a night."),
    )

    def times(self) -> tuple[datetime, datetime]:
        """Both in UTC. Raises Invalid for an hour that does not exist."""
        day, start, end = self.day.data, self.start.data, self.end.data
        assert isinstance(day, date)
        assert isinstance(start, time)
        assert isinstance(end, time)
        last = self.last_day.data or day
        if self.last_day.data is None and end <= start and start >= EVENING:
            last = day + timedelta(days=1)
        return _moment(day, start, "starts_at"), _moment(last, end, "ends_at")

    def refuse(self, error: Invalid, sentence: str) -> None:
        """Put what a service refused at the field where it can be put right."""
        field = self._fields.get(FIELDS.get(error.field, error.field), self.day)
        if error.field == "starts_at" and error.reason in ("past", "too_far"):
            field = self.day
        say(field, sentence)


def _moment(day: date, hour: time, field: str) -> datetime:
    try:
        moment = datetime.combine(day, hour, TIMEZONE).astimezone(UTC)
        shown = moment.astimezone(TIMEZONE)
    except OverflowError:
        raise Invalid(field, "too_far") from None
    if shown.replace(tzinfo=None) != datetime.combine(day, hour):
        raise Invalid(field, "skipped")
    return moment


class BookForm(TimesForm):
    """One moment by hand, at the desk."""

    arrangement = ListField(
        _l("Who takes over?"), name="wie", wrong=_l("Choose who takes over."), coerce=str, choices=()
    )
    payer = ListField(_l("Who pays?"), name="betaler", wrong=_l("Choose who pays."), coerce=str, choices=())

    def offer(self, people: list[tuple[str, str]], payers: Mapping[str, Any]) -> None:
        """What can be chosen."""
        _offer(self, people, payers)


class LayOutForm(Form):
    """A rhythm until a day, at the desk."""

    arrangement = ListField(
        _l("Who takes over?"), name="wie", wrong=_l("Choose who takes over."), coerce=str, choices=()
    )
    payer = ListField(_l("Who pays?"), name="betaler", wrong=_l("Choose who pays."), coerce=str, choices=())
    until = DayField(_l("Until which day?"), [InputRequired(_l("Choose a day."))], name="tot_dag")
    hour = ClockField(
        _l("From what time?"),
        [Optional()],
        name="van",
        description=_l("Leave it empty for the usual hour of that part of the day."),
    )

    def offer(self, people: list[tuple[str, str]], payers: Mapping[str, Any]) -> None:
        """What can be chosen."""
        _offer(self, people, payers)


def _offer(form: Any, people: list[tuple[str, str]], payers: Mapping[str, Any]) -> None:
    form.arrangement.choices = [SelectChoice(key, name) for key, name in people]
    nothing = SelectChoice("", _("Nothing is counted"))
    form.payer.choices = [*(SelectChoice(key, text) for key, text in payers.items()), nothing]
