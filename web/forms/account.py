"""Getting in, joining, and changing what we know of somebody."""

from typing import Any

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, HiddenField, PasswordField
from wtforms.validators import InputRequired, Length, Optional

from matching.models import Channel
from web.forms.fields import Form, one_line
from web.forms.help_requests import ContactForm
from web.forms.where import WhereForm
from web.safe_paths import local_path

LONGEST_SENT = 1000  # characters of a password that we look at at all
TOO_LONG = _l("This password is too long.")
LONG_EMAIL = _l("This e-mail address is too long.")


def _own_page(path: str | None) -> str:
    """Where to go afterwards, when that is a page of ours; else nothing."""
    return local_path(path, "")


class SignInForm(Form):
    """An e-mail address, and a password for whoever has one."""

    email = EmailField(
        _l("Your e-mail address"),
        [InputRequired(_l("Fill in your e-mail address.")), Length(max=320, message=LONG_EMAIL)],
        filters=[one_line],
    )
    password = PasswordField(
        _l("Your password"), [Optional(strip_whitespace=False), Length(max=LONGEST_SENT, message=TOO_LONG)]
    )
    verder = HiddenField(filters=[_own_page])


class _PersonForm(ContactForm, WhereForm):
    """Who somebody is and where they live, roughly."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("buurt", "adult"):  # errors are listed in the order of the page
            if name in self._fields:
                self._fields[name] = self._fields.pop(name)


class NewAccountForm(_PersonForm):
    """For somebody new."""

    verder = HiddenField(filters=[_own_page])


class AboutMeForm(_PersonForm):
    """The same for somebody who has an account. Another e-mail address has to be proved first."""

    email = None
    adult = None

    def __init__(self, *args: Any, has_email: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_email:
            self.channel.choices = [each for each in self.channel.choices if each.value != Channel.EMAIL]


class PasswordForm(Form):
    """A new password, and the present one of whoever has one."""

    current = PasswordField(
        _l("Your password now"),
        [InputRequired(_l("Fill in the password you have now.")), Length(max=LONGEST_SENT, message=TOO_LONG)],
    )
    password = PasswordField(
        _l("Your new password"),
        [InputRequired(_l("Fill in a new password.")), Length(max=LONGEST_SENT, message=TOO_LONG)],
    )

    def __init__(self, *args: Any, has_password: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_password:
            del self.current
