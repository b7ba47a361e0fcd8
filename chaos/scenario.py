"""One checkout of a campaign: what is asked for, what goes wrong, what customer and application do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

Json = Mapping[str, Any]

STRIPE: Final = "stripe"
FLUTTERWAVE: Final = "flutterwave"
PAYSTACK: Final = "paystack"
ADYEN: Final = "adyen"


class Customer(StrEnum):
    """What the customer does once there is something to do."""

    PAYS = "pays"
    FAILS_THEN_PAYS = "fails_then_pays"
    AWAY = "away"
    """Never acts."""
    LATE = "late"
    """Acts once the checkout is final or in review."""


class GivingBack(StrEnum):
    """How the application refunds what was paid."""

    NONE = "none"
    FULL = "full"
    """Everything, asked for three times at once under one key."""
    PARTS = "parts"
    """A part, then what is left of it."""
    RACE = "race"
    """Four times 60 % at once, under four keys: there is money for one of them only."""


class Command(StrEnum):
    NONE = "none"
    CANCEL = "cancel"
    CAPTURE = "capture"
    CAPTURE_PART = "capture_part"


@dataclass(frozen=True)
class Fault:
    gateway: str
    operation: str
    fault: str
    count: int = 1
    seconds: float | None = None

    def body(self, marker: str) -> dict[str, Any]:
        """For the sandbox's `POST /_/faults`."""
        body: dict[str, Any] = {
            "gateway": self.gateway,
            "operation": self.operation,
            "fault": self.fault,
            "count": self.count,
            "marker": marker,
        }
        return body if self.seconds is None else body | {"seconds": self.seconds}


@dataclass(frozen=True)
class Scenario:
    """One checkout of a campaign."""

    kind: str
    """Class in the report."""
    request: Json
    """Body of `POST /v1/checkouts`."""
    faults: tuple[Fault, ...] = ()
    customer: Customer = Customer.PAYS
    command: Command = Command.NONE
    command_after: float = 0.0
    """Seconds from the first answer to the command."""
    duplicates: int = 0
    """So many more equal POSTs at the same time."""
    mutated: bool = False
    """One more POST under the same key with another amount."""
    unhurried: bool = False
    """Its class waits on purpose (for a customer, a late gateway, a review): its time is reported apart."""
    may_stay: bool = False
    """Nobody can resolve it but a person: it may end in review."""
    late: bool = False
    """The gateway takes money after the checkout has left it: two captures, one given back."""
    marker: str = ""
    merchant: int = 0
    """Whose checkout it is: 0 or 1."""
    notified: bool = False
    """The application has an address for notifications."""
    giving_back: GivingBack = GivingBack.NONE
    """Refunds once it is paid."""
