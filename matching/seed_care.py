"""Mantelzorgers of the made-up city, with up to a year behind them, so that every picture shows something.

All of this is assumed, nothing is measured. Twenty stories come back in turn, so that each kind of question, payer and
signal is there from twenty mantelzorgers on; twelve of the twenty have some time off. How heavy it is follows a path
per story (light, steady, rising, relieved, up and down) with noise of 0.8 of 12 points; that it gets 4 points lighter
within two months of the first time off is put in by hand, so the city proves nothing about respijtzorg. One in seven
checks is skipped. Of past bookings 90 % were used, 6 % called off, 3 % fell through; nobody came at the rest. It takes
three to seven weeks from the question to the first time off. They live closer together than the need would have it,
because sixty people over all wijken would leave every number per wijk too small to be shown.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlmodel import Session

from matching.models import Arrangement, ReliefRequest, RespijtProvider, Role
from matching.respijt_catalogue import FORMS
from matching.seed_city import City, join, read
from matching.seed_respijt import (
    DAY,
    Family,
    ask,
    bring,
    grant,
    lay_out,
    live,
    look_back,
    looked,
    make_stand_in,
    moment,
    refer,
    stay,
    take_up,
    tell_how_it_goes,
    viewer_of,
    worker_of,
)
from matching.services import (
    accounts,
    arranging,
    care,
    drop_out,
    ledger,
    providers,
    referring,
    relief,
    stand_ins,
    strain,
)
from matching.services.care import CaredForConsent, Story
from matching.services.relief_rules import FORTNIGHTLY, ONCE, WEEKEND, WEEKLY
from matching.workflow import ArrangementState

BIG_WIJKEN, CROWDED = 4, 6.0  # how many wijken have so many times as many mantelzorgers as the need says
CHECK_SKIPPED = 1 / 7
LIGHTER, WITHIN = 4.0, 8.0  # points of 12, and weeks
NOISE = 0.8
EDIZ_PLUS_SHARE = 0.3  # of situations in which a professional took a score
OPEN_ENDED = 365  # days that an entitlement usually holds


@dataclass(frozen=True)
class Plot:
    """What happens in a situation. weeks: how long it is known, from and to. every: weeks between two checks.

    path: of the strain. form, payer, rhythm: the time off, if any. twist: what is special, a key of _TWISTS.
    """

    path: str
    weeks: tuple[int, int]
    every: int
    form: str = ""
    payer: str = ""
    rhythm: str = WEEKLY
    twist: str = ""
    relation: str = ""


PLOTS = (
    Plot("relieved", (18, 34), 2, "home_volunteer", "volunteer"),
    Plot("relieved", (20, 40), 4, "day_care", "wmo"),
    Plot("rising", (14, 30), 2, twist="alone"),
    Plot("light", (10, 45), 8),
    Plot("relieved", (30, 50), 4, "guest_house", "wlz", WEEKEND),
    Plot("steady", (8, 16), 4, "home_volunteer", "volunteer", twist="searching"),
    Plot("rising", (4, 8), 1, "visiting", "wmo", twist="asked"),
    Plot("steady", (30, 48), 4, twist="overdue"),
    Plot("chaotic", (18, 30), 2, "home_volunteer", "volunteer", FORTNIGHTLY, twist="cancelled"),
    Plot("relieved", (20, 36), 4, "day_care", "wmo", twist="indication"),
    Plot("steady", (28, 50), 4, "guest_house", "insurance", ONCE, twist="expiring"),
    Plot("relieved", (18, 30), 2, "home_volunteer", "volunteer", twist="vog"),
    Plot("relieved", (36, 50), 4, "day_care", "wmo", FORTNIGHTLY, twist="closed"),
    Plot("relieved", (24, 50), 4, "care_farm", "jeugdwet", FORTNIGHTLY, relation="child"),
    Plot("steady", (9, 20), 4, "guest_house", "wlz", WEEKEND, twist="waiting"),
    Plot("heavy", (10, 18), 2, "home_volunteer", "volunteer", twist="trial"),
    Plot("relieved", (22, 40), 4, "meeting_centre", "wlz", FORTNIGHTLY),
    Plot("steady", (18, 34), 4, "home_professional", "own", relation="partner"),
    Plot("relieved", (20, 40), 2, "visiting", "wmo", FORTNIGHTLY),
    Plot("rising", (36, 50), 4, "holiday", "insurance", ONCE, twist="once"),
)
RELATIONS = {"parent": 45, "partner": 35, "sibling": 7, "friend": 8, "other": 5}  # shares out of 100 (assumptions)
CLOSED = ("recovered", "institution", "died")
DAYS_BETWEEN = {WEEKLY: 7, FORTNIGHTLY: 14, WEEKEND: 28}
CALLS_NOW = 15  # whose story: heavy, with a volunteer on the way


@dataclass
class Told:
    """What people say and use, and the directory as it was filled."""

    texts: dict[str, Any]
    directory: list[RespijtProvider]
    homes: list[float]  # weights of the buurten

    def provider(self, form: str, payer: str, random: Random) -> RespijtProvider:
        """Somebody who offers this and is paid by this payer."""
        return random.choice([row for row in self.directory if form in row.forms and payer in row.payers])


def build(
    session: Session, city: City, *, carers: int, seed: int, progress: Callable[[float], None] = lambda done: None
) -> None:
    """The directory, and so many mantelzorgers, of whom Els is the first. progress: is told which part is done."""
    from matching import seed_els  # she uses what is here

    if not carers:
        return
    texts = read("care")
    gemeente = f"GM{city.buurten[0].code[2:6]}"
    farid = accounts.by_email(session, "farid@voorbeeld.nl")
    assert farid is not None  # the cast lives there
    assert farid.id is not None
    coordinator = viewer_of(farid.id, Role.COORDINATOR, gemeente)
    told = Told(texts, _directory(session, city, gemeente, coordinator, texts["providers"]), _homes(city))
    seed_els.build(session, city, told, coordinator)
    for number in range(carers - 1):
        _carer(session, city, told, number, seed)
        progress((number + 2) / carers)


def _homes(city: City) -> list[float]:
    need: dict[str, float] = {}
    for buurt, weight in zip(city.buurten, city.need, strict=True):
        need[buurt.wijk_code] = need.get(buurt.wijk_code, 0.0) + weight
    crowded = sorted(need, key=need.__getitem__)[-BIG_WIJKEN:]
    return [
        weight * (CROWDED if buurt.wijk_code in crowded else 1)
        for buurt, weight in zip(city.buurten, city.need, strict=True)
    ]


def _directory(
    session: Session, city: City, gemeente: str, viewer: Any, rows: list[dict[str, Any]]
) -> list[RespijtProvider]:
    """Organisations that do not exist, and say so."""
    made = []
    for number, row in enumerate(rows):
        day = city.today - timedelta(days=row["checked_days_ago"])
        entry = providers.Entry(
            name=row["name"],
            forms=tuple(row["forms"]),
            payers=tuple(row["payers"]),
            buurt_code=city.random.choice(city.buurten).code if number % 2 else None,
            capacity=row["capacity"],
            phone=f"035 000 00 {number + 10}",
            url="https://voorbeeld.example/respijt",
            note=row["note"],
        )
        found = providers.add(session, gemeente, entry, viewer=viewer, today=day, now=moment(day, 10))
        found.is_example = True  # no page can say so: only the demonstration has them
        made.append(found)
    return made


def start(session: Session, city: City, story: Story, carer_id: int, since: date, random: Random) -> Family:
    """Somebody told of the care on this day."""
    situation = care.start(session, story, mantelzorger_id=carer_id, now=moment(since, 14))
    return Family(session, city, random, situation, carer_id, worker_of(city, story.buurt_code), since, city.now)


def consent(family: Family, name: str, day: date) -> None:
    """The person cared for agrees."""
    given = CaredForConsent("person", "mantelzorger", day)
    care.give_cared_for_consent(
        family.session, family.situation, given, name=name, by=family.carer_id, now=moment(day, 15)
    )


def _carer(session: Session, city: City, told: Told, number: int, seed: int) -> None:
    plot, random = PLOTS[number % len(PLOTS)], city.random
    weeks = random.randrange(plot.weeks[0], plot.weeks[1] + 1)
    since = city.today - timedelta(weeks=weeks, days=random.randrange(7))
    grown_up = [each for each in city.names if each["generation"] != "young"]
    email = f"mantelzorger{number + 1}.{seed}@voorbeeld.nl"
    person = random.choice(grown_up)
    account = join(session, city, person["name"], email, told.homes, days_ago=(city.today - since).days + 1)
    assert account.id is not None
    assert account.buurt_code is not None
    story = _story(random, plot, account.buurt_code, told, city.today.year)
    family = start(session, city, story, account.id, since, random)
    strain.set_rhythm(session, family.situation, weeks=plot.every, now=moment(since, 14, 5))
    if plot.twist != "alone":
        consent(family, random.choice(city.names)["name"], since + timedelta(days=random.randrange(0, 6)))
    if plot.twist == "closed":
        family.now = moment(city.today - timedelta(days=random.randrange(10, 70)), 9)
    first = _time_off(family, plot, told, email)
    _checks(family, plot, first)
    _seen(family)
    if random.random() < 0.35:
        _plan(family, told, email)
    if number == CALLS_NOW:
        ask_now(family, told.texts["now"])
    if plot.twist == "closed":
        reason = CLOSED[number // len(PLOTS) % len(CLOSED)]
        care.close(session, family.situation, reason=reason, by=family.worker_id, now=family.now)


def _story(random: Random, plot: Plot, buurt_code: str, told: Told, year: int) -> Story:
    (drawn,) = random.choices(list(RELATIONS), list(RELATIONS.values()))
    relation = plot.relation or drawn
    together = relation in ("partner", "child") or random.random() < 0.3
    return Story(
        relation=relation,
        since_year=year - 1 - min(int(random.expovariate(1 / 3)), 20),
        hours_a_week=random.choice((8, 10, 12, 16, 20, 25, 30, 40)) + (20 if together else 0),
        lives="together" if together else "alone",
        words=random.choice(told.texts["words"][relation]) if random.random() < 0.7 else "",
        buurt_code=buurt_code,
    )


def _time_off(family: Family, plot: Plot, told: Told, email: str) -> date | None:
    """What was asked and what came of it; the day from which there was time off, if any."""
    random, today = family.random, family.today
    if not plot.form:
        return None
    known = (today - family.since).days
    asked_on = family.since + timedelta(days=max(1, min(random.randrange(14, 45), known - 6)))
    if plot.twist == "asked":
        asked_on = today - timedelta(days=random.randrange(1, 6))
    words = family.text(told.texts["asks"], plot.form)
    slot = random.randrange(5) * 4 + (1 if FORMS[plot.form].usual_minutes <= 240 else 0)
    if plot.rhythm == ONCE:
        return _one_stay(family, plot, told, asked_on, words)
    found = ask(
        family, plot.form, at=moment(asked_on, 21), first_day=asked_on + timedelta(days=10), rhythm=plot.rhythm,
        slot=-1 if plot.rhythm == WEEKEND else slot, words=words,
    )  # fmt: skip
    if plot.twist == "asked":
        return None
    taken_on = asked_on + timedelta(days=random.randrange(1, 4))
    take_up(family, found, moment(taken_on, 10))
    if plot.twist == "searching":
        arranging.search(family.session, found, viewer=family.worker, now=moment(taken_on, 11))
        return None
    if plot.form == "home_volunteer":
        return _by_volunteer(family, plot, told, found, taken_on, email)
    return _by_provider(family, plot, told, found, taken_on)


def _by_volunteer(
    family: Family, plot: Plot, told: Told, found: ReliefRequest, taken_on: date, email: str
) -> date | None:
    random, today = family.random, family.today
    vog = today + timedelta(days=random.randrange(120, 700))
    if plot.twist == "vog":
        vog = today - timedelta(days=random.randrange(2, 9))
    name = random.choice(family.city.names)["name"]
    volunteer_id = make_stand_in(
        family.session, family.city, name, f"oppas.{email}", family.situation.buurt_code,
        joined=taken_on - timedelta(days=random.randrange(40, 300)), vog_until=vog,
    )  # fmt: skip
    asked_on = taken_on + timedelta(days=random.randrange(2, 7))
    until = ArrangementState.TRIAL if plot.twist == "trial" else ArrangementState.RUNNING
    steps = timedelta(days=random.randrange(4, 8))
    arrangement = bring(family, found, volunteer_id, moment(asked_on, 11), until=until, steps=steps)
    if until != ArrangementState.RUNNING:
        return None
    runs_on = asked_on + 2 * DAY + 3 * steps
    _goes_on(family, plot, arrangement, found, runs_on)
    look_back(family, arrangement, told.texts["evaluations"])
    return runs_on


def _by_provider(family: Family, plot: Plot, told: Told, found: ReliefRequest, taken_on: date) -> date | None:
    random = family.random
    referred_on = taken_on + timedelta(days=random.randrange(1, 5))
    waited = None if plot.twist == "waiting" else timedelta(days=random.randrange(9, 30))
    provider = told.provider(plot.form, plot.payer, random)
    arrangement = refer(family, found, provider, moment(referred_on, 12), waited=waited)
    if waited is None:
        return None
    runs_on = referred_on + waited
    _goes_on(family, plot, arrangement, found, runs_on)
    return runs_on


def _goes_on(family: Family, plot: Plot, arrangement: Arrangement, found: ReliefRequest, runs_on: date) -> None:
    """What the payer gives, the rhythm in the calendar, and how each of those times went."""
    random, today = family.random, family.today
    last = max(runs_on + timedelta(days=OPEN_ENDED), today + timedelta(days=random.randrange(70, 250)))
    indication = last if plot.payer in ("wmo", "wlz", "jeugdwet") else None
    if plot.twist == "indication":
        indication = today + timedelta(days=random.randrange(21, 40))
    at = moment(runs_on, 17)
    times = (today + timedelta(weeks=8) - runs_on).days // DAYS_BETWEEN[plot.rhythm] + 1
    units = times * _units(plot.form, found.minutes) + random.randrange(2, 12)
    grant(family, plot.payer, plot.form, units, at=at, first_day=runs_on, last_day=last, indication_ends=indication)
    lay_out(family, arrangement, plot.payer, at)
    live(family, arrangement, by_chance=not plot.twist, fell_through=(0, 1) if plot.twist == "cancelled" else ())


def _units(form: str, minutes: int) -> int:
    """What one time takes of an entitlement."""
    begins = moment(date(2026, 6, 1), 9)
    return sum(ledger.units_by_day(begins, begins + timedelta(minutes=minutes), form=form).values())


def _one_stay(family: Family, plot: Plot, told: Told, asked_on: date, words: str) -> date:
    """A stay of some days, once, half a year ago or so; what is left of the entitlement may expire."""
    random, today = family.random, family.today
    nights = 7 if plot.form == "holiday" else 2
    day = asked_on + timedelta(days=random.randrange(40, 60))
    found = ask(
        family, plot.form, at=moment(asked_on, 21), first_day=day, last_day=day + timedelta(days=nights), words=words
    )
    take_up(family, found, moment(asked_on + 2 * DAY, 10))
    provider = told.provider(plot.form, plot.payer, random)
    arrangement = refer(family, found, provider, moment(asked_on + 3 * DAY, 10), waited=timedelta(days=12))
    at = moment(asked_on + 16 * DAY, 10)
    last = today + timedelta(days=random.randrange(20, 45)) if plot.twist == "expiring" else day + timedelta(days=200)
    grant(family, plot.payer, plot.form, 14, at=at, first_day=asked_on, last_day=last)
    stay(family, arrangement, plot.payer, at, day, nights)
    live(family, arrangement)
    over = moment(day + timedelta(days=nights + 3), 10)
    referring.end(family.session, arrangement, reason="finished", viewer=family.worker, now=over)
    return day


def _checks(family: Family, plot: Plot, relief_on: date | None) -> None:
    """Answers in the rhythm that was chosen, counted back from the last one."""
    random, today, every = family.random, family.today, timedelta(weeks=plot.every)
    late = every + timedelta(weeks=random.randrange(2, 5)) if plot.twist == "overdue" else timedelta(0)
    last = today - late - timedelta(days=random.randrange(1, min(plot.every, 4) * 7 - 2))
    days = [last - n * every for n in range(60) if last - n * every >= family.since]
    if not days:  # known for so short a time
        days = [max(family.since, today - DAY)]
    begin = random.uniform(-1, 1)
    for number, day in enumerate(reversed(days)):
        if 0 < number < len(days) - 3 and random.random() < CHECK_SKIPPED:
            continue
        level = strain_on(plot.path, family.since, today, day, relief_on, begin) + random.gauss(0, NOISE)
        tell_how_it_goes(family, day, round(min(max(level, 0), 12)))
    if random.random() < EDIZ_PLUS_SHARE:
        seen_on = {family.since + timedelta(days=20), today - timedelta(days=random.randrange(8, 30))}
        for day in sorted(each for each in seen_on if family.since <= each < today):
            level = strain_on(plot.path, family.since, today, day, relief_on, begin)
            _ediz_plus(family, day, round(min(max(level, 0), 12) / 12 * 15))


def _ediz_plus(family: Family, day: date, score: int) -> None:
    strain.record_score(
        family.session, family.situation, instrument="ediz_plus", score=score, day=day, by=family.worker_id,
        now=moment(day, 16),
    )  # fmt: skip


def strain_on(path: str, since: date, today: date, day: date, relief_on: date | None, begin: float) -> float:
    """How heavy it is on a day, 0 to 12. begin: what this person adds to it."""
    part = (day - since).days / max((today - since).days, 1)
    weeks = (day - since).days / 7
    level = {
        "light": 1.5,
        "steady": 4.5,
        "heavy": 8.0,
        "rising": 2.5 + 7.5 * part,
        "relieved": 6.5 + min(weeks / 6, 2.0),
        "chaotic": 5.5 + 3.5 * math.sin(weeks * 0.9),
    }[path]
    if relief_on is None or day < relief_on or path == "rising":
        return level + begin
    lighter = LIGHTER if path == "relieved" else LIGHTER / 4
    return level + begin - lighter * min((day - relief_on).days / 7 / WITHIN, 1.0)


def _seen(family: Family) -> None:
    """The opbouwwerker looks now and then."""
    known = (family.today - family.since).days
    for _time in range(family.random.randrange(1, 4)):
        day = family.since + timedelta(days=family.random.randrange(1, known))
        looked(family, family.worker, family.random.choice(("care.list", "care.situation", "calendar")), moment(day, 9))


def _plan(family: Family, told: Told, email: str) -> None:
    """A plan for when the mantelzorger drops out, with one or two people on it; most say yes."""
    random, session = family.random, family.session
    known = (family.today - family.since).days
    day = family.since + timedelta(days=random.randrange(2, max(known, 3)))
    words = random.choice(told.texts["plans"])
    drop_out.write(session, family.situation, words, by=family.carer_id, now=moment(day, 19))
    for number, person in enumerate(random.sample(told.texts["stand_ins"], random.randrange(1, 3))):
        answer = random.choice((True, True, True, None))
        put_on_plan(family, person, f"invaller{number + 1}.{email}", day, answer=answer)


def put_on_plan(family: Family, person: dict[str, str], email: str, day: date, *, answer: bool | None) -> None:
    """Somebody is asked to step in, and answers two days later; None: there is no answer yet."""
    session, at = family.session, moment(day, 19, 30)
    added = drop_out.add(
        session, family.situation, name=person["name"], relation=person["relation"],
        phone=f"06 1234 {family.random.randrange(10_000):04d}", email=email, locale="nl", by=family.carer_id, now=at,
    )  # fmt: skip
    if answer is not None:
        later = min(at + 2 * DAY, family.now)
        stand_ins.answer(session, stand_ins.own(session, added.account_id, added.id or 0), yes=answer, now=later)


def ask_now(family: Family, words: str) -> None:
    """Somebody needs a human now, since last night."""
    relief.ask_now(
        family.session, family.situation, need="talk", words=words, by=family.carer_id,
        now=family.now - timedelta(hours=14),
    )  # fmt: skip
