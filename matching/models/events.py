"""History: appended from one vocabulary, never edited."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String
from sqlmodel import Field, SQLModel

from matching.models.base import UtcDateTime


class Tag(StrEnum):
    """Everything that can happen."""

    ACCOUNT_JOINED = "account.joined"
    ACCOUNT_SIGNED_IN = "account.signed_in"
    ACCOUNT_SIGN_IN_FAILED = "account.sign_in_failed"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_PASSWORD_SET = "account.password_set"  # noqa: S105  # a tag
    ACCOUNT_SESSIONS_ENDED = "account.sessions_ended"
    STAFF_ROLE_GIVEN = "staff_role.given"
    STAFF_ROLE_ENDED = "staff_role.ended"
    REQUEST_POSTED = "request.posted"
    REQUEST_VERIFIED = "request.verified"
    REQUEST_EDITED = "request.edited"
    REQUEST_WITHDRAWN = "request.withdrawn"
    REQUEST_HELD = "request.held"
    REQUEST_RELEASED = "request.released"
    REQUEST_CONTACTED = "request.contacted"
    REQUEST_CLOSED = "request.closed"
    REQUEST_REOPENED = "request.reopened"
    VOLUNTEER_JOINED = "volunteer.joined"
    VOLUNTEER_CHANGED = "volunteer.changed"
    VOLUNTEER_PAUSED = "volunteer.paused"
    VOLUNTEER_RESUMED = "volunteer.resumed"
    VOLUNTEER_VOG_SEEN = "volunteer.vog_seen"
    VOLUNTEER_INTRODUCED = "volunteer.introduced"
    VOLUNTEER_TRAINED = "volunteer.trained"
    PROPOSAL_MADE = "proposal.made"
    PROPOSAL_OFFERED = "proposal.offered"
    PROPOSAL_APPROVED = "proposal.approved"
    PROPOSAL_REJECTED = "proposal.rejected"
    PROPOSAL_UNDONE = "proposal.undone"
    PROPOSAL_WITHDRAWN = "proposal.withdrawn"
    PROPOSAL_ACCEPTED = "proposal.accepted"
    PROPOSAL_DECLINED = "proposal.declined"
    PROPOSAL_EXPIRED = "proposal.expired"
    PROPOSAL_MISSED = "proposal.missed"
    PAIRING_AGREED = "pairing.agreed"
    PAIRING_REFUSED = "pairing.refused"
    PAIRING_FELL_THROUGH = "pairing.fell_through"
    PAIRING_DONE = "pairing.done"
    APPOINTMENT_PLANNED = "appointment.planned"
    APPOINTMENT_DONE = "appointment.done"
    APPOINTMENT_CANCELLED = "appointment.cancelled"
    APPOINTMENT_NO_SHOW = "appointment.no_show"
    FEEDBACK_GIVEN = "feedback.given"
    REQUEST_ASKED_AROUND = "request.asked_around"
    REQUEST_ASKING_STOPPED = "request.asking_stopped"
    MODEL_TRAINED = "model.trained"
    MODEL_PROMOTED = "model.promoted"
    MODEL_ROLLED_BACK = "model.rolled_back"
    DIALS_CHANGED = "dials.changed"
    CARE_STARTED = "care.started"
    CARE_CHANGED = "care.changed"
    CARE_CLOSED = "care.closed"
    CARE_REOPENED = "care.reopened"
    CARE_CONSENT_GIVEN = "care.consent_given"
    CARE_CONSENT_WITHDRAWN = "care.consent_withdrawn"
    STRAIN_CHECKED = "strain.checked"
    RELIEF_ASKED = "relief.asked"
    RELIEF_CHANGED = "relief.changed"
    RELIEF_TAKEN_UP = "relief.taken_up"
    RELIEF_STARTED = "relief.started"
    RELIEF_WITHDRAWN = "relief.withdrawn"
    RELIEF_CLOSED = "relief.closed"
    RELIEF_FINISHED = "relief.finished"
    ARRANGEMENT_MOVED = "arrangement.moved"
    ARRANGEMENT_AGREED = "arrangement.agreed"  # by one side, with the version of the text
    ARRANGEMENT_EVALUATED = "arrangement.evaluated"
    BOOKING_PLANNED = "booking.planned"
    BOOKING_USED = "booking.used"
    BOOKING_CANCELLED = "booking.cancelled"
    BOOKING_NO_SHOW = "booking.no_show"
    GAP_OPENED = "gap.opened"
    GAP_ANSWERED = "gap.answered"
    GAP_COVERED = "gap.covered"
    GAP_CLOSED = "gap.closed"
    ARRANGEMENT_FOLLOWED_UP = "arrangement.followed_up"
    PROVIDER_ADDED = "provider.added"
    PROVIDER_CHANGED = "provider.changed"
    PROVIDER_CHECKED = "provider.checked"
    PROVIDER_RETIRED = "provider.retired"
    ENTITLEMENT_ADDED = "entitlement.added"
    ENTITLEMENT_ENDED = "entitlement.ended"
    LEDGER_CORRECTED = "ledger.corrected"
    PLAN_CHANGED = "plan.changed"
    PLAN_CONFIRMED = "plan.confirmed"
    PLAN_CALLED = "plan.called"
    PLAN_CALL_ENDED = "plan.call_ended"
    STAND_IN_ANSWERED = "stand_in.answered"
    SIGNAL_HANDLED = "signal.handled"
    PLACES_IMPORTED = "places.imported"


class Event(SQLModel, table=True):
    """Something that happened to a thing: `subject` is its table name, `subject_id` its key."""

    id: int | None = Field(default=None, primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime, index=True)
    tag: str = Field(sa_type=String(40))
    actor_id: int | None = Field(default=None, foreign_key="account.id")  # None: the program itself
    subject: str = Field(max_length=20)
    subject_id: int | None = None
    data: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)

    __table_args__ = (Index("ix_event_subject", "subject", "subject_id"),)
