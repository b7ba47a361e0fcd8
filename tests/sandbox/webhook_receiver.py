"""A merchant's webhook endpoint: takes what comes, answers as told, keeps the raw bytes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.patience import PATIENCE


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    """Text found in the body -> statuses to answer in turn; afterwards 200."""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait(self, wanted: Callable[[Received], bool], count: int = 1) -> list[Received]:
        """The first `count` that are wanted, once they are there. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE), self._arrived:
            await self._arrived.wait_for(lambda: len(self.matching(wanted)) >= count)
        return self.matching(wanted)

    def matching(self, wanted: Callable[[Received], bool]) -> list[Received]:
        return [item for item in self.received if wanted(item)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode("latin-1").split("\r\n")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                status = self._status(body)
                async with self._arrived:
                    self.received.append(Received(first.split()[1], headers, body))
                    self._arrived.notify_all()
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _status(self, body: bytes) -> int:
        for text, statuses in self.answers.items():
            if text.encode() in body and statuses:
                return statuses.pop(0)
        return 200


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks"
    try:
        yield receiver
    finally:
        server.close()
