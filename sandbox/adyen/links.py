"""Pay by Link. Source: https://docs.adyen.com/unified-commerce/pay-by-link/payment-links/api

A failed try leaves the link open; the first payment completes it.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.adyen.models import NAME, Link, LinkStatus
from sandbox.adyen.payments import Payments
from sandbox.adyen.wire import (
    amount_view,
    answer,
    body_of,
    failure,
    merchant_account,
    money,
    new_link_id,
    reference_of,
    refused,
    text,
)
from sandbox.clock import now
from sandbox.exchange import Answer, Call, Refusal
from sandbox.twist import twisted
from sandbox.vocabulary import CustomerOutcome
from sandbox.world import World

EXPIRE: Final = "expire"
_LONGEST: Final = 70 * 86400
_UNLESS_GIVEN: Final = 86400


class Links:
    def __init__(self, world: World, payments: Payments) -> None:
        self._world = world
        self._payments = payments

    def create(self, call: Call) -> Answer:
        """POST /paymentLinks: nobody is charged before they act on the page."""
        body = body_of(call)
        amount, currency = twisted(call, *money(body))
        link = Link(
            id=new_link_id(),
            account=call.account,
            reference=reference_of(body),
            created=now(),
            amount=amount,
            currency=currency,
            status=LinkStatus.ACTIVE,
            manual=body.get("manualCapture") is True,
            expires_at=_expiry(text(body, "expiresAt")),
            return_url=text(body, "returnUrl"),
            idempotency_key=call.idempotency_key,
        )
        self._world.objects.put(link)
        self._world.timers.set(NAME, EXPIRE, link.id, link.expires_at)
        return answer(self._view(link), 201)

    def get(self, call: Call) -> Answer:
        return answer(self._view(self._find(call)))

    def update(self, call: Call) -> Answer:
        """PATCH /paymentLinks/{id}: expire it."""
        link = self._find(call)
        if _status(call.body) != "expired":
            raise refused("702", "Only the status expired can be set")
        if link.status is not LinkStatus.ACTIVE:
            raise refused("29_015", "The payment link is not active")
        self.expire(link)
        return answer(self._view(link))

    def expire(self, link: Link) -> None:
        link.status = LinkStatus.EXPIRED
        self._world.objects.put(link)
        self._world.timers.clear(NAME, EXPIRE, link.id)

    def act(self, link: Link, outcome: CustomerOutcome) -> None:
        """What the customer does on the page."""
        if outcome is CustomerOutcome.ABANDONED:
            return
        payment = self._payments.begin(
            account=link.account,
            reference=link.reference,
            amount=link.amount,
            currency=link.currency,
            manual=link.manual,
            idempotency_key=link.idempotency_key,
            link=link.id,
        )
        self._payments.answer(payment, outcome)
        if outcome is CustomerOutcome.PAID:
            link.status = LinkStatus.COMPLETED
            self._world.objects.put(link)
            self._world.timers.clear(NAME, EXPIRE, link.id)

    def _find(self, call: Call) -> Link:
        link = self._world.objects.get(Link, call.parts["link"], call.account)
        if link is None:
            raise Refusal(no_such_link())
        return link

    def _view(self, link: Link) -> dict[str, Any]:
        return {
            "id": link.id,
            "url": f"{self._world.pages_url}/pay/adyen/{link.id}",
            "status": link.status.value,
            "reference": link.reference,
            "merchantAccount": merchant_account(link.account),
            "amount": amount_view(link.amount, link.currency),
            "expiresAt": datetime.fromtimestamp(link.expires_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reusable": False,
            "manualCapture": link.manual,
            "returnUrl": link.return_url,
        }


def no_such_link() -> Answer:
    return failure(404, "29_001", "No payment link found", "validation")


def _status(body: bytes) -> object:
    try:
        given = json.loads(body)
    except ValueError:
        return None
    return given.get("status") if isinstance(given, dict) else None


def _expiry(given: str | None) -> float:
    if given is None:
        return now() + _UNLESS_GIVEN
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise refused("702", "Invalid expiresAt") from None
    until = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not now() < until <= now() + _LONGEST:
        raise refused("29_002", "expiresAt must be within 70 days from now")
    return until
