"""Bringing a database to the newest form."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

FOLDER = Path(__file__).parent.parent / "migrations"


def migrate(engine: Engine, revision: str = "head") -> None:
    """Run all migrations up to `revision` in one transaction: it is migrated whole or not at all."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
