"""Adyen in the contract suite: the sandbox's stored cards, and webhooks signed inside their body."""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

from domain.decline import DeclineCategory, DeclineCode
from tests.contract.case import ACCOUNT, ContractCase, Signed, TestMode, Webhook, card, on_this_machine

_MERCHANT = f"SandboxECOM-{ACCOUNT}"
_KEY = hashlib.sha256(f"adyen webhook of {ACCOUNT}".encode()).hexdigest()
_PREVIOUS = "44782def547aaa06c910c43932b1eb0c71fc68d9d0c057550c48ec2acf6ba056"


def _credentials(base_url: str) -> dict[str, object]:
    return {
        "api_key": f"adyen_test_sandbox_{ACCOUNT}",
        "merchant_account": _MERCHANT,
        "hmac_key": _KEY,
        "previous_hmac_key": _PREVIOUS,
        "base_url": base_url,
    }


def _write(*, reference: str, payment_id: str, event_id: str) -> bytes:
    """`event_id` is not sent: event, payment and outcome tell one event from another."""
    item = {
        "additionalData": {"shopperReference": event_id},
        "amount": {"currency": "EUR", "value": 12_345},
        "eventCode": "AUTHORISATION",
        "eventDate": "2026-03-01T12:00:00+01:00",
        "merchantAccountCode": _MERCHANT,
        "merchantReference": reference,
        "pspReference": payment_id,
        "reason": "",
        "success": "true",
    }
    return _body(item)


def _sign(body: bytes, *, secret: str, at: datetime) -> Signed:
    """No time is signed."""
    item = _item(body)
    signed = ":".join(
        (
            item["pspReference"],
            item.get("originalReference", ""),
            item["merchantAccountCode"],
            item["merchantReference"],
            str(item["amount"]["value"]),
            item["amount"]["currency"],
            item["eventCode"],
            item["success"],
        )
    )
    try:
        key = bytes.fromhex(secret)
    except ValueError:
        key = secret.encode()
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return Signed(_with_signature(body, base64.b64encode(digest).decode()), {})


def _spoil(signed: Signed) -> list[Signed]:
    good = _item(signed.body)["additionalData"]["hmacSignature"]
    bare = _item(signed.body)
    bare["additionalData"] = {}
    spoilt = [_with_signature(signed.body, text) for text in ("", "garbage", good[:-1], good[4:], "ä")]
    return [Signed(body, {}) for body in (*spoilt, _body(bare), b"", b"{}", b"null", b"[]", b"\xff")]


def _item(body: bytes) -> dict[str, Any]:
    item: dict[str, Any] = json.loads(body)["notificationItems"][0]["NotificationRequestItem"]
    return item


def _body(item: dict[str, Any]) -> bytes:
    return json.dumps(
        {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}, ensure_ascii=False
    ).encode()


def _with_signature(body: bytes, signature: str) -> bytes:
    item = _item(body)
    return _body({**item, "additionalData": {**item["additionalData"], "hmacSignature": signature}})


CASE = ContractCase(
    gateway="adyen",
    credentials=_credentials,
    amounts={"EUR": 12_345, "JPY": 5_000, "KWD": 12_345, "ISK": 1_500, "IDR": 1_250_000, "CLP": 9_900},
    success=card("adyen", "adyen-tok-success"),
    pending=card("adyen", "adyen-tok-pending"),
    declines={
        "adyen-tok-declined": (DeclineCategory.SOFT, DeclineCode.GENERIC_DECLINE),
        "adyen-tok-insufficient-funds": (DeclineCategory.SOFT, DeclineCode.INSUFFICIENT_FUNDS),
        "adyen-tok-do-not-honor": (DeclineCategory.SOFT, DeclineCode.DO_NOT_HONOR),
        "adyen-tok-acquirer-error": (DeclineCategory.SOFT, DeclineCode.PROCESSING_ERROR),
        "adyen-tok-expired-card": (DeclineCategory.CUSTOMER, DeclineCode.EXPIRED_CARD),
        "adyen-tok-invalid-cvc": (DeclineCategory.CUSTOMER, DeclineCode.INVALID_CVC),
        "adyen-tok-suspected-fraud": (DeclineCategory.FRAUD, DeclineCode.SUSPECTED_FRAUD),
        "adyen-tok-blocked-card": (DeclineCategory.HARD, DeclineCode.CARD_RESTRICTED),
        "adyen-tok-authentication-required": (
            DeclineCategory.AUTHENTICATION,
            DeclineCode.AUTHENTICATION_REQUIRED,
        ),
    },
    unknown_token="adyen-tok-unknown",
    # Our call cap of 28 s and a challenge of 10 minutes: rounded up by half.
    quiet_period=timedelta(minutes=15),
    test_mode=TestMode(
        proven=lambda given: "://checkout-test.adyen.com/" in given["base_url"] or on_this_machine(given)
    ),
    webhook=Webhook(
        secret=_KEY,
        previous_secret=_PREVIOUS,
        write=_write,
        sign=_sign,
        spoil=_spoil,
        binds_body=True,
        binds_time=False,
        has_event_id=True,
    ),
)
