"""What we send to Paystack to be paid: path and body of each kind of charge.

Amounts are integers in "subunits", hundredths in every currency: XOF, which has none, is multiplied by 100
all the same. https://paystack.com/docs/api/#supported-currency

A reference may hold letters, digits, `-`, `.` and `=`, no underscore, so `att_01j..._1` goes over the wire as
`att-01j...-1` and is read back. https://paystack.com/docs/api/transaction/#initialize

Sources: https://paystack.com/docs/api/transaction/ (page, saved card),
https://paystack.com/docs/payments/payment-channels/#mobile-money
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from domain.checkout import CaptureMethod, MethodType
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.money import rescale, unscale
from gateways.base import ChargeRequest

NAME: Final = "paystack"
EXPONENT: Final = 2
"""Decimals that Paystack counts in, whatever ISO 4217 says."""

MINIMUM: Final[Mapping[str, int]] = {"NGN": 5_000, "USD": 200, "GHS": 10, "ZAR": 100, "KES": 300, "XOF": 1}
"""In minor units: the table of https://paystack.com/docs/api/#supported-currency."""

CURRENCIES: Final = frozenset(MINIMUM)

_PHONE: Final = re.compile(r"\+?[0-9]{7,15}")
_OURS: Final = re.compile(r"att-[0-9a-z]+-[0-9]+")


class Prepared(NamedTuple):
    """A request that can be sent."""

    path: str
    body: bytes


class _Wallets(NamedTuple):
    """Mobile money in one currency."""

    providers: Mapping[str, str]
    """Network as a checkout names it ("" is "unnamed") -> Paystack's provider."""
    dialling: str
    national_prefix: str | None
    """What replaces the dialling code in the number sent; None: the number is sent with its code."""


# A network that asks for a one-time password on our side (Orange in Côte d'Ivoire) is not among them.
WALLETS: Final[Mapping[str, _Wallets]] = {
    "GHS": _Wallets({"MTN": "mtn", "TIGO": "atl", "VODAFONE": "vod", "TELECEL": "vod"}, "233", "0"),
    "KES": _Wallets({"": "mpesa", "MPESA": "mpesa", "AIRTEL": "atl"}, "254", None),
    "XOF": _Wallets({"MTN": "mtn", "WAVE": "wave"}, "225", ""),
}


def prepare(request: ChargeRequest) -> Prepared | Decline:
    """The one request that asks for this money, or why Paystack cannot be asked at all."""
    if request.capture_method is not CaptureMethod.AUTOMATIC:
        return _not_here("Paystack captures at once")
    if request.currency not in CURRENCIES:
        return _currency("Paystack does not take this currency")
    if not request.customer.email:
        return _not_here("Paystack needs the customer's e-mail address")
    fields = {
        "email": request.customer.email,
        "amount": str(rescale(request.amount, request.currency, EXPONENT)),
        "currency": request.currency,
        "reference": to_wire(request.reference),
    }
    match request.method.type:
        case MethodType.HOSTED:
            more = {"callback_url": request.return_url, "metadata": _encode(_metadata(request))}
            return Prepared("/transaction/initialize", _encode({**fields, **more}).encode())
        case MethodType.CARD:
            token = request.method.tokens.get(NAME)
            if not token:
                return _not_here("no card token of Paystack")
            more = {"authorization_code": token, "metadata": _encode(_metadata(request))}
            return Prepared("/transaction/charge_authorization", _encode({**fields, **more}).encode())
        case MethodType.MOBILE_MONEY:
            return _mobile_money(request, fields)


def refund_body(payment_id: str, amount: int, currency: str, refund_id: str) -> bytes:
    """`merchant_note` is the one field of ours that look-ups of refunds return and customers do not see."""
    fields = {
        "transaction": payment_id,
        "amount": rescale(amount, currency, EXPONENT),
        "merchant_note": refund_id,
    }
    return _encode(fields).encode()


def minor(subunits: int, currency: str) -> int:
    """Paystack's count as minor units: 500000 XOF -> 5000. Raises InexactAmount, UnknownCurrency."""
    return unscale(subunits, currency, EXPONENT)


def to_wire(reference: str) -> str:
    return reference.replace("_", "-")


def from_wire(reference: str) -> str:
    """Ours as we wrote it; anybody else's as it is."""
    return reference.replace("-", "_") if _OURS.fullmatch(reference) else reference


def _mobile_money(request: ChargeRequest, fields: Mapping[str, str]) -> Prepared | Decline:
    wallets = WALLETS.get(request.currency)
    if wallets is None:
        return _currency("no mobile money in this currency")
    provider = wallets.providers.get((request.method.network or "").upper())
    if provider is None:
        return _not_here("mobile network not known")
    phone = re.sub(r"[\s().-]", "", request.method.phone or request.customer.phone or "")
    if not _PHONE.fullmatch(phone):
        return _customer_phone("no usable phone number")
    national = phone.removeprefix("+").removeprefix(wallets.dialling)
    if phone.startswith("+") and not phone.startswith(f"+{wallets.dialling}"):
        return _customer_phone("the country of the phone number has no mobile money in this currency")
    prefix = f"+{wallets.dialling}" if wallets.national_prefix is None else wallets.national_prefix
    number = prefix + national.removeprefix("0") if prefix else national
    more: dict[str, Any] = {
        "mobile_money": {"phone": number, "provider": provider},
        "metadata": _metadata(request),
    }
    return Prepared("/charge", _encode({**fields, **more}).encode())


def _metadata(request: ChargeRequest) -> Mapping[str, str]:
    """Shown in the dashboard: the attempt as it is called here."""
    return {"attempt": request.reference}


def _encode(fields: Mapping[str, Any]) -> str:
    """JSON with the fields in the order given, so that equal requests give equal bytes (I8)."""
    return json.dumps(fields, separators=(",", ":"))


def _not_here(message: str) -> Decline:
    """Eligibility should have kept this checkout away: nothing is sent, the next account may try."""
    return Decline(
        category=DeclineCategory.CONFIGURATION, code=DeclineCode.MERCHANT_CONFIGURATION, message=message
    )


def _currency(message: str) -> Decline:
    return Decline(
        category=DeclineCategory.CONFIGURATION, code=DeclineCode.CURRENCY_NOT_SUPPORTED, message=message
    )


def _customer_phone(message: str) -> Decline:
    return Decline(category=DeclineCategory.CUSTOMER, code=DeclineCode.INVALID_PHONE, message=message)
