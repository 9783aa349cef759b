"""Who works here: the beheerder gives staff roles for places, and ends them."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from matching.access import covers
from matching.errors import Invalid, NotAllowed
from matching.models import Account, Role, StaffRole
from matching.models.base import utcnow
from matching.services import accounts
from web.access import staff
from web.auth import viewer
from web.db import db
from web.forms.fields import say
from web.forms.staff import ROLE_NAMES, RoleForm

bp = Blueprint("staff", __name__, url_prefix="/beheer/medewerkers")


@bp.get("")
@staff(Role.BEHEERDER)
def index() -> ResponseReturnValue:
    places = accounts.places_within(db(), _my_places())
    names = {place.code: place.name for place in places}
    people = [(account, [_row(role, names) for role in roles]) for account, roles in accounts.staff(db(), _my_places())]
    return render_template("staff/index.html", people=people)


@bp.route("/nieuw", methods=["GET", "POST"])
@staff(Role.BEHEERDER)
def give() -> ResponseReturnValue:
    form = RoleForm(request.form if request.method == "POST" else None)
    form.place.choices = _choices(accounts.places_within(db(), _my_places()))
    if request.method != "POST":
        return render_template("staff/give.html", form=form)
    if not form.validate():
        return render_template("staff/give.html", form=form), 422
    if not any(covers(mine, form.place.data) for mine in _my_places()):
        raise NotAllowed(f"no beheerder of {form.place.data}")
    try:
        given = accounts.give_role(
            db(),
            form.email.data,
            form.role.data,
            form.place.data,
            now=utcnow(),
            by=current_user.id,
            note=form.note.data,
        )
    except Invalid as error:
        say(form.email, _problem(error))
        return render_template("staff/give.html", form=form), 422
    name = db().get_one(Account, given.account_id).first_name
    flash(_("%(name)s has this role now.", name=name), "ok")
    return redirect(url_for("staff.index"))


@bp.post("/rollen/<int:role_id>/beeindigen")
@staff(Role.BEHEERDER)
def end(role_id: int) -> ResponseReturnValue:
    role = accounts.find_role(db(), role_id, _my_places())
    name = db().get_one(Account, role.account_id).first_name
    try:
        accounts.end_role(db(), role, now=utcnow(), by=current_user.id)
    except Invalid:
        flash(_("This is the last beheerder. First give somebody else this role."), "warning")
    else:
        flash(_("%(name)s no longer has this role.", name=name), "ok")
    return redirect(url_for("staff.index"))


def _my_places() -> tuple[str, ...]:
    return viewer().places(Role.BEHEERDER)


def _row(role: StaffRole, names: dict[str, str]) -> dict[str, object]:
    return {
        "id": role.id,
        "name": ROLE_NAMES[Role(role.role)],
        "place": names.get(role.place_code, role.place_code),
        "since": role.since,
        "note": role.note,
    }


def _choices(places: list[accounts.NamedPlace]) -> list[SelectChoice]:
    groups = {"gemeente": _("Gemeente"), "wijk": _("Wijken"), "buurt": _("Buurten")}
    first = SelectChoice("", _("Choose a place"), optgroup=_("No place yet"))
    return [first, *(SelectChoice(each.code, each.name, optgroup=groups[each.kind]) for each in places)]


def _problem(error: Invalid) -> str:
    if error.reason == "unknown":
        return str(_("Nobody has an account with this e-mail address. Ask this person to make one first."))
    return str(_("This is not a whole e-mail address. It looks like: name@example.nl."))
