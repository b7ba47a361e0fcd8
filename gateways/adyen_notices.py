"""Adyen's standard webhooks: proven, reduced to what they vouch for, and read together as a payment.

Adyen has no call that says what became of a card payment, so these webhooks are what a look-up has. Every
item carries an HMAC over its references, its amount and its outcome: nothing else of it is used but the words
of a refusal. https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures

Any order and any number of repeats of the same notices give the same payment (I18).
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.checkout import CaptureMethod
from domain.dispute import DisputeStatus
from domain.money import InexactAmount
from domain.outcome import GatewayPayment, PaymentStatus
from gateways.adyen_currencies import from_wire
from gateways.adyen_declines import decline_of
from gateways.base import (
    EventSubject,
    GatewayDispute,
    GatewayRefund,
    InvalidSignature,
    PaymentHandle,
    RefundStatus,
    WebhookEvent,
)

log = structlog.get_logger(__name__)

_AUTHORISED: Final = "AUTHORISATION"
_RELEASED: Final = frozenset({"CANCELLATION", "TECHNICAL_CANCEL", "EXPIRE"})
_TAKEN_BACK: Final = frozenset({"REFUND_FAILED", "REFUNDED_REVERSED"})
_CAPTURE_FAILED: Final = "CAPTURE_FAILED"

DISPUTES: Final[Mapping[str, DisputeStatus]] = {
    "REQUEST_FOR_INFORMATION": DisputeStatus.INQUIRY,
    "NOTIFICATION_OF_CHARGEBACK": DisputeStatus.NEEDS_RESPONSE,
    "CHARGEBACK": DisputeStatus.NEEDS_RESPONSE,
    "CHARGEBACK_REVERSED": DisputeStatus.WON,
    "PREARBITRATION_WON": DisputeStatus.WON,
    "SECOND_CHARGEBACK": DisputeStatus.LOST,
    "PREARBITRATION_LOST": DisputeStatus.LOST,
}
"""Latest step last. https://docs.adyen.com/risk-management/disputes-api/dispute-notifications"""

# Signed in this order, joined by colons.
_SIGNED: Final = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")

_ID: Final = r"^[\x21-\x7e]{1,100}$"
_REASON: Final = re.compile(r"[ -~]{1,100}")


class Notice(BaseModel):
    """What one webhook vouches for. `value` counts in Adyen's units of `currency`."""

    model_config = ConfigDict(frozen=True, strict=True)

    event: str = Field(pattern=r"^[A-Z0-9_]{1,60}$")
    success: bool
    psp: str = Field(pattern=_ID)
    """Of what the event tells: the payment, the capture, the refund, the dispute."""
    original: str | None = Field(default=None, pattern=_ID)
    """Of the payment, where the event tells of something done to it."""
    reference: str | None = Field(default=None, max_length=200)
    value: int = Field(ge=0, le=10**15)
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    reason: str | None = None
    at: str | None = None

    @property
    def payment_id(self) -> str:
        return self.original or self.psp

    @property
    def amount(self) -> int:
        """In ISO minor units. Raises InexactAmount."""
        return from_wire(self.value, self.currency)


def read_webhook(body: bytes, keys: Sequence[bytes], merchant_account: str) -> WebhookEvent:
    """The event that `body` proves by its own signatures. Raises InvalidSignature.

    Adyen sends one item in a JSON webhook. Should it ever send more, they are refused aloud rather than read
    in part: it then sends them again.
    """
    items = _items(body)
    if not items or not all(_genuine(item, keys) for item in items):
        raise InvalidSignature
    if len(items) > 1:
        log.error("webhook.more_than_one_item", gateway="adyen", items=len(items))
        raise InvalidSignature
    item = items[0]
    if item.get("merchantAccountCode") != merchant_account:
        return _unreadable()
    notice = _notice(item)
    if notice is None:
        return _unreadable()
    return WebhookEvent(
        event_id=f"{notice.event}:{notice.psp}:{str(notice.success).lower()}",
        kind=notice.event if notice.success else f"{notice.event} failed",
        reference=notice.reference,
        payment_id=notice.payment_id,
        subject=_subject(notice),
        notice=notice.model_dump_json(exclude_none=True),
    )


def read(handle: PaymentHandle) -> tuple[Notice, ...]:
    """The notices that a handle brings along; one that makes no sense is none."""
    found = []
    for text in handle.notices:
        try:
            found.append(Notice.model_validate_json(text))
        except ValidationError:
            log.warning("notice.unreadable", gateway="adyen")
    return tuple(found)


def payments(handle: PaymentHandle, notices: Sequence[Notice]) -> tuple[GatewayPayment, ...]:
    """Every payment under the handle that Adyen has told of."""
    tries: dict[str, Notice] = {}
    for notice in notices:
        ours = notice.reference == handle.reference or notice.psp == handle.payment_id
        if notice.event == _AUTHORISED and ours:
            known = tries.get(notice.psp)
            # A success stands, whatever else is told of the same payment.
            if known is None or (notice.success and not known.success):
                tries[notice.psp] = notice
    return tuple(
        payment
        for tried in sorted(tries.values(), key=lambda notice: (notice.at or "", notice.psp))
        if (payment := _payment(tried, handle.capture_method, notices)) is not None
    )


def failed(event: str, payment_id: str, notices: Iterable[Notice], value: int | None = None) -> bool:
    """Adyen has said that this (of `value`, where given) could not be done to the payment."""
    return any(
        notice.event == event
        and not notice.success
        and notice.original == payment_id
        and value in (None, notice.value)
        for notice in notices
    )


def refunds(payment_id: str, notices: Sequence[Notice]) -> tuple[GatewayRefund, ...]:
    """Every refund of the payment that Adyen has decided. One that came back has failed."""
    back = {notice.psp for notice in notices if notice.event in _TAKEN_BACK}
    made: dict[str, GatewayRefund] = {}
    for notice in notices:
        if notice.event != "REFUND" or notice.original != payment_id or notice.psp in made:
            continue
        good = notice.success and notice.psp not in back
        made[notice.psp] = GatewayRefund(
            gateway_refund_id=notice.psp,
            refund_id=notice.reference if (notice.reference or "").startswith("re_") else None,
            status=RefundStatus.SUCCEEDED if good else RefundStatus.FAILED,
            amount=notice.amount,
            detail=None if good else f"Adyen says: {notice.reason or 'refund failed'}",
        )
    return tuple(made.values())


def disputes(payment_id: str, notices: Sequence[Notice]) -> tuple[GatewayDispute, ...]:
    """Every dispute of the payment, at the furthest step told."""
    order = list(DISPUTES)
    furthest: dict[str, Notice] = {}
    for notice in notices:
        if notice.event in DISPUTES and notice.original == payment_id:
            known = furthest.get(notice.psp)
            if known is None or order.index(notice.event) > order.index(known.event):
                furthest[notice.psp] = notice
    return tuple(
        GatewayDispute(
            gateway_dispute_id=psp,
            status=DISPUTES[notice.event],
            amount=notice.amount,
            currency=notice.currency,
            reason=notice.reason,
        )
        for psp, notice in furthest.items()
    )


def _payment(tried: Notice, method: CaptureMethod, notices: Sequence[Notice]) -> GatewayPayment | None:
    told = GatewayPayment(
        payment_id=tried.psp,
        reference=tried.reference,
        status=PaymentStatus.DECLINED,
        amount=tried.amount,
        currency=tried.currency,
        created_at=_moment(tried.at),
    )
    if not tried.success:
        return told.model_copy(update={"decline": decline_of(None, tried.reason)})
    about = [notice for notice in notices if notice.original == tried.psp]
    fallen_through = {notice.psp for notice in about if notice.event == _CAPTURE_FAILED}
    refunded = sum(
        made.amount for made in refunds(tried.psp, notices) if made.status is RefundStatus.SUCCEEDED
    )
    if method is CaptureMethod.AUTOMATIC:
        taken = 0 if fallen_through else told.amount
    else:
        captures = {
            notice.psp: notice.amount
            for notice in about
            if notice.event == "CAPTURE" and notice.success and notice.psp not in fallen_through
        }
        taken = sum(captures.values())
    if taken:
        money = {"amount_captured": taken, "amount_refunded": refunded}
        return told.model_copy(update={"status": PaymentStatus.CAPTURED, **money})
    if any(notice.event in _RELEASED and notice.success for notice in about):
        return told.model_copy(update={"status": PaymentStatus.CANCELED})
    if method is CaptureMethod.AUTOMATIC:
        # Taken, and then not paid by the bank: neither money nor a refusal.
        return told.model_copy(update={"status": PaymentStatus.PENDING})
    return told.model_copy(update={"status": PaymentStatus.AUTHORIZED})


def _items(body: bytes) -> list[Mapping[str, Any]]:
    try:
        given = json.loads(body)["notificationItems"]
        return [dict(entry["NotificationRequestItem"]) for entry in given]
    except (ValueError, TypeError, KeyError, RecursionError):
        return []


def _genuine(item: Mapping[str, Any], keys: Sequence[bytes]) -> bool:
    more = item.get("additionalData")
    offered = more.get("hmacSignature") if isinstance(more, Mapping) else None
    offered = offered if isinstance(offered, str) else ""
    try:
        signature = base64.b64decode(offered, validate=True)
    except (binascii.Error, ValueError):
        signature = b""
    signed = _signed(item)
    # Every key is tried, so that the time taken does not tell which one nearly fits.
    matches = [hmac.compare_digest(signature, hmac.new(key, signed, hashlib.sha256).digest()) for key in keys]
    return any(matches)


def _signed(item: Mapping[str, Any]) -> bytes:
    amount = item.get("amount")
    money = amount if isinstance(amount, Mapping) else {}
    parts = [
        *(item.get(name, "") for name in _SIGNED),
        money.get("value", ""),
        money.get("currency", ""),
        item.get("eventCode", ""),
        item.get("success", ""),
    ]
    return ":".join("" if part is None else str(part) for part in parts).encode("utf-8", "surrogatepass")


def _notice(item: Mapping[str, Any]) -> Notice | None:
    amount, reason = item.get("amount"), item.get("reason")
    try:
        money = amount if isinstance(amount, Mapping) else {}
        notice = Notice.model_validate(
            {
                "event": item.get("eventCode"),
                "success": {"true": True, "false": False}.get(str(item.get("success")).lower()),
                "psp": item.get("pspReference"),
                "original": item.get("originalReference") or None,
                "reference": item.get("merchantReference") or None,
                "value": money.get("value"),
                "currency": money.get("currency"),
                "reason": reason if isinstance(reason, str) and _REASON.fullmatch(reason) else None,
                "at": str(item["eventDate"])[:40] if "eventDate" in item else None,
            }
        )
        _ = notice.amount
    except (ValidationError, InexactAmount):
        return None
    return notice


def _subject(notice: Notice) -> EventSubject:
    if notice.event in DISPUTES:
        return EventSubject.DISPUTE
    if notice.event in _TAKEN_BACK:
        return EventSubject.FAILED_REFUND
    if notice.event == _CAPTURE_FAILED:
        return EventSubject.FAILED_CAPTURE
    return EventSubject.PAYMENT


def _moment(told: str | None) -> datetime | None:
    try:
        moment = None if told is None else datetime.fromisoformat(told)
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo is not None else None


def _unreadable() -> WebhookEvent:
    return WebhookEvent(event_id=None, kind="unreadable", reference=None, payment_id=None)
