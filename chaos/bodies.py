"""Bodies of `POST /v1/checkouts`: what applications ask for."""

import random
from typing import Any, Final

from chaos.scenario import FLUTTERWAVE, STRIPE

POOR: Final = "pm_card_chargeDeclinedInsufficientFunds"
STOLEN: Final = "pm_card_chargeDeclinedStolenCard"
_SAVED: Final = "flw-t1nf-success"
_VISA: Final = "pm_card_visa"


def card(
    rng: random.Random,
    first: str,
    *,
    stripe: str | None = _VISA,
    flutterwave: str | None = _SAVED,
    **more: object,
) -> dict[str, Any]:
    """A card whose plan begins with `first`; without a token for the other one, it is the only one."""
    country, currency = ("US", "USD") if first == STRIPE else ("NG", "NGN")
    tokens = {STRIPE: stripe, FLUTTERWAVE: flutterwave}
    return {
        "amount": rng.randrange(50_000, 900_000),
        "currency": currency,
        "customer": {"name": "A. Customer", "country": country},
        "payment_method": {
            "type": "card",
            "tokens": {gateway: token for gateway, token in tokens.items() if token is not None},
        },
        "allow_redirect": False,
        **more,
    }


def page(rng: random.Random, first: str) -> dict[str, Any]:
    country, currency = ("DE", "EUR") if first == STRIPE else ("NG", "NGN")
    return {
        "amount": rng.randrange(50_000, 900_000),
        "currency": currency,
        "customer": {"name": "A. Customer", "country": country},
    }


def mobile(rng: random.Random) -> dict[str, Any]:
    country, currency, phone, network = rng.choice(
        (("UG", "UGX", "+256772123456", "MTN"), ("KE", "KES", "+254712345678", "MPESA"))
    )
    return {
        "amount": rng.randrange(50_000, 900_000),
        "currency": currency,
        "customer": {"name": "A. Customer", "country": country, "phone": phone},
        "payment_method": {"type": "mobile_money", "phone": phone, "network": network},
    }


def either(rng: random.Random) -> str:
    return rng.choice((STRIPE, FLUTTERWAVE))
