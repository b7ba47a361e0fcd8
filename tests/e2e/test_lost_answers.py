"""The narrowest window: the gateway has charged, and the worker dies before it can record the answer (W2)."""

from dataclasses import dataclass

import asyncpg
import pytest

from devstack.stack import Stack
from domain.ids import attempt_id
from sandbox.client import SandboxClient
from tests.e2e.load import by_reference, judged, sent_twice
from tests.e2e.requests import Json, card, nigerian_card
from tests.live import Shop, eventually

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Case:
    title: str
    gateway: str
    request: Json
    refused_afterwards: bool
    """Whether the gateway answers every further charge of this attempt with 401."""
    charge_requests: int
    """That the gateway may have seen of this attempt in the end. A worker that comes back late finds the
    charge by a look-up instead of sending it again, so it may have been fewer."""


CASES = (
    Case("Stripe", "stripe", card(5100), refused_afterwards=False, charge_requests=2),
    Case("Flutterwave", "flutterwave", nigerian_card(), refused_afterwards=False, charge_requests=1),
    Case("Stripe, resend refused", "stripe", card(5200), refused_afterwards=True, charge_requests=2),
    Case("Flutterwave, 401", "flutterwave", nigerian_card(), refused_afterwards=True, charge_requests=1),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
async def test_a_worker_killed_after_the_charge_finds_it_again(
    stack: Stack, shop: Shop, sandbox: SandboxClient, database: asyncpg.Connection, case: Case
) -> None:
    async with stack.down("worker"):  # so that faults can name the attempt before it is sent
        accepted = await shop.check_out(case.request, wait=0)
        reference = attempt_id(accepted["id"], 1)
        await sandbox.fault(case.gateway, "charge", "timeout_after", count=1, reference=reference)
        if case.refused_afterwards:
            await sandbox.fault(case.gateway, "charge", "unauthorized", reference=reference)

    async def charged() -> bool:
        return bool(by_reference(await sandbox.ledger())[reference])

    await eventually("the gateway has charged", charged, every=0.01)
    stack.kill("worker")
    recorded = await database.fetchval("SELECT status FROM attempts WHERE id = $1", reference)
    assert recorded == "started", "recorded before the kill"

    ended = await shop.until(accepted["id"])
    ledger = by_reference(await sandbox.ledger())
    charges = by_reference([row for row in await sandbox.requests() if row["operation"] == "charge"])
    assert judged(ended, ledger, status="succeeded") + sent_twice(ended, charges) == []
    assert [attempt["account"] for attempt in ended["attempts"]] == [case.gateway]
    assert 1 <= len(charges[reference]) <= case.charge_requests
