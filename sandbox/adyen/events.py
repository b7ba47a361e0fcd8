"""Adyen's standard webhooks, one item each, signed inside.

https://docs.adyen.com/development-resources/webhooks/webhook-types and
https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
"""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.adyen.models import NAME, Dispute, Modification, Payment
from sandbox.adyen.wire import amount_view, hmac_key, merchant_account
from sandbox.clock import now
from sandbox.webhooks import Signer, Webhook
from sandbox.world import World

SIGNER: Final = Signer(
    headers=lambda _account, _body: {"User-Agent": "Adyen HttpClient 1.0"},
    acknowledged=lambda status: 200 <= status < 300,
)


class Events:
    def __init__(self, world: World) -> None:
        self._world = world

    def authorisation(self, payment: Payment, *, success: bool, reason: str = "") -> None:
        self._send(
            payment,
            {
                "eventCode": "AUTHORISATION",
                "pspReference": payment.id,
                "merchantReference": payment.reference or "",
                "amount": amount_view(payment.amount, payment.currency),
                "success": _word(success),
                "reason": reason,
            },
        )

    def modification(
        self, made: Modification, payment: Payment, *, success: bool, reason: str = "", event: str = ""
    ) -> None:
        self._send(
            payment,
            {
                "eventCode": event or made.what.value,
                "pspReference": made.id,
                "originalReference": payment.id,
                "merchantReference": made.given_reference,
                "amount": amount_view(made.amount, made.currency),
                "success": _word(success),
                "reason": reason,
            },
        )

    def dispute(self, dispute: Dispute, payment: Payment) -> None:
        self._send(
            payment,
            {
                "eventCode": dispute.step,
                "pspReference": dispute.id,
                "originalReference": payment.id,
                "merchantReference": payment.reference or "",
                "amount": amount_view(payment.amount, payment.currency),
                "success": "true",
                "reason": dispute.reason,
            },
        )

    def _send(self, payment: Payment, item: dict[str, Any]) -> None:
        item = {
            **item,
            "eventDate": datetime.fromtimestamp(now(), UTC).isoformat(timespec="seconds"),
            "merchantAccountCode": merchant_account(payment.account),
            "paymentMethod": "visa",
        }
        item["additionalData"] = {"hmacSignature": _signature(item, payment.account)}
        body = {"live": "false", "notificationItems": [{"NotificationRequestItem": item}]}
        self._world.webhooks.send(
            Webhook(
                gateway=NAME,
                account=payment.account,
                event=item["eventCode"],
                event_id=None,
                reference=payment.reference,
                payment_id=payment.id,
                body=json.dumps(body).encode(),
            )
        )


def _word(success: bool) -> str:
    return "true" if success else "false"


def _signature(item: dict[str, Any], account: str) -> str:
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
    digest = hmac.new(bytes.fromhex(hmac_key(account)), signed.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
