"""Two people who may help each other: the asker's yes, the appointment, and how it was."""

from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_wtf.csrf import CSRFError
from sqlmodel import col, func, select

from matching.errors import AlreadyTaken, IllegalMove, Invalid, LinkUnusable, NotFound
from matching.models import Account, ActionLink, Appointment, Event, Pairing, Tag
from matching.models.base import utcnow
from matching.services import appointments, introducing, links, pairing
from matching.services.introducing import Introduction
from matching.workflow import LIVE_PAIRING_STATES, PairingState
from web import facts, own_pairings
from web.access import public, with_link
from web.calendar import calendar_file
from web.db import db
from web.forms.fields import say
from web.forms.pairings import FeedbackForm, PlanForm
from web.i18n import PART_NAMES, day_text, local, moment_text, today
from web.links import link_id
from web.own_pairings import ASKER, Seen

bp = Blueprint("pairings", __name__)
ID = "<int(max=2147483647):pairing_id>"
REFUSALS = {"hulp": "found", "tijd": "time", "ander": "other"}
OBSTACLES = {"ziek": "ill", "tijd": "time", "contact": "contact", "anders": "other"}


@bp.context_processor
def _words() -> dict[str, Any]:
    return {"in_words": facts, "phone_text": facts.phone_text}


@bp.errorhandler(CSRFError)
def stale(_error: CSRFError) -> ResponseReturnValue:
    """The page was open longer than the session."""
    flash(_("This page was open for too long. Please do it once more."), "warning")
    pairing_id = (request.view_args or {}).get("pairing_id")
    return redirect(url_for(".show", pairing_id=pairing_id) if pairing_id else request.path)


# The asker's yes


@bp.route("/kennismaken/<token>", methods=["GET", "POST"])
@with_link
def consent(token: str) -> ResponseReturnValue:
    """Is this volunteer all right? Opening it uses nothing up."""
    link = _link(token)
    if link is None:
        return _over("unknown")
    wanted = _wanted()
    try:
        found = pairing.of_link(db(), link, now=utcnow())
        if request.method == "GET" or wanted is None:
            return _consent_page(found)
        answered = pairing.answer(db(), link, yes=wanted[0], reason=wanted[1], now=utcnow())
    except (LinkUnusable, AlreadyTaken):
        db().rollback()
        return _second_tap(token, link) or _over(pairing.why_over(db(), link, now=utcnow()))
    return _said_yes(link, answered) if wanted[0] else redirect(url_for(".done", token=token))


def _link(token: str) -> str | None:
    try:
        return link_id(links.CONSENT, token)
    except LinkUnusable:
        return None


def _wanted() -> tuple[bool, str] | None:
    """Yes or no, and why not; None when neither was pressed."""
    if request.form.get("nee") in REFUSALS:
        return False, REFUSALS[request.form["nee"]]
    return {"ja": (True, ""), "nee": (False, "")}.get(request.form.get("antwoord", ""))


def _said_yes(link: str, answered: Pairing) -> ResponseReturnValue:
    own_pairings.remember(answered, db().get_one(Account, db().get_one(ActionLink, link).account_id))
    return redirect(url_for(".show", pairing_id=answered.id, ja=1))


def _second_tap(token: str, link: str) -> ResponseReturnValue | None:
    """The same answer sent twice sees the same page twice. None when this is something else."""
    wanted = _wanted() if request.method == "POST" else None
    given = pairing.answer_given(db(), link)
    if wanted is None or given is None or wanted[0] != (given[1].state != PairingState.REFUSED):
        return None
    if wanted[0] and own_pairings.is_second_tap(given[0], now=utcnow()):
        return _said_yes(link, given[1])
    return redirect(url_for(".done", token=token))


@bp.get("/kennismaken/<token>/klaar")
@with_link
def done(token: str) -> ResponseReturnValue:
    """What happens after the answer; nothing personal."""
    link = _link(token)
    why = pairing.why_over(db(), link, now=utcnow()) if link else "unknown"
    if why in ("yes", "no"):
        return render_template("pairings/done.html", said_yes=why == "yes")
    return _over(why) if why else redirect(url_for(".consent", token=token))


def _over(why: str) -> ResponseReturnValue:
    return render_template("pairings/over.html", why=why), (404 if why == "unknown" else 410)


def _consent_page(found: Pairing, action: str = "") -> ResponseReturnValue:
    nothing_chosen = request.method == "POST"
    offered = introducing.introduce(db(), found, today=today())
    page = render_template(
        "pairings/consent.html",
        offered=offered,
        checks=_checks(offered),
        speaks=", ".join(facts.language_name(code) for code in offered.languages),
        action=action,
        nothing_chosen=nothing_chosen,
    )
    return page, (422 if nothing_chosen else 200)


def _checks(offered: Introduction) -> list[str]:
    """What we know of the volunteer, as sentences to the asker."""
    known = [
        (offered.was_chosen, _("The opbouwwerker of your buurt chose this volunteer for you.")),
        (offered.is_introduced, _("This volunteer has had an introduction with us.")),
        (offered.has_vog, _("We have seen a certificate of good conduct (VOG).")),
        (offered.is_trained, _("This volunteer was trained in taking over care.")),
        (offered.helped == 0, _("This is the first time that this volunteer helps through us.")),
        (
            offered.helped > 0,
            ngettext(
                "This volunteer has helped a neighbour %(num)d time before.",
                "This volunteer has helped neighbours %(num)d times before.",
                offered.helped,
            ),
        ),
    ]
    return [sentence for holds, sentence in known if holds]


# The two of them


@bp.get(f"/koppelingen/{ID}")
@public
def show(pairing_id: int) -> ResponseReturnValue:
    """How it stands between the two, and what can be done now."""
    seen = own_pairings.load(pairing_id)
    if seen.side == ASKER and seen.pairing.state == PairingState.WAITING:
        return _consent_page(seen.pairing, url_for(".answer", pairing_id=pairing_id))
    appointment = appointments.planned(db(), seen.pairing) if seen.is_agreed else None
    is_done = seen.pairing.state == PairingState.DONE
    return render_template(
        "pairings/show.html",
        seen=seen,
        appointment=appointment,
        when=_when(appointment) if appointment else "",
        has_come=appointment is not None and appointments.has_come(appointment, now=utcnow()),
        feedback=pairing.feedback_of(db(), seen.pairing, seen.person_id) if is_done else None,
        just_said_yes="ja" in request.args,
    )


def _when(appointment: Appointment) -> str:
    """ "Dinsdag 24 november om 10.00 uur", or with the half-day while there is no hour."""
    if appointment.starts_at is not None:
        return facts.sentence(moment_text(appointment.starts_at))
    return facts.sentence(f"{day_text(appointment.day)}, {PART_NAMES[appointment.part]}")


@bp.post(f"/koppelingen/{ID}/antwoord")
@public
def answer(pairing_id: int) -> ResponseReturnValue:
    """The asker's yes or no, signed in."""
    seen = own_pairings.take_part(pairing_id)
    if seen.side != ASKER:
        raise NotFound("only the asker answers")
    wanted = _wanted()
    if wanted is None and seen.pairing.state == PairingState.WAITING:
        return _consent_page(seen.pairing, request.path)
    if wanted is not None:
        try:
            yes, reason = wanted
            pairing.answer_waiting(db(), seen.pairing, yes=yes, reason=reason, now=utcnow(), actor_id=seen.actor_id)
        except AlreadyTaken:
            db().rollback()
    return redirect(url_for(".show", pairing_id=pairing_id, ja=1 if wanted and wanted[0] else None))


@bp.route(f"/koppelingen/{ID}/afspreken", methods=["GET", "POST"])
@public
def plan(pairing_id: int) -> ResponseReturnValue:
    """The day and the hour that both agreed on, on the telephone."""
    seen = own_pairings.take_part(pairing_id)
    if not seen.is_agreed:
        return redirect(url_for(".show", pairing_id=pairing_id))
    if request.method == "GET":
        return _plan_page(seen, PlanForm(formdata=None, data=_planned_answers(seen.pairing)))
    form = PlanForm(formdata=request.form)
    if not form.validate():
        return _plan_page(seen, form), 422
    assert form.day.data is not None
    assert form.hour.data is not None
    try:
        pairing.plan(db(), seen.pairing, form.day.data, form.hour.data, now=utcnow(), actor_id=seen.actor_id)
    except Invalid as error:
        say(form[error.field], _plan_sentence(error))
        return _plan_page(seen, form), 422
    flash(_("We have noted your appointment. You both get a reminder the day before."), "ok")
    return redirect(url_for(".show", pairing_id=pairing_id))


def _planned_answers(of: Pairing) -> dict[str, Any]:
    appointment = appointments.planned(db(), of)
    if appointment is None:
        return {}
    starts = appointment.starts_at
    return {"day": appointment.day, "hour": local(starts).time() if starts else None}


def _plan_page(seen: Seen, form: PlanForm) -> str:
    return render_template("pairings/plan.html", seen=seen, form=form)


def _plan_sentence(error: Invalid) -> str:
    return {
        ("day", "past"): _("Choose a day from today on."),
        ("day", "too_far"): _("Choose a day within a year."),
        ("hour", "past"): _("This time is over. Choose a later time."),
        ("hour", "skipped"): _("In this night the clock goes forward and skips this hour. Choose another time."),
    }[error.field, error.reason]


@bp.get(f"/koppelingen/{ID}/afspraak.ics")
@public
def calendar(pairing_id: int) -> ResponseReturnValue:
    """The appointment for a calendar."""
    seen = own_pairings.load(pairing_id)
    appointment = appointments.planned(db(), seen.pairing) if seen.is_agreed else None
    if appointment is None:
        raise NotFound("nothing is planned")
    file = calendar_file(
        seen.pairing,
        seen.request,
        appointment,
        buurt=seen.buurt,
        link=url_for(".show", pairing_id=pairing_id, _external=True),
        changes=_times_planned(pairing_id),
        now=utcnow(),
    )
    name = _("appointment") + ".ics"
    return Response(file, mimetype="text/calendar", headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _times_planned(pairing_id: int) -> int:
    """How often an appointment of this pairing was planned or moved."""
    mine = select(Appointment.id).where(Appointment.pairing_id == pairing_id)
    query = select(func.count(col(Event.id))).where(
        Event.subject == "appointment", Event.tag == Tag.APPOINTMENT_PLANNED, col(Event.subject_id).in_(mine)
    )
    return db().exec(query).one()


@bp.route(f"/koppelingen/{ID}/lukt-niet", methods=["GET", "POST"])
@public
def fall_through(pairing_id: int) -> ResponseReturnValue:
    """It does not work out after all: somebody else is looked for at once."""
    seen = own_pairings.take_part(pairing_id)
    to_pairing = redirect(url_for(".show", pairing_id=pairing_id))
    if seen.pairing.state not in LIVE_PAIRING_STATES:
        return to_pairing
    if request.method == "GET":
        return render_template("pairings/fall_through.html", seen=seen)
    why = OBSTACLES.get(request.form.get("reden", ""), "")
    return _do(to_pairing, pairing.fall_through, seen, why)


def _do(then: Any, step: Any, seen: Seen, *args: Any, **kwargs: Any) -> ResponseReturnValue:
    """Take a step; when the other one was just before us, the page shows how it stands now."""
    try:
        step(db(), seen.pairing, *args, now=utcnow(), actor_id=seen.actor_id, **kwargs)
    except IllegalMove:
        db().rollback()
    response: ResponseReturnValue = then
    return response


@bp.post(f"/koppelingen/{ID}/gedaan")
@public
def finish(pairing_id: int) -> ResponseReturnValue:
    """It was done; a weekly one goes on unless they stop."""
    seen = own_pairings.take_part(pairing_id)
    goes_on = request.form.get("verder") == "ja"
    return _do(redirect(url_for(".show", pairing_id=pairing_id)), pairing.finish, seen, for_good=not goes_on)


@bp.route(f"/koppelingen/{ID}/niet-gekomen", methods=["GET", "POST"])
@public
def no_show(pairing_id: int) -> ResponseReturnValue:
    """Somebody was not there."""
    seen = own_pairings.take_part(pairing_id)
    appointment = appointments.planned(db(), seen.pairing) if seen.is_agreed else None
    to_pairing = redirect(url_for(".show", pairing_id=pairing_id))
    if appointment is None or not appointments.has_come(appointment, now=utcnow()):
        return to_pairing
    if request.method == "GET":
        return render_template("pairings/no_show.html", seen=seen, when=_when(appointment))
    flash(_("We have noted it. You can agree on a new day, or let us look for somebody else."), "info")
    return _do(to_pairing, pairing.no_show, seen)


@bp.route(f"/koppelingen/{ID}/hoe-was-het", methods=["GET", "POST"])
@public
def feedback(pairing_id: int) -> ResponseReturnValue:
    """Two questions to each side, once."""
    seen = own_pairings.take_part(pairing_id)
    if seen.pairing.state != PairingState.DONE or pairing.feedback_of(db(), seen.pairing, seen.person_id):
        return redirect(url_for(".show", pairing_id=pairing_id))
    form = FeedbackForm(formdata=request.form if request.method == "POST" else None)
    if request.method == "GET" or not form.validate():
        page = render_template("pairings/feedback.html", seen=seen, form=form)
        return page, (422 if form.errors else 200)
    pairing.give_feedback(
        db(),
        seen.pairing,
        seen.person_id,
        went=form.went.data,
        again=form.again.data,
        remark=form.remark.data or "",
        now=utcnow(),
    )
    flash(_("Thank you for telling us."), "ok")
    return redirect(url_for(".show", pairing_id=pairing_id))
