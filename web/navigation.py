"""The words at the top, for residents, for the desk and for the beheerder."""

from dataclasses import dataclass

from flask import request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from matching.access import DESK_ROLES
from matching.models import Role


@dataclass(frozen=True, slots=True)
class Item:
    href: str
    text: str
    icon: str
    current: bool


def items() -> list[Item]:
    """The navigation of whoever is looking; strangers have the three doors instead."""
    if not current_user.is_authenticated:
        return []
    held = {role.role for role in current_user.roles}
    if Role.BEHEERDER in held and not held & set(DESK_ROLES):
        return [
            _item("staff.index", _("Staff"), "mensen"),
            _item("desk.dials", _("Sharing"), "weegschaal"),
            _item("places.index", _("Buurten"), "kaart"),
            _item("account.me", _("Me"), "mens"),
        ]
    if held & set(DESK_ROLES):
        return [
            _item("desk.today", _("Today"), "agenda"),
            _item("desk.requests", _("Requests"), "vraag"),
            _item("desk.people", _("People"), "mensen"),
            _item("desk.carers", _("Mantelzorg"), "huis-hart"),
            *([_item("desk.dials", _("Sharing"), "weegschaal")] if Role.COORDINATOR in held else []),
            _item("desk.recruitment", _("Recruiting"), "hart"),
            _item("places.index", _("Buurten"), "kaart"),
            _item("account.me", _("Me"), "mens"),
        ]
    return [
        _item("help_requests.index", _("Requests"), "vraag"),
        _item("volunteering.index", _("Helping"), "hart"),
        _item("care.index", _("Caring"), "huis-hart"),
        _item("places.mine", _("Buurt"), "kaart"),
        _item("account.me", _("Me"), "mens"),
    ]


def _item(endpoint: str, text: str, icon: str) -> Item:
    here = request.endpoint or ""
    same_thing = here.split(".")[0] == endpoint.split(".")[0] and not here.startswith("desk.")
    return Item(url_for(endpoint), text, icon, here == endpoint or same_thing)
