"""Stripe in the contract suite: its documented test tokens (docs.stripe.com/testing) and webhooks."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta

from domain.decline import DeclineCategory, DeclineCode
from tests.contract.case import ACCOUNT, ContractCase, TestMode, Webhook, card

_SECRET = f"whsec_sandbox_{ACCOUNT}"
_PREVIOUS = "whsec_before_rotation"


def _credentials(base_url: str) -> dict[str, object]:
    return {
        "secret_key": f"sk_test_sandbox_{ACCOUNT}",
        "webhook_secret": _SECRET,
        "previous_webhook_secret": _PREVIOUS,
        "base_url": base_url,
    }


def _write(*, reference: str, payment_id: str, event_id: str) -> bytes:
    event = {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {
            "object": {"id": payment_id, "object": "payment_intent", "metadata": {"attempt": reference}}
        },
    }
    return json.dumps(event).encode()


def _sign(body: bytes, *, secret: str, at: datetime) -> dict[str, str]:
    moment = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={moment},v1={digest}"}


CASE = ContractCase(
    gateway="stripe",
    credentials=_credentials,
    amounts={"USD": 12_345, "JPY": 5_000, "KWD": 12_340, "UGX": 50_000, "ISK": 1_500},
    success=card("stripe", "pm_card_visa"),
    challenge=card("stripe", "pm_card_threeDSecure2Required"),
    declines={
        "pm_card_chargeDeclined": (DeclineCategory.SOFT, DeclineCode.GENERIC_DECLINE),
        "pm_card_chargeDeclinedInsufficientFunds": (DeclineCategory.SOFT, DeclineCode.INSUFFICIENT_FUNDS),
        "pm_card_chargeDeclinedLostCard": (DeclineCategory.HARD, DeclineCode.CARD_LOST_OR_STOLEN),
        "pm_card_chargeDeclinedStolenCard": (DeclineCategory.HARD, DeclineCode.CARD_LOST_OR_STOLEN),
        "pm_card_chargeDeclinedFraudulent": (DeclineCategory.FRAUD, DeclineCode.SUSPECTED_FRAUD),
        "pm_card_chargeDeclinedExpiredCard": (DeclineCategory.CUSTOMER, DeclineCode.EXPIRED_CARD),
        "pm_card_chargeDeclinedIncorrectCvc": (DeclineCategory.CUSTOMER, DeclineCode.INVALID_CVC),
        "pm_card_chargeDeclinedProcessingError": (DeclineCategory.SOFT, DeclineCode.PROCESSING_ERROR),
    },
    unknown_token="pm_unknown_to_stripe",
    # Our call cap of 28 s, 80 s that Stripe's own libraries wait, a minute of search lag: rounded up.
    quiet_period=timedelta(minutes=5),
    test_mode=TestMode(
        proven=lambda given: given["secret_key"].startswith(("sk_test_", "rk_test_")),
        tokens_are_documented=True,
    ),
    webhook=Webhook(
        secret=_SECRET,
        previous_secret=_PREVIOUS,
        write=_write,
        sign=_sign,
        binds_body=True,
        binds_time=True,
        has_event_id=True,
    ),
)
