"""Waiting for a checkout's row to change or the outbox to fill, over one LISTEN connection per process."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
import structlog

from storage import notifications
from storage.checkouts import CHANNEL

log = structlog.get_logger()

_RECONNECT_AFTER = 1.0


MOST_GATHERED = 1000
"""Changed checkouts that a follower has not taken yet; beyond them it is told that there were more."""


class Followed:
    """Every checkout that changes, gathered until it is asked for."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        """Set while there is something to take."""
        self._ids: set[str] = set()

    def add(self, checkout_id: str) -> None:
        if len(self._ids) <= MOST_GATHERED:
            self._ids.add(checkout_id)
        self.news.set()

    def take(self) -> set[str] | None:
        """What changed since the last time; None: more than is kept."""
        ids, self._ids = self._ids, set()
        self.news.clear()
        return ids if len(ids) <= MOST_GATHERED else None


class Changes:
    """Wakes whoever waits for a checkout. A notification can be lost while the connection is down, so
    waiters also look for themselves from time to time."""

    def __init__(self, database_url: str) -> None:
        """`database_url` as libpq reads it."""
        self._url = database_url
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._followers: set[Followed] = set()
        self._task: asyncio.Task[None] | None = None
        self.outbox = asyncio.Event()
        """Set when a notification waits for its delivery run. Its one reader clears it."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._listen(), name="checkout changes")

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def subscribe(self, checkout_id: str) -> asyncio.Event:
        """An event that is set at every change from now on. Give it back with `unsubscribe`."""
        event = asyncio.Event()
        self._waiting[checkout_id].add(event)
        return event

    def unsubscribe(self, checkout_id: str, event: asyncio.Event) -> None:
        self._waiting[checkout_id].discard(event)
        if not self._waiting[checkout_id]:
            del self._waiting[checkout_id]

    @contextmanager
    def followed(self) -> Iterator[Followed]:
        """Every change from now on, of any checkout."""
        followed = Followed()
        self._followers.add(followed)
        try:
            yield followed
        finally:
            self._followers.discard(followed)

    async def _listen(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self._url, timeout=5)
                try:
                    lost = asyncio.Event()
                    connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                    await connection.add_listener(CHANNEL, self._notified)
                    await connection.add_listener(notifications.CHANNEL, self._outbox_filled)
                    await lost.wait()
                finally:
                    await connection.close(timeout=1)
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                log.warning("changes.disconnected", error=type(error).__name__)
            await asyncio.sleep(_RECONNECT_AFTER)

    def _notified(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        for event in self._waiting.get(str(payload), ()):
            event.set()
        for followed in self._followers:
            followed.add(str(payload))

    def _outbox_filled(self, _connection: object, _pid: int, _channel: str, _payload: object) -> None:
        self.outbox.set()
