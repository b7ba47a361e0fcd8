"""A pool whose connections break: PostgreSQL was restarted, or a firewall has forgotten them (D2)."""

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.settings import Settings
from storage import database as storage_database
from storage.database import Database


async def _used_and_broken(url: str) -> Database:
    """One connection in the pool, which PostgreSQL has closed."""
    database = Database(Settings(database_url=url).sqlalchemy_url, pool_size=1)
    async with database.transaction() as session:
        pid = (await (await session.connection()).execute(text("SELECT pg_backend_pid()"))).scalar_one()
    connection = await asyncpg.connect(url)
    await connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)
    await connection.close()
    return database


async def _works(database: Database) -> bool:
    async with database.transaction() as session:
        return bool((await (await session.connection()).execute(text("SELECT 1"))).scalar_one())


async def test_one_that_broke_while_idle_is_replaced_unnoticed(
    module_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_database, "PINGED_AFTER", -1.0)
    database = await _used_and_broken(module_database_url)
    assert await _works(database)
    await database.aclose()


async def test_one_that_broke_a_moment_after_its_use_fails_once(
    module_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage_database, "PINGED_AFTER", 3600.0)
    database = await _used_and_broken(module_database_url)
    with pytest.raises((DBAPIError, OSError)):
        await _works(database)
    assert await _works(database)
    await database.aclose()
