"""Sending webhooks for little: an HTTP/1.1 POST over kept connections, of the answer only the status.

A general HTTP client costs several milliseconds of processor time a request, more than the simulated charge
that the webhook tells of; this process shares its machine with load tests.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import urlsplit

import httptools

_MAX_ANSWER: Final = 64 * 1024

Target = tuple[str, int, bool]
"""Host, port, TLS."""


class BadAnswer(ConnectionError):
    """What came back is not HTTP, or endless."""


class Poster:
    """Safe for concurrent use; follows no redirect, knows no proxy."""

    def __init__(self) -> None:
        self._idle: dict[Target, list[_Connection]] = {}

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, *, seconds: float) -> int:
        """The answer's status. Raises OSError, TimeoutError after `seconds`."""
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        target = (parts.hostname or "", parts.port or (443 if secure else 80), secure)
        fields = {"Host": parts.netloc, **headers, "Content-Length": str(len(body))}
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        head = f"POST {parts.path or '/'} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")
        async with asyncio.timeout(seconds):
            connection = await self._connection(target)
            try:
                status = await connection.exchange(head + body)
            except BaseException:
                connection.close()
                raise
        if connection.reusable:
            self._idle.setdefault(target, []).append(connection)
        else:
            connection.close()
        return status

    def close(self) -> None:
        for connections in self._idle.values():
            for connection in connections:
                connection.close()
        self._idle.clear()

    async def _connection(self, target: Target) -> "_Connection":
        idle = self._idle.get(target, [])
        while idle:
            connection = idle.pop()
            if connection.reusable:
                return connection
        host, port, secure = target
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(_Connection, host, port, ssl=True if secure else None)
        return connection


class _Connection(asyncio.Protocol):
    """One connection, one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: asyncio.Future[int] | None = None
        self._received = 0
        self.reusable = True

    async def exchange(self, request: bytes) -> int:
        if self._transport is None or self._transport.is_closing():
            raise ConnectionResetError("closed while idle")
        self._parser = httptools.HttpResponseParser(self)
        self._received = 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    # asyncio's callbacks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its type

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            self.close()  # an answer that nobody asked for
            return
        self._received += len(data)
        try:
            if self._received > _MAX_ANSWER:
                raise BadAnswer("too long")
            self._parser.feed_data(data)
        except (httptools.HttpParserError, BadAnswer) as bad:
            self._fail(BadAnswer(str(bad)))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self.reusable = False
        self._fail(ConnectionResetError("closed before the answer") if exc is None else exc)

    # the parser's callback

    def on_message_complete(self) -> None:
        parser, answer = self._parser, self._answer
        if parser is None or answer is None or answer.done():
            return
        self.reusable = parser.should_keep_alive()
        answer.set_result(parser.get_status_code())
        self._parser = None

    def _fail(self, fault: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(fault)
