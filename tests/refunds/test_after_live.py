"""What happens to a payment long after it, through the running product and the gateways' wire formats."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from sandbox.client import SandboxClient
from tests.live import Json, Shop, eventually, new_key
from tests.notifications.receiver import Receiver, receiving
from tests.refunds.test_live import AMOUNT, GATEWAYS, ask, given_back, pay


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


@pytest.fixture
async def dashboard(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A person with the account's own key at Stripe."""
    headers = {"Authorization": "Bearer sk_test_sandbox_stripe"}
    async with httpx.AsyncClient(
        base_url=f"{stack.sandbox_url}/stripe", headers=headers, trust_env=False
    ) as client:
        yield client


async def hint_at_chargebacks(stack: Stack, checkout: Json) -> None:
    """As Flutterwave sends them to those who asked for it: it names nothing of ours."""
    body = json.dumps(
        {"event": "chargeback.initiated", "data": {"id": int(time.time()), "flw_ref": new_key()}}
    ).encode()
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as gateway:
        headers = {"verif-hash": "sandbox-hash-flutterwave", "Content-Type": "application/json"}
        answer = await gateway.post("/webhooks/flutterwave", content=body, headers=headers)
    assert answer.status_code == 200, checkout


@GATEWAYS
@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_a_dispute_is_shown_and_bars_refunds(
    stack: Stack, shop: Shop, sandbox: SandboxClient, gateway: str, outcome: str
) -> None:
    checkout = await pay(shop, gateway)
    assert checkout["disputes"] == []
    reference = checkout["attempts"][0]["id"]

    async def stands(status: str) -> Json | None:
        if gateway == "flutterwave":
            await hint_at_chargebacks(stack, checkout)
        found = (await shop.get(checkout["id"]))["disputes"]
        return found[0] if found and found[0]["status"] == status else None

    opened = await sandbox.dispute(reference, reason="fraudulent")
    dispute = await eventually("it is open", lambda: stands("needs_response"), every=0.5)
    assert dispute["id"].startswith("dp_")
    assert dispute["gateway_dispute_id"] == opened["dispute_id"]
    assert (dispute["amount"], dispute["currency"], dispute["reason"]) == (AMOUNT, "NGN", "fraudulent")
    assert (dispute["attempt_id"], dispute["closed_at"]) == (reference, None)
    refused = await ask(shop, checkout)
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_disputed")

    await sandbox.dispute(reference, outcome=outcome)
    closed = await eventually("it is decided", lambda: stands(outcome), every=0.5)
    assert closed["closed_at"] is not None
    refund = await ask(shop, checkout)
    if outcome == "lost":
        assert (refund.status_code, refund.json()["code"]) == (409, "payment_disputed")
    else:
        assert (refund.status_code, refund.json()["status"]) == (201, "succeeded")
    assert await given_back(sandbox, checkout) == (0 if outcome == "lost" else AMOUNT)
    listed = await shop.http.get("/v1/checkouts")
    shown = next(each for each in listed.json()["data"] if each["id"] == checkout["id"])
    assert [each["status"] for each in shown["disputes"]] == [outcome]


async def test_a_gateway_that_knows_of_a_dispute_first_says_so(
    shop: Shop, sandbox: SandboxClient, dashboard: httpx.AsyncClient
) -> None:
    """No webhook came: our bar is open, the gateway's is not."""
    checkout = await pay(shop, "stripe")
    await sandbox.fault("stripe", "webhook", "drop", reference=checkout["attempts"][0]["id"])
    await sandbox.dispute(checkout["attempts"][0]["id"])
    refund = await ask(shop, checkout)
    assert (refund.status_code, refund.json()["status"]) == (201, "failed")
    assert refund.json()["failure"]["code"] == "payment_disputed"
    assert await given_back(sandbox, checkout) == 0


async def test_a_success_that_stripe_takes_back(
    shop: Shop, sandbox: SandboxClient, receiver: Receiver
) -> None:
    method = {"type": "card", "tokens": {"stripe": "pm_card_refundFail"}}
    checkout = await pay(shop, "stripe", payment_method=method, notification_url=receiver.url)
    refund = await ask(shop, checkout)
    assert refund.json()["status"] in ("succeeded", "failed")

    async def failed() -> Json | None:
        found: Json = (await shop.http.get(f"/v1/refunds/{refund.json()['id']}")).json()
        return found if found["status"] == "failed" else None

    found = await eventually("it has failed", failed)
    assert found["failure"] == {"code": "failed_at_gateway", "message": "expired_or_canceled_card"}
    after = await shop.get(checkout["id"])
    assert (after["status"], after["amount_refunded"]) == ("succeeded", 0)
    assert (after["attempts"][0]["status"], after["attempts"][0]["amount_refunded"]) == ("captured", 0)
    assert await given_back(sandbox, checkout) == 0
    events = [json.loads(each.body) for each in await receiver.wait(3)]
    events.sort(key=lambda event: event["sequence"])
    assert [event["type"] for event in events] == ["checkout.succeeded", "refund.succeeded", "refund.failed"]
    told = events[2]["data"]["refund"]
    assert told == {name: found[name] for name in told}
    assert "reason" not in told


async def test_refunded_at_the_dashboard(shop: Shop, sandbox: SandboxClient, dashboard: Any) -> None:
    """More is gone than we know: the gateway's bound holds."""
    checkout = await pay(shop, "stripe")
    payment = checkout["attempts"][0]["gateway_payment_id"]
    made = await dashboard.post("/v1/refunds", data={"payment_intent": payment, "amount": "9500"})
    assert made.status_code == 200, made.text
    refund = (await ask(shop, checkout, {"amount": 1_000})).json()
    assert (refund["status"], refund["failure"]["code"]) == ("failed", "already_refunded")
    rest = (await ask(shop, checkout, {"amount": 500})).json()
    assert rest["status"] == "succeeded"
    assert await given_back(sandbox, checkout) == AMOUNT


async def test_a_partial_capture_is_refunded_up_to_what_was_taken(shop: Shop, sandbox: SandboxClient) -> None:
    checkout = await pay(shop, "stripe", capture_method="manual")
    captured = await shop.http.post(f"/v1/checkouts/{checkout['id']}/capture", json={"amount": 6_000})
    assert (captured.status_code, captured.json()["amount_captured"]) == (200, 6_000)
    more = await ask(shop, checkout, {"amount": 6_001})
    assert (more.status_code, more.json()["code"]) == (409, "refund_exceeds_captured")
    assert (await ask(shop, checkout)).json()["amount"] == 6_000
    assert await given_back(sandbox, checkout) == 6_000


async def test_an_authorization_that_expired_at_the_gateway(
    shop: Shop, sandbox: SandboxClient, dashboard: httpx.AsyncClient
) -> None:
    """Stripe cancels the PaymentIntent when the issuer's hold ends, and says so like any cancel."""
    checkout = await pay(shop, "stripe", capture_method="manual")
    payment = checkout["attempts"][0]["gateway_payment_id"]
    await sandbox.fault("stripe", "webhook", "drop", reference=checkout["attempts"][0]["id"])
    assert (await dashboard.post(f"/v1/payment_intents/{payment}/cancel")).status_code == 200
    refused = await shop.http.post(f"/v1/checkouts/{checkout['id']}/capture", json={})
    assert refused.status_code in (200, 409), refused.text
    ended = await shop.until(checkout["id"], "expired")
    assert (ended["amount_captured"], ended["attempts"][0]["amount_captured"]) == (0, 0)
    refund = await ask(shop, checkout)
    assert (refund.status_code, refund.json()["code"]) == (409, "not_refundable")
    rows = await sandbox.ledger(reference=checkout["attempts"][0]["id"])
    assert [row["kind"] for row in rows] == ["authorize", "void"]


async def test_canceled_after_a_person_captured_it(
    shop: Shop, sandbox: SandboxClient, dashboard: Any
) -> None:
    """G16: the void is refused, the checkout is paid, and its refund goes back once."""
    checkout = await pay(shop, "stripe", capture_method="manual")
    payment = checkout["attempts"][0]["gateway_payment_id"]
    await sandbox.fault("stripe", "webhook", "drop", reference=checkout["attempts"][0]["id"])
    assert (await dashboard.post(f"/v1/payment_intents/{payment}/capture")).status_code == 200
    canceled = await shop.http.post(f"/v1/checkouts/{checkout['id']}/cancel", json={})
    assert (canceled.status_code, canceled.json()["code"]) == (409, "already_paid")
    assert (await shop.get(checkout["id"]))["status"] == "succeeded"
    answers = await asyncio.gather(*(ask(shop, checkout) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert await given_back(sandbox, checkout) == AMOUNT
