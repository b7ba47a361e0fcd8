"""A refund: (part of) a captured payment on its way back."""

from enum import StrEnum
from typing import Final


class RefundKind(StrEnum):
    COMPENSATION = "compensation"
    """A late success of an abandoned attempt goes back. It is never given up."""
    MERCHANT = "merchant"
    """The merchant asked for it."""


class RefundState(StrEnum):
    PENDING = "pending"
    """Accepted and reserved; sent or not, the gateway has not decided it."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Definitely not refunded; the money is free again."""

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL: Final = frozenset({RefundState.SUCCEEDED, RefundState.FAILED})


class RefundFailure(StrEnum):
    """Why a refund failed, as the API tells it."""

    REFUSED = "refused_by_gateway"
    """The gateway never took it: too old, not refundable."""
    ALREADY_REFUNDED = "already_refunded"
    """The gateway never took it: it has less left than this, as after a refund at its own dashboard."""
    DISPUTED = "payment_disputed"
    """Not sent, or not taken: the customer's bank has withheld the money, or given it back."""
    RETURNED = "failed_at_gateway"
    """The gateway took it, may even have called it succeeded, and could not bring the money home."""
