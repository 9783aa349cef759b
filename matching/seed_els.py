"""A year of Els, who cares for her mother: it gets heavier, Bram comes, and that helps for a while. Then he is ill, it
no longer works, and with a day at the day care it gets lighter.

She is whom the demonstration logs in with, so nothing in her year is left to chance but the six answers.
"""

from datetime import date, time, timedelta

from sqlmodel import Session, col, select

from matching.access import Viewer
from matching.models import Account, Arrangement, RespijtBooking
from matching.seed_care import Told, consent, put_on_plan, start
from matching.seed_city import City
from matching.seed_respijt import (
    DAY,
    WEEK,
    Family,
    ask,
    bring,
    certify,
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
)
from matching.services import arranging, covering, drop_out, respijt_calendar, strain, volunteering
from matching.services.accounts import by_email
from matching.services.care import Story
from matching.services.relief_rules import WEEKLY
from matching.services.volunteering import profile_of

KNOWN = 50  # weeks
# Score (0 to 12) by weeks ago, the last one first; before that she managed. None: she skipped it.
SCORES = (4, 5, 3, 4, 5, 6, 7, 8, 11, 9, 8, 6, 5, 5, 6, 6, 7, 8, 9, 8, 8, 7, 6, None, 7, 6, 6, 5, 5, 4, 5, None, 4)
BEFORE = 4
ASKED, DAY_CARE_ASKED, STAY_ASKED, PLAN_WRITTEN = 21, 12, 3, 6  # weeks ago
FELL_THROUGH = 8  # which of the afternoons with Bram, counted from the last one
THURSDAY_AFTERNOON, TUESDAY_MORNING = 3 * 4 + 1, 1 * 4


def build(session: Session, city: City, told: Told, coordinator: Viewer) -> None:
    """Everything that happened to Els, and what is planned."""
    els, bram = (_account(session, name) for name in ("els", "bram"))
    assert els.id is not None
    assert els.buurt_code is not None
    words = told.texts["els"]
    since = city.today - KNOWN * WEEK
    story = Story("parent", city.today.year - 4, 34, "together", words["words"], els.buurt_code)
    family = start(session, city, story, els.id, since, city.random)
    strain.set_rhythm(session, family.situation, weeks=1, now=moment(since, 14, 5))
    consent(family, words["cared_for_name"], since + 2 * DAY)
    _checks(family)
    _bram(family, told, bram)
    _day_care(family, told)
    _guest_house(family, told)
    _plan(family, words["plan"])
    _seen(family, coordinator)


def _account(session: Session, name: str) -> Account:
    found = by_email(session, f"{name}@voorbeeld.nl")
    assert found is not None  # the cast lives there
    return found


def _checks(family: Family) -> None:
    scores = [*SCORES, *[BEFORE] * (KNOWN - 1 - len(SCORES))]
    for weeks_ago, score in reversed(list(enumerate(scores))):
        if score is not None:
            tell_how_it_goes(family, family.today - weeks_ago * WEEK - 2 * DAY, score)
    for weeks_ago, score in ((19, 11), (2, 6)):
        day = family.today - weeks_ago * WEEK - DAY
        strain.record_score(
            family.session, family.situation, instrument="ediz_plus", score=score, day=day, by=family.worker_id,
            now=moment(day, 16),
        )  # fmt: skip


def _bram(family: Family, told: Told, bram: Account) -> None:
    """Every Thursday afternoon since four months, with somebody who steps in when Bram cannot."""
    session, words = family.session, told.texts["els"]
    assert bram.id is not None
    _learns_sitting(family, bram.id)
    asked_on = family.today - ASKED * WEEK
    found = ask(
        family, "home_volunteer", at=moment(asked_on, 21), first_day=asked_on + 10 * DAY, rhythm=WEEKLY,
        slot=THURSDAY_AFTERNOON, words=words["weekly"],
    )  # fmt: skip
    take_up(family, found, moment(asked_on + DAY, 10))
    arrangement = bring(family, found, bram.id, moment(asked_on + 3 * DAY, 11))
    arranging.tell(session, arrangement, words["told"], by=family.carer_id, now=moment(asked_on + 22 * DAY, 20))
    runs_on = asked_on + 21 * DAY
    times = (family.today - runs_on).days // 7 + 9
    last = runs_on + timedelta(days=400)
    grant(family, "volunteer", "home_volunteer", times + 5, at=moment(runs_on, 17), first_day=runs_on, last_day=last)
    lay_out(family, arrangement, "volunteer", moment(runs_on, 17), hour=time(13))
    backup_id = _backup(family, told)
    second = bring(family, found, backup_id, moment(family.today - 14 * WEEK, 11))
    _steps_in(family, arrangement, backup_id)
    live(family, arrangement, by_chance=False)
    live(family, second, by_chance=False)
    look_back(family, arrangement, told.texts["evaluations"][:1])
    _this_week(family, arrangement)


def _learns_sitting(family: Family, bram_id: int) -> None:
    """Bram says that he wants to do this too, and does the training."""
    volunteer = volunteering.find(family.session, bram_id)
    assert volunteer is not None
    day = family.today - timedelta(weeks=ASKED + 6)
    told = profile_of(volunteer)
    now_too = volunteering.Profile(
        (*told.skills, "sitting"), told.slots, told.radius_m, told.languages, told.weekly_max, told.has_car
    )
    volunteering.save_profile(family.session, volunteer, now_too, now=moment(day, 10))
    vog_until = family.today + timedelta(days=500)
    certify(family.session, volunteer, by=family.worker_id, day=day, vog_until=vog_until)


def _backup(family: Family, told: Told) -> int:
    return make_stand_in(
        family.session, family.city, told.texts["els"]["backup"], "achterwacht@voorbeeld.nl",
        family.situation.buurt_code, joined=family.today - 40 * WEEK, vog_until=family.today + timedelta(days=300),
    )  # fmt: skip


def _steps_in(family: Family, arrangement: Arrangement, backup_id: int) -> None:
    """Bram was ill once, and the back-up person came instead."""
    session = family.session
    query = select(RespijtBooking).where(
        RespijtBooking.arrangement_id == arrangement.id, col(RespijtBooking.ends_at) <= family.now
    )
    past = session.exec(query.order_by(col(RespijtBooking.starts_at).desc())).all()
    fell = past[FELL_THROUGH]
    at = fell.starts_at - timedelta(hours=26)
    respijt_calendar.cancel(session, fell, reason="stand_in_ill", by=arrangement.volunteer_id, now=at)
    for offer, _booking in covering.waiting_offers(session, backup_id, now=at):
        covering.answer(session, offer, yes=True, by=backup_id, now=at + timedelta(hours=3))


def _this_week(family: Family, arrangement: Arrangement) -> None:
    """An extra Sunday was planned and does not go ahead: somebody is looked for."""
    session, now = family.session, family.now
    day = family.today + timedelta(days=4 + (6 - (family.today + 4 * DAY).weekday()) % 7)
    by = family.worker_id
    made = respijt_calendar.book(
        session, arrangement, starts_at=moment(day, 13), ends_at=moment(day, 16), payer="", by=by, now=now - 9 * DAY
    )
    respijt_calendar.cancel(
        session, made, reason="stand_in_cannot", by=arrangement.volunteer_id, now=now - timedelta(hours=20)
    )


def _day_care(family: Family, told: Told) -> None:
    """Every Tuesday, paid by the gemeente until the first of April."""
    asked_on = family.today - DAY_CARE_ASKED * WEEK
    found = ask(
        family, "day_care", at=moment(asked_on, 21), first_day=asked_on + 14 * DAY, rhythm=WEEKLY,
        slot=TUESDAY_MORNING, words=told.texts["els"]["day_care"],
    )  # fmt: skip
    take_up(family, found, moment(asked_on + DAY, 9))
    provider = told.provider("day_care", "wmo", family.random)
    arrangement = refer(family, found, provider, moment(asked_on + 2 * DAY, 12), waited=30 * DAY)
    runs_on = asked_on + 32 * DAY
    at, until = moment(runs_on, 17), _first_of_april(family.today + timedelta(days=70))
    units = 2 * ((family.today - runs_on).days // 7 + 9) + 8
    grant(family, "wmo", "day_care", units, at=at, first_day=runs_on, last_day=until, indication_ends=until)
    lay_out(family, arrangement, "wmo", at, hour=time(9, 30))
    live(family, arrangement, by_chance=False)


def _first_of_april(after: date) -> date:
    year = after.year if after <= date(after.year, 4, 1) else after.year + 1
    return date(year, 4, 1)


def _guest_house(family: Family, told: Told) -> None:
    """Nights of the insurance, which expire with the year; three of them are planned."""
    asked_on, year = family.today - STAY_ASKED * WEEK, family.today.year
    day = family.today + timedelta(days=14 + (4 - (family.today + 14 * DAY).weekday()) % 7)
    found = ask(
        family, "guest_house", at=moment(asked_on, 21), first_day=day, last_day=day + 3 * DAY,
        words=told.texts["els"]["guest_house"],
    )  # fmt: skip
    take_up(family, found, moment(asked_on + DAY, 9))
    provider = told.provider("guest_house", "insurance", family.random)
    arrangement = refer(family, found, provider, moment(asked_on + 2 * DAY, 12), waited=9 * DAY)
    at = moment(asked_on + 12 * DAY, 12)
    grant(family, "insurance", "guest_house", 14, at=at, first_day=date(year, 1, 1), last_day=date(year, 12, 31))
    stay(family, arrangement, "insurance", at, day, 3)


def _plan(family: Family, words: dict[str, str]) -> None:
    day = family.today - PLAN_WRITTEN * WEEK
    drop_out.write(family.session, family.situation, words, by=family.carer_id, now=moment(day, 19))
    karin, toos = {"name": "Karin", "relation": "family"}, {"name": "Toos", "relation": "neighbour"}
    put_on_plan(family, karin, "karin@voorbeeld.nl", day, answer=True)
    put_on_plan(family, toos, "toos@voorbeeld.nl", family.today - 5 * DAY, answer=None)


def _seen(family: Family, coordinator: Viewer) -> None:
    seen = ((16, "care.situation"), (15, "relief.arrange"), (6, "plan"), (4, "calendar"), (1, "care.list"))
    for weeks_ago, activity in seen:
        looked(family, family.worker, activity, moment(family.today - weeks_ago * WEEK, 10))
    looked(family, coordinator, "care.situation", moment(family.today - 6 * WEEK, 15))
