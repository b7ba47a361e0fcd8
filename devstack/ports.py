"""Which port each program listens on. All are on 127.0.0.1."""

import errno
import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Final, Self

from sandbox.discovery import gateways as simulated_gateways

HOST: Final = "127.0.0.1"

# Below the range from which Linux (32768) and macOS (49152) take the ports of outgoing connections, so that
# none of those can take a port between our choosing it and a program's binding it.
_FREE_RANGE: Final = range(20000, 32000)


class BadPort(Exception):
    """A port variable cannot be used. The message names the port, the variable and the way out."""


@dataclass(frozen=True)
class Ports:
    api: int = 8000
    temporal: int = 7233
    temporal_ui: int = 8233
    temporal_metrics: int = 8234
    sandbox: int = 8700
    postgres: int = 5433
    gateways: Mapping[str, int] = field(
        default_factory=lambda: {name: gateway.port for name, gateway in simulated_gateways().items()}
    )
    """Of each simulated gateway, by its name."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Self:
        """`API_PORT`, `TEMPORAL_UI_PORT`, `SANDBOX_STRIPE_PORT` and so on. Raises BadPort."""
        return cls._of({**cls().by_name, **_chosen(cls().by_name, environ)})

    @classmethod
    def free(cls) -> Self:
        """Ports that nobody uses and that no other call of this hands out while this process lives."""
        return cls._of({name: _reserve() for name in cls().by_name})

    @property
    def by_name(self) -> dict[str, int]:
        """Program -> port; a simulated gateway is called `sandbox_{gateway}`."""
        own = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "gateways"}
        return own | {f"sandbox_{name}": port for name, port in self.gateways.items()}

    @classmethod
    def _of(cls, ports: Mapping[str, int]) -> Self:
        gateways = {name: ports[f"sandbox_{name}"] for name in simulated_gateways()}
        own = {name: port for name, port in ports.items() if name in {each.name for each in fields(cls)}}
        return cls(**own, gateways=gateways)

    def check(self) -> None:
        """Raises BadPort for the first port that two programs would share or that somebody else has."""
        seen: dict[int, str] = {}
        for program, port in self.by_name.items():
            name = variable(program)
            if port in seen:
                raise BadPort(f"{seen[port]} and {name} are both {port}: give each its own port")
            seen[port] = name
            if reason := _unusable(port):
                other = port + 1000 if port < 60000 else port - 1000
                raise BadPort(f"port {port} ({name}) {reason}: choose another, for example {name}={other}")


def _chosen(programs: Iterable[str], environ: Mapping[str, str]) -> dict[str, int]:
    chosen: dict[str, int] = {}
    for program in programs:
        text = environ.get(variable(program), "")
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
            raise BadPort(f"{variable(program)}={text} is not a port: give a number from 1 to 65535")
        chosen[program] = int(text)
    return chosen


def variable(name: str) -> str:
    """`sandbox_stripe` -> `SANDBOX_STRIPE_PORT`."""
    return f"{name}_port".upper()


def _unusable(port: int) -> str | None:
    with socket.socket() as probe:
        # As the servers do: a connection that has just closed on this port is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return "is taken by another program"
            return f"cannot be used ({error.strerror})"
    return None


def _reserve() -> int:
    """A free port under a lock file that the process holds until it ends."""
    directory = Path(tempfile.gettempdir()) / f"smartpay-ports-{os.getuid()}"
    directory.mkdir(mode=0o700, exist_ok=True)
    for port in random.sample(_FREE_RANGE, 500):
        lock = os.open(directory / str(port), os.O_WRONLY | os.O_CREAT, 0o600)  # stays open with the port
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            continue
        if _unusable(port) is None:
            return port
        os.close(lock)
    raise BadPort(f"no free port between {_FREE_RANGE.start} and {_FREE_RANGE.stop}")
