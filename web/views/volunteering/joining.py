"""Becoming a volunteer: what, when, where, and only then who. There is no wall, and nothing filled in is lost.

Whether an address is known already shows nowhere: what happens next is the same. Under a known address the
choices wait for their owner (services.volunteering.keep_for_later).
"""

from collections.abc import Callable
from typing import Any

from flask import current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from matching.errors import Invalid
from matching.models import Account, Channel, Draft
from matching.models.base import utcnow
from matching.services import accounts, drafts, volunteering
from matching.services.volunteering import Home, Profile
from web.access import public
from web.auth import viewer
from web.db import db
from web.forms.fields import Form, say
from web.forms.volunteering import DistanceForm, ProfileForm, SkillsForm, WhenForm, WhoForm
from web.forms.where import WhereForm
from web.i18n import language
from web.nearby import reach_sentence
from web.views.volunteering.blueprint import bp

KIND = "volunteer"
BROWSER = "helping"  # where the session keeps the id of the draft
STEPS = ("join", "join_when", "join_where", "join_who")
NAMES = (_l("What"), _l("When"), _l("Where"), _l("Who"))


class FromHomeForm(WhereForm, DistanceForm):
    """Where somebody lives, and how far from there."""


@bp.route("/aanmelden", methods=["GET", "POST"])
@public
def join() -> ResponseReturnValue:
    """Step 1: what somebody likes to do."""
    if _helps_already():
        return redirect(url_for(".profile"))
    return _step(0, SkillsForm)


@bp.route("/aanmelden/wanneer", methods=["GET", "POST"])
@public
def join_when() -> ResponseReturnValue:
    """Step 2: when, and how often."""
    return _step(1, WhenForm)


@bp.route("/aanmelden/waar", methods=["GET", "POST"])
@public
def join_where() -> ResponseReturnValue:
    """Step 3: from where, and how far. The last one for whoever is signed in."""
    return _step(2, FromHomeForm)


@bp.route("/aanmelden/wie", methods=["GET", "POST"])
@public
def join_who() -> ResponseReturnValue:
    """Step 4, for strangers: who somebody is. It makes the account."""
    if viewer().account_id is not None:
        return redirect(url_for(".join_where"))
    return _step(3, WhoForm)


@bp.get("/aanmelden/klaar")
@public
def joined() -> ResponseReturnValue:
    """What happens next."""
    return render_template("volunteering/joined.html")


def _step(number: int, make_form: Callable[..., Form]) -> ResponseReturnValue:
    draft = _draft()
    known = draft.data if draft else {}
    if any(step not in known for step in STEPS[:number]):
        return redirect(url_for(".joined" if request.method == "POST" and session.get("helped") else ".join"))
    if request.method == "GET":
        return _page(number, make_form(formdata=None, data=known.get(STEPS[number]) or _first_answers()))
    form = make_form(formdata=request.form)
    if isinstance(form, WhenForm) and "vul" in request.form:
        form.fill(request.form["vul"])
        return _page(number, form)
    if isinstance(form, WhereForm) and (form.tapped or "toon" in request.form):
        return _page(number, form)
    if not form.validate():
        return _page(number, form), 422
    if isinstance(form, WhoForm):
        assert draft is not None
        return _join_stranger(draft, form)
    return _next(number, draft, form)


def _next(number: int, draft: Draft | None, form: Form) -> ResponseReturnValue:
    """Keep this step's answers and go on; after the last one somebody who is signed in is a volunteer."""
    account_id = viewer().account_id
    data = {**(draft.data if draft else {}), STEPS[number]: form.data}
    if account_id is not None and number == 2:
        return _join_member(account_id, draft, data)
    kept = drafts.save(db(), draft, KIND, data, account_id=account_id, now=utcnow())
    session[BROWSER], session.permanent = kept.id, True
    return redirect(url_for(f".{STEPS[number + 1]}"))


def _join_member(account_id: int, draft: Draft | None, data: dict[str, Any]) -> ResponseReturnValue:
    volunteering.settle(db(), account_id, *_home(data))
    volunteering.join(db(), account_id, _profile(data), now=utcnow())
    drafts.discard(db(), draft)
    session.pop(BROWSER, None)
    flash(_("How nice that you want to help. From now on we can ask you for what fits."), "ok")
    return redirect(url_for(".index"))


def _join_stranger(draft: Draft, form: WhoForm) -> ResponseReturnValue:
    now, data = utcnow(), dict(draft.data)
    if not volunteering.take_draft(db(), draft.id):  # the same form a moment ago
        return redirect(url_for(".joined"))
    try:
        account, is_new = _find_or_join(form, data)
    except Invalid as error:
        name = error.field if error.field in form else "email"
        say(form[name], _refusal(error))
        return _page(3, form), 422
    assert account.id is not None
    keep = volunteering.join if is_new else volunteering.keep_for_later
    keep(db(), account.id, _profile(data), now=now)
    accounts.send_sign_in_link(db(), account, now=now, next_path=url_for(".profile"))
    session.pop(BROWSER, None)
    session["helped"] = True
    return redirect(url_for(".joined"))


def _find_or_join(form: WhoForm, data: dict[str, Any]) -> tuple[Account, bool]:
    """The account of this address, or a new one. Raises Invalid, and TooManyAttempts for a flood of messages."""
    now = utcnow()
    email = accounts.normal_email(form.email.data or "")
    accounts.limit_link_requests(
        db(), email, address=request.remote_addr or "", secret=current_app.config["SECRET_KEY"], now=now
    )
    buurt_code, x, y = _home(data)
    return accounts.find_or_join(
        db(),
        first_name=form.first_name.data or "",
        email=email,
        phone=form.phone.data,
        locale=language(),
        channel=Channel.EMAIL,
        buurt_code=buurt_code,
        x=x,
        y=y,
        adult=bool(form.adult.data),
        now=now,
    )


def _profile(data: dict[str, Any]) -> Profile:
    """The profile that the three steps make together."""
    together = {name: answer for step in STEPS[:3] for name, answer in data[step].items()}
    return ProfileForm(formdata=None, data=together).profile


def _home(data: dict[str, Any]) -> tuple[str, int, int]:
    """Buurt and rounded point."""
    form = FromHomeForm(formdata=None, data=data["join_where"])
    return (form.buurt.data, *_point(form))


def _point(form: WhereForm) -> tuple[int, int]:
    """The point that was pressed, or the middle of the buurt. Raises Invalid without a buurt of ours."""
    x, y = form.point()
    return volunteering.middle_of(db(), form.buurt.data or "") if x is None or y is None else (x, y)


def _reach(form: FromHomeForm) -> str:
    """The buurten that the chosen distance reaches, once there is a home to reckon from."""
    try:
        home = Home(form.buurt.data or "", *_point(form))
    except Invalid:
        return ""
    return reach_sentence(form.radius_m, volunteering.reached(db(), home, form.radius_m))


def _draft() -> Draft | None:
    account_id = viewer().account_id
    draft = drafts.load(db(), session.get(BROWSER), KIND, account_id=account_id)
    if draft is None and account_id is not None:  # begun on another device
        return drafts.newest(db(), KIND, account_id=account_id)
    return draft


def _first_answers() -> dict[str, Any]:
    """What most people answer, and what we know already."""
    known: dict[str, Any] = {
        "languages": sorted({"nl", language()}), "weekly_max": "1", "distance": "2000"
    }  # fmt: skip
    account_id = viewer().account_id
    account = db().get(Account, account_id) if account_id is not None else None
    if account is not None and account.buurt_code:
        known |= {"buurt": account.buurt_code, "x": str(account.x or ""), "y": str(account.y or "")}
    return known


def _helps_already() -> bool:
    account_id = viewer().account_id
    return account_id is not None and volunteering.find(db(), account_id) is not None


def _refusal(error: Invalid) -> str:
    return {
        "email": _("This is not an e-mail address. Write it like this: naam@voorbeeld.nl."),
        "phone": _("This is not a telephone number. Write it like this: 06 12345678."),
        "first_name": _("Write your first name."),
    }.get(error.field, _("Look at this answer again."))


def _page(number: int, form: Form) -> str:
    names = NAMES[:3] if viewer().account_id is not None else NAMES
    return render_template(
        f"volunteering/{STEPS[number]}.html",
        form=form,
        names=names,
        number=number + 1,
        is_last=number + 1 == len(names),
        reach=_reach(form) if isinstance(form, FromHomeForm) else "",
        back=url_for(f".{STEPS[number - 1]}") if number else "",
    )
