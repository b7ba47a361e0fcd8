"""Adyen, put together: endpoints, door, idempotency, what customers, banks and time do."""

import json
from typing import Any, Final

from sandbox.adyen.events import SIGNER, Events
from sandbox.adyen.idempotency import IdempotencyLayer
from sandbox.adyen.links import EXPIRE, Links, no_such_link
from sandbox.adyen.models import NAME, Dispute, Link, LinkStatus, Modification, Payment, PaymentStatus
from sandbox.adyen.payments import DECIDE, Payments
from sandbox.adyen.wire import account_of, failure, new_psp_reference
from sandbox.clock import now
from sandbox.exchange import Answer, Call, NothingToSettle, Perform, Simulator, endpoint
from sandbox.vocabulary import CustomerOutcome, DisputeOutcome, Operation
from sandbox.webhooks import Signer
from sandbox.world import World

_STEPS: Final = {
    DisputeOutcome.OPEN: "CHARGEBACK",
    DisputeOutcome.WON: "CHARGEBACK_REVERSED",
    DisputeOutcome.LOST: "SECOND_CHARGEBACK",
}


class Adyen(Simulator):
    name = NAME
    base_path = "/adyen/v71"

    def __init__(self, world: World) -> None:
        self._world = world
        self._events = Events(world)
        self._idempotency = IdempotencyLayer(world.database)
        self.payments = Payments(world, self._events)
        self.links = Links(world, self.payments)
        link, payment = "/paymentLinks/{link}", "/payments/{psp}"
        self.endpoints = (
            endpoint("POST", "/payments", Operation.CHARGE, self.payments.pay),
            endpoint("POST", "/paymentLinks", Operation.CHARGE, self.links.create),
            endpoint("GET", link, Operation.LOOKUP, self.links.get),
            endpoint("PATCH", link, Operation.CANCEL, self.links.update),
            endpoint("POST", f"{payment}/captures", Operation.CAPTURE, self.payments.capture),
            endpoint("POST", f"{payment}/cancels", Operation.CANCEL, self.payments.cancel),
            endpoint("POST", f"{payment}/refunds", Operation.REFUND, self.payments.refund),
        )

    @property
    def signer(self) -> Signer:
        return SIGNER

    def account_of(self, call: Call) -> str | None:
        return account_of(call.headers)

    def reference_of(self, call: Call) -> str | None:
        objects = self._world.objects
        if "link" in call.parts:
            link = objects.get(Link, call.parts["link"])
            return None if link is None else link.reference
        if "psp" in call.parts:
            payment = objects.get(Payment, call.parts["psp"])
            return None if payment is None else payment.reference
        try:
            body = json.loads(call.body or b"{}")
        except ValueError:
            return None
        given = body.get("reference") if isinstance(body, dict) else None
        return given if isinstance(given, str) else None

    async def guarded(self, call: Call, perform: Perform) -> Answer:
        return await self._idempotency.guarded(call, perform)

    def unauthorized(self, call: Call) -> Answer:  # noqa: ARG002
        return failure(401, "000", "HTTP Status Response - Unauthorized", "security")

    def rate_limited(self, call: Call) -> Answer:  # noqa: ARG002
        return failure(429, "429", "Too Many Requests", "internal", {"Retry-After": "1"})

    def server_error(self, call: Call) -> Answer:  # noqa: ARG002
        return failure(500, "903", "Internal error", "internal")

    def not_found(self, call: Call) -> Answer:  # noqa: ARG002
        return no_such_link()

    def no_such_path(self, call: Call) -> Answer:  # noqa: ARG002
        return failure(404, "404", "Not Found", "internal")

    def settle(self, payment_id: str, outcome: CustomerOutcome) -> str | None:
        """By the id of a link or a payment, or by our reference."""
        objects = self._world.objects
        link = objects.get(Link, payment_id) or next(reversed(objects.of_reference(Link, payment_id)), None)
        if link is not None:
            if link.status is not LinkStatus.ACTIVE:
                raise NothingToSettle(f"the link is {link.status}")
            self.links.act(link, outcome)
            return link.status.value
        payment = self._payment(payment_id)
        if payment is None:
            return None
        if payment.status is not PaymentStatus.RECEIVED:
            raise NothingToSettle(f"the payment is {payment.status}")
        self.payments.answer(payment, outcome)
        return payment.status.value

    def dispute(self, payment_id: str, reason: str, outcome: DisputeOutcome) -> dict[str, Any] | None:
        payment = self._payment(payment_id)
        if payment is None:
            return None
        if not payment.captured:
            raise NothingToSettle(f"the payment is {payment.status}")
        known = self._world.objects.of_parent(Dispute, payment.id)
        dispute = (
            known[-1]
            if known
            else Dispute(
                id=new_psp_reference(),
                account=payment.account,
                reference=payment.reference,
                parent=payment.id,
                created=now(),
                reason=reason,
                step="",
            )
        )
        dispute.step = _STEPS[outcome]
        self._world.objects.put(dispute)
        self._events.dispute(dispute, payment)
        return {"gateway": NAME, "id": dispute.id, "payment_id": payment.id, "status": dispute.step}

    def on_timer(self, action: str, subject: str) -> None:
        objects = self._world.objects
        if action == DECIDE:
            made = objects.get(Modification, subject)
            if made is not None:
                self.payments.decide(made)
        elif action == EXPIRE:
            link = objects.get(Link, subject)
            if link is not None and link.status is LinkStatus.ACTIVE:
                self.links.expire(link)
        else:
            raise ValueError(action)

    def _payment(self, identifier: str) -> Payment | None:
        objects = self._world.objects
        return objects.get(Payment, identifier) or next(
            reversed(objects.of_reference(Payment, identifier)), None
        )
