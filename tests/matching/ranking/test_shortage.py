import numpy as np
from hypothesis import given, settings

from matching.ranking.matcher import match
from matching.ranking.problem import UNMATCHED_REASONS, Problem, Wish

from .towns import RULES, problem, requests, rules, towns, volunteers


def slow_reason(town: Problem, request: int) -> str:
    """Apply the rules one by one; the first that leaves nobody is the reason."""
    left = [rules(town, volunteer, request) for volunteer in range(len(town.volunteers))]
    for rule, reason in zip(RULES, UNMATCHED_REASONS, strict=True):
        left = [passed for passed in left if passed[rule]]
        if not left:
            return reason
    return "all_busy"


def slow_lacking_only(town: Problem, request: int, rule: str) -> int:
    people = [rules(town, volunteer, request) for volunteer in range(len(town.volunteers))]
    return sum(all(passed for name, passed in one.items() if name != rule) for one in people)


@settings(max_examples=250, deadline=None)
@given(towns())
def it_names_the_rule_that_emptied_the_list(town: Problem) -> None:
    for item in match(town).unmatched:
        assert item.reason == slow_reason(town, item.request)


@settings(max_examples=150, deadline=None)
@given(towns())
def it_counts_who_lacks_only_that(town: Problem) -> None:
    rule = {"distance": "near", "consent": "block", **{key: key for key in ("skill", "slot", "language", "clearance")}}
    for item in match(town).unmatched:
        if item.wish.key in rule:
            assert item.wish.lacking_only == slow_lacking_only(town, item.request, rule[item.wish.key])


def wishes(town: Problem) -> list[tuple[str, Wish]]:
    return [(item.reason, item.wish) for item in match(town).unmatched]


def it_says_what_would_help() -> None:
    people = volunteers({}, {"skills": 3, "slots": 2}, {"x": 90_000.0, "skills": 8}, {"capacity": 0, "skills": 16})
    asked = requests(
        {"skills": 5}, {"skills": 8}, {"slots": 0b1100}, {"languages": 6}, {"clearances": 3}, {"skills": 16}
    )
    assert wishes(problem(people, asked)) == [
        ("no_skill", Wish("skill", (2,), 1)),
        ("too_far", Wish("distance", (), 1)),
        ("no_slot", Wish("slot", (2, 3), 2)),
        ("no_language", Wish("language", (1, 2), 1)),
        ("no_vog", Wish("clearance", (1, 2), 1)),
        ("all_busy", Wish("capacity", (), 1)),
    ]


def it_asks_for_both_skills_when_nobody_holds_them_together() -> None:
    town = problem(volunteers({"skills": 1}, {"skills": 2}), requests({"skills": 3}))
    assert wishes(town) == [("no_skill", Wish("skill", (0, 1), 2))]


def it_says_when_everyone_left_is_blocked() -> None:
    town = problem(volunteers({}), requests({}), blocks=np.array([[0, 0]], np.int32))
    assert wishes(town) == [("blocked", Wish("consent", (), 1))]


def it_says_that_all_are_busy_when_others_went_first() -> None:
    town = problem(volunteers({}), requests({"urgency": 2.0}, {}))
    assert wishes(town) == [("all_busy", Wish("capacity", (), 1))]
