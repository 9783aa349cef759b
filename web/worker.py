"""The queue and what it runs: huey in an SQLite file or in the PostgreSQL database.

The outbox is the truth; the queue only wakes the worker early. A lost wake-up costs at most a minute.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flask import Flask

from matching.notices import UNDO_WINDOW
from web.config import Settings

if TYPE_CHECKING:
    from huey import Huey

log = logging.getLogger("omzien.worker")


class Queue:
    """The queue of an app, opened when it is first needed: a page that sends nothing never loads huey."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    @cached_property
    def huey(self) -> Huey:
        return open_queue(self._app.config["OMZIEN"])

    @cached_property
    def tasks(self) -> dict[str, Any]:
        return register(self.huey, self._app)

    def wake(self) -> None:
        """Let the worker look at the outbox now, and again when the minute for taking back is over."""
        self.tasks["deliver"]()
        self.tasks["deliver"].schedule(delay=UNDO_WINDOW.total_seconds() + 1)

    def wake_to_ask(self, delay: float) -> None:
        """Let the worker look whom to ask, where we ask around: now, or so many seconds from now."""
        self.tasks["offer"].schedule(delay=delay + 1) if delay else self.tasks["offer"]()

    def preview(self) -> None:
        """Let the worker calculate what the dials would do, now that they were changed."""
        self.tasks["preview"]()


def init_app(app: Flask) -> None:
    """Give the app its queue."""
    app.extensions["omzien.queue"] = Queue(app)


def open_queue(settings: Settings) -> Huey:
    """The queue that fits the database."""
    from huey import MemoryHuey, PostgresHuey, SqliteHuey  # late: see Queue

    if settings.testing:
        return MemoryHuey("omzien")
    if settings.database_url.startswith("sqlite"):
        return SqliteHuey("omzien", filename=str(settings.home / "queue.sqlite3"))
    dsn = settings.database_url.replace("+psycopg", "").replace("postgres://", "postgresql://")
    return PostgresHuey("omzien", dsn=dsn)


def register(huey: Huey, app: Flask) -> dict[str, Any]:
    """The tasks that others start, by name. Their bodies import late: no page may load the matcher."""
    from huey import crontab  # late: see Queue

    def run(name: str) -> None:
        from matching import jobs  # see above
        from web.mail import SmtpPost

        settings: Settings = app.config["OMZIEN"]
        jobs.run(name, app.extensions["omzien.sessions"], post=SmtpPost(app), home=settings.home)

    @huey.task(name="deliver")
    def deliver() -> None:
        run("deliver")

    @huey.task(name="preview")
    def preview() -> None:
        run("preview")

    @huey.task(name="offer")
    def offer() -> None:
        run("offer")

    @huey.periodic_task(crontab(), name="every_minute")
    def every_minute() -> None:
        run("deliver")

    @huey.periodic_task(crontab(minute="*/15"), name="every_quarter")
    def every_quarter() -> None:
        for name in ("expire", "match", "offer"):
            try:
                run(name)
            except Exception:  # one job that fails must not keep the next from running
                log.exception("job %s failed", name)

    @huey.periodic_task(crontab(minute="5"), name="every_hour")
    def every_hour() -> None:
        run("preview")

    @huey.periodic_task(crontab(minute="30", hour="2"), name="every_night")
    def every_night() -> None:
        run("lay_out")

    @huey.periodic_task(crontab(minute="0", hour="3"), name="every_night_signals")
    def every_night_signals() -> None:
        for name in ("signals", "figures"):
            try:
                run(name)
            except Exception:  # as above
                log.exception("job %s failed", name)

    @huey.periodic_task(crontab(minute="0", hour="7"), name="every_morning")
    def every_morning() -> None:
        run("remind")
        run("check_in")
        run("plans")
        run("forget")

    @huey.periodic_task(crontab(minute="30", hour="22", day_of_week="0"), name="every_sunday_night")
    def every_sunday_night() -> None:
        run("train")

    return {"deliver": deliver, "offer": offer, "preview": preview}


def run_consumer(app: Flask) -> None:
    """Work until stopped. One thread: the jobs are short, and SQLite has one writer anyway."""
    queue: Queue = app.extensions["omzien.queue"]
    assert queue.tasks  # registered before the first one is taken
    queue.huey.create_consumer(workers=1, periodic=True, initial_delay=0.1, max_delay=1.0).run()
