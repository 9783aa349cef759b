"""Becoming a volunteer, and saying what, when, how far and how often."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlmodel import Session, col

from matching.catalogue import CATEGORIES, LANGUAGES
from matching.errors import Invalid, NotFound
from matching.models import Absence, Account, Buurt, Draft, Tag, Volunteer
from matching.models.geo import round_100m
from matching.services import drafts
from matching.services.history import record

KEPT = "kept_profile"  # kind of the draft with a profile that waits for its owner
MOST_ABSENCES = 20
LONGEST_AHEAD = timedelta(days=730)  # whoever is away longer than two years takes a pause without an end
ALL_SLOTS = 2**28 - 1
WEEKLY_MAXIMA = range(1, 8)
LANGUAGE_CODES = frozenset(language.code for language in LANGUAGES)
FARTHEST = 50_000  # metres


@dataclass(frozen=True, slots=True)
class Profile:
    """What a volunteer tells about helping. `slots` is a mask of 28 bits as in HelpRequest."""

    skills: tuple[str, ...]
    slots: int
    radius_m: int | None
    languages: tuple[str, ...]
    weekly_max: int
    has_car: bool

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Profile":
        """The profile kept with `to_json`."""
        return cls(**{**data, "skills": tuple(data["skills"]), "languages": tuple(data["languages"])})


def check(profile: Profile) -> None:
    """Raise Invalid for the first field that the rules refuse."""
    if not profile.skills or not set(profile.skills) <= CATEGORIES.keys():
        raise Invalid("skills", "unknown")
    if not 0 < profile.slots <= ALL_SLOTS:
        raise Invalid("slots", "unknown")
    if profile.radius_m is not None and not 0 < profile.radius_m <= FARTHEST:
        raise Invalid("radius_m", "unknown")
    if not profile.languages or not set(profile.languages) <= LANGUAGE_CODES:
        raise Invalid("languages", "unknown")
    if profile.weekly_max not in WEEKLY_MAXIMA:
        raise Invalid("weekly_max", "unknown")


def profile_of(volunteer: Volunteer) -> Profile:
    return Profile(
        tuple(volunteer.skills),
        volunteer.slots,
        volunteer.radius_m,
        tuple(volunteer.languages),
        volunteer.weekly_max,
        volunteer.has_car,
    )


def find(session: Session, account_id: int) -> Volunteer | None:
    """The helping side of this person, if any."""
    return session.get(Volunteer, account_id)


def join(session: Session, account_id: int, profile: Profile, *, now: datetime) -> Volunteer:
    """Become a volunteer. Somebody who is one already gets this profile: a form sent twice changes nothing."""
    check(profile)
    volunteer = find(session, account_id)
    if volunteer is not None:
        save_profile(session, volunteer, profile, now=now)
        return volunteer
    volunteer = Volunteer(account_id=account_id, created_at=now, updated_at=now)
    _apply(volunteer, profile)
    session.add(volunteer)
    session.flush()
    record(session, Tag.VOLUNTEER_JOINED, volunteer, now=now, actor_id=account_id)
    return volunteer


def save_profile(session: Session, volunteer: Volunteer, profile: Profile, *, now: datetime) -> None:
    """Keep what the volunteer changed."""
    check(profile)
    if profile_of(volunteer) == profile:
        return
    _apply(volunteer, profile)
    volunteer.updated_at = now
    session.add(volunteer)
    record(session, Tag.VOLUNTEER_CHANGED, volunteer, now=now, actor_id=volunteer.account_id)


def _apply(volunteer: Volunteer, profile: Profile) -> None:
    volunteer.skills = list(profile.skills)
    volunteer.slots = profile.slots
    volunteer.radius_m = profile.radius_m
    volunteer.languages = list(profile.languages)
    volunteer.weekly_max = profile.weekly_max
    volunteer.has_car = profile.has_car


def keep_for_later(session: Session, account_id: int, profile: Profile, *, now: datetime) -> None:
    """Keep a profile that somebody filled in without signing in, under an address that is known already. It
    changes nothing until its owner has signed in and saved it. The latest takes the place of an earlier one."""
    check(profile)
    known = drafts.newest(session, KEPT, account_id=account_id)
    drafts.save(session, known, KEPT, profile.to_json(), account_id=account_id, now=now)


def kept_profile(session: Session, account_id: int) -> Profile | None:
    """The profile that waits for its owner, if any."""
    found = drafts.newest(session, KEPT, account_id=account_id)
    return Profile.from_json(found.data) if found else None


def forget_kept_profile(session: Session, account_id: int) -> None:
    """The owner saved or refused it."""
    drafts.discard(session, drafts.newest(session, KEPT, account_id=account_id))


def take_draft(session: Session, draft_id: str) -> bool:
    """Take a draft away to make something of it. Of a form sent twice at the same moment one gets True."""
    taken = session.connection().execute(delete(Draft).where(col(Draft.id) == draft_id))
    return taken.rowcount == 1


def pause(session: Session, volunteer: Volunteer, *, until: date | None = None, today: date, now: datetime) -> None:
    """No questions until the day `until`, or until told otherwise. Raises Invalid for a day that is not ahead."""
    if until is not None and until <= today:
        raise Invalid("until", "past")
    if until is not None and until - today > LONGEST_AHEAD:
        raise Invalid("until", "too_far")
    if (volunteer.is_paused, volunteer.paused_until) == (True, until):
        return
    volunteer.is_paused, volunteer.paused_until, volunteer.updated_at = True, until, now
    session.add(volunteer)
    record(session, Tag.VOLUNTEER_PAUSED, volunteer, now=now, actor_id=volunteer.account_id)


def resume(session: Session, volunteer: Volunteer, *, now: datetime) -> None:
    """Take questions again."""
    if not volunteer.is_paused:
        return
    volunteer.is_paused, volunteer.paused_until, volunteer.updated_at = False, None, now
    session.add(volunteer)
    record(session, Tag.VOLUNTEER_RESUMED, volunteer, now=now, actor_id=volunteer.account_id)


def absences(session: Session, volunteer_id: int, *, today: date) -> Sequence[Absence]:
    """Absences that are not over yet, the first one first."""
    return session.scalars(
        select(Absence)
        .where(col(Absence.volunteer_id) == volunteer_id, col(Absence.last_day) >= today)
        .order_by(col(Absence.first_day), col(Absence.id))
    ).all()


def add_absence(
    session: Session, volunteer: Volunteer, first_day: date, last_day: date, *, today: date, now: datetime
) -> Absence:
    """Days away, both included. The same days twice is one absence. Raises Invalid for days that are over, in
    the wrong order or too far ahead, and for one too many."""
    if last_day < first_day:
        raise Invalid("last_day", "order")
    if first_day < today:
        raise Invalid("first_day", "past")
    if last_day - today > LONGEST_AHEAD:
        raise Invalid("last_day", "too_far")
    known = absences(session, volunteer.account_id, today=today)
    for absence in known:
        if (absence.first_day, absence.last_day) == (first_day, last_day):
            return absence
    if len(known) >= MOST_ABSENCES:
        raise Invalid("first_day", "too_many")
    absence = Absence(volunteer_id=volunteer.account_id, first_day=first_day, last_day=last_day)
    session.add(absence)
    session.flush()
    record(session, Tag.VOLUNTEER_CHANGED, volunteer, now=now, actor_id=volunteer.account_id, what="absence")
    return absence


def remove_absence(session: Session, volunteer: Volunteer, absence_id: int, *, now: datetime) -> None:
    """Be there after all. Raises NotFound for somebody else's."""
    absence = session.get(Absence, absence_id)
    if absence is None or absence.volunteer_id != volunteer.account_id:
        raise NotFound(f"no absence {absence_id}")
    session.delete(absence)
    record(session, Tag.VOLUNTEER_CHANGED, volunteer, now=now, actor_id=volunteer.account_id, what="absence")


@dataclass(frozen=True, slots=True)
class Home:
    """Where a volunteer starts from: the buurt and the rounded point, RD New metres."""

    buurt_code: str
    x: int
    y: int


def home_of(account: Account) -> Home | None:
    if account.buurt_code is None or account.x is None or account.y is None:
        return None
    return Home(account.buurt_code, account.x, account.y)


def settle(session: Session, account_id: int, buurt_code: str, x: int, y: int) -> None:
    """Keep where somebody lives, roughly: RD New metres, rounded to 100."""
    account = session.get_one(Account, account_id)
    account.buurt_code, account.x, account.y = buurt_code, round_100m(x), round_100m(y)
    session.add(account)


def middle_of(session: Session, buurt_code: str) -> tuple[int, int]:
    """The point of a buurt, rounded to 100 m, for whoever gave no point. Raises Invalid for no buurt of ours."""
    buurt = session.get(Buurt, buurt_code)
    if buurt is None:
        raise Invalid("buurt", "unknown")
    return round_100m(buurt.x), round_100m(buurt.y)


def reached(session: Session, home: Home, radius_m: int | None) -> list[tuple[str, str]]:
    """Code and name of the buurten whose point lies within the radius (None: all of the gemeente), nearest first.
    One's own buurt always counts, however short the radius."""
    gemeente = select(col(Buurt.gemeente_code)).where(col(Buurt.code) == home.buurt_code).scalar_subquery()
    rows = session.connection().execute(
        select(col(Buurt.code), col(Buurt.name), col(Buurt.x), col(Buurt.y)).where(col(Buurt.gemeente_code) == gemeente)
    )
    near = []
    for code, name, x, y in rows:
        squared = (x - home.x) ** 2 + (y - home.y) ** 2
        own = code == home.buurt_code
        if own or radius_m is None or squared <= radius_m**2:
            near.append((not own, squared, name, code))
    return [(code, name) for _other, _squared, name, code in sorted(near)]
