"""The sandbox's own words: operations, faults, ledger kinds, what a customer can do."""

from enum import StrEnum
from typing import Final

EVERY: Final = "*"
"""Stands for every gateway or every operation in a fault."""


class Operation(StrEnum):
    CHARGE = "charge"
    LOOKUP = "lookup"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    WEBHOOK = "webhook"
    """A webhook that the gateway sends; never a request that it receives."""
    OTHER = "other"


class FaultKind(StrEnum):
    """`before` and `after` say whether the gateway has taken effect."""

    REFUSE = "refuse"
    TIMEOUT_BEFORE = "timeout_before"
    TIMEOUT_AFTER = "timeout_after"
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"
    RESET_BEFORE = "reset_before"
    RESET_AFTER = "reset_after"
    MALFORMED = "malformed"
    SLOW = "slow"
    RATE_LIMIT = "rate_limit"
    UNAUTHORIZED = "unauthorized"
    WRONG_AMOUNT = "wrong_amount"
    WRONG_CURRENCY = "wrong_currency"
    NOT_FOUND_ONCE = "not_found_once"
    DROP = "drop"
    DUPLICATE = "duplicate"
    REORDER = "reorder"
    DELAY = "delay"


ON_WEBHOOKS: Final = frozenset({FaultKind.DROP, FaultKind.DUPLICATE, FaultKind.REORDER, FaultKind.DELAY})
ON_CHARGES: Final = frozenset({FaultKind.WRONG_AMOUNT, FaultKind.WRONG_CURRENCY})


def applies(fault: FaultKind, operation: Operation) -> bool:
    """Whether this fault can happen to this operation at all."""
    if fault in ON_WEBHOOKS:
        return operation is Operation.WEBHOOK
    if operation is Operation.WEBHOOK:
        return False
    if fault in ON_CHARGES:
        return operation is Operation.CHARGE
    if fault is FaultKind.NOT_FOUND_ONCE:
        return operation is Operation.LOOKUP
    return True


class LedgerKind(StrEnum):
    """Effects on money. A direct charge is one `capture`; a try that takes none is a `decline`."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    VOID = "void"
    REFUND = "refund"
    DECLINE = "decline"


class CustomerOutcome(StrEnum):
    """What the customer does on a page, at a challenge or at a prompt."""

    PAID = "paid"
    FAILED = "failed"
    ABANDONED = "abandoned"


class DisputeOutcome(StrEnum):
    """What the customer's bank decides."""

    OPEN = "open"
    WON = "won"
    """For the merchant."""
    LOST = "lost"


OUTCOME_WORDS: Final = {
    **dict.fromkeys(("paid", "pay", "success", "successful", "succeeded"), CustomerOutcome.PAID),
    **dict.fromkeys(("failed", "fail", "declined", "decline"), CustomerOutcome.FAILED),
    **dict.fromkeys(
        ("abandoned", "abandon", "canceled", "cancelled", "walked_away"), CustomerOutcome.ABANDONED
    ),
}
"""What `settle` understands, so that a person need not remember one spelling."""
