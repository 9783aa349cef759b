"""The queue and what it runs: huey in an SQLite file or in the PostgreSQL database.

The outbox is the truth; the queue only wakes the worker early. A lost wake-up costs at most a minute.
"""

from typing import Any

from flask import Flask
from huey import Huey, MemoryHuey, PostgresHuey, SqliteHuey, crontab

from matching.notices import UNDO_WINDOW
from web.config import Settings


def init_app(app: Flask) -> None:
    """Give the app its queue and a way to wake the worker after a commit."""
    huey = open_queue(app.config["OMZIEN"])
    tasks = register(huey, app)
    app.extensions["omzien.huey"] = huey

    def wake() -> None:
        tasks["deliver"]()
        tasks["deliver"].schedule(delay=UNDO_WINDOW.total_seconds() + 1)

    app.extensions["omzien.wake"] = wake


def open_queue(settings: Settings) -> Huey:
    """The queue that fits the database."""
    if settings.testing:
        return MemoryHuey("omzien")
    if settings.database_url.startswith("sqlite"):
        return SqliteHuey("omzien", filename=str(settings.home / "queue.sqlite3"))
    return PostgresHuey(
        "omzien", dsn=settings.database_url.replace("+psycopg", "").replace("postgres://", "postgresql://")
    )


def register(huey: Huey, app: Flask) -> dict[str, Any]:
    """The tasks that others start, by name. Their bodies import late: no page may load the matcher."""

    def run(name: str) -> None:
        from matching import jobs  # see above
        from web.mail import SmtpPost

        jobs.run(name, app.extensions["omzien.sessions"], post=SmtpPost(app))

    @huey.task(name="deliver")
    def deliver() -> None:
        run("deliver")

    @huey.periodic_task(crontab(), name="every_minute")
    def every_minute() -> None:
        run("deliver")

    @huey.periodic_task(crontab(minute="*/15"), name="every_quarter")
    def every_quarter() -> None:
        run("expire")
        run("match")

    @huey.periodic_task(crontab(minute="0", hour="7"), name="every_morning")
    def every_morning() -> None:
        run("remind")
        run("forget")

    return {"deliver": deliver}


def run_consumer(app: Flask) -> None:
    """Work until stopped. One thread: the jobs are short, and SQLite has one writer anyway."""
    app.extensions["omzien.huey"].create_consumer(workers=1, periodic=True, initial_delay=0.1, max_delay=1.0).run()
