"""What an adapter is: requests in, outcomes out, one call to the gateway's API in between.

An adapter maps in, calls with the key it is given, and maps out. It never retries, never sleeps, never
decides: retries belong to Temporal, decisions to the workflow. Every fault of the wire is an outcome:

    connection refused, DNS, connect time-out, TLS   -> NotSent(unreachable)
    429                                              -> NotSent(rate_limited, retry_after)
    401, 403                                         -> NotSent(unauthorized)
    time-out after sending, reset, 5xx, unreadable   -> Unknown
    a status that it does not know                   -> Pending
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from domain.capabilities import Capabilities
from domain.checkout import CaptureMethod, Customer, PaymentMethod
from domain.dispute import DisputeStatus
from domain.outcome import Frozen, GatewayPayment, NotSent, Outcome, PaymentStatus, Unknown


class InvalidSignature(Exception):
    """The webhook is not proven to come from the gateway. Carries no part of the request."""


class Unreadable(Exception):
    """Not an answer that the adapter can read. Says which part, never its value."""


class Unsupported(Exception):
    """The gateway cannot do this at all; eligibility should have kept the call away."""


class ChargeRequest(Frozen):
    """Ask for the money of one attempt. Equal requests produce byte-equal bodies (I8)."""

    reference: str
    """The attempt id: unique per attempt, sent to the gateway, returned by its look-ups and webhooks."""
    idempotency_key: str
    amount: int
    currency: str
    capture_method: CaptureMethod
    method: PaymentMethod
    """`card`: `tokens[gateway]` is present. `hosted`: open the gateway's page. `mobile_money`: prompt."""
    customer: Customer
    return_url: str
    """Where the gateway sends the customer's browser afterwards."""
    expires_at: datetime
    """When a page or a challenge should lapse. Gateways with coarser limits round towards it."""
    challenge: bool = False


class PaymentHandle(Frozen):
    """All we know of a payment we asked for: by our reference, and the gateway's id once it is known."""

    reference: str
    amount: int
    currency: str
    sent_at: datetime
    """First send of the attempt: a look-up need not search before it."""
    payment_id: str | None = None
    page_url: str | None = None
    """The link handed out, where the attempt opened a page."""
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    """As the charge asked for it."""
    notices: tuple[str, ...] = ()
    """What the gateway has told of the payment by webhook (`WebhookEvent.notice`), oldest first; empty where
    its capabilities do not say `told_by_webhook`."""


class CaptureRequest(Frozen):
    handle: PaymentHandle
    amount: int
    idempotency_key: str


class VoidRequest(Frozen):
    handle: PaymentHandle
    idempotency_key: str


class RefundRequest(Frozen):
    handle: PaymentHandle
    refund_id: str
    amount: int
    idempotency_key: str


class Found(Frozen):
    """A look-up that was answered: every payment under the reference, none being an answer too."""

    kind: Literal["found"] = "found"
    payments: tuple[GatewayPayment, ...]


LookUpAnswer = Annotated[Found | Unknown, Field(discriminator="kind")]


class RefundStatus(StrEnum):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class GatewayRefund(Frozen):
    """One refund as the gateway tells it. `amount` in minor units."""

    kind: Literal["refund"] = "refund"
    gateway_refund_id: str
    refund_id: str | None
    """Our refund id, where the gateway keeps it."""
    status: RefundStatus
    amount: int
    detail: str | None = None


class RefusalCause(StrEnum):
    """Why a gateway refuses a refund, where it says so."""

    LESS_LEFT = "less_left"
    """Less than this is left: other refunds have taken it."""
    DISPUTED = "disputed"
    OTHER = "other"


class RefundRefused(Frozen):
    """Definitely not refunded: more than is left, already refunded, not refundable."""

    kind: Literal["refused"] = "refused"
    detail: str
    cause: RefusalCause = RefusalCause.OTHER


RefundAnswer = Annotated[GatewayRefund | RefundRefused | NotSent | Unknown, Field(discriminator="kind")]


class FoundRefunds(Frozen):
    kind: Literal["found"] = "found"
    refunds: tuple[GatewayRefund, ...]


RefundLookUpAnswer = Annotated[FoundRefunds | Unknown, Field(discriminator="kind")]


class ListedPayment(Frozen):
    """One payment in an account's own list, as its books have it. Amounts in ISO 4217 minor units."""

    payment_id: str
    reference: str | None
    """Our reference, where the payment bears one; None: it was not made by us."""
    status: PaymentStatus
    amount: int
    currency: str
    amount_captured: int
    amount_refunded: int | None
    """None: the list does not tell, `look_up_refunds` does."""
    created_at: datetime


class PaymentPage(Frozen):
    """One page of the payments of an account. A page may be empty though more follow."""

    kind: Literal["page"] = "page"
    payments: tuple[ListedPayment, ...]
    unreadable: int = 0
    """Rows left out because an amount or a time in them makes no sense, in units of rows. Never silently."""
    next_cursor: str | None = None
    """For the next page; None: this is the last one."""


PaymentPageAnswer = Annotated[PaymentPage | NotSent | Unknown, Field(discriminator="kind")]


class GatewayDispute(Frozen):
    """One dispute as the gateway tells it. `amount` in minor units of `currency`."""

    gateway_dispute_id: str
    status: DisputeStatus
    amount: int
    currency: str
    reason: str | None = None
    """The gateway's word for it, as a code."""
    opened_at: datetime | None = None


class FoundDisputes(Frozen):
    """A look-up that was answered: every dispute of the payment, none being an answer too."""

    kind: Literal["found"] = "found"
    disputes: tuple[GatewayDispute, ...]


DisputeLookUpAnswer = Annotated[FoundDisputes | Unknown, Field(discriminator="kind")]


class DisputedPayment(Frozen):
    """A hint from an account's list of disputes: which payment to look up."""

    gateway_dispute_id: str
    status: DisputeStatus
    reference: str | None
    payment_id: str | None


class DisputedPayments(Frozen):
    kind: Literal["found"] = "found"
    payments: tuple[DisputedPayment, ...]


DisputedPaymentsAnswer = Annotated[DisputedPayments | Unknown, Field(discriminator="kind")]


class EventSubject(StrEnum):
    """What a webhook tells of. It decides what is looked up beside the payment."""

    PAYMENT = "payment"
    DISPUTE = "dispute"
    FAILED_REFUND = "failed_refund"
    """A refund that did not reach the customer, whatever was told of it before."""
    FAILED_CAPTURE = "failed_capture"
    """Money that counted as taken, and that the bank did not pay after all."""


class WebhookEvent(Frozen):
    """A verified webhook, reduced to what it is: a hint about which payment to look up."""

    event_id: str | None
    """Unique per account, or None where the gateway has no event id (then the body's hash serves)."""
    kind: str
    reference: str | None
    payment_id: str | None
    subject: EventSubject = EventSubject.PAYMENT
    notice: str | None = None
    """What the gateway has vouched for in it, for the look-ups of a gateway that cannot be asked; nothing of
    the card or the customer. Kept in the inbox and handed back in `PaymentHandle.notices`."""


class Gateway(ABC):
    """One account at a gateway, ready to be called. Safe to share between tasks; closed once, at exit."""

    @abstractmethod
    async def charge(self, request: ChargeRequest) -> Outcome:
        """Approved, ActionRequired, Declined, Pending, NotSent or Unknown."""

    @abstractmethod
    async def look_up(self, handle: PaymentHandle) -> LookUpAnswer:
        """Every payment under `handle.reference` (or its id), from the authenticated API."""

    @abstractmethod
    async def close(self, handle: PaymentHandle) -> Outcome:
        """Close an open page, challenge or prompt so that it cannot be paid any more.

        Canceled only where the gateway confirmed it; Approved where it was paid meanwhile.
        """

    @abstractmethod
    async def capture(self, request: CaptureRequest) -> Outcome:
        """Take (part of) an authorization. Raises Unsupported."""

    @abstractmethod
    async def void(self, request: VoidRequest) -> Outcome:
        """Release an authorization: Canceled. Declined(code processing_error) where it is settled already."""

    @abstractmethod
    async def refund(self, request: RefundRequest) -> RefundAnswer:
        """Give (part of) a capture back."""

    @abstractmethod
    async def look_up_refunds(self, handle: PaymentHandle) -> RefundLookUpAnswer:
        """Every refund of the payment."""

    async def look_up_disputes(self, handle: PaymentHandle) -> DisputeLookUpAnswer:  # noqa: ARG002
        """Every dispute of the payment. A gateway that tells of none has none."""
        return FoundDisputes(disputes=())

    async def disputed_payments(self, since: date) -> DisputedPaymentsAnswer:  # noqa: ARG002
        """Every payment of the account whose dispute was opened on `since` or later: for those whose webhook
        was lost, or never sent."""
        return DisputedPayments(payments=())

    @abstractmethod
    async def list_payments(
        self, since: datetime, until: datetime, cursor: str | None = None
    ) -> PaymentPageAnswer:
        """One page of every payment of the account created in `since <= t < until`, ours or not.

        `cursor` is the `next_cursor` of the page before, with the same bounds. A payment that is created
        meanwhile may make another appear twice, never make one missing. A fault says nothing about any
        payment: Unknown, or NotSent where the gateway did not take the request (ask again later).
        """

    @abstractmethod
    def read_webhook(self, body: bytes, headers: Mapping[str, str], now: datetime) -> WebhookEvent:
        """Verify the raw bytes in constant time and reduce them to a hint. Raises InvalidSignature.

        `headers` has lower-case names. A verified body that makes no sense gives kind "unreadable".
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Release the connections."""


class Credentials(Frozen):
    """Base of every gateway's credentials: secrets plus what is needed to reach it.

    A field `secret_key` of account `stripe-eu` is read from `STRIPE_EU_SECRET_KEY`.
    """

    base_url: str
    connect_timeout: float = 3.0
    """Seconds until an unanswered connect counts as not sent."""
    read_timeout: float = 25.0
    """Seconds to wait for an answer once sent; then the outcome is unknown."""
    max_per_second: float | None = Field(default=None, ge=1)
    """Requests that each process may send; more wait for `connect_timeout`, and are then not sent."""


class Registration(Frozen):
    """The last lines of an adapter's file: what it is called, what it can do, how to build one."""

    capabilities: Capabilities
    credentials: type[Credentials]
    build: Callable[[Any], Gateway]
    """Makes the adapter from an instance of `credentials`."""
    webhook_reply: str = ""
    """Body of the 200 that acknowledges a webhook."""
