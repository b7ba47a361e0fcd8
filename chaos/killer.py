"""Kills the product's processes and connections while a campaign runs, and says when each was back."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg

from devstack.stack import Stack
from sandbox.client import SandboxClient

_STOPPED: Final = 8.0
"""Seconds that a worker is stopped for: longer than its activities' and workflow tasks' time-outs."""

_OUTAGE: Final = 4.0
"""Seconds that gateways refuse connections for."""


@dataclass
class Kill:
    what: str
    at: datetime
    ready_after: float | None = None
    """Seconds until every process was ready again; None: never."""
    moved_after: float | None = None
    """Seconds until the last checkout that was under way then had its next event; see the report."""


class Killer:
    """One kind of kill after the other, in an order and at times that the seed decides."""

    def __init__(self, stack: Stack, seed: int, *, every: float, workers: bool = True) -> None:
        """`every`: seconds between the end of one and the next, on average. `workers`: there are two."""
        self._stack = stack
        self._random = random.Random(seed)  # noqa: S311 - has to be repeatable, protects nothing
        self._every = every
        self._workers = workers
        self._stopping = asyncio.Event()
        self.kills: list[Kill] = []

    def stop(self) -> None:
        """Kill nothing more; `run` ends once the kill under way is seen through."""
        self._stopping.set()

    async def run(self) -> None:
        kinds: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("API killed", lambda: self._kill("api")),
            ("Temporal killed", lambda: self._kill("temporal")),
            ("database connections cut", self._cut_connections),
            ("Stripe refuses connections", lambda: self._refuse("stripe")),
            ("all gateways refuse connections", lambda: self._refuse("*")),
        ]
        if self._workers:
            kinds += [
                ("worker killed", lambda: self._kill("worker")),
                ("both workers killed", lambda: self._kill("worker", "worker-2")),
                (f"worker stopped for {_STOPPED:.0f} s", self._stop_worker),
            ]
        while True:
            for what, act in self._random.sample(kinds, len(kinds)):
                if await self._stopped_within(self._every * self._random.uniform(0.6, 1.4)):
                    return
                await self._one(what, act)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def _one(self, what: str, act: Callable[[], Awaitable[None]]) -> None:
        kill = Kill(what=what, at=datetime.now(UTC))
        self.kills.append(kill)
        started = time.monotonic()
        try:
            await act()
            await self._stack.wait_ready(within=60)
        except TimeoutError:
            return
        kill.ready_after = time.monotonic() - started

    async def _kill(self, *names: str) -> None:
        for name in names:
            self._stack.kill(name)

    async def _cut_connections(self) -> None:
        connection = await asyncpg.connect(self._stack.database_url)
        try:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
        finally:
            await connection.close()

    async def _stop_worker(self) -> None:
        pids = self._stack.pids.get("worker", [])
        pid = pids if isinstance(pids, int) else self._random.choice(pids)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(_STOPPED)
        finally:
            os.kill(pid, signal.SIGCONT)

    async def _refuse(self, gateway: str) -> None:
        async with SandboxClient(self._stack.sandbox_url) as sandbox:
            await sandbox.fault(gateway, "*", "refuse", seconds=_OUTAGE)
        await asyncio.sleep(_OUTAGE)
