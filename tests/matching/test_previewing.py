"""What every setting of the dials would propose: equal to what it does propose, and silent about few people."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlmodel import Session, select

from matching import jobs
from matching.access import HeldRole, Viewer
from matching.models import Account, Buurt, Gemeente, HelpRequest, MatcherPreview, Volunteer, Wijk
from matching.ranking.acceptance import PriorRule
from matching.services import dials
from matching.services.dials import STEPS, Dials, Figures, cell_key
from matching.services.matcher import previewing
from matching.services.matcher.proposing import propose
from matching.services.matcher.solving import solver
from matching.services.matcher.town import read_town
from tests.people import ALL_SLOTS, BLOEMENKWARTIER, DRIFTBUURT, HILVERSUM, NOW, OOST, ZUID, Cast, make_person
from tests.scarcity import make_scarce_town

OpenSession = Callable[[bool], Session]


@pytest.fixture
def farid(cast: Cast) -> Viewer:
    return Viewer(cast.farid.id, (HeldRole("coordinator", HILVERSUM),))


@pytest.fixture
def open_session(app: Flask, db: Session) -> OpenSession:
    found: OpenSession = app.extensions["omzien.sessions"]
    return found


def figures(db: Session) -> Figures:
    return previewing.calculate(db, now=NOW)[HILVERSUM]


def set_to(db: Session, who: Viewer, equity: str, balance: str, **weights: Any) -> None:
    values = {"equity": dials.BY_KEY[equity].equity, "balance": dials.BY_KEY[balance].balance}
    dials.save(db, who, HILVERSUM, now=NOW, **values, **({"area_weights": {}, "uses_area_weights": False} | weights))
    db.commit()


class DescribeThePreview:
    @pytest.mark.parametrize(("equity", "balance"), [("none", "none"), ("little", "little"), ("strongly", "clearly")])
    def it_equals_a_real_run(self, db: Session, farid: Viewer, equity: str, balance: str) -> None:
        make_scarce_town(db)
        promised = figures(db)["cells"][cell_key(equity, balance, False)]
        set_to(db, farid, equity, balance)
        run = propose(db, now=NOW)
        assert (promised["filled"], 60) == (run.counts["proposed"], run.counts["open"])

    def it_equals_a_real_run_with_weights(self, db: Session, farid: Viewer) -> None:
        make_scarce_town(db, seed=3)
        weights = {code: (2.0 if n % 2 else 0.5) for n, code in enumerate(dials.wijken(db, HILVERSUM))}
        set_to(db, farid, "little", "none", area_weights=weights)
        cells = figures(db)["cells"]
        assert len(cells) == 32
        counts = set()
        for counting in (False, True):
            set_to(db, farid, "strongly", "none", area_weights=weights, uses_area_weights=counting)
            assert propose(db, now=NOW).counts["proposed"] == cells[cell_key("strongly", "none", counting)]["filled"]
            counts.add(str(cells[cell_key("strongly", "none", counting)]))
        assert len(counts) == 2, "a weight must make a difference here"

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def it_never_gains_value_by_equity(self, db: Session, cast: Cast, seed: int) -> None:
        """With balance at none, where value is all that equity is weighed against."""
        make_scarce_town(db, seed)
        cells = figures(db)["cells"]
        lost = [cells[cell_key(step.key, "none", False)]["lost"] for step in STEPS]
        assert lost == sorted(lost)
        assert lost[0] == 0
        assert all(cell["lost"] >= 0 for cell in cells.values())

    def it_sees_a_difference_between_the_steps(self, db: Session, cast: Cast) -> None:
        make_scarce_town(db)
        cells = figures(db)["cells"]
        assert cells["none.none"]["low"] < cells["strongly.none"]["low"]  # type: ignore[operator]  # enough to say
        assert cells["none.none"]["lost"] < cells["strongly.none"]["lost"]
        assert cells["none.strongly"]["several"] != cells["none.none"]["several"]

    def it_adds_up(self, db: Session, cast: Cast) -> None:
        make_scarce_town(db)
        found = figures(db)
        assert (found["requests"], found["in_use"], len(found["cells"])) == (60, "little.little", 16)
        for cell in found["cells"].values():
            assert cell["share"] == round(cell["filled"] / 60, 3)
            assert cell["low"] is not None
            assert cell["low"] <= (found["low_requests"] or 0)
            assert (cell["worst"] or 0) <= cell["share"]
        assert found["cells"]["little.little"]["wijken"] == {}

    def it_does_not_depend_on_what_was_proposed_before(self, db: Session, cast: Cast) -> None:
        make_scarce_town(db)
        before = figures(db)
        propose(db, now=NOW)
        assert figures(db) == before

    def it_writes_nothing_while_it_calculates(self, app: Flask, db: Session, cast: Cast) -> None:
        make_scarce_town(db)
        seen: list[str] = []

        def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
            seen.append(statement)

        engine = app.extensions["omzien.engine"]
        event.listen(engine, "before_cursor_execute", note)
        figures(db)
        event.remove(engine, "before_cursor_execute", note)
        assert seen
        assert not [statement for statement in seen if not statement.startswith(("SELECT", "SAVEPOINT"))]


class DescribeFewPeople:
    def it_says_nothing_about_fewer_than_five_requests(self, db: Session, cast: Cast) -> None:
        make_scarce_town(db, requests=4)
        assert figures(db) == previewing.NOTHING

    def it_says_something_about_five(self, db: Session, cast: Cast) -> None:
        make_scarce_town(db, requests=5)
        assert figures(db)["requests"] == 5

    @pytest.mark.parametrize(("wishes", "told"), [(4, False), (12, True), (57, False)])
    def it_tells_of_language_only_where_both_groups_are_large(
        self, db: Session, cast: Cast, wishes: int, told: bool
    ) -> None:
        make_scarce_town(db, wishes=wishes)
        parity = figures(db)["cells"]["little.little"]["parity"]
        assert (parity is not None) == told
        if parity:
            assert parity["asked"] % 5 == parity["others_asked"] % 5 == 0
            assert parity["asked"] == 10

    def it_counts_no_wish_for_dutch_as_another_language(self, db: Session, cast: Cast) -> None:
        make_scarce_town(db, wishes=0)
        for request in db.exec(select(HelpRequest).limit(20)):
            request.languages = ["nl"]
        db.commit()
        assert figures(db)["cells"]["little.little"]["parity"] is None

    def it_rounds_numbers_of_people(self, db: Session, cast: Cast) -> None:
        make_scarce_town(db)
        for cell in figures(db)["cells"].values():
            for count in (*cell["load"], cell["several"]):
                assert count is None or (count >= 5 and count % 5 == 0)
            for change in (cell["wijken"] or {}).values():
                assert abs(change) == 1 or change % 5 == 0

    def it_holds_no_person(self, db: Session, cast: Cast) -> None:
        """The same town with other people in it gives the same figures."""
        make_scarce_town(db)
        before = figures(db)
        for person in db.exec(select(Account)):
            person.first_name = f"X{person.id}"
        db.commit()
        text = str(figures(db))
        assert figures(db) == before
        assert "Hulp" not in text
        assert "BU0402" not in text  # no buurt is named, only wijken that gain or lose

    @given(st.lists(st.integers(-12, 12).filter(bool), min_size=1, max_size=4))
    def it_gives_no_wijk_away(self, real: list[int]) -> None:
        """Checked against all numbers that the rough ones could stand for."""
        rough = [previewing._roughly(number) for number in real]
        choices: list[list[int]] = [[]]
        for number in rough:
            same = [n for n in range(-20, 21) if n and previewing._roughly(n) == number]
            choices = [[*start, n] for start in choices for n in same]
        fitting = [each for each in choices if sum(each) == sum(real)]
        known = any(len({each[position] for each in fitting}) == 1 for position in range(len(real)))
        assert previewing.gives_away(rough, sum(real)) == known


class DescribeTheJob:
    def it_works(self, open_session: OpenSession, db: Session, cast: Cast) -> None:
        make_scarce_town(db)
        assert jobs.run("preview", open_session, now=NOW) == 1
        kept = db.exec(select(MatcherPreview)).one()
        assert (kept.gemeente_code, kept.at, kept.figures) == (HILVERSUM, NOW, dict(figures(db)))

    def it_replaces_the_earlier_one(self, open_session: OpenSession, db: Session, farid: Viewer) -> None:
        make_scarce_town(db)
        jobs.run("preview", open_session, now=NOW)
        set_to(db, farid, "strongly", "none", area_weights={OOST: 2.0}, uses_area_weights=True)
        jobs.run("preview", open_session, now=NOW)
        db.expire_all()
        found = db.exec(select(MatcherPreview)).one().figures
        assert (found["in_use"], found["weights"]) == ("strongly.none.wijken", {OOST: 2.0})

    def it_needs_no_volunteers_and_no_requests(self, open_session: OpenSession, db: Session, cast: Cast) -> None:
        for volunteer in db.exec(select(Volunteer)):
            db.delete(volunteer)
        db.commit()
        assert jobs.run("preview", open_session, now=NOW) == 1
        make_scarce_town(db, volunteers=0)
        assert jobs.run("preview", open_session, now=NOW) == 1
        db.expire_all()
        found = db.exec(select(MatcherPreview)).one().figures
        assert {cell["filled"] for cell in found["cells"].values()} == {0}


class DescribeTheRun:
    """propose() uses what each gemeente chose."""

    def it_gives_each_buurt_and_volunteer_the_dials_of_their_gemeente(
        self, db: Session, cast: Cast, farid: Viewer
    ) -> None:
        here = {"lon": 5.2, "lat": 52.3, "x": 145000, "y": 478000}
        db.add(Gemeente(code="GM0406", name="Huizen", year=2026, **here))
        db.flush()
        db.add(Wijk(code="WK040600", gemeente_code="GM0406", name="Huizen", **here))
        db.flush()
        db.add(Buurt(code="BU04060000", wijk_code="WK040600", gemeente_code="GM0406", name="Huizen", **here))
        db.flush()
        neighbour = make_person(db, "Hans", "BU04060000", 77)
        db.add(Volunteer(account_id=neighbour.id, skills=["groceries"], slots=ALL_SLOTS, languages=["nl"],
                         created_at=NOW, updated_at=NOW))  # fmt: skip
        set_to(db, farid, "strongly", "clearly", area_weights={OOST: 2.0, ZUID: 0.5}, uses_area_weights=True)
        town = read_town(db, now=NOW, place_code=None)
        solve = solver(town, dials.read(db), PriorRule())
        at = {code: solve.equity[town.buurten[code]] for code in (DRIFTBUURT, BLOEMENKWARTIER, "BU04060000")}
        assert at == {DRIFTBUURT: 2.0, BLOEMENKWARTIER: 0.5, "BU04060000": 0.1}
        balance = dict(zip(town.volunteer_ids, solve.balance[town.problem.volunteers.buurt].tolist(), strict=True))
        assert (balance[cast.bram.id], balance[neighbour.id]) == (0.3, 0.1)  # type: ignore[index]  # both have one

    def it_keeps_a_dial_that_is_given(self, db: Session, farid: Viewer) -> None:
        make_scarce_town(db)
        set_to(db, farid, "none", "strongly")
        cells = figures(db)["cells"]
        assert propose(db, now=NOW, balance=0.0).counts["proposed"] == cells["none.none"]["filled"]
        assert propose(db, now=NOW).counts["proposed"] == cells["none.strongly"]["filled"]
        assert cells["none.none"]["filled"] != cells["none.strongly"]["filled"]

    def it_leaves_other_gemeenten_as_they_are(self, db: Session, cast: Cast) -> None:
        town = read_town(db, now=NOW, place_code=None)
        settings = {HILVERSUM: Dials(HILVERSUM, equity=0.3, balance=1.0)}
        assert set(solver(town, settings, PriorRule()).equity.tolist()) == {0.3}
        assert set(solver(town, settings, PriorRule(), equity=0.0).equity.tolist()) == {0.0}
