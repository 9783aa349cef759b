"""Which parts of the ledger a mantelzorger may stop or put right: what they wrote down themselves, and nothing else."""

from sqlmodel import Session

from matching.errors import NotFound
from matching.models import CareSituation, Entitlement, LedgerLine
from matching.services import care, ledger
from matching.services.ledger_rules import TOLD_BY_CARER


def is_told_by(carer_id: int | None, *, payer: str, created_by_id: int) -> bool:
    """Whether an entitlement was written down by this mantelzorger."""
    return created_by_id == carer_id and payer in TOLD_BY_CARER


def entitlement(session: Session, account_id: int | None, entitlement_id: int) -> tuple[CareSituation, Entitlement]:
    """An entitlement that this mantelzorger told of. Raises NotFound for every other one, and for everybody else."""
    found = ledger.entitlement_of(session, entitlement_id)
    situation = care.own(session, account_id, found.situation_id)
    if not is_told_by(account_id, payer=found.payer, created_by_id=found.created_by_id):
        raise NotFound
    return situation, found


def line(session: Session, account_id: int | None, line_id: int) -> tuple[CareSituation, LedgerLine]:
    """A line of it that they wrote themselves. Raises NotFound, also for a line that somebody else wrote."""
    found, held = ledger.line_of(session, line_id)
    situation, _held = entitlement(session, account_id, held.id or 0)
    if found.by_id != account_id:
        raise NotFound
    return situation, found
