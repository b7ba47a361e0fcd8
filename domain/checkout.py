"""The checkout: what an application asks for, and the states it goes through."""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict, Field


class CheckoutStatus(StrEnum):
    PROCESSING = "processing"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CAPTURE = "requires_capture"
    IN_REVIEW = "in_review"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL: Final = frozenset(
    {CheckoutStatus.SUCCEEDED, CheckoutStatus.FAILED, CheckoutStatus.CANCELED, CheckoutStatus.EXPIRED}
)

_OPEN: Final = frozenset(CheckoutStatus) - FINAL

TRANSITIONS: Final[dict[CheckoutStatus, frozenset[CheckoutStatus]]] = {
    CheckoutStatus.PROCESSING: frozenset(CheckoutStatus),
    CheckoutStatus.REQUIRES_ACTION: frozenset(CheckoutStatus),
    CheckoutStatus.REQUIRES_CAPTURE: frozenset(CheckoutStatus)
    - {CheckoutStatus.PROCESSING, CheckoutStatus.REQUIRES_ACTION},
    CheckoutStatus.IN_REVIEW: frozenset(CheckoutStatus) - {CheckoutStatus.REQUIRES_ACTION},
    **{status: frozenset({status}) for status in FINAL},
}
"""status -> the statuses that may follow (itself included: writing a state twice is harmless). I14."""


class ReviewReason(StrEnum):
    RISK = "risk"
    UNRESOLVED_OUTCOME = "unresolved_outcome"
    MISMATCH = "mismatch"


class CaptureMethod(StrEnum):
    AUTOMATIC = "automatic"
    MANUAL = "manual"


class MethodType(StrEnum):
    CARD = "card"
    HOSTED = "hosted"
    MOBILE_MONEY = "mobile_money"


class Customer(BaseModel):
    """What we know of the payer. All of it is personal data: it stays in the database."""

    model_config = ConfigDict(frozen=True)

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    ip: str | None = None
    country: str | None = None


class PaymentMethod(BaseModel):
    """How the customer pays. `tokens` maps a gateway's name to the token its own client-side field issued."""

    model_config = ConfigDict(frozen=True)

    type: MethodType = MethodType.HOSTED
    bin: str | None = None
    tokens: dict[str, str] = Field(default_factory=dict)
    network: str | None = None
    phone: str | None = None
