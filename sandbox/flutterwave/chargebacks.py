"""Chargebacks. Source: https://developer.flutterwave.com/docs/payment-operations/chargebacks

Flutterwave tells of them in its dashboard; this one sends no webhook about them either. They leave no ledger
row: the bank moves this money, not a call to the gateway.
"""

from typing import Any

from sandbox.clock import now
from sandbox.exchange import NothingToSettle
from sandbox.flutterwave.models import NAME, Chargeback, Transaction, TransactionStatus
from sandbox.flutterwave.transactions import Transactions
from sandbox.vocabulary import DisputeOutcome
from sandbox.world import World


class Chargebacks:
    def __init__(self, world: World, transactions: Transactions) -> None:
        self._world = world
        self._transactions = transactions

    def act(self, identifier: str, reason: str, outcome: DisputeOutcome) -> dict[str, Any] | None:
        """The customer goes to the bank, and where `outcome` says so the bank decides. None: no such payment.

        Raises NothingToSettle where nothing was taken.
        """
        objects = self._world.objects
        transaction = objects.get(Transaction, identifier) or next(
            reversed(objects.of_reference(Transaction, identifier)), None
        )
        if transaction is None:
            return None
        if transaction.status is not TransactionStatus.SUCCESSFUL:
            raise NothingToSettle(f"the transaction is {transaction.status}")
        found = objects.of_parent(Chargeback, transaction.id)
        chargeback = next((each for each in reversed(found) if each.status == "initiated"), None)
        if chargeback is None:
            chargeback = Chargeback(
                id=str(self._transactions.next_id()),
                account=transaction.account,
                reference=transaction.reference,
                parent=transaction.id,
                created=now(),
                amount=transaction.amount,
                currency=transaction.currency,
                flw_ref=transaction.flw_ref,
                comment=reason,
            )
        if outcome is not DisputeOutcome.OPEN:
            chargeback.status = outcome.value
        objects.put(chargeback)
        return {
            "gateway": NAME,
            "payment_id": transaction.id,
            "dispute_id": chargeback.id,
            "status": chargeback.status,
        }
