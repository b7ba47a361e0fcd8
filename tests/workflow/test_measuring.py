"""What operators measure, as Prometheus scrapes it from the worker."""

import re

import httpx
from temporalio.testing import WorkflowEnvironment

from config.temporal import DATA_CONVERTER
from devstack.ports import Ports
from tests.workflow.plays import never
from tests.workflow.world import TEST_SERVER, world_on
from worker import measured


def sample(text: str, name: str, **labels: str) -> float:
    """The sum of the samples of this name that have these labels."""
    found = 0.0
    for line in text.splitlines():
        match = re.fullmatch(r"(\w+)\{(.*)\} (\S+)", line)
        if (
            match
            and match[1] == name
            and all(f'{key}="{value}"' in match[2] for key, value in labels.items())
        ):
            found += float(match[3])
    return found


async def test_outcomes_and_how_long_unknown_ones_took_are_measured(module_database_url: str) -> None:
    port = Ports.free().api
    async with (
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=TEST_SERVER,
            data_converter=DATA_CONVERTER,
            runtime=measured("127.0.0.1", port),
        ) as env,
        world_on(env.client, module_database_url, ("momo", "card-b"), env=env) as world,
    ):
        world.banks["momo"].charge_script = [never()]
        world.faults.lost_before.add(3)
        assert await world.run(await world.checkout()) == "succeeded"
        async with httpx.AsyncClient(trust_env=False) as http:
            text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    assert sample(text, "smartpay_checkouts_total", status="succeeded") == 1
    assert sample(text, "smartpay_attempts_total", account="momo", outcome="not_found") == 1
    assert sample(text, "smartpay_attempts_total", account="card-b", outcome="captured") == 1
    resolution = "smartpay_unknown_resolution_seconds"
    assert sample(text, f"{resolution}_count", account="momo", result="not_found") == 1
    assert sample(text, f"{resolution}_bucket", account="momo", le="60") == 1
    assert sample(text, f"{resolution}_count", account="card-b") == 0
