"""Els cares for her mother, and what can be arranged for her: rows to start a test from."""

from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlmodel import Session, SQLModel

from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    Consent,
    Entitlement,
    ReliefRequest,
    RespijtBooking,
    RespijtProvider,
)
from matching.services import ledger
from matching.workflow import ArrangementState, BookingState, ReliefState
from tests.people import DRIFTBUURT, HILVERSUM, MONDAY, NOW

Row = TypeVar("Row", bound=SQLModel)
DETAILS = {
    "cared_for_name": "Truus",
    "relation": "parent",
    "since_year": 2021,
    "hours_a_week": 25,
    "lives": "together",
    "words": "",
}


def make_situation(session: Session, carer: Account, buurt_code: str = DRIFTBUURT, **facts: object) -> CareSituation:
    """Somebody cares for a parent at home; both said yes to keeping this."""
    assert carer.id is not None
    consents = [
        Consent(account_id=carer.id, kind=kind, text_version="1", recorded_by_id=carer.id, at=NOW)
        for kind in ("care_mantelzorger", "care_cared_for")
    ]
    session.add_all(consents)
    session.flush()
    usual = {
        "details": DETAILS,
        "mantelzorger_consent_id": consents[0].id,
        "cared_for_consent_id": consents[1].id,
        "next_check_on": MONDAY + timedelta(weeks=4),
        "created_at": NOW,
        "updated_at": NOW,
    }
    situation = CareSituation(mantelzorger_id=carer.id, buurt_code=buurt_code, **(usual | facts))
    return _kept(session, situation)


def make_relief(session: Session, situation: CareSituation, **facts: object) -> ReliefRequest:
    """Half a day every week at home by a volunteer, taken up by nobody yet."""
    usual = {
        "form": "home_volunteer",
        "rrule": "FREQ=WEEKLY;BYDAY=TH",
        "first_day": MONDAY,
        "slots": 1 << 13,
        "state": ReliefState.ASKED,
        "created_at": NOW,
        "updated_at": NOW,
    }
    return _kept(session, ReliefRequest(situation_id=situation.id, **(usual | facts)))


def make_provider(session: Session, name: str = "Logeerhuis Zonnestraal", **facts: object) -> RespijtProvider:
    """A guest house that the gemeente and insurers pay for, checked this month."""
    usual = {
        "gemeente_code": HILVERSUM,
        "forms": ["guest_house"],
        "payers": ["wmo", "insurance"],
        "phone": "+31352010203",
        "last_checked_on": date(2026, 11, 2),
        "is_example": True,
    }
    return _kept(session, RespijtProvider(name=name, **(usual | facts)))


def make_arrangement(session: Session, relief: ReliefRequest, **facts: object) -> Arrangement:
    """Somebody takes over, and it runs. Name volunteer_id or provider_id."""
    usual = {"state": ArrangementState.RUNNING, "created_at": NOW}
    return _kept(session, Arrangement(relief_id=relief.id, **(usual | facts)))


def make_booking(
    session: Session, arrangement: Arrangement, situation: CareSituation, starts_at: datetime, **facts: object
) -> RespijtBooking:
    """Three hours from `starts_at`, planned, counted nowhere (payer "")."""
    usual = {"ends_at": starts_at + timedelta(hours=3), "created_at": NOW}
    return _kept(
        session,
        RespijtBooking(
            situation_id=situation.id, arrangement_id=arrangement.id, starts_at=starts_at, **(usual | facts)
        ),
    )


def make_entitlement(session: Session, situation: CareSituation, by: Account, **facts: object) -> Entitlement:
    """Twelve half-days of a volunteer at home, this year and the next, with the line that grants them."""
    usual = {
        "payer": "volunteer",
        "form": "home_volunteer",
        "unit": "half_day",
        "units": 12,
        "first_day": date(2026, 1, 1),
        "last_day": date(2027, 12, 31),
        "indication_ends": None,
    }
    return ledger.add_entitlement(session, situation, by=by.id, now=NOW, **(usual | facts))


def make_five_years(session: Session, situation: CareSituation, by: Account, *, until: datetime) -> None:
    """Half a day every week for five years, the last one at `until`: 260 bookings, all used, of ten entitlements."""
    arrangement = make_arrangement(session, make_relief(session, situation), provider_id=make_provider(session).id)
    start = until.replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(weeks=259)
    for n in range(10):
        first = start.date() + timedelta(weeks=26 * n)
        period = {"first_day": first, "last_day": first + timedelta(weeks=26, days=-1)}
        make_entitlement(session, situation, by, units=30, **period)
    for n in range(260):
        moment = start + timedelta(weeks=n)
        booking = make_booking(session, arrangement, situation, moment, payer="volunteer", state=BookingState.USED)
        ledger.plan(session, booking, by=None, now=until)
        ledger.use(session, booking, by=None, now=until)


def _kept(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row
