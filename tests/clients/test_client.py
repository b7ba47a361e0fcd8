"""The Python client: keys and repeats without a server, and every call against the running product."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from activities.notifying import sign
from devstack.stack import Stack
from smartpay_client import ApiError, AsyncClient, Client, InvalidSignature, NoAnswer, Webhook
from tests.live import Shop

CHECKOUT: dict[str, Any] = {
    "id": "co_1",
    "status": "succeeded",
    "review_reason": None,
    "reference": None,
    "amount": 100,
    "currency": "USD",
    "amount_captured": 100,
    "amount_refunded": 0,
    "gateway": "stripe",
    "next_action": None,
    "decline": None,
    "attempts": [],
    "metadata": {},
    "new_field_of_a_newer_server": 1,
}
CARD = {"type": "card", "tokens": {"stripe": "pm_card_visa"}}


def client(handle: Callable[[httpx.Request], httpx.Response], monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    http = httpx.Client(transport=httpx.MockTransport(handle), base_url="http://smartpay.test")
    return Client(http=http)


def test_a_lost_answer_is_asked_for_again_under_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []

    def handle(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        if len(keys) == 1:
            raise httpx.ReadTimeout("")
        if len(keys) == 2:
            return httpx.Response(503, headers={"Retry-After": "1"}, json={"code": "unavailable"})
        return httpx.Response(200, json=CHECKOUT)

    assert client(handle, monkeypatch).create_checkout(amount=100, currency="USD").paid
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_every_checkout_has_a_key_of_its_own_or_the_caller_s(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []

    def handle(request: httpx.Request) -> httpx.Response:
        keys.append(request.headers["Idempotency-Key"])
        return httpx.Response(201, json=CHECKOUT)

    pay = client(handle, monkeypatch)
    for key in (None, None, "order-1"):
        pay.create_checkout(amount=100, currency="USD", idempotency_key=key)
    assert len(set(keys)) == 3
    assert keys[2] == "order-1"


def test_a_capture_without_an_answer_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise httpx.ReadTimeout("")

    with pytest.raises(NoAnswer):
        client(handle, monkeypatch).capture_checkout("co_1")
    assert len(asked) == 1


def test_a_page_of_a_proxy_is_an_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    pay = client(lambda _: httpx.Response(502, text="<h1>Bad gateway</h1>"), monkeypatch)
    with pytest.raises(ApiError) as refused:
        pay.get_checkout("co_1")
    assert (refused.value.status, refused.value.code) == (502, "unreadable_answer")


def test_events_are_verified() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    data = {"object": "checkout", "id": "co_1", "status": "succeeded"}
    event = {"id": "evt_1", "type": "checkout.succeeded", "sequence": 2, "data": data}
    body = json.dumps(event).encode()
    headers = sign("evt_1", body, [secret])
    read = Webhook(secret).read(body, headers)
    assert (read.type, read.sequence, read.checkout_id) == ("checkout.succeeded", 2, "co_1")
    with pytest.raises(InvalidSignature):
        Webhook(secret).read(body.replace(b"succeeded", b"failed"), headers)


async def test_every_call_works_on_the_running_product(stack: Stack, shop: Shop) -> None:
    key = shop.http.headers["Authorization"].removeprefix("Bearer ")
    async with AsyncClient(stack.api_url, api_key=key) as pay:
        terms: dict[str, Any] = {"amount": 4999, "currency": "USD", "payment_method": CARD, "wait": 20}
        paid = await pay.create_checkout(**terms, idempotency_key="o-1", reference="o-1")
        assert paid.paid
        assert paid.attempts[0].gateway == "stripe"
        assert (await pay.create_checkout(**terms, idempotency_key="o-1", reference="o-1")).id == paid.id
        assert await pay.get_checkout(paid.id) == paid
        assert [each.id for each in (await pay.list_checkouts(reference="o-1")).data] == [paid.id]
        refund = await pay.create_refund(paid.id, amount=999, idempotency_key="r-1")
        assert (refund.checkout_id, refund.amount) == (paid.id, 999)
        with pytest.raises(ApiError) as refused:
            await pay.cancel_checkout(paid.id)
        assert refused.value.code == "already_paid"
        held = await pay.create_checkout(**terms, capture_method="manual")
        assert held.status == "requires_capture"
        assert (await pay.capture_checkout(held.id, amount=4000, wait=20)).amount_captured == 4000
        waiting = await pay.create_checkout(amount=900, currency="USD", customer={"country": "US"}, wait=20)
        assert waiting.next_action is not None
        assert (await pay.cancel_checkout(waiting.id, wait=20)).status == "canceled"
