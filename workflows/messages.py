"""What workflows are started with and sent. It lies in Temporal's histories: ids only."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from domain.checkout import CheckoutStatus, ReviewReason
from domain.dispute import DisputeStatus
from domain.outcome import Frozen
from domain.reconciliation import ReconciliationStatus
from domain.refund import RefundState

LOOKS_PER_RUN: Final = 150
"""After so many looks a run that waits for months continues as a new one: about 1,200 events of the 4,096
after which the server suggests it (docs.temporal.io/workflow-execution/continue-as-new)."""


class CheckoutInput(Frozen):
    checkout_id: str
    indexed: bool = True
    """Whether the server knows our search attributes (the test server does not)."""
    canceled: bool = False
    """A run that was lost had been told so: nothing new is sent, what was sent is closed or released."""
    capturing: int | None = None
    """A run that was lost had sent a capture of so much, in minor units, and did not know what came of it."""


class CheckoutResult(Frozen):
    status: CheckoutStatus


class GatewayNews(Frozen):
    """Signal: a webhook about this attempt is in the inbox. A hint to look it up now."""

    attempt_id: str


class CancelCheckout(Frozen):
    """Update: stop. Answered once the open attempt is closed or known."""


class CaptureCheckout(Frozen):
    """Update: take the authorized money. `amount` in minor units; None: all of it."""

    amount: int | None = None


class Decision(StrEnum):
    """What an operator makes of a checkout in review."""

    NOT_PAID = "not_paid"
    """The gateway confirmed outside this system that it took nothing: the checkout fails."""
    LOOK_AGAIN = "look_again"
    APPROVE = "approve"
    """The risk is taken: the checkout goes on."""
    DECLINE = "decline"
    """It is not: the checkout fails, and nothing was sent."""

    def fits(self, reason: ReviewReason | None) -> bool:
        """Whether it answers the question of such a review: is it fraud, or was it paid."""
        about_risk = self in (Decision.APPROVE, Decision.DECLINE)
        return about_risk is (reason is ReviewReason.RISK)


class DecideReview(Frozen):
    decision: Decision


class ChooseNext(Frozen):
    """Update: the next attempt goes to this account. The one under way must be without money first."""

    account: str
    close_page: bool = False
    """Close what the customer sees now, instead of waiting for its end."""


class CommandResult(Frozen):
    status: CheckoutStatus
    done: bool
    """False where the command came too late or was refused by the gateway."""
    detail: str | None = None


class WatchInput(Frozen):
    checkout_id: str
    attempt_id: str
    account: str
    intervals: tuple[float, ...]
    """Seconds between look-ups; the last one repeats."""
    watch_for: float
    """Seconds."""
    timeout: float
    """Seconds that one look-up with its refund may take."""
    unclear_after: float = 6 * 3600.0
    """Seconds until money that is not back, or may be there, raises an alert. A refund that the gateway says
    it has may take as long as the watch."""
    looks: int = 0
    """Made before, by earlier runs of the same watch."""
    waited: float = 0
    """Seconds, by earlier runs of the same watch."""
    owed: float | None = None
    """Of these, the seconds since money is owed, or may be."""


class NotifyInput(Frozen):
    notification_id: str
    task_queue: str
    """Where deliveries run: apart from charges, so that merchants' slow servers take no place from them."""
    give_up_after: float
    """Seconds."""


class RefundInput(Frozen):
    """Durations in seconds, decided when the refund was accepted."""

    refund_id: str
    account: str
    intervals: tuple[float, ...]
    """Between looks; the last one repeats."""
    timeout: float
    """What one look, with a send and another look, may take."""
    unclear_after: float
    """Until a refund that the gateway has not told us of raises an alert."""
    overdue_after: float
    """Until a refund that the gateway has and does not decide raises an alert."""
    looks: int = 0
    """Made before, by earlier runs of the same refund."""
    waited: float = 0
    """Seconds, by earlier runs of the same refund."""
    taken: bool = False
    """An earlier run has learnt that the gateway has it."""
    looks_per_run: int = LOOKS_PER_RUN


class RefundResult(Frozen):
    status: RefundState


class ReconcileInput(Frozen):
    """One account's payments that were created in `since <= t < until`."""

    account: str
    since: datetime
    until: datetime


class ReconcileAllInput(Frozen):
    """Every account, over the window that the settings say."""


class ReconcileResult(Frozen):
    reconciliation_id: str
    status: ReconciliationStatus
    counts: dict[str, int]
    """`Verdict` -> how many."""


class LookInput(Frozen):
    """Look something up about one attempt until it is settled. Durations in seconds."""

    checkout_id: str
    attempt_id: str
    account: str
    intervals: tuple[float, ...]
    """Between looks; the last one repeats."""
    timeout: float
    """What one look may take."""
    looks: int = 0
    """Made before, by earlier runs of the same."""
    looks_per_run: int = LOOKS_PER_RUN


class DisputeResult(Frozen):
    statuses: tuple[DisputeStatus, ...]


class ScanInput(Frozen):
    """List an account's disputes once. Durations in seconds."""

    account: str
    intervals: tuple[float, ...]
    """Between looks at a dispute that the scan finds."""
    timeout: float


class ScanResult(Frozen):
    found: int
    """Payments of ours whose disputes were not known as they are."""
