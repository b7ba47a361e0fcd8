"""The scripted checkouts of `make demo`: what is asked for, what goes wrong, and what must come of it.

Card tokens choose the outcome at the sandbox: they are Stripe's documented test payment methods, for
Flutterwave `flw-t1nf-...`, for Paystack `paystack-tok-...`, for Adyen `adyen-tok-...`. Test BINs mislead
(424242 is British in the data), so a case that needs a country names a BIN or an address that the data knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = Mapping[str, Any]

_CUSTOMER: Final = {"email": "customer@example.com", "name": "A. Customer"}
_VISA: Final = "pm_card_visa"
_SAVED: Final = "flw-t1nf-success"
_SAVED_THERE: Final = "paystack-tok-success"
_STORED: Final = "adyen-tok-success"
_NIGERIAN_IP: Final = "41.58.0.1"


@dataclass(frozen=True)
class Case:
    """One checkout. Faults hold while it runs, so a case with faults runs alone."""

    title: str
    request: Json
    """Body of `POST /v1/checkouts`. Where an action asks for it, the customer opens the page and pays."""
    status: str
    """The checkout ends so,"""
    accounts: tuple[str, ...]
    """having asked these accounts, in this order,"""
    ledger: tuple[str, ...]
    """and the gateways' own ledgers show exactly this, each for the amount and currency asked for."""
    country: str | None = None
    """`{code} by {source}`, where the point is how the country was found."""
    actions: tuple[str, ...] = ()
    """What the customer was asked to do, in this order."""
    decline: str | None = None
    """Category of the decline that the checkout ends with."""
    faults: tuple[Json, ...] = ()
    """Bodies of the sandbox's `POST /_/faults`."""
    capture: bool = False
    """Captured by a call of its own, once authorized."""


def _card(amount: int, currency: str, customer: Json, method: Json, **more: object) -> dict[str, Any]:
    return {
        "amount": amount,
        "currency": currency,
        "customer": _CUSTOMER | dict(customer),
        "payment_method": {"type": "card", **method},
        **more,
    }


def _mobile(amount: int, currency: str, country: str, phone: str, **method: str) -> dict[str, Any]:
    return {
        "amount": amount,
        "currency": currency,
        "customer": _CUSTOMER | {"country": country, "phone": phone},
        "payment_method": {"type": "mobile_money", "phone": phone, **method},
    }


def _everywhere(stripe: str = _VISA) -> dict[str, Any]:
    """A card that every gateway has a token of."""
    tokens = {"stripe": stripe, "flutterwave": _SAVED, "paystack": _SAVED_THERE, "adyen": _STORED}
    return {"tokens": tokens}


_AMERICAN: Final = {"country": "US"}
_NIGERIAN: Final = {"ip": _NIGERIAN_IP}
_DUTCH: Final = {"country": "NL"}

CASES: Final = (
    Case(
        "American card",
        _card(4999, "USD", _AMERICAN, {"tokens": {"stripe": _VISA}}),
        "succeeded",
        ("stripe",),
        ("stripe capture",),
        country="US by billing",
    ),
    Case(
        "Nigerian address, no BIN, no billing country",
        _card(1250000, "NGN", _NIGERIAN, _everywhere()),
        "succeeded",
        ("flutterwave",),
        ("flutterwave capture",),
        country="NG by ip",
    ),
    Case(
        "American BIN from a Nigerian address: the BIN decides",
        _card(2500, "USD", _NIGERIAN, {"bin": "414720", **_everywhere()}),
        "succeeded",
        ("stripe",),
        ("stripe capture",),
        country="US by bin",
    ),
    Case(
        "Dutch card",
        _card(3795, "EUR", _DUTCH, _everywhere()),
        "succeeded",
        ("adyen",),
        ("adyen capture",),
        country="NL by billing",
    ),
    Case(
        "Mobile money in Uganda: prompt by redirect (UGX has no cents)",
        _mobile(50000, "UGX", "UG", "+256772123456", network="MTN"),
        "succeeded",
        ("flutterwave",),
        ("flutterwave capture",),
        country="UG by billing",
        actions=("redirect",),
    ),
    Case(
        "M-Pesa in Kenya: prompt on the phone",
        _mobile(150000, "KES", "KE", "+254712345678"),
        "succeeded",
        ("flutterwave",),
        ("flutterwave capture",),
        country="KE by billing",
        actions=("mobile_prompt",),
    ),
    Case(
        "Gateway's own page in Nigeria",
        {"amount": 780000, "currency": "NGN", "customer": _CUSTOMER | _NIGERIAN},
        "succeeded",
        ("flutterwave",),
        ("flutterwave capture",),
        actions=("redirect",),
    ),
    Case(
        "Gateway's own page in Germany",
        {"amount": 8900, "currency": "EUR", "customer": _CUSTOMER | {"country": "DE"}},
        "succeeded",
        ("stripe",),
        ("stripe capture",),
        actions=("redirect",),
    ),
    Case(
        "3-D Secure",
        _card(15900, "EUR", {"country": "FR"}, {"tokens": {"stripe": "pm_card_threeDSecure2Required"}}),
        "succeeded",
        ("stripe",),
        ("stripe capture",),
        actions=("redirect",),
    ),
    Case(
        "Yen: no decimals",
        _card(12000, "JPY", {"country": "JP"}, {"tokens": {"stripe": "pm_card_jp"}}),
        "succeeded",
        ("stripe",),
        ("stripe capture",),
    ),
    Case(
        "Kuwaiti dinar: three decimals",
        _card(12340, "KWD", {"country": "KW"}, {"tokens": {"stripe": _VISA}}),
        "succeeded",
        ("stripe",),
        ("stripe capture",),
    ),
    Case(
        "Authorized, then captured by a call of its own",
        _card(30000, "USD", _AMERICAN, _everywhere(), capture_method="manual"),
        "succeeded",
        ("stripe",),
        ("stripe authorize", "stripe capture"),
        capture=True,
    ),
    Case(
        "Stolen card: a hard decline stops",
        _card(6000, "USD", _AMERICAN, _everywhere("pm_card_chargeDeclinedStolenCard")),
        "failed",
        ("stripe",),
        ("stripe decline",),
        decline="hard",
    ),
    Case(
        "Wrong CVC: corrected by the customer on the gateway's page",
        _card(6100, "USD", _AMERICAN, _everywhere("pm_card_chargeDeclinedIncorrectCvc")),
        "succeeded",
        ("stripe", "stripe"),
        ("stripe decline", "stripe capture"),
        actions=("redirect",),
    ),
    Case(
        "Wrong CVC, no redirect allowed: nobody else is asked",
        _card(
            6200, "USD", _AMERICAN, _everywhere("pm_card_chargeDeclinedIncorrectCvc"), allow_redirect=False
        ),
        "failed",
        ("stripe",),
        ("stripe decline",),
        decline="customer",
    ),
    Case(
        "Soft decline: the next gateway takes it",
        _card(7200, "USD", _AMERICAN, _everywhere("pm_card_chargeDeclinedInsufficientFunds")),
        "succeeded",
        ("stripe", "flutterwave"),
        ("stripe decline", "flutterwave capture"),
    ),
    Case(
        "Soft decline, no token for the next gateway: its page, paid there",
        _card(
            8300,
            "USD",
            _AMERICAN,
            {"tokens": {"stripe": "pm_card_chargeDeclinedInsufficientFunds"}},
            allow_redirect=True,
        ),
        "succeeded",
        ("stripe", "flutterwave"),
        ("stripe decline", "flutterwave capture"),
        actions=("redirect",),
    ),
    Case(
        "Stripe refuses connections",
        _card(9100, "USD", _AMERICAN, _everywhere()),
        "succeeded",
        ("stripe", "flutterwave"),
        ("flutterwave capture",),
        faults=({"gateway": "stripe", "operation": "*", "fault": "refuse"},),
    ),
    Case(
        "Flutterwave refuses connections: Paystack is next in Nigeria",
        _card(915000, "NGN", _NIGERIAN, _everywhere()),
        "succeeded",
        ("flutterwave", "paystack"),
        ("paystack capture",),
        country="NG by ip",
        faults=({"gateway": "flutterwave", "operation": "*", "fault": "refuse"},),
    ),
    Case(
        "Three gateways refuse connections: the fourth charges",
        _card(10400, "USD", _DUTCH, _everywhere()),
        "succeeded",
        ("adyen", "stripe", "flutterwave", "paystack"),
        ("paystack capture",),
        country="NL by billing",
        faults=tuple(
            {"gateway": gateway, "operation": "*", "fault": "refuse"}
            for gateway in ("adyen", "stripe", "flutterwave")
        ),
    ),
    Case(
        "Stripe charges, its answer is lost: looked up, not charged again",
        _card(9200, "USD", _AMERICAN, _everywhere()),
        "succeeded",
        ("stripe",),
        ("stripe capture",),
        faults=({"gateway": "stripe", "operation": "charge", "fault": "timeout_after", "count": 1},),
    ),
    Case(
        "Flutterwave charges, its answer is lost: looked up, not charged again",
        _card(930000, "NGN", _NIGERIAN, _everywhere()),
        "succeeded",
        ("flutterwave",),
        ("flutterwave capture",),
        faults=({"gateway": "flutterwave", "operation": "charge", "fault": "timeout_after", "count": 1},),
    ),
    Case(
        "Adyen charges, its answer is lost: the same key answers again",
        _card(9300, "EUR", _DUTCH, _everywhere()),
        "succeeded",
        ("adyen",),
        ("adyen capture",),
        faults=({"gateway": "adyen", "operation": "charge", "fault": "timeout_after", "count": 1},),
    ),
    Case(
        "Stripe is silent before charging: sent again under the same key",
        _card(9400, "USD", _AMERICAN, _everywhere()),
        "succeeded",
        ("stripe",),
        ("stripe capture",),
        faults=({"gateway": "stripe", "operation": "charge", "fault": "timeout_before", "count": 1},),
    ),
    Case(
        "Flutterwave is silent before charging: never sent twice, quiet period, then Paystack",
        _card(950000, "NGN", _NIGERIAN, _everywhere()),
        "succeeded",
        ("flutterwave", "paystack"),
        ("paystack capture",),
        faults=({"gateway": "flutterwave", "operation": "charge", "fault": "timeout_before", "count": 1},),
    ),
)
