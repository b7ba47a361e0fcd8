"""What Flutterwave kept -> what Flutterwave says."""

import hashlib
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

from sandbox.clock import milliseconds
from sandbox.flutterwave.models import Chargeback, Customer, Refund, Transaction, TransactionStatus
from sandbox.flutterwave.wire import major

_FEE: Final = Decimal("0.014")
"""Of the amount: Flutterwave's local rate in its own examples (100 NGN: 1.4)."""


def account_number(account: str) -> int:
    """The merchant's numeric id, the same for ever."""
    return int.from_bytes(hashlib.sha256(account.encode()).digest()[:3], "big")


def transaction_view(transaction: Transaction) -> dict[str, Any]:
    """The answer of charge, verify and webhook."""
    view = _common(transaction)
    view["customer"] = _customer(transaction.customer)
    if transaction.card is not None:
        view["card"] = transaction.card
    return view


def verified_view(transaction: Transaction) -> dict[str, Any]:
    view = transaction_view(transaction)
    paid = transaction.status is TransactionStatus.SUCCESSFUL
    amount = major(transaction.amount, transaction.currency)
    view["meta"] = transaction.meta
    view["amount_settled"] = amount - _fee(amount) if paid else None
    return view


def listed_view(transaction: Transaction) -> dict[str, Any]:
    view = _common(transaction)
    view["customer_name"] = transaction.customer.name
    view["customer_email"] = transaction.customer.email
    view["meta"] = transaction.meta
    return view


def refund_view(refund: Refund) -> dict[str, Any]:
    return {
        "id": int(refund.id),
        "account_id": account_number(refund.account),
        "tx_id": int(refund.parent or 0),
        "flw_ref": refund.flw_ref,
        "wallet_id": account_number(refund.account) + 1,
        "amount_refunded": major(refund.amount, refund.currency),
        "status": refund.status,
        "destination": "payment_source",
        "comments": refund.comments,
        "meta": {"source": "availablebalance"},
        "created_at": milliseconds(refund.created),
    }


def refund_event_view(refund: Refund) -> dict[str, Any]:
    """Webhooks spell the fields otherwise; lists have been seen with either spelling."""
    return {
        "id": int(refund.id),
        "AmountRefunded": major(refund.amount, refund.currency),
        "status": refund.status,
        "FlwRef": refund.flw_ref,
        "destination": "payment_source",
        "comments": refund.comments,
        "settlement_id": "NEW",
        "meta": '{"source":"availablebalance"}',
        "createdAt": milliseconds(refund.created),
        "updatedAt": milliseconds(refund.updated),
        "walletId": account_number(refund.account) + 1,
        "AccountId": account_number(refund.account),
        "TransactionId": int(refund.parent or 0),
    }


def chargeback_view(chargeback: Chargeback) -> dict[str, Any]:
    return {
        "id": int(chargeback.id),
        "amount": major(chargeback.amount, chargeback.currency),
        "flw_ref": chargeback.flw_ref,
        "status": chargeback.status,
        "stage": "new",
        "comment": chargeback.comment,
        "meta": {"uploaded_proof": None, "history": []},
        "due_date": milliseconds(chargeback.created + 2 * 86400),
        "settlement_id": "N/A",
        "created_at": milliseconds(chargeback.created),
        "transaction_id": int(chargeback.parent or 0),
        "tx_ref": chargeback.reference,
    }


def _common(transaction: Transaction) -> dict[str, Any]:
    amount = major(transaction.amount, transaction.currency)
    return {
        "id": transaction.number,
        "tx_ref": transaction.reference,
        "flw_ref": transaction.flw_ref,
        "device_fingerprint": "N/A",
        "amount": amount,
        "currency": transaction.currency,
        "charged_amount": amount,
        "app_fee": _fee(amount),
        "merchant_fee": 0,
        "processor_response": transaction.processor_response,
        "auth_model": transaction.auth_model,
        "ip": "127.0.0.1",
        "narration": transaction.narration,
        "status": transaction.status.value,
        "payment_type": transaction.payment_type,
        "created_at": milliseconds(transaction.created),
        "account_id": account_number(transaction.account),
    }


def _fee(amount: Decimal) -> Decimal:
    return (amount * _FEE).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "id": customer.id,
        "name": customer.name,
        "phone_number": customer.phone_number,
        "email": customer.email,
        "created_at": milliseconds(customer.created),
    }
