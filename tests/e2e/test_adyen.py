"""Adyen through the whole product: what its answers leave open, its signed webhooks tell."""

from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from devstack.stack import Stack
from domain.ids import attempt_id
from sandbox.client import SandboxClient
from tests.contract.cases.adyen import CASE
from tests.e2e.load import by_reference, judged, sent_twice
from tests.e2e.requests import CUSTOMER, Json
from tests.live import Customer, Shop, eventually, new_key
from tests.patience import PATIENCE


def dutch_card(amount: int = 5_400, *, saved: str = "adyen-tok-success", **more: object) -> Json:
    """Only Adyen has a token of it."""
    return {
        "amount": amount,
        "currency": "EUR",
        "customer": CUSTOMER | {"country": "NL"},
        "payment_method": {"type": "card", "tokens": {"adyen": saved}},
        "return_url": "https://shop.example/return",
        **more,
    }


@pytest.mark.parametrize("fault", ["timeout_after", "reset_before", "malformed"])
async def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    shop: Shop, sandbox: SandboxClient, fault: str
) -> None:
    """G3, G4, G6, I8."""
    await sandbox.fault("adyen", "charge", fault, count=1)
    await sandbox.fault("adyen", "webhook", "drop", count=1)

    checkout = await shop.until((await shop.check_out(dutch_card()))["id"])

    assert checkout["status"] == "succeeded"
    ledger = by_reference(await sandbox.ledger())
    charges = by_reference([row for row in await sandbox.requests() if row["operation"] == "charge"])
    assert judged(checkout, ledger, status="succeeded") == []
    assert sent_twice(checkout, charges) == []
    [attempt] = checkout["attempts"]
    assert len(charges[attempt["id"]]) == 2
    assert len({row["body_sha256"] for row in charges[attempt["id"]]}) == 1


async def test_an_error_that_adyen_keeps_is_outlived_by_the_webhook(
    shop: Shop, sandbox: SandboxClient
) -> None:
    """G5: the key answers the stored 500 for ever; the AUTHORISATION webhook knows better."""
    await sandbox.fault("adyen", "charge", "error_after", count=1)

    checkout = await shop.until((await shop.check_out(dutch_card()))["id"])

    assert checkout["status"] == "succeeded"
    assert [attempt["account"] for attempt in checkout["attempts"]] == ["adyen"]
    assert judged(checkout, by_reference(await sandbox.ledger()), status="succeeded") == []


async def test_a_refusal_whose_answer_is_lost_goes_on_to_nobody(shop: Shop, sandbox: SandboxClient) -> None:
    await sandbox.fault("adyen", "charge", "error_after", count=1)

    checkout = await shop.until((await shop.check_out(dutch_card(saved="adyen-tok-blocked-card")))["id"])

    assert checkout["status"] == "failed"
    assert checkout["decline"]["code"] == "card_restricted"
    assert len(checkout["attempts"]) == 1


async def test_an_authorization_is_captured_in_part_and_refunded(shop: Shop, sandbox: SandboxClient) -> None:
    accepted = await shop.check_out(dutch_card(9_000, capture_method="manual"))
    held = await shop.until(accepted["id"], "requires_capture")

    captured = await shop.http.post(f"/v1/checkouts/{held['id']}/capture", json={"amount": 6_000})
    assert captured.status_code == 200, captured.text
    paid = await shop.until(held["id"], "succeeded")
    refund = await shop.http.post(
        f"/v1/checkouts/{held['id']}/refunds", json={"amount": 2_500}, headers={"Idempotency-Key": new_key()}
    )
    assert refund.status_code == 201, refund.text

    async def refunded() -> bool:
        return bool((await shop.get(held["id"]))["amount_refunded"] == 2_500)

    await eventually("the refund is told of", refunded)
    assert paid["amount_captured"] == 6_000
    reference = attempt_id(held["id"], 1)
    rows = await sandbox.ledger(gateway="adyen", reference=reference)
    assert [(row["kind"], row["amount"]) for row in rows] == [
        ("authorize", 9_000),
        ("capture", 6_000),
        ("refund", 2_500),
    ]


async def test_an_authorization_is_released(shop: Shop, sandbox: SandboxClient) -> None:
    accepted = await shop.check_out(dutch_card(capture_method="manual"))
    held = await shop.until(accepted["id"], "requires_capture")

    answer = await shop.http.post(f"/v1/checkouts/{held['id']}/cancel")
    assert answer.status_code == 200, answer.text

    assert (await shop.until(held["id"]))["status"] == "canceled"
    rows = await sandbox.ledger(gateway="adyen", reference=attempt_id(held["id"], 1))
    assert [row["kind"] for row in rows] == ["authorize", "void"]


async def test_a_page_is_paid_after_a_refused_try(
    shop: Shop, customer: Customer, sandbox: SandboxClient
) -> None:
    page = {"amount": 3_300, "currency": "EUR", "customer": CUSTOMER | {"country": "NL"}}
    accepted = await shop.check_out(page)
    waiting = await shop.until(accepted["id"], "requires_action")
    await sandbox.settle(attempt_id(waiting["id"], 1), "failed")
    await customer.pay(waiting)

    checkout = await shop.until(waiting["id"])

    assert checkout["status"] == "succeeded"
    assert judged(checkout, by_reference(await sandbox.ledger()), status="succeeded") == []


async def test_a_card_that_must_authenticate_goes_to_adyens_page(shop: Shop, customer: Customer) -> None:
    accepted = await shop.check_out(dutch_card(saved="adyen-tok-redirect", allow_redirect=True))
    waiting = await shop.until(accepted["id"], "requires_action")
    await customer.pay(waiting)

    checkout = await shop.until(waiting["id"])

    assert checkout["status"] == "succeeded"
    assert [attempt["account"] for attempt in checkout["attempts"]] == ["adyen", "adyen"]


async def test_webhooks_are_proven_by_what_they_hold(
    stack: Stack, shop: Shop, database: asyncpg.Connection
) -> None:
    """H3, I19, I20."""
    paid = await shop.until((await shop.check_out(dutch_card()))["id"])
    reference = attempt_id(paid["id"], 1)
    body = CASE.webhook.write(reference=reference, payment_id="FORGEDFORGED2222", event_id="1")
    forged = CASE.webhook.signed(body, secret="00ff", at=datetime.now(UTC))
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=PATIENCE, trust_env=False) as http:
        answer = await http.post("/webhooks/adyen", content=forged.body)
    assert answer.status_code == 401

    async def told() -> bool:
        rows = await database.fetch(
            "SELECT kind, notice FROM webhook_events WHERE reference = $1 AND account = 'adyen'", reference
        )
        return [row["kind"] for row in rows] == ["AUTHORISATION"] and rows[0]["notice"] is not None

    await eventually("the genuine one is kept", told)
