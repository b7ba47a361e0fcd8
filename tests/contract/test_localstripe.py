"""Our reading of Stripe's wire format against localstripe, which others wrote: success, decline, capture,
cancel, refund, 3-D Secure, look-up by id and a genuine webhook.

It cannot judge the rest: it ignores idempotency keys, has no Checkout Sessions, no search and no filter on
lists, sends no `amount_received`, and lets refunds exceed the payment.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from domain.checkout import CaptureMethod, Customer
from domain.decline import DeclineCategory
from domain.outcome import Approved, Canceled, Declined, PaymentStatus, Pending
from gateways.base import (
    CaptureRequest,
    ChargeRequest,
    Found,
    FoundRefunds,
    GatewayRefund,
    PaymentHandle,
    RefundRequest,
    RefundStatus,
    VoidRequest,
)
from gateways.stripe import Stripe, StripeCredentials
from tests.contract.case import card
from tests.patience import PATIENCE

ROOT = Path(__file__).parents[2]
SECRET = "whsec_localstripe"


@pytest.fixture(scope="module")
def base_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("localstripe")
    port_file = home / "port"
    command = [sys.executable, "-m", "tests.contract.localstripe_server", str(port_file)]
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env={"HOME": str(home)})  # noqa: S603
        try:
            deadline = time.monotonic() + 20
            while not port_file.exists():
                assert server.poll() is None, (home / "log").read_text()
                assert time.monotonic() < deadline, "localstripe did not start"
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port_file.read_text()}"
        finally:
            server.terminate()
            server.wait(10)


@pytest.fixture
async def stripe(base_url: str) -> AsyncIterator[Stripe]:
    gateway = Stripe(
        StripeCredentials.model_validate(
            {"secret_key": "sk_test_localstripe", "webhook_secret": SECRET, "base_url": base_url}
        )
    )
    yield gateway
    await gateway.aclose()


async def a_card(base_url: str, number: str) -> str:
    """A PaymentMethod as Stripe's own client-side field would make it; localstripe knows no test tokens."""
    fields = {"type": "card", "card[number]": number, "card[exp_month]": "12", "card[exp_year]": "2040"}
    async with httpx.AsyncClient(trust_env=False) as client:
        response = await client.post(
            f"{base_url}/v1/payment_methods",
            data={**fields, "card[cvc]": "123"},
            headers={"Authorization": "Bearer sk_test_localstripe"},
        )
    response.raise_for_status()
    return str(response.json()["id"])


def asking(token: str, *, capture: CaptureMethod = CaptureMethod.AUTOMATIC) -> ChargeRequest:
    return ChargeRequest(
        reference="att_01jdk2m3xv8q4w7y9z0a1b2c3d_1",
        idempotency_key="att_01jdk2m3xv8q4w7y9z0a1b2c3d_1/charge",
        amount=12_345,
        currency="USD",
        capture_method=capture,
        method=card("stripe", token),
        customer=Customer(email="customer@example.com"),
        return_url="https://shop.example/return",
        expires_at=datetime.now(UTC) + timedelta(hours=1),
    )


def handle(request: ChargeRequest, payment_id: str | None) -> PaymentHandle:
    return PaymentHandle(
        reference=request.reference,
        amount=request.amount,
        currency=request.currency,
        sent_at=datetime.now(UTC),
        payment_id=payment_id,
    )


async def test_a_payment_is_captured_and_found_by_its_id(stripe: Stripe, base_url: str) -> None:
    request = asking(await a_card(base_url, "4242424242424242"))

    outcome = await stripe.charge(request)

    assert isinstance(outcome, Approved)
    assert outcome.payment.status is PaymentStatus.CAPTURED
    assert (outcome.payment.amount, outcome.payment.currency) == (12_345, "USD")
    assert outcome.payment.reference == request.reference
    found = await stripe.look_up(handle(request, outcome.payment.payment_id))
    assert found == Found(payments=(outcome.payment,))


async def test_a_refused_card_is_a_decline(stripe: Stripe, base_url: str) -> None:
    outcome = await stripe.charge(asking(await a_card(base_url, "4000000000000341")))

    assert isinstance(outcome, Declined)
    assert outcome.decline.category is DeclineCategory.SOFT
    assert outcome.decline.gateway_code == "card_declined"


async def test_an_authorization_is_captured(stripe: Stripe, base_url: str) -> None:
    request = asking(await a_card(base_url, "4242424242424242"), capture=CaptureMethod.MANUAL)
    authorized = await stripe.charge(request)
    assert isinstance(authorized, Approved)
    assert authorized.payment.status is PaymentStatus.AUTHORIZED
    known = handle(request, authorized.payment.payment_id)

    captured = await stripe.capture(CaptureRequest(handle=known, amount=12_345, idempotency_key="capture"))

    assert isinstance(captured, Approved)
    assert captured.payment.status is PaymentStatus.CAPTURED


async def test_an_authorization_is_voided_once(stripe: Stripe, base_url: str) -> None:
    request = asking(await a_card(base_url, "4242424242424242"), capture=CaptureMethod.MANUAL)
    authorized = await stripe.charge(request)
    assert isinstance(authorized, Approved)
    payment_id = authorized.payment.payment_id
    void = VoidRequest(handle=handle(request, payment_id), idempotency_key="void")

    assert await stripe.void(void) == Canceled(payment_id=payment_id)
    assert await stripe.void(void) == Canceled(payment_id=payment_id)


async def test_a_captured_payment_is_not_voided(stripe: Stripe, base_url: str) -> None:
    request = asking(await a_card(base_url, "4242424242424242"))
    paid = await stripe.charge(request)
    assert isinstance(paid, Approved)

    outcome = await stripe.void(
        VoidRequest(handle=handle(request, paid.payment.payment_id), idempotency_key="void")
    )

    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "processing_error"


async def test_a_payment_is_refunded_in_part(stripe: Stripe, base_url: str) -> None:
    request = asking(await a_card(base_url, "4242424242424242"))
    paid = await stripe.charge(request)
    assert isinstance(paid, Approved)
    known = handle(request, paid.payment.payment_id)

    refund = await stripe.refund(
        RefundRequest(handle=known, refund_id="re_1", amount=345, idempotency_key="refund")
    )

    assert isinstance(refund, GatewayRefund)
    assert (refund.status, refund.amount, refund.refund_id) == (RefundStatus.SUCCEEDED, 345, "re_1")
    assert await stripe.look_up_refunds(known) == FoundRefunds(refunds=(refund,))


async def test_an_unfinished_challenge_is_closed_for_good(stripe: Stripe, base_url: str) -> None:
    """localstripe leaves the challenge to Stripe.js, which we do not use: to us it is pending."""
    request = asking(await a_card(base_url, "4000000000003220"))
    waiting = await stripe.charge(request)
    assert isinstance(waiting, Pending)
    assert waiting.payment_id is not None

    closed = await stripe.close(handle(request, waiting.payment_id))

    assert closed == Canceled(payment_id=waiting.payment_id)


async def test_a_genuine_webhook_names_the_payment(stripe: Stripe, base_url: str) -> None:
    received: asyncio.Queue[tuple[bytes, dict[str, str]]] = asyncio.Queue()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = (line.partition(":") for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value.strip() for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        received.put_nowait((body, headers))

    request = asking(await a_card(base_url, "4242424242424242"))
    async with await asyncio.start_server(receive, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(
                f"{base_url}/_config/webhooks/ours",
                json={
                    "url": f"http://127.0.0.1:{port}/",
                    "secret": SECRET,
                    "events": ["payment_intent.succeeded"],
                },
            )
        paid = await stripe.charge(request)
        assert isinstance(paid, Approved)
        async with asyncio.timeout(PATIENCE):  # those of earlier payments may still be under way
            while True:
                body, headers = await received.get()
                event = stripe.read_webhook(body, headers, datetime.now(UTC))
                if event.payment_id == paid.payment.payment_id:
                    break

    assert (event.kind, event.reference) == ("payment_intent.succeeded", request.reference)
