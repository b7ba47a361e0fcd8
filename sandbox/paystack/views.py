"""What Paystack kept -> what Paystack says.

Shapes: https://paystack.com/docs/api/transaction/, https://paystack.com/docs/api/refund/,
https://paystack.com/docs/payments/webhooks/
"""

import hashlib
from typing import Any

from sandbox.clock import milliseconds
from sandbox.paystack.models import Refund, Transaction
from sandbox.paystack.wire import subunits


def integration(account: str) -> int:
    """The merchant's numeric id, the same for ever."""
    return int.from_bytes(hashlib.sha256(account.encode()).digest()[:3], "big")


def transaction_view(transaction: Transaction) -> dict[str, Any]:
    """The answer of verify, fetch, list, charge and webhook."""
    amount = subunits(transaction.amount, transaction.currency)
    created = milliseconds(transaction.created)
    paid = None if transaction.paid_at is None else milliseconds(transaction.paid_at)
    return {
        "id": transaction.number,
        "domain": "test",
        "status": transaction.status.value,
        "reference": transaction.wire_reference,
        "receipt_number": None,
        "amount": amount,
        "message": None,
        "gateway_response": transaction.gateway_response,
        "paid_at": paid,
        "created_at": created,
        "channel": transaction.channel,
        "currency": transaction.currency,
        "ip_address": "127.0.0.1",
        "metadata": transaction.metadata if transaction.metadata is not None else "",
        "log": None,
        "fees": amount * 15 // 1000 if transaction.paid_at is not None else None,
        "fees_split": None,
        "authorization": _authorization(transaction),
        "customer": _customer(transaction),
        "plan": None,
        "split": {},
        "order_id": None,
        "paidAt": paid,
        "createdAt": created,
        "requested_amount": amount,
        "pos_transaction_data": None,
        "source": None,
        "fees_breakdown": None,
        "connect": None,
    }


def refund_view(refund: Refund, *, transaction: object) -> dict[str, Any]:
    """`transaction` is the object where created, its id where listed."""
    amount = subunits(refund.amount, refund.currency)
    return {
        "id": int(refund.id),
        "integration": integration(refund.account),
        "domain": "test",
        "transaction": transaction,
        "dispute": None,
        "settlement": None,
        "amount": amount,
        "deducted_amount": amount if refund.status == "processed" else 0,
        "fully_deducted": refund.status == "processed",
        "currency": refund.currency,
        "channel": None,
        "status": refund.status,
        "refunded_by": "merchant@example.com",
        "refunded_at": milliseconds(refund.updated) if refund.status == "processed" else None,
        "expected_at": milliseconds(refund.created + 10 * 86400),
        "customer_note": refund.customer_note or f"Refund for transaction {refund.transaction_reference}",
        "merchant_note": refund.merchant_note or f"Refund for transaction {refund.transaction_reference}",
        "createdAt": milliseconds(refund.created),
        "updatedAt": milliseconds(refund.updated),
    }


def refund_event_view(refund: Refund, transaction: Transaction) -> dict[str, Any]:
    """Webhooks tell less, and the amount as text."""
    return {
        "status": refund.status,
        "transaction_reference": refund.transaction_reference,
        "refund_reference": refund.id,
        "amount": str(subunits(refund.amount, refund.currency)),
        "currency": refund.currency,
        "processor": "sandbox",
        "customer": {"first_name": None, "last_name": None, "email": transaction.email},
        "integration": integration(refund.account),
        "domain": "test",
    }


def _authorization(transaction: Transaction) -> dict[str, Any]:
    if transaction.channel != "card" or transaction.paid_at is None:
        return {}
    return {
        "authorization_code": "paystack-tok-success",
        "bin": "408408",
        "last4": "4081",
        "exp_month": "12",
        "exp_year": "2032",
        "channel": "card",
        "card_type": "visa",
        "bank": "TEST BANK",
        "country_code": "NG",
        "brand": "visa",
        "reusable": True,
        "signature": "SIG_sandbox",
        "account_name": None,
    }


def _customer(transaction: Transaction) -> dict[str, Any]:
    number = int.from_bytes(hashlib.sha256(transaction.email.encode()).digest()[:4], "big")
    return {
        "id": number,
        "first_name": None,
        "last_name": None,
        "email": transaction.email,
        "customer_code": f"CUS_{number:010x}",
        "phone": transaction.phone,
        "metadata": None,
        "risk_action": "default",
        "international_format_phone": None,
    }
