"""What Paystack keeps. Amounts in ISO 4217 minor units; the wire has hundredths in every currency."""

from enum import StrEnum
from typing import ClassVar, Final

from pydantic import BaseModel

from sandbox.objects import Stored

NAME: Final = "paystack"


class TransactionStatus(StrEnum):
    """https://paystack.com/docs/payments/verify-payments/#transaction-statuses"""

    ABANDONED = "abandoned"
    """Where a page begins: the customer has not completed it."""
    ONGOING = "ongoing"
    PENDING = "pending"
    SUCCESS = "success"
    FAILED = "failed"
    REVERSED = "reversed"


class Transaction(Stored):
    """The one transaction under a reference; `parent` is the access code of its page, if it has one."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "transaction"

    wire_reference: str
    amount: int
    currency: str
    status: TransactionStatus
    gateway_response: str | None
    channel: str
    email: str
    phone: str | None = None
    callback_url: str | None = None
    metadata: object = None
    paid_at: float | None = None
    retries: bool = False
    """It is a page: a failed try may be followed by another."""
    amount_refunded: int = 0

    @property
    def number(self) -> int:
        return int(self.id)

    @property
    def open(self) -> bool:
        """The customer may still act."""
        waiting = (TransactionStatus.ABANDONED, TransactionStatus.ONGOING, TransactionStatus.PENDING)
        return self.status in waiting or (self.retries and self.status is TransactionStatus.FAILED)


class Refund(Stored):
    """`parent` is the transaction's id. `status`: pending, processing, processed."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "refund"

    transaction_reference: str
    amount: int
    currency: str
    status: str = "pending"
    merchant_note: str | None = None
    customer_note: str | None = None
    updated: float


class TokenOutcome(BaseModel):
    """What a saved card does."""

    status: TransactionStatus
    gateway_response: str | None
    paused: bool = False
    """It needs the customer on the bank's page first."""


TOKENS: Final[dict[str, TokenOutcome]] = {
    "paystack-tok-success": TokenOutcome(status=TransactionStatus.SUCCESS, gateway_response="Approved"),
    "paystack-tok-insufficient-funds": TokenOutcome(
        status=TransactionStatus.FAILED, gateway_response="Insufficient Funds"
    ),
    "paystack-tok-do-not-honor": TokenOutcome(
        status=TransactionStatus.FAILED, gateway_response="Do Not Honour"
    ),
    "paystack-tok-expired-card": TokenOutcome(
        status=TransactionStatus.FAILED, gateway_response="Expired card"
    ),
    "paystack-tok-suspected-fraud": TokenOutcome(
        status=TransactionStatus.FAILED, gateway_response="Denied by Fraud System"
    ),
    "paystack-tok-account-closed": TokenOutcome(
        status=TransactionStatus.FAILED, gateway_response="Account Closed"
    ),
    "paystack-tok-pending": TokenOutcome(status=TransactionStatus.PENDING, gateway_response=None),
    "paystack-tok-redirect": TokenOutcome(
        status=TransactionStatus.ABANDONED, gateway_response=None, paused=True
    ),
}
"""The sandbox's own; real ones look like `AUTH_72btv547`."""

PROVIDERS: Final[dict[str, frozenset[str]]] = {
    "GHS": frozenset({"mtn", "atl", "vod"}),
    "KES": frozenset({"mpesa", "atl"}),
    "XOF": frozenset({"mtn", "orange", "wave"}),
}
"""https://paystack.com/docs/payments/payment-channels/#mobile-money"""

MINIMUM: Final[dict[str, int]] = {"NGN": 5000, "USD": 200, "GHS": 10, "ZAR": 100, "KES": 300, "XOF": 1}
"""Of every currency, in minor units. https://paystack.com/docs/api/#supported-currency"""
