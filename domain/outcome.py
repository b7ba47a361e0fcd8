"""What is known after a call to a gateway. Outcomes are values; only faults of our own are exceptions.

The line that matters: `Declined`, `Canceled` and (under conditions that the workflow checks) `NotSent`
and `NotFound` are definite negatives. `Pending` and `Unknown` are not: they are looked up, never guessed.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from domain.decline import Decline


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class PaymentStatus(StrEnum):
    """State of one payment at a gateway. A status that an adapter does not know is `pending`."""

    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    CANCELED = "canceled"
    """Closed without money: it can never be paid any more."""


class NextActionType(StrEnum):
    REDIRECT = "redirect"
    """Send the customer's browser to `url` (3-D Secure or a gateway's own page)."""
    MOBILE_PROMPT = "mobile_prompt"
    """The customer confirms on their phone; nothing to open."""


class NextAction(Frozen):
    """What the customer has to do."""

    type: NextActionType
    url: str | None = None
    expires_at: datetime | None = None


class GatewayPayment(Frozen):
    """One payment as a gateway's authenticated API tells it. Amounts in ISO 4217 minor units."""

    payment_id: str
    """The gateway's own id, the one that captures, voids and refunds take."""
    reference: str | None
    """The reference we sent (an attempt id), or None where the gateway shows none."""
    status: PaymentStatus
    amount: int
    currency: str
    amount_captured: int = 0
    amount_refunded: int = 0
    decline: Decline | None = None
    next_action: NextAction | None = None
    created_at: datetime | None = None


class Approved(Frozen):
    """The gateway holds (authorized) or has taken (captured) the money."""

    kind: Literal["approved"] = "approved"
    payment: GatewayPayment


class ActionRequired(Frozen):
    """The customer must act; the payment may still succeed at any moment."""

    kind: Literal["action_required"] = "action_required"
    next_action: NextAction
    payment_id: str | None = None


class Declined(Frozen):
    """Definitely refused."""

    kind: Literal["declined"] = "declined"
    decline: Decline
    payment_id: str | None = None


class Canceled(Frozen):
    """Definitely closed without money: it can never be paid any more."""

    kind: Literal["canceled"] = "canceled"
    payment_id: str | None = None


class NotSentCause(StrEnum):
    UNREACHABLE = "unreachable"
    """Connection refused, DNS, connect time-out, TLS: no byte of the request reached the gateway."""
    RATE_LIMITED = "rate_limited"
    """429: refused at the door."""
    UNAUTHORIZED = "unauthorized"
    """401 or 403: our credentials are not accepted."""
    HELD_BACK = "held_back"
    """By our own limit for the account: never sent."""


class NotSent(Frozen):
    """This call had no effect. Definite only where no earlier send of the attempt may have left."""

    kind: Literal["not_sent"] = "not_sent"
    cause: NotSentCause
    detail: str
    retry_after: float | None = None
    """Seconds the gateway asked us to wait, where it did."""


class Pending(Frozen):
    """Accepted, undecided: the gateway will tell later, or knows a status that we do not."""

    kind: Literal["pending"] = "pending"
    detail: str
    payment_id: str | None = None


class Unknown(Frozen):
    """We cannot know whether the gateway acted: time-out after sending, 5xx, reset, unreadable answer."""

    kind: Literal["unknown"] = "unknown"
    detail: str


class NotFound(Frozen):
    """An authenticated look-up found nothing under our reference - now. Definite only after a fence
    or a quiet period with agreeing look-ups."""

    kind: Literal["not_found"] = "not_found"


class Mismatch(Frozen):
    """Money moved, but not what was asked for: other amount, currency or reference. Never paid; reviewed."""

    kind: Literal["mismatch"] = "mismatch"
    payment: GatewayPayment
    detail: str


Outcome = Annotated[
    Approved | ActionRequired | Declined | Canceled | NotSent | Pending | Unknown | NotFound | Mismatch,
    Field(discriminator="kind"),
]
"""Everything an attempt's last call can have come to."""
