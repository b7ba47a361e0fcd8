"""Refunds: never more than was taken, and some take their time."""

import httpx

from sandbox.client import SandboxClient
from tests.sandbox.wire import effects, error, eventually, intent

REFUNDS = "/v1/refunds"


async def test_parts_can_be_refunded_up_to_the_whole(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    paid = (await stripe.post("/v1/payment_intents", data=intent(reference))).json()
    form = {"payment_intent": paid["id"], "amount": "500", "metadata[refund]": "re_1"}
    part = (await stripe.post(REFUNDS, data=form)).json()
    assert (part["object"], part["status"], part["amount"]) == ("refund", "succeeded", 500)
    assert part["metadata"] == {"refund": "re_1"}
    too_much = await stripe.post(REFUNDS, data={"payment_intent": paid["id"], "amount": "1501"})
    assert (too_much.status_code, error(too_much)["param"]) == (400, "amount")
    rest = (await stripe.post(REFUNDS, data={"charge": paid["latest_charge"]})).json()
    assert rest["amount"] == 1500
    again = await stripe.post(REFUNDS, data={"payment_intent": paid["id"]})
    assert (again.status_code, error(again)["code"]) == (400, "charge_already_refunded")
    listed = (await stripe.get(REFUNDS, params={"payment_intent": paid["id"]})).json()["data"]
    assert [item["id"] for item in listed] == [rest["id"], part["id"]]
    assert (await stripe.get(f"{REFUNDS}/{part['id']}")).json()["id"] == part["id"]
    charge = (await stripe.get(f"/v1/charges/{paid['latest_charge']}")).json()
    assert (charge["amount_refunded"], charge["refunded"]) == (2000, True)
    assert effects(await control.ledger(reference=reference)) == [
        ("capture", 2000, "USD"),
        ("refund", 500, "USD"),
        ("refund", 1500, "USD"),
    ]


async def test_what_was_not_taken_cannot_be_refunded(stripe: httpx.AsyncClient, reference: str) -> None:
    held = (await stripe.post("/v1/payment_intents", data=intent(reference, capture_method="manual"))).json()
    answer = await stripe.post(REFUNDS, data={"payment_intent": held["id"]})
    assert (answer.status_code, error(answer)["param"]) == (400, "payment_intent")
    assert (await stripe.post(REFUNDS, data={"payment_intent": "pi_nobody"})).status_code == 404
    assert (await stripe.post(REFUNDS, data={})).status_code == 400


async def test_a_pending_refund_succeeds_later(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    form = intent(reference, payment_method="pm_card_pendingRefund")
    paid = (await stripe.post("/v1/payment_intents", data=form)).json()
    refund = (await stripe.post(REFUNDS, data={"payment_intent": paid["id"]})).json()
    assert refund["status"] == "pending"

    async def status() -> str:
        return str((await stripe.get(f"{REFUNDS}/{refund['id']}")).json()["status"])

    await eventually(status, lambda found: found == "succeeded")
    assert [row["kind"] for row in await control.ledger(reference=reference)] == ["capture", "refund"]


async def test_a_refund_can_fail_afterwards_and_then_no_money_went_back(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    form = intent(reference, payment_method="pm_card_refundFail")
    paid = (await stripe.post("/v1/payment_intents", data=form)).json()
    refund = (await stripe.post(REFUNDS, data={"payment_intent": paid["id"]})).json()
    assert refund["status"] == "succeeded"

    async def found() -> dict[str, str]:
        answer: dict[str, str] = (await stripe.get(f"{REFUNDS}/{refund['id']}")).json()
        return answer

    failed = await eventually(found, lambda item: item["status"] == "failed")
    assert failed["failure_reason"] == "expired_or_canceled_card"
    assert [row["kind"] for row in await control.ledger(reference=reference)] == ["capture"]
