"""The connection pool and the transaction. Whoever opens a transaction owns it; queries never commit."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy import event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection
from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import KeyRing
from storage import vault

STATEMENT_TIMEOUT_MS = 10_000
"""A statement that waits longer (rows locked, server stuck) fails and is tried again by its caller (D3)."""

SCHEMA: Final = "0018"
"""The migration that this code needs the database to be at: the newest."""

PINGED_AFTER: Final = 1.0
"""Seconds of idleness after which a connection is asked whether it lives before it is used. One that broke
sooner fails its transaction, which its caller repeats, as for any connection that breaks while in use."""


class Database:
    """One pool per process."""

    def __init__(
        self, url: str, *, pool_size: int, keys: KeyRing | None = None, program: str = "smartpay"
    ) -> None:
        """`url` for SQLAlchemy on asyncpg. No connection is made before it is needed.

        Without `keys` whatever touches personal data or secrets raises BadKeys.

        `program` is where changes come from, as the audit log tells it: `smartpay worker`, ...
        """
        self._info = vault.info(keys)
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=5,
            hide_parameters=True,  # an error's text reaches logs and Temporal: no customer, no token in it
            connect_args={
                "timeout": 5,
                "server_settings": {
                    "application_name": program,
                    "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                    "idle_in_transaction_session_timeout": str(STATEMENT_TIMEOUT_MS),
                    "timezone": "UTC",
                },
            },
        )

        _ping_the_idle(self.engine)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Commits at the end, rolls back on any exception. Raises SQLAlchemyError or OSError."""
        async with (
            AsyncSession(self.engine, expire_on_commit=False, info=self._info) as session,
            session.begin(),
        ):
            yield session

    async def schema_version(self) -> str | None:
        """The migration that the database is at, or None where it has never been migrated."""
        async with self.engine.connect() as connection:
            known = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
            if not known:
                return None
            version = await connection.scalar(text("SELECT version_num FROM alembic_version"))
            return None if version is None else str(version)

    async def aclose(self) -> None:
        await self.engine.dispose()


def _ping_the_idle(engine: AsyncEngine) -> None:
    """As `pool_pre_ping` does, but not for a connection that has just been used: one question less each."""
    pool, dialect = engine.sync_engine.pool, engine.sync_engine.dialect

    def returned(_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["used_at"] = time.monotonic()

    def taken(connection: Any, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
        if time.monotonic() - entry.info.get("used_at", float("inf")) <= PINGED_AFTER:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error:
            # The others in the pool are no younger: none is handed out any more, and this one is made anew.
            raise InvalidatePoolError from None

    event.listen(pool, "checkin", returned)
    event.listen(pool, "checkout", taken)
