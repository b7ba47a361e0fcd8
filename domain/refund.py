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
    """Definitely not refunded; the reservation is released."""

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL: Final = frozenset({RefundState.SUCCEEDED, RefundState.FAILED})


class RefundFailure(StrEnum):
    """Why a refund failed, as the API tells it."""

    REFUSED = "refused_by_gateway"
    """The gateway never took it: more than it has left, too old, not refundable."""
    RETURNED = "failed_at_gateway"
    """The gateway took it and could not bring the money to the customer."""
