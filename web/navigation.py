"""The five words at the top, for residents and for staff."""

from dataclasses import dataclass

from flask import request, url_for
from flask_babel import gettext as _
from flask_login import current_user


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
    if current_user.is_staff:
        return [
            _item("desk.today", _("Today"), "agenda"),
            _item("desk.requests", _("Requests"), "vraag"),
            _item("desk.people", _("People"), "mensen"),
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
    try:
        url_for(endpoint)
    except Exception:
        return Item("/", text, icon, False)  # INTERIM
    return Item(url_for(endpoint), text, icon, here == endpoint or same_thing)
