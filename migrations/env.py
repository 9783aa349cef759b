"""Migrations, on SQLite and PostgreSQL alike."""

from alembic import context
from sqlmodel import SQLModel

import matching.models  # noqa: F401  # fills the metadata that migrations are compared with
from matching.database import WRITES

connection = context.config.attributes["connection"]
context.configure(
    connection=connection.execution_options(**{WRITES: True}),
    target_metadata=SQLModel.metadata,
    render_as_batch=True,  # SQLite cannot alter most things in place
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
