"""A scripted wire for the Flutterwave adapter: answers by path, and what was sent."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from pydantic import SecretStr

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from gateways.base import ChargeRequest, PaymentHandle
from gateways.flutterwave import Flutterwave, FlutterwaveCredentials

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REFERENCE = "att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"
CUSTOMER = Customer(
    email="ada@example.com", name="Ada", phone="+256 700 000-000", country="UG", ip="41.58.0.1"
)
CARD = PaymentMethod(type=MethodType.CARD, tokens={"flutterwave": "flw-t1nf-token"})
PAGE = PaymentMethod(type=MethodType.HOSTED)

Answer = Callable[[httpx.Request], httpx.Response]


class _Body(httpx.AsyncByteStream):
    """A body that comes over the wire instead of being there already."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


class Wire:
    """Answers by path, and remembers what was sent."""

    def __init__(self, answers: Mapping[str, httpx.Response | Answer | Exception] | httpx.Response) -> None:
        self._answers = answers
        self.sent: list[httpx.Request] = []
        credentials = FlutterwaveCredentials(
            base_url="https://flutterwave.test/v3",
            secret_key=SecretStr("FLWSECK-secret"),
            secret_hash=SecretStr("the-hash"),
            previous_secret_hash=SecretStr("the-hash-before"),
        )
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.gateway = Flutterwave(credentials, self.client)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        answer = (
            self._answers
            if isinstance(self._answers, httpx.Response)
            else self._answers[request.url.path.removeprefix("/v3")]
        )
        if isinstance(answer, Exception):
            raise answer
        given = answer if isinstance(answer, httpx.Response) else answer(request)
        return httpx.Response(given.status_code, headers=given.headers, stream=_Body(given.content))

    @property
    def body(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.sent[-1].content)
        return value


def success(data: object, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"status": "success", "message": "ok", "data": data, **more})


def error(message: str, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"status": "error", "message": message, "data": None})


NONE = error("No transaction was found for this id")


def transaction(**changes: object) -> dict[str, object]:
    return {
        "id": 288200108,
        "tx_ref": REFERENCE,
        "flw_ref": "FLW-1",
        "amount": 125.5,
        "charged_amount": 125.5,
        "currency": "NGN",
        "processor_response": "Approved by Financial Institution",
        "status": "successful",
        "payment_type": "card",
        "created_at": "2026-03-01T12:00:01.000Z",
    } | changes


def request(**changes: object) -> ChargeRequest:
    fields: dict[str, Any] = {
        "reference": REFERENCE,
        "idempotency_key": "key",
        "amount": 12_550,
        "currency": "NGN",
        "capture_method": CaptureMethod.AUTOMATIC,
        "method": CARD,
        "customer": CUSTOMER,
        "return_url": "https://shop.example/return",
        "expires_at": NOW + timedelta(minutes=30),
    }
    return ChargeRequest.model_validate(fields | changes)


def handle(**changes: object) -> PaymentHandle:
    fields: dict[str, Any] = {"reference": REFERENCE, "amount": 12_550, "currency": "NGN", "sent_at": NOW}
    return PaymentHandle.model_validate(fields | changes)


def mobile(network: str | None, phone: str | None = None) -> PaymentMethod:
    return PaymentMethod(type=MethodType.MOBILE_MONEY, network=network, phone=phone)


BY_REFERENCE, LIST, BY_ID = (
    "/transactions/verify_by_reference",
    "/transactions",
    "/transactions/288200108/verify",
)


def pages(*rows: list[dict[str, object]]) -> Answer:
    def answer(asked: httpx.Request) -> httpx.Response:
        page = int(asked.url.params["page"])
        info = {"total": 10, "current_page": page, "total_pages": len(rows)}
        return success(rows[page - 1] if rows else [], meta={"page_info": info})

    return answer
