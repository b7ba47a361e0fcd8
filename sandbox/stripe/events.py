"""Stripe's events: kept for /v1/events, sent as signed webhooks. Source: https://docs.stripe.com/webhooks"""

import hashlib
import hmac
import json
from typing import Final

from sandbox.clock import now
from sandbox.objects import Stored
from sandbox.stripe.accounts import webhook_secret
from sandbox.stripe.identifiers import new_id
from sandbox.stripe.models import NAME, Event
from sandbox.stripe.views import Views
from sandbox.webhooks import Signer, Webhook
from sandbox.world import World

API_VERSION: Final = "2026-09-30.dahlia"
"""Shown in events; any `Stripe-Version` is accepted."""


class Events:
    def __init__(self, world: World, views: Views) -> None:
        self._world = world
        self._views = views

    def emit(self, type_: str, item: Stored, *, payment_id: str | None = None) -> None:
        """Tell of `item` as it is now, in the transaction that changed it."""
        moment = now()
        identifier = new_id("evt")
        body = {
            "id": identifier,
            "object": "event",
            "api_version": API_VERSION,
            "created": int(moment),
            "data": {"object": self._views.render(item)},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": type_,
        }
        self._world.objects.put(
            Event(
                id=identifier,
                account=item.account,
                reference=item.reference,
                parent=item.id,
                created=moment,
                type=type_,
                body=body,
            )
        )
        self._world.webhooks.send(
            Webhook(
                gateway=NAME,
                account=item.account,
                event=type_,
                event_id=identifier,
                reference=item.reference,
                payment_id=payment_id or item.id,
                body=json.dumps(body, indent=2, ensure_ascii=False).encode(),
            )
        )


def _signed(account: str, body: bytes) -> dict[str, str]:
    """`t=...,v1=...`: HMAC-SHA256 of `{t}.{body}` (https://docs.stripe.com/webhooks/signature)."""
    stamp = str(int(now()))
    mac = hmac.new(webhook_secret(account).encode(), stamp.encode() + b"." + body, hashlib.sha256)
    return {
        "Stripe-Signature": f"t={stamp},v1={mac.hexdigest()}",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }


SIGNER: Final = Signer(headers=_signed, acknowledged=lambda status: 200 <= status < 300)
