"""Who is signed in. One query a request; no entity is kept, so a page can't change a person by accident."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from flask import Flask, g, session
from flask_login import LoginManager, UserMixin, current_user, login_user
from sqlalchemy import bindparam, select
from sqlmodel import col

from matching.access import STRANGER, HeldRole, Viewer
from matching.models import Account, StaffRole
from web.db import db


@dataclass(frozen=True)
class SignedIn(UserMixin):
    """What every page needs to know of the person who is signed in."""

    id: int
    first_name: str
    locale: str
    buurt_code: str | None
    session_version: int
    roles: tuple[HeldRole, ...] = ()

    def get_id(self) -> str:
        return f"{self.id}.{self.session_version}"

    @property
    def is_staff(self) -> bool:
        return bool(self.roles)


def init_app(app: Flask) -> None:
    manager = LoginManager(app)
    manager.session_protection = None  # old phones change address and browser string half-way
    manager.user_loader(load)


@cache
def _who() -> Any:  # an SQL expression; its generic type says nothing here
    """Built once: every page of somebody who is signed in asks it."""
    columns = (Account.id, Account.first_name, Account.locale, Account.buurt_code, Account.session_version)
    return (
        select(*(col(column) for column in columns), col(StaffRole.role), col(StaffRole.place_code))
        .outerjoin(StaffRole, col(StaffRole.account_id) == col(Account.id))
        .where(col(Account.id) == bindparam("account_id"), col(Account.deactivated_at).is_(None))
    )


def load(key: str) -> SignedIn | None:
    """The person of a session key "id.version"; None when that session has been ended."""
    account_id, _, version = key.partition(".")
    if not account_id.isdecimal() or not version.isdecimal():
        return None
    rows = db().connection().execute(_who(), {"account_id": int(account_id)}).all()
    if not rows or rows[0].session_version != int(version):
        return None
    first = rows[0]
    person = SignedIn(first.id, first.first_name, first.locale, first.buurt_code, first.session_version)
    return replace(person, roles=tuple(HeldRole(row.role, row.place_code) for row in rows if row.role))


def viewer() -> Viewer:
    """The person looking, for the rules of matching.access."""
    if "viewer" not in g:
        signed_in = current_user.is_authenticated
        g.viewer = Viewer(current_user.id, current_user.roles) if signed_in else STRANGER
    found: Viewer = g.viewer
    return found


def sign_in(account: Account) -> None:
    """Start a session for this account. The old session's content goes, but for a draft in progress."""
    assert account.id is not None
    kept = {key: session[key] for key in ("draft", "locale") if key in session}
    session.clear()
    session.update(kept)
    session.permanent = True
    login_user(SignedIn(account.id, account.first_name, account.locale, account.buurt_code, account.session_version))
    g.pop("viewer", None)
