"""Runs migrations inside the transaction that `whaletui.records.schema` has begun; Alembic loads this by its name."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from whaletui.records.tables import Base

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
