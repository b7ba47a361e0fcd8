"""What Adyen keeps. Amounts in ISO 4217 minor units; the wire counts CLP, CVE, IDR and ISK otherwise."""

from enum import StrEnum
from typing import ClassVar, Final

from pydantic import BaseModel

from sandbox.objects import Stored

NAME: Final = "adyen"


class PaymentStatus(StrEnum):
    RECEIVED = "received"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class Payment(Stored):
    """`id` is the pspReference, `parent` the payment link it was made on."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "payment"

    amount: int
    currency: str
    status: PaymentStatus
    manual: bool
    captured: int = 0
    refunded: int = 0
    idempotency_key: str | None = None


class LinkStatus(StrEnum):
    """https://docs.adyen.com/api-explorer/Checkout/71/get/paymentLinks/_linkId_"""

    ACTIVE = "active"
    COMPLETED = "completed"
    EXPIRED = "expired"


class Link(Stored):
    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "link"

    amount: int
    currency: str
    status: LinkStatus
    manual: bool
    expires_at: float
    return_url: str | None = None
    idempotency_key: str | None = None

    @property
    def open(self) -> bool:
        """It can be paid."""
        return self.status is LinkStatus.ACTIVE


class ModificationKind(StrEnum):
    CAPTURE = "CAPTURE"
    CANCELLATION = "CANCELLATION"
    REFUND = "REFUND"


class Modification(Stored):
    """A capture, cancel or refund that was accepted; `parent` is the payment."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "modification"

    what: ModificationKind
    given_reference: str
    """The merchant's own, of the modification."""
    amount: int
    currency: str
    decided: bool = False
    idempotency_key: str | None = None


class Dispute(Stored):
    """`parent` is the payment."""

    gateway: ClassVar[str] = NAME
    kind: ClassVar[str] = "dispute"

    reason: str
    step: str
    """The last event of it."""


class CardOutcome(BaseModel):
    """What a stored card does."""

    result: str = "Authorised"
    code: str | None = None


REFUSALS: Final = {
    "2": "Refused",
    "4": "Acquirer Error",
    "5": "Blocked Card",
    "6": "Expired Card",
    "12": "Not enough balance",
    "20": "FRAUD",
    "24": "CVC Declined",
    "27": "Declined Non Generic",
    "38": "Authentication required",
}
"""https://docs.adyen.com/development-resources/refusal-reasons"""

CARDS: Final[dict[str, CardOutcome]] = {
    "adyen-tok-success": CardOutcome(),
    "adyen-tok-declined": CardOutcome(result="Refused", code="2"),
    "adyen-tok-insufficient-funds": CardOutcome(result="Refused", code="12"),
    "adyen-tok-do-not-honor": CardOutcome(result="Refused", code="27"),
    "adyen-tok-expired-card": CardOutcome(result="Refused", code="6"),
    "adyen-tok-invalid-cvc": CardOutcome(result="Refused", code="24"),
    "adyen-tok-suspected-fraud": CardOutcome(result="Refused", code="20"),
    "adyen-tok-blocked-card": CardOutcome(result="Refused", code="5"),
    "adyen-tok-authentication-required": CardOutcome(result="Refused", code="38"),
    "adyen-tok-acquirer-error": CardOutcome(result="Error", code="4"),
    "adyen-tok-redirect": CardOutcome(result="RedirectShopper"),
    "adyen-tok-pending": CardOutcome(result="Received"),
}
"""The sandbox's own; real ones look like `8415995487234100`."""

DECIMALS: Final = {"CLP": 2, "ISK": 2, "CVE": 0, "IDR": 0}
"""Where Adyen differs from ISO 4217. https://docs.adyen.com/development-resources/currency-codes"""
