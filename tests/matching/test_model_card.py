"""The card of a model tells of nobody: small groups are left out, and cannot be worked out from the rest."""

from hypothesis import given
from hypothesis import strategies as st

from matching.ranking.acceptance import PriorRule
from matching.ranking.evaluation import Group
from matching.ranking.features import EXCLUDED, NAMES
from matching.services.matcher.model_card import FEW, Counted, published, stated_card, together

people = st.frozensets(st.integers(0, 30), max_size=12)
counted = st.builds(Counted, people, people, st.integers(0, 12), st.integers(0, 12))


@given(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), counted, max_size=9))
def it_leaves_out_what_is_about_few(groups: dict[str, Counted]) -> None:
    rows = published({key: Group(10.0, 0.3, 0.25, 10.0) for key in groups}, groups)
    assert {row["key"] for row in rows} == set(groups)
    shown = {row["key"] for row in rows if "said" in row}
    hidden = set(groups) - shown
    assert all(groups[key].smallest >= FEW for key in shown)
    assert all(set(row) == {"key"} for row in rows if row["key"] in hidden)
    if hidden and shown:
        assert len(hidden) >= 2
        assert together(groups[key] for key in hidden).smallest >= FEW


def it_shows_large_groups() -> None:
    many = frozenset(range(FEW))
    large = Counted(many, many, FEW, FEW)
    group = {name: Group(40.4, 0.31249, 0.3, 40.4) for name in "ab"}
    rows = published(group, {"a": large, "b": large})
    assert rows[0] == {"key": "a", "offers": 40, "said": 0.312, "came": 0.3}
    fewer = Counted(many, frozenset(range(FEW - 1)), FEW, FEW)
    assert published(group, {"a": large, "b": fewer}) == [{"key": "a"}, {"key": "b"}]


def it_finds_what_the_stated_rule_uses() -> None:
    card = stated_card(PriorRule())
    assert card["uses"] == ["km", "shared_slots", "days_since_offer", "answered_before", "accepted_before"]
    assert set(card["uses"]) <= set(NAMES)
    assert card["excluded"] == list(EXCLUDED)
    assert card["examples"]["half_km"] > card["examples"]["two_km"] > card["examples"]["four_km"]
    assert card["examples"]["said_yes"] > card["examples"]["two_km"] > card["examples"]["said_no"]
    assert not card["promotable"]
