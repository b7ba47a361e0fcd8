"""The narrowest window: the gateway has charged, and the worker dies before it can record the answer (W2)."""

from dataclasses import dataclass

import asyncpg

from devstack.stack import Stack
from domain.ids import attempt_id
from sandbox.client import SandboxClient
from tests.e2e.load import by_reference, judged, sent_twice
from tests.e2e.requests import Json, card, nigerian_card
from tests.live import Shop, eventually


@dataclass(frozen=True)
class Case:
    title: str
    gateway: str
    request: Json
    refused_afterwards: bool
    """Whether the gateway answers every further charge of this attempt with 401."""
    charge_requests: int
    """That the gateway may have seen of this attempt in the end."""


CASES = (
    Case("Stripe", "stripe", card(5100), refused_afterwards=False, charge_requests=2),
    Case("Flutterwave", "flutterwave", nigerian_card(), refused_afterwards=False, charge_requests=1),
    Case("Stripe, resend refused", "stripe", card(5200), refused_afterwards=True, charge_requests=2),
    Case("Flutterwave, 401", "flutterwave", nigerian_card(), refused_afterwards=True, charge_requests=1),
)


async def test_a_worker_killed_after_the_charge_finds_it_again(
    stack: Stack, shop: Shop, sandbox: SandboxClient, database: asyncpg.Connection
) -> None:
    accepted: list[Json] = []
    async with stack.down("worker"):  # so that faults can name the attempts before they are sent
        for case in CASES:
            checkout = await shop.check_out(case.request, wait=0)
            accepted.append(checkout)
            reference = attempt_id(checkout["id"], 1)
            await sandbox.fault(case.gateway, "charge", "timeout_after", count=1, reference=reference)
            if case.refused_afterwards:
                await sandbox.fault(case.gateway, "charge", "unauthorized", reference=reference)
    references = [attempt_id(checkout["id"], 1) for checkout in accepted]

    async def charged() -> bool:
        ledger = by_reference(await sandbox.ledger())
        return all(ledger[reference] for reference in references)

    await eventually("every gateway has charged", charged, every=0.01)
    stack.kill("worker")
    rows = await database.fetch("SELECT status FROM attempts WHERE id = ANY($1)", references)
    assert [row["status"] for row in rows] == ["started"] * len(CASES), "recorded before the kill"

    ended = [await shop.until(checkout["id"]) for checkout in accepted]
    ledger = by_reference(await sandbox.ledger())
    charges = by_reference([row for row in await sandbox.requests() if row["operation"] == "charge"])
    problems = []
    for case, checkout, reference in zip(CASES, ended, references, strict=True):
        wrong = judged(checkout, ledger, status="succeeded") + sent_twice(checkout, charges)
        if [attempt["account"] for attempt in checkout["attempts"]] != [case.gateway]:
            wrong.append("went on to another account")
        if len(charges[reference]) != case.charge_requests:
            wrong.append(f"{len(charges[reference])} charge requests instead of {case.charge_requests}")
        problems += [f"{case.title}: {each}" for each in wrong]
    assert not problems, "\n".join(problems)
