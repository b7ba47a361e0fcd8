"""A merchant's server: takes what comes, answers as told, and can be slow, rude or encrypted."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

from tests.patience import PATIENCE


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    def verified(self, secret: str) -> dict[str, Any]:
        """The event, as the specification's own library reads it. Raises WebhookVerificationError."""
        event = Webhook(secret).verify(self.body, self.headers)
        assert isinstance(event, dict)
        return event


@dataclass
class Receiver:
    url: str = ""
    port: int = 0
    received: list[Received] = field(default_factory=list)
    answers: list[bytes | None] = field(default_factory=list)
    """Raw answers in turn; None: none at all until the other end hangs up. Afterwards 204."""
    before_answer: Callable[[], Awaitable[None]] | None = None
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait(self, count: int = 1) -> list[Received]:
        """What has arrived, once it is so many. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            first, *lines = head.strip().split("\r\n")
            headers = {
                name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
            }
            body = await reader.readexactly(int(headers["content-length"]))
            async with self._arrived:
                self.received.append(Received(first.split()[1], headers, body))
                self._arrived.notify_all()
            if self.before_answer is not None:
                await self.before_answer()
            answer = self.answers.pop(0) if self.answers else status(204)
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


def status(code: int, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"HTTP/1.1 {code} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{receiver.port}/hooks"
    try:
        yield receiver
    finally:
        server.close()
