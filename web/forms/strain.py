"""How are you: six questions with three answers; the rhythm; and the score of a professional."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from matching.errors import Invalid
from matching.services import strain
from web import strain_words
from web.forms.care import WholeNumberField
from web.forms.fields import ChoiceField, DayField, Form, ListField, say


def _question(key: str) -> ChoiceField:
    question, answers = strain_words.QUESTIONS[key]
    return ChoiceField(
        question,
        choices=[SelectChoice(str(points), answer) for points, answer in enumerate(answers)],
        wrong=_l("Choose the answer that comes closest."),
    )


class CheckForm(Form):
    """Six questions, lighter to heavier answers."""

    sleep = _question("sleep")
    time = _question("time")
    worries = _question("worries")
    body = _question("body")
    others = _question("others")
    go_on = _question("go_on")

    def answers(self) -> dict[str, int]:
        """0 to 2 for each question, once the form is valid."""
        return {key: int(self[key].data) for key in strain.QUESTIONS}


class RhythmForm(Form):
    """How often we ask."""

    weeks = ListField(
        _l("How often shall we ask how you are?"),
        choices=[SelectChoice(str(weeks), text) for weeks, text in strain_words.RHYTHMS.items()],
        wrong=_l("Choose how often we shall ask."),
    )


class ScoreForm(Form):
    """A score from another instrument: only the number, never its questions."""

    instrument = ChoiceField(
        _l("Which list?"),
        choices=[SelectChoice(key, name) for key, name in strain_words.INSTRUMENT_NAMES.items()],
        wrong=_l("Choose which list it was."),
    )
    score = WholeNumberField(_l("Score"), [InputRequired(_l("Fill in the score."))], wrong=_l("Write a whole number."))
    day = DayField(_l("On which day?"), [InputRequired(_l("Choose the day on which it was filled in."))])

    def refuse(self, error: Invalid) -> None:
        """Put what the service refused at its field, in words."""
        say(self[error.field], self._sentence(f"{error.field}.{error.reason}"))

    def _sentence(self, why: str) -> str:
        if why == "score.out_of_range":
            most = strain.INSTRUMENTS[self.instrument.data]
            return _("This list gives a score from 0 to %(most)d.", most=most)
        sentences: dict[str, str] = {
            "day.future": _("This day has yet to come. Choose today or an earlier day."),
            "day.too_old": _("This is more than three years ago. Choose a later day."),
        }
        return sentences.get(why, _("Choose this again."))


def as_values(answers: dict[str, int] | None) -> dict[str, Any]:
    """What the form shows of earlier answers."""
    return {key: str(points) for key, points in (answers or {}).items()}
