"""Addresses of persons on the lists: sealed, found, read, and sealed anew when keys are rotated."""

import asyncio
from collections.abc import AsyncIterator, Callable

import asyncpg
import pytest

from config.keys import CannotOpen, KeyRing, new_key
from domain.screening import ListEffect, ListKind
from storage import lists
from storage.database import Database
from tests.operators.shell import Shell
from tests.workflow.world import settings

OLD, NEW = new_key("old"), new_key("new")
EMAIL, RANGE = (ListKind.EMAIL, "eve.canary@example.com"), (ListKind.IP, "203.0.113.77/32")
COUNTRY = (ListKind.COUNTRY, "AQ")
LISTED = [EMAIL, RANGE, COUNTRY]
WITH_KEYS = Callable[..., Database]


@pytest.fixture
async def with_keys(database_url: str) -> AsyncIterator[WITH_KEYS]:
    """The database as a process opens it that has these keys."""
    opened: list[Database] = []

    def database(*keys: str) -> Database:
        ring = KeyRing.parse(",".join(keys))
        opened.append(Database(settings(database_url).sqlalchemy_url, pool_size=1, keys=ring))
        return opened[-1]

    yield database
    for each in opened:
        await each.aclose()


async def listed(database: Database) -> list[tuple[str, str]]:
    """What is found by its value, and what a person reads, which must be the same."""
    async with database.transaction() as session:
        found = await lists.matching(session, LISTED)
        read = await lists.page(session, limit=10)
    assert {each.id for each in found} == {each.id for each in read}
    return sorted((each.kind, each.value) for each in read)


async def put(database: Database, effect: ListEffect = ListEffect.BLOCK) -> None:
    async with database.transaction() as session:
        for kind, value in LISTED:
            await lists.add(session, effect, kind, value, actor="test", reason="to see")


async def test_addresses_are_sealed_and_found(with_keys: WITH_KEYS, database_url: str) -> None:
    database = with_keys(OLD)
    await put(database)
    assert await listed(database) == sorted(LISTED)
    connection = await asyncpg.connect(database_url)
    tables = ("list_entries", "audit_log")
    rows = [row for table in tables for row in await connection.fetch(f"SELECT to_jsonb(t) FROM {table} t")]  # noqa: S608
    await connection.close()
    written = "\n".join(str(row) for row in rows)
    assert "AQ" in written
    assert "canary" not in written
    assert "203.0.113.77" not in written


async def test_a_rotation_seals_them_anew(with_keys: WITH_KEYS, database_url: str) -> None:
    await put(with_keys(OLD))
    both = with_keys(NEW, OLD)
    await put(both, ListEffect.ALLOW)
    assert await listed(both) == sorted(LISTED)
    shell = Shell(database_url, ENCRYPTION_KEYS=f"{NEW},{OLD}")
    assert "2 rows sealed anew" in await asyncio.to_thread(shell, "encryption", "rotate")
    assert await listed(with_keys(NEW)) == sorted(LISTED)
    async with both.transaction() as session:
        assert {each.effect for each in await lists.page(session, limit=10)} == {ListEffect.ALLOW}
    async with with_keys(OLD).transaction() as session:
        with pytest.raises(CannotOpen, match="no key named 'new'"):
            await lists.page(session, limit=10)
