"""The stream of changed checkouts for the panel: one reader per process, however many people look.

The database tells the ids of rows that change; new ones are found by looking, so that accepting a checkout
costs nothing for it. Whoever reads too slowly is told to read the list again instead of holding up the rest.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from api.checkout_rows import row_view
from api.errors import Overloaded
from api.schemas_transactions import CheckoutRow
from api.stopping import Stopping
from storage import checkout_search
from storage.changes import Changes
from storage.database import Database

log = structlog.get_logger()

HEARTBEAT: Final = 15.0
"""Seconds of silence after which a comment is sent, so that nobody in between takes it for dead. Before it,
whoever follows is asked after: a session that has ended is sent nothing more."""
LOOK_EVERY: Final = 1.0
"""Seconds between looks for new checkouts."""
PAUSE: Final = 0.2
"""Seconds in which changes gather."""
MOST_FOLLOWERS: Final = 100
MOST_WAITING: Final = 300
"""Rows that wait for a slow reader."""
_MOST_ROWS: Final = 200
"""Rows read at once; where more changed, everybody is told to read the list."""
_RELOAD: Final = "event: reload\ndata: {}\n\n"
_BEAT: Final = ": still here\n\n"
_HELLO: Final = "retry: 2000\n\n"
"""Milliseconds after which a browser connects again."""
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)


class LiveFeed:
    def __init__(self, database: Database, changes: Changes, stopping: Stopping) -> None:
        """Streams end within a second once the process is `stopping`."""
        self._database = database
        self._changes = changes
        self._followers: set[asyncio.Queue[str]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._stopping = stopping

    def check(self) -> None:
        """Raises Overloaded where too many follow already."""
        if len(self._followers) >= MOST_FOLLOWERS or self._stopping.asked:
            raise Overloaded("Too many streams are open.", retry_after=10)

    async def aclose(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    async def follow(self, lasts: Callable[[], Awaitable[bool]]) -> AsyncIterator[str]:
        """Server-sent events, for as long as `lasts` says that whoever follows may."""
        queue: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)
        self._followers.add(queue)
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read(), name="live feed")
        try:
            yield _HELLO
            beat_at = time.monotonic() + HEARTBEAT
            while not self._stopping.asked:
                event = await _next(queue)
                if event is not None:
                    yield event
                if time.monotonic() >= beat_at:
                    if not await lasts():
                        return
                    yield _BEAT
                    beat_at = time.monotonic() + HEARTBEAT
        finally:
            self._followers.discard(queue)

    async def _read(self) -> None:
        with self._changes.followed() as changed:
            position: tuple[datetime, str] | None = None
            while self._followers and not self._stopping.asked:
                try:
                    if position is None:
                        position = await self._newest()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_EVERY):
                            await changed.news.wait()
                    await asyncio.sleep(PAUSE)
                    position = await self._tell(changed.take(), position)
                except (SQLAlchemyError, OSError, TimeoutError) as error:
                    log.warning("feed.unread", error=type(error).__name__)
                    self._broadcast([_RELOAD])
                    await asyncio.sleep(LOOK_EVERY)

    async def _newest(self) -> tuple[datetime, str]:
        async with self._database.transaction() as session:
            return await checkout_search.newest(session) or (_BEGINNING, "")

    async def _tell(self, changed: set[str] | None, position: tuple[datetime, str]) -> tuple[datetime, str]:
        """Tell what changed (None: more than is kept) and what is new; where the list begins now."""
        async with self._database.transaction() as session:
            new = await checkout_search.newer_than(session, position, limit=_MOST_ROWS + 1)
            ids = {*(changed or ()), *(checkout_id for _, checkout_id in new)}
            if changed is None or len(ids) > _MOST_ROWS:
                self._broadcast([_RELOAD])
                return await checkout_search.newest(session) or position
            found = await checkout_search.by_ids(session, sorted(ids)) if ids else ()
        self._broadcast([_event(row_view(each)) for each in reversed(found)])
        return new[-1] if new else position

    def _broadcast(self, events: Sequence[str]) -> None:
        for queue in self._followers:
            if queue.qsize() + len(events) > MOST_WAITING - 1:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(_RELOAD)
                continue
            for event in events:
                queue.put_nowait(event)


async def _next(queue: asyncio.Queue[str]) -> str | None:
    """What waits, or None after a second."""
    try:
        async with asyncio.timeout(LOOK_EVERY):
            return await queue.get()
    except TimeoutError:
        return None


def _event(row: CheckoutRow) -> str:
    return f"event: checkout\ndata: {row.model_dump_json()}\n\n"
