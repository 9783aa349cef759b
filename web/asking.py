"""The request that somebody is writing: its steps, what was filled in, and what is still missing.

A draft keeps what was typed, step by step, and every step is judged again before posting: a day that was still to
come when the draft was kept may be over by now.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from flask import session
from werkzeug.datastructures import MultiDict

from matching.access import DESK_ROLES
from matching.catalogue import CATEGORIES
from matching.models import Account, Channel, Draft, ForWhom, Frequency, HelpRequest
from matching.models.base import utcnow
from matching.services import accounts, drafts, posting
from matching.services.wishes import ConsentBy, ConsentHow, OnBehalf, Wish
from web.auth import viewer
from web.db import db
from web.forms import help_requests as forms
from web.forms.fields import Form
from web.i18n import language

KIND = "help_request"
STEPS = ("what", "when", "where", "who")
MOST_KEPT = 20_000  # characters of one answer; what is longer is refused, not cut
MOST_ANSWERS = 60
MOST_REMEMBERED = 20  # requests that a browser without account may come back to
Values = dict[str, list[str]]


@dataclass
class Asking:
    """One draft and the forms that fill it."""

    draft: Draft | None
    _read: dict[str, Any] = field(default_factory=dict)  # forms of what was kept: read once a request

    def values(self, step: str) -> Values:
        """What was sent for a step, as the browser sent it; empty when it was not."""
        found: Values = self.draft.data.get(step, {}).get("values", {}) if self.draft else {}
        return found

    def is_done(self, step: str) -> bool:
        """Whether this step was complete when it was kept."""
        return bool(self.draft and self.draft.data.get(step, {}).get("done"))

    @property
    def for_whom(self) -> str:
        chosen = (self.values("what").get("for_whom") or [ForWhom.SELF])[0]
        return ForWhom.OTHER if chosen == forms.BY_PHONE and not at_desk() else chosen

    @property
    def steps(self) -> tuple[str, ...]:
        """The steps for this person: nothing is asked that we know already."""
        return STEPS if self._who_form() else STEPS[:-1]

    def _who_form(self) -> type[Form] | None:
        if self.for_whom == forms.BY_PHONE:
            return forms.OnThePhoneForm
        if viewer().account_id is not None:
            return forms.OtherForm if self.for_whom == ForWhom.OTHER else None
        return forms.OtherAndContactForm if self.for_whom == ForWhom.OTHER else forms.ContactForm

    def form(self, step: str, sent: MultiDict[str, str] | None = None) -> Any:
        """The form of a step with what was sent now, else what was kept, else what we can guess."""
        if sent is not None:
            return self._form(step, sent)
        if step not in self._read:
            self._read[step] = self._form(step, None)
        return self._read[step]

    def _form(self, step: str, sent: MultiDict[str, str] | None) -> Any:
        kept = self.values(step)
        answers: Any = sent if sent is not None else (MultiDict(kept) if kept else None)
        if step == "what":
            return forms.WhatForm(formdata=answers, at_desk=at_desk(), data={"for_whom": ForWhom.SELF})
        if step == "when":
            return forms.WhenForm(formdata=answers, data={"minutes": str(self._usual_minutes())})
        if step == "where":
            return forms.PlaceForm(formdata=answers, data=self._home() if answers is None else None)
        form = self._who_form() or forms.ContactForm
        by_phone = form is forms.OnThePhoneForm
        usual = {"locale": language(), "channel": Channel.PHONE if by_phone else Channel.EMAIL}
        return form(formdata=answers, data=usual | ({"consent_how": ConsentHow.PHONE} if by_phone else {}))

    def _usual_minutes(self) -> int:
        chosen = self.form("what").category.data if self.draft else None
        return CATEGORIES[chosen].usual_minutes if chosen in CATEGORIES else 60

    def _home(self) -> dict[str, Any] | None:
        """The buurt and point of whoever asks for themselves."""
        who = viewer().account_id
        if who is None or self.for_whom != ForWhom.SELF:
            return None
        account = db().get(Account, who)
        if account is None or account.buurt_code is None:
            return None
        return {"buurt": account.buurt_code, "x": str(account.x or ""), "y": str(account.y or "")}

    def keep(self, step: str, form: Form, sent: MultiDict[str, str], *, done: bool) -> None:
        """Keep the answers of a step in the draft, and the draft in this browser."""
        answers = {name: sent.getlist(name) for name in form._fields if name in sent}
        if step == "where":
            answers |= {name: [form[name].data or ""] for name in ("buurt", "x", "y", "near")}
        data = {**(self.draft.data if self.draft else {}), step: {"values": _storable(answers), "done": done}}
        self.draft = drafts.save(db(), self.draft, KIND, data, account_id=viewer().account_id, now=utcnow())
        self._read.clear()
        session["draft"] = self.draft.id
        session.permanent = True

    def first_unfinished(self, before: str | None = None) -> str | None:
        """The first step that is not done, of all or of those before `before`."""
        steps = self.steps[: self.steps.index(before)] if before in self.steps else self.steps
        return next((step for step in steps if not self.is_done(step)), None)

    def next_step(self, step: str) -> str:
        """What comes after a step: another one, or the check."""
        following = self.steps[self.steps.index(step) + 1 :] if step in self.steps else ()
        return following[0] if following else "check"

    def first_wrong(self, judged: Collection[str] = STEPS) -> str | None:
        """The first step that is not done, or would be refused today; only steps in `judged` are judged again."""
        for step in self.steps:
            if not self.is_done(step) or (step in judged and not self.form(step).validate()):
                return step
        return None

    def wish(self) -> Wish:
        """What is asked. Only for a draft without a wrong step."""
        what, when, where = self.form("what"), self.form("when"), self.form("where")
        x, y = where.point()
        return Wish(
            category=what.category.data,
            description=what.description.data or "",
            frequency=Frequency(when.frequency.data),
            day=when.day.data if when.frequency.data == Frequency.ONCE else None,
            slots=when.mask,
            minutes=int(when.minutes.data),
            buurt_code=where.buurt.data,
            x=x,
            y=y,
            languages=where.languages,
            welcomes_anyone=where.welcomes_anyone.data,
            is_discreet=what.is_discreet.data,
        )

    def on_behalf(self) -> OnBehalf | None:
        """For whom somebody else asks; None for oneself."""
        if self.for_whom == ForWhom.SELF:
            return None
        who = self.form("who")
        return OnBehalf(who.other_name.data, ConsentBy(who.consent_by.data), ConsentHow(who.consent_how.data))


def _storable(answers: Values) -> Values:
    """Without what no database can hold."""
    return {
        name: [value.replace("\0", "") for value in values[:MOST_ANSWERS] if len(value) <= MOST_KEPT]
        for name, values in answers.items()
    }


def at_desk() -> bool:
    """Whether whoever is looking may write down what somebody says on the telephone."""
    return viewer().holds(*DESK_ROLES)


def current() -> Asking:
    """What this browser is writing; for somebody signed in also what they wrote elsewhere."""
    who = viewer().account_id
    draft = drafts.load(db(), session.get("draft"), KIND, account_id=who)
    if draft is None and who is not None:
        draft = drafts.newest(db(), KIND, account_id=who)
    return Asking(draft)


def publish(asking: Asking) -> HelpRequest:
    """Post the draft, make the account of whoever asks if we do not know them, and let this browser come back."""
    assert asking.draft is not None
    now, wish, on_behalf, draft = utcnow(), asking.wish(), asking.on_behalf(), asking.draft
    sender, is_verified = viewer().account_id, True
    asker = None
    if sender is None or asking.for_whom == forms.BY_PHONE:
        asker, is_new = _join(asking, wish)
        # Staff know whom they have on the telephone; a browser without account could be anybody's.
        is_verified = is_new or sender is not None
    asker_id = asker.id if asker else sender
    assert asker_id is not None
    request = posting.post(
        db(),
        wish,
        asker_id=asker_id,
        posted_by_id=sender or asker_id,
        now=now,
        on_behalf=on_behalf,
        is_verified=is_verified,
        draft_key=draft.id,
    )
    drafts.discard(db(), draft)
    session.pop("draft", None)
    if sender is None:
        remember(request)
    if asker is not None:
        accounts.send_sign_in_link(db(), asker, now=now, next_path=f"/hulpvragen/{request.id}")
    return request


def _join(asking: Asking, wish: Wish) -> tuple[Account, bool]:
    """The account of whoever asks. Somebody who asks for another may live elsewhere."""
    who = asking.form("who")
    lives_there = asking.for_whom != ForWhom.OTHER
    return accounts.find_or_join(
        db(),
        first_name=who.other_name.data if asking.for_whom == forms.BY_PHONE else who.first_name.data,
        email=who.email.data or None,
        phone=who.phone.data or None,
        locale=who.locale.data,
        channel=Channel(who.channel.data),
        buurt_code=wish.buurt_code if lives_there else None,
        x=wish.x if lives_there else None,
        y=wish.y if lives_there else None,
        adult=who.adult.data,
        now=utcnow(),
    )


def remember(request: HelpRequest) -> None:
    """Let this browser, which has no account, come back to this request."""
    ids = [each for each in remembered() if each != request.id]
    session["mine"] = {**session.get("mine", {}), "requests": [*ids, request.id][-MOST_REMEMBERED:]}


def remembered() -> list[int]:
    """The requests made in this browser without signing in."""
    found: list[int] = session.get("mine", {}).get("requests", [])
    return found
