"""The whole product on this machine under one supervisor: for the demo, for tests, for fault campaigns."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

import httpx

from config.keys import new_key
from devstack.admin import Admin, provide_admin
from devstack.claim import claim
from devstack.datasets import provide_datasets
from devstack.ports import HOST, Ports
from devstack.postgres import DATABASE, Postgres, ensure_database
from devstack.private_files import write_private
from devstack.programs import Program, environment, run_once
from devstack.settings import KEYS_FILE, product_environment
from devstack.supervisor import Supervisor
from devstack.temporal import Temporal

TASK_QUEUE: Final = "checkouts"

_API: Final = ("-m", "api")
_SMARTPAY: Final = ("-m", "cli.main")


class Stack:
    """PostgreSQL, Temporal, the sandbox, the API and workers, each restarted when it dies.

        async with Stack(tmp_path, ports=Ports.free(), workers=2) as stack:
            await httpx.AsyncClient().post(f"{stack.api_url}/v1/checkouts", ...)
            stack.kill("worker")
            await stack.wait_ready()

    `commands` runs something else as `api` or `worker`: arguments for this Python.

    Names of programs: `postgres`, `temporal`, `sandbox`, `api`, `worker`, `worker-2`, ... On leaving, all are
    stopped in reverse order. On Linux none outlives this process, however it ends.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        ports: Ports | None = None,
        workers: int = 1,
        settings_overrides: Mapping[str, object] | None = None,
        commands: Mapping[str, Sequence[str]] | None = None,
        say: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.ports = ports or Ports()
        self.api_key = ""
        self.merchant_id = ""
        self.operator_token = ""
        self.admin: Admin | None = None
        self._workers = workers
        self._overrides = dict(settings_overrides or {})
        self._commands = {"api": _API, "worker": ("worker.py",)} | dict(commands or {})
        self._say = say
        self._published = False
        self._claim: IO[str] | None = None
        self._postgres = Postgres(self.data_dir / "postgres", self.ports.postgres)
        self._temporal = Temporal(
            self.data_dir / "temporal.db",
            self.ports.temporal,
            self.ports.temporal_ui,
            self.ports.temporal_metrics,
        )
        self._supervisor = Supervisor(self.data_dir / "logs", self._write_demo_file)

    @property
    def api_url(self) -> str:
        return f"http://{HOST}:{self.ports.api}"

    @property
    def sandbox_url(self) -> str:
        """The sandbox's control surface."""
        return f"http://{HOST}:{self.ports.sandbox}"

    @property
    def temporal_address(self) -> str:
        return self._temporal.address

    @property
    def temporal_ui_url(self) -> str:
        return self._temporal.ui_url

    @property
    def temporal_metrics_url(self) -> str:
        return self._temporal.metrics_url

    @property
    def database_url(self) -> str:
        """With its password."""
        return self._postgres.url()

    @property
    def logs(self) -> Path:
        return self.data_dir / "logs"

    @property
    def pids(self) -> dict[str, int | list[int]]:
        """What runs now; several workers are a list under `worker`."""
        running = self._supervisor.pids
        workers = [pid for name, pid in running.items() if _is_worker(name)]
        pids: dict[str, int | list[int]] = {n: pid for n, pid in running.items() if not _is_worker(n)}
        if workers:
            pids["worker"] = workers if self._workers > 1 else workers[0]
        return pids

    async def __aenter__(self) -> Self:
        """Start everything. Raises BadPort, AlreadyRunning or StartFailed, with nothing left running."""
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def wait_ready(self, *, within: float = 60.0) -> None:
        """Until every program runs and is ready (again). Raises TimeoutError."""
        await self._supervisor.wait_ready(within=within)

    async def answers(self) -> bool:
        """Whether the API says that it is ready."""
        return await _answers(f"{self.api_url}/readyz")

    def publish(self) -> None:
        """Write `demo.json` for other programs, and again whenever a process id changes, until the end."""
        self._published = True
        self._write_demo_file()

    def kill(self, name: str) -> None:
        """SIGKILL one program; the supervisor starts it again at once."""
        self._supervisor[name].kill()

    def down(self, name: str) -> AbstractAsyncContextManager[None]:
        """Inside, one program is killed and stays away; afterwards it runs again and is ready."""
        return self._supervisor.down(name)

    async def exchange(self, name: str, command: Sequence[str] | None = None) -> None:
        """Run something else as a program from now on: arguments for this Python. None: what it was at first.

        Raises StartFailed.
        """
        supervised = self._supervisor[name]
        chosen = self._commands[name.partition("-")[0]] if command is None else command
        await supervised.exchange(replace(supervised.program, command=(sys.executable, *chosen)), within=60.0)

    def kill_everything(self) -> None:
        """SIGKILL all programs now: for the impatient second Ctrl-C."""
        self._supervisor.kill()

    async def _start(self) -> None:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._claim = claim(self.data_dir)
        self.ports.check()
        (self.data_dir / "demo.json").unlink(missing_ok=True)
        if not (self.data_dir / KEYS_FILE).exists():
            write_private(self.data_dir / KEYS_FILE, new_key("demo") + "\n")

        self._say("data sets")
        await provide_datasets(self.data_dir / "datasets", self.logs / "datasets.log")
        self._say("PostgreSQL")
        await self._postgres.prepare(self.logs / "initdb.log")
        await self._supervisor.start(self._postgres.program())
        await self._migrate()
        self._say("Temporal")
        await self._supervisor.start(self._temporal.program())
        self._say("sandbox gateways")
        await self._supervisor.start(self._sandbox())

        product = self._product_environment(self._gateway_urls())
        self._say("API")
        await self._supervisor.start(self._api(product))
        await asyncio.gather(self._provide_api_key(product), self._provide_operator_token(product))
        if self._commands["api"] == _API:  # another one in its place may know no operators
            self.admin = await provide_admin(self.data_dir / "admin.json", self.api_url, self.operator_token)
        self._say("worker")
        for number in range(1, self._workers + 1):
            await self._supervisor.start(self._worker(product, number))

    async def _stop(self) -> None:
        self._published = False
        await self._supervisor.stop()
        if self._claim:
            (self.data_dir / "demo.json").unlink(missing_ok=True)
            self._claim.close()
            self._claim = None

    async def _migrate(self) -> None:
        await ensure_database(self._postgres.url("postgres"), DATABASE)
        await run_once(
            Program(
                name="migrations",
                command=(sys.executable, "-m", "alembic", "upgrade", "head"),
                environment=self._product_environment({}),
            ),
            self.logs / "migrations.log",
        )

    def _product_environment(self, gateway_urls: Mapping[str, str]) -> dict[str, str]:
        return product_environment(
            ports=self.ports,
            data_dir=self.data_dir,
            database_url=self.database_url,
            gateway_urls=gateway_urls,
            overrides=self._overrides,
        )

    def _sandbox(self) -> Program:
        directory = self.data_dir / "sandbox"
        directory.mkdir(exist_ok=True)
        options = [
            *("--host", HOST, "--port", str(self.ports.sandbox)),
            *(word for name, port in self.ports.gateways.items() for word in (f"--{name}-port", str(port))),
            *("--data-dir", str(directory), "--webhook-base", f"{self.api_url}/webhooks"),
        ]

        async def ready(_pid: int) -> bool:
            return (directory / "ready.json").exists() and await _answers(f"{self.sandbox_url}/_/faults")

        return Program(
            name="sandbox",
            command=(sys.executable, "-m", "sandbox", *options),
            environment=environment({"PYTHONUNBUFFERED": "1"}),
            ready=ready,
        )

    def _gateway_urls(self) -> dict[str, str]:
        written = json.loads((self.data_dir / "sandbox" / "ready.json").read_text())
        return {str(name): str(url) for name, url in written["gateways"].items()}

    def _api(self, product: Mapping[str, str]) -> Program:
        async def ready(_pid: int) -> bool:
            return await self.answers()

        return Program(
            name="api",
            command=(sys.executable, *self._commands["api"]),
            environment=product,
            ready=ready,
            stop_within=10,
        )

    def _worker(self, product: Mapping[str, str], number: int) -> Program:
        async def ready(pid: int) -> bool:
            return await self._temporal.polls(TASK_QUEUE, pid)

        return Program(
            name="worker" if number == 1 else f"worker-{number}",
            command=(sys.executable, *self._commands["worker"]),
            environment=product,
            ready=ready,
            stop_within=15,
        )

    async def create_merchant(self, name: str) -> tuple[str, str]:
        """One more merchant, by the shell command: its id and its API key. Raises StartFailed."""
        words = ("merchants", "create", name, "--json")
        made = json.loads(await self._smartpay(words, self._product_environment(self._gateway_urls())))
        return made["merchant_id"], made["api_key"]

    async def _provide_api_key(self, product: Mapping[str, str]) -> None:
        """The demo merchant and its key."""
        words = ("merchants", "create", "Demo shop", "--json")
        made = await self._provide("merchant", "api_key", "checkouts?limit=1", words, product)
        self.merchant_id, self.api_key = made["merchant_id"], made["api_key"]

    async def _provide_operator_token(self, product: Mapping[str, str]) -> None:
        """A token of an operator who may do everything."""
        words = ("operators", "create", "Demo operator", "--role", "admin", "--token", "--json")
        self.operator_token = (await self._provide("operator", "token", "admin/me", words, product))["token"]

    async def _provide(
        self, what: str, secret: str, probe: str, words: Sequence[str], product: Mapping[str, str]
    ) -> dict[str, str]:
        """What `{what}.json` keeps where the API still takes its secret, else made anew by `smartpay`."""
        file = self.data_dir / f"{what}.json"
        if file.exists():
            kept: dict[str, str] = json.loads(file.read_text())
            if await _answers(f"{self.api_url}/v1/{probe}", {"Authorization": f"Bearer {kept[secret]}"}):
                return kept
        printed = await self._smartpay(words, product)
        write_private(file, printed.decode())
        made: dict[str, str] = json.loads(printed)
        return made

    async def _smartpay(self, words: Sequence[str], product: Mapping[str, str]) -> bytes:
        """What the shell command prints. Raises StartFailed."""
        program = Program(
            name=f"smartpay {' '.join(words[:2])}",
            command=(sys.executable, *_SMARTPAY, *words),
            environment=product,
        )
        return await run_once(program, self.logs / f"{words[0]}.log")

    def _write_demo_file(self) -> None:
        if not self._published:
            return
        described: dict[str, Any] = {
            "api": self.api_url,
            "api_key": self.api_key,
            "operator_token": self.operator_token,
            "admin": None if self.admin is None else {"url": f"{self.api_url}/admin", **self.admin._asdict()},
            "temporal_ui": self.temporal_ui_url,
            "temporal_address": self.temporal_address,
            "database_url": self.database_url,
            "sandbox": self.sandbox_url,
            "pids": self.pids,
        }
        # A full disk must not stop the supervisor; the next change writes it again.
        with contextlib.suppress(OSError):
            write_private(self.data_dir / "demo.json", json.dumps(described, indent=2) + "\n")


def _is_worker(name: str) -> bool:
    return name == "worker" or name.startswith("worker-")


async def _answers(url: str, headers: Mapping[str, str] | None = None) -> bool:
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
            return (await client.get(url, headers=headers)).is_success
    except httpx.TransportError:
        return False
