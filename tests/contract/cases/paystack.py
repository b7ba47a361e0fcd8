"""Paystack in the contract suite: the sandbox's card tokens and webhooks."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta

from domain.checkout import MethodType, PaymentMethod
from domain.decline import DeclineCategory, DeclineCode
from tests.contract.case import ACCOUNT, ContractCase, TestMode, Webhook, card

_KEY = f"sk_test_sandbox_{ACCOUNT}"
_PREVIOUS = "sk_test_before_rotation"


def _credentials(base_url: str) -> dict[str, object]:
    return {"secret_key": _KEY, "previous_secret_key": _PREVIOUS, "base_url": base_url}


def _write(*, reference: str, payment_id: str, event_id: str) -> bytes:
    """`event_id` is not used: Paystack's events have none."""
    data = {"id": payment_id, "reference": reference.replace("_", "-"), "status": "success"}
    return json.dumps({"event": "charge.success", "data": {**data, "ip_address": event_id}}).encode()


def _sign(body: bytes, *, secret: str, at: datetime) -> dict[str, str]:
    """No time is signed."""
    return {"x-paystack-signature": hmac.new(secret.encode(), body, hashlib.sha512).hexdigest()}


CASE = ContractCase(
    gateway="paystack",
    credentials=_credentials,
    amounts={"NGN": 12_550, "XOF": 5_000, "GHS": 4_200, "KES": 150_000},
    success=card("paystack", "paystack-tok-success"),
    challenge=card("paystack", "paystack-tok-redirect"),
    pending=card("paystack", "paystack-tok-pending"),
    prompts={
        "GHS": PaymentMethod(type=MethodType.MOBILE_MONEY, network="MTN", phone="+233551234987"),
        "KES": PaymentMethod(type=MethodType.MOBILE_MONEY, phone="+254710000000"),
        "XOF": PaymentMethod(type=MethodType.MOBILE_MONEY, network="WAVE", phone="+2250700000000"),
    },
    declines={
        "paystack-tok-insufficient-funds": (DeclineCategory.SOFT, DeclineCode.INSUFFICIENT_FUNDS),
        "paystack-tok-do-not-honor": (DeclineCategory.SOFT, DeclineCode.DO_NOT_HONOR),
        "paystack-tok-expired-card": (DeclineCategory.CUSTOMER, DeclineCode.EXPIRED_CARD),
        "paystack-tok-suspected-fraud": (DeclineCategory.FRAUD, DeclineCode.SUSPECTED_FRAUD),
        "paystack-tok-account-closed": (DeclineCategory.HARD, DeclineCode.INVALID_ACCOUNT),
    },
    unknown_token="paystack-tok-unknown",
    # 28 s of ours and the 180 s that a prompt lasts, nearly three times: no other bound is documented.
    quiet_period=timedelta(minutes=10),
    test_mode=TestMode(proven=lambda given: given["secret_key"].startswith("sk_test_")),
    webhook=Webhook(
        secret=_KEY,
        previous_secret=_PREVIOUS,
        write=_write,
        sign=_sign,
        binds_body=True,
        binds_time=False,
        has_event_id=False,
    ),
)
