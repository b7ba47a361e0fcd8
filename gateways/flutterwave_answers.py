"""What Flutterwave v3 answers, read strictly: a success that cannot be read to the last digit is no success.

Every answer is an envelope `{"status": "success" | "error", "message", "data", "meta"}`; `data.status` is
the state of the money. https://developer.flutterwave.com/docs/transaction-verification
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn

import httpx

from domain.money import MAX_AMOUNT, InexactAmount, UnknownCurrency, from_major
from domain.outcome import (
    ActionRequired,
    Approved,
    Declined,
    GatewayPayment,
    NextAction,
    NextActionType,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.base import EventSubject, GatewayRefund, RefundRefused, RefundStatus, Unreadable, WebhookEvent
from gateways.flutterwave_declines import Verdict, decline_of, refusal_of

_STATUSES: Final = {
    "successful": PaymentStatus.CAPTURED,
    "failed": PaymentStatus.DECLINED,
    "pending": PaymentStatus.PENDING,
}
"""`data.status` of a transaction; one that is not listed is pending."""

_REFUNDED: Final = frozenset(
    {
        *("completed-bank-transfer", "completed-momo", "completed-mpgs", "completed-offline"),
        *("completed-preauth", "successful", "succeeded"),
    }
)
"""States of a refund that reached the customer. Plain `completed` is not among them: it says that the refund
"has been initiated and is pending disbursement". https://developer.flutterwave.com/v3.0.0/docs/refunds
"""

_NOT_FOUND: Final = re.compile(r"no transaction was found|transaction (was )?not found", re.IGNORECASE)
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REFERENCE: Final = re.compile(r"[\x21-\x7e]{1,100}")
_NUMBER: Final = re.compile(r"[0-9]{1,20}(\.[0-9]{1,10})?")
_URL: Final = re.compile(r"https?://[\x21-\x7e]{1,2000}")


def envelope(body: bytes) -> Mapping[str, Any]:
    """The JSON object in `body`, every number exact. Raises Unreadable."""
    try:
        value = json.loads(body, parse_float=Decimal, parse_constant=_not_json)
    except (ValueError, RecursionError, InvalidOperation):
        raise Unreadable("not JSON") from None
    return mapping(value, "answer")


def charge_outcome(response: httpx.Response, *, expires_at: datetime) -> Outcome:
    """The outcome of a saved card or mobile-money charge. Raises Unreadable."""
    answer = envelope(response.content)
    if answer.get("status") != "success":
        return _refused(answer)
    data = answer.get("data")
    if data is None:
        # Several wallets answer with nothing but where to send the customer.
        action = _next_action(answer, expires_at)
        if action is None:
            raise Unreadable("data")
        return ActionRequired(next_action=action)
    payment = read_payment(data)
    match payment.status:
        case PaymentStatus.CAPTURED:
            return Approved(payment=payment)
        case PaymentStatus.DECLINED:
            decline, verdict = decline_of(mapping(data, "data").get("processor_response"))
            if verdict is Verdict.UNDECIDED:
                return Pending(detail="failed on a fault further down", payment_id=payment.payment_id)
            return Declined(decline=decline, payment_id=payment.payment_id)
        case _:
            action = _next_action(answer, expires_at)
            if action is None:
                return Pending(detail="undecided at the gateway", payment_id=payment.payment_id)
            return ActionRequired(next_action=action, payment_id=payment.payment_id)


def page_outcome(response: httpx.Response, *, expires_at: datetime) -> Outcome:
    """The outcome of opening a hosted page. Raises Unreadable."""
    answer = envelope(response.content)
    if answer.get("status") != "success":
        return _refused(answer)
    link = mapping(answer.get("data"), "data").get("link")
    if not isinstance(link, str) or not _URL.fullmatch(link):
        raise Unreadable("link")
    action = NextAction(type=NextActionType.REDIRECT, url=link, expires_at=expires_at)
    return ActionRequired(next_action=action)


def page_closed(response: httpx.Response) -> bool:
    """Whether the answer to a disable says that the page is closed. Raises Unreadable.

    Closing twice is refused with "This payment link is currently inactive": closed, too.
    https://developer.flutterwave.com/docs/flutterwave-standard-1
    """
    answer = envelope(response.content)
    message = answer.get("message")
    inactive = isinstance(message, str) and "currently inactive" in message.lower()
    return answer.get("status") == "success" or inactive


def not_found(response: httpx.Response) -> bool:
    """Whether a verification says that there is no such transaction (400 or 404). Raises Unreadable."""
    if response.status_code not in (400, 404):
        return False
    answer = envelope(response.content)
    message = answer.get("message")
    return answer.get("status") == "error" and isinstance(message, str) and bool(_NOT_FOUND.search(message))


def data_of(response: httpx.Response) -> tuple[Any, int]:
    """`data` of a successful look-up, and how many pages there are. Raises Unreadable."""
    answer = envelope(response.content)
    if response.status_code != 200 or answer.get("status") != "success":
        raise Unreadable(f"status {response.status_code}")
    meta = answer.get("meta")
    info = meta.get("page_info") if isinstance(meta, Mapping) else None
    pages = info.get("total_pages") if isinstance(info, Mapping) else 1
    if not isinstance(pages, int) or isinstance(pages, bool):
        raise Unreadable("total_pages")
    return answer.get("data"), pages


def read_payment(row: object) -> GatewayPayment:
    """One transaction. Raises Unreadable.

    `amount` is what was asked for; documentation and practice compare that. `charged_amount` is what the
    customer paid, with Flutterwave's fee on top where the customer bears it, so it may be more. It must not
    be less: then it is what counts as captured, and the payment is no match.
    """
    fields = mapping(row, "transaction")
    currency = fields.get("currency")
    if not isinstance(currency, str):
        raise Unreadable("currency")
    amount = minor_units(fields.get("amount"), currency, "amount")
    state = fields.get("status")
    if not isinstance(state, str):
        raise Unreadable("status")
    status = _STATUSES.get(state.lower(), PaymentStatus.PENDING)
    captured = 0
    if status is PaymentStatus.CAPTURED:
        paid = fields.get("charged_amount")
        captured = amount if paid is None else min(amount, minor_units(paid, currency, "charged_amount"))
    decline = None
    if status is PaymentStatus.DECLINED:
        decline, _ = decline_of(fields.get("processor_response"))
    return GatewayPayment(
        payment_id=payment_id(fields.get("id")),
        reference=_reference(fields.get("tx_ref")),
        status=status,
        amount=amount,
        currency=currency,
        amount_captured=captured,
        decline=decline,
        created_at=moment(fields.get("created_at")),
    )


def refund_outcome(
    response: httpx.Response, *, refund_id: str, currency: str
) -> GatewayRefund | RefundRefused | None:
    """The answer to a refund; None where its refusal may come from an earlier send. Raises Unreadable."""
    answer = envelope(response.content)
    if answer.get("status") == "success":
        refund = read_refund(answer.get("data"), currency)
        return refund.model_copy(update={"refund_id": refund_id})
    _, verdict = refusal_of(answer.get("message"))
    if response.status_code not in (400, 404, 422) or verdict is Verdict.UNDECIDED:
        return None
    return RefundRefused(detail="Flutterwave did not accept the refund")


def read_refund(row: object, currency: str) -> GatewayRefund:
    """One refund, as created or as listed (the two spell some fields differently). Raises Unreadable."""
    fields = mapping(row, "refund")
    state = fields.get("status")
    if not isinstance(state, str):
        raise Unreadable("status")
    comment = _first(fields, "comments", "comment")
    amount = minor_units(_first(fields, "amount_refunded", "AmountRefunded"), currency, "amount_refunded")
    return GatewayRefund(
        gateway_refund_id=payment_id(fields.get("id")),
        refund_id=comment if isinstance(comment, str) and _REFERENCE.fullmatch(comment) else None,
        status=_refund_status(state.lower(), fields.get("meta")),
        amount=amount,
        detail=state if _ID.fullmatch(state) else None,
    )


def refunded_payment(row: object) -> str | None:
    """The transaction that a listed refund belongs to, where the row says so. Raises Unreadable."""
    value = _first(mapping(row, "refund"), "tx_id", "transaction_id", "TransactionId")
    return None if value is None else payment_id(value)


def flutterwave_reference(row: object) -> str:
    """`flw_ref` of a transaction: what chargebacks are listed by. Raises Unreadable."""
    value = mapping(row, "transaction").get("flw_ref")
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise Unreadable("flw_ref")
    return value


def payment_id(value: object) -> str:
    """A transaction's or refund's id: a number in some answers, digits in a string in others."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise Unreadable("id")
    return text


def hint(body: bytes) -> WebhookEvent:
    """Kind, reference and payment id of a webhook, each only if well-formed. Raises Unreadable.

    The older shape has `txRef` and `event.type` at the top. Of a refund's event, `data.id` is the refund;
    of a chargeback's the chargeback, which may name its transaction by Flutterwave's own `flw_ref` alone.
    """
    event = envelope(body)
    inner = event.get("data")
    data: Mapping[str, Any] = inner if isinstance(inner, Mapping) else event
    kind = _first(event, "event", "event.type")
    reference = _first(data, "tx_ref", "txRef")
    kind = kind if isinstance(kind, str) and re.fullmatch(r"[\w.-]{1,64}", kind, re.ASCII) else "unknown"
    about = _about(kind, data)
    names = ("tx_id", "transaction_id", "TransactionId")
    identifier = _first(data, *names, *(() if about is EventSubject.DISPUTE else ("id",)))
    try:
        known_id = payment_id(identifier)
    except Unreadable:
        known_id = None
    return WebhookEvent(
        event_id=None,
        kind=kind,
        reference=reference if isinstance(reference, str) and _REFERENCE.fullmatch(reference) else None,
        payment_id=known_id,
        subject=about,
    )


def _about(kind: str, data: Mapping[str, Any]) -> EventSubject:
    if kind.startswith("chargeback"):
        return EventSubject.DISPUTE
    if kind.startswith("refund") and data.get("status") == "failed":
        return EventSubject.FAILED_REFUND
    return EventSubject.PAYMENT


def _refused(answer: Mapping[str, Any]) -> Declined | Unknown:
    """An error envelope. Only what surely says that nobody was charged is a decline."""
    decline, verdict = refusal_of(answer.get("message"))
    if decline is None:
        undecided = verdict is Verdict.UNDECIDED
        return Unknown(detail="refused on a fault or repeat" if undecided else "refused in unknown words")
    return Declined(decline=decline)


def _next_action(answer: Mapping[str, Any], expires_at: datetime) -> NextAction | None:
    """What the customer has to do: `meta.authorization`, at the top (wallets) or in `data` (saved cards).

    None where it asks for what we cannot pass on (a PIN, a one-time password).
    """
    data = answer.get("data")
    for holder in (answer, data if isinstance(data, Mapping) else {}):
        meta = holder.get("meta")
        authorization = meta.get("authorization") if isinstance(meta, Mapping) else None
        if not isinstance(authorization, Mapping):
            continue
        url = _first(authorization, "redirect", "redirect_url")
        if isinstance(url, str) and _URL.fullmatch(url):
            return NextAction(type=NextActionType.REDIRECT, url=url, expires_at=expires_at)
        if authorization.get("mode") == "callback":
            return NextAction(type=NextActionType.MOBILE_PROMPT, expires_at=expires_at)
        return None
    wallet = data.get("payment_type") if isinstance(data, Mapping) else None
    if isinstance(wallet, str) and wallet.startswith(("mobilemoney", "mobile_money", "mpesa")):
        return NextAction(type=NextActionType.MOBILE_PROMPT, expires_at=expires_at)
    return None


def _refund_status(state: str, meta: object) -> RefundStatus:
    try:
        details = json.loads(meta) if isinstance(meta, str) else meta
    except (ValueError, RecursionError):
        details = None
    paid_out = details.get("disburse_status") if isinstance(details, Mapping) else None
    paid_out = paid_out.lower() if isinstance(paid_out, str) else None
    if state == "failed" or paid_out == "failed":
        return RefundStatus.FAILED
    if state in _REFUNDED or paid_out in _REFUNDED:
        return RefundStatus.SUCCEEDED
    return RefundStatus.PENDING


def minor_units(value: object, currency: str, field: str) -> int:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    text = format(text, "f") if isinstance(text, Decimal) and abs(text.adjusted()) < 20 else text
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise Unreadable(field)
    try:
        amount = from_major(text, currency)
    except (InexactAmount, UnknownCurrency):
        raise Unreadable(field) from None
    if amount > MAX_AMOUNT:
        raise Unreadable(field)
    return amount


def _reference(value: object) -> str:
    if not isinstance(value, str) or not _REFERENCE.fullmatch(value):
        raise Unreadable("tx_ref")
    return value


def moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def mapping(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Unreadable(what)
    return value


def _first(fields: Mapping[str, Any], *names: str) -> object:
    return next((fields[name] for name in names if fields.get(name) is not None), None)


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)
