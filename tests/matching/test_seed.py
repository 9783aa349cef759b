"""The city for trying out: the texts and names it is made from."""

import json
from pathlib import Path
from typing import Any

from matching.catalogue import CATEGORIES, LANGUAGES, personal_details, risks
from matching.models import Frequency

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
