"""Asking: one transaction, all of a reference, refunds; and giving money back.

Sources: https://developer.flutterwave.com/docs/verifications/transaction,
https://developer.flutterwave.com/docs/collecting-payments/refunds
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from sandbox.exchange import Answer, Call
from sandbox.flutterwave.models import Chargeback, Refund, Transaction, TransactionStatus
from sandbox.flutterwave.transactions import Transactions
from sandbox.flutterwave.views import (
    chargeback_view,
    listed_view,
    refund_event_view,
    refund_view,
    verified_view,
)
from sandbox.flutterwave.wire import body_of, minor, refused, success, text
from sandbox.world import World

NO_TRANSACTION: Final = "No transaction was found for this id"
_PAGE_SIZE: Final = 10


class Lookups:
    def __init__(self, world: World, transactions: Transactions) -> None:
        self._world = world
        self._transactions = transactions

    def verify(self, call: Call) -> Answer:
        return success("Transaction fetched successfully", verified_view(self._transaction(call)))

    def verify_by_reference(self, call: Call) -> Answer:
        """One transaction: the latest of those under the reference."""
        reference = _asked(call).get("tx_ref", "")
        found = self._world.objects.of_reference(Transaction, reference, call.account)
        if not found:
            raise refused(NO_TRANSACTION)
        return success("Transaction fetched successfully", verified_view(found[-1]))

    def transactions(self, call: Call) -> Answer:
        """Newest first, in pages of ten."""
        asked = _asked(call)
        if "tx_ref" in asked:
            found = self._world.objects.of_reference(Transaction, asked["tx_ref"], call.account)[::-1]
        else:
            found = self._world.objects.newest(Transaction, call.account)
        since, until = _period(asked)
        kept = [
            item
            for item in found
            if since <= item.created <= until
            and asked.get("status", item.status) == item.status
            and asked.get("currency", item.currency) == item.currency
            and asked.get("customer_email", item.customer.email) == item.customer.email
        ]
        return _paged("Transactions fetched", [listed_view(item) for item in kept], asked)

    def refund(self, call: Call) -> Answer:
        """POST /transactions/{id}/refund, the whole rest unless an amount is given."""
        transaction = self._transaction(call)
        body = body_of(call)
        if transaction.status is not TransactionStatus.SUCCESSFUL:
            raise refused("Only successful transactions can be refunded")
        left = transaction.amount - transaction.amount_refunded
        given = text(body, "amount")
        amount = left if given is None else minor(given, transaction.currency)
        if left == 0:
            raise refused("Transaction has already been fully refunded")
        if amount > left:
            raise refused("Refund amount is greater than the amount left to refund")
        refund = self._transactions.refund(transaction, amount, text(body, "comments"))
        return success("Transaction refund initiated", refund_view(refund))

    def refunds(self, call: Call) -> Answer:
        """GET /refunds; `id` is the transaction's."""
        asked = _asked(call)
        if "id" in asked:
            found = [
                item
                for item in self._world.objects.of_parent(Refund, asked["id"])[::-1]
                if item.account == call.account
            ]
        else:
            found = self._world.objects.newest(Refund, call.account)
        since, until = _period(asked)
        kept = [item for item in found if since <= item.created <= until]
        return _paged(
            "Refunds fetched", [refund_event_view(item) | refund_view(item) for item in kept], asked
        )

    def chargebacks(self, call: Call) -> Answer:
        """GET /chargebacks, of one `flw_ref`, a status or a time."""
        asked = _asked(call)
        since, until = _period(asked)
        kept = [
            chargeback_view(item)
            for item in self._world.objects.newest(Chargeback, call.account)
            if since <= item.created <= until
            and asked.get("flw_ref", item.flw_ref) == item.flw_ref
            and asked.get("status", item.status) == item.status
        ]
        return _paged("Chargebacks fetched", kept, asked)

    def one_refund(self, call: Call) -> Answer:
        refund = self._world.objects.get(Refund, call.parts["refund"], call.account)
        if refund is None:
            raise refused("Refund not found", 404)
        return success("Refund fetched", refund_view(refund))

    def _transaction(self, call: Call) -> Transaction:
        transaction = self._world.objects.get(Transaction, call.parts["id"], call.account)
        if transaction is None:
            raise refused(NO_TRANSACTION)
        return transaction


def _asked(call: Call) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(call.query).items()}


def _period(asked: dict[str, str]) -> tuple[float, float]:
    """`from` and `to` are days (or moments), both included."""
    since, until = _moment(asked.get("from")), _moment(asked.get("to"))
    day = 0.0 if "T" in asked.get("to", "") else 86400.0
    return (0.0 if since is None else since, 1e18 if until is None else until + day)


def _moment(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        raise refused("from and to must be dates, like 2026-01-31") from None
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _paged(message: str, rows: Sequence[dict[str, Any]], asked: dict[str, str]) -> Answer:
    page = int(asked["page"]) if asked.get("page", "").isdecimal() and int(asked["page"]) else 1
    start = (page - 1) * _PAGE_SIZE
    info = {"total": len(rows), "current_page": page, "total_pages": -(-len(rows) // _PAGE_SIZE)}
    return success(message, list(rows[start : start + _PAGE_SIZE]), meta={"page_info": info})
