"""Paystack's simulator, spoken to as its documentation says."""

import hashlib
import hmac
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from sandbox.client import SandboxClient
from tests.sandbox.webhook_receiver import Receiver
from tests.sandbox.wire import eventually
from tests.sandbox_process import SandboxProcess

KEY = "sk_test_sandbox_paystack"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def paystack(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=sandbox.gateways["paystack"], headers={"Authorization": f"Bearer {KEY}"}, trust_env=False
    ) as client:
        yield client


def saved_card(reference: str, **changes: object) -> dict[str, object]:
    return {
        "email": "ada@example.com",
        "amount": "12550",
        "currency": "NGN",
        "reference": reference.replace("_", "-"),
        "authorization_code": "paystack-tok-success",
        **changes,
    }


async def charge(paystack: httpx.AsyncClient, body: dict[str, object]) -> httpx.Response:
    return await paystack.post("/transaction/charge_authorization", json=body)


async def test_a_reference_is_taken_once(
    paystack: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    paid = (await charge(paystack, saved_card(reference))).json()
    assert (paid["status"], paid["data"]["status"], paid["data"]["amount"]) == (True, "success", 12550)

    again = await charge(paystack, saved_card(reference, amount="99900"))
    assert (again.status_code, again.json()["message"]) == (400, "Duplicate Transaction Reference")

    (row,) = await control.ledger("paystack", reference)
    assert (row["kind"], row["amount"], row["currency"]) == ("capture", 12550, "NGN")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"reference": "att_1"}, "invalid character"),
        ({"email": ""}, "Email Address is required"),
        ({"amount": "125.50"}, "Invalid Amount Sent"),
        ({"amount": "4999"}, "Invalid amount"),
        ({"currency": "EUR"}, "Currency not supported"),
        ({"authorization_code": "AUTH_unknown"}, "Email does not match Authorization code"),
    ],
)
async def test_what_makes_no_sense_is_refused_without_effect(
    paystack: httpx.AsyncClient,
    control: SandboxClient,
    reference: str,
    changes: dict[str, object],
    message: str,
) -> None:
    refused = await charge(paystack, saved_card(reference) | changes)
    assert refused.status_code == 400
    assert message in refused.json()["message"]
    assert await control.ledger("paystack", reference) == []


async def test_francs_are_counted_in_hundredths(
    paystack: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    paid = (await charge(paystack, saved_card(reference, currency="XOF", amount="500099"))).json()["data"]
    assert paid["amount"] == 500_000
    (row,) = await control.ledger("paystack", reference)
    assert (row["amount"], row["currency"]) == (5_000, "XOF")


async def test_what_is_all_given_back_is_reversed(paystack: httpx.AsyncClient, reference: str) -> None:
    paid = (await charge(paystack, saved_card(reference))).json()["data"]
    part = (await paystack.post("/refund", json={"transaction": paid["id"], "amount": 550})).json()["data"]
    assert (part["status"], part["amount"]) == ("pending", 550)
    over = await paystack.post("/refund", json={"transaction": paid["id"], "amount": 12_001})
    assert over.status_code == 400
    assert (
        await paystack.post("/refund", json={"transaction": paid["reference"], "amount": 12_000})
    ).is_success

    async def status() -> str:
        found = (await paystack.get(f"/transaction/verify/{paid['reference']}")).json()
        return str(found["data"]["status"])

    assert await eventually(status, lambda now: now == "reversed")
    listed = (await paystack.get("/refund", params={"transaction": paid["id"]})).json()["data"]
    assert [row["status"] for row in listed] == ["processed", "processed"]
    more = await paystack.post("/refund", json={"transaction": paid["id"]})
    assert more.json()["message"] == "Transaction has been fully reversed"


async def test_webhooks_are_signed_over_the_body_and_tell_no_failures(
    paystack: httpx.AsyncClient, control: SandboxClient, receiver: Receiver, reference: str
) -> None:
    await charge(paystack, saved_card(reference, authorization_code="paystack-tok-do-not-honor"))
    await charge(paystack, saved_card(f"{reference}_2"))
    wire = f"{reference}_2".replace("_", "-").encode()
    (got,) = await receiver.wait(lambda item: wire in item.body)
    assert got.headers["x-paystack-signature"] == hmac.new(KEY.encode(), got.body, hashlib.sha512).hexdigest()
    assert await control.webhooks("paystack", reference) == []


async def test_another_accounts_transaction_does_not_exist(
    paystack: httpx.AsyncClient, reference: str
) -> None:
    paid = (await charge(paystack, saved_card(reference))).json()["data"]
    other = {"Authorization": "Bearer sk_test_sandbox_paystack-gh"}
    for path in (f"/transaction/{paid['id']}", f"/transaction/verify/{paid['reference']}"):
        assert (await paystack.get(path, headers=other)).status_code in (400, 404)
    assert (
        await paystack.get("/transaction", headers={"Authorization": "Bearer FLWSECK"})
    ).status_code == 401
