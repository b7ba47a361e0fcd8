"""Checkouts of every sort: what is asked for, and how each must end."""

from typing import Any, Final, NamedTuple

Json = dict[str, Any]

CUSTOMER: Final = {"email": "customer@example.com", "name": "A. Customer"}
DECLINED: Final = "pm_card_chargeDeclinedInsufficientFunds"
STOLEN: Final = "pm_card_chargeDeclinedStolenCard"


def card(
    amount: int = 4999,
    *,
    currency: str = "USD",
    country: str = "US",
    stripe: str = "pm_card_visa",
    flutterwave: str = "flw-t1nf-success",
    **more: object,
) -> Json:
    """A card with a token of every gateway. From the US: Stripe, then Flutterwave."""
    return {
        "amount": amount,
        "currency": currency,
        "customer": CUSTOMER | {"country": country},
        "payment_method": {
            "type": "card",
            "tokens": {"stripe": stripe, "flutterwave": flutterwave, "paystack": "paystack-tok-success"},
        },
        "return_url": "https://shop.example/return",
        **more,
    }


def nigerian_card(amount: int = 780_000, **more: Any) -> Json:
    """Flutterwave, then Paystack."""
    return card(amount, currency="NGN", country="NG", **more)


def page(amount: int = 8900, *, currency: str = "EUR", country: str = "DE") -> Json:
    """The gateway's own page."""
    return {"amount": amount, "currency": currency, "customer": CUSTOMER | {"country": country}}


def challenged() -> Json:
    """Stripe asks for 3-D Secure."""
    return card(15_900, currency="EUR", country="FR", stripe="pm_card_threeDSecure2Required")


def mpesa() -> Json:
    """A prompt on the phone, confirmed a moment later."""
    phone = "+254712345678"
    return {
        "amount": 150_000,
        "currency": "KES",
        "customer": CUSTOMER | {"country": "KE", "phone": phone},
        "payment_method": {"type": "mobile_money", "phone": phone},
    }


class Sort(NamedTuple):
    title: str
    request: Json
    status: str = "succeeded"


SORTS: Final = (
    Sort("card at Stripe", card()),
    Sort("card at Flutterwave", nigerian_card()),
    Sort("page at Stripe", page()),
    Sort("page at Flutterwave", page(650_000, currency="NGN", country="NG")),
    Sort("3-D Secure", challenged()),
    Sort("failing over", card(7200, stripe=DECLINED)),
    Sort("M-Pesa", mpesa()),
    Sort("stolen card", card(6000, stripe=STOLEN), status="failed"),
)
