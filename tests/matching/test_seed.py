"""The city for trying out: the texts and names it is made from."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete
from sqlmodel import Session, col, select

from matching.catalogue import CATEGORIES, LANGUAGES, personal_details, risks
from matching.errors import OmzienError
from matching.models import (
    Buurt,
    BuurtBorder,
    Frequency,
    Gemeente,
    HelpRequest,
    OutboxMessage,
    Postcode,
    Volunteer,
    Wijk,
)
from matching.seed import DEMO_LOGINS, DEMO_PASSWORD, build_city
from matching.services.passwords import check_password
from matching.workflow import RequestState
from tests.people import NOW

DEMO = Path(__file__).parents[2] / "matching" / "data" / "demo"


def demo(name: str) -> Any:
    return json.loads((DEMO / name).read_text(encoding="utf-8"))


class DescribeDemonstrationTexts:
    def it_has_a_dozen_requests_for_every_category(self) -> None:
        requests = demo("requests.json")
        assert list(requests) == list(CATEGORIES)
        assert all(12 <= len(rows) <= 15 for rows in requests.values())
        texts = [row["text"] for rows in requests.values() for row in rows]
        assert len(set(texts)) == len(texts)

    def it_only_uses_what_the_program_knows(self) -> None:
        codes = {language.code for language in LANGUAGES}
        rows = [row for rows in demo("requests.json").values() for row in rows]
        assert {row["frequency"] for row in rows} == set(Frequency)
        assert {row["language"] for row in rows if "language" in row} <= codes
        assert {code for person in demo("names.json") for code in person["languages"]} <= codes

    def it_needs_no_human_and_gives_nothing_away(self) -> None:
        texts = [row["text"] for rows in demo("requests.json").values() for row in rows]
        texts += [row["remark"] for row in demo("feedback.json")]
        assert [text for text in texts if risks(text) or personal_details(text)] == []

    def it_names_nobody(self) -> None:
        names = {person["name"] for person in demo("names.json")}
        texts = [row["text"] for rows in demo("requests.json").values() for row in rows]
        inside = [word for text in texts for word in text.split()[1:] if word.strip(".,?") in names]
        assert inside == []

    def it_calls_made_up_places_examples(self) -> None:
        places = demo("places.json")
        for place in places["meeting_places"]:
            assert place["is_example"]
            assert place["name"].startswith("Voorbeeld: ")
            assert "{wijk}" in place["name"]
        assert all("{buurt}" in intro for intro in places["buurt_intros"])
        assert len(places["buurt_intros"]) == len(set(places["buurt_intros"])) == 10

    def it_has_names_enough_and_none_twice(self) -> None:
        people = demo("names.json")
        assert len({person["name"] for person in people}) == len(people) >= 250
        assert {person["generation"] for person in people} == {"senior", "middle", "young"}
        assert len({code for person in people for code in person["languages"]}) >= 15


class DescribeBuildingACity:
    def it_fills_the_buurten_with_believable_people(self, db: Session) -> None:
        build_city(db, volunteers=40, requests=20, seed=1, now=NOW)
        assert len(db.exec(select(Volunteer)).all()) == 41  # and Bram
        requests = db.exec(select(HelpRequest)).all()
        assert len(requests) == 20 + 20 // 5
        assert len({request.buurt_code for request in requests}) > 8
        assert {request.state for request in requests} <= set(RequestState)

    def it_gives_one_login_per_role(self, db: Session) -> None:
        build_city(db, volunteers=0, requests=0, seed=1, now=NOW)
        for _role, email in DEMO_LOGINS:
            found = check_password(db, email, DEMO_PASSWORD, address="127.0.0.1", secret="x", now=NOW)
            assert found is not None
            assert found.email == email

    def it_makes_the_same_city_from_the_same_seed(self, db: Session) -> None:
        def city(seed: int) -> list[tuple[object, ...]]:
            with db.begin_nested() as inner:
                build_city(db, volunteers=15, requests=5, seed=seed, now=NOW)
                volunteers = db.exec(select(Volunteer).order_by(col(Volunteer.account_id)))
                rows = [(v.skills, v.slots, v.radius_m) for v in volunteers]
                requests = db.exec(select(HelpRequest).order_by(col(HelpRequest.id)))
                rows += [(r.category, r.slots, r.buurt_code) for r in requests]
                inner.rollback()
            db.expire_all()
            return rows

        assert city(7) == city(7) != city(8)

    def it_tells_what_to_do_without_a_gemeente(self, db: Session) -> None:
        for kind in (BuurtBorder, Postcode, Buurt, Wijk, Gemeente):
            db.execute(delete(kind))
        with pytest.raises(OmzienError, match="import a gemeente first"):
            build_city(db, volunteers=1, requests=0, seed=1, now=NOW)

    def it_leaves_no_old_mail_to_be_sent(self, db: Session) -> None:
        build_city(db, volunteers=60, requests=30, seed=3, now=NOW)
        assert not [m for m in db.exec(select(OutboxMessage)) if m.sent_at is None and m.due_at < NOW]
