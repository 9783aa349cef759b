"""A volunteer as an asker may know one before both said yes: nothing that names anybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from matching.catalogue import CATEGORIES
from matching.models import Account, Buurt, HelpRequest, Pairing, Proposal, Volunteer
from matching.workflow import PairingState


@dataclass(frozen=True, slots=True)
class Introduction:
    """What was asked, and who offers it: from which buurt and how far, in which languages, with which checks.

    `reader` is the first name of the asker; `buurt` is empty when the volunteer lives in no buurt we know.
    """

    category: str
    frequency: str
    day: date | None
    slots: int
    minutes: int
    reader: str
    buurt: str
    distance_m: int
    languages: Sequence[str]
    is_introduced: bool
    is_trained: bool  # where the help asks for training
    has_vog: bool
    helped: int
    was_chosen: bool

    @property
    def for_respijt(self) -> bool:
        """An introduction visit comes first, and nobody's telephone number is shown."""
        return CATEGORIES[self.category].respijt


def introduce(session: Session, pairing: Pairing, *, today: date) -> Introduction:
    """The volunteer of a pairing, for the one who is to say yes."""
    asker, helper = aliased(Account), aliased(Account)
    row = session.connection().execute(
        select(  # type: ignore[call-overload]  # more columns than the overloads of sqlmodel know
            col(HelpRequest.category), col(HelpRequest.frequency), col(HelpRequest.day), col(HelpRequest.slots),
            col(HelpRequest.minutes), col(asker.first_name).label("reader"), col(Buurt.name).label("buurt"),
            col(Proposal.distance_m), col(Proposal.decided_by_id),
        )
        .join(Proposal, col(Proposal.request_id) == col(HelpRequest.id))
        .join(asker, col(asker.id) == col(HelpRequest.asker_id))
        .join(helper, col(helper.id) == col(Proposal.volunteer_id))
        .outerjoin(Buurt, col(Buurt.code) == col(helper.buurt_code))
        .where(col(Proposal.id) == pairing.proposal_id)
    ).one()  # fmt: skip
    volunteer = session.get_one(Volunteer, pairing.volunteer_id)
    return Introduction(
        category=row.category,
        frequency=row.frequency,
        day=row.day,
        slots=row.slots,
        minutes=row.minutes,
        reader=row.reader,
        buurt=row.buurt or "",
        distance_m=row.distance_m,
        languages=volunteer.languages,
        is_introduced=volunteer.introduced_on is not None,
        is_trained=CATEGORIES[row.category].needs_training and volunteer.trained_on is not None,
        has_vog=volunteer.has_valid_vog(today),
        helped=times_helped(session, pairing.volunteer_id),
        was_chosen=row.decided_by_id is not None,
    )


def times_helped(session: Session, volunteer_id: int) -> int:
    """How many neighbours this volunteer has helped."""
    query = select(func.count(col(Pairing.id))).where(
        Pairing.volunteer_id == volunteer_id, Pairing.state == PairingState.DONE
    )
    return session.exec(query).one()
