"""A believable city for trying out and for tests. All people are made up; everything goes through the services,
so no data can reach an illegal state.

How need and supply are spread is an assumption, not a measurement: a buurt gets an equal share of the inhabitants
of its wijk (CBS gives no inhabitants per buurt here), need varies lognormally (s 0.5) around that, and supply goes
with need to the power -0.5. Which skills and half-days people have follows the same kind of assumption.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import func, select
from sqlmodel import Session, col

from matching import seed_care
from matching.catalogue import CATEGORIES
from matching.errors import OmzienError
from matching.models import (
    Account,
    Buurt,
    Frequency,
    Gemeente,
    HelpRequest,
    KeyFigure,
    MeetingPlace,
    OutboxMessage,
    Pairing,
    Role,
    Volunteer,
    Wijk,
)
from matching.seed_city import AMSTERDAM, City, join, read, settle
from matching.services import (
    accounts,
    judging,
    looking_around,
    moderating,
    outbox,
    pairing,
    passwords,
    posting,
    volunteering,
)
from matching.services.volunteering import Profile
from matching.services.wishes import Wish, day_slots
from matching.workflow import RequestState

DEMO_PASSWORD = "omzien-proefstad"  # noqa: S105  # printed by `make run`; these people exist in the demonstration only
DEMO_LOGINS = (
    ("inwoner met een vraag", "anna@voorbeeld.nl"),
    ("vrijwilliger", "bram@voorbeeld.nl"),
    ("mantelzorger", "els@voorbeeld.nl"),
    ("opbouwwerker van Oost", "chantal@voorbeeld.nl"),
    ("coordinator", "farid@voorbeeld.nl"),
    ("beheerder", "greet@voorbeeld.nl"),
)
Progress = Callable[[str, float], None]

# Weights (assumptions): what is asked with the ordinary form, and what volunteers like to do.
DEMAND = {
    "company": 25, "outdoors": 13, "groceries": 14, "car_ride": 12, "garden": 7, "digital": 8, "handyman": 6,
    "paperwork": 4, "cooking": 4, "pet": 3, "dutch_practice": 4,
}  # fmt: skip
SUPPLY = {
    "company": 45, "outdoors": 35, "groceries": 38, "car_ride": 11, "garden": 15, "digital": 16, "handyman": 9,
    "paperwork": 8, "cooking": 13, "pet": 14, "dutch_practice": 15, "sitting": 5, "other": 10,
}  # fmt: skip
RADII = (500, 1000, 2000, 3000, None)
RADIUS_WEIGHTS = (18, 36, 30, 11, 5)


def is_empty(session: Session) -> bool:
    """Whether nobody lives here yet."""
    return session.scalar(select(func.count()).select_from(Account)) == 0


def build_city(
    session: Session,
    *,
    volunteers: int,
    requests: int,
    seed: int,
    now: datetime,
    carers: int = 0,
    progress: Progress | None = None,
) -> None:
    """Fill the gemeenten that were imported with made-up people. The same seed and moment give the same city.

    Raises OmzienError when no gemeente has been imported.
    """
    city = _city(session, Random(seed), now)
    report = progress or (lambda step, done: None)
    _cast(session, city)
    _meeting_places(session, city)
    for number in range(volunteers):
        _volunteer(session, city, f"vrijwilliger{number + 1}.{seed}@voorbeeld.nl")
        _pause(session, report, "vrijwilligers", number + 1, volunteers)
    for number in range(requests):
        posted = city.now - timedelta(days=city.random.randrange(0, 10), hours=city.random.randrange(0, 8))
        request = _request(session, city, f"vrager{number + 1}.{seed}@voorbeeld.nl", posted)
        worker = city.worker(request.buurt_code)
        if worker is not None and posted < city.now - timedelta(days=3) and city.random.random() < 0.9:
            moderating.contacted(session, request, by=worker, now=posted + timedelta(days=2))
        _pause(session, report, "hulpvragen", number + 1, requests)
    _history(session, city, requests // 5, seed, report)
    seed_care.build(session, city, carers=carers, seed=seed, progress=lambda done: report("mantelzorgers", done))
    for message in session.scalars(select(OutboxMessage).where(col(OutboxMessage.created_at) < city.now)):
        if message.sent_at is None:  # what was written then has been read by now
            outbox.mark_sent(session, message, now=message.due_at)
    session.flush()


def _history(session: Session, city: City, count: int, seed: int, report: Progress) -> None:
    """Requests of the past two months that volunteers offered to do: most are done, some go on, some fell through."""
    helpers = list(session.scalars(select(Volunteer).order_by(col(Volunteer.account_id))))
    for number in range(count if helpers else 0):
        posted = city.now - timedelta(days=city.random.randrange(15, 60), hours=city.random.randrange(0, 8))
        request = _request(session, city, f"eerder{number + 1}.{seed}@voorbeeld.nl", posted)
        worker = city.worker(request.buurt_code)
        if worker is not None and request.state == RequestState.OPEN:
            _past(session, city, request, helpers, worker, posted + timedelta(days=1))
        _pause(session, report, "eerder", number + 1, count)


def _past(
    session: Session, city: City, request: HelpRequest, helpers: list[Volunteer], worker: int, then: datetime
) -> None:
    """Let somebody offer, the opbouwwerker agree, the asker say yes, and time go by."""
    assert request.id is not None
    able = [h for h in helpers if request.category in h.skills and h.slots & request.slots]
    for helper in city.random.sample(able, min(12, len(able))):
        try:
            looking_around.offer(session, helper.account_id, request.id, today=then.date(), now=then)
        except OmzienError:
            continue  # too far, no certificate, another language: the next one
        break
    else:
        moderating.close(
            session, request, by=worker, now=then, reason="Wij vonden niemand. Er is gebeld en uitgelegd waarom."
        )
        return
    moderating.contacted(session, request, by=worker, now=then)
    judging.choose(session, request, helper.account_id, by=worker, now=then + timedelta(hours=2))
    made = session.scalars(select(Pairing).where(col(Pairing.request_id) == request.id)).one()
    if made.agreed_at is None:
        pairing.agree(session, made, now=then + timedelta(hours=6), actor_id=request.asker_id)
    _outcome(session, city, request, made, then + timedelta(days=8))


def _outcome(session: Session, city: City, request: HelpRequest, made: Pairing, later: datetime) -> None:
    """Eight in ten are done, 8 % fall through (an assumption), the others go on."""
    chance = city.random.random()
    if chance < 0.08:
        pairing.fall_through(session, made, "ill", now=later, actor_id=made.volunteer_id)
    elif chance < 0.8:
        pairing.finish(session, made, now=later, actor_id=request.asker_id)
        for person, side in ((request.asker_id, "asker"), (made.volunteer_id, "volunteer")):
            said = city.random.choice([row for row in city.feedback if row["by"] == side])
            pairing.give_feedback(
                session, made, person, went=said["went"], again=said["again"], remark=said["remark"], now=later
            )


def _pause(session: Session, report: Progress, step: str, done: int, total: int) -> None:
    """Write what was made so far and let go of it: a session that keeps 5,000 people gets slow."""
    if done % 200 == 0 or done == total:
        session.flush()
        report(step, done / total)


def _city(session: Session, random: Random, now: datetime) -> City:
    buurten = list(session.scalars(select(Buurt).order_by(col(Buurt.code))))
    if not buurten:
        raise OmzienError("import a gemeente first: omzien places import FOLDER")
    inhabitants = {
        figure.place_code: figure.value
        for figure in session.scalars(select(KeyFigure).where(col(KeyFigure.topic) == "population"))
        if figure.value
    }
    per_wijk = {code: sum(1 for b in buurten if b.wijk_code == code) for code in {b.wijk_code for b in buurten}}
    people = [inhabitants.get(b.wijk_code, 1000.0) / per_wijk[b.wijk_code] for b in buurten]
    variation = [random.lognormvariate(0, 0.5) for _ in buurten]
    return City(
        random,
        now,
        buurten,
        need=[size * factor for size, factor in zip(people, variation, strict=True)],
        supply=[size * factor**-0.5 for size, factor in zip(people, variation, strict=True)],
        names=read("names"),
        texts=read("requests"),
        feedback=read("feedback"),
    )


def _cast(session: Session, city: City) -> None:
    """One login per role, an opbouwwerker for every wijk, and telephone hours that are marked as an example."""
    gemeente = session.scalars(select(Gemeente).order_by(col(Gemeente.code))).first()
    wijken = list(session.scalars(select(Wijk).order_by(col(Wijk.code))))
    if gemeente is None:
        raise OmzienError("import a gemeente first: omzien places import FOLDER")
    if not gemeente.phone:
        gemeente.phone, gemeente.phone_hours = "035 000 00 00", "Op werkdagen van 9 tot 17 uur (voorbeeld)"
    home = next((w for w in wijken if w.name == "Oost"), wijken[0])
    buurt = next(b for b in city.buurten if b.wijk_code == home.code)
    names = [email.split("@")[0].title() for _role, email in DEMO_LOGINS]
    people = {}
    for name, (_role, email) in zip(names, DEMO_LOGINS, strict=True):
        point = (round(buurt.x / 100) * 100, round(buurt.y / 100) * 100)
        people[name] = settle(session, city, name, email, buurt.code, point, days_ago=400)
        passwords.set_password(session, people[name], DEMO_PASSWORD, now=city.now)
    _join_as_volunteer(session, city, people["Bram"], Profile(
        skills=("groceries", "garden", "outdoors", "company"), slots=0x7777777, radius_m=3000, languages=("nl", "en"),
        weekly_max=3, has_car=True))  # fmt: skip
    _staff(session, city, people, gemeente, wijken, home)


def _staff(
    session: Session, city: City, people: dict[str, Account], gemeente: Gemeente, wijken: list[Wijk], home: Wijk
) -> None:
    note = "Op maandag en woensdag in het buurthuis (voorbeeld)."
    give = [
        (people["Chantal"].email, Role.OPBOUWWERKER, home.code),
        (people["Farid"].email, Role.COORDINATOR, gemeente.code),
        (people["Greet"].email, Role.BEHEERDER, gemeente.code),
    ]
    for number, wijk in enumerate((w for w in wijken if w.code != home.code), 1):
        name = city.random.choice(city.names)["name"]
        buurt = next(b for b in city.buurten if b.wijk_code == wijk.code)
        point = (round(buurt.x / 100) * 100, round(buurt.y / 100) * 100)
        worker = settle(session, city, name, f"opbouwwerker{number}@voorbeeld.nl", buurt.code, point, days_ago=400)
        give.append((worker.email, Role.OPBOUWWERKER, wijk.code))
    for email, role, place in give:
        assert email is not None
        is_worker = role == Role.OPBOUWWERKER
        given = accounts.give_role(session, email, role, place, now=city.now, note=note if is_worker else "")
        if is_worker:
            city.workers[place] = given.account_id


def _meeting_places(session: Session, city: City) -> None:
    """One example meeting place per wijk and an introduction per buurt, where there is none yet."""
    texts = read("places")
    intros, examples = texts["buurt_intros"], texts["meeting_places"]
    names = {wijk.code: wijk.name for wijk in session.scalars(select(Wijk))}
    seen: set[str] = set(session.scalars(select(col(MeetingPlace.buurt_code))))
    for number, buurt in enumerate(city.buurten):
        if not buurt.intro:
            buurt.intro = intros[number % len(intros)].format(buurt=buurt.name)
        if not any(b.wijk_code == buurt.wijk_code and b.code in seen for b in city.buurten):
            example = examples[number % len(examples)]
            name = example["name"].format(wijk=names[buurt.wijk_code])
            session.add(MeetingPlace(buurt_code=buurt.code, name=name, hours=example["hours"], is_example=True))
            seen.add(buurt.code)


def _volunteer(session: Session, city: City, email: str) -> None:
    random = city.random
    person = random.choice(city.names)
    account = join(session, city, person["name"], email, city.supply, days_ago=random.randrange(20, 700))
    skills = tuple(key for key, share in SUPPLY.items() if random.random() * 100 < share) or ("company",)
    (radius,) = random.choices(RADII, RADIUS_WEIGHTS)
    (weekly,) = random.choices((1, 2, 3), (55, 30, 15))
    languages = tuple(person["languages"]) + (
        ("en",) if random.random() < 0.5 and "en" not in person["languages"] else ()
    )
    profile = Profile(
        skills, _free_slots(random), radius, languages, weekly, "car_ride" in skills or random.random() < 0.3
    )
    _join_as_volunteer(session, city, account, profile)


def _join_as_volunteer(session: Session, city: City, account: Account, profile: Profile) -> None:
    """A volunteer, of whom 60 % have been introduced and 45 % have shown a certificate of conduct (assumptions)."""
    assert account.id is not None
    volunteer: Volunteer = volunteering.join(session, account.id, profile, now=account.created_at)
    is_cast = account.email in {email for _role, email in DEMO_LOGINS}
    if is_cast or city.random.random() < 0.6:
        volunteer.introduced_on = account.created_at.date() + timedelta(days=10)
    if is_cast or city.random.random() < 0.45:
        volunteer.vog_seen_on = account.created_at.date() + timedelta(days=15)
        volunteer.vog_renew_by = max(volunteer.vog_seen_on, city.today) + timedelta(days=city.random.randrange(60, 700))


def _free_slots(random: Random) -> int:
    """Volunteers are free in the evening and at the weekend; one in three is free on weekdays too."""
    by_day = random.random() < 0.25
    slots = 0
    for day in range(7):
        for part, chance in enumerate((0.55, 0.55, 0.45, 0.02)):
            likely = chance * 0.8 if day >= 5 or part == 2 or by_day else 0.06
            slots |= (random.random() < likely) << (day * 4 + part)
    return slots or 0b0011 << 20  # nobody is never free: Saturday, morning and afternoon


def _request(session: Session, city: City, email: str, posted: datetime) -> HelpRequest:
    random = city.random
    (category,) = random.choices(list(DEMAND), list(DEMAND.values()))
    text = random.choice(city.texts[category])
    seniors = [p for p in city.names if p["generation"] == "senior"]
    person = random.choice(seniors if random.random() < 0.7 else city.names)
    account = join(session, city, person["name"], email, city.need, days_ago=random.randrange(60, 400))
    assert account.id is not None
    assert account.buurt_code is not None
    language = text.get("language")
    return posting.post(
        session,
        Wish(
            category=category,
            description=text["text"],
            buurt_code=account.buurt_code,
            x=account.x,
            y=account.y,
            minutes=CATEGORIES[category].usual_minutes,
            languages=(language,) if language and random.random() < 0.7 else (),
            welcomes_anyone=random.random() < 0.4,
            is_discreet=random.random() < 0.03,
            **_when(city, Frequency(text["frequency"]), posted),
        ),
        asker_id=account.id,
        posted_by_id=account.id,
        now=posted,
    )


def _when(city: City, frequency: Frequency, posted: datetime) -> dict[str, Any]:
    """Office hours mostly: that is when people ask for help."""
    random = city.random
    if frequency == Frequency.ONCE:
        # A request of the last days is for a day that is still to come.
        start = city.today if posted > city.now - timedelta(days=11) else posted.astimezone(AMSTERDAM).date()
        day = start + timedelta(days=random.randrange(2, 21))
        return {
            "frequency": frequency,
            "day": day,
            "slots": day_slots(day, sorted({random.randrange(3), random.randrange(2)})),
        }
    days = random.sample(range(5), random.randrange(1, 4)) + ([5] if random.random() < 0.3 else [])
    slots = sum({1 << (day * 4 + random.choice((0, 1, 1, 2))) for day in days})
    return {"frequency": frequency, "day": None, "slots": slots}
