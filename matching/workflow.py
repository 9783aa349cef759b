"""States and allowed moves: one table per thing. Whatever is not in a table is not allowed."""

from enum import StrEnum
from typing import TypeVar

from matching.errors import IllegalMove


class RequestState(StrEnum):
    """Where a request for help stands."""

    HELD = "held"  # a human looks first: asked discreetly, a risk word, or a sender who is not verified yet
    OPEN = "open"  # the matcher may propose
    ASKED = "asked"  # at least one volunteer has been asked
    CLAIMED = "claimed"  # a volunteer said yes; the asker has not answered yet
    PAIRED = "paired"  # both said yes
    DONE = "done"
    WITHDRAWN = "withdrawn"  # by the asker
    CLOSED = "closed"  # by staff, with a reason


class ProposalState(StrEnum):
    """Where "this volunteer could do this request" stands."""

    PROPOSED = "proposed"  # waits for a human
    ASKED = "asked"  # approved; the volunteer has a message
    ACCEPTED = "accepted"
    DECLINED = "declined"  # by the volunteer
    REJECTED = "rejected"  # by the opbouwwerker
    WITHDRAWN = "withdrawn"  # it no longer holds
    EXPIRED = "expired"  # no answer in time; not a no
    MISSED = "missed"  # somebody else said yes first
    FELL_THROUGH = "fell_through"


class PairingState(StrEnum):
    """Where two people who may help each other stand."""

    WAITING = "waiting"  # for the asker's yes
    AGREED = "agreed"
    DONE = "done"
    REFUSED = "refused"  # by the asker
    FELL_THROUGH = "fell_through"


class AppointmentState(StrEnum):
    """Where one dated occurrence stands."""

    PLANNED = "planned"
    DONE = "done"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class ModelState(StrEnum):
    """Where a version of the acceptance model stands."""

    CANDIDATE = "candidate"  # trained; not shown to be better yet, or not promoted yet
    IN_USE = "in_use"
    RETIRED = "retired"  # was in use; can come back


class CareState(StrEnum):
    """Where a care situation stands."""

    OPEN = "open"
    CLOSED = "closed"


class StandInState(StrEnum):
    """Whether somebody in a plan for when the carer drops out said yes to that."""

    ASKED = "asked"
    AGREED = "agreed"
    DECLINED = "declined"


class ReliefState(StrEnum):
    """Where a mantelzorger's request for time off stands."""

    ASKED = "asked"
    ARRANGING = "arranging"  # a human took it up
    RUNNING = "running"
    DONE = "done"
    WITHDRAWN = "withdrawn"  # by the mantelzorger
    CLOSED = "closed"  # by staff, or with the situation


class ArrangementState(StrEnum):
    """Where "this person or place takes over" stands. A volunteer goes through all steps, a provider is referred to."""

    PROPOSED = "proposed"  # a volunteer or provider was asked
    WAITING = "waiting"  # on the provider's waiting list
    INTRODUCING = "introducing"  # they said yes; the introduction visit comes first
    TRIAL = "trial"
    AGREEING = "agreeing"  # both sign the agreement
    RUNNING = "running"
    REFUSED = "refused"
    ENDED = "ended"


class BookingState(StrEnum):
    """Where one dated time off stands."""

    PLANNED = "planned"
    USED = "used"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


class GapState(StrEnum):
    """Where a booking that fell through stands."""

    OPEN = "open"  # back-up persons were asked, or the desk looks
    COVERED = "covered"
    CLOSED = "closed"  # by the desk, or because the moment is over


R, P, K, A = RequestState, ProposalState, PairingState, AppointmentState
S = TypeVar("S", bound=StrEnum)

REQUEST_MOVES: dict[tuple[RequestState, str], RequestState] = {
    (R.HELD, "release"): R.OPEN,
    (R.OPEN, "hold"): R.HELD,
    (R.OPEN, "ask"): R.ASKED,
    (R.HELD, "ask"): R.ASKED,  # a human asks somebody by name; the matcher never saw it
    (R.ASKED, "ask"): R.ASKED,
    (R.ASKED, "reopen"): R.OPEN,  # nobody who was asked is left
    (R.ASKED, "hold"): R.HELD,
    (R.OPEN, "claim"): R.CLAIMED,  # a volunteer offered and the opbouwwerker agreed
    (R.HELD, "claim"): R.CLAIMED,
    (R.ASKED, "claim"): R.CLAIMED,
    (R.CLAIMED, "agree"): R.PAIRED,
    (R.CLAIMED, "reopen"): R.OPEN,
    (R.CLAIMED, "hold"): R.HELD,
    (R.PAIRED, "reopen"): R.OPEN,
    (R.PAIRED, "hold"): R.HELD,
    (R.PAIRED, "finish"): R.DONE,
} | {
    (state, move): to
    for state in (R.HELD, R.OPEN, R.ASKED, R.CLAIMED, R.PAIRED)
    for move, to in (("withdraw", R.WITHDRAWN), ("close", R.CLOSED))
}

PROPOSAL_MOVES: dict[tuple[ProposalState, str], ProposalState] = {
    (P.PROPOSED, "ask"): P.ASKED,
    (P.PROPOSED, "accept"): P.ACCEPTED,  # the volunteer offered, so the yes is there already
    (P.PROPOSED, "reject"): P.REJECTED,
    (P.PROPOSED, "withdraw"): P.WITHDRAWN,
    (P.ASKED, "undo"): P.PROPOSED,
    (P.ACCEPTED, "undo"): P.PROPOSED,
    (P.REJECTED, "undo"): P.PROPOSED,
    (P.WITHDRAWN, "undo"): P.PROPOSED,
    (P.MISSED, "undo"): P.ASKED,  # the desk takes back that it agreed with an offer of somebody else
    (P.ASKED, "accept"): P.ACCEPTED,
    (P.ASKED, "decline"): P.DECLINED,
    (P.ASKED, "expire"): P.EXPIRED,
    (P.ASKED, "miss"): P.MISSED,
    (P.ASKED, "withdraw"): P.WITHDRAWN,
    (P.ACCEPTED, "fall_through"): P.FELL_THROUGH,
    (P.ACCEPTED, "withdraw"): P.WITHDRAWN,
}

PAIRING_MOVES: dict[tuple[PairingState, str], PairingState] = {
    (K.WAITING, "agree"): K.AGREED,
    (K.WAITING, "refuse"): K.REFUSED,
    (K.WAITING, "fall_through"): K.FELL_THROUGH,
    (K.AGREED, "fall_through"): K.FELL_THROUGH,
    (K.AGREED, "finish"): K.DONE,
}

APPOINTMENT_MOVES: dict[tuple[AppointmentState, str], AppointmentState] = {
    (A.PLANNED, "finish"): A.DONE,
    (A.PLANNED, "cancel"): A.CANCELLED,
    (A.PLANNED, "miss"): A.NO_SHOW,
}

MODEL_MOVES: dict[tuple[ModelState, str], ModelState] = {
    (ModelState.CANDIDATE, "promote"): ModelState.IN_USE,
    (ModelState.IN_USE, "retire"): ModelState.RETIRED,
    (ModelState.RETIRED, "bring_back"): ModelState.IN_USE,
}

CARE_MOVES: dict[tuple[CareState, str], CareState] = {
    (CareState.OPEN, "close"): CareState.CLOSED,
    (CareState.CLOSED, "reopen"): CareState.OPEN,
}

STAND_IN_MOVES: dict[tuple[StandInState, str], StandInState] = {
    (StandInState.ASKED, "agree"): StandInState.AGREED,
    (StandInState.ASKED, "decline"): StandInState.DECLINED,
    (StandInState.AGREED, "decline"): StandInState.DECLINED,
    (StandInState.AGREED, "ask"): StandInState.ASKED,  # once a year: does this still hold?
    (StandInState.DECLINED, "ask"): StandInState.ASKED,
}

RELIEF_MOVES: dict[tuple[ReliefState, str], ReliefState] = {
    (ReliefState.ASKED, "take_up"): ReliefState.ARRANGING,
    (ReliefState.ARRANGING, "start"): ReliefState.RUNNING,
    (ReliefState.RUNNING, "fall_through"): ReliefState.ARRANGING,
    (ReliefState.RUNNING, "finish"): ReliefState.DONE,
} | {
    (state, move): to
    for state in (ReliefState.ASKED, ReliefState.ARRANGING, ReliefState.RUNNING)
    for move, to in (("withdraw", ReliefState.WITHDRAWN), ("close", ReliefState.CLOSED))
}

ARRANGEMENT_MOVES: dict[tuple[ArrangementState, str], ArrangementState] = {
    (ArrangementState.PROPOSED, "accept"): ArrangementState.INTRODUCING,
    (ArrangementState.PROPOSED, "wait"): ArrangementState.WAITING,
    (ArrangementState.PROPOSED, "place"): ArrangementState.RUNNING,  # a provider has a place
    (ArrangementState.WAITING, "place"): ArrangementState.RUNNING,
    (ArrangementState.INTRODUCING, "try"): ArrangementState.TRIAL,
    (ArrangementState.TRIAL, "agree"): ArrangementState.AGREEING,
    (ArrangementState.AGREEING, "start"): ArrangementState.RUNNING,
    (ArrangementState.RUNNING, "end"): ArrangementState.ENDED,
} | {
    (state, "refuse"): ArrangementState.REFUSED
    for state in (
        ArrangementState.PROPOSED,
        ArrangementState.WAITING,
        ArrangementState.INTRODUCING,
        ArrangementState.TRIAL,
        ArrangementState.AGREEING,
    )
}

BOOKING_MOVES: dict[tuple[BookingState, str], BookingState] = {
    (BookingState.PLANNED, "use"): BookingState.USED,
    (BookingState.PLANNED, "cancel"): BookingState.CANCELLED,
    (BookingState.PLANNED, "miss"): BookingState.NO_SHOW,
    (BookingState.USED, "correct"): BookingState.CANCELLED,  # written down as used by mistake
}

GAP_MOVES: dict[tuple[GapState, str], GapState] = {
    (GapState.OPEN, "cover"): GapState.COVERED,
    (GapState.OPEN, "close"): GapState.CLOSED,
}

OPEN_REQUEST_STATES = (R.HELD, R.OPEN, R.ASKED, R.CLAIMED, R.PAIRED)
LIVE_PROPOSAL_STATES = (P.PROPOSED, P.ASKED, P.ACCEPTED)
LIVE_PAIRING_STATES = (K.WAITING, K.AGREED)
OPEN_RELIEF_STATES = (ReliefState.ASKED, ReliefState.ARRANGING, ReliefState.RUNNING)


def after(moves: dict[tuple[S, str], S], state: S, move: str) -> S:
    """The state that `move` leads to from `state`.

    Raises IllegalMove where the table has no such move.
    """
    try:
        return moves[state, move]
    except KeyError:
        raise IllegalMove(f"cannot {move} something that is {state}") from None


def can(moves: dict[tuple[S, str], S], state: S, move: str) -> bool:
    """Whether the table has this move."""
    return (state, move) in moves
