"""Getting in and out, joining, and what somebody can see and change about themselves."""

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user, logout_user
from werkzeug.datastructures import MultiDict

from matching.access import DESK_ROLES
from matching.errors import Invalid, LinkUnusable, TooManyAttempts
from matching.models import Account, ActionLink, Buurt, Channel, Role, Volunteer
from matching.models.base import utcnow
from matching.models.geo import round_100m
from matching.services import accounts, links, passwords, posting, stand_ins, volunteering
from web import auth
from web.access import public, signed_in, with_link
from web.auth import viewer
from web.db import db
from web.facts import phone_text, what
from web.forms.account import AboutMeForm, NewAccountForm, PasswordForm, SignInForm
from web.forms.fields import say
from web.forms.where import WhereForm
from web.i18n import language
from web.links import link_id
from web.safe_paths import local_path

bp = Blueprint("account", __name__)
NOT_ME = "not_me"  # why a request was withdrawn: its owner did not send it


@bp.route("/inloggen", methods=["GET", "POST"])
@public
def sign_in() -> ResponseReturnValue:
    form = SignInForm(request.form if request.method == "POST" else MultiDict(request.args))
    if request.method != "POST":
        if current_user.is_authenticated:
            return redirect(form.verder.data or _start(current_user))
        form.email.data = ""  # an address does not belong in an address bar
        return render_template("account/sign_in.html", form=form)
    if not form.validate():
        return render_template("account/sign_in.html", form=form), 422
    try:
        return _enter_with_password(form) if form.password.data else _mail_link(form)
    except Invalid:
        say(form.email, _("This is not a whole e-mail address. It looks like: name@example.nl."))
        return render_template("account/sign_in.html", form=form), 422
    except TooManyAttempts as error:
        db().rollback()
        return render_template("account/sign_in.html", form=form, wait=error.minutes), 429


def _enter_with_password(form: SignInForm) -> ResponseReturnValue:
    account = passwords.check_password(
        db(),
        accounts.normal_email(form.email.data),
        form.password.data,
        address=request.remote_addr or "",
        secret=current_app.config["SECRET_KEY"],
        now=utcnow(),
    )
    if account is None:
        db().commit()  # a refused page is rolled back, and the guess has to count
        say(form.password, _("This e-mail address and this password do not belong together."))
        return render_template("account/sign_in.html", form=form, refused=True), 422
    return _enter(account, form.verder.data)


def _mail_link(form: SignInForm) -> ResponseReturnValue:
    accounts.ask_for_link(
        db(),
        accounts.normal_email(form.email.data),
        address=request.remote_addr or "",
        secret=current_app.config["SECRET_KEY"],
        now=utcnow(),
        next_path=form.verder.data,
    )
    return redirect(url_for("account.mailed"))


def _enter(account: Account, next_path: str | None) -> ResponseReturnValue:
    """Begin a new session and go where this person was going."""
    auth.sign_in(account)
    return redirect(local_path(next_path, _start(auth.load(f"{account.id}.{account.session_version}"))))


def _start(person: auth.SignedIn | None) -> str:
    """The page where somebody's day begins."""
    if person is None:
        return url_for("pages.index")
    held = {role.role for role in person.roles}
    if held & set(DESK_ROLES):
        return url_for("desk.today")
    if Role.BEHEERDER in held:
        return url_for("staff.index")
    if accounts.waiting_requests(db(), person.id) or not accounts.has_asked(db(), person.id):
        return url_for("account.me")
    return url_for("help_requests.index")


@bp.get("/inloggen/kijk-in-uw-mail")
@public
def mailed() -> ResponseReturnValue:
    """The same words for whoever has an account, has none, or just made one."""
    return render_template("account/mailed.html")


@bp.route("/inloggen/<token>", methods=["GET", "POST"])
@with_link
def sign_in_link(token: str) -> ResponseReturnValue:
    """GET shows a button: programs that check mail open every link in it, and a link works once."""
    try:
        found = link_id(links.SIGN_IN, token)
        if request.method != "POST":
            link = links.look(db(), found, links.SIGN_IN, now=utcnow())
            owner = db().get_one(Account, link.account_id)
            return render_template("account/enter.html", name=owner.first_name)
        account, link = accounts.enter_with_link(db(), found, now=utcnow())
    except LinkUnusable as error:
        return _link_unusable(token, error.why)
    return _enter(account, link.next_path)


def _link_unusable(token: str, why: str) -> ResponseReturnValue:
    """Say so, unless it is one's own link: the button pressed twice, or the mail opened again."""
    if why == "used":
        link = db().get_one(ActionLink, link_id(links.SIGN_IN, token))
        if link.account_id == viewer().account_id:
            return redirect(local_path(link.next_path, _start(current_user)))
    return render_template("account/link_unusable.html", why=why), 404 if why == "unknown" else 410


@bp.post("/uitloggen")
@public
def sign_out() -> ResponseReturnValue:
    kept = session.get("locale")
    logout_user()
    session.clear()
    if kept:
        session["locale"] = kept
    flash(_("You are logged out."), "ok")
    return redirect(url_for("pages.index"))


@bp.route("/account/nieuw", methods=["GET", "POST"])
@public
def new() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(url_for("account.me"))
    if request.method != "POST":
        form = NewAccountForm(locale=language(), verder=request.args.get("verder"))
        return render_template("account/new.html", form=form)
    form = NewAccountForm(request.form)
    if form.tapped:
        return render_template("account/new.html", form=form)
    if not form.validate():
        return render_template("account/new.html", form=form), 422
    try:
        return _join(form)
    except Invalid as error:
        _explain(form, error)
        return render_template("account/new.html", form=form), 422
    except TooManyAttempts as error:
        db().rollback()
        return render_template("account/new.html", form=form, wait=error.minutes), 429


def _join(form: NewAccountForm) -> ResponseReturnValue:
    """With an e-mail address the answer is the same whether or not we knew it. With a number alone the account is
    always new, so its owner is in at once."""
    now = utcnow()
    email = accounts.normal_email(form.email.data) if form.email.data else None
    accounts.limit_link_requests(
        db(), email, address=request.remote_addr or "", secret=current_app.config["SECRET_KEY"], now=now
    )
    x, y = _point(form)
    account, _is_new = accounts.find_or_join(
        db(),
        first_name=form.first_name.data,
        email=email,
        phone=form.phone.data,
        locale=form.locale.data,
        channel=Channel(form.channel.data),
        buurt_code=form.buurt.data,
        x=x,
        y=y,
        adult=form.adult.data,
        now=now,
    )
    if email is None:
        return _enter(account, form.verder.data)
    accounts.send_sign_in_link(db(), account, now=now, next_path=form.verder.data)
    return redirect(url_for("account.mailed"))


def _point(form: WhereForm) -> tuple[int, int]:
    """The point that was pressed, else the middle of the chosen buurt; RD New metres, rounded to 100."""
    x, y = form.point()
    if x is not None and y is not None:
        return x, y
    buurt = db().get_one(Buurt, form.buurt.data)
    return round_100m(buurt.x), round_100m(buurt.y)


def _explain(form: NewAccountForm | AboutMeForm, error: Invalid) -> None:
    """What the forms can't see by themselves: a name in which nothing can be seen, a number that is needed."""
    if error.field == "first_name":
        say(form.first_name, _("Fill in your first name."))
    elif error.field == "phone":
        say(form.phone, _("Fill in your telephone number."))
    else:
        raise error


@bp.get("/ik")
@signed_in
def me() -> ResponseReturnValue:
    account = _me()
    return render_template(
        "account/me.html",
        account=account,
        buurt=db().get(Buurt, account.buurt_code) if account.buurt_code else None,
        waiting=[(each, what(each.category)) for each in accounts.waiting_requests(db(), current_user.id)],
        kept_profile=volunteering.kept_profile(db(), current_user.id),
        is_volunteer=db().get(Volunteer, current_user.id) is not None,
        is_beheerder=viewer().holds(Role.BEHEERDER),
        is_stand_in=stand_ins.is_asked(db(), current_user.id),
        phone_text=phone_text,
    )


def _me() -> Account:
    return db().get_one(Account, current_user.id)


@bp.post("/ik/vragen/<int:request_id>/ja")
@signed_in
def claim_request(request_id: int) -> ResponseReturnValue:
    """ "Yes, that was me": a request sent with my address from a browser where nobody was signed in."""
    found = accounts.waiting_request(db(), current_user.id, request_id)
    posting.verify(db(), found, actor_id=current_user.id, now=utcnow())
    flash(_("Thank you. We take care of your question."), "ok")
    return redirect(url_for("help_requests.show", request_id=request_id))


@bp.post("/ik/vragen/<int:request_id>/nee")
@signed_in
def disown_request(request_id: int) -> ResponseReturnValue:
    found = accounts.waiting_request(db(), current_user.id, request_id)
    posting.withdraw(db(), found, actor_id=current_user.id, now=utcnow(), reason=NOT_ME)
    flash(_("Thank you for telling us. We do nothing more with this question."), "ok")
    return redirect(url_for("account.me"))


@bp.route("/ik/wijzigen", methods=["GET", "POST"])
@signed_in
def edit() -> ResponseReturnValue:
    account = _me()
    has_email = account.email is not None
    if request.method != "POST":
        form = AboutMeForm(
            has_email=has_email,
            first_name=account.first_name,
            phone=account.phone,
            channel=account.channel,
            locale=account.locale,
            buurt=account.buurt_code,
            x=str(account.x or ""),
            y=str(account.y or ""),
        )
        return render_template("account/edit.html", form=form, account=account)
    form = AboutMeForm(request.form, has_email=has_email)
    if form.tapped:
        return render_template("account/edit.html", form=form, account=account)
    if not form.validate():
        return render_template("account/edit.html", form=form, account=account), 422
    try:
        _change(account, form)
    except Invalid as error:
        _explain(form, error)
        return render_template("account/edit.html", form=form, account=account), 422
    session.pop("locale", None)  # the language chosen here goes before the one chosen in this browser
    flash(_("Your details have been changed."), "ok")
    return redirect(url_for("account.me"))


def _change(account: Account, form: AboutMeForm) -> None:
    x, y = _point(form)
    accounts.change(
        db(),
        account,
        first_name=form.first_name.data,
        phone=form.phone.data,
        locale=form.locale.data,
        channel=Channel(form.channel.data),
        buurt_code=form.buurt.data,
        x=x,
        y=y,
        now=utcnow(),
    )


@bp.route("/ik/wachtwoord", methods=["GET", "POST"])
@signed_in
def password() -> ResponseReturnValue:
    account = _me()
    if account.email is None:  # a password goes with an e-mail address
        return redirect(url_for("account.me"))
    form = PasswordForm(request.form, has_password=account.password_hash is not None)
    if request.method != "POST":
        return render_template("account/password.html", form=form)
    if not form.validate():
        return render_template("account/password.html", form=form), 422
    try:
        if account.password_hash is not None and not _knows_password(account, form):
            return render_template("account/password.html", form=form), 422
        passwords.set_password(db(), account, form.password.data, now=utcnow())
    except Invalid as error:
        say(form.password, _password_problems()[error.reason])
        return render_template("account/password.html", form=form), 422
    except TooManyAttempts as error:
        db().rollback()
        return render_template("account/password.html", form=form, wait=error.minutes), 429
    auth.sign_in(account)  # all sessions have ended; this one begins again
    flash(_("Your password is set. On your other devices you are logged out."), "ok")
    return redirect(url_for("account.me"))


def _knows_password(account: Account, form: PasswordForm) -> bool:
    if passwords.confirm_password(
        db(), account, form.current.data, secret=current_app.config["SECRET_KEY"], now=utcnow()
    ):
        return True
    db().commit()  # a refused page is rolled back, and the guess has to count
    say(form.current, _("This is not the password you have now."))
    return False


def _password_problems() -> dict[str, str]:
    return {
        "too_short": _("Choose a password of at least %(count)d characters.", count=passwords.SHORTEST_PASSWORD),
        "too_long": _("Choose a password of at most %(count)d characters.", count=passwords.LONGEST_PASSWORD),
        "too_easy": _("This password is easy to guess. Choose another one, for example four words in a row."),
    }


@bp.route("/ik/overal-uitloggen", methods=["GET", "POST"])
@signed_in
def end_sessions() -> ResponseReturnValue:
    """Asks once more, because it also ends the session on this device."""
    if request.method != "POST":
        return render_template("account/end_sessions.html")
    accounts.end_sessions(db(), _me(), now=utcnow())
    session.clear()
    flash(_("You are logged out on all your devices."), "ok")
    return redirect(url_for("account.sign_in"))
