"""Runs the migrations over the application's own settings. One transaction a migration."""

import asyncio

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel import SQLModel

import storage.tables  # noqa: F401  # registers the tables
from config.settings import Settings


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        transaction_per_migration=True,
        compare_type=False,  # the classes say VARCHAR where the schema says TEXT
    )
    # Two processes that migrate at once wait for each other.
    connection.exec_driver_sql("SELECT pg_advisory_lock(7310001)")
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    engine = create_async_engine(Settings().sqlalchemy_url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


asyncio.run(_run())
