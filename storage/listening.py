"""An event that is set whenever PostgreSQL is notified on a channel."""

import asyncio

import asyncpg
import structlog

log = structlog.get_logger()

_RECONNECT_AFTER = 1.0


async def listen(database_url: str, channel: str, news: asyncio.Event) -> None:
    """Set `news` at every notification, until cancelled. `database_url` as libpq reads it.

    A notification is lost while the connection is down, so its reader looks for itself from time to time.
    """
    while True:
        try:
            connection = await asyncpg.connect(database_url, timeout=5)
            try:
                lost = asyncio.Event()
                connection.add_termination_listener(lambda _connection, lost=lost: lost.set())
                await connection.add_listener(channel, lambda *_: news.set())
                news.set()  # whatever came before it listened
                await lost.wait()
            finally:
                await connection.close(timeout=1)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            log.warning("listening.disconnected", channel=channel, error=type(error).__name__)
        await asyncio.sleep(_RECONNECT_AFTER)
