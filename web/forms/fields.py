"""Fields that several forms share. Choices come before typing, and what cannot be chosen gives our own sentence."""

import unicodedata
from collections.abc import Iterable
from typing import Any

from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import DateField, Field, RadioField, SelectField, SelectMultipleField, ValidationError
from wtforms.widgets import CheckboxInput, ListWidget

from web.facts import slot_key
from web.i18n import slot_text

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
    return "".join(
        c for c in lines if c in "\n\t" or (unicodedata.category(c) != "Cc" and c not in TURNING)
    ).strip()


def one_line(text: str | None) -> str | None:
    """The same on one line, for names."""
    return " ".join((plain(text) or "").split())


class _OwnSentence:
    """Says `wrong` instead of the library's sentence when something is sent that was not offered."""

    wrong: Any = ""

    def __init__(self, *args: Any, wrong: Any = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wrong = wrong

    def pre_validate(self, form: Any) -> None:
        try:
            super().pre_validate(form)  # type: ignore[misc]  # of the WTForms field it is mixed into
        except (ValidationError, ValueError):
            raise ValidationError(str(self.wrong) or _("Choose one of these answers.")) from None


class ChoiceField(_OwnSentence, RadioField):
    """One of a few: radios or cards. Nothing chosen gives `wrong`, unless it is optional."""

    def pre_validate(self, form: Any) -> None:
        if self.data is None and self.flags.optional:
            return
        super().pre_validate(form)


class ListField(_OwnSentence, SelectField):
    """One of many, from a list."""


class CheckboxesField(_OwnSentence, SelectMultipleField):
    """Any number of a few."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()


class DagdelenField(CheckboxesField):
    """The 7 x 4 grid: its data are keys like "mon-morning", its `mask` 28 bits with Monday morning as bit 0."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, choices=[slot_key(slot) for slot in range(28)], **kwargs)

    def iter_choices(self) -> Iterable[Any]:
        chosen = set(self.data or ())
        return [(key, slot_text(slot), key in chosen, {}) for slot, key in enumerate(self.choices)]

    def has_groups(self) -> bool:
        return False

    @property
    def mask(self) -> int:
        chosen = set(self.data or ())
        return sum(1 << slot for slot, key in enumerate(self.choices) if key in chosen)


class DayField(DateField):
    """A date, as a date picker sends it or as people write it: 24-11-2026. A day that does not exist (31-02) gives
    `wrong`; what was typed stays."""

    def __init__(self, *args: Any, wrong: Any = "", **kwargs: Any) -> None:
        formats = ["%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%d.%m.%Y"]
        super().__init__(*args, format=formats, **kwargs)
        self.wrong = wrong

    def process_formdata(self, valuelist: list[str]) -> None:
        try:
            if valuelist and valuelist[0].strip():
                super().process_formdata([valuelist[0].strip()[:20]])
        except ValueError:
            wrong = _("This day does not exist. Write it like this: 24-11-2026.")
            raise ValueError(str(self.wrong) or wrong) from None


def say(field: Field, sentence: str) -> None:
    """Put a sentence at a field after all fields were checked."""
    field.errors = [*field.errors, sentence]
