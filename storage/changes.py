"""Waiting for a checkout's row to change or the outbox to fill, over one LISTEN connection per process."""

import asyncio
from collections import defaultdict

import asyncpg
import structlog

from storage import notifications
from storage.checkouts import CHANNEL

log = structlog.get_logger()

_RECONNECT_AFTER = 1.0


class Changes:
    """Wakes whoever waits for a checkout. A notification can be lost while the connection is down, so
    waiters also look for themselves from time to time."""

    def __init__(self, database_url: str) -> None:
        """`database_url` as libpq reads it."""
        self._url = database_url
        self._waiting: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
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

    def _outbox_filled(self, _connection: object, _pid: int, _channel: str, _payload: object) -> None:
        self.outbox.set()
