"""Disputes. Sources: https://docs.stripe.com/api/disputes/object,
https://docs.stripe.com/disputes/how-disputes-work

They leave no ledger row: the bank moves this money, not a call to the gateway. What Stripe books with the
merchant shows on the dispute, as `balance_transactions`.
"""

from typing import Any, Final

from sandbox.clock import now
from sandbox.exchange import NothingToSettle
from sandbox.stripe.events import Events
from sandbox.stripe.identifiers import new_id
from sandbox.stripe.models import NAME, Charge, Dispute, Intent, IntentStatus
from sandbox.vocabulary import DisputeOutcome
from sandbox.world import World

BARRING: Final = ("needs_response", "under_review", "lost")
_CREATED, _CLOSED = "charge.dispute.created", "charge.dispute.closed"
_WITHDRAWN, _REINSTATED = "charge.dispute.funds_withdrawn", "charge.dispute.funds_reinstated"


class Disputes:
    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events

    def act(self, identifier: str, reason: str, outcome: DisputeOutcome) -> dict[str, Any] | None:
        """The customer goes to the bank, and where `outcome` says so the bank decides. None: no such payment.

        Raises NothingToSettle where nothing was taken.
        """
        objects = self._world.objects
        intent = objects.get(Intent, identifier) or next(
            reversed(objects.of_reference(Intent, identifier)), None
        )
        if intent is None:
            return None
        charge = objects.get(Charge, intent.latest_charge or "")
        if intent.status is not IntentStatus.SUCCEEDED or charge is None:
            raise NothingToSettle(f"the PaymentIntent is {intent.status}")
        found = objects.of_parent(Dispute, intent.id)
        dispute = next((each for each in reversed(found) if each.status in BARRING[:2]), None)
        if dispute is None:
            dispute = self._open(intent, charge, reason)
        if outcome is not DisputeOutcome.OPEN:
            self._close(dispute, outcome)
        return {"gateway": NAME, "payment_id": intent.id, "dispute_id": dispute.id, "status": dispute.status}

    def bars_refunds(self, intent: Intent) -> bool:
        return any(each.status in BARRING for each in self._world.objects.of_parent(Dispute, intent.id))

    def _open(self, intent: Intent, charge: Charge, reason: str) -> Dispute:
        moment = now()
        dispute = Dispute(
            id=new_id("du"),
            account=intent.account,
            reference=intent.reference,
            parent=intent.id,
            created=moment,
            charge=charge.id,
            amount=charge.amount_captured,
            currency=charge.currency,
            reason=reason,
        )
        self._put(dispute)
        charge.disputed = True
        self._world.objects.put(charge)
        self._events.emit(_CREATED, dispute, payment_id=intent.id)
        dispute.booked.append(-dispute.amount)
        self._put(dispute)
        self._events.emit(_WITHDRAWN, dispute, payment_id=intent.id)
        return dispute

    def _close(self, dispute: Dispute, outcome: DisputeOutcome) -> None:
        dispute.status = "won" if outcome is DisputeOutcome.WON else "lost"
        if outcome is DisputeOutcome.WON:
            dispute.booked.append(dispute.amount)
        self._put(dispute)
        self._events.emit(_CLOSED, dispute, payment_id=dispute.parent)
        if outcome is DisputeOutcome.WON:
            self._events.emit(_REINSTATED, dispute, payment_id=dispute.parent)

    def _put(self, dispute: Dispute) -> None:
        self._world.objects.put(dispute)
