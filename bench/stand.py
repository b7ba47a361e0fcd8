"""What is measured, set up: the product's own stack, and beside it the alternatives on the same services."""

import asyncio
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from temporalio.client import Client

from bench.meter import Meter
from bench.straight import Accepted, Direct
from config.settings import Settings
from config.temporal import DATA_CONVERTER
from devstack.ports import HOST, Ports
from devstack.programs import Program, environment, spawn
from devstack.settings import KEYS_FILE
from devstack.stack import Stack
from storage.database import Database

SETTINGS: Final[Mapping[str, object]] = {
    "LOG_LEVEL": "WARNING",
    # As in production: with short ones a busy machine would be taken for a broken one.
    "CHARGE_TIMEOUT": 40,
    "LOOK_UP_TIMEOUT": 40,
    "WORKFLOW_TASK_TIMEOUT": 10,
    "STICKY_QUEUE_TIMEOUT": 2,
    # What was written ahead and never started is no run that was lost.
    "RECOVER_AFTER": 3600,
    "CIRCUIT_FAILURES": 5,
    **{
        f"{gateway}_{name}_TIMEOUT": seconds
        for gateway in ("STRIPE", "FLUTTERWAVE", "ADYEN", "PAYSTACK")
        for name, seconds in (("CONNECT", 5), ("READ", 20))
    },
}
_READY_WITHIN: Final = 60.0


@dataclass(frozen=True)
class Stand:
    stack: Stack
    direct: Direct
    meter: Meter
    naive: int
    """Port of the handler without durability."""
    dbos: int
    """Port of the same on DBOS."""

    def pids(self, *parts: str) -> dict[str, int]:
        """The first process of each of these parts of the product."""
        return {part: _list(self.stack.pids[part])[0] for part in parts}


@asynccontextmanager
async def standing(directory: Path, settings: Mapping[str, object] | None = None) -> AsyncIterator[Stand]:
    """Start everything; at the end all of it is stopped. Raises StartFailed, TimeoutError."""
    overrides = {**SETTINGS, **(settings or {})}
    async with AsyncExitStack() as rest:
        stack = await rest.enter_async_context(
            Stack(directory, ports=Ports.free(), settings_overrides=overrides)
        )
        temporal = await Client.connect(stack.temporal_address, data_converter=DATA_CONVERTER)
        ports = Ports.free()
        extra = {
            "TEMPORAL_ADDRESS": stack.temporal_address,
            "DATABASE_URL": stack.database_url,
            "ENCRYPTION_KEYS_FILE": str(stack.data_dir / KEYS_FILE),
            "ENCRYPT_HISTORIES": "false",
            "STRIPE_URL": f"http://{HOST}:{stack.ports.gateways['stripe']}",
            "STRIPE_SECRET_KEY": "sk_test_sandbox_stripe",
        }
        beside: dict[str, Process] = {}
        for name, module, words in (
            ("empty worker", "bench.empty", {}),
            ("naive", "bench.naive", {"PORT": str(ports.api)}),
            ("dbos", "bench.on_dbos", {"PORT": str(ports.sandbox)}),
        ):
            program = Program(name, (sys.executable, "-m", module), environment({**extra, **words}))
            process = await spawn(program, stack.logs / f"{name.replace(' ', '-')}.log")
            rest.push_async_callback(_end, process)
            beside[name] = process
        for port in (ports.api, ports.sandbox):
            await _answers(port)
        pids = {name: _list(pid) for name, pid in stack.pids.items()}
        pids |= {name: [process.pid] for name, process in beside.items()}
        own = Settings(database_url=stack.database_url, encryption_keys_file=stack.data_dir / KEYS_FILE)
        database = Database(own.sqlalchemy_url, pool_size=1, keys=own.keys, program="smartpay bench")
        rest.push_async_callback(database.aclose)
        direct = Direct(temporal, Accepted(database, stack.merchant_id))
        yield Stand(stack, direct, Meter(pids), ports.api, ports.sandbox)


def _list(pids: int | list[int]) -> list[int]:
    return pids if isinstance(pids, list) else [pids]


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answers(port: int) -> None:
    async with asyncio.timeout(_READY_WITHIN), httpx.AsyncClient(trust_env=False) as http:
        while True:
            try:
                if (await http.get(f"http://{HOST}:{port}/healthz")).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
