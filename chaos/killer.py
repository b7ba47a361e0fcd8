"""Kills the product's processes and connections while a campaign runs, and says when each was back."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import asyncpg

from chaos.small_disk import SmallDisk
from devstack.stack import Stack
from sandbox.client import SandboxClient
from sandbox.discovery import gateways

_STOPPED: Final = 8.0
"""Seconds that a worker is stopped for: longer than its activities' and workflow tasks' time-outs (W5)."""

_OUTAGE: Final = 4.0
"""Seconds that gateways refuse connections for, and that the disk is full for."""


@dataclass
class Kill:
    what: str
    at: datetime
    ready_after: float | None = None
    """Seconds until every process was ready again; None: never."""
    moved_after: float | None = None
    """Seconds until the last checkout that was under way then had its next event; see the report."""
    next_after: float | None = None
    """Seconds until the next kill; None: it was the last one."""


class Killer:
    """One kind of kill after the other, in an order and at times that the seed decides."""

    def __init__(
        self, stack: Stack, seed: int, *, every: float, workers: bool = True, disk: SmallDisk | None = None
    ) -> None:
        """`every`: seconds between the end of one and the next, on average. `workers`: there are two.
        `disk`: what the database lies on, where it may be filled."""
        self._stack = stack
        self._random = random.Random(seed)  # noqa: S311 - has to be repeatable, protects nothing
        self._every = every
        self._workers = workers
        self._disk = disk
        self._stopping = asyncio.Event()
        self.kills: list[Kill] = []

    def stop(self) -> None:
        """Kill nothing more; `run` ends once the kill under way is seen through."""
        self._stopping.set()

    async def run(self) -> None:
        while True:
            kinds = self._kinds(self._random.choice(tuple(gateways())))
            for what, act in self._random.sample(kinds, len(kinds)):
                if await self._stopped_within(self._every * self._random.uniform(0.6, 1.4)):
                    return
                await self._one(what, act)

    def _kinds(self, one: str) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        """`one`: the gateway that fails alone."""
        kinds: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("API killed", lambda: self._kill("api")),
            ("Temporal killed", lambda: self._kill("temporal")),
            ("PostgreSQL killed", lambda: self._kill("postgres")),
            ("database connections cut", self._cut_connections),
            ("all gateways refuse connections", lambda: self._refuse("*")),
            (f"{one} refuses connections", lambda: self._refuse(one)),
        ]
        if self._workers:
            kinds += [
                ("worker killed", lambda: self._kill("worker")),
                ("both workers killed", lambda: self._kill("worker", "worker-2")),
                (f"worker stopped for {_STOPPED:.0f} s", self._stop_worker),
            ]
        if self._disk is not None:
            kinds.append((f"disk of the database full for {_OUTAGE:.0f} s", self._fill_disk))
        return kinds

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
            await self._served()
        except TimeoutError:
            return
        kill.ready_after = time.monotonic() - started

    async def _served(self) -> None:
        """PostgreSQL and the API answer, also where no process had to be started again."""
        async with asyncio.timeout(60):
            while True:
                with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    connection = await asyncpg.connect(self._stack.database_url, timeout=2)
                    await connection.close()
                    if await self._stack.answers():
                        return
                await asyncio.sleep(0.1)

    async def _kill(self, *names: str) -> None:
        for name in names:
            self._stack.kill(name)

    async def _cut_connections(self) -> None:
        with contextlib.suppress(OSError, asyncpg.PostgresError):
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

    async def _fill_disk(self) -> None:
        assert self._disk is not None  # noqa: S101 - only then is it among the kinds
        with self._disk.full():
            await asyncio.sleep(_OUTAGE)

    async def _refuse(self, gateway: str) -> None:
        async with SandboxClient(self._stack.sandbox_url) as sandbox:
            await sandbox.fault(gateway, "*", "refuse", seconds=_OUTAGE)
        await asyncio.sleep(_OUTAGE)
