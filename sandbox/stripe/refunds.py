"""Refunds. Source: https://docs.stripe.com/api/refunds"""

from typing import Final

from sandbox.clock import now
from sandbox.currency import display
from sandbox.exchange import Answer, Call
from sandbox.stripe.cards import CARDS
from sandbox.stripe.disputes import Disputes
from sandbox.stripe.errors import answer, conflict, invalid, missing
from sandbox.stripe.events import Events
from sandbox.stripe.identifiers import new_id
from sandbox.stripe.models import NAME, Charge, Intent, IntentStatus, Refund
from sandbox.stripe.money import to_iso
from sandbox.stripe.parameters import ONLY_EXPAND, REFUND_CREATE, Parameters
from sandbox.stripe.reading import form_of, query_of
from sandbox.stripe.views import Views
from sandbox.vocabulary import LedgerKind
from sandbox.world import World

SETTLE: Final = "settle_refund"
_REASONS: Final = "duplicate fraudulent requested_by_customer"


class Refunds:
    def __init__(self, world: World, events: Events, views: Views, disputes: Disputes) -> None:
        self._disputes = disputes
        self._world = world
        self._events = events
        self._views = views

    def create(self, call: Call) -> Answer:
        given = Parameters(form_of(call), REFUND_CREATE)
        intent, charge = self._paid(call, given)
        if self._disputes.bars_refunds(intent):
            message = f"Charge {charge.id} has been charged back; cannot issue a refund."
            raise conflict(message, "charge_disputed")
        left = charge.amount_captured - charge.amount_refunded
        if left == 0:
            raise conflict(f"Charge {charge.id} has already been refunded.", "charge_already_refunded")
        amount = given.integer("amount")
        amount = left if amount is None else amount
        if amount < 1:
            raise invalid(
                "This value must be greater than or equal to 1.",
                code="parameter_invalid_integer",
                param="amount",
            )
        if amount > left:
            asked, rest = (
                display(to_iso(figure, charge.currency), charge.currency) for figure in (amount, left)
            )
            raise invalid(
                f"Refund amount ({asked}) is greater than unrefunded amount on charge ({rest})",
                param="amount",
            )
        course = CARDS[charge.method.token].refund
        refund = Refund(
            id=new_id("re"),
            account=call.account,
            reference=intent.reference,
            parent=intent.id,
            created=now(),
            amount=amount,
            currency=charge.currency,
            charge=charge.id,
            status="pending" if course == "pending" else "succeeded",
            reason=given.text("reason", choices=_REASONS),
            metadata=given.metadata(),
        )
        self._world.objects.put(refund)
        charge.amount_refunded += amount
        self._world.objects.put(charge)
        if course == "succeeded":
            self._record(refund, call.idempotency_key)
        else:
            self._world.timers.set(NAME, SETTLE, refund.id, now() + self._world.settings.refund_seconds)
        self._events.emit("refund.created", refund, payment_id=intent.id)
        self._events.emit("charge.refunded", charge, payment_id=intent.id)
        return answer(self._views.render(refund, given.texts("expand")))

    def retrieve(self, call: Call) -> Answer:
        given = Parameters(query_of(call), ONLY_EXPAND)
        refund = self._world.objects.get(Refund, call.parts["id"], call.account)
        if refund is None:
            raise missing("refund", call.parts["id"], "id")
        return answer(self._views.render(refund, given.texts("expand")))

    def settle(self, refund: Refund) -> None:
        """The bank has answered: a pending refund succeeds, one that was bound to fail comes back."""
        charge = self._world.objects.require(Charge, refund.charge)
        if CARDS[charge.method.token].refund == "pending":
            refund.status = "succeeded"
            self._record(refund, None)
        else:
            refund.status, refund.failure_reason = "failed", "expired_or_canceled_card"
            charge.amount_refunded -= refund.amount
            self._world.objects.put(charge)
        self._world.objects.put(refund)
        self._events.emit("refund.updated", refund, payment_id=refund.parent)
        if refund.status == "failed":
            self._events.emit("refund.failed", refund, payment_id=refund.parent)

    def _paid(self, call: Call, given: Parameters) -> tuple[Intent, Charge]:
        identifier, charge_id = given.text("payment_intent"), given.text("charge")
        if identifier is None and charge_id is None:
            raise invalid(
                "One of the following params should be provided for this request: payment_intent or charge."
            )
        charge = None
        if charge_id is not None:
            charge = self._world.objects.get(Charge, charge_id, call.account)
            if charge is None or charge.parent is None:
                raise missing("charge", charge_id, "charge")
            identifier = charge.parent
        intent = self._world.objects.get(Intent, identifier or "", call.account)
        if intent is None:
            raise missing("payment_intent", identifier or "", "payment_intent")
        charge = charge or self._world.objects.get(Charge, intent.latest_charge or "")
        if intent.status is not IntentStatus.SUCCEEDED or charge is None:
            raise conflict(
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund.",
                "payment_intent_unexpected_state",
                param="payment_intent",
            )
        return intent, charge

    def _record(self, refund: Refund, idempotency_key: str | None) -> None:
        """Money back. Not for a refund that is bound to fail: it never reaches the customer."""
        self._world.ledger.append(
            gateway=NAME,
            account=refund.account,
            kind=LedgerKind.REFUND,
            amount=to_iso(refund.amount, refund.currency),
            currency=refund.currency,
            reference=refund.reference,
            payment_id=refund.parent or refund.id,
            idempotency_key=idempotency_key,
        )
