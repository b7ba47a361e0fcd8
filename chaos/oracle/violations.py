"""What the oracle can find, and under which count the report shows it."""

from dataclasses import dataclass
from enum import StrEnum


class Harm(StrEnum):
    """The safety counts of the report. All must be zero."""

    LOST = "lost"
    """An accepted checkout that nobody carries out, or paid money that no customer is credited for."""
    DOUBLED = "doubled"
    """More than one live payment for one checkout."""
    ORPHANED = "orphaned"
    """Money at a gateway that no checkout counts and that has not gone back."""
    PHANTOM = "phantom"
    """Shown as paid, and no gateway has the money."""
    MISMATCH = "mismatch"
    """Database, API and ledgers tell different amounts, currencies or states."""
    STUCK = "stuck"
    """Neither final nor in review by its deadline, or in review without need or alert."""
    REFUND = "refund error"
    """Money given back twice, too much, or not in full."""
    ORDER = "order of send"
    """Sent before it was safe: I7 to I10."""
    SECOND_SEND = "second send"
    """A charge sent again to a gateway that has no idempotency keys."""
    WEBHOOK = "webhook"
    """A forged one taken, a genuine one lost or kept twice."""
    KEY = "idempotency"
    """One key, two checkouts; or another body under a used key taken."""
    TENANT = "another's data"
    """A merchant was told of, or could touch, what is another merchant's."""
    CARD = "card data"
    """A card number or security code that was sent is kept, repeated, or was not refused."""
    AUDIT = "audit gap"
    """A transition without its entry in the audit log, or in another order; a chain that does not hold."""
    NOTICE = "notification"
    """A merchant was not told of an end, told too early, unsigned, or under another id."""


@dataclass(frozen=True)
class Violation:
    invariant: str
    """Its number in the reference, `I9`."""
    harm: Harm
    subject: str
    """Id of what it happened to."""
    what: str
