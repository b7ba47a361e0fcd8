"""Flutterwave in the contract suite: the sandbox's card tokens and webhooks."""

import json
from datetime import datetime, timedelta

from domain.checkout import MethodType, PaymentMethod
from domain.decline import DeclineCategory, DeclineCode
from tests.contract.case import ACCOUNT, ContractCase, TestMode, Webhook, card

_HASH = f"sandbox-hash-{ACCOUNT}"
_PREVIOUS = "hash-before-rotation"


def _credentials(base_url: str) -> dict[str, object]:
    return {
        "secret_key": f"FLWSECK_TEST-sandbox-{ACCOUNT}",
        "secret_hash": _HASH,
        "previous_secret_hash": _PREVIOUS,
        "base_url": base_url,
    }


def _write(*, reference: str, payment_id: str, event_id: str) -> bytes:
    """`event_id` is not used: Flutterwave's events have none."""
    data = {"id": payment_id, "tx_ref": reference, "status": "successful", "flw_ref": f"FLW-{event_id}"}
    return json.dumps({"event": "charge.completed", "data": data}).encode()


def _sign(body: bytes, *, secret: str, at: datetime) -> dict[str, str]:
    """Neither body nor time is signed: the header is the secret itself."""
    return {"verif-hash": secret}


CASE = ContractCase(
    gateway="flutterwave",
    credentials=_credentials,
    amounts={"NGN": 12_550, "UGX": 5_000},
    success=card("flutterwave", "flw-t1nf-success"),
    pending=card("flutterwave", "flw-t1nf-pending"),
    prompts={"UGX": PaymentMethod(type=MethodType.MOBILE_MONEY, network="MTN", phone="+256700000000")},
    declines={
        "flw-t1nf-insufficient-funds": (DeclineCategory.SOFT, DeclineCode.INSUFFICIENT_FUNDS),
        "flw-t1nf-do-not-honor": (DeclineCategory.SOFT, DeclineCode.DO_NOT_HONOR),
        "flw-t1nf-expired-card": (DeclineCategory.CUSTOMER, DeclineCode.EXPIRED_CARD),
        "flw-t1nf-suspected-fraud": (DeclineCategory.FRAUD, DeclineCode.SUSPECTED_FRAUD),
    },
    unknown_token="flw-t1nf-unknown",
    # 28 s at Flutterwave before its 503, 28 s of ours, about ten times: no upper bound is documented.
    quiet_period=timedelta(minutes=10),
    test_mode=TestMode(proven=lambda given: given["secret_key"].startswith("FLWSECK_TEST")),
    webhook=Webhook(
        secret=_HASH,
        previous_secret=_PREVIOUS,
        write=_write,
        sign=_sign,
        binds_body=False,
        binds_time=False,
        has_event_id=False,
    ),
)
