"""The life of a transaction: every change of state, with its ledger row and its webhook."""

import secrets
from typing import Final

from sandbox.clock import now
from sandbox.paystack.events import Events
from sandbox.paystack.models import NAME, Refund, Transaction, TransactionStatus
from sandbox.paystack.wire import refused, told
from sandbox.vocabulary import CustomerOutcome, LedgerKind
from sandbox.world import World

ANSWER_PROMPT: Final = "answer_prompt"
SETTLE_REFUND: Final = "settle_refund"
_FIRST_ID: Final = 4_000_000_000
"""Beyond 32 bits, as the real ones are."""


class Transactions:
    """All methods run inside the caller's transaction and save what they change."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._events = Events(world)

    def begin(
        self,
        *,
        account: str,
        wire_reference: str | None,
        amount: int,
        currency: str,
        channel: str,
        email: str,
        phone: str | None = None,
        callback_url: str | None = None,
        metadata: object = None,
        page: bool = False,
        retries: bool = False,
    ) -> Transaction:
        """A new transaction, not completed. Raises Refusal where the reference has been used."""
        reference = wire_reference or f"T{secrets.token_hex(8)}"
        if self._world.objects.of_reference(Transaction, told(reference), account):
            raise refused("Duplicate Transaction Reference", "duplicate_reference")
        transaction = Transaction(
            id=str(_FIRST_ID + self._world.database.next_number()),
            account=account,
            reference=told(reference),
            parent=secrets.token_hex(8) if page else None,
            created=now(),
            wire_reference=reference,
            amount=amount,
            currency=currency,
            status=TransactionStatus.ABANDONED,
            gateway_response="The transaction was not completed",
            channel=channel,
            email=email,
            phone=phone,
            callback_url=callback_url,
            metadata=metadata,
            retries=retries,
        )
        self._world.objects.put(transaction)
        return transaction

    def wait(self, transaction: Transaction, status: TransactionStatus, *, prompt: bool = False) -> None:
        """Undecided. With a prompt, the customer agrees after a while."""
        transaction.status = status
        transaction.gateway_response = None
        self._world.objects.put(transaction)
        if prompt:
            due = now() + self._world.settings.prompt_seconds
            self._world.timers.set(NAME, ANSWER_PROMPT, transaction.id, due)

    def succeed(self, transaction: Transaction, gateway_response: str = "Approved") -> None:
        transaction.status = TransactionStatus.SUCCESS
        transaction.gateway_response = gateway_response
        transaction.paid_at = now()
        self._conclude(transaction, LedgerKind.CAPTURE)
        self._events.charge_success(transaction)

    def fail(self, transaction: Transaction, gateway_response: str) -> None:
        """No webhook tells of it."""
        transaction.status = TransactionStatus.FAILED
        transaction.gateway_response = gateway_response
        self._conclude(transaction, LedgerKind.DECLINE)

    def answer(self, transaction: Transaction, outcome: CustomerOutcome) -> None:
        """What the customer does about an open transaction."""
        match outcome:
            case CustomerOutcome.PAID:
                self.succeed(transaction)
            case CustomerOutcome.FAILED:
                self.fail(transaction, "Declined")
            case CustomerOutcome.ABANDONED:
                self._world.timers.clear(NAME, ANSWER_PROMPT, transaction.id)

    def refund(
        self, transaction: Transaction, amount: int, *, merchant_note: str | None, customer_note: str | None
    ) -> Refund:
        """Queued now, processed a little later."""
        moment = now()
        refund = Refund(
            id=str(self._world.database.next_number()),
            account=transaction.account,
            reference=transaction.reference,
            parent=transaction.id,
            created=moment,
            updated=moment,
            transaction_reference=transaction.wire_reference,
            amount=amount,
            currency=transaction.currency,
            merchant_note=merchant_note,
            customer_note=customer_note,
        )
        self._world.objects.put(refund)
        transaction.amount_refunded += amount
        self._world.objects.put(transaction)
        self._world.timers.set(NAME, SETTLE_REFUND, refund.id, moment + self._world.settings.refund_seconds)
        self._record(transaction, LedgerKind.REFUND, amount)
        self._events.refund(refund, transaction)
        return refund

    def settle_refund(self, refund: Refund) -> None:
        """Processed; a transaction whose money is all back is `reversed` from then on."""
        refund.status, refund.updated = "processed", now()
        self._world.objects.put(refund)
        transaction = self._world.objects.require(Transaction, refund.parent or "")
        made = self._world.objects.of_parent(Refund, transaction.id)
        if sum(each.amount for each in made if each.status == "processed") >= transaction.amount:
            transaction.status = TransactionStatus.REVERSED
            self._world.objects.put(transaction)
        self._events.refund(refund, transaction)

    def _conclude(self, transaction: Transaction, kind: LedgerKind) -> None:
        self._world.objects.put(transaction)
        self._world.timers.clear(NAME, ANSWER_PROMPT, transaction.id)
        self._record(transaction, kind, transaction.amount)

    def _record(self, transaction: Transaction, kind: LedgerKind, amount: int) -> None:
        self._world.ledger.append(
            gateway=NAME,
            account=transaction.account,
            kind=kind,
            amount=amount,
            currency=transaction.currency,
            reference=transaction.reference,
            payment_id=transaction.id,
            idempotency_key=None,
        )
