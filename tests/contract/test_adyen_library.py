"""Adyen's own Python library as the judge of signatures, and as a client of the sandbox."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from Adyen import Adyen as AdyenClient  # type: ignore[import-untyped]  # it ships no types
from Adyen import AdyenError
from Adyen.util import is_valid_hmac_notification  # type: ignore[import-untyped]  # as above

from sandbox.client import SandboxClient
from tests.contract.adyen_wire import (
    NOW,
)
from tests.contract.case import ACCOUNT
from tests.contract.cases.adyen import CASE
from tests.contract.trial import Adapters, Trial
from tests.sandbox_process import SandboxProcess


@pytest.fixture
def trial(control: SandboxClient, adapters: dict[str, Adapters]) -> Trial:
    return Trial(CASE, control, adapters["adyen"])


async def test_adyens_own_verifier_accepts_what_we_accept(trial: Trial) -> None:
    handle = await trial.authorized()
    await trial.settled(lambda: trial.gateway.capture(trial.capturing(handle, handle.amount)))
    await trial.refunded(handle, await trial.gateway.refund(trial.refunding(handle, 1_000)))

    rows = await trial.control.webhooks(gateway="adyen", reference=handle.reference)

    assert [row["event"] for row in rows] == ["AUTHORISATION", "CAPTURE", "REFUND"]
    for row in rows:
        assert is_valid_hmac_notification(row["body"], CASE.webhook.secret)
        assert not is_valid_hmac_notification(row["body"], "00ff")
        body = json.dumps(row["body"]).encode()
        assert trial.gateway.read_webhook(body, {}, NOW).kind == row["event"]


async def test_adyens_own_client_can_use_the_sandbox(sandbox: SandboxProcess, trial: Trial) -> None:
    """What the sandbox speaks is not merely our own belief: paths, headers, answers and errors."""
    client = AdyenClient(xapikey=f"adyen_test_sandbox_{ACCOUNT}", platform="test")
    checkout = client.checkout
    apis = (checkout.payments_api, checkout.payment_links_api, checkout.modifications_api)
    for api in apis:
        api.baseUrl = sandbox.gateways["adyen"]
    account, reference = f"SandboxECOM-{ACCOUNT}", trial.reference
    money = {"currency": "EUR", "value": 2_000}
    charge = {
        "merchantAccount": account,
        "reference": reference,
        "amount": money,
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": "adyen-tok-success"},
        "shopperReference": "shopper-1",
        "additionalData": {"manualCapture": "true"},
        "returnUrl": "https://shop.example/return",
    }

    def use() -> tuple[Any, ...]:
        first = checkout.payments_api.payments(charge, idempotency_key=reference).message
        again = checkout.payments_api.payments(charge, idempotency_key=reference).message
        psp = first["pspReference"]
        captured = checkout.modifications_api.capture_authorised_payment(
            {"merchantAccount": account, "amount": money}, psp
        )
        link = checkout.payment_links_api.payment_links(
            {"merchantAccount": account, "reference": reference, "amount": money}
        )
        expired = checkout.payment_links_api.update_payment_link({"status": "expired"}, link.message["id"])
        return first, again, captured, link, expired

    first, again, captured, link, expired = await asyncio.to_thread(use)

    assert first == again
    assert first["resultCode"] == "Authorised"
    assert (captured.status_code, captured.message["status"]) == (201, "received")
    assert (link.status_code, link.message["status"]) == (201, "active")
    assert expired.message["status"] == "expired"
    assert await trial.until(trial.ledger, lambda rows: len(rows) == 2) == [
        ("authorize", 2_000, "EUR"),
        ("capture", 2_000, "EUR"),
    ]
    with pytest.raises(AdyenError):
        await asyncio.to_thread(checkout.payments_api.payments, {**charge, "amount": None})


async def test_the_page_is_one_that_a_browser_can_pay(trial: Trial, client: SandboxClient) -> None:
    handle = await trial.opened()
    async with httpx.AsyncClient(trust_env=False) as browser:
        refused = await browser.post(handle.page_url or "", data={"action": "decline"})
        assert "refused" in refused.text
        paid = await browser.post(handle.page_url or "", data={"action": "pay"})
        assert paid.status_code == 302
        assert (await browser.get(handle.page_url or "")).status_code == 410
    assert await trial.ledger() == [("capture", handle.amount, handle.currency)]
