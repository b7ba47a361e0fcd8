"""What Stripe keeps. Amounts in Stripe's units, currencies upper-case; the wire has them lower-case."""

from enum import StrEnum
from typing import Any, ClassVar, Final, Literal

from pydantic import BaseModel, Field

from sandbox.objects import Stored

NAME: Final = "stripe"


class IntentStatus(StrEnum):
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"


PAID: Final = (IntentStatus.SUCCEEDED, IntentStatus.REQUIRES_CAPTURE)
"""The money is taken or held."""


class SessionStatus(StrEnum):
    OPEN = "open"
    COMPLETE = "complete"
    EXPIRED = "expired"


class Method(BaseModel):
    """A payment method: the id that the wire shows, and the test token that it came from."""

    id: str
    token: str


class Intent(Stored):
    """A PaymentIntent."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "payment_intent"

    amount: int
    currency: str
    status: IntentStatus
    client_secret: str
    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic"
    confirmation_method: Literal["automatic", "manual"] = "automatic"
    method: Method | None = None
    payment_method_types: list[str] = Field(default_factory=lambda: ["card"])
    automatic_payment_methods: dict[str, Any] | None = None
    request_three_d_secure: str = "automatic"
    amount_capturable: int = 0
    amount_received: int = 0
    latest_charge: str | None = None
    last_payment_error: dict[str, Any] | None = None
    challenge_url: str | None = None
    """Where the customer authenticates, while `requires_action`."""
    return_url: str | None = None
    session: str | None = None
    """The Checkout Session that made it."""
    canceled_at: float | None = None
    cancellation_reason: str | None = None
    description: str | None = None
    receipt_email: str | None = None
    customer: str | None = None
    setup_future_usage: str | None = None
    statement_descriptor: str | None = None
    statement_descriptor_suffix: str | None = None
    shipping: dict[str, Any] | None = None
    metadata: dict[str, str] = Field(default_factory=dict)
    idempotency_key: str | None = None
    """Of the request that last moved it: for the ledger."""

    @property
    def attached(self) -> Method:
        """The payment method, where the state says that there is one. Raises LookupError."""
        if self.method is None:
            raise LookupError(f"{self.id} has no payment method")
        return self.method


class Charge(Stored):
    """One try to take the money; `parent` is the PaymentIntent."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "charge"

    amount: int
    currency: str
    captured: bool
    amount_captured: int = 0
    amount_refunded: int = 0
    status: Literal["succeeded", "failed"]
    method: Method
    failure: dict[str, Any] | None = None
    """code, message and decline codes of a failed one."""
    authenticated: bool = False
    disputed: bool = False
    metadata: dict[str, str] = Field(default_factory=dict)
    description: str | None = None


class Refund(Stored):
    """`parent` is the PaymentIntent."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "refund"

    amount: int
    currency: str
    charge: str
    status: Literal["pending", "succeeded", "failed"]
    reason: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] = Field(default_factory=dict)


class Dispute(Stored):
    """`parent` is the PaymentIntent."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "dispute"

    amount: int
    currency: str
    charge: str
    reason: str
    status: Literal["needs_response", "under_review", "won", "lost"] = "needs_response"
    booked: list[int] = Field(default_factory=list)
    """What Stripe took from the merchant's balance, and gave back."""


class Session(Stored):
    """A Checkout Session; `parent` is its PaymentIntent, once the customer has tried to pay."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "checkout.session"

    status: SessionStatus = SessionStatus.OPEN
    payment_status: Literal["unpaid", "paid"] = "unpaid"
    amount_total: int
    currency: str
    url: str
    success_url: str
    cancel_url: str | None = None
    expires_at: int
    client_reference_id: str | None = None
    customer_email: str | None = None
    title: str
    """What the page says is being bought."""
    metadata: dict[str, str] = Field(default_factory=dict)
    payment_method_types: list[str] = Field(default_factory=lambda: ["card"])
    capture_method: Literal["automatic", "automatic_async", "manual"] = "automatic"
    intent_metadata: dict[str, str] = Field(default_factory=dict)
    intent_description: str | None = None
    intent_statement_descriptor: str | None = None
    idempotency_key: str | None = None


class Event(Stored):
    """`parent` is the id of the object that it tells of."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "event"

    type: str
    body: dict[str, Any]
    """As it went out."""
