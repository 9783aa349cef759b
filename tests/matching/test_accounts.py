"""Accounts, links, passwords and staff roles, below the web."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from time import perf_counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, func, select

from matching.database import open_engine
from matching.errors import Invalid, LinkUnusable, NotFound, TooManyAttempts
from matching.models import Account, ActionLink, Attempt, Channel, Event, HelpRequest, OutboxMessage, Role, StaffRole
from matching.models.help_requests import Frequency
from matching.services import accounts, attempts, links, passwords
from matching.workflow import RequestState
from tests.people import DRIFTBUURT, HILVERSUM, MONDAY, NOW, OOST, ZUID, Cast, make_person
from web.db import session_factory

SECRET = "only for tests"
SOON = NOW + timedelta(minutes=20)
CHANGEABLE = ("first_name", "phone", "locale", "channel", "buurt_code", "x", "y")


def joining(**changes: Any) -> dict[str, Any]:
    """What somebody new fills in."""
    facts = {
        "first_name": "Hanna",
        "email": "hanna@example.org",
        "phone": None,
        "locale": "nl",
        "channel": Channel.EMAIL,
        "buurt_code": DRIFTBUURT,
        "x": 141_500,
        "y": 470_600,
        "adult": True,
        "now": NOW,
    }
    return facts | changes


def only_link(db: Session) -> ActionLink:
    return db.exec(select(ActionLink)).one()


class DescribeJoining:
    def it_makes_an_account(self, db: Session) -> None:
        account, is_new = accounts.find_or_join(db, **joining(email=" Hanna@Example.ORG ", phone="06-12 34 56 78"))
        assert is_new
        assert (account.email, account.phone) == ("hanna@example.org", "+31612345678")
        assert account.adult_declared_at == NOW
        assert account.email_verified_at is None
        assert account.password_hash is None

    def it_leaves_a_known_account_untouched(self, db: Session, cast: Cast) -> None:
        before = cast.anna.model_dump()
        account, is_new = accounts.find_or_join(
            db, **joining(first_name="Someone", email="ANNA@example.org", phone="0612345678", locale="en")
        )
        assert not is_new
        assert account.id == cast.anna.id
        assert account.model_dump() == before

    def it_gives_everybody_on_one_telephone_an_account(self, db: Session) -> None:
        first, _ = accounts.find_or_join(db, **joining(email=None, phone="035 123 45 67"))
        second, is_new = accounts.find_or_join(db, **joining(email="", phone="035 123 45 67"))
        assert is_new
        assert first.id != second.id
        assert first.channel == Channel.PHONE

    def it_lets_whoever_left_keep_the_address(self, db: Session, cast: Cast) -> None:
        cast.anna.deactivated_at = NOW
        account, is_new = accounts.find_or_join(db, **joining(email="anna@example.org"))
        assert (account.id, is_new) == (cast.anna.id, False)
        assert not account.is_active

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": "no address"}, "email"),
            ({"email": "a@b"}, "email"),
            ({"email": "nul\0@example.org"}, "email"),
            ({"email": "İ" * 60 + "@" + "a" * 60 + "." + "b" * 60 + "." + "c" * 40 + ".example.org"}, "email"),
            ({"phone": "112"}, "phone"),
            ({"phone": "+31 6 1"}, "phone"),
            ({"phone": "🙂"}, "phone"),
            ({"email": None, "phone": None}, "contact"),
            ({"first_name": " \t "}, "first_name"),
            ({"first_name": "\u200b\u200d"}, "first_name"),
            ({"adult": False}, "adult"),
        ],
    )
    def it_refuses(self, db: Session, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as refused:
            accounts.find_or_join(db, **joining(**changes))
        assert refused.value.field == field
        assert not db.exec(select(Account)).all()

    @pytest.mark.parametrize("name", ["Zoë", "عائشة", "🙂", "Ω", "J", "x" * 100])
    def it_takes_every_name(self, db: Session, name: str) -> None:
        account, _ = accounts.find_or_join(db, **joining(first_name=name))
        assert account.first_name == name[:80]

    def it_makes_one_account_of_two_at_the_same_moment(self, separate_database: str) -> None:
        engine = open_engine(separate_database)
        open_session, start = session_factory(engine), Barrier(2)

        def join(_number: int) -> int | None:
            start.wait()
            with open_session(True) as session:
                account, _ = accounts.find_or_join(session, **joining())
                session.commit()
                return account.id

        with ThreadPoolExecutor(2) as pool:
            made = set(pool.map(join, range(2)))
        engine.dispose()
        assert len(made) == 1


class DescribeSignInLinks:
    def it_mails_one(self, db: Session, cast: Cast) -> None:
        accounts.send_sign_in_link(db, cast.anna, now=NOW, next_path="/hulpvragen")
        link = only_link(db)
        message = db.exec(select(OutboxMessage)).one()
        assert (link.account_id, link.next_path) == (cast.anna.id, "/hulpvragen")
        assert (message.account_id, message.template, message.link_id) == (cast.anna.id, "sign_in", link.id)

    def it_forgets_where_to_go_when_that_is_too_long_to_keep(self, db: Session, cast: Cast) -> None:
        accounts.send_sign_in_link(db, cast.anna, now=NOW, next_path="/" + "x" * 400)
        assert only_link(db).next_path == ""

    def it_mails_nobody_without_an_address(self, db: Session, cast: Cast) -> None:
        cast.anna.email = None
        accounts.send_sign_in_link(db, cast.anna, now=NOW)
        assert not db.exec(select(OutboxMessage)).all()

    def it_mails_nobody_who_left(self, db: Session, cast: Cast) -> None:
        cast.anna.deactivated_at = NOW
        accounts.send_sign_in_link(db, cast.anna, now=NOW)
        assert not db.exec(select(OutboxMessage)).all()

    def it_lets_in_once_and_proves_the_address(self, db: Session) -> None:
        account, _ = accounts.find_or_join(db, **joining())
        accounts.send_sign_in_link(db, account, now=NOW)
        found, _link = accounts.enter_with_link(db, only_link(db).id, now=SOON)
        assert found.id == account.id
        assert found.email_verified_at == SOON
        with pytest.raises(LinkUnusable) as refused:
            accounts.enter_with_link(db, only_link(db).id, now=SOON)
        assert refused.value.why == "used"

    def it_expires(self, db: Session, cast: Cast) -> None:
        accounts.send_sign_in_link(db, cast.anna, now=NOW)
        with pytest.raises(LinkUnusable) as refused:
            accounts.enter_with_link(db, only_link(db).id, now=NOW + timedelta(hours=1))
        assert refused.value.why == "expired"

    def it_lets_nobody_in_who_left(self, db: Session, cast: Cast) -> None:
        accounts.send_sign_in_link(db, cast.anna, now=NOW)
        cast.anna.deactivated_at = NOW
        with pytest.raises(LinkUnusable):
            accounts.enter_with_link(db, only_link(db).id, now=SOON)

    def it_does_not_take_a_link_for_something_else(self, db: Session, cast: Cast) -> None:
        assert cast.bram.id
        link = links.issue(db, cast.bram.id, links.ANSWER, now=NOW, subject_id=1)
        with pytest.raises(LinkUnusable):
            accounts.enter_with_link(db, link.id, now=NOW)

    def it_lets_one_of_two_in_at_the_same_moment(self, separate_database: str) -> None:
        engine = open_engine(separate_database)
        open_session, start = session_factory(engine), Barrier(2)
        with open_session(True) as session:
            person = make_person(session, "Hanna", DRIFTBUURT, 1)
            accounts.send_sign_in_link(session, person, now=NOW)
            session.commit()
            link_id = only_link(session).id

        def enter(_number: int) -> bool:
            start.wait()
            with open_session(True) as session:
                try:
                    accounts.enter_with_link(session, link_id, now=SOON)
                except LinkUnusable:
                    return False
                session.commit()
                return True

        with ThreadPoolExecutor(2) as pool:
            entered = sorted(pool.map(enter, range(2)))
        engine.dispose()
        assert entered == [False, True]


class DescribeAskingForALink:
    def ask(self, db: Session, email: str, *, address: str = "192.0.2.1", now: Any = NOW) -> None:
        accounts.ask_for_link(db, email, address=address, secret=SECRET, now=now)

    def it_mails_only_whom_we_know(self, db: Session, cast: Cast) -> None:
        self.ask(db, "nobody@example.org")
        assert not db.exec(select(OutboxMessage)).all()
        self.ask(db, "anna@example.org")
        assert db.exec(select(OutboxMessage)).one().account_id == cast.anna.id

    def it_wakes_the_worker_for_strangers_too(self, db: Session, cast: Cast) -> None:
        self.ask(db, "nobody@example.org")
        assert db.info["outbox"] is True

    @pytest.mark.parametrize("email", ["anna@example.org", "nobody@example.org"])
    def it_stops_after_five_for_an_address_known_or_not(self, db: Session, cast: Cast, email: str) -> None:
        for number in range(5):
            self.ask(db, email, address=f"192.0.2.{number}")
        with pytest.raises(TooManyAttempts) as refused:
            self.ask(db, email, address="192.0.2.9")
        assert refused.value.minutes == 15
        self.ask(db, email, address="192.0.2.9", now=NOW + timedelta(minutes=15, seconds=1))

    def it_stops_after_thirty_from_one_place(self, db: Session, cast: Cast) -> None:
        for number in range(30):
            self.ask(db, f"somebody{number}@example.org")
        with pytest.raises(TooManyAttempts):
            self.ask(db, "anna@example.org")


class DescribePasswords:
    @pytest.fixture
    def anna(self, db: Session, cast: Cast) -> Account:
        passwords.set_password(db, cast.anna, "vier woorden op rij", now=NOW)
        return cast.anna

    def check(self, db: Session, password: str, *, email: str = "anna@example.org", address: str = "1.2.3.4",
              now: Any = NOW) -> Account | None:  # fmt: skip
        return passwords.check_password(db, email, password, address=address, secret=SECRET, now=now)

    def it_lets_the_owner_in(self, db: Session, anna: Account) -> None:
        found = self.check(db, "vier woorden op rij")
        assert found is not None
        assert found.id == anna.id
        assert anna.password_hash is not None
        assert anna.password_hash.startswith("$argon2id$")

    @pytest.mark.parametrize(
        "wrong", ["", "Vier woorden op rij", "vier woorden op rij ", "\0", "x" * 100_000, "\ud800"]
    )
    def it_lets_nobody_else_in(self, db: Session, anna: Account, wrong: str) -> None:
        assert self.check(db, wrong) is None

    def it_lets_nobody_in_without_a_password_of_their_own(self, db: Session, cast: Cast) -> None:
        assert self.check(db, "", email="bram@example.org") is None

    def it_lets_nobody_in_who_left(self, db: Session, anna: Account) -> None:
        anna.deactivated_at = NOW
        assert self.check(db, "vier woorden op rij") is None

    def it_takes_accents_from_any_keyboard(self, db: Session, cast: Cast) -> None:
        passwords.set_password(db, cast.anna, "caf\u00e9 op de hoek", now=NOW)
        assert self.check(db, "cafe\u0301 op de hoek") is not None

    def it_does_not_cut_a_long_password_off(self, db: Session, cast: Cast) -> None:
        longest = "abcde" * 40
        passwords.set_password(db, cast.anna, longest, now=NOW)
        assert self.check(db, longest) is not None
        assert self.check(db, longest + "x") is None

    @pytest.mark.parametrize(
        ("password", "reason"),
        [
            ("kort", "too_short"),
            ("x" * 201, "too_long"),
            ("aaaaaaaaaaaaaa", "too_easy"),
            ("Wachtwoord1", "too_easy"),
            ("anna@example.org", "too_easy"),
        ],
    )
    def it_refuses_a_weak_one(self, db: Session, cast: Cast, password: str, reason: str) -> None:
        with pytest.raises(Invalid) as refused:
            passwords.set_password(db, cast.anna, password, now=NOW)
        assert (refused.value.field, refused.value.reason) == ("password", reason)
        assert cast.anna.password_hash is None

    def it_ends_sessions_and_links_when_it_is_set(self, db: Session, cast: Cast) -> None:
        accounts.send_sign_in_link(db, cast.anna, now=NOW)
        before = cast.anna.session_version
        passwords.set_password(db, cast.anna, "vier woorden op rij", now=NOW)
        assert cast.anna.session_version == before + 1
        db.expire_all()
        with pytest.raises(LinkUnusable):
            accounts.enter_with_link(db, only_link(db).id, now=NOW)

    def it_stops_after_five_wrong_ones_for_an_account(self, db: Session, anna: Account) -> None:
        for number in range(5):
            assert self.check(db, "wrong", address=f"1.2.3.{number}") is None
        with pytest.raises(TooManyAttempts):
            self.check(db, "vier woorden op rij", address="1.2.3.9")
        assert self.check(db, "vier woorden op rij", now=SOON) is not None

    def it_counts_the_same_for_an_address_that_nobody_has(self, db: Session, anna: Account) -> None:
        for _ in range(5):
            assert self.check(db, "wrong", email="nobody@example.org") is None
        with pytest.raises(TooManyAttempts):
            self.check(db, "wrong", email="nobody@example.org")

    def it_stops_after_thirty_wrong_ones_from_one_place(self, db: Session, anna: Account) -> None:
        for _ in range(30):
            attempts.note(db, SECRET, "address:1.2.3.4", now=NOW)
        with pytest.raises(TooManyAttempts):
            self.check(db, "vier woorden op rij")
        assert self.check(db, "vier woorden op rij", address="1.2.3.5") is not None

    def it_keeps_no_address_in_the_attempts(self, db: Session, anna: Account) -> None:
        self.check(db, "wrong")
        kept = [attempt.key for attempt in db.exec(select(Attempt))]
        assert len(kept) == 2
        assert not any("anna" in key or "1.2.3.4" in key for key in kept)

    def it_forgets_old_attempts(self, db: Session, anna: Account) -> None:
        self.check(db, "wrong")
        self.check(db, "wrong", now=SOON)
        assert db.exec(select(func.count()).select_from(Attempt)).one() == 2

    def it_counts_the_guesses_of_whoever_is_signed_in(self, db: Session, anna: Account) -> None:
        for _ in range(5):
            assert not passwords.confirm_password(db, anna, "wrong", secret=SECRET, now=NOW)
        with pytest.raises(TooManyAttempts):
            passwords.confirm_password(db, anna, "vier woorden op rij", secret=SECRET, now=NOW)

    def it_takes_as_long_for_an_address_that_nobody_has(self, db: Session, anna: Account, cast: Cast) -> None:
        """Three tries each; the quickest of three is hardly touched by what else the machine does."""

        def quickest(email: str) -> float:
            times = []
            for _ in range(3):
                start = perf_counter()
                assert self.check(db, "wrong", email=email) is None
                times.append(perf_counter() - start)
            return min(times)

        known, unknown, passwordless = (quickest(f"{who}@example.org") for who in ("anna", "nobody", "bram"))
        assert unknown > known / 2
        assert passwordless > known / 2

    @settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(st.text(min_size=10, max_size=60).filter(lambda text: len(set(text)) > 4))
    def it_takes_any_text(self, db: Session, cast: Cast, password: str) -> None:
        passwords.set_password(db, cast.anna, password, now=NOW)
        assert passwords.confirm_password(db, cast.anna, password, secret=SECRET, now=NOW)


class DescribeSessions:
    def it_ends_all_of_them(self, db: Session, cast: Cast) -> None:
        accounts.send_sign_in_link(db, cast.anna, now=NOW)
        accounts.end_sessions(db, cast.anna, now=NOW)
        assert cast.anna.session_version == 2
        assert cast.bram.session_version == 1
        db.expire_all()
        with pytest.raises(LinkUnusable):
            accounts.enter_with_link(db, only_link(db).id, now=NOW)


class DescribeChanging:
    def change(self, db: Session, account: Account, **changes: Any) -> None:
        facts = {name: getattr(account, name) for name in CHANGEABLE}
        accounts.change(db, account, **(facts | changes), now=SOON)

    def it_keeps_what_changed(self, db: Session, cast: Cast) -> None:
        self.change(db, cast.anna, first_name=" Anna  Maria ", phone="0687654321", locale="en")
        assert (cast.anna.first_name, cast.anna.phone, cast.anna.locale) == ("Anna Maria", "+31687654321", "en")

    def it_remembers_which_facts_changed_and_not_what_they_were(self, db: Session, cast: Cast) -> None:
        self.change(db, cast.anna, phone="0687654321")
        event = db.exec(select(Event).where(Event.tag == "account.changed")).one()
        assert event.data == {"what": ["phone"]}

    def it_notes_nothing_when_nothing_changed(self, db: Session, cast: Cast) -> None:
        self.change(db, cast.anna)
        assert not db.exec(select(Event).where(Event.tag == "account.changed")).all()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"first_name": ""}, "first_name"),
            ({"phone": "12"}, "phone"),
            ({"phone": None, "channel": Channel.PHONE}, "phone"),
        ],
    )
    def it_refuses(self, db: Session, cast: Cast, changes: dict[str, Any], field: str) -> None:
        with pytest.raises(Invalid) as refused:
            self.change(db, cast.anna, **changes)
        assert refused.value.field == field

    def it_needs_the_number_of_whoever_has_no_mail(self, db: Session, cast: Cast) -> None:
        cast.anna.email = None
        with pytest.raises(Invalid):
            self.change(db, cast.anna, phone=None)
        self.change(db, cast.anna, channel=Channel.EMAIL)
        assert cast.anna.channel == Channel.PHONE


class DescribeWaitingRequests:
    @pytest.fixture
    def waiting(self, db: Session, cast: Cast) -> HelpRequest:
        assert cast.anna.id
        request = HelpRequest(
            asker_id=cast.anna.id, posted_by_id=cast.anna.id, is_verified=False, category="groceries",
            frequency=Frequency.FLEXIBLE, buurt_code=DRIFTBUURT, x=141_500, y=470_600, state=RequestState.HELD,
            created_at=NOW, updated_at=NOW, contact_due=MONDAY,
        )  # fmt: skip
        db.add(request)
        db.flush()
        return request

    def it_shows_them_to_their_owner_only(self, db: Session, cast: Cast, waiting: HelpRequest) -> None:
        assert cast.anna.id
        assert cast.bram.id
        assert waiting.id
        assert accounts.waiting_requests(db, cast.anna.id) == [waiting]
        assert accounts.waiting_requests(db, cast.bram.id) == []
        assert accounts.waiting_request(db, cast.anna.id, waiting.id) is waiting
        with pytest.raises(NotFound):
            accounts.waiting_request(db, cast.bram.id, waiting.id)

    @pytest.mark.parametrize("change", [{"is_verified": True}, {"closed_at": NOW}])
    def it_forgets_those_that_were_answered(
        self, db: Session, cast: Cast, waiting: HelpRequest, change: dict[str, Any]
    ) -> None:
        assert cast.anna.id
        for name, value in change.items():
            setattr(waiting, name, value)
        assert accounts.waiting_requests(db, cast.anna.id) == []


class DescribeStaffRoles:
    def it_gives_one_once(self, db: Session, cast: Cast) -> None:
        first = accounts.give_role(db, "Els@example.org", Role.OPBOUWWERKER, OOST, now=NOW, by=cast.greet.id)
        again = accounts.give_role(db, "els@example.org", Role.OPBOUWWERKER, OOST, now=NOW, by=cast.greet.id)
        assert first.id == again.id
        assert first.account_id == cast.els.id
        assert len(db.exec(select(Event).where(Event.tag == "staff_role.given")).all()) == 1

    @pytest.mark.parametrize(
        ("email", "role", "place", "field"),
        [
            ("nobody@example.org", "opbouwwerker", OOST, "email"),
            ("no address", "opbouwwerker", OOST, "email"),
            ("els@example.org", "king", OOST, "role"),
            ("els@example.org", "opbouwwerker", "WK999999", "place"),
        ],
    )
    def it_refuses(self, db: Session, cast: Cast, email: str, role: str, place: str, field: str) -> None:
        with pytest.raises(Invalid) as refused:
            accounts.give_role(db, email, role, place, now=NOW)
        assert refused.value.field == field

    def it_ends_one(self, db: Session, cast: Cast) -> None:
        role = db.exec(select(StaffRole).where(StaffRole.account_id == cast.chantal.id)).one()
        accounts.end_role(db, role, now=NOW, by=cast.greet.id)
        db.flush()
        assert not db.exec(select(StaffRole).where(StaffRole.account_id == cast.chantal.id)).all()
        event = db.exec(select(Event).where(Event.tag == "staff_role.ended")).one()
        assert event.data == {"role": "opbouwwerker", "place": OOST}

    def it_keeps_the_last_beheerder(self, db: Session, cast: Cast) -> None:
        role = db.exec(select(StaffRole).where(StaffRole.account_id == cast.greet.id)).one()
        with pytest.raises(Invalid):
            accounts.end_role(db, role, now=NOW)
        accounts.give_role(db, "farid@example.org", Role.BEHEERDER, HILVERSUM, now=NOW)
        accounts.end_role(db, role, now=NOW)

    def it_lists_those_of_ones_own_places(self, db: Session, cast: Cast) -> None:
        everybody = [account.first_name for account, _roles in accounts.staff(db, [HILVERSUM])]
        assert everybody == ["Chantal", "Farid", "Greet", "Saskia"]
        assert [account.first_name for account, _roles in accounts.staff(db, [ZUID])] == ["Saskia"]
        assert accounts.staff(db, ["GM0406"]) == []

    def it_finds_a_role_in_ones_own_places_only(self, db: Session, cast: Cast) -> None:
        role = db.exec(select(StaffRole).where(StaffRole.account_id == cast.chantal.id)).one()
        assert role.id
        assert accounts.find_role(db, role.id, [HILVERSUM]) is role
        for places, number in (([ZUID], role.id), ([HILVERSUM], 2**40), ([], role.id)):
            with pytest.raises(NotFound):
                accounts.find_role(db, number, places)

    def it_names_the_places_that_a_place_holds(self, db: Session) -> None:
        inside = accounts.places_within(db, [OOST])
        assert {place.kind for place in inside} == {"wijk", "buurt"}
        assert all(place.code[2:].startswith("040206") for place in inside)
        assert len(accounts.places_within(db, [HILVERSUM])) == 1 + 9 + 43
