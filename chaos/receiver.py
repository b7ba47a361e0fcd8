"""The merchants' servers for notifications: keep whatever arrives, and misbehave now and then.

    POST /{merchant}

In a share of the deliveries they answer 503, say nothing for longer than anybody waits, or hang up; never
more than twice for one notification, so that every one arrives in the end.
"""

import asyncio
import contextlib
import json
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any, Final, Self

import asyncpg

from chaos.transcript import Receipt, Transcript

_HOST: Final = "127.0.0.1"
_SILENT: Final = 4.0
"""Seconds; the product gives a delivery up after `NOTIFICATION_TIMEOUT`."""
_REFUSALS: Final = 2
_TOLD: Final = "SELECT EXISTS (SELECT 1 FROM checkout_events WHERE checkout_id = $1 AND kind = $2)"


class Receiver:
    """`async with Receiver(transcript, database_url, seed) as receiver: receiver.url(merchant)`"""

    def __init__(self, transcript: Transcript, database_url: str, seed: int) -> None:
        self._receipts = transcript.receipts
        self._database_url = database_url
        self._random = random.Random(f"receiver {seed}")  # noqa: S311 - repeatable, protects nothing
        self._refused: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._connection: asyncpg.Connection | None = None
        self._one_query = asyncio.Lock()
        self._closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, _HOST, 0)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.close()
        if self._connection is not None:
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._connection.close(timeout=2)

    def url(self, merchant: str) -> str:
        assert self._server is not None  # noqa: S101 - entered
        return f"http://{_HOST}:{self._server.sockets[0].getsockname()[1]}/{merchant}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            status = await self._receive(head[0].split(" ")[1].removeprefix("/"), headers, body)
            if status is not None:
                writer.write(
                    f"HTTP/1.1 {status} -\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
                )
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    async def _receive(self, merchant: str, headers: dict[str, str], body: bytes) -> int | None:
        """The status to answer with; None: hang up."""
        at = datetime.now(UTC)
        event: dict[str, Any] = json.loads(body)
        durable = await self._is_told(event)
        identity = headers.get("webhook-id", "")
        how = self._random.random() if self._refused[identity] < _REFUSALS else 1.0
        acknowledged = how >= 0.2
        self._receipts.append(Receipt(merchant, at, headers, body, acknowledged, durable))
        if acknowledged:
            return 204
        self._refused[identity] += 1
        if how < 0.1:
            return 503
        if how < 0.15:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), _SILENT)
        return None

    async def _is_told(self, event: dict[str, Any]) -> bool | None:
        """Whether the timeline has, for everybody to see, what the notification tells."""
        async with self._one_query:
            try:
                async with asyncio.timeout(2):
                    if self._connection is None or self._connection.is_closed():
                        self._connection = await asyncpg.connect(self._database_url, timeout=2)
                    return bool(await self._connection.fetchval(_TOLD, event["data"]["id"], event["type"]))
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                return None
