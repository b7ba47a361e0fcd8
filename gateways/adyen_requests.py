"""What we send to Adyen: path and body of each kind of request.

Sources: https://docs.adyen.com/api-explorer/Checkout/71/post/payments, /paymentLinks,
/payments/{paymentPspReference}/captures, /cancels and /refunds;
https://docs.adyen.com/online-payments/tokenization/make-token-payments/ (stored cards) and
https://docs.adyen.com/online-payments/capture (when the money is taken).
"""

import json
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from domain.checkout import CaptureMethod, MethodType
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.money import InexactAmount, UnknownCurrency
from gateways.adyen_currencies import to_wire
from gateways.base import CaptureRequest, ChargeRequest, RefundRequest, VoidRequest

NAME: Final = "adyen"
LINKS: Final = "/paymentLinks"


class Prepared(NamedTuple):
    """A request that can be sent."""

    path: str
    body: bytes


def prepare(request: ChargeRequest, merchant_account: str) -> Prepared | Decline:
    """The one request that asks for this money, or why Adyen cannot be asked at all."""
    try:
        amount = _amount(request.amount, request.currency)
    except UnknownCurrency:
        return _refused(DeclineCode.CURRENCY_NOT_SUPPORTED, "Adyen does not take this currency")
    except InexactAmount:
        return _refused(DeclineCode.INVALID_AMOUNT, "Adyen takes this currency in larger units only")
    fields: dict[str, Any] = {
        "merchantAccount": merchant_account,
        "reference": request.reference,
        "amount": amount,
        "returnUrl": request.return_url,
        **_shopper(request),
    }
    match request.method.type:
        case MethodType.HOSTED:
            return Prepared(LINKS, _encode({**fields, **_link(request)}))
        case MethodType.CARD:
            token = request.method.tokens.get(NAME)
            if not token:
                return _refused(DeclineCode.MERCHANT_CONFIGURATION, "no card token of Adyen")
            return Prepared("/payments", _encode({**fields, **_stored_card(token, request)}))
        case MethodType.MOBILE_MONEY:
            return _refused(DeclineCode.MERCHANT_CONFIGURATION, "Adyen has no mobile money here")


def capture(request: CaptureRequest, payment_id: str, merchant_account: str) -> Prepared:
    """Raises UnknownCurrency, InexactAmount."""
    fields = {
        "merchantAccount": merchant_account,
        "amount": _amount(request.amount, request.handle.currency),
        "reference": request.handle.reference,
    }
    return Prepared(_modification(payment_id, "captures"), _encode(fields))


def cancel(request: VoidRequest, payment_id: str, merchant_account: str) -> Prepared:
    fields = {"merchantAccount": merchant_account, "reference": request.handle.reference}
    return Prepared(_modification(payment_id, "cancels"), _encode(fields))


def refund(request: RefundRequest, payment_id: str, merchant_account: str) -> Prepared:
    """Raises UnknownCurrency, InexactAmount."""
    fields = {
        "merchantAccount": merchant_account,
        "amount": _amount(request.amount, request.handle.currency),
        "reference": request.refund_id,
    }
    return Prepared(_modification(payment_id, "refunds"), _encode(fields))


def link_path(link_id: str) -> str:
    return f"{LINKS}/{quote(link_id, safe='')}"


def expiry() -> bytes:
    """The body that closes a payment link."""
    return _encode({"status": "expired"})


def _modification(payment_id: str, what: str) -> str:
    return f"/payments/{quote(payment_id, safe='')}/{what}"


def _amount(amount: int, currency: str) -> Mapping[str, Any]:
    return {"currency": currency, "value": to_wire(amount, currency)}


def _shopper(request: ChargeRequest) -> Mapping[str, str]:
    """What helps Adyen's own risk checks, where the checkout has it."""
    customer = request.customer
    given = {"shopperEmail": customer.email, "countryCode": customer.country}
    return {name: value for name, value in given.items() if value}


def _stored_card(token: str, request: ChargeRequest) -> Mapping[str, Any]:
    """`{shopperReference}/{storedPaymentMethodId}`: Adyen charges a stored card only for its own shopper.

    Without a shopper in it the e-mail address stands for them, if that is how the card was stored.
    """
    shopper, _, stored = token.rpartition("/")
    shopper = shopper or request.customer.email or ""
    automatic = request.capture_method is CaptureMethod.AUTOMATIC
    return {
        "paymentMethod": {"type": "scheme", "storedPaymentMethodId": stored},
        **({"shopperReference": shopper} if shopper else {}),
        "shopperInteraction": "ContAuth",
        "recurringProcessingModel": "CardOnFile",
        **({"shopperIP": request.customer.ip} if request.customer.ip else {}),
        # Whatever the account's own capture delay is.
        **({"captureDelayHours": 0} if automatic else {"additionalData": {"manualCapture": "true"}}),
    }


def _link(request: ChargeRequest) -> Mapping[str, Any]:
    automatic = request.capture_method is CaptureMethod.AUTOMATIC
    return {
        "expiresAt": request.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reusable": False,
        **({"captureDelayHours": 0} if automatic else {"manualCapture": True}),
    }


def _encode(fields: Mapping[str, Any]) -> bytes:
    """JSON with the fields in the order given, so that equal requests give equal bytes (I8)."""
    return json.dumps(fields, separators=(",", ":")).encode()


def _refused(code: DeclineCode, message: str) -> Decline:
    """Eligibility should have kept this checkout away: nothing is sent, the next account may try."""
    return Decline(category=DeclineCategory.CONFIGURATION, code=code, message=message)
