"""What the supervisor runs, and how a child process is started."""

import asyncio
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
"""The checkout: every program runs in it."""

_LAUNCH: Final = Path(__file__).with_name("launch.py")

LOG_LIMIT: Final = 20_000_000
"""Bytes above which a log file becomes `{name}.log.1`: it never takes more than about twice that."""


class StartFailed(Exception):
    """A program did not come up or a set-up step failed. The message ends with the last lines of its log."""


@dataclass(frozen=True)
class User:
    """The unprivileged user a program runs as, and the directories it has to reach as that user."""

    uid: int
    gid: int
    reach: tuple[Path, ...]


async def _always(_pid: int) -> bool:
    return True


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    """The whole environment: nothing is inherited, least of all real gateway keys from the user's shell."""
    ready: Callable[[int], Awaitable[bool]] = field(default=_always)
    """Asked again and again, with the process id, until it says yes. May raise OSError for "not yet"."""
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 10.0
    """Seconds it may take to end by itself after `stop_signal`."""
    death_signal: signal.Signals = signal.SIGKILL
    """What the kernel sends it when the supervisor dies without a word."""
    user: User | None = None


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """The few variables a program needs from ours, and `extra`."""
    kept = ("PATH", "HOME", "TMPDIR", "LANG", "LC_ALL", "SSL_CERT_FILE")
    return {name: os.environ[name] for name in kept if name in os.environ} | {"TZ": "UTC"} | dict(extra)


async def spawn(program: Program, log: Path, *, stdout: int | None = None) -> Process:
    """Start the program in a process group of its own, with its output appended to `log`.

    `stdout=PIPE` keeps the standard output out of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate(log)
    arguments = [
        *(sys.executable, "-I", "-S", str(_LAUNCH)),
        *("--parent", str(os.getpid())),
        *("--death-signal", str(program.death_signal.value)),
    ]
    if program.user:
        arguments += ["--uid", str(program.user.uid), "--gid", str(program.user.gid)]
        for directory in program.user.reach:
            arguments += ["--reach", str(directory)]
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *arguments,
            "--",
            *program.command,
            stdin=DEVNULL,
            stdout=output if stdout is None else stdout,
            stderr=output,
            cwd=ROOT,
            env=dict(program.environment),  # uvloop takes no other mapping
            # Ctrl-C in the terminal reaches the supervisor alone, which stops everything in order.
            start_new_session=True,
        )


async def run_once(program: Program, log: Path, *, within: float = 120.0) -> bytes:
    """Run a set-up step to its end and return what it printed; only its errors go to the log.

    Raises StartFailed unless it ends with 0 within so many seconds.
    """
    process = await spawn(program, log, stdout=PIPE)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), within)
    except TimeoutError:
        raise StartFailed(f"{program.name} took more than {within:.0f} s\n{tail(log)}") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise StartFailed(f"{program.name} failed ({ending(process.returncode or 0)})\n{tail(log)}")
    return output


def ending(code: int) -> str:
    """A return code in words."""
    return f"exit code {code}" if code >= 0 else f"killed by {signal.Signals(-code).name}"


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, indented, under its name."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8000))
        text = file.read().decode(errors="replace").splitlines()[-lines:]
    return "\n".join([f"  {log}:", *(f"    {line}" for line in text)])


def rotate(log: Path) -> None:
    """Keep a log within its limit. Safe while a program is writing: it appends to the emptied file."""
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        shutil.copyfile(log, log.with_name(log.name + ".1"))
        os.truncate(log, 0)
