"""Flutterwave's webhooks. Source: https://developer.flutterwave.com/docs/integration-guides/webhooks

`verif-hash` is the merchant's secret itself: it proves who sends, not what is sent. Only a 200 counts as
received.
"""

from typing import Final

from sandbox.flutterwave.accounts import secret_hash
from sandbox.flutterwave.models import NAME, Refund, Transaction
from sandbox.flutterwave.views import refund_event_view, transaction_view
from sandbox.flutterwave.wire import encode
from sandbox.webhooks import Signer, Webhook
from sandbox.world import World


def _headers(account: str, body: bytes) -> dict[str, str]:  # noqa: ARG001 - the body is not signed
    return {"verif-hash": secret_hash(account), "User-Agent": "Flutterwave"}


SIGNER: Final = Signer(headers=_headers, acknowledged=lambda status: status == 200)


class Events:
    def __init__(self, world: World) -> None:
        self._world = world

    def charge_completed(self, transaction: Transaction) -> None:
        """The transaction has succeeded or failed: the event's name is the same, `data.status` tells."""
        self._send(
            transaction.account,
            "charge.completed",
            transaction.reference,
            transaction.id,
            {
                "event": "charge.completed",
                "data": transaction_view(transaction),
                "meta_data": transaction.meta or {},
                "event.type": f"{transaction.payment_type.upper()}_TRANSACTION",
            },
        )

    def refund_completed(self, refund: Refund) -> None:
        self._send(
            refund.account,
            "refund.completed",
            refund.reference,
            refund.parent,
            {"event": "refund.completed", "data": refund_event_view(refund), "event.type": "Refund"},
        )

    def _send(
        self, account: str, event: str, reference: str | None, payment_id: str | None, body: object
    ) -> None:
        self._world.webhooks.send(
            Webhook(
                gateway=NAME,
                account=account,
                event=event,
                event_id=None,
                reference=reference,
                payment_id=payment_id,
                body=encode(body),
            )
        )
