"""The dials of a gemeente: what they stand at, who may set them, and what is refused."""

import math
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, select

from matching.access import HeldRole, Viewer
from matching.errors import IllegalMove, Invalid, NotAllowed, NotFound
from matching.models import Account, Event, Gemeente, MatcherSetting, Tag
from matching.services import dials
from tests.people import DRIFTBUURT, HILVERSUM, NOW, OOST, ZUID, Cast

LATER = NOW + timedelta(hours=1)


def viewer(person: Account, role: str = "coordinator", place: str = HILVERSUM) -> Viewer:
    return Viewer(person.id, (HeldRole(role, place),))


def save(db: Session, who: Viewer, code: str = HILVERSUM, **changes: Any) -> bool:
    usual = {"equity": 0.1, "balance": 0.1, "area_weights": {}, "uses_area_weights": False, "now": NOW}
    return dials.save(db, who, code, **(usual | changes))


def events(db: Session) -> list[Event]:
    return list(db.exec(select(Event).where(Event.tag == Tag.DIALS_CHANGED)))


@pytest.fixture
def farid(cast: Cast) -> Viewer:
    return viewer(cast.farid)


class DescribeReading:
    def it_starts_at_the_usual_setting(self, db: Session, cast: Cast) -> None:
        found = dials.read(db)[HILVERSUM]
        assert (found.equity, found.balance, found.area_weights, found.uses_area_weights) == (0.1, 0.1, {}, False)
        assert (found.equity_step, found.balance_step, found.changed_at) == ("little", "little", None)

    def it_finds_the_word_nearest_to_a_number(self) -> None:
        steps = [dials.Dials("GM1", equity=number).equity_step for number in (0, 0.06, 0.2001, 0.64, 0.66, 9)]
        assert steps == ["none", "little", "clearly", "clearly", "strongly", "strongly"]

    def it_multiplies_equity_only_where_weights_count(self) -> None:
        off = dials.Dials(HILVERSUM, equity=0.3, area_weights={OOST: 2.0})
        on = dials.Dials(HILVERSUM, equity=0.3, area_weights={OOST: 2.0}, uses_area_weights=True)
        assert (off.equity_in(DRIFTBUURT), on.equity_in(DRIFTBUURT), on.equity_in("BU04020401")) == (0.3, 0.6, 0.3)


class DescribeSaving:
    def it_keeps_everything_and_says_who(self, db: Session, farid: Viewer) -> None:
        assert save(db, farid, equity=0.3, balance=1.0, area_weights={OOST: 1.5, ZUID: 1}, uses_area_weights=True)
        db.expire_all()
        found = dials.read(db, [HILVERSUM])[HILVERSUM]
        assert (found.equity, found.balance, found.area_weights, found.uses_area_weights) == (0.3, 1, {OOST: 1.5}, True)
        assert (found.changed_at, found.changed_by) == (NOW, "Farid")

    def it_records_the_old_and_the_new(self, db: Session, farid: Viewer) -> None:
        save(db, farid, equity=0.3)
        save(db, farid, equity=0.3, area_weights={OOST: 2})
        first, second = events(db)
        assert first.actor_id == farid.account_id
        assert (first.data["old"]["equity"], first.data["new"]["equity"]) == (0.1, 0.3)
        assert (second.data["old"]["area_weights"], second.data["new"]["area_weights"]) == ({}, {OOST: 2})
        assert second.data["gemeente"] == HILVERSUM

    def it_does_nothing_where_nothing_changes(self, db: Session, farid: Viewer) -> None:
        assert not save(db, farid, area_weights={OOST: 1.0})
        assert db.get(MatcherSetting, HILVERSUM) is None
        assert events(db) == []

    @pytest.mark.parametrize(
        ("change", "field", "reason"),
        [
            ({"equity": -0.1}, "equity", "out_of_range"),
            ({"equity": math.nan}, "equity", "out_of_range"),
            ({"balance": math.inf}, "balance", "out_of_range"),
            ({"balance": 10.1}, "balance", "out_of_range"),
            ({"area_weights": {OOST: 0.4}}, OOST, "out_of_range"),
            ({"area_weights": {OOST: math.nan}}, OOST, "out_of_range"),
            ({"area_weights": {ZUID: 1, OOST: 2.1}}, OOST, "out_of_range"),
            ({"area_weights": {"WK999999": 1}}, "area_weights", "unknown_wijk"),
        ],
    )
    def it_refuses(self, db: Session, farid: Viewer, change: dict[str, Any], field: str, reason: str) -> None:
        with pytest.raises(Invalid) as caught:
            save(db, farid, **change)
        assert (caught.value.field, caught.value.reason) == (field, reason)
        assert db.get(MatcherSetting, HILVERSUM) is None

    def it_notices_a_change_by_somebody_else(self, db: Session, farid: Viewer, cast: Cast) -> None:
        seen = dials.look(db, farid, HILVERSUM).stamp
        save(db, viewer(cast.greet, "beheerder"), equity=1.0, seen=seen)
        with pytest.raises(IllegalMove):
            save(db, farid, equity=0.3, seen=seen, now=LATER)
        assert dials.read(db)[HILVERSUM].equity == 1.0
        assert save(db, farid, equity=0.3, seen=dials.look(db, farid, HILVERSUM).stamp, now=LATER)


class DescribeWhoMay:
    @pytest.mark.parametrize(
        ("role", "place", "may"),
        [
            ("coordinator", HILVERSUM, True),
            ("beheerder", HILVERSUM, True),
            ("opbouwwerker", HILVERSUM, False),
            ("sociaal_plein", HILVERSUM, False),
            ("coordinator", OOST, False),
            ("coordinator", "GM0406", False),
        ],
    )
    def it_lets_only_these(self, db: Session, cast: Cast, role: str, place: str, may: bool) -> None:
        who = viewer(cast.farid, role, place)
        if may:
            assert save(db, who, equity=1.0)
            return
        with pytest.raises(NotAllowed):
            save(db, who, equity=1.0)
        with pytest.raises(NotAllowed):
            dials.look(db, who, HILVERSUM)
        assert events(db) == []

    def it_knows_no_gemeente_that_is_not_there(self, db: Session, cast: Cast) -> None:
        with pytest.raises(NotFound):
            save(db, viewer(cast.farid, place="GM9999"), "GM9999", equity=1.0)

    def it_sets_one_gemeente_and_leaves_the_other(self, db: Session, cast: Cast, farid: Viewer) -> None:
        db.add(Gemeente(code="GM0406", name="Huizen", lon=5.2, lat=52.3, x=145000, y=478000, year=2026))
        db.flush()
        save(db, farid, equity=1.0)
        assert {code: found.equity for code, found in dials.read(db).items()} == {HILVERSUM: 1.0, "GM0406": 0.1}
        with pytest.raises(NotAllowed):
            save(db, farid, "GM0406", equity=1.0)
