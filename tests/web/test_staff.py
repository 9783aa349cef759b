"""Staff roles: given and ended by the beheerder, for places of the beheerder's own."""

import pytest
from sqlmodel import Session, select

from matching.models import Account, Event, Role, StaffRole
from tests.browse import Browser
from tests.people import DRIFTBUURT, HILVERSUM, MONDAY, OOST, ZUID, Cast

LIST, GIVE = "/beheer/medewerkers", "/beheer/medewerkers/nieuw"


def roles_of(db: Session, account: Account) -> list[tuple[str, str]]:
    found = db.exec(select(StaffRole).where(StaffRole.account_id == account.id)).all()
    return sorted((role.role, role.place_code) for role in found)


def end_path(db: Session, account: Account) -> str:
    role = db.exec(select(StaffRole).where(StaffRole.account_id == account.id)).first()
    assert role is not None
    return f"{LIST}/rollen/{role.id}/beeindigen"


class DescribeTheList:
    def it_works(self, client: Browser, cast: Cast) -> None:
        page = client.sign_in(cast.greet).get(LIST)
        for name in ("Chantal", "Saskia", "Farid", "Greet", "chantal@example.org"):
            assert name in page.words
        assert "Anna" not in page.words

    @pytest.mark.parametrize("path", [LIST, GIVE])
    def it_requires_login(self, client: Browser, path: str) -> None:
        assert client.get(path, status=302).location == f"/inloggen?verder={path}"

    @pytest.mark.parametrize("who", ["anna", "chantal", "farid"])
    def it_refuses_others(self, client: Browser, cast: Cast, who: str) -> None:
        client.sign_in(getattr(cast, who)).get(LIST, status=403)
        client.post(GIVE, {"email": "anna@example.org", "role": "beheerder", "place": HILVERSUM}, status=403)

    def it_needs_few_queries(self, client: Browser, cast: Cast) -> None:
        client.sign_in(cast.greet)
        with client.count_queries() as seen:
            client.get(LIST)
        assert len(seen) <= 8, seen


class DescribeGiving:
    @pytest.mark.parametrize("place", [HILVERSUM, OOST, DRIFTBUURT])
    def it_works(self, client: Browser, db: Session, cast: Cast, place: str) -> None:
        page = client.sign_in(cast.greet).get(GIVE)
        done = client.submit(page, GIVE, email="ELS@example.org", role="opbouwwerker", place=place, note="ma en do")
        assert "Els" in done.words
        assert "ma en do" in done.words
        assert roles_of(db, cast.els) == [("opbouwwerker", place)]
        event = db.exec(select(Event).where(Event.tag == "staff_role.given")).one()
        assert event.actor_id == cast.greet.id

    def it_opens_the_pages_of_that_role(self, client: Browser, cast: Cast) -> None:
        els = client.another().sign_in(cast.els)
        els.get(LIST, status=403)
        client.sign_in(cast.greet).post(GIVE, {"email": "els@example.org", "role": "beheerder", "place": HILVERSUM})
        els.get(LIST)

    def it_gives_it_once(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.greet)
        for _ in range(2):
            client.post(GIVE, {"email": "els@example.org", "role": "coordinator", "place": HILVERSUM}, status=302)
        assert roles_of(db, cast.els) == [("coordinator", HILVERSUM)]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"email": ""}, "email"),
            ({"email": "els"}, "email"),
            ({"email": "nobody@example.org"}, "email"),
            ({"email": "a\0@example.org"}, "email"),
            ({"role": ""}, "role"),
            ({"role": "king"}, "role"),
            ({"place": ""}, "place"),
            ({"place": "WK999999"}, "place"),
            ({"place": "\0"}, "place"),
            ({"note": "x" * 201}, "note"),
        ],
    )
    def it_says_what_to_do_at_the_right_field(
        self, client: Browser, db: Session, cast: Cast, changes: dict[str, str], field: str
    ) -> None:
        usual = {"email": "els@example.org", "role": "opbouwwerker", "place": OOST, "note": ""}
        page = client.sign_in(cast.greet).post(GIVE, usual | changes, status=422)
        assert set(page.errors()) == {field}
        assert roles_of(db, cast.els) == []

    def it_stays_within_ones_own_places(self, client: Browser, db: Session, cast: Cast) -> None:
        assert cast.els.id
        db.add(StaffRole(account_id=cast.els.id, role=Role.BEHEERDER, place_code=ZUID, since=MONDAY))
        db.commit()
        client.sign_in(cast.els)
        for place in (HILVERSUM, OOST):
            sent = {"email": "els@example.org", "role": "coordinator", "place": place}
            assert set(client.post(GIVE, sent, status=422).errors()) == {"place"}
        assert "Chantal" not in client.get(LIST).words
        client.post(end_path(db, cast.chantal), status=404)


class DescribeEnding:
    def it_works(self, client: Browser, db: Session, cast: Cast) -> None:
        path = end_path(db, cast.chantal)
        page = client.sign_in(cast.greet).get(LIST)
        done = client.submit(page, path, action=path)
        assert roles_of(db, cast.chantal) == []
        assert "chantal@example.org" not in done.words

    def it_is_done_once(self, client: Browser, db: Session, cast: Cast) -> None:
        path = end_path(db, cast.chantal)
        client.sign_in(cast.greet).post(path, status=302)
        client.post(path, status=404)

    def it_keeps_the_last_beheerder(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.greet).post(end_path(db, cast.greet), status=302)
        assert roles_of(db, cast.greet) == [("beheerder", HILVERSUM)]

    def it_rejects_get(self, client: Browser, db: Session, cast: Cast) -> None:
        client.sign_in(cast.greet).get(end_path(db, cast.chantal), status=405)

    @pytest.mark.parametrize("number", ["0", "999999", str(2**31), str(2**70)])
    def it_knows_no_other_roles(self, client: Browser, cast: Cast, number: str) -> None:
        client.sign_in(cast.greet).post(f"{LIST}/rollen/{number}/beeindigen", status=404)
