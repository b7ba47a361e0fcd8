"""A real sandbox process for tests: started on free ports, waited for, stopped."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_CHECKOUT: Final = Path(__file__).resolve().parent.parent
_START_SECONDS: Final = 20.0
_STOP_SECONDS: Final = 5.0


@dataclass(frozen=True)
class SandboxProcess:
    control: str
    """Base URL of control surface and pages."""
    gateways: Mapping[str, str]
    """Gateway -> base URL that an account points at."""
    process: subprocess.Popen[bytes]
    data_dir: Path

    @property
    def ports(self) -> dict[str, int]:
        """What `run_sandbox(ports=...)` takes to start another one at the same addresses."""
        urls = {"control": self.control, **self.gateways}
        return {name: int(url.split("/")[2].rpartition(":")[2]) for name, url in urls.items()}


@contextmanager
def run_sandbox(
    data_dir: Path,
    *,
    webhook_base: str | None = None,
    prompt_seconds: float = 1.5,
    ports: Mapping[str, int] | None = None,
    extra: Sequence[str] = (),
) -> Iterator[SandboxProcess]:
    """`ports` maps "control" and gateway names to fixed ports, others are free ones. `extra`: arguments."""
    sandbox = start_sandbox(
        data_dir, webhook_base=webhook_base, prompt_seconds=prompt_seconds, ports=ports, extra=extra
    )
    try:
        yield sandbox
    finally:
        stop(sandbox.process)


def start_sandbox(
    data_dir: Path,
    *,
    webhook_base: str | None = None,
    prompt_seconds: float = 1.5,
    ports: Mapping[str, int] | None = None,
    extra: Sequence[str] = (),
) -> SandboxProcess:
    """As `run_sandbox`, for a caller that stops it itself."""
    data_dir.mkdir(parents=True, exist_ok=True)
    ready = data_dir / "ready.json"
    ready.unlink(missing_ok=True)
    arguments = ["--host", "127.0.0.1", "--data-dir", str(data_dir), "--prompt-seconds", str(prompt_seconds)]
    for name, port in (ports or {}).items():
        arguments += ["--port" if name == "control" else f"--{name}-port", str(port)]
    if webhook_base is not None:
        arguments += ["--webhook-base", webhook_base]
    with (data_dir / "sandbox.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
            [sys.executable, "-m", "sandbox", *arguments, *extra],
            cwd=_CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    deadline = time.monotonic() + _START_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            raise RuntimeError(f"sandbox did not start:\n{(data_dir / 'sandbox.log').read_text()}")
        time.sleep(0.02)
    where = json.loads(ready.read_text())
    return SandboxProcess(
        control=where["control"], gateways=where["gateways"], process=process, data_dir=data_dir
    )


def stop(process: subprocess.Popen[bytes]) -> None:
    """Terminate, wait, kill if need be."""
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(_STOP_SECONDS)
