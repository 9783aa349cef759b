"""What a volunteer can do, when, how far and how often."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from matching.models import Account, Volunteer
from matching.models.base import utcnow
from matching.services import looking_around, volunteering
from web import nearby as wording
from web.access import signed_in
from web.coloured_map import colour
from web.db import db
from web.forms.volunteering import ProfileForm, answers
from web.i18n import today
from web.views.places import atlas_and_map
from web.views.volunteering.blueprint import bp, gemeente_of, me


@bp.route("/profiel", methods=["GET", "POST"])
@signed_in
def profile() -> ResponseReturnValue:
    volunteer = volunteering.find(db(), me())
    kept = volunteering.kept_profile(db(), me())
    if request.method == "POST":
        return _save_profile(volunteer)
    if volunteer is None and kept is None:
        return redirect(url_for(".join"))
    shows_kept = kept is not None and (volunteer is None or "huidig" not in request.args)
    known = kept if shows_kept or volunteer is None else volunteering.profile_of(volunteer)
    assert known is not None
    form = ProfileForm(formdata=None, data=answers(known))
    return _profile_page(form, volunteer, kept="new" if shows_kept else "current" if kept else "")


def _save_profile(volunteer: Volunteer | None) -> ResponseReturnValue:
    form = ProfileForm(formdata=request.form)
    if "vul" in request.form or "toon" in request.form:  # only fills the grid or draws the map: nothing is kept
        form.fill(request.form.get("vul", ""))
        return _profile_page(form, volunteer)
    if not form.validate():
        return _profile_page(form, volunteer), 422
    now = utcnow()
    volunteer = volunteering.join(db(), me(), form.profile, now=now)
    volunteering.forget_kept_profile(db(), me())
    if "pauze" in request.form:
        volunteering.pause(db(), volunteer, today=today(), now=now)
        flash(_("Your profile is saved and you are on pause. We ask you nothing for now."), "ok")
    else:
        flash(_("Your profile is saved. We only ask you for what fits."), "ok")
    return redirect(url_for(".profile"))


def _profile_page(form: ProfileForm, volunteer: Volunteer | None, kept: str = "") -> str:
    home = volunteering.home_of(db().get_one(Account, me()))
    reached = volunteering.reached(db(), home, form.radius_m) if home else []
    atlas, drawn = atlas_and_map(gemeente_of(home.buurt_code)) if home else (None, None)
    return render_template(
        "volunteering/profile.html",
        form=form,
        volunteer=volunteer,
        kept=kept,
        home=home,
        atlas=atlas,
        map=colour(drawn, home.buurt_code, {code for code, _name in reached}) if home and drawn else None,
        reach=wording.reach_sentence(form.radius_m, reached) if reached else "",
        fitting=_count_fitting() if volunteer and home else 0,
        is_available=volunteer is None or volunteer.is_available(today()),
    )


def _count_fitting() -> int:
    return len(looking_around.fitting(db(), looking_around.helper_of(db(), me(), today=today()), today=today()))
