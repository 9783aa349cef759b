"""Asking, arranging, calendar and ledger together: what ends takes along what hangs from it, and two who decide at the
same moment wait for each other."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlmodel import Session, select

from matching import jobs
from matching.database import open_engine
from matching.models import (
    Account,
    Arrangement,
    CareSituation,
    GapOffer,
    HelpRequest,
    Pairing,
    ReliefRequest,
    RespijtBooking,
    RespijtGap,
)
from matching.models.encrypted import use_keys
from matching.services import arranging, care, ledger, locks, pairing, referring, relief, respijt_calendar
from matching.services.respijt_calendar import ASSUMED_AFTER
from matching.workflow import ArrangementState, BookingState, ReliefState, RequestState
from tests.caring import make_arrangement, make_booking, make_entitlement, make_provider, make_relief, make_situation
from tests.matching.test_arranging import (
    KEY,
    THURSDAY,
    both_said_yes,
    chantal_of,
    clear,
    messages,
    running,
    taken_up,
    with_back_ups,
)
from tests.people import MONDAY, NOW, Cast, make_cast
from web.db import session_factory

HOURS = timedelta(hours=3)
Open = Callable[[bool], Session]
ENDS: dict[str, Callable[[Session, Cast, Arrangement, ReliefRequest, CareSituation], None]] = {
    "the volunteer stops": lambda db, cast, a, r, s: arranging.refuse(db, a, reason="time", by=key(cast.bram), now=NOW),
    "the desk stops": lambda db, cast, a, r, s: arranging.refuse(db, a, reason="other", by=key(cast.chantal), now=NOW),
    "Els withdraws": lambda db, cast, a, r, s: relief.withdraw(db, r, by=key(cast.els), now=NOW),
    "it closes": lambda db, cast, a, r, s: care.close(db, s, reason="stopped", by=key(cast.els), now=NOW),
    "no consent": lambda db, cast, a, r, s: care.withdraw_cared_for_consent(db, s, by=key(cast.els), now=NOW),
}


def key(person: Account) -> int:
    assert person.id is not None
    return person.id


def situation_of(db: Session, arrangement: Arrangement) -> CareSituation:
    return db.get_one(CareSituation, db.get_one(ReliefRequest, arrangement.relief_id).situation_id)


class DescribeATrial:
    @pytest.mark.parametrize("how", ENDS)
    @pytest.mark.parametrize("has_pairing", [True, False])
    def it_is_called_off_when_they_stop_before_it_runs(
        self, db: Session, cast: Cast, how: str, has_pairing: bool
    ) -> None:
        clear(db, cast.bram)
        asked = taken_up(db, cast)
        situation = db.get_one(CareSituation, asked.situation_id)
        if has_pairing:
            made = both_said_yes(db, cast, asked, cast.bram)
            arranging.introduced(db, made, MONDAY, by=key(cast.chantal), now=NOW)
        else:
            made = make_arrangement(db, asked, volunteer_id=cast.bram.id, state=ArrangementState.TRIAL)
        make_entitlement(db, situation, cast.chantal)
        trial = respijt_calendar.book(
            db, made, starts_at=THURSDAY, ends_at=THURSDAY + HOURS, payer="volunteer", by=cast.chantal.id, now=NOW
        )
        ENDS[how](db, cast, made, asked, situation)
        assert (made.state, trial.state) == (ArrangementState.REFUSED, BookingState.CANCELLED)
        assert not respijt_calendar.assume_used(db, trial.id or 0, now=THURSDAY + 2 * ASSUMED_AFTER)
        (balance,) = ledger.balances(db, situation.id or 0, today=MONDAY)
        assert (balance.planned, balance.used) == (0, 0)


class DescribeTheEnd:
    def it_asks_the_back_up_for_what_comes_soon_and_brings_it_to_the_desk(self, db: Session, cast: Cast) -> None:
        first, second = with_back_ups(db, cast)
        situation = situation_of(db, first)
        soon = make_booking(db, first, situation, THURSDAY)
        late = make_booking(db, first, situation, THURSDAY + timedelta(weeks=3))
        arranging.end(db, first, reason="moved", by=key(cast.bram), now=NOW)
        asked = db.get_one(ReliefRequest, first.relief_id)
        assert asked.state == ReliefState.ARRANGING
        assert [row.id for row in relief.open_for_desk(db, chantal_of(cast))] == [asked.id]
        assert (soon.state, late.state) == (BookingState.CANCELLED, BookingState.CANCELLED)
        assert db.exec(select(RespijtGap.booking_id)).all() == [soon.id]
        assert db.exec(select(GapOffer.arrangement_id)).all() == [second.id]
        arranging.make_regular(db, second, by=key(cast.chantal), now=NOW)
        assert asked.state == ReliefState.RUNNING

    def it_goes_on_when_a_back_up_stops(self, db: Session, cast: Cast) -> None:
        first, second = with_back_ups(db, cast)
        arranging.end(db, second, reason="time", by=second.volunteer_id or 0, now=NOW)
        assert db.get_one(ReliefRequest, first.relief_id).state == ReliefState.RUNNING

    def it_ends_all_that_hangs_from_a_referral_that_is_done(self, db: Session, cast: Cast) -> None:
        asked, viewer = taken_up(db, cast), chantal_of(cast)
        first, other = (
            referring.refer(
                db,
                asked,
                make_provider(db, name, forms=["home_volunteer"]),
                viewer=viewer,
                now=NOW,
                follow_up_on=MONDAY,
            )
            for name in ("Thuiszorg A", "Thuiszorg B")
        )
        referring.place(db, first, viewer=viewer, now=NOW)
        search = arranging.search(db, asked, viewer=viewer, now=NOW)
        referring.end(db, first, reason="finished", viewer=viewer, now=NOW)
        assert (asked.state, asked.end_reason, asked.ended_at) == (ReliefState.DONE, "finished", NOW)
        assert (other.state, search.state) == (ArrangementState.REFUSED, RequestState.WITHDRAWN)
        assert f"relief_news:{asked.id}:finished" in messages(db, cast.els)

    def it_leaves_a_stay_that_is_under_way_to_people(self, db: Session, cast: Cast) -> None:
        situation = make_situation(db, cast.els)
        asked = make_relief(db, situation, form="guest_house", rrule="", slots=0, state=ReliefState.RUNNING)
        place = make_arrangement(db, asked, provider_id=make_provider(db).id)
        make_entitlement(db, situation, cast.chantal, payer="wmo", form="guest_house", unit="night", units=20)
        stay, later = (
            respijt_calendar.book(
                db,
                place,
                starts_at=NOW + timedelta(days=first, hours=3),
                ends_at=NOW + timedelta(days=last),
                payer="wmo",
                by=cast.chantal.id,
                now=NOW,
            )
            for first, last in ((0, 10), (12, 14))
        )
        care.close(db, situation, reason="died", by=key(cast.els), now=NOW + timedelta(days=8))
        assert (stay.state, later.state) == (BookingState.PLANNED, BookingState.CANCELLED)
        assert ledger.balances(db, situation.id or 0, today=MONDAY)[0].planned == 10
        assert f"respijt_at_desk:under_way:{stay.id}:{cast.chantal.id}" in messages(db, cast.chantal)


class DescribeTimeOffThatIsOver:
    def finished(self, db: Session, asked: ReliefRequest) -> bool:
        """Whether the nightly job finishes it."""
        db.commit()
        bind = db.get_bind()
        jobs.run("lay_out", lambda _writes: Session(bind), now=NOW)
        db.expire_all()
        return asked.state == ReliefState.DONE

    def it_finishes_after_the_last_day(self, db: Session, cast: Cast) -> None:
        made = running(db, cast, cast.bram, last_day=MONDAY - timedelta(days=1))
        asked = db.get_one(ReliefRequest, made.relief_id)
        assert self.finished(db, asked)
        assert (made.state, asked.end_reason) == (ArrangementState.ENDED, "passed")
        assert f"relief_news:{asked.id}:finished" in messages(db, cast.els)
        assert f"arrangement_news:{made.id}:ended:{cast.bram.id}" in messages(db, cast.bram)

    def it_finishes_what_was_once_and_went_ahead(self, db: Session, cast: Cast) -> None:
        made = running(db, cast, cast.bram, rrule="")
        asked = db.get_one(ReliefRequest, made.relief_id)
        make_booking(db, made, situation_of(db, made), NOW - timedelta(days=2), state=BookingState.USED)
        assert self.finished(db, asked)

    @pytest.mark.parametrize("state", [BookingState.PLANNED, BookingState.CANCELLED, BookingState.NO_SHOW])
    def it_waits_while_it_is_planned_or_did_not_go_ahead(self, db: Session, cast: Cast, state: BookingState) -> None:
        made = running(db, cast, cast.bram, rrule="")
        make_booking(db, made, situation_of(db, made), NOW - timedelta(days=2), state=state)
        assert not self.finished(db, db.get_one(ReliefRequest, made.relief_id))

    def it_goes_on_without_a_last_day_and_on_the_last_day_itself(self, db: Session, cast: Cast) -> None:
        made = running(db, cast, cast.bram)
        asked = db.get_one(ReliefRequest, made.relief_id)
        make_booking(db, made, situation_of(db, made), NOW - timedelta(days=9), state=BookingState.USED)
        assert not self.finished(db, asked)
        asked.last_day = MONDAY
        assert not self.finished(db, asked)


class DescribeTwoAtTheSameMoment:
    """One holds what it took while the other begins; on SQLite the second waits for the first."""

    @pytest.fixture
    def sessions(self, separate_database: str) -> Iterator[Open]:
        use_keys((KEY,))
        engine = open_engine(separate_database)
        yield session_factory(engine)
        engine.dispose()

    def outcomes(
        self, sessions: Open, first: list[Callable[[Session], object]], second: Callable[[Session], object]
    ) -> list[str]:
        """What became of both, "" where nothing was raised. The second begins after the first part of `first`."""
        began, said = threading.Event(), ["unknown", "unknown"]

        def one() -> None:
            try:
                with sessions(True) as db:
                    for part in first:
                        part(db)
                        if not began.is_set():
                            began.set()
                            threading.Event().wait(0.7)  # the other one is at the row by then
                    db.commit()
                said[0] = ""
            except Exception as error:
                said[0] = repr(error)

        def other() -> None:
            began.wait(10)
            try:
                with sessions(True) as db:
                    second(db)
                    db.commit()
                said[1] = ""
            except Exception as error:
                said[1] = repr(error)

        threads = [threading.Thread(target=each) for each in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return said

    def it_leaves_no_search_behind_when_it_is_withdrawn(self, sessions: Open) -> None:
        with sessions(True) as db:
            cast = make_cast(db)
            asked, viewer, els = taken_up(db, cast).id, chantal_of(cast), key(cast.els)
            db.commit()
        assert self.outcomes(
            sessions,
            [lambda db: arranging.search(db, db.get_one(ReliefRequest, asked), viewer=viewer, now=NOW)],
            lambda db: relief.withdraw(db, db.get_one(ReliefRequest, asked), by=els, now=NOW),
        ) == ["", ""]
        with sessions(False) as db:
            assert db.get_one(ReliefRequest, asked).state == ReliefState.WITHDRAWN
            assert [each.state for each in db.exec(select(HelpRequest))] == [RequestState.WITHDRAWN]

    def it_plans_nothing_for_what_ends(self, sessions: Open) -> None:
        with sessions(True) as db:
            cast = make_cast(db)
            made, desk, els = with_back_ups(db, cast)[0].id, cast.chantal.id, key(cast.els)
            db.commit()
        assert self.outcomes(
            sessions,
            [
                lambda db: respijt_calendar.book(
                    db,
                    db.get_one(Arrangement, made),
                    starts_at=THURSDAY,
                    ends_at=THURSDAY + HOURS,
                    payer="",
                    by=desk,
                    now=NOW,
                )
            ],
            lambda db: arranging.end(db, db.get_one(Arrangement, made), reason="time", by=els, now=NOW),
        ) == ["", ""]
        with sessions(False) as db:
            assert db.get_one(Arrangement, made).state == ArrangementState.ENDED
            assert [each.state for each in db.exec(select(RespijtBooking))] == [BookingState.CANCELLED]

    def it_plans_no_trial_for_somebody_who_stops(self, sessions: Open) -> None:
        with sessions(True) as db:
            cast = make_cast(db)
            clear(db, cast.bram)
            arrangement = both_said_yes(db, cast, taken_up(db, cast), cast.bram)
            arranging.introduced(db, arrangement, MONDAY, by=key(cast.chantal), now=NOW)
            made, bram, els = arrangement.id, key(cast.bram), cast.els.id
            db.commit()
        assert self.outcomes(
            sessions,
            [
                lambda db: respijt_calendar.book(
                    db,
                    db.get_one(Arrangement, made),
                    starts_at=THURSDAY,
                    ends_at=THURSDAY + HOURS,
                    payer="",
                    by=els,
                    now=NOW,
                )
            ],
            lambda db: arranging.refuse(db, db.get_one(Arrangement, made), reason="time", by=bram, now=NOW),
        ) == ["", ""]
        with sessions(False) as db:
            assert [each.state for each in db.exec(select(RespijtBooking))] == [BookingState.CANCELLED]

    def it_lets_withdrawing_and_closing_wait_for_each_other(self, sessions: Open) -> None:
        with sessions(True) as db:
            cast = make_cast(db)
            first, *_others = with_back_ups(db, cast)
            asked, situation, els = first.relief_id, situation_of(db, first).id or 0, key(cast.els)
            make_booking(db, first, situation_of(db, first), THURSDAY)
            db.commit()
        said = self.outcomes(
            sessions,
            [
                lambda db: locks.relief(db, asked),
                lambda db: relief.withdraw(db, db.get_one(ReliefRequest, asked), by=els, now=NOW),
            ],
            lambda db: care.close(db, db.get_one(CareSituation, situation), reason="died", by=els, now=NOW),
        )
        assert said == ["", ""]
        with sessions(False) as db:
            assert db.get_one(ReliefRequest, asked).state == ReliefState.WITHDRAWN

    def it_lets_asking_a_known_face_and_withdrawing_wait_for_each_other(self, sessions: Open) -> None:
        with sessions(True) as db:
            cast = make_cast(db)
            clear(db, cast.bram)
            relief_row = taken_up(db, cast)
            before = make_relief(db, db.get_one(CareSituation, relief_row.situation_id), state=ReliefState.DONE)
            make_arrangement(db, before, volunteer_id=cast.bram.id, state=ArrangementState.ENDED)
            arranging.search(db, relief_row, viewer=chantal_of(cast), now=NOW)
            asked, bram, els, viewer = relief_row.id or 0, key(cast.bram), key(cast.els), chantal_of(cast)
            db.commit()
        said = self.outcomes(
            sessions,
            [
                lambda db: locks.relief(db, asked, with_request=False),
                lambda db: arranging.offer_same_face(
                    db, db.get_one(ReliefRequest, asked), bram, viewer=viewer, reason="Bekend.", now=NOW
                ),
            ],
            lambda db: relief.withdraw(db, db.get_one(ReliefRequest, asked), by=els, now=NOW),
        )
        assert said == ["", ""]
        with sessions(False) as db:
            assert db.exec(select(HelpRequest)).one().state == RequestState.WITHDRAWN

    def it_lets_a_volunteer_who_stops_and_els_who_withdraws_wait_for_each_other(self, sessions: Open) -> None:
        with sessions(True) as db:
            cast = make_cast(db)
            clear(db, cast.bram)
            relief_row = taken_up(db, cast)
            made = both_said_yes(db, cast, relief_row, cast.bram)
            arranging.introduced(db, made, MONDAY, by=key(cast.chantal), now=NOW)
            make_entitlement(db, situation_of(db, made), cast.chantal)
            respijt_calendar.book(
                db, made, starts_at=THURSDAY, ends_at=THURSDAY + HOURS, payer="volunteer", by=cast.els.id, now=NOW
            )
            asked, bram, els = relief_row.id or 0, key(cast.bram), key(cast.els)
            db.commit()
        said = self.outcomes(
            sessions,
            [
                lambda db: pairing._lock(db, db.exec(select(Pairing)).one()),  # what each step of a pairing begins with
                lambda db: pairing.fall_through(db, db.exec(select(Pairing)).one(), "time", now=NOW, actor_id=bram),
            ],
            lambda db: relief.withdraw(db, db.get_one(ReliefRequest, asked), by=els, now=NOW),
        )
        assert said == ["", ""]
        with sessions(False) as db:
            assert db.exec(select(RespijtBooking)).one().state == BookingState.CANCELLED
