"""Becoming a volunteer, the profile, pause and absence: through the pages."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select

from matching.models import Absence, Account, Draft, Event, OutboxMessage, Tag, Volunteer
from matching.models.base import utcnow
from matching.services import volunteering
from matching.services.volunteering import Profile
from tests.browse import Browser, Page
from tests.people import DRIFTBUURT, Cast
from web.i18n import today

JOIN, WHEN, WHERE, WHO = (f"/helpen/aanmelden{step}" for step in ("", "/wanneer", "/waar", "/wie"))
PROFILE, ABSENCES = "/helpen/profiel", "/helpen/afwezig"
WHAT_ANSWERS = {"kan": ["groceries", "pet"], "met-auto": "y", "talen": ["nl", "tr"]}
WHEN_ANSWERS = {"vrij": ["mon-morning", "sun-night"], "keer": "3"}
WHERE_ANSWERS = {"buurt": DRIFTBUURT, "afstand": "1000"}
WHO_ANSWERS = {"voornaam": "Hilde", "email": "Hilde@Example.org", "telefoon": "06 12345678", "volwassen": "y"}
KEPT = Profile(("cooking",), 0b1, 500, ("nl",), 5, has_car=False)


def volunteer(db: Session, person: Account) -> Volunteer:
    return db.get_one(Volunteer, person.id)


def fill_in(client: Browser, **who: object) -> Page:
    """Walk through all steps of becoming a volunteer; the page after the last one."""
    page = client.get(JOIN)
    for path, answers in ((JOIN, WHAT_ANSWERS), (WHEN, WHEN_ANSWERS), (WHERE, WHERE_ANSWERS)):
        page = client.submit(page, path, **answers)
    return client.submit(page, WHO, **(WHO_ANSWERS | who))


class DescribeBecomingAVolunteer:
    def it_works_for_a_stranger_and_asks_who_last(self, client: Browser, db: Session) -> None:
        page = fill_in(client)
        assert page.h1 == "Dank u wel voor uw hulp"
        person = db.exec(select(Account).where(Account.email == "hilde@example.org")).one()
        assert (person.first_name, person.phone, person.buurt_code) == ("Hilde", "+31612345678", DRIFTBUURT)
        assert person.x is not None
        assert person.x % 100 == 0
        assert volunteering.profile_of(volunteer(db, person)) == Profile(
            ("groceries", "pet"), 1 | 1 << 27, 1000, ("nl", "tr"), 3, has_car=True
        )
        assert [m.template for m in db.exec(select(OutboxMessage))] == ["sign_in"]
        assert db.exec(select(Draft)).all() == []

    def it_does_not_tell_whether_an_address_is_known(self, client: Browser, db: Session, cast: Cast) -> None:
        before = volunteering.profile_of(volunteer(db, cast.bram))
        unknown = fill_in(client)
        known = fill_in(client.another(), email=" BRAM@example.org")
        assert known.words == unknown.words
        assert volunteering.profile_of(volunteer(db, cast.bram)) == before
        messages = db.exec(select(OutboxMessage).order_by(col(OutboxMessage.id))).all()
        assert [m.template for m in messages] == ["sign_in", "sign_in"]
        assert messages[1].account_id == cast.bram.id

    def it_offers_the_choices_to_their_owner_after_signing_in(self, client: Browser, db: Session, cast: Cast) -> None:
        fill_in(client, email="bram@example.org")
        page = client.another().sign_in(cast.bram).get(PROFILE)
        assert "Dit zijn de keuzes die u net maakte" in page.words
        assert sorted(page.form_values(PROFILE)["kan"]) == ["groceries", "pet"]

    def it_takes_two_steps_less_for_somebody_who_is_signed_in(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.anna)
        page = client.submit(client.get(JOIN), JOIN, **WHAT_ANSWERS)
        page = client.submit(page, WHEN, **WHEN_ANSWERS)
        assert page.form_values()["buurt"] == [DRIFTBUURT], "we know where Anna lives"
        page = client.submit(page, WHERE, afstand="0")
        assert page.h1 == "Wat kunt u voor een ander doen?"
        assert volunteer(db, cast.anna).radius_m is None

    def it_keeps_a_point_on_the_map(self, client: Browser, db: Session) -> None:
        page = client.get(JOIN)
        for path, answers in ((JOIN, WHAT_ANSWERS), (WHEN, WHEN_ANSWERS)):
            page = client.submit(page, path, **answers)
        tapped = client.submit(page, WHERE, **{"map.x": "150", "map.y": "120", "afstand": "3000"})
        chosen = tapped.form_values()
        assert chosen["afstand"] == ["3000"], "nothing is lost by pointing"
        page = client.submit(tapped, WHERE)
        client.submit(page, WHO, **WHO_ANSWERS)
        person = db.exec(select(Account).where(Account.email == "hilde@example.org")).one()
        assert [str(person.x), str(person.y)] == [*chosen["x"], *chosen["y"]]
        assert person.buurt_code == chosen["buurt"][0]

    def it_shows_what_a_distance_reaches(self, client: Browser) -> None:
        page = client.get(JOIN)
        for path, answers in ((JOIN, WHAT_ANSWERS), (WHEN, WHEN_ANSWERS)):
            page = client.submit(page, path, **answers)
        page = client.submit(page, WHERE, toon="kaart", afstand="500")
        assert "bereikt u" not in page.words, "we do not know from where yet"
        page = client.submit(page, WHERE, toon="kaart", buurt=DRIFTBUURT)
        assert "Met 500 m bereikt u Kleine Driftbuurt" in page.words
        assert page.form_values()["buurt"] == [DRIFTBUURT]

    def it_goes_back_to_the_first_step_that_is_missing(self, client: Browser) -> None:
        for path in (WHEN, WHERE, WHO):
            assert client.get(path, status=302).location == JOIN

    def it_remembers_the_steps(self, client: Browser) -> None:
        client.submit(client.get(JOIN), JOIN, **WHAT_ANSWERS)
        assert sorted(client.get(JOIN).form_values()["kan"]) == ["groceries", "pet"]

    def it_makes_one_volunteer_of_a_form_sent_twice(self, client: Browser, db: Session) -> None:
        fill_in(client)
        page = client.post(WHO, WHO_ANSWERS, follow=True)
        assert page.h1 == "Dank u wel voor uw hulp"
        assert len(db.exec(select(OutboxMessage)).all()) == 1
        assert len(db.exec(select(Event).where(Event.tag == Tag.VOLUNTEER_JOINED)).all()) == 1

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"voornaam": "  "}, "voornaam"),
            ({"voornaam": "x" * 81}, "voornaam"),
            ({"email": "geen adres"}, "email"),
            ({"email": ""}, "email"),
            ({"telefoon": "112233"}, "telefoon"),
            ({"volwassen": None}, "volwassen"),
        ],
    )
    def it_says_what_is_wrong_and_keeps_the_rest(
        self, client: Browser, db: Session, changes: dict[str, object], field: str
    ) -> None:
        page = fill_in(client, **changes)
        assert page.status == 422
        assert list(page.errors()) == [field]
        others = {k: v for k, v in WHO_ANSWERS.items() if k not in (field, "volwassen")}
        assert {k: page.form_values()[k][0] for k in others} == others
        assert db.exec(select(OutboxMessage)).all() == []

    @pytest.mark.parametrize(
        ("path", "answers", "field"),
        [
            (JOIN, {"kan": []}, "kan"),
            (JOIN, {"kan": ["groceries", "vliegen"]}, "kan"),
            (JOIN, {"talen": ["xx"]}, "talen"),
            (WHEN, {"vrij": []}, "vrij"),
            (WHEN, {"vrij": ["mon-teatime"]}, "vrij"),
            (WHEN, {"keer": "99"}, "keer"),
            (WHEN, {"keer": "\u202eveel"}, "keer"),
            (WHERE, {"afstand": "-5"}, "afstand"),
            (WHERE, {"afstand": None}, "afstand"),
            (WHERE, {"buurt": "BU9999"}, "buurt"),
        ],
    )
    def it_refuses_nonsense_at_the_field(
        self, client: Browser, path: str, answers: dict[str, object], field: str
    ) -> None:
        page = client.get(JOIN)
        for step, good in ((JOIN, WHAT_ANSWERS), (WHEN, WHEN_ANSWERS), (WHERE, WHERE_ANSWERS)):
            if step == path:
                page = client.submit(page, step, **(good | answers))
                break
            page = client.submit(page, step, **good)
        assert page.status == 422
        assert list(page.errors()) == [field]

    def it_is_there_for_members_once(self, client: Browser, cast: Cast) -> None:
        assert client.sign_in(cast.bram).get(JOIN, status=302).location == PROFILE

    def it_limits_messages_to_one_address(self, client: Browser, db: Session) -> None:
        pages = [fill_in(client.another(), email="bram@example.org") for _ in range(6)]
        assert [page.status for page in pages] == [200] * 5 + [429]

    def it_speaks_english(self, client: Browser) -> None:
        page = client.get(JOIN, headers={"Accept-Language": "en"})
        assert page.h1 == "What do you like to do for someone else?"


class DescribeTheProfile:
    def it_works(self, client: Browser, db: Session, cast: Cast) -> None:
        page = client.sign_in(cast.bram).get(PROFILE)
        assert page.h1 == "Wat doet u graag voor een ander?"
        assert sorted(page.form_values(PROFILE)["kan"]) == ["garden", "groceries", "outdoors"]
        assert "Met 2 km bereikt u Geuzenbuurt" in page.words
        after = client.submit(
            page, PROFILE, action=PROFILE, kan=["pet"], vrij=["wed-evening"], afstand="500", keer="7", talen=["en"]
        )
        assert "Wij hebben uw profiel bewaard" in after.words
        assert volunteering.profile_of(volunteer(db, cast.bram)) == Profile(
            ("pet",), 1 << 10, 500, ("en",), 7, has_car=False
        )

    def it_requires_login(self, client: Browser) -> None:
        assert "/inloggen" in client.get(PROFILE, status=302).location

    @pytest.mark.parametrize("name", ["anna", "chantal", "els", "farid", "greet", "saskia"])
    def it_invites_who_does_not_help_yet(self, client: Browser, cast: Cast, name: str) -> None:
        client.sign_in(getattr(cast, name))
        for path in ("/helpen", PROFILE, "/helpen/vragen"):
            assert client.get(path, status=302).location == JOIN

    @pytest.mark.parametrize(
        ("button", "added"),
        [
            ("werkdag", {f"{d}-{p}" for d in ("mon", "tue", "wed", "thu", "fri") for p in ("morning", "afternoon")}),
            ("avond", {f"{d}-evening" for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}),
            ("weekend", {f"{d}-{p}" for d in ("sat", "sun") for p in ("morning", "afternoon")}),
        ],
    )
    def it_fills_more_boxes_at_once_and_loses_nothing(
        self, client: Browser, db: Session, cast: Cast, button: str, added: set[str]
    ) -> None:
        page = client.sign_in(cast.bram).get(PROFILE)
        page = client.submit(
            page, PROFILE, action=PROFILE, vul=button, vrij=["mon-night"], kan=["cooking"], keer="6", afstand="3000"
        )
        values = page.form_values(PROFILE)
        assert set(values["vrij"]) == added | {"mon-night"}
        assert (values["kan"], values["keer"], values["afstand"]) == (["cooking"], ["6"], ["3000"])
        assert volunteer(db, cast.bram).weekly_max == 2, "nothing is saved yet"

    def it_empties_the_grid(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.bram).get(PROFILE)
        assert len(page.form_values(PROFILE)["vrij"]) == 28
        page = client.submit(page, PROFILE, action=PROFILE, vul="leeg")
        assert "vrij" not in page.form_values(PROFILE)

    def it_ignores_an_unknown_button(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.bram).get(PROFILE)
        page = client.submit(page, PROFILE, action=PROFILE, vul="'; drop table", vrij=["mon-night"])
        assert page.form_values(PROFILE)["vrij"] == ["mon-night"]

    def it_shows_what_a_distance_reaches_before_saving(self, client: Browser, db: Session, cast: Cast) -> None:
        page = client.sign_in(cast.bram).get(PROFILE)
        near = client.submit(page, PROFILE, action=PROFILE, toon="kaart", afstand="500")
        assert "Met 500 m bereikt u" in near.words
        anywhere = client.submit(page, PROFILE, action=PROFILE, toon="kaart", afstand="0")
        assert "U bereikt alle buurten van de gemeente." in anywhere.words
        assert volunteer(db, cast.bram).radius_m == 2000

    @pytest.mark.parametrize(
        ("answers", "field"),
        [
            ({"kan": None}, "kan"),
            ({"kan": ["vliegen"]}, "kan"),
            ({"vrij": None}, "vrij"),
            ({"vrij": ["x" * 5000]}, "vrij"),
            ({"afstand": "ver"}, "afstand"),
            ({"afstand": None}, "afstand"),
            ({"keer": "0"}, "keer"),
            ({"talen": None}, "talen"),
        ],
    )
    def it_refuses_nonsense_at_the_field(
        self, client: Browser, db: Session, cast: Cast, answers: dict[str, object], field: str
    ) -> None:
        page = client.sign_in(cast.bram).get(PROFILE)
        page = client.submit(page, PROFILE, action=PROFILE, **answers)
        assert page.status == 422
        assert list(page.errors()) == [field]
        assert volunteer(db, cast.bram).skills == ["groceries", "garden", "outdoors"]

    def it_does_not_break_on_an_empty_form(self, client: Browser, cast: Cast) -> None:
        assert client.sign_in(cast.bram).post(PROFILE, {"x": "1"}).status == 422

    def it_pauses_with_one_tap_and_saves_too(self, client: Browser, db: Session, cast: Cast) -> None:
        page = client.sign_in(cast.bram).get(PROFILE)
        page = client.submit(page, PROFILE, action=PROFILE, pauze="1", keer="4")
        assert "U staat op pauze" in page.words
        assert volunteer(db, cast.bram).is_paused
        assert volunteer(db, cast.bram).weekly_max == 4
        page = client.post("/helpen/hervatten", follow=True)
        assert "Fijn dat u er weer bent" in page.words
        assert not volunteer(db, cast.bram).is_paused

    def it_chooses_between_old_and_new_choices(self, client: Browser, db: Session, cast: Cast) -> None:
        volunteering.keep_for_later(db, cast.bram.id or 0, KEPT, now=utcnow())
        db.commit()
        client.sign_in(cast.bram)
        assert client.get(PROFILE).form_values(PROFILE)["kan"] == ["cooking"]
        page = client.get(f"{PROFILE}?huidig=1")
        assert len(page.form_values(PROFILE)["kan"]) == 3
        client.submit(page, PROFILE, action=PROFILE)
        assert volunteer(db, cast.bram).weekly_max == 2
        assert volunteering.kept_profile(db, cast.bram.id or 0) is None

    def it_makes_a_volunteer_of_choices_that_waited(self, client: Browser, db: Session, cast: Cast) -> None:
        volunteering.keep_for_later(db, cast.anna.id or 0, KEPT, now=utcnow())
        db.commit()
        assert client.sign_in(cast.anna).get("/helpen", status=302).location == PROFILE
        client.submit(client.get(PROFILE), PROFILE, action=PROFILE)
        assert volunteering.profile_of(volunteer(db, cast.anna)) == KEPT

    def it_asks_for_the_buurt_where_it_is_missing(self, client: Browser, db: Session, cast: Cast) -> None:
        cast.bram.buurt_code = cast.bram.x = cast.bram.y = None
        db.add(cast.bram)
        db.commit()
        client.sign_in(cast.bram)
        for path in (PROFILE, "/helpen", "/helpen/vragen"):
            assert "Wij kennen uw buurt nog niet." in client.get(path).words

    def it_speaks_english(self, client: Browser, db: Session, cast: Cast) -> None:
        cast.bram.locale = "en"
        db.add(cast.bram)
        db.commit()
        page = client.sign_in(cast.bram).get(PROFILE)
        assert "With 2 km you reach Geuzenbuurt" in page.words
        assert page.h1 == "What do you like to do for someone else?"

    def it_stays_small(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.bram).get(PROFILE)  # the map is drawn once in a while
        with client.count_queries() as queries:
            client.get(PROFILE)
        assert len(queries) == 10
        sent = client.client.get(PROFILE, headers={"Accept-Encoding": "gzip"}).get_data()
        assert len(sent) < 60_000


class DescribeAbsence:
    def it_is_noted_and_removed(self, client: Browser, db: Session, cast: Cast) -> None:
        first, last = today() + timedelta(days=2), today() + timedelta(days=9)
        page = client.sign_in(cast.bram).get(ABSENCES)
        page = client.submit(page, ABSENCES, action=ABSENCES, van=str(first), tot=str(last))
        assert "Wij weten dat u weg bent" in page.words
        absence = db.exec(select(Absence)).one()
        assert (absence.first_day, absence.last_day) == (first, last)
        page = client.post(f"{ABSENCES}/{absence.id}/weg", follow=True)
        assert "Wij mogen u voor die dagen weer vragen" in page.words
        assert db.exec(select(Absence)).all() == []

    @pytest.mark.parametrize(
        ("van", "tot", "field"),
        [
            ("", "", "van"),
            ("2020-02-29", "2020-03-01", "van"),
            ("31-02-2027", "01-03-2027", "van"),
            ("0001-01-01", "0001-01-01", "van"),
            ("9999-12-31", "9999-12-31", "tot"),
            ("12345-01-01", "12345-01-01", "van"),
            ("٢٠٢٧", "😀", "van"),
        ],
    )
    def it_refuses_days_that_make_no_sense(
        self, client: Browser, db: Session, cast: Cast, van: str, tot: str, field: str
    ) -> None:
        page = client.sign_in(cast.bram).get(ABSENCES)
        page = client.submit(page, ABSENCES, action=ABSENCES, van=van, tot=tot)
        assert page.status == 422
        assert field in page.errors()
        assert db.exec(select(Absence)).all() == []

    def it_refuses_the_last_day_before_the_first(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.bram).get(ABSENCES)
        days = {"van": str(today() + timedelta(days=3)), "tot": str(today() + timedelta(days=2))}
        page = client.submit(page, ABSENCES, action=ABSENCES, **days)
        assert page.errors() == {"tot": "De laatste dag kan niet vóór de eerste dag liggen."}
        assert page.form_values(ABSENCES)["van"] == [days["van"]]

    def it_hides_from_strangers(self, client: Browser, db: Session, cast: Cast) -> None:
        absence = Absence(volunteer_id=cast.bram.id or 0, first_day=today(), last_day=today())
        db.add(absence)
        db.commit()
        for person in (cast.anna, cast.daan, cast.chantal, cast.greet):
            client.another().sign_in(person).post(f"{ABSENCES}/{absence.id}/weg", status=404)
        client.sign_in(cast.bram).post(f"{ABSENCES}/99999999999/weg", status=404)
        assert db.exec(select(Absence)).one().id == absence.id

    def it_is_for_volunteers(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.anna)
        client.get(ABSENCES, status=404)
        for path in ("/helpen/pauze", "/helpen/hervatten"):
            client.post(path, status=404)


class DescribeThePause:
    def it_may_end_on_a_day(self, client: Browser, db: Session, cast: Cast) -> None:
        day = today() + timedelta(days=14)
        page = client.sign_in(cast.bram).get(ABSENCES)
        client.submit(page, "/helpen/pauze", action="/helpen/pauze", vanaf=str(day))
        assert volunteer(db, cast.bram).paused_until == day

    def it_is_one_tap(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.bram).post("/helpen/pauze", follow=True, status=200)
        assert volunteer(db, cast.bram).is_paused

    @pytest.mark.parametrize("until", ["2020-01-01", "gisteren", "9999-12-31", "30-02-2027"])
    def it_refuses_a_day_that_makes_no_sense(self, client: Browser, db: Session, cast: Cast, until: str) -> None:
        page = client.sign_in(cast.bram).get(ABSENCES)
        page = client.submit(page, "/helpen/pauze", action="/helpen/pauze", vanaf=until)
        assert page.status == 422
        assert "vanaf" in page.errors()
        assert not volunteer(db, cast.bram).is_paused

    def it_rejects_get(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.bram)
        for path in ("/helpen/pauze", "/helpen/hervatten"):
            client.get(path, status=405)
