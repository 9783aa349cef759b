"""The mantelzorger's own page: how it goes, what is arranged, what is left. For others: what can be arranged here."""

from flask import render_template
from flask.typing import ResponseReturnValue

from matching.errors import NotFound
from matching.models import CareSituation
from matching.models.base import utcnow
from matching.services import care
from web import care_words, strain_words
from web.access import public, signed_in
from web.auth import viewer
from web.care_parts import arranging, calendar, ledger, plan, relief, strain
from web.db import db
from web.forms.strain import CheckForm
from web.views.care.blueprint import KEY, bp, me

# What stands on the page, each with its own template.
PARTS = {
    "arranging": arranging,
    "ledger": ledger,
    "calendar": calendar,
    "relief": relief,
    "strain": strain,
    "plan": plan,
}


@bp.get("")
@public
def index() -> ResponseReturnValue:
    """One's own page for a mantelzorger, also when it was closed; for everybody else what can be arranged, and how to
    begin."""
    who = viewer().account_id
    mine = care.mine(db(), who) if who is not None else []
    kept = [each for each in mine if each.mantelzorger_consent_id]
    return _page(kept[0], kept[1:]) if kept else render_template("care/index.html")


@bp.get(f"/{KEY.format('situation_id')}")
@signed_in
def home(situation_id: int) -> ResponseReturnValue:
    mine = care.mine(db(), me())
    found = next((each for each in mine if each.id == situation_id), None)
    if found is None:
        raise NotFound
    return _page(found, [each for each in mine if each is not found])


def _page(situation: CareSituation, others: list[CareSituation]) -> str:
    now, is_open = utcnow(), care.is_open(situation)
    return render_template(
        "care/home.html",
        situation=situation,
        others=[each for each in others if care.is_open(each)],
        form=CheckForm(None),
        parts={name: part.home(db(), situation, now) for name, part in PARTS.items()} if is_open else {},
        is_open=is_open,
        obstacle=care.at_home_obstacle(situation),
        words=care_words,
        strain_words=strain_words,
    )
