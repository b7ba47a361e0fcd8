"""What Paystack answers, read strictly: a success that cannot be read to the last digit is no success.

Every answer is `{"status": true | false, "message", "data", "meta"}`, errors with `type` and `code` beside
them. `status` speaks of the request; the state of the money is `data.status`, and a 200 does not mean that it
was paid. https://paystack.com/docs/api/errors/ and https://paystack.com/docs/payments/verify-payments/
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.money import InexactAmount, UnknownCurrency
from domain.outcome import (
    ActionRequired,
    Approved,
    Declined,
    GatewayPayment,
    NextAction,
    NextActionType,
    NotSent,
    NotSentCause,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.base import GatewayRefund, RefundStatus
from gateways.paystack_declines import Verdict, decline_of, refusal_of
from gateways.paystack_requests import from_wire, minor

STATUSES: Final = {
    "success": PaymentStatus.CAPTURED,
    "reversed": PaymentStatus.CAPTURED,
    "failed": PaymentStatus.DECLINED,
    "abandoned": PaymentStatus.PENDING,
    "ongoing": PaymentStatus.PENDING,
    "pending": PaymentStatus.PENDING,
    "processing": PaymentStatus.PENDING,
    "queued": PaymentStatus.PENDING,
}
"""Every documented `data.status` of a transaction; one that is not listed is pending.

`abandoned` is where every page begins: "the customer has not completed the transaction", and still may.
`reversed` was taken and has been given back, by us or by a chargeback.
https://paystack.com/docs/payments/verify-payments/#transaction-statuses
"""

REFUND_STATUSES: Final = {
    "pending": RefundStatus.PENDING,
    "processing": RefundStatus.PENDING,
    "needs-attention": RefundStatus.PENDING,
    "processed": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
}
"""`needs-attention`: Paystack waits for the customer's bank account, given in the dashboard.
https://paystack.com/docs/payments/refunds/
"""

_MOST: Final = 10**14
_TEXT: Final = r"^[\x21-\x7e]{1,200}$"
_URL: Final = re.compile(r"https?://[\x21-\x7e]{1,2000}")
_NOT_FOUND: Final = re.compile(r"transaction (reference )?not found", re.IGNORECASE)
_Id = Annotated[int, Field(ge=1, lt=2**64)]
_Subunits = Annotated[int, Field(ge=0, le=_MOST)]


class Unreadable(Exception):
    """Not an answer that this adapter can read. Says which part, never its value."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)


class Transaction(_Strict):
    id: _Id
    status: str = Field(max_length=50)
    reference: str = Field(pattern=_TEXT)
    amount: _Subunits
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    requested_amount: _Subunits | None = None
    gateway_response: str | None = None
    message: str | None = None
    created_at: str | None = None


class _Refund(_Strict):
    id: _Id
    status: str = Field(max_length=50)
    amount: _Subunits
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    merchant_note: str | None = None


def envelope(body: bytes) -> Mapping[str, Any]:
    """The JSON object in `body`; a number with a point is exact, and no amount. Raises Unreadable."""
    try:
        value = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError, ArithmeticError):
        raise Unreadable("not JSON") from None
    return _object(value, "answer")


def charge_outcome(response: httpx.Response, *, expires_at: datetime) -> Outcome:
    """The outcome of a saved card or mobile-money charge. Raises Unreadable."""
    answer = envelope(response.content)
    if answer.get("status") is not True:
        return _refused(answer)
    data = _object(answer.get("data"), "data")
    action = _next_action(data, expires_at)
    identifier = str(data["id"]) if isinstance(data.get("id"), int) else None
    if action is not None:
        return ActionRequired(next_action=action, payment_id=identifier)
    if identifier is None or STATUSES.get(str(data.get("status"))) is None:
        # A state of the charge API (a one-time password is wanted, say), or no id yet: looked up.
        return Pending(detail="undecided at the gateway", payment_id=identifier)
    payment = read_payment(data)
    match payment.status:
        case PaymentStatus.CAPTURED:
            return Approved(payment=payment)
        case PaymentStatus.DECLINED:
            decline, verdict = decline_of(data.get("gateway_response"), data.get("message"))
            if verdict is Verdict.UNDECIDED:
                return Pending(detail="failed on a fault further down", payment_id=payment.payment_id)
            return Declined(decline=decline, payment_id=payment.payment_id)
        case _:
            return Pending(detail="undecided at the gateway", payment_id=payment.payment_id)


def page_outcome(response: httpx.Response, *, expires_at: datetime) -> Outcome:
    """The outcome of opening a hosted page. Raises Unreadable."""
    answer = envelope(response.content)
    if answer.get("status") is not True:
        return _refused(answer)
    url = _object(answer.get("data"), "data").get("authorization_url")
    if not isinstance(url, str) or not _URL.fullmatch(url):
        raise Unreadable("authorization_url")
    return ActionRequired(
        next_action=NextAction(type=NextActionType.REDIRECT, url=url, expires_at=expires_at)
    )


def not_found(response: httpx.Response) -> bool:
    """Whether a look-up says that there is no such transaction (400 or 404). Raises Unreadable."""
    if response.status_code not in (400, 404):
        return False
    answer = envelope(response.content)
    message = answer.get("message")
    told = isinstance(message, str) and _NOT_FOUND.search(message) is not None
    return answer.get("status") is False and (told or answer.get("code") == "transaction_not_found")


def data_of(response: httpx.Response) -> tuple[Any, Mapping[str, Any]]:
    """`data` and `meta` of a successful look-up. Raises Unreadable."""
    answer = envelope(response.content)
    if response.status_code != 200 or answer.get("status") is not True:
        raise Unreadable(f"status {response.status_code}")
    meta = answer.get("meta")
    return answer.get("data"), meta if isinstance(meta, Mapping) else {}


def invalid_key(response: httpx.Response) -> NotSent | None:
    """Some endpoints answer 400 rather than 401 to a key that is not valid."""
    if response.status_code != 400:
        return None
    try:
        message = envelope(response.content).get("message")
    except Unreadable:
        return None
    if not isinstance(message, str) or message.strip().lower() != "invalid key":
        return None
    return NotSent(cause=NotSentCause.UNAUTHORIZED, detail="key not accepted")


def read_payment(row: object) -> GatewayPayment:
    """One transaction. Raises Unreadable.

    `requested_amount` is what was asked for; `amount` is what the customer paid, with Paystack's fee on top
    where the customer bears it. It must not be less: then it is what counts as captured, and is no match.
    """
    try:
        fields = Transaction.model_validate(row)
        paid = minor(fields.amount, fields.currency)
        asked = paid if fields.requested_amount is None else minor(fields.requested_amount, fields.currency)
    except ValidationError as fault:
        raise Unreadable(_where(fault)) from None
    except (InexactAmount, UnknownCurrency):
        raise Unreadable("amount") from None
    status = STATUSES.get(fields.status, PaymentStatus.PENDING)
    captured = min(paid, asked) if status is PaymentStatus.CAPTURED else 0
    decline = None
    if status is PaymentStatus.DECLINED:
        decline, _ = decline_of(fields.gateway_response, fields.message)
    return GatewayPayment(
        payment_id=str(fields.id),
        reference=from_wire(fields.reference),
        status=status,
        amount=asked,
        currency=fields.currency,
        amount_captured=captured,
        amount_refunded=captured if fields.status == "reversed" else 0,
        decline=decline,
        created_at=moment(fields.created_at),
    )


def read_refund(row: object) -> GatewayRefund:
    """One refund, as created or as listed. Raises Unreadable."""
    try:
        fields = _Refund.model_validate(row)
        amount = minor(fields.amount, fields.currency)
    except ValidationError as fault:
        raise Unreadable(_where(fault)) from None
    except (InexactAmount, UnknownCurrency):
        raise Unreadable("amount") from None
    note = fields.merchant_note
    known = fields.status in REFUND_STATUSES
    return GatewayRefund(
        gateway_refund_id=str(fields.id),
        refund_id=note if note and re.fullmatch(_TEXT, note) else None,
        status=REFUND_STATUSES.get(fields.status, RefundStatus.PENDING),
        amount=amount,
        detail=fields.status if known else None,
    )


def refunded_payment(row: object) -> str | None:
    """The transaction of a refund: its id where listed, an object where created. Raises Unreadable."""
    value = _object(row, "refund").get("transaction")
    if isinstance(value, Mapping):
        value = value.get("id")
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else None


def hint(body: bytes) -> tuple[str, str | None, str | None]:
    """Kind, reference and payment id of a webhook, each only if well-formed. Raises Unreadable.

    Events of refunds and disputes name the transaction inside `data`; there `data.id` is their own.
    https://paystack.com/docs/payments/webhooks/#types-of-events
    """
    event = envelope(body)
    kind = event.get("event")
    inner = event.get("data")
    data: Mapping[str, Any] = inner if isinstance(inner, Mapping) else {}
    identifier = data.get("id")
    reference = data.get("reference")
    if not isinstance(kind, str) or not re.fullmatch(r"[\w.-]{1,64}", kind, re.ASCII):
        kind = "unknown"
    if kind.startswith(("refund.", "charge.dispute.")):
        transaction = data.get("transaction")
        named: Mapping[str, Any] = transaction if isinstance(transaction, Mapping) else {}
        identifier = named.get("id")
        reference = data.get("transaction_reference") or named.get("reference")
    known_id = isinstance(identifier, int | str) and not isinstance(identifier, bool)
    text = str(identifier) if known_id else ""
    return (
        kind,
        from_wire(reference) if isinstance(reference, str) and re.fullmatch(_TEXT, reference) else None,
        text if re.fullmatch(r"[A-Za-z0-9_-]{1,64}", text) else None,
    )


def moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _refused(answer: Mapping[str, Any]) -> Declined | Unknown:
    """An error answer. Only what surely says that nobody was charged is a decline."""
    decline, verdict = refusal_of(answer.get("message"), answer.get("type"), answer.get("code"))
    if decline is None:
        undecided = verdict is Verdict.UNDECIDED
        return Unknown(detail="refused on a fault or repeat" if undecided else "refused in unknown words")
    return Declined(decline=decline)


def _next_action(data: Mapping[str, Any], expires_at: datetime) -> NextAction | None:
    """What the customer has to do. None where it asks for what we cannot pass on (a PIN, a password).

    A saved card that has to be authenticated first comes back "paused", with a page. Mobile money answers
    `pay_offline` (a prompt) or `open_url`. https://paystack.com/docs/payments/payment-channels/
    """
    if data.get("status") == "pay_offline":
        return NextAction(type=NextActionType.MOBILE_PROMPT, expires_at=expires_at)
    url = data.get("authorization_url") if data.get("paused") is True else None
    if data.get("status") == "open_url":
        url = data.get("url")
    if isinstance(url, str) and _URL.fullmatch(url):
        return NextAction(type=NextActionType.REDIRECT, url=url, expires_at=expires_at)
    return None


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(what)
    return value


def _where(fault: ValidationError) -> str:
    return ".".join(str(part) for part in fault.errors()[0]["loc"]) or "object"
