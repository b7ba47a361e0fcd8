"""Small programs to supervise, and what to ask about processes."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from devstack.programs import Program, environment
from tests.patience import PATIENCE


def python(name: str, code: str, *, stop_within: float = 5.0, ready_file: Path | None = None) -> Program:
    """A program that runs `code`; ready at once, or when `ready_file` holds its process id."""

    def started(pid: int) -> bool:
        return ready_file is None or ready_file.read_text() == str(pid)

    async def ready(pid: int) -> bool:
        return started(pid)

    return Program(
        name=name,
        command=(sys.executable, "-I", "-S", "-c", code),
        environment=environment({}),
        ready=ready,
        stop_within=stop_within,
    )


def sleeper(name: str, ready_file: Path, at_end: str = "sys.exit(0)") -> Program:
    """Writes its process id to `ready_file` once it handles SIGTERM by running `at_end`."""
    code = f"""
import os, signal, sys, time
def end(*_): {at_end}
signal.signal(signal.SIGTERM, end)
open({str(ready_file)!r}, "w").write(str(os.getpid()))
while True: time.sleep(60)
"""
    return python(name, code, ready_file=ready_file)


async def until(condition: Callable[[], bool], *, within: float = PATIENCE) -> None:
    """Ask again and again. Raises TimeoutError."""
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(0.02)


def alive(pid: int) -> bool:
    """Running, and not just a zombie that its parent has yet to collect."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
