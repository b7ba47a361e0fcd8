"""T3 on the running product: Temporal's data is thrown away in the middle, and nothing is charged twice."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from devstack.ports import Ports
from devstack.programs import ROOT
from devstack.settings import product_environment
from devstack.stack import Stack
from sandbox.client import SandboxClient
from tests.e2e.requests import card, nigerian_card, page
from tests.live import Customer, Json, eventually, open_shop

QUICK = {"RECOVER_AFTER": 8, "RECONCILE_GRACE": 0, "WATCH_INTERVALS": [1, 2, 5]}


@pytest.fixture
async def own_stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack of its own: what is thrown away here would be missed by other tests."""
    async with Stack(tmp_path, ports=Ports.free(), settings_overrides=QUICK) as running:
        yield running


async def lose_temporal(stack: Stack) -> None:
    """The server dies and comes back empty, as from no backup at all."""
    async with stack.down("temporal"):
        for file in stack.data_dir.glob("temporal.db*"):
            file.unlink()
    await stack.wait_ready()


async def smartpay(stack: Stack, *arguments: str) -> tuple[int, str]:
    """The shell command, with the stack's own environment: exit code and output."""
    urls = json.loads((stack.data_dir / "sandbox" / "ready.json").read_text())["gateways"]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from cli.main import app; app()", *arguments),
        cwd=ROOT,
        env=product_environment(
            ports=stack.ports,
            data_dir=stack.data_dir,
            database_url=stack.database_url,
            gateway_urls=urls,
            overrides={**QUICK, "COLUMNS": 200},
        ),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, printed.decode()


async def captures(sandbox: SandboxClient, checkout: Json) -> list[tuple[str, int]]:
    rows = [
        row
        for attempt in checkout["attempts"]
        for row in await sandbox.ledger(reference=attempt["id"])
        if row["kind"] in ("capture", "refund")
    ]
    return [(row["kind"], row["amount"]) for row in rows]


async def test_open_checkouts_go_on_after_temporal_has_lost_everything(own_stack: Stack) -> None:
    customer = Customer()
    async with open_shop(own_stack) as shop, SandboxClient(own_stack.sandbox_url) as sandbox:
        pages = [await shop.check_out(page(), wait=10) for _ in range(2)]
        assert {each["status"] for each in pages} == {"requires_action"}
        # Money is taken, the answers are lost, and so are the look-ups until Temporal is gone.
        for gateway in ("stripe", "flutterwave"):
            await sandbox.fault(gateway, "charge", "timeout_after", count=1)
            await sandbox.fault(gateway, "lookup", "error_before", probability=1.0)
        unclear = [await shop.check_out(body, wait=0) for body in (card(), nigerian_card())]

        async def charged() -> bool:
            rows = await sandbox.ledger()
            return len([row for row in rows if row["kind"] == "capture"]) == len(unclear)

        await eventually("both cards are charged", charged)
        await lose_temporal(own_stack)
        await sandbox.clear_faults()
        requests = await sandbox.requests()
        last = requests[-1]["seq"] if requests else 0
        ended = await asyncio.gather(*(shop.until(each["id"], within=60) for each in unclear))
        for checkout in ended:
            assert checkout["status"] == "succeeded"
            assert len(checkout["attempts"]) == 1
            assert len(await captures(sandbox, checkout)) == 1
            (attempt,) = checkout["attempts"]
            sent = await sandbox.requests(reference=attempt["id"], after_seq=last)
            assert [row for row in sent if row["operation"] == "charge"] == []
        for checkout in pages:
            await customer.pay(checkout)
        for checkout in pages:
            paid = await shop.until(checkout["id"], within=60)
            assert (paid["status"], len(await captures(sandbox, paid))) == ("succeeded", 1)
        await the_books_are_reconciled(own_stack)
    await customer.aclose()


async def the_books_are_reconciled(stack: Stack) -> None:
    """The command over all of it, then with money that is under no attempt of ours."""
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    code, printed = await smartpay(stack, "reconcile", "--day", today)
    assert code == 0, printed
    assert printed.count("agrees") == 2

    foreign = await foreign_payment(stack)
    code, printed = await smartpay(stack, "reconcile", "--account", "stripe", "--day", today, "--json")
    assert code == 3, printed
    (run,) = json.loads(printed[printed.index("[") :])
    assert run["counts"]["missing_here"] == 1
    assert [(each["verdict"], each["payment_id"]) for each in run["breaks"]] == [("missing_here", foreign)]
    code, printed = await smartpay(stack, "reconcile", "--account", "stripe", "--day", today)
    assert code == 3
    assert "missing here" in printed
    assert foreign in printed
    code, printed = await smartpay(stack, "reconcile", "--list")
    assert code == 0
    assert printed.count("stripe") == 3


async def foreign_payment(stack: Stack) -> str:
    """Somebody takes money at our account without us."""
    gateway = json.loads((stack.data_dir / "sandbox" / "ready.json").read_text())["gateways"]["stripe"]
    async with httpx.AsyncClient(trust_env=False, auth=("sk_test_sandbox_stripe", "")) as client:
        answer = await client.post(
            f"{gateway}/v1/payment_intents",
            data={
                "amount": "700",
                "currency": "usd",
                "payment_method": "pm_card_visa",
                "payment_method_types[]": "card",
                "confirm": "true",
            },
        )
    assert answer.is_success, answer.text
    identifier: str = answer.json()["id"]
    return identifier
