"""Paystack's webhooks, signed over the body with the secret key. https://paystack.com/docs/payments/webhooks/

There is none for a payment that failed. Only a 200 counts as received.
"""

import hashlib
import hmac
from typing import Final

from sandbox.paystack.models import NAME, Refund, Transaction
from sandbox.paystack.views import refund_event_view, transaction_view
from sandbox.paystack.wire import encode, secret_key
from sandbox.webhooks import Signer, Webhook
from sandbox.world import World


def _headers(account: str, body: bytes) -> dict[str, str]:
    signature = hmac.new(secret_key(account).encode(), body, hashlib.sha512).hexdigest()
    return {"x-paystack-signature": signature, "User-Agent": "Paystack/2.0"}


SIGNER: Final = Signer(headers=_headers, acknowledged=lambda status: status == 200)


class Events:
    def __init__(self, world: World) -> None:
        self._world = world

    def charge_success(self, transaction: Transaction) -> None:
        self._send(transaction, "charge.success", transaction_view(transaction))

    def refund(self, refund: Refund, transaction: Transaction) -> None:
        """`refund.pending`, `refund.processing`, `refund.processed`."""
        self._send(transaction, f"refund.{refund.status}", refund_event_view(refund, transaction))

    def _send(self, transaction: Transaction, event: str, data: object) -> None:
        self._world.webhooks.send(
            Webhook(
                gateway=NAME,
                account=transaction.account,
                event=event,
                event_id=None,
                reference=transaction.reference,
                payment_id=transaction.id,
                body=encode({"event": event, "data": data}),
            )
        )
