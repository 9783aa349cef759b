"""The register of models: which versions there are, which one is in use, and who decided that.

How a model works is no concern of this module. A model is promoted by a human, and only where its card holds the
evidence: it did better than the one in use now, on weeks that it had not seen.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from matching.access import covers
from matching.errors import AlreadyTaken, IllegalMove, Invalid, NotAllowed, NotFound
from matching.models import AcceptanceModel, Account, Event, Gemeente, Role, StaffRole, Tag
from matching.services.history import record
from matching.workflow import MODEL_MOVES, ModelState, after

PRIOR = "prior"  # the kind that needs no file: the rule is stated in the program
FOLDER = "models"  # below OMZIEN_HOME: the files of the others
DECIDES = (Role.BEHEERDER, Role.COORDINATOR)
TOO_LATE = "Somebody else changed which model is in use a moment ago. Look at the list again."


@dataclass(frozen=True, slots=True)
class Change:
    """A model came in use. `role` and `gemeente`: of whoever decided so; empty where that is not known."""

    at: datetime
    version: str
    replaced: str
    is_return: bool  # an earlier model came back
    role: str
    gemeente: str


def versions(session: Session) -> list[AcceptanceModel]:
    """All of them, the newest first."""
    order = (col(AcceptanceModel.trained_at).desc(), col(AcceptanceModel.version).desc())
    return list(session.exec(select(AcceptanceModel).order_by(*order)))


def find(session: Session, version: str) -> AcceptanceModel:
    """Raises NotFound for a version that is not there."""
    found = None if "\0" in version else session.get(AcceptanceModel, version)
    if found is None:
        raise NotFound(f"There is no model {version}.")
    return found


def in_use(session: Session) -> AcceptanceModel:
    """The model that is used now. Raises NotFound where the register is empty."""
    found = session.exec(select(AcceptanceModel).where(AcceptanceModel.state == ModelState.IN_USE)).first()
    if found is None:
        raise NotFound("No model is in use.")
    return found


def changes(session: Session) -> list[Change]:
    """Every time that a model came in use, the newest first."""
    tags = (Tag.MODEL_PROMOTED, Tag.MODEL_ROLLED_BACK)
    query = (
        select(Event)
        .where(Event.subject == AcceptanceModel.__tablename__, col(Event.tag).in_(tags))
        .order_by(col(Event.id).desc())
    )
    return [_change(event) for event in session.exec(query)]


def _change(event: Event) -> Change:
    data: dict[str, Any] = event.data
    is_return = event.tag == Tag.MODEL_ROLLED_BACK
    return Change(event.at, data["version"], data["replaced"], is_return, data["role"], data["gemeente"])


def decider(session: Session, email: str) -> Account:
    """The person with this e-mail address, who may decide about models.

    Raises Invalid("email", "unknown") for nobody, NotAllowed for who is neither beheerder nor coordinator.
    """
    found = session.exec(select(Account).where(Account.email == email.strip().lower())).first()
    if found is None or not found.is_active:
        raise Invalid("email", "unknown")
    if _office(session, found.id) is None:
        raise NotAllowed("Only a beheerder or a coordinator decides which model is in use.")
    return found


def _office(session: Session, account_id: int | None) -> tuple[str, str] | None:
    """Role and gemeente in which somebody decides; None for who may not. Not the name: the page is public."""
    held = select(StaffRole).where(StaffRole.account_id == account_id, col(StaffRole.role).in_(DECIDES))
    role = session.exec(held.order_by(col(StaffRole.role), col(StaffRole.place_code))).first()
    if role is None:
        return None
    places = session.exec(select(col(Gemeente.code), col(Gemeente.name)).order_by(col(Gemeente.code))).all()
    return role.role, next((name for code, name in places if covers(code, f"BU{role.place_code[2:]}")), "")


def promote(session: Session, version: str, *, by: int, now: datetime) -> AcceptanceModel:
    """Put a candidate in use in place of the present one.

    Raises NotFound; NotAllowed for who may not decide; IllegalMove, with a sentence, for what is no candidate or has
    no evidence against the model that is in use; AlreadyTaken when somebody else was a moment earlier.
    """
    chosen, present = find(session, version), in_use(session)
    if chosen.state != ModelState.CANDIDATE:
        raise IllegalMove(f"Model {version} is {_words(chosen.state)}. Only a candidate can be promoted.")
    if not chosen.card.get("promotable"):
        raise IllegalMove(
            f"Model {version} has not shown that it is better than the one in use. Its card says what it was like."
        )
    compared = chosen.card.get("in_use")
    if compared != present.version:
        raise IllegalMove(
            f"Model {version} was compared with {compared}, and {present.version} is in use now. Train again."
        )
    _replace(session, present, chosen, "promote", Tag.MODEL_PROMOTED, by=by, now=now)
    return chosen


def roll_back(session: Session, *, by: int, now: datetime) -> AcceptanceModel:
    """Put the model back in use that was used before the present one. Doing so again goes back one more.

    Raises NotAllowed for who may not decide, IllegalMove where nothing was used before, AlreadyTaken when somebody
    else was a moment earlier.
    """
    present = in_use(session)
    promoted = (change for change in changes(session) if change.version == present.version and not change.is_return)
    change = next(promoted, None)
    if change is None:
        raise IllegalMove(f"No model was used before {present.version}.")
    chosen = find(session, change.replaced)
    _replace(session, present, chosen, "bring_back", Tag.MODEL_ROLLED_BACK, by=by, now=now)
    return chosen


def _replace(
    session: Session,
    present: AcceptanceModel,
    chosen: AcceptanceModel,
    move: str,
    tag: Tag,
    *,
    by: int,
    now: datetime,
) -> None:
    """Both rows change only if they still are as we saw them: of two people at once, one wins."""
    office = _office(session, by)
    if office is None:
        raise NotAllowed("Only a beheerder or a coordinator decides which model is in use.")
    _move(session, present, "retire", {})
    promoted = {"promoted_at": now, "promoted_by_id": by} if move == "promote" else {}
    _move(session, chosen, move, promoted)
    role, gemeente = office
    facts = {"version": chosen.version, "replaced": present.version, "role": role, "gemeente": gemeente}
    record(session, tag, chosen, now=now, actor_id=by, **facts)
    session.flush()
    session.refresh(present)
    session.refresh(chosen)


def _move(session: Session, model: AcceptanceModel, move: str, values: dict[str, Any]) -> None:
    state = after(MODEL_MOVES, model.state, move)
    done = session.connection().execute(
        update(AcceptanceModel)
        .where(col(AcceptanceModel.version) == model.version, col(AcceptanceModel.state) == model.state)
        .values(state=state, **values)
    )
    if not done.rowcount:
        raise AlreadyTaken(TOO_LATE)


def _words(state: str) -> str:
    return {ModelState.IN_USE: "in use already", ModelState.RETIRED: "no longer in use"}.get(ModelState(state), state)
