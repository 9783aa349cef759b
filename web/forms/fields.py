"""Fields that several forms share. Choices come before typing, and what cannot be chosen gives our own sentence."""

import unicodedata
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, Field, RadioField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.widgets import CheckboxInput, ListWidget

from web.facts import slot_key
from web.i18n import SLOT_NAMES

# Invisible characters that turn the direction of the text around them: a name must not rewrite the page.
TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Form(FlaskForm):
    """A form of ours. The app checks the CSRF token of every request (and the form macro writes it), so forms
    can also be filled from what a draft kept."""

    class Meta:
        csrf = False


def plain(text: str | None) -> str | None:
    """Text without control characters (PostgreSQL refuses NUL), with one kind of line end, trimmed."""
    if text is None:
        return None
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in lines if c in "\n\t" or _is_text(c)).strip()


def _is_text(character: str) -> bool:
    """Not a control character, half of a character (no database takes it), a character that Unicode keeps free for
    programs, or one that turns the text."""
    number = ord(character)
    reserved = 0xFDD0 <= number <= 0xFDEF or number & 0xFFFE == 0xFFFE
    return not reserved and character not in TURNING and unicodedata.category(character) not in ("Cc", "Cs")


def one_line(text: str | None) -> str | None:
    """The same on one line, for names."""
    return " ".join((plain(text) or "").split())


class ChoiceField(RadioField):
    """One of a few: radios or cards. `wrong` is the sentence when nothing, or nothing we offered, was chosen."""

    def __init__(self, *args: Any, wrong: Any, required: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, invalid_choice_message=wrong, **kwargs)
        self.required = required

    def pre_validate(self, form: Any) -> None:
        if self.data is not None or self.required:
            super().pre_validate(form)


class ListField(SelectField):
    """One of many, from a list."""

    def __init__(self, *args: Any, wrong: Any, **kwargs: Any) -> None:
        super().__init__(*args, invalid_choice_message=wrong, **kwargs)


class CheckboxesField(SelectMultipleField):
    """Any number of a few."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, invalid_choice_message=_l("Choose from these answers."), **kwargs)


class DagdelenField(CheckboxesField):
    """The 7 x 4 grid. Its data are keys like "mon-morning"."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        names = [SelectChoice(slot_key(slot), SLOT_NAMES[slot // 4][slot % 4]) for slot in range(28)]
        super().__init__(*args, choices=names, **kwargs)

    @property
    def mask(self) -> int:
        """28 bits: day * 4 + part, Monday morning is bit 0."""
        chosen = set(self.data or ())
        return sum(1 << slot for slot in range(28) if slot_key(slot) in chosen)


class DayField(DateField):
    """A date, as a date picker sends it or as people write it: 24-11-2026. For a day that does not exist (31-02)
    it says so, and what was typed stays."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        wrong = _l("This day does not exist. Write a day like this: 24-11-2026.")
        formats = ["%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y"]
        super().__init__(*args, format=formats, invalid_value_message=wrong, **kwargs)

    def process_formdata(self, valuelist: list[str]) -> None:
        typed = one_line(valuelist[0] if valuelist else "") or ""
        self.raw_data = [typed]  # what the field shows again
        if typed:
            super().process_formdata([typed[:20]])


def say(field: Field, sentence: str) -> None:
    """Put a sentence at a field after all fields were checked."""
    field.errors = [*field.errors, sentence]
