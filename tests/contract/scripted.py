"""A gateway's wire, scripted: a loopback server that answers each path as told and keeps what it received."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))


Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Scripted:
    """`on` says what a "METHOD /path" is answered, for ever or one answer after another."""

    base_url: str = ""
    received: list[Received] = field(default_factory=list)
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    connections: int = 0

    def on(self, route: str, *answers: Answer) -> None:
        self.answers[route] = list(answers)

    def asked(self, route: str) -> list[Received]:
        return [request for request in self.received if f"{request.method} {request.path}" == route]

    async def until_received(self, count: int) -> None:
        """A request that its client no longer waits for may still be on the way."""
        async with asyncio.timeout(20):
            while len(self.received) < count:  # noqa: ASYNC110 - only a socket tells
                await asyncio.sleep(0.01)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                request = await _read(reader)
                self.received.append(request)
                queue = self.answers.get(f"{request.method} {request.path}") or [text(599, "not scripted")]
                await (queue.pop(0) if len(queue) > 1 else queue[0])(writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    split = urlsplit(target)
    return Received(method, split.path, dict(parse_qsl(split.query)), headers, body)


def raw(data: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return answer


def text(status: int, body: str | bytes, **headers: str) -> Answer:
    content = body.encode() if isinstance(body, str) else body
    named = {"content_type": "text/html", "content_length": str(len(content)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return raw(f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + content)


def says(body: object, status: int = 200, **headers: str) -> Answer:
    return text(status, json.dumps(body), **{"content_type": "application/json", **headers})


async def silent(writer: asyncio.StreamWriter) -> None:
    """Never answers; the client hangs up."""
    await asyncio.sleep(60)


async def reset(writer: asyncio.StreamWriter) -> None:
    """Reads the request, then resets the connection."""
    raw_socket = writer.get_extra_info("socket")
    raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    """A well-formed answer, a byte every few milliseconds, for longer than anyone should wait."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b"{")
        await writer.drain()
        await asyncio.sleep(0.02)


@asynccontextmanager
async def scripted_server(tls: ssl.SSLContext | None = None) -> AsyncIterator[Scripted]:
    script = Scripted()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        await script.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    script.base_url = f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield script
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
