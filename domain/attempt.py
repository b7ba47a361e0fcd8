"""An attempt: one account asked to take the money of one checkout."""

from enum import StrEnum
from typing import Final, assert_never

from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    Mismatch,
    NotFound,
    NotSent,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)


class AttemptStatus(StrEnum):
    STARTED = "started"
    """The intent is recorded and a send may have left."""
    REQUIRES_ACTION = "requires_action"
    PENDING = "pending"
    UNKNOWN = "unknown"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    DECLINED = "declined"
    NOT_SENT = "not_sent"
    NOT_FOUND = "not_found"
    CANCELED = "canceled"
    VOIDED = "voided"
    REFUNDED = "refunded"

    @property
    def negative(self) -> bool:
        """Definitely without money: the next account may be asked (I9)."""
        return self in NEGATIVE

    @property
    def settled(self) -> bool:
        """Nothing that the gateway answers later may overwrite it without compensation."""
        return self not in UNSETTLED


NEGATIVE: Final = frozenset(
    {
        AttemptStatus.DECLINED,
        AttemptStatus.NOT_SENT,
        AttemptStatus.NOT_FOUND,
        AttemptStatus.CANCELED,
        AttemptStatus.VOIDED,
    }
)

UNSETTLED: Final = frozenset(
    {
        AttemptStatus.STARTED,
        AttemptStatus.REQUIRES_ACTION,
        AttemptStatus.PENDING,
        AttemptStatus.UNKNOWN,
        AttemptStatus.NOT_SENT,
    }
)


def status_after(outcome: Outcome) -> AttemptStatus:
    """The attempt status that an outcome leads to. `NotFound` alone proves nothing: it stays unknown."""
    match outcome:
        case Approved(payment=payment):
            captured = payment.status is PaymentStatus.CAPTURED
            return AttemptStatus.CAPTURED if captured else AttemptStatus.AUTHORIZED
        case ActionRequired():
            return AttemptStatus.REQUIRES_ACTION
        case Declined():
            return AttemptStatus.DECLINED
        case Canceled():
            return AttemptStatus.CANCELED
        case NotSent():
            return AttemptStatus.NOT_SENT
        case Pending():
            return AttemptStatus.PENDING
        case Unknown() | NotFound() | Mismatch():
            return AttemptStatus.UNKNOWN
        case _:
            assert_never(outcome)
