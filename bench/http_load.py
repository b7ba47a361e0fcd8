"""A load generator that costs little: plain HTTP/1.1 over kept connections, answers counted and timed."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, cast

Good = Callable[[bytes, bytes], bool]
"""(head, body) -> whether the answer is the one that was asked for."""


class Load(NamedTuple):
    seconds: float
    answers: int
    wrong: int
    """Answers that were not good, and connections that broke."""
    latencies: list[float]
    """Seconds, sorted."""

    @property
    def rate(self) -> float:
        return self.answers / self.seconds

    def percentile(self, percent: float) -> float:
        return self.latencies[min(len(self.latencies) - 1, int(len(self.latencies) * percent / 100))]


class _Client(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last one is whole."""

    def __init__(self, requests: Sequence[bytes], first: int, load: "_Running") -> None:
        self._requests = requests
        self._next = first
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def _send(self) -> None:
        if self._transport is None:
            return
        if time.monotonic() >= self._load.until:
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        at = lower.index(b"content-length:") + 15
        length = int(lower[at : at + 20].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self._buffer = b""
        self._load.answered(time.perf_counter() - self._sent_at, ok=self._load.good(head, body))
        self._send()

    def connection_lost(self, _error: Exception | None) -> None:
        self._load.closed(broken=time.monotonic() < self._load.until)


def answered_200(head: bytes, _body: bytes) -> bool:
    """Answered with 200."""
    return head.startswith(b"HTTP/1.1 200")


class _Running:
    def __init__(self, connections: int, good: Good) -> None:
        self.good = good
        self.until = float("inf")
        self.counting_from = float("inf")
        self.latencies: list[float] = []
        self.wrong = 0
        self._open = connections
        self.done = asyncio.Event()

    def answered(self, seconds: float, *, ok: bool) -> None:
        if time.monotonic() >= self.counting_from:
            self.latencies.append(seconds)
            self.wrong += not ok

    def closed(self, *, broken: bool) -> None:
        self.wrong += broken
        self._open -= 1
        if not self._open:
            self.done.set()


async def put_load(
    ports: Sequence[int],
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    warm_up: float,
    good: Good = answered_200,
) -> Load:
    """So many connections over all ports, each with one request under way, for `warm_up + seconds`."""
    running = _Running(connections, good)
    began = time.monotonic()
    running.counting_from, running.until = began + warm_up, began + warm_up + seconds
    loop = asyncio.get_running_loop()
    for number in range(connections):
        first = number * len(requests) // connections
        await loop.create_connection(
            lambda first=first: _Client(requests, first, running),  # type: ignore[misc]  # bound in the loop
            "127.0.0.1",
            ports[number % len(ports)],
        )
    await running.done.wait()
    return Load(seconds, len(running.latencies), running.wrong, sorted(running.latencies))
