"""Killed processes under load: every accepted checkout ends, nobody is charged twice (W1, W3, W6, T1, D2)."""

import os
import signal

import pytest

from devstack.stack import Stack
from sandbox.client import SandboxClient
from tests.e2e.load import Load
from tests.live import Customer, Shop

pytestmark = pytest.mark.long


@pytest.fixture
async def load(shop: Shop, sandbox: SandboxClient, customer: Customer) -> Load:
    """Twenty-four checkouts of every sort, at gateways that are slow and lose answers."""
    for gateway in ("stripe", "flutterwave"):
        await sandbox.fault(gateway, "charge", "timeout_after", count=1, after=2)
        await sandbox.fault(gateway, "charge", "error_after", count=1, after=3)
        await sandbox.fault(gateway, "charge", "slow", probability=0.5, seconds=1)
    return Load(shop, sandbox, customer, of_each=3)


@pytest.mark.parametrize(
    ("name", "at"), [("worker", (6,)), ("api", (2, 10)), ("temporal", (6,)), ("postgres", (6,))]
)
async def test_a_killed_process_loses_nothing_and_charges_nothing_twice(
    stack: Stack, load: Load, name: str, at: tuple[int, ...]
) -> None:
    """Killed when so many charges have reached a gateway."""
    before = deaths(stack, name)
    await load.start()
    for charges in at:
        await load.charges(at_least=charges)
        stack.kill(name)
    await load.judge(await load.finish())
    assert deaths(stack, name) > before


async def test_a_worker_told_to_stop_drains_and_nothing_fails(stack: Stack, load: Load) -> None:
    worker = stack.pids["worker"]
    assert isinstance(worker, int)
    await load.start()
    await load.charges(at_least=6)
    os.kill(worker, signal.SIGTERM)
    await load.judge(await load.finish())
    log = (stack.logs / "worker.log").read_text()
    assert "worker: exit code 0, starting again" in log, "it has to end by itself and in order"


def deaths(stack: Stack, name: str) -> int:
    """How often the supervisor has found this program killed."""
    return (stack.logs / f"{name}.log").read_text().count(f"{name}: killed by SIGKILL, starting again")
