"""Keeps programs running: starts them in order, restarts what dies, stops them in reverse order."""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Final

from devstack.programs import Program, StartFailed, ending, rotate, spawn, tail

_POLL: Final = 0.05
"""Seconds between two questions whether a program is ready."""

_STEADY: Final = 2.0
"""Seconds. A program that lived longer is restarted at once, one that keeps dying sooner is backed off."""

_LONGEST_BACKOFF: Final = 5.0


class Supervised:
    """One program and the process that runs it just now."""

    def __init__(self, program: Program, log: Path, changed: Callable[[], None]) -> None:
        self.program = program
        self.log = log
        self.restarts = 0
        self._changed = changed
        self._process: Process | None = None
        self._ready = asyncio.Event()
        self._may_run = asyncio.Event()
        self._may_run.set()
        self._came_up = False
        self._stopping = False
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """None while it is down."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and running else None

    async def start(self, within: float) -> None:
        """Start it and wait until it is ready. Raises StartFailed when it ends first or takes too long."""
        self._process = await spawn(self.program, self.log)
        self._keeper = asyncio.create_task(self._keep(self._process), name=f"keep {self.program.name}")
        ready, ended = (asyncio.create_task(wait()) for wait in (self._ready.wait, self._process.wait))
        try:
            await asyncio.wait({ready, ended}, timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if not self._came_up and ended.done():
                raise StartFailed(f"{self.program.name} ended ({ending(ended.result())})\n{tail(self.log)}")
            if not self._came_up:
                raise StartFailed(f"{self.program.name} was not ready in {within:.0f} s\n{tail(self.log)}")
        finally:
            ready.cancel()
            ended.cancel()
        self._changed()

    async def wait_ready(self) -> None:
        await self._ready.wait()

    def kill(self) -> None:
        """SIGKILL to the process alone; it is started again. Nothing happens while it is down."""
        if self.pid is not None:
            self._ready.clear()
            self._signal(signal.SIGKILL)

    async def exchange(self, program: Program, within: float) -> None:
        """Kill it and run `program` in its place from now on, until that is ready.

        Raises StartFailed where it keeps ending or takes too long.
        """
        self.program = program
        self.kill()
        restarts, deadline = self.restarts, time.monotonic() + within
        while not self._ready.is_set():
            if self.restarts > restarts + 1:
                raise StartFailed(f"{program.name} keeps ending\n{tail(self.log)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{program.name} was not ready in {within:.0f} s\n{tail(self.log)}")
            await asyncio.sleep(_POLL)

    def hold(self) -> None:
        """Kill it and keep it down until `release`."""
        self._may_run.clear()
        self.kill()

    def release(self) -> None:
        self._may_run.set()

    async def stop(self) -> None:
        """Ask it to end, wait, and kill its process group once its time is up."""
        self._stopping = True
        process = self._process
        if process and process.returncode is None:
            self._signal(self.program.stop_signal)
            try:
                await asyncio.wait_for(process.wait(), self.program.stop_within)
            except TimeoutError:
                self.kill_group()
                await process.wait()
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    def _signal(self, number: signal.Signals) -> None:
        """Not by the process object: that asks first whether it has ended, and where it has (it was killed
        twice, say) takes the exit code away from whoever waits for it."""
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill_group(self) -> None:
        """SIGKILL now, without waiting, to the program and whatever it has started."""
        self._stopping = True
        if self._process and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _keep(self, process: Process) -> None:
        early_deaths = 0
        while True:
            started = time.monotonic()
            prober = asyncio.create_task(self._probe(process.pid))
            try:
                code = await process.wait()
            finally:
                prober.cancel()
                self._ready.clear()
            if self._stopping or not self._came_up:
                return
            early_deaths = early_deaths + 1 if time.monotonic() - started < _STEADY else 0
            if early_deaths > 1:
                await asyncio.sleep(min(_LONGEST_BACKOFF, 0.25 * 2 ** (early_deaths - 2)))
            await self._may_run.wait()
            if self._stopping:
                return
            self._process = process = await self._spawn_again(ending(code))
            self.restarts += 1
            self._changed()

    async def _spawn_again(self, why: str) -> Process:
        while True:
            try:
                with self.log.open("a") as log:
                    log.write(f"-- {self.program.name}: {why}, starting again\n")
                return await spawn(self.program, self.log)
            except OSError:
                # The disk is full, or the process table: neither is a reason to give up.
                await asyncio.sleep(_LONGEST_BACKOFF)

    async def _probe(self, pid: int) -> None:
        while True:
            with contextlib.suppress(OSError):
                if await self.program.ready(pid):
                    self._came_up = True
                    self._ready.set()
                    return
            await asyncio.sleep(_POLL)


class Supervisor:
    """All programs of one stack. `changed` is called whenever a process id has changed."""

    def __init__(self, logs: Path, changed: Callable[[], None] = lambda: None) -> None:
        self._logs = logs
        self._changed = changed
        self._programs: dict[str, Supervised] = {}
        self._rotation: asyncio.Task[None] | None = None

    def __getitem__(self, name: str) -> Supervised:
        return self._programs[name]

    @property
    def pids(self) -> dict[str, int]:
        """Name -> process id of everything that runs now."""
        return {name: each.pid for name, each in self._programs.items() if each.pid is not None}

    async def start(self, program: Program, *, within: float = 60.0) -> None:
        """Start one more program and wait until it is ready. Raises StartFailed."""
        if self._rotation is None:
            self._rotation = asyncio.create_task(self._keep_logs_small())
        self._programs[program.name] = supervised = Supervised(
            program, self._logs / f"{program.name}.log", self._changed
        )
        await supervised.start(within)

    async def wait_ready(self, *, within: float = 60.0) -> None:
        """Until every program runs and is ready. Raises TimeoutError."""
        async with asyncio.timeout(within):
            for supervised in self._programs.values():
                await supervised.wait_ready()

    @contextlib.asynccontextmanager
    async def down(self, name: str) -> AsyncIterator[None]:
        """Inside, the program is killed and stays away; afterwards it runs again and is ready."""
        self[name].hold()
        try:
            yield
        finally:
            self[name].release()
            await self[name].wait_ready()

    async def stop(self) -> None:
        """Stop everything, the last started first. Nothing is left running."""
        if self._rotation:
            self._rotation.cancel()
        for supervised in reversed(self._programs.values()):
            await supervised.stop()

    def kill(self) -> None:
        """SIGKILL everything now, without waiting."""
        for supervised in self._programs.values():
            supervised.kill_group()

    async def _keep_logs_small(self) -> None:
        while True:
            await asyncio.sleep(10)
            for supervised in self._programs.values():
                rotate(supervised.log)
