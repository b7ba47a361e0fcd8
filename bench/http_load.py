"""A load generator that costs little: plain HTTP/1.1 over kept connections, answers counted and timed."""

import asyncio
import time
from collections import deque
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

    def __init__(self, requests: Sequence[bytes], first: int, stride: int, load: "_Running") -> None:
        self._requests = requests
        self._next = first
        self._stride = stride
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._load.idle(self)

    def send(self, due: float) -> None:
        """Send the next request; it counts from when it was due."""
        if self._transport is None:
            return
        self._sent_at = due
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += self._stride

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

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
        self._load.idle(self)

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
        self.paced = False
        self._idle: deque[_Client] = deque()
        self._due: deque[float] = deque()

    def idle(self, client: _Client) -> None:
        """This connection is free: its next request goes out at once, or when one is due."""
        if self.paced and self._due:
            client.send(self._due.popleft())
        elif time.monotonic() >= self.until:
            client.close()
        elif self.paced:
            self._idle.append(client)
        else:
            client.send(time.perf_counter())

    async def pace(self, rate: float) -> None:
        """So many requests a second until the end. One that finds no free connection waits for it."""
        due = time.perf_counter()
        while time.monotonic() < self.until:
            if self._idle:
                self._idle.popleft().send(due)
            else:
                self._due.append(due)
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
        while self._idle:
            self._idle.popleft().close()

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
    rate: float | None = None,
) -> Load:
    """So many connections over all ports for `warm_up + seconds`, each with one request under way.

    With a `rate`: so many requests a second are sent instead, on whichever connection is free. No request is
    sent twice before all have been. What is under way at the end is waited for.
    """
    running = _Running(connections, good)
    began = time.monotonic()
    running.paced = rate is not None
    running.counting_from, running.until = began + warm_up, began + warm_up + seconds
    loop = asyncio.get_running_loop()
    for number in range(connections):
        await loop.create_connection(
            lambda number=number: _Client(requests, number, connections, running),  # type: ignore[misc]
            "127.0.0.1",
            ports[number % len(ports)],
        )
    if rate is not None:
        await running.pace(rate)
    await running.done.wait()
    seconds = time.monotonic() - running.counting_from
    return Load(seconds, len(running.latencies), running.wrong, sorted(running.latencies))
