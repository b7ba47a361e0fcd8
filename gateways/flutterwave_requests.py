"""What we send to Flutterwave v3 to be paid: path and body of each kind of charge.

Bodies are built from the request alone and written field by field in one order, so that equal requests
give equal bytes (I8). Amounts are JSON numbers in major units with exactly the digits of the currency:
12550 NGN is sent as 125.50, 5000 UGX as 5000. No float is involved.

Source: https://developer.flutterwave.com/docs/flutterwave-standard-1 (hosted page),
https://developer.flutterwave.com/docs/tokenization (saved card),
https://developer.flutterwave.com/docs/collections-inflow/mobile-money (mobile money, per country).
"""

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, NamedTuple, TypeAlias

from domain.checkout import CaptureMethod, MethodType
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.money import to_major
from gateways.base import ChargeRequest

NAME: Final = "flutterwave"

CURRENCIES: Final = frozenset(
    {
        *("NGN", "USD", "EUR", "GBP", "GHS", "XAF", "XOF", "ZAR"),
        *("MWK", "KES", "UGX", "RWF", "TZS", "ZMW", "EGP"),
    }
)

MAX_PAGE_RETRIES: Final = 5
"""Failed tries after which a page closes by itself: all its tries then fit one page of a look-up."""

_PHONE: Final = re.compile(r"\+?[0-9]{7,15}")

Value: TypeAlias = "str | int | Decimal | Mapping[str, Value]"
Fields: TypeAlias = Mapping[str, "Value | None"]


class Prepared(NamedTuple):
    """A request that can be sent."""

    path: str
    body: bytes


class _Wallets(NamedTuple):
    """Mobile money in one currency."""

    charge_type: str
    networks: Mapping[str, str | None]
    """Network as a checkout names it -> as Flutterwave does, None where it is not sent. "" is "unnamed"."""
    countries: Mapping[str, str]
    """Dialling code -> country."""


_UNNAMED: Final[dict[str, str | None]] = {"": None}

# Networks as on each country's page; "" only where that page does without one.
WALLETS: Final[Mapping[str, _Wallets]] = {
    "GHS": _Wallets(
        "mobile_money_ghana",
        {"MTN": "MTN", "VODAFONE": "VODAFONE", "TELECEL": "Telecel", "TIGO": "TIGO"},
        {"233": "GH"},
    ),
    "KES": _Wallets("mpesa", _UNNAMED | {"MPESA": None}, {"254": "KE"}),
    "RWF": _Wallets("mobile_money_rwanda", _UNNAMED | {"MTN": "MTN", "AIRTEL": "AIRTEL"}, {"250": "RW"}),
    "TZS": _Wallets(
        "mobile_money_tanzania",
        _UNNAMED | {"AIRTEL": "Airtel", "TIGO": "Tigo", "HALOPESA": "Halopesa", "VODAFONE": "Vodafone"},
        {"255": "TZ"},
    ),
    "UGX": _Wallets("mobile_money_uganda", {"MTN": "MTN", "AIRTEL": "AIRTEL"}, {"256": "UG"}),
    "XAF": _Wallets(
        "mobile_money_franco", _UNNAMED | {"MTN": "MTN", "ORANGEMONEY": "ORANGEMONEY"}, {"237": "CM"}
    ),
    "XOF": _Wallets(
        "mobile_money_franco",
        _UNNAMED | {"MTN": "MTN", "ORANGEMONEY": "ORANGEMONEY", "MOOV": "MOOV", "WAVE": "WAVE"},
        {"226": "BF", "225": "CI", "221": "SN"},
    ),
    "ZMW": _Wallets(
        "mobile_money_zambia", {"AIRTEL": "Airtel", "MTN": "MTN", "ZAMTEL": "Zamtel"}, {"260": "ZM"}
    ),
}


def prepare(request: ChargeRequest, *, session_minutes: int) -> Prepared | Decline:
    """The one request that asks for this money, or why Flutterwave cannot be asked at all."""
    if request.capture_method is not CaptureMethod.AUTOMATIC:
        return _not_here("Flutterwave captures at once")
    if request.currency not in CURRENCIES:
        return _currency("Flutterwave does not take this currency")
    if not request.customer.email:
        return _not_here("Flutterwave needs the customer's e-mail address")
    match request.method.type:
        case MethodType.HOSTED:
            return _page(request, request.customer.email, session_minutes)
        case MethodType.CARD:
            return _saved_card(request, request.customer.email)
        case MethodType.MOBILE_MONEY:
            return _mobile_money(request, request.customer.email)


def refund_body(amount: int, currency: str, refund_id: str) -> bytes:
    """The body of a refund. `comments` is the one field of ours that look-ups of refunds return."""
    return encode({"amount": major(amount, currency), "comments": refund_id})


def major(amount: int, currency: str) -> Decimal:
    """Minor units as the exact number that Flutterwave reads."""
    return Decimal(to_major(amount, currency))


def encode(fields: Fields) -> bytes:
    """JSON with the fields in the order given; absent (None) ones left out, numbers digit by digit."""
    return _json(fields).encode("ascii")


def _json(value: "Value | Fields") -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        members = (
            f"{json.dumps(key)}:{_json(member)}" for key, member in value.items() if member is not None
        )
        return "{" + ",".join(members) + "}"
    return json.dumps(value)


def _page(request: ChargeRequest, email: str, session_minutes: int) -> Prepared:
    customer = request.customer
    fields: Fields = {
        "tx_ref": request.reference,
        "amount": major(request.amount, request.currency),
        "currency": request.currency,
        "redirect_url": request.return_url,
        "customer": _present(
            {"email": email, "name": customer.name or None, "phonenumber": customer.phone or None}
        ),
        "configurations": {
            "session_duration": session_minutes,
            "max_retry_attempt": MAX_PAGE_RETRIES,
        },
    }
    return Prepared("/payments", encode(fields))


def _saved_card(request: ChargeRequest, email: str) -> Prepared | Decline:
    token = request.method.tokens.get(NAME)
    if not token:
        return _not_here("no card token of Flutterwave")
    fields: Fields = {
        "token": token,
        "email": email,
        "tx_ref": request.reference,
        "amount": major(request.amount, request.currency),
        "currency": request.currency,
        "country": request.customer.country or None,
        "ip": request.customer.ip or None,
        # Where a saved card still has to be authenticated, the customer comes back here.
        "redirect_url": request.return_url,
        "narration": request.reference,
    }
    return Prepared("/tokenized-charges", encode(fields))


def _mobile_money(request: ChargeRequest, email: str) -> Prepared | Decline:
    wallets = WALLETS.get(request.currency)
    if wallets is None:
        return _currency("no mobile money in this currency")
    network = (request.method.network or "").upper()
    if network not in wallets.networks:
        return _not_here("mobile network not known")
    phone = re.sub(r"[\s().-]", "", request.method.phone or request.customer.phone or "")
    if not _PHONE.fullmatch(phone):
        return _customer_phone("no usable phone number")
    phone = phone.removeprefix("+")
    country = _country(wallets, phone, request.customer.country)
    if country is None:
        return _customer_phone("the country of the phone number has no mobile money in this currency")
    fields: Fields = {
        "tx_ref": request.reference,
        "amount": major(request.amount, request.currency),
        "currency": request.currency,
        "country": country,
        "network": wallets.networks[network],
        "phone_number": phone,
        "email": email,
        "fullname": request.customer.name or None,
        "client_ip": request.customer.ip or None,
        "redirect_url": request.return_url,
        # Only Rwanda asks for a second reference of ours.
        "order_id": request.reference if request.currency == "RWF" else None,
    }
    return Prepared(f"/charges?type={wallets.charge_type}", encode(fields))


def _country(wallets: _Wallets, phone: str, customer_country: str | None) -> str | None:
    """Country of the wallet: of its dialling code, else the customer's, else the only one there is."""
    dialled = wallets.countries.get(phone[:3])
    if dialled is not None:
        return dialled
    served = set(wallets.countries.values())
    if customer_country in served:
        return customer_country
    return served.pop() if len(served) == 1 else None


def _present(fields: Mapping[str, str | None]) -> dict[str, "Value"]:
    return {name: value for name, value in fields.items() if value is not None}


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
