"""The control surface itself."""

import hashlib
from urllib.parse import urlencode

import httpx
import pytest

from sandbox.client import SandboxClient
from tests.sandbox.wire import intent, page, token_charge
from tests.sandbox_process import SandboxProcess


async def test_every_request_is_logged_with_its_operation_and_reference(
    stripe: httpx.AsyncClient, flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    body = urlencode(intent(reference, capture_method="manual"))
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "k"}
    held = (await stripe.post("/v1/payment_intents", content=body, headers=headers)).json()["id"]
    await stripe.get(f"/v1/payment_intents/{held}")
    await stripe.get("/v1/payment_intents/search", params={"query": f"metadata['attempt']:'{reference}'"})
    await stripe.post(f"/v1/payment_intents/{held}/capture")
    await stripe.post("/v1/refunds", data={"payment_intent": held})
    await stripe.get("/v1/refunds", params={"payment_intent": held})
    await flutterwave.post("/payments", json=page(reference))
    paid = (await flutterwave.post("/tokenized-charges", json=token_charge(reference))).json()["data"]["id"]
    await flutterwave.get(f"/transactions/{paid}/verify")
    await flutterwave.post(f"/transactions/{paid}/refund", json={})
    await flutterwave.get("/refunds", params={"id": paid})
    rows = await control.requests(reference=reference)
    assert [(row["gateway"], row["operation"]) for row in rows] == [
        ("stripe", "charge"),
        ("stripe", "lookup"),
        ("stripe", "lookup"),
        ("stripe", "capture"),
        ("stripe", "refund"),
        ("stripe", "lookup"),
        ("flutterwave", "charge"),
        ("flutterwave", "charge"),
        ("flutterwave", "lookup"),
        ("flutterwave", "refund"),
        ("flutterwave", "lookup"),
    ]
    assert rows[0]["body_sha256"] == hashlib.sha256(body.encode()).hexdigest()
    assert rows[0]["idempotency_key"] == "k"
    later = await control.requests("stripe", reference, after_seq=rows[4]["seq"])
    assert later == [rows[5]]


async def test_equal_bodies_have_equal_hashes(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    for _ in range(2):
        await flutterwave.post("/tokenized-charges", json=token_charge(reference))
    assert len({row["body_sha256"] for row in await control.requests(reference=reference)}) == 1


async def test_the_ledger_filters(
    stripe: httpx.AsyncClient, flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await stripe.post("/v1/payment_intents", data=intent(reference))
    await flutterwave.post("/tokenized-charges", json=token_charge(reference))
    rows = await control.ledger(reference=reference)
    assert [row["gateway"] for row in rows] == ["stripe", "flutterwave"]
    assert await control.ledger("stripe", reference) == rows[:1]
    assert await control.ledger(reference=reference, after_seq=rows[0]["seq"]) == rows[1:]
    assert set(rows[0]) >= {
        "seq",
        "at",
        "gateway",
        "kind",
        "amount",
        "currency",
        "reference",
        "payment_id",
        "idempotency_key",
    }


async def test_settling_what_waits_for_nobody_is_refused(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    paid = (await stripe.post("/v1/payment_intents", data=intent(reference))).json()["id"]
    for payment_id, outcome, status in (
        ("pi_nobody", "paid", 404),
        (paid, "paid", 409),
        (paid, "dance", 422),
    ):
        with pytest.raises(httpx.HTTPStatusError, match=str(status)):
            await control.settle(payment_id, outcome)


async def test_the_control_port_serves_the_gateways_too(sandbox: SandboxProcess, reference: str) -> None:
    async with httpx.AsyncClient(base_url=sandbox.control, trust_env=False) as client:
        answer = await client.post(
            "/stripe/v1/payment_intents",
            data=intent(reference),
            headers={"Authorization": "Bearer sk_test_sandbox_stripe"},
        )
        assert answer.json()["status"] == "succeeded"
        assert (await client.get("/_/health")).json() == {"status": "ok"}


async def test_a_gateways_port_has_no_control_surface(
    stripe: httpx.AsyncClient, sandbox: SandboxProcess
) -> None:
    url = sandbox.gateways["stripe"].removesuffix("/stripe")
    assert (await stripe.get(f"{url}/_/ledger")).status_code == 404
