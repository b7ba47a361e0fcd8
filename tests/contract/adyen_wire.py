"""Adyen's answers and webhooks, made up for tests."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from domain.outcome import (
    GatewayPayment,
    Outcome,
)
from gateways import adyen_notices as notices
from gateways.adyen import REGISTRATION, Adyen, AdyenCredentials
from gateways.adyen_notices import Notice
from gateways.base import (
    ChargeRequest,
    PaymentHandle,
)
from tests.contract.scripted import scripted_server, text

Json = dict[str, Any]
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
REFERENCE = "att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"
PSP = "NC6HT9CRT65ZGN82"
LINK = "PLE83C39B0A0DE0C1E"


def asked(card: str = "shopper-1/8415995487234100", **changes: object) -> ChargeRequest:
    return ChargeRequest.model_validate(
        {
            "reference": REFERENCE,
            "idempotency_key": f"{REFERENCE}:charge",
            "amount": 12_345,
            "currency": "EUR",
            "capture_method": CaptureMethod.AUTOMATIC,
            "method": PaymentMethod(type=MethodType.CARD, tokens={"adyen": card}),
            "customer": Customer(email="ada@example.com", country="NL", ip="145.0.0.1"),
            "return_url": "https://shop.example/return",
            "expires_at": NOW + timedelta(hours=1),
            **changes,
        }
    )


def payment(**changes: object) -> Json:
    return {
        "pspReference": PSP,
        "resultCode": "Authorised",
        "merchantReference": REFERENCE,
        "amount": {"currency": "EUR", "value": 12_345},
        **changes,
    }


def adapter(base_url: str = "http://127.0.0.1:1") -> Adyen:
    built = REGISTRATION.build(
        AdyenCredentials(
            base_url=base_url,
            api_key=SecretStr("key"),
            merchant_account="TestMerchant",
            hmac_key=SecretStr("00ff"),
        )
    )
    assert isinstance(built, Adyen)
    return built


async def charged(
    status: int, answer: object, request: ChargeRequest | None = None, **headers: str
) -> tuple[Outcome, Json]:
    """The outcome of an answer, and the body that was sent for it."""
    async with scripted_server() as server:
        for path in ("/payments", "/paymentLinks"):
            server.on(f"POST {path}", text(status, json.dumps(answer), **headers))
        gateway = adapter(server.base_url)
        try:
            outcome = await gateway.charge(request or asked())
        finally:
            await gateway.aclose()
        return outcome, json.loads(server.received[0].body)


def handle(
    *told: Notice, method: CaptureMethod = CaptureMethod.AUTOMATIC, **changes: object
) -> PaymentHandle:
    return PaymentHandle.model_validate(
        {
            "reference": REFERENCE,
            "amount": 12_345,
            "currency": "EUR",
            "sent_at": NOW,
            "capture_method": method,
            "notices": tuple(each.model_dump_json(exclude_none=True) for each in told),
            **changes,
        }
    )


def notice(event: str = "AUTHORISATION", *, success: bool = True, **changes: object) -> Notice:
    about = {} if event == "AUTHORISATION" else {"original": PSP, "psp": f"{event[:10]}1"}
    values = {"psp": PSP, "reference": REFERENCE, "value": 12_345, "currency": "EUR", **about, **changes}
    return Notice.model_validate({"event": event, "success": success, **values})


def read(found: PaymentHandle) -> GatewayPayment:
    (payment,) = notices.payments(found, notices.read(found))
    return payment
