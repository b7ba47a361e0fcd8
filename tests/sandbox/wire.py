"""Requests that many tests send, as a merchant's server would."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from tests.patience import PATIENCE

T = TypeVar("T")


def intent(reference: str, **changes: str) -> dict[str, str]:
    """The form of a PaymentIntent that is confirmed at once, 20.00 USD with a card that pays."""
    return {
        "amount": "2000",
        "currency": "usd",
        "payment_method": "pm_card_visa",
        "confirm": "true",
        "payment_method_types[]": "card",
        "metadata[attempt]": reference,
        **changes,
    }


def session(reference: str, **changes: str) -> dict[str, str]:
    """The form of a Checkout Session over 50.00 EUR."""
    return {
        "mode": "payment",
        "line_items[0][quantity]": "2",
        "line_items[0][price_data][currency]": "eur",
        "line_items[0][price_data][unit_amount]": "2500",
        "line_items[0][price_data][product_data][name]": "Shoes <b>&</b> socks",
        "client_reference_id": reference,
        "payment_intent_data[metadata][attempt]": reference,
        "success_url": "https://shop.example/return?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://shop.example/cancel",
        **changes,
    }


def token_charge(reference: str, **changes: object) -> dict[str, object]:
    return {
        "token": "flw-t1nf-success",
        "email": "customer@example.com",
        "currency": "NGN",
        "amount": 125.5,
        "tx_ref": reference,
        **changes,
    }


def mobile_money(reference: str, **changes: object) -> dict[str, object]:
    return {
        "tx_ref": reference,
        "amount": "150",
        "currency": "GHS",
        "network": "MTN",
        "email": "customer@example.com",
        "phone_number": "233541111111",
        **changes,
    }


def page(reference: str, **changes: object) -> dict[str, object]:
    return {
        "tx_ref": reference,
        "amount": "7500",
        "currency": "NGN",
        "redirect_url": "https://shop.example/return?cart=1",
        "customer": {"email": "customer@example.com", "name": "A. Customer", "phonenumber": "09012345678"},
        **changes,
    }


def error(answer: httpx.Response) -> dict[str, Any]:
    """Stripe's error object."""
    found: dict[str, Any] = answer.json()["error"]
    return found


def effects(ledger: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(row["kind"], row["amount"], row["currency"]) for row in ledger]


async def eventually(
    ask: Callable[[], Awaitable[T]], holds: Callable[[T], bool], deadline: float = PATIENCE
) -> T:
    """The first answer that holds. Raises AssertionError with the last one at the deadline (seconds)."""
    end = time.monotonic() + deadline
    while True:
        answer = await ask()
        if holds(answer):
            return answer
        assert time.monotonic() < end, answer
        await asyncio.sleep(0.02)
