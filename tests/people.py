"""The cast. Anna asks, Bram helps, Chantal is her opbouwwerker, Daan lives elsewhere, Els cares for her mother,
Farid is the coordinator, Greet the beheerder. Chantal works in Oost; Daan and his opbouwwerker Saskia in Zuid."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlmodel import Session

from matching.models import Account, Buurt, Role, StaffRole, Volunteer

DRIFTBUURT = "BU04020603"  # Kleine Driftbuurt, Oost
GEUZENBUURT = "BU04020601"  # next door, Oost
BLOEMENKWARTIER = "BU04020401"  # Zuid
OOST, ZUID, HILVERSUM = "WK040206", "WK040204", "GM0402"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday
MONDAY, TUESDAY = date(2026, 11, 23), date(2026, 11, 24)
ALL_SLOTS = 2**28 - 1


@dataclass(frozen=True)
class Cast:
    anna: Account
    bram: Account
    chantal: Account
    daan: Account
    els: Account
    farid: Account
    greet: Account
    saskia: Account


def make_person(session: Session, name: str, buurt_code: str, number: int) -> Account:
    """A resident with an e-mail address and a telephone number, at the point of the buurt."""
    buurt = session.get_one(Buurt, buurt_code)
    person = Account(
        first_name=name,
        email=f"{name.lower()}@example.org",
        phone=f"+3161234{number:04d}",
        adult_declared_at=NOW,
        email_verified_at=NOW,
        buurt_code=buurt_code,
        x=round(buurt.x / 100) * 100,
        y=round(buurt.y / 100) * 100,
        created_at=NOW,
    )
    session.add(person)
    session.flush()
    return person


def make_volunteer(session: Session, person: Account, **profile: object) -> Volunteer:
    """The helping side of `person`: groceries, garden and walks, free all week, 2 km."""
    facts = {
        "skills": ["groceries", "garden", "outdoors"],
        "slots": ALL_SLOTS,
        "languages": ["nl"],
        "weekly_max": 2,
    }
    assert person.id is not None
    volunteer = Volunteer(account_id=person.id, created_at=NOW, updated_at=NOW, **(facts | profile))
    session.add(volunteer)
    session.flush()
    return volunteer


def _role(session: Session, person: Account, role: Role, place: str) -> None:
    assert person.id is not None
    session.add(StaffRole(account_id=person.id, role=role, place_code=place, since=date(2026, 1, 1)))


def make_cast(session: Session) -> Cast:
    """All of them, with Bram and Daan as volunteers."""
    names = {
        "Anna": DRIFTBUURT,
        "Bram": GEUZENBUURT,
        "Chantal": GEUZENBUURT,
        "Daan": BLOEMENKWARTIER,
        "Els": DRIFTBUURT,
        "Farid": BLOEMENKWARTIER,
        "Greet": BLOEMENKWARTIER,
        "Saskia": BLOEMENKWARTIER,
    }
    people = [make_person(session, name, buurt, n) for n, (name, buurt) in enumerate(names.items(), 1)]
    cast = Cast(*people)
    make_volunteer(session, cast.bram)
    make_volunteer(session, cast.daan)
    _role(session, cast.chantal, Role.OPBOUWWERKER, OOST)
    _role(session, cast.saskia, Role.OPBOUWWERKER, ZUID)
    _role(session, cast.farid, Role.COORDINATOR, HILVERSUM)
    _role(session, cast.greet, Role.BEHEERDER, HILVERSUM)
    session.flush()
    return cast
