"""The database as it is when it fails, or when the process dies around a transaction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import KeyRing
from storage.database import Database


class Killed(Exception):
    """The process has died here: nothing that it had in hand is left."""


class FaultyDatabase(Database):
    """The real database, but the n-th transaction meets what the test says."""

    def __init__(self, url: str, *, pool_size: int, keys: KeyRing | None) -> None:
        super().__init__(url, pool_size=pool_size, keys=keys)
        self.count = 0
        self.lost_before: set[int] = set()
        """Transactions (1-based) before whose commit the process dies."""
        self.lost_after: set[int] = set()
        """Transactions after whose commit the process dies (D5)."""
        self.unacknowledged: set[int] = set()
        """Transactions that commit, and whose caller lives on without learning it (D5)."""
        self.held: dict[int, asyncio.Event] = {}
        """Transaction -> what it waits for before it begins, as in a process that is stopped (W5)."""
        self.went_on = asyncio.Event()
        """One that was held begins."""
        self.down = False
        """No transaction begins (D2)."""
        self.down_from: int | None = None
        """The transaction at which an outage begins."""
        self.missed = asyncio.Event()
        """Somebody has met the outage."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        self.count += 1
        number = self.count
        if number in self.held:
            await self.held[number].wait()
            self.went_on.set()
        self.down = self.down or number == self.down_from
        if self.down:
            self.missed.set()
            raise OSError("the database is away")
        async with super().transaction() as session:
            yield session
            if number in self.lost_before:
                raise Killed("before the commit")
        if number in self.lost_after:
            raise Killed("after the commit")
        if number in self.unacknowledged:
            raise OSError("the connection is lost after the commit")

    def forget(self) -> None:
        """Count from one again."""
        self.count = 0
