"""The life of a transaction and of a page: every change of state, with its ledger rows and webhooks."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from sandbox.clock import now
from sandbox.flutterwave.events import Events
from sandbox.flutterwave.models import NAME, Customer, Link, Refund, Transaction, TransactionStatus
from sandbox.flutterwave.wire import text
from sandbox.vocabulary import LedgerKind
from sandbox.world import World

ANSWER_PROMPT: Final = "answer_prompt"
CLOSE_LINK: Final = "close_link"
SETTLE_REFUND: Final = "settle_refund"
_FIRST_ID: Final = 1_000_000
CARD: Final = {
    "first_6digits": "553188",
    "last_4digits": "2950",
    "issuer": "MASTERCARD CREDIT",
    "country": "NG",
    "type": "MASTERCARD",
    "expiry": "09/32",
}
DECLINED: Final = "Insufficient Funds"


class Transactions:
    """All methods run inside the caller's transaction and save what they change."""

    def __init__(self, world: World, events: Events) -> None:
        self._world = world
        self._events = events

    def next_id(self) -> int:
        return _FIRST_ID + self._world.database.next_number()

    def customer(self, body: Mapping[str, Any], *, name: str | None, phone: str | None) -> Customer:
        return Customer(
            id=self.next_id(),
            email=text(body, "email") or "",
            name=name or "Anonymous customer",
            phone_number=phone,
            created=now(),
        )

    def begin(
        self,
        *,
        account: str,
        tx_ref: str,
        amount: int,
        currency: str,
        status: TransactionStatus,
        processor_response: str,
        payment_type: str,
        auth_model: str,
        customer: Customer,
        narration: str | None = None,
        card: dict[str, str] | None = None,
        meta: dict[str, Any] | None = None,
        redirect_url: str | None = None,
        link: str | None = None,
    ) -> Transaction:
        """A new try, whatever else has this tx_ref. Undecided ones stay so until `conclude`."""
        number = self.next_id()
        transaction = Transaction(
            id=str(number),
            account=account,
            reference=tx_ref,
            parent=link,
            created=now(),
            amount=amount,
            currency=currency,
            status=TransactionStatus.PENDING,
            processor_response=processor_response,
            payment_type=payment_type,
            auth_model=auth_model,
            flw_ref=f"FLW-MOCK-{secrets.token_hex(16)}",
            narration=narration or "Sandbox transaction",
            customer=customer,
            card=card,
            meta=meta,
            redirect_url=redirect_url,
        )
        if status is TransactionStatus.PENDING:
            self._world.objects.put(transaction)
        else:
            self.conclude(transaction, status, processor_response)
        return transaction

    def prompt(self, transaction: Transaction) -> None:
        """The customer's phone rings; they agree after a while."""
        due = now() + self._world.settings.prompt_seconds
        self._world.timers.set(NAME, ANSWER_PROMPT, transaction.id, due)

    def ignore_prompt(self, transaction: Transaction) -> None:
        """The customer never answers: it stays pending."""
        self._world.timers.clear(NAME, ANSWER_PROMPT, transaction.id)

    def conclude(self, transaction: Transaction, status: TransactionStatus, processor_response: str) -> None:
        """Success takes the money, failure does not; both send a webhook."""
        transaction.status = status
        transaction.processor_response = processor_response
        self._world.objects.put(transaction)
        self._world.timers.clear(NAME, ANSWER_PROMPT, transaction.id)
        paid = status is TransactionStatus.SUCCESSFUL
        self._record(transaction, LedgerKind.CAPTURE if paid else LedgerKind.DECLINE, transaction.amount)
        self._events.charge_completed(transaction)

    def try_link(self, link: Link, *, pays: bool) -> Transaction:
        """One try on an open page: its own transaction under the same tx_ref."""
        link.tries += 1
        if pays:
            link.state = "paid"
        elif link.max_tries is not None and link.tries > link.max_tries:
            link.state = "exhausted"
        self._world.objects.put(link)
        if link.state != "open":
            self._world.timers.clear(NAME, CLOSE_LINK, link.id)
        return self.begin(
            account=link.account,
            tx_ref=link.reference or "",
            amount=link.amount,
            currency=link.currency,
            status=TransactionStatus.SUCCESSFUL if pays else TransactionStatus.FAILED,
            processor_response="Approved" if pays else DECLINED,
            payment_type="card",
            auth_model="VBVSECURECODE",
            customer=link.customer,
            card=dict(CARD),
            meta=link.meta,
            redirect_url=link.redirect_url,
            link=link.id,
        )

    def refund(self, transaction: Transaction, amount: int, comments: str | None) -> Refund:
        """Accepted now, paid out a little later."""
        moment = now()
        refund = Refund(
            id=str(self.next_id()),
            account=transaction.account,
            reference=transaction.reference,
            parent=transaction.id,
            created=moment,
            updated=moment,
            amount=amount,
            currency=transaction.currency,
            flw_ref=transaction.flw_ref,
            comments=comments,
            final_status="completed-mpgs" if transaction.payment_type == "card" else "completed-momo",
        )
        self._world.objects.put(refund)
        transaction.amount_refunded += amount
        self._world.objects.put(transaction)
        self._world.timers.set(NAME, SETTLE_REFUND, refund.id, moment + self._world.settings.refund_seconds)
        self._record(transaction, LedgerKind.REFUND, amount)
        return refund

    def settle_refund(self, refund: Refund) -> None:
        refund.status, refund.updated = refund.final_status, now()
        self._world.objects.put(refund)
        self._events.refund_completed(refund)

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
