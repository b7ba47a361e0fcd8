"""A dispute: the customer asks the bank for the money back (a chargeback), and the bank decides."""

from enum import StrEnum
from typing import Final


class DisputeStatus(StrEnum):
    """How it stands at the gateway. A status that an adapter does not know is `under_review`."""

    INQUIRY = "inquiry"
    """The bank asks, no money has moved. A refund settles it, so refunds are still possible."""
    NEEDS_RESPONSE = "needs_response"
    """The money is withheld until the merchant has answered and the bank has decided."""
    UNDER_REVIEW = "under_review"
    WON = "won"
    """The money stays with the merchant, or came back."""
    LOST = "lost"
    """The customer has the money back, through the bank."""
    CLOSED = "closed"
    """An inquiry ended, no money has moved."""

    @property
    def open(self) -> bool:
        return self in OPEN

    @property
    def bars_refunds(self) -> bool:
        """The money is withheld, or gone: a refund would give it back a second time."""
        return self in BARRING


OPEN: Final = frozenset({DisputeStatus.INQUIRY, DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW})

BARRING: Final = frozenset({DisputeStatus.NEEDS_RESPONSE, DisputeStatus.UNDER_REVIEW, DisputeStatus.LOST})
