"""The outbox: nothing is lost, nothing is doubled, and what cannot be sent ends where a human sees it."""

from datetime import timedelta

import pytest
from sqlmodel import Session, select

from matching.models import OutboxMessage
from matching.notices import Notice
from matching.services import outbox
from tests.people import NOW, Cast


def message(db: Session) -> OutboxMessage:
    return db.exec(select(OutboxMessage)).one()


def notice(cast: Cast, key: str = "greeting:1", delay: timedelta = timedelta(0)) -> Notice:
    assert cast.anna.id is not None
    return Notice(key, cast.anna.id, "sign_in", delay=delay)


def it_writes_a_notice_once(db: Session, cast: Cast) -> None:
    outbox.post(db, notice(cast), now=NOW)
    db.flush()
    outbox.post(db, notice(cast), now=NOW)
    assert message(db).key == "greeting:1"


def it_waits_until_it_is_due(db: Session, cast: Cast) -> None:
    outbox.post(db, notice(cast, delay=timedelta(minutes=1)), now=NOW)
    db.flush()
    assert outbox.due(db, now=NOW + timedelta(seconds=59)) == []
    assert outbox.due(db, now=NOW + timedelta(seconds=60)) == [message(db).id]


def it_can_be_taken_back(db: Session, cast: Cast) -> None:
    outbox.post(db, notice(cast, "asked:7:1"), now=NOW)
    outbox.post(db, notice(cast, "asked:71:1"), now=NOW)
    db.flush()
    outbox.cancel(db, "asked:7:", now=NOW)
    left = db.exec(select(OutboxMessage).where(OutboxMessage.cancelled_at == None)).all()  # noqa: E711  # SQL
    assert [m.key for m in left] == ["asked:71:1"]


def it_takes_a_wildcard_in_a_key_literally(db: Session, cast: Cast) -> None:
    outbox.post(db, notice(cast, "asked:7:1"), now=NOW)
    db.flush()
    outbox.cancel(db, "asked:%:", now=NOW)
    db.expire_all()
    assert message(db).cancelled_at is None


def it_is_claimed_by_one_worker_only(db: Session, cast: Cast) -> None:
    outbox.post(db, notice(cast), now=NOW)
    db.flush()
    found = message(db).id
    assert found is not None
    assert outbox.claim(db, found, now=NOW) is not None
    assert outbox.claim(db, found, now=NOW) is None
    assert outbox.due(db, now=NOW) == []


def it_comes_back_when_a_worker_died(db: Session, cast: Cast) -> None:
    outbox.post(db, notice(cast), now=NOW)
    db.flush()
    found = message(db).id
    assert found is not None
    outbox.claim(db, found, now=NOW)
    later = NOW + outbox.LEASE
    assert outbox.due(db, now=later) == [found]
    assert outbox.claim(db, found, now=later) is not None


def it_tries_later_and_later_and_then_asks_a_human(db: Session, cast: Cast) -> None:
    outbox.post(db, notice(cast), now=NOW)
    db.flush()
    moment, waits = NOW, []
    while message(db).failed_at is None:
        found = message(db).id
        assert found is not None
        taken = outbox.claim(db, found, now=moment)
        assert taken is not None
        outbox.mark_failed(db, taken, "451 later", now=moment)
        db.flush()
        if taken.failed_at is None:
            waits.append(taken.due_at - moment)
            moment = taken.due_at
    assert waits == list(outbox.BACKOFF)
    assert message(db).last_error == "451 later"
    assert outbox.due(db, now=moment + timedelta(days=30)) == []


@pytest.mark.parametrize("error", ["x" * 5000, "ünïcode \N{SNOWMAN}"])
def it_keeps_a_long_error_short(db: Session, cast: Cast, error: str) -> None:
    outbox.post(db, notice(cast), now=NOW)
    db.flush()
    outbox.mark_failed(db, message(db), error, now=NOW, final=True)
    db.flush()
    assert message(db).last_error == error[:300]
