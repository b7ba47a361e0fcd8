"""`smartpay replay` lets compatible code through and holds the rest back: kept histories, live runs (W8)."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from typer.testing import CliRunner, Result

from cli.main import app
from cli.replay import KEPT, MISMATCH
from config.keys import KeyRing, new_key
from config.temporal import data_converter
from tests.patience import PATIENCE
from tests.release.tree import change, copy_tree, smartpay
from tests.workflow.plays import action
from tests.workflow.world import world_on
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout

TEMPORAL = str(Path(sys.executable).with_name("temporal"))


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The product with a change that looks harmless: checkouts wait a second before they are planned."""
    tree = copy_tree(tmp_path_factory.mktemp("careless"))
    change(
        tree,
        "workflows/checkout.py",
        "        plan = await self._plan()\n",
        "        await workflow.sleep(1)\n        plan = await self._plan()\n",
    )
    return tree


@pytest.fixture(scope="module")
def careful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same change behind a flag."""
    tree = copy_tree(tmp_path_factory.mktemp("careful"))
    change(
        tree,
        "workflows/checkout.py",
        "        plan = await self._plan()\n",
        '        if workflow.patched("wait-before-plan"):\n'
        "            await workflow.sleep(1)\n"
        "        plan = await self._plan()\n",
    )
    return tree


class Namespace(NamedTuple):
    environment: dict[str, str]
    open_run: str
    closed_run: str
    keys: str


@pytest.fixture(scope="module")
async def namespace(module_database_url: str) -> AsyncIterator[Namespace]:
    """A server with one checkout that waits for its customer and one that is over, both encrypted."""
    keys = new_key("gate")
    async with await WorkflowEnvironment.start_local(dev_server_existing_path=TEMPORAL) as env:
        client = Client(env.client.service_client, data_converter=data_converter(KeyRing.parse(keys)))
        async with world_on(client, module_database_url) as world:
            world.banks["card-a"].charge_script = [action(), action()]
            started = [await world.start(await world.checkout()) for _ in range(2)]
            for handle in started:
                await world.until(handle.id.removeprefix("checkout/"), "requires_action")
            await started[1].execute_update(Checkout.cancel, CancelCheckout())
            await started[1].result()
            await _listed(client, world.task_queue, 2)
            settings = {
                "TEMPORAL_ADDRESS": env.client.service_client.config.target_host,
                "TASK_QUEUE": world.task_queue,
            }
            yield Namespace(settings, started[0].id, started[1].id, keys)
            await started[0].terminate()


async def _listed(client: Client, task_queue: str, number: int) -> None:
    """Visibility lags behind."""
    async with asyncio.timeout(PATIENCE):
        while (await client.count_workflows(f"TaskQueue = '{task_queue}'")).count < number:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def gate(*words: str, **environment: str) -> Result:
    """The gate of the code as it is, in this process."""
    return CliRunner().invoke(app, ["replay", *words], env=environment)


def test_the_kept_histories_pass_as_the_code_is() -> None:
    result = gate()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{len(list(KEPT.glob('*.json')))} runs")


def test_an_incompatible_change_is_held_back_by_the_kept_histories(careless: Path) -> None:
    straight, refund = KEPT / "straight.json", KEPT / "refund_check.json"
    result = smartpay(careless, "replay", str(straight), str(refund), "--json")
    assert result.returncode == MISMATCH, result.stderr
    told = {each["name"]: each for each in json.loads(result.stdout)}
    assert told[str(straight)]["workflow"] == "Checkout"
    assert "Nondeterminism" in told[str(straight)]["reason"]
    assert told[str(refund)]["reason"] is None


def test_the_same_change_behind_a_flag_passes(careful: Path) -> None:
    result = smartpay(careful, "replay", str(KEPT))
    assert result.returncode == 0, result.stdout + result.stderr


def test_live_runs_pass_as_the_code_is(namespace: Namespace) -> None:
    result = gate("--live", **namespace.environment, ENCRYPTION_KEYS=namespace.keys)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("2 runs")


def test_an_incompatible_change_is_held_back_by_open_and_closed_runs(
    namespace: Namespace, careless: Path
) -> None:
    environment = {**namespace.environment, "ENCRYPTION_KEYS": namespace.keys}
    result = smartpay(careless, "replay", "--live", "--closed", "1", environment=environment)
    assert result.returncode == MISMATCH, result.stderr
    first, why, second, _, last = result.stdout.splitlines()
    assert first.startswith(f"REFUSED Checkout {namespace.open_run} (run ")
    assert second.startswith(f"REFUSED Checkout {namespace.closed_run} (run ")
    assert "Nondeterminism" in why
    assert last == "2 of 2 runs cannot be carried on by this code: do not deploy it."


def test_a_missing_encryption_key_is_held_back(namespace: Namespace) -> None:
    """A worker without it would stand still before every run."""
    result = gate("--live", "--closed", "0", **namespace.environment, ENCRYPTION_KEYS=new_key("another"))
    assert result.exit_code == MISMATCH, result.output
    assert "'gate'" in result.stdout
    assert "1 of 1 runs" in result.stdout


@pytest.mark.parametrize(
    ("content", "told"),
    [("[]", "not a workflow's history in JSON"), ('{"events": []}', "does not begin with the start")],
)
def test_what_is_no_history_is_told(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "odd.json").write_text(content)
    result = gate(str(tmp_path))
    assert (result.exit_code, result.stdout) == (1, "")
    assert told in result.stderr


def test_a_server_that_is_not_there_is_told() -> None:
    result = gate("--live", TEMPORAL_ADDRESS="127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Temporal cannot be reached at 127.0.0.1:1. Check TEMPORAL_ADDRESS.\n"
