"""What Flutterwave keeps. Amounts in ISO 4217 minor units; the wire has major units."""

from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field

from sandbox.objects import Stored

NAME: Final = "flutterwave"


class TransactionStatus(StrEnum):
    PENDING = "pending"
    SUCCESSFUL = "successful"
    FAILED = "failed"


class Customer(BaseModel):
    id: int
    email: str
    name: str
    phone_number: str | None
    created: float


class Link(Stored):
    """A page of Flutterwave Standard. Stays open after a failed try."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "link"

    amount: int
    currency: str
    redirect_url: str
    customer: Customer
    title: str
    state: Literal["open", "paid", "disabled", "expired", "exhausted"] = "open"
    expires_at: float | None = None
    max_tries: int | None = None
    tries: int = 0
    meta: dict[str, Any] | None = None


class Transaction(Stored):
    """One try to take money; `reference` is the merchant's tx_ref, `parent` the page that it was made on."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "transaction"

    amount: int
    currency: str
    status: TransactionStatus
    processor_response: str
    payment_type: str
    auth_model: str
    flw_ref: str
    narration: str
    customer: Customer
    card: dict[str, str] | None = None
    meta: dict[str, Any] | None = None
    redirect_url: str | None = None
    amount_refunded: int = 0

    @property
    def number(self) -> int:
        return int(self.id)


class Refund(Stored):
    """`parent` is the transaction's id."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "refund"

    amount: int
    currency: str
    flw_ref: str
    comments: str | None
    status: str = "completed"
    """`completed`: accepted, not yet paid out; `completed-mpgs` and the like: paid out."""
    final_status: str
    updated: float


class Chargeback(Stored):
    """`parent` is the transaction's id."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "chargeback"

    amount: int
    currency: str
    flw_ref: str
    comment: str
    status: str = "initiated"
    """`initiated`, `accepted`, `declined`, `won`, `lost`, `reversed`."""


class ChargeType(BaseModel):
    """One `type` of POST /charges."""

    currencies: frozenset[str]
    payment_type: str
    auth_model: str
    flow: Literal["redirect", "callback", "plain", "ussd", "bank_transfer"]
    """What the answer holds: a page to send the customer to, or the transaction (and what they must do)."""
    required: tuple[str, ...] = ("tx_ref", "amount", "currency", "email", "phone_number")


CHARGE_TYPES: Final[dict[str, ChargeType]] = {
    "mobile_money_uganda": ChargeType(
        currencies=frozenset({"UGX"}), payment_type="mobilemoneyug", auth_model="MOBILEMONEY", flow="redirect"
    ),
    "mobile_money_ghana": ChargeType(
        currencies=frozenset({"GHS"}),
        payment_type="mobilemoneygh",
        auth_model="MOBILEMONEY",
        flow="redirect",
        required=("tx_ref", "amount", "currency", "email", "phone_number", "network"),
    ),
    "mobile_money_rwanda": ChargeType(
        currencies=frozenset({"RWF"}), payment_type="mobilemoneyrw", auth_model="MOBILEMONEY", flow="redirect"
    ),
    "mobile_money_zambia": ChargeType(
        currencies=frozenset({"ZMW"}), payment_type="mobilemoneyzm", auth_model="MOBILEMONEY", flow="redirect"
    ),
    "mobile_money_tanzania": ChargeType(
        currencies=frozenset({"TZS"}), payment_type="mobilemoneytz", auth_model="MOBILEMONEY", flow="plain"
    ),
    "mobile_money_franco": ChargeType(
        currencies=frozenset({"XAF", "XOF"}), payment_type="mobilemoneysn", auth_model="AUTH", flow="callback"
    ),
    "mpesa": ChargeType(
        currencies=frozenset({"KES"}), payment_type="mpesa", auth_model="LIPA_MPESA", flow="plain"
    ),
    "ussd": ChargeType(
        currencies=frozenset({"NGN"}),
        payment_type="ussd",
        auth_model="USSD",
        flow="ussd",
        required=("tx_ref", "amount", "currency", "email", "account_bank"),
    ),
    "bank_transfer": ChargeType(
        currencies=frozenset({"NGN"}),
        payment_type="bank_transfer",
        auth_model="AUTH",
        flow="bank_transfer",
        required=("tx_ref", "amount", "currency", "email"),
    ),
}
"""Shapes as in the official SDK's documentation (Flutterwave/Node-v3, documentation/collections.md)."""


class TokenOutcome(BaseModel):
    """What a saved card does. The tokens are the sandbox's own; real ones look alike (`flw-t1nf-...`)."""

    status: TransactionStatus
    processor_response: str
    asks_customer: bool = Field(default=False)
    """It needs the customer on the bank's page first."""


TOKENS: Final[dict[str, TokenOutcome]] = {
    "flw-t1nf-success": TokenOutcome(status=TransactionStatus.SUCCESSFUL, processor_response="Approved"),
    "flw-t1nf-insufficient-funds": TokenOutcome(
        status=TransactionStatus.FAILED, processor_response="Insufficient Funds"
    ),
    "flw-t1nf-do-not-honor": TokenOutcome(
        status=TransactionStatus.FAILED, processor_response="Do Not Honour"
    ),
    "flw-t1nf-expired-card": TokenOutcome(status=TransactionStatus.FAILED, processor_response="Expired Card"),
    "flw-t1nf-suspected-fraud": TokenOutcome(
        status=TransactionStatus.FAILED, processor_response="Suspected Fraud"
    ),
    "flw-t1nf-pending": TokenOutcome(
        status=TransactionStatus.PENDING, processor_response="Transaction in progress"
    ),
    "flw-t1nf-redirect": TokenOutcome(
        status=TransactionStatus.PENDING, processor_response="Pending validation", asks_customer=True
    ),
}

FAILING_NUMBERS: Final = ("121212121", "010101011")
"""The documented failing mobile-money numbers without their country code, which follows the customer's."""

_CURRENCY_CODES: Final = "NGN USD EUR GBP GHS XAF XOF ZAR MWK KES UGX RWF TZS ZMW EGP"
CURRENCIES: Final = frozenset(_CURRENCY_CODES.split())
