"""All entities, so that one import fills the metadata."""

from matching.models.care import CareSituation, DataLook, DropOutPlan, StandIn, StrainCheck
from matching.models.events import Event, Tag
from matching.models.help_requests import Draft, ForWhom, Frequency, HelpRequest
from matching.models.learning import (
    AcceptanceModel,
    MatcherPreview,
    MatcherSetting,
    OfferDecision,
    OfferEdge,
    Recruitment,
)
from matching.models.messages import OutboxMessage
from matching.models.pairings import Appointment, Feedback, MatchRun, Pairing, Proposal
from matching.models.people import (
    Account,
    ActionLink,
    Attempt,
    Block,
    Channel,
    Consent,
    Role,
    StaffRole,
)
from matching.models.places import (
    Buurt,
    BuurtBorder,
    Gemeente,
    KeyFigure,
    MeetingPlace,
    Postcode,
    Wijk,
)
from matching.models.respijt import (
    Arrangement,
    Entitlement,
    LedgerLine,
    ReliefRequest,
    RespijtBooking,
    RespijtEvaluation,
    RespijtProvider,
    RespijtSignal,
)
from matching.models.volunteers import Absence, Volunteer

__all__ = [
    "Absence",
    "AcceptanceModel",
    "Account",
    "ActionLink",
    "Appointment",
    "Arrangement",
    "Attempt",
    "Block",
    "Buurt",
    "BuurtBorder",
    "CareSituation",
    "Channel",
    "Consent",
    "DataLook",
    "Draft",
    "DropOutPlan",
    "Entitlement",
    "Event",
    "Feedback",
    "ForWhom",
    "Frequency",
    "Gemeente",
    "HelpRequest",
    "KeyFigure",
    "LedgerLine",
    "MatchRun",
    "MatcherPreview",
    "MatcherSetting",
    "MeetingPlace",
    "OfferDecision",
    "OfferEdge",
    "OutboxMessage",
    "Pairing",
    "Postcode",
    "Proposal",
    "Recruitment",
    "ReliefRequest",
    "RespijtBooking",
    "RespijtEvaluation",
    "RespijtProvider",
    "RespijtSignal",
    "Role",
    "StaffRole",
    "StandIn",
    "StrainCheck",
    "Tag",
    "Volunteer",
    "Wijk",
]
