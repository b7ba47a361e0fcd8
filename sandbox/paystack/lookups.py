"""Asking: one transaction, all of them, refunds; and giving money back.

Sources: https://paystack.com/docs/api/transaction/#verify, #fetch and #list, https://paystack.com/docs/api/refund/
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs

from sandbox.exchange import Answer, Call
from sandbox.paystack.models import Refund, Transaction, TransactionStatus
from sandbox.paystack.transactions import Transactions
from sandbox.paystack.views import refund_view, transaction_view
from sandbox.paystack.wire import body_of, minor, refused, success, text, told
from sandbox.world import World

NOT_FOUND: Final = "Transaction reference not found"
_PAGE_SIZE: Final = 50
_LARGEST_PAGE: Final = 100


class Lookups:
    def __init__(self, world: World, transactions: Transactions) -> None:
        self._world = world
        self._transactions = transactions

    def verify(self, call: Call) -> Answer:
        found = self._world.objects.of_reference(Transaction, told(call.parts["reference"]), call.account)
        if not found:
            raise refused(NOT_FOUND, "transaction_not_found")
        return success("Verification successful", transaction_view(found[0]))

    def fetch(self, call: Call) -> Answer:
        found = self._world.objects.get(Transaction, call.parts["id"], call.account)
        if found is None:
            raise refused("Transaction not found", "transaction_not_found", 404)
        return success("Transaction retrieved", transaction_view(found))

    def transactions(self, call: Call) -> Answer:
        """Newest first."""
        asked = _asked(call)
        since, until = _period(asked)
        found = self._world.objects.newest(Transaction, call.account, since=since, until=until)
        kept = [item for item in found if asked.get("status", item.status) == item.status]
        return _paged("Transactions retrieved", [transaction_view(item) for item in kept], asked)

    def refund(self, call: Call) -> Answer:
        """POST /refund, the whole transaction unless an amount is given. By id or by reference."""
        body = body_of(call)
        named = text(body, "transaction") or ""
        objects = self._world.objects
        transaction = objects.get(Transaction, named, call.account) or next(
            iter(objects.of_reference(Transaction, told(named), call.account)), None
        )
        if transaction is None:
            raise refused("Transaction not found", "transaction_not_found", 404)
        if transaction.status is TransactionStatus.REVERSED:
            raise refused("Transaction has been fully reversed", "transaction_reversed")
        if transaction.status is not TransactionStatus.SUCCESS:
            raise refused("Transaction cannot be refunded", "invalid_params")
        left = transaction.amount - transaction.amount_refunded
        given = text(body, "amount")
        amount = transaction.amount if given is None else minor(given, transaction.currency)
        if left == 0:
            raise refused("Transaction has been fully reversed", "transaction_reversed")
        if amount > left:
            raise refused("Refund amount cannot be more than what is left of the transaction")
        refund = self._transactions.refund(
            transaction,
            amount,
            merchant_note=text(body, "merchant_note"),
            customer_note=text(body, "customer_note"),
        )
        view = refund_view(refund, transaction=transaction_view(transaction))
        return success("Refund has been queued for processing", view)

    def refunds(self, call: Call) -> Answer:
        """GET /refund; `transaction` is the id of one."""
        asked = _asked(call)
        if "transaction" in asked:
            found = [
                item
                for item in self._world.objects.of_parent(Refund, asked["transaction"])[::-1]
                if item.account == call.account
            ]
        else:
            found = self._world.objects.newest(Refund, call.account)
        since, until = _period(asked)
        rows = [
            refund_view(item, transaction=int(item.parent or 0))
            for item in found
            if since <= item.created <= until
        ]
        return _paged("Refunds retrieved", rows, asked)

    def one_refund(self, call: Call) -> Answer:
        refund = self._world.objects.get(Refund, call.parts["refund"], call.account)
        if refund is None:
            raise refused("Refund not found", "not_found", 404)
        return success("Refund retrieved", refund_view(refund, transaction=int(refund.parent or 0)))


def _asked(call: Call) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(call.query).items()}


def _period(asked: dict[str, str]) -> tuple[float, float]:
    """`from` and `to` are days or moments, both included."""
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
    page = _whole(asked.get("page"), 1)
    size = min(_whole(asked.get("perPage"), _PAGE_SIZE), _LARGEST_PAGE)
    start = (page - 1) * size
    meta = {
        "total": len(rows),
        "skipped": start,
        "perPage": size,
        "page": page,
        "pageCount": -(-len(rows) // size),
    }
    return success(message, list(rows[start : start + size]), meta)


def _whole(value: str | None, otherwise: int) -> int:
    return int(value) if value is not None and value.isdecimal() and int(value) else otherwise
