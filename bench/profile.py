"""In whose code a process spends its time under load, sampled by py-spy from outside."""

import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from devstack.programs import ROOT

HERTZ: Final = 50
"""Samples a second: more would slow down what is looked at."""
NATIVE: Final = "event loop"
OWN: Final = "our own code"
REST: Final = "other libraries"

_LAYERS: Final[Mapping[str, Sequence[str]]] = {
    "SQLAlchemy, SQLModel": ("sqlalchemy", "sqlmodel"),
    "asyncpg": ("asyncpg",),
    "Temporal's SDK": ("temporalio", "google/protobuf"),
    "gateway client (Stripe's SDK, httpx)": ("stripe", "httpx", "httpcore", "h11", "anyio"),
    "FastAPI, Starlette, uvicorn": ("fastapi", "starlette", "uvicorn"),
    "pydantic": ("pydantic",),
    "logging": ("structlog", "logging/"),
    NATIVE: ("uvloop", "asyncio/runners.py"),
}
_WAITING: Final = re.compile(r"_worker \(.*concurrent/futures/thread\.py\)|wait \(.*threading\.py\)")
"""Innermost frames of threads that wait and are taken for running all the same."""


async def profile(pids: Mapping[str, int], seconds: float) -> dict[str, dict[str, float]]:
    """Part -> layer -> share of its samples; empty for what could not be looked at.

    Looking into another process needs the right to (root, or `kernel.yama.ptrace_scope=0`).
    """
    with tempfile.TemporaryDirectory(prefix="smartpay-profile-") as directory:
        files = {part: Path(directory) / f"{part}.txt" for part in pids}
        await asyncio.gather(*(_record(pid, seconds, files[part]) for part, pid in pids.items()))
        return {part: shares(file.read_text()) for part, file in files.items() if file.exists()}


async def _record(pid: int, seconds: float, file: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("py-spy")),
        *("record", "--pid", str(pid), "--duration", str(round(seconds)), "--rate", str(HERTZ)),
        *("--format", "raw", "--full-filenames", "--nolineno", "--output", str(file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    await process.wait()


def shares(stacks: str) -> dict[str, float]:
    """Layer -> share, of lines `frame;frame;frame count`, each sample told by its innermost known frame.

    Threads without a frame of Python are Temporal's core; whether they work or wait is not to be seen.
    """
    found: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if stack and not _WAITING.fullmatch(frames[-1]):
            found[_layer(frames)] += int(count)
    whole = found.total()
    return {layer: count / whole for layer, count in found.most_common()} if whole else {}


def _layer(frames: Sequence[str]) -> str:
    for frame in reversed(frames):
        file = frame.partition("(")[2]
        _, installed, package = file.partition("site-packages/")
        if installed:
            return next((name for name, those in _LAYERS.items() if package.startswith(tuple(those))), REST)
        if file.startswith(f"{ROOT}/"):
            return OWN
        if file.endswith("asyncio/runners.py)"):
            return NATIVE
    return NATIVE
