"""Opening the database: SQLite in WAL mode or PostgreSQL, from one URL."""

from typing import Any

from sqlalchemy import Engine, ExceptionContext, create_engine, event

WRITES = "omzien_writes"  # execution option: this transaction will write


def normalise(url: str) -> str:
    """The URL with the driver this program uses (psycopg 3 for PostgreSQL)."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    return url


def open_engine(url: str, **options: Any) -> Engine:
    """An engine for `url`. Its errors name no values: they end in a log, and values are what people told us. On SQLite:
    WAL, foreign keys, a busy time-out of 10 s, and transactions that begin when we say so; a transaction that will
    write takes its lock at the start (option WRITES), because one that begins as a reader and then writes fails at
    once where another writer was in between."""
    url = normalise(url)
    if not url.startswith("sqlite"):
        engine = create_engine(url, pool_pre_ping=True, hide_parameters=True, **options)
        event.listen(engine, "handle_error", _hide_values)
        return engine
    options = {"connect_args": {"check_same_thread": False, "timeout": 10}, "hide_parameters": True, **options}
    engine = create_engine(url, **options)

    @event.listens_for(engine, "connect")
    def _connect(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # no implicit BEGIN by the driver
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _hide_values(context: ExceptionContext) -> None:
    """PostgreSQL quotes the row that it refuses behind "DETAIL"; only its first sentence, without values, stays."""
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    diagnosis = getattr(original, "diag", None)
    if diagnosis is None or diagnosis.message_primary is None:
        return
    said, short = str(original), diagnosis.message_primary
    original.args = (short,)
    if wrapped is not None:
        wrapped.args = tuple(str(each).replace(said, short) for each in wrapped.args)
