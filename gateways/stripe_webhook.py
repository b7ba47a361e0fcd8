"""Stripe's webhooks: whose they are, and which payment they hint at. https://docs.stripe.com/webhooks"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from gateways.base import EventSubject, InvalidSignature, WebhookEvent
from gateways.stripe_objects import REFERENCE

TOLERANCE: Final = 300
"""Seconds that a signature's time may be off, in either direction: Stripe's own libraries' default."""

_HEADER: Final = "stripe-signature"
_MAX_HEADER: Final = 4096
_TIME: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_PAYMENTS: Final = ("payment_intent", "checkout.session")


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[bytes], now: datetime) -> None:
    """Raises InvalidSignature unless one `v1` of the header signs "{t}.{body}" under one of `secrets`.

    Several signatures and several secrets are normal while a secret is being rotated. Other schemes (`v0`)
    prove nothing. Every pair is compared, in constant time.
    """
    header = headers.get(_HEADER, "")
    if not header or len(header) > _MAX_HEADER:
        raise InvalidSignature
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value.encode() for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not signatures:
        raise InvalidSignature
    signed = times[0].encode() + b"." + body
    genuine = False
    for secret in secrets:
        expected = hmac.new(secret, signed, hashlib.sha256).hexdigest().encode()
        for signature in signatures:
            genuine |= hmac.compare_digest(expected, signature)
    if not genuine or abs(now.timestamp() - int(times[0])) > TOLERANCE:
        raise InvalidSignature


def read(body: bytes) -> WebhookEvent:
    """A verified body as a hint. One that makes no sense has kind "unreadable"."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        event = None
    if not isinstance(event, dict) or not _text(event.get("type")):
        return WebhookEvent(event_id=None, kind="unreadable", reference=None, payment_id=None)
    data = event.get("data")
    subject = data.get("object") if isinstance(data, dict) else None
    subject = subject if isinstance(subject, dict) else {}
    return WebhookEvent(
        event_id=_text(event.get("id")),
        kind=event["type"],
        reference=_reference(subject),
        payment_id=_payment_id(subject),
        subject=_about(event["type"], subject),
    )


def _about(kind: str, subject: Mapping[str, Any]) -> EventSubject:
    if kind.startswith("charge.dispute."):
        return EventSubject.DISPUTE
    # `refund.failed`, `refund.updated` and the older `charge.refund.updated` show the refund as it is then.
    if subject.get("object") == "refund" and subject.get("status") in ("failed", "canceled"):
        return EventSubject.FAILED_REFUND
    return EventSubject.PAYMENT


def _reference(subject: Mapping[str, Any]) -> str | None:
    metadata = subject.get("metadata")
    named = metadata.get(REFERENCE) if isinstance(metadata, dict) else None
    return _text(named) or _text(subject.get("client_reference_id"))


def _payment_id(subject: Mapping[str, Any]) -> str | None:
    """The payment itself, or the one that a charge, refund or dispute belongs to."""
    if subject.get("object") in _PAYMENTS:
        return _text(subject.get("id"))
    intent = subject.get("payment_intent")
    return _text(intent.get("id") if isinstance(intent, dict) else intent)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= 255 else None
