"""Stripe's objects as it sends them, for tests of how we read them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod
from gateways.base import ChargeRequest, PaymentHandle
from gateways.stripe import Stripe, StripeCredentials
from tests.contract.case import card
from tests.contract.scripted import Answer, Scripted, reset, says, scripted_server, silent, text

REFERENCE = "att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"
SENT_AT = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PAGE = PaymentMethod(type=MethodType.HOSTED)
CARD = card("stripe", "pm_card_visa")

INTENTS = "/v1/payment_intents"
SESSIONS = "/v1/checkout/sessions"
REFUNDS = "/v1/refunds"


def intent(status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    received = 12_345 if status == "succeeded" else 0
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "amount": 12_345,
        "amount_received": received,
        "currency": "usd",
        "created": int(SENT_AT.timestamp()),
        "client_secret": "pi_1_secret_customer",
        "metadata": {"attempt": REFERENCE},
        "latest_charge": {
            "id": "ch_1",
            "object": "charge",
            "amount_captured": received,
            "amount_refunded": 0,
        },
        "last_payment_error": None,
        "next_action": None,
        **changes,
    }


def session(status: str = "open", **changes: Any) -> dict[str, Any]:
    return {
        "id": "cs_1",
        "object": "checkout.session",
        "status": status,
        "amount_total": 12_345,
        "currency": "usd",
        "url": "https://checkout.stripe.com/c/pay/cs_1" if status == "open" else None,
        "created": int(SENT_AT.timestamp()),
        "expires_at": int(SENT_AT.timestamp()) + 3600,
        "client_reference_id": REFERENCE,
        "metadata": {"attempt": REFERENCE},
        "payment_intent": None,
        **changes,
    }


def refund(status: str = "succeeded", **changes: Any) -> dict[str, Any]:
    return {
        "id": "re_stripe1",
        "object": "refund",
        "status": status,
        "amount": 345,
        "currency": "usd",
        "payment_intent": "pi_1",
        "metadata": {"refund": "re_1", "attempt": REFERENCE},
        **changes,
    }


def listing(*data: dict[str, Any], has_more: bool = False) -> dict[str, Any]:
    return {"object": "list", "data": list(data), "has_more": has_more}


def error(code: str | None = None, **changes: Any) -> dict[str, Any]:
    kind = "invalid_request_error"
    said = {"type": kind, "code": code, "message": "about customer@example.com and pm_card_visa", **changes}
    return {"error": said}


def declined(decline_code: str | None, code: str = "card_declined", **changes: Any) -> dict[str, Any]:
    why = {"type": "card_error", "code": code, "decline_code": decline_code, **changes}
    return error(**{**why, "payment_intent": intent("requires_payment_method", last_payment_error=why)})


def request(**changes: Any) -> ChargeRequest:
    return ChargeRequest(
        **{
            "reference": REFERENCE,
            "idempotency_key": f"{REFERENCE}/charge",
            "amount": 12_345,
            "currency": "USD",
            "capture_method": CaptureMethod.AUTOMATIC,
            "method": CARD,
            "customer": Customer(email="customer@example.com"),
            "return_url": "https://shop.example/return",
            "expires_at": datetime.now(UTC).replace(microsecond=0),
            **changes,
        }
    )


def handle(payment_id: str | None = "pi_1", **changes: Any) -> PaymentHandle:
    return PaymentHandle(
        **{
            "reference": REFERENCE,
            "amount": 12_345,
            "currency": "USD",
            "sent_at": SENT_AT,
            "payment_id": payment_id,
            **changes,
        }
    )


@asynccontextmanager
async def scripted_stripe() -> AsyncIterator[tuple[Stripe, Scripted]]:
    async with scripted_server() as script:
        gateway = Stripe(
            StripeCredentials.model_validate(
                {
                    "secret_key": "sk_test_secret",
                    "webhook_secret": "whsec_now",
                    "previous_webhook_secret": "whsec_before",
                    "base_url": script.base_url,
                    "connect_timeout": 10,
                    "read_timeout": 2,
                }
            )
        )
        try:
            yield gateway, script
        finally:
            await gateway.aclose()


# What is asked, and what may come back instead of an answer.
INTENT = f"GET {INTENTS}/pi_1"
SESSION = f"GET {SESSIONS}/cs_1"
LIST_INTENTS = f"GET {INTENTS}"
LIST_SESSIONS = f"GET {SESSIONS}"
SEARCH = f"GET {INTENTS}/search"
CANCEL = f"POST {INTENTS}/pi_1/cancel"
EXPIRE = f"POST {SESSIONS}/cs_1/expire"
CAPTURE = f"POST {INTENTS}/pi_1/capture"
REFUND = f"POST {REFUNDS}"
LIST_REFUNDS = f"GET {REFUNDS}"

MISSING = says(error("resource_missing", param="intent"), status=404)
STATE = says(error("payment_intent_unexpected_state"), status=400)
IN_USE = says(error("idempotency_key_in_use", type="idempotency_error"), status=409)
NOTHING = says(listing())
FAULTS: list[Answer] = [
    silent,
    reset,
    text(200, "<html>"),
    says({"object": "list", "data": "none"}),
    says(error(type="api_error"), status=500),
    says(error("rate_limit"), status=429),
    says(error(None), status=401),
    says(error("parameter_unknown"), status=400),
]
