"""Disputes at the simulators: told in the gateways' own words, and not in the ledger."""

import httpx
import pytest

from sandbox.client import SandboxClient
from tests.sandbox.wire import effects, error, intent, token_charge


async def test_stripe_tells_withdraws_and_decides(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    paid = (await stripe.post("/v1/payment_intents", data=intent(reference))).json()
    opened = await control.dispute(paid["id"], reason="product_not_received")
    asked = {"payment_intent": paid["id"]}
    [dispute] = (await stripe.get("/v1/disputes", params=asked)).json()["data"]
    assert (dispute["id"], dispute["object"], dispute["status"]) == (
        opened["dispute_id"],
        "dispute",
        "needs_response",
    )
    assert (dispute["amount"], dispute["currency"], dispute["reason"]) == (
        2000,
        "usd",
        "product_not_received",
    )
    charge = (await stripe.get(f"/v1/charges/{paid['latest_charge']}")).json()
    assert charge["disputed"] is True
    refused = await stripe.post("/v1/refunds", data=asked)
    assert (refused.status_code, error(refused)["code"]) == (400, "charge_disputed")

    assert (await control.dispute(reference, outcome="won"))["dispute_id"] == dispute["id"]
    won = (await stripe.get(f"/v1/disputes/{dispute['id']}")).json()
    assert (won["status"], [each["amount"] for each in won["balance_transactions"]]) == ("won", [-2000, 2000])
    sent = await control.webhooks(reference=reference)
    assert [row["event"] for row in sent if "dispute" in row["event"]] == [
        f"charge.dispute.{what}" for what in ("created", "funds_withdrawn", "closed", "funds_reinstated")
    ]
    assert effects(await control.ledger(reference=reference)) == [("capture", 2000, "USD")]
    assert (await stripe.post("/v1/refunds", data=asked)).status_code == 200


async def test_flutterwave_lists(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    charged = await flutterwave.post("/tokenized-charges", json=token_charge(reference))
    paid = charged.json()["data"]
    opened = await control.dispute(reference, outcome="lost")
    listed = (await flutterwave.get("/chargebacks", params={"flw_ref": paid["flw_ref"]})).json()
    [chargeback] = listed["data"]
    assert (str(chargeback["id"]), chargeback["status"]) == (opened["dispute_id"], "lost")
    assert (chargeback["transaction_id"], chargeback["tx_ref"], chargeback["amount"]) == (
        paid["id"],
        reference,
        125.5,
    )
    other = (await flutterwave.get("/chargebacks", params={"flw_ref": "FLW-OTHER"})).json()
    assert other["data"] == []
    assert [row["kind"] for row in await control.ledger(reference=reference)] == ["capture"]


async def test_what_was_never_paid_cannot_be_disputed(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await stripe.post("/v1/payment_intents", data=intent(reference, capture_method="manual"))
    for payment, status in ((reference, 409), ("nobody", 404)):
        with pytest.raises(httpx.HTTPStatusError) as refused:
            await control.dispute(payment)
        assert refused.value.response.status_code == status
