"""An operator finds a run and reads off it what happened."""

import asyncio
import json
import re
import sys
from pathlib import Path

from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import Client

from devstack.stack import Stack
from tests.e2e.requests import DECLINED, STOLEN, card, challenged, nigerian_card
from tests.live import Shop, eventually
from tests.patience import PATIENCE

TEMPORAL = Path(sys.executable).with_name("temporal")


async def found(stack: Stack, query: str) -> set[str]:
    """Ids of the runs that `temporal workflow list --query` shows."""
    process = await asyncio.create_subprocess_exec(
        *(TEMPORAL, "workflow", "list", "--address", stack.temporal_address, "--query", query, "-o", "json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, errors = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, errors.decode()
    return {run["execution"]["workflowId"] for run in json.loads(printed or b"[]")}


async def test_runs_are_found_by_gateway_country_and_status(stack: Stack, shop: Shop) -> None:
    requests = {
        "american": card(),
        "nigerian": nigerian_card(),
        "failed over": card(stripe=DECLINED),
        "refused": card(stripe=STOLEN),
        "waiting": challenged(),
    }
    made = dict(zip(requests, await asyncio.gather(*map(shop.check_out, requests.values())), strict=True))
    runs = {title: f"checkout/{checkout['id']}" for title, checkout in made.items()}

    expected = {
        "Gateway = 'stripe' AND CheckoutStatus = 'succeeded'": {"american"},
        "Gateway = 'flutterwave' AND Country = 'US'": {"failed over"},
        "Gateway = 'flutterwave' AND CheckoutStatus = 'succeeded'": {"nigerian", "failed over"},
        "Country = 'NG'": {"nigerian"},
        "CheckoutStatus = 'failed'": {"refused"},
        "CheckoutStatus = 'requires_action' AND ExecutionStatus = 'Running'": {"waiting"},
        "Amount >= 5000 AND Currency = 'NGN'": {"nigerian"},
    }
    for query, titles in expected.items():
        wanted = {runs[title] for title in titles}

        async def shown(query: str = query, wanted: set[str] = wanted) -> bool:
            return await found(stack, f"{query} AND Merchant = '{shop.merchant_id}'") == wanted

        await eventually(f"{query} shows {titles}", shown, every=0.2)


async def test_the_story_of_a_failed_over_checkout_can_be_read_off_its_run(
    shop: Shop, temporal: Client
) -> None:
    checkout = await shop.check_out(card(7200, stripe=DECLINED))
    assert checkout["status"] == "succeeded"
    handle = temporal.get_workflow_handle(f"checkout/{checkout['id']}")
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    told = metadata.current_details
    order = ["US", "stripe", "flutterwave", "stripe", "declined", "flutterwave", "approved", "succeeded"]
    assert re.search(".*".join(order), told, re.DOTALL), told
    for private in ("customer@example.com", "pm_card", "flw-t1nf", shop.merchant_id):
        assert private not in told
