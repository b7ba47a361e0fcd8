"""Webhooks: signed as the gateways sign, retried, and lost, doubled, late or out of order on demand."""

import hashlib
import hmac
import json
from collections.abc import Callable

import httpx
import stripe as sdk

from sandbox.client import SandboxClient
from tests.sandbox.webhook_receiver import Received, Receiver
from tests.sandbox.wire import eventually, intent, mobile_money, session, token_charge


def about(reference: str, text: str = "") -> Callable[[Received], bool]:
    return lambda item: reference.encode() in item.body and text.encode() in item.body


async def test_stripe_signs_the_raw_body(
    stripe: httpx.AsyncClient, receiver: Receiver, reference: str
) -> None:
    made = (await stripe.post("/v1/payment_intents", data=intent(reference))).json()
    [got] = await receiver.wait(about(reference, "payment_intent.succeeded"))
    assert got.path == "/webhooks/stripe"
    event = sdk.Webhook.construct_event(got.body, got.headers["stripe-signature"], "whsec_sandbox_stripe")
    assert (event["object"], event["data"]["object"]["id"]) == ("event", made["id"])
    stamp, mac = (part.partition("=")[2] for part in got.headers["stripe-signature"].split(","))
    expected = hmac.new(b"whsec_sandbox_stripe", f"{stamp}.".encode() + got.body, hashlib.sha256)
    assert mac == expected.hexdigest()


async def test_stripe_tells_of_every_turn(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    held = (await stripe.post("/v1/payment_intents", data=intent(reference, capture_method="manual"))).json()
    await stripe.post(f"/v1/payment_intents/{held['id']}/capture")
    await stripe.post("/v1/refunds", data={"payment_intent": held["id"]})
    declined = intent(reference, payment_method="pm_card_chargeDeclined")
    await stripe.post("/v1/payment_intents", data=declined)
    challenged = intent(reference, payment_method="pm_card_threeDSecure2Required")
    asked = (await stripe.post("/v1/payment_intents", data=challenged)).json()
    await stripe.post(f"/v1/payment_intents/{asked['id']}/cancel")
    made = (await stripe.post("/v1/checkout/sessions", data=session(reference))).json()
    await stripe.post(f"/v1/checkout/sessions/{made['id']}/expire")
    paid = (await stripe.post("/v1/checkout/sessions", data=session(reference))).json()
    await control.settle(paid["id"], "paid")
    assert [row["event"] for row in await control.webhooks(reference=reference)] == [
        "payment_intent.amount_capturable_updated",
        "charge.captured",
        "payment_intent.succeeded",
        "refund.created",
        "charge.refunded",
        "payment_intent.payment_failed",
        "payment_intent.requires_action",
        "payment_intent.canceled",
        "checkout.session.expired",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]


async def test_flutterwave_shows_its_secret_and_sends_failures_too(
    flutterwave: httpx.AsyncClient, receiver: Receiver, reference: str
) -> None:
    failing = token_charge(reference, token="flw-t1nf-do-not-honor")
    await flutterwave.post("/tokenized-charges", json=failing)
    paid = (await flutterwave.post("/tokenized-charges", json=token_charge(reference))).json()["data"]
    got = await receiver.wait(about(reference, "charge.completed"), 2)
    assert {item.path for item in got} == {"/webhooks/flutterwave"}
    assert {item.headers["verif-hash"] for item in got} == {"sandbox-hash-flutterwave"}
    bodies = [json.loads(item.body) for item in got]
    assert sorted(body["data"]["status"] for body in bodies) == ["failed", "successful"]
    [success] = [body for body in bodies if body["data"]["status"] == "successful"]
    assert (success["data"]["id"], success["data"]["tx_ref"]) == (paid["id"], reference)
    await flutterwave.post(f"/transactions/{paid['id']}/refund", json={})
    [refund] = await receiver.wait(
        lambda item: b"refund.completed" in item.body and str(paid["id"]).encode() in item.body
    )
    assert json.loads(refund.body)["data"]["AmountRefunded"] == 125.5


async def test_a_mobile_money_payment_is_told_once_it_is_decided(
    flutterwave: httpx.AsyncClient, receiver: Receiver, reference: str
) -> None:
    await flutterwave.post("/charges?type=mobile_money_ghana", json=mobile_money(reference))
    [got] = await receiver.wait(about(reference))
    assert json.loads(got.body)["data"]["status"] == "successful"


async def test_what_is_not_acknowledged_is_sent_again(
    stripe: httpx.AsyncClient,
    flutterwave: httpx.AsyncClient,
    control: SandboxClient,
    receiver: Receiver,
    reference: str,
) -> None:
    receiver.answers[reference] = [500]
    await stripe.post("/v1/payment_intents", data=intent(reference))
    first, second = await receiver.wait(about(reference), 2)
    assert first.body == second.body
    [row] = await eventually(
        lambda: control.webhooks(gateway="stripe", reference=reference),
        lambda rows: rows[0]["status"] == "delivered",
    )
    assert (row["tries"], row["last_status"]) == (2, 200)
    other = f"{reference}-flutterwave"
    receiver.answers[other] = [204]  # a 204 acknowledges nothing at Flutterwave
    await flutterwave.post("/tokenized-charges", json=token_charge(other))
    assert len(await receiver.wait(about(other), 2)) == 2


async def test_an_endpoint_that_is_down_gets_its_webhook_later(
    stripe: httpx.AsyncClient,
    control: SandboxClient,
    receiver: Receiver,
    reference: str,
    unused_tcp_port: int,
) -> None:
    await control.settings(webhook_base=f"http://127.0.0.1:{unused_tcp_port}")
    try:
        await stripe.post("/v1/payment_intents", data=intent(reference))
        await eventually(
            lambda: control.webhooks(reference=reference),
            lambda rows: rows[0]["tries"] > 0 and rows[0]["last_status"] is None,
        )
    finally:
        await control.settings(webhook_base=receiver.url)
    await receiver.wait(about(reference))


async def test_webhooks_get_lost_doubled_and_late_on_demand(
    stripe: httpx.AsyncClient, control: SandboxClient, receiver: Receiver, reference: str
) -> None:
    for fault, more in (("drop", {}), ("duplicate", {}), ("delay", {"seconds": 0.5})):
        await control.fault("stripe", "webhook", fault, count=1, reference=f"{reference}-{fault}", **more)
        await stripe.post("/v1/payment_intents", data=intent(f"{reference}-{fault}"))
    assert receiver.matching(about(f"{reference}-delay")) == []
    assert len(await receiver.wait(about(f"{reference}-duplicate"), 2)) == 2
    await receiver.wait(about(f"{reference}-delay"))
    assert receiver.matching(about(f"{reference}-drop")) == []
    [dropped] = await control.webhooks(reference=f"{reference}-drop")
    assert (dropped["status"], dropped["fault"]) == ("dropped", "drop")


async def test_webhooks_overtake_each_other_on_demand(
    stripe: httpx.AsyncClient, control: SandboxClient, receiver: Receiver, reference: str
) -> None:
    await control.fault("stripe", "webhook", "reorder", count=1, seconds=5, reference=reference)
    held = (await stripe.post("/v1/payment_intents", data=intent(reference, capture_method="manual"))).json()
    await stripe.post(f"/v1/payment_intents/{held['id']}/cancel")
    got = await receiver.wait(about(reference), 2)
    assert [json.loads(item.body)["type"] for item in got] == [
        "payment_intent.canceled",
        "payment_intent.amount_capturable_updated",
    ]


async def test_without_an_endpoint_webhooks_are_only_kept(
    stripe: httpx.AsyncClient, control: SandboxClient, receiver: Receiver, reference: str
) -> None:
    await control.settings(webhook_base=None)
    try:
        await stripe.post("/v1/payment_intents", data=intent(reference))
    finally:
        await control.settings(webhook_base=receiver.url)
    [row] = await control.webhooks(reference=reference)
    assert (row["status"], row["tries"]) == ("no_endpoint", 0)
    assert row["body"]["type"] == "payment_intent.succeeded"
