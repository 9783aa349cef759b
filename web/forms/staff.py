"""Giving a staff role."""

from flask_babel import lazy_gettext as _l
from wtforms import EmailField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from matching.models import Role
from web.forms.fields import ChoiceField, Form, ListField, one_line

ROLE_NAMES = {
    Role.OPBOUWWERKER: _l("Opbouwwerker"),
    Role.COORDINATOR: _l("Coordinator"),
    Role.SOCIAAL_PLEIN: _l("Sociaal Plein"),
    Role.BEHEERDER: _l("Beheerder"),
}


class RoleForm(Form):
    """Who gets which role for which place. The view fills in the places."""

    email = EmailField(
        _l("E-mail address of the account"),
        [
            InputRequired(_l("Fill in the e-mail address.")),
            Length(max=320, message=_l("This e-mail address is too long.")),
        ],
        filters=[one_line],
    )
    role = ChoiceField(
        _l("Role"),
        choices=[SelectChoice(role, name) for role, name in ROLE_NAMES.items()],
        wrong=_l("Choose a role."),
    )
    place = ListField(_l("For which place?"), [InputRequired(_l("Choose a place."))], wrong=_l("Choose a place."))
    note = StringField(
        _l("When and where people find this person"),
        [Length(max=200, message=_l("Make this shorter: at most 200 characters."))],
        filters=[one_line],
    )
