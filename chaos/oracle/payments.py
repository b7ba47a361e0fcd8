"""What the gateways' ledgers say about one checkout: payment by payment, on the reference that we sent."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from chaos.evidence import Row

ATTEMPT_PREFIX = "att_"


def checkout_of(reference: str | None) -> str | None:
    """The checkout inside one of our references, `att_{body}_{number}`; None for a foreign one."""
    if reference is None or not reference.startswith(ATTEMPT_PREFIX):
        return None
    body, _, number = reference.removeprefix(ATTEMPT_PREFIX).rpartition("_")
    return f"co_{body}" if body and number.isdecimal() else None


@dataclass
class Payment:
    """One payment at one gateway. Amounts in minor units."""

    gateway: str
    reference: str | None
    payment_id: str
    currency: str = ""
    authorized: int = 0
    captured: int = 0
    voided: int = 0
    refunded: int = 0
    refunds: int = 0
    """How many refunds and voids."""
    rows: list[Row] = field(default_factory=list)

    @property
    def live(self) -> int:
        """Money that the gateway still has."""
        return self.captured - self.refunded

    @property
    def held(self) -> bool:
        """An authorization neither captured nor released."""
        return self.authorized > 0 and not self.captured and not self.voided

    def taken_at(self) -> datetime | None:
        """When it first held or took money."""
        times = [row["at"] for row in self.rows if row["kind"] in ("authorize", "capture")]
        return min(times, default=None)

    def live_at(self, moment: datetime) -> bool:
        """Whether it held or had money just then."""
        balance, held = 0, 0
        for row in self.rows:
            if row["at"] >= moment:
                continue
            match row["kind"]:
                case "authorize":
                    held += 1
                case "capture":
                    balance += row["amount"]
                    held = 0
                case "void":
                    held = 0
                case "refund":
                    balance -= row["amount"]
        return balance > 0 or held > 0


def payments(ledger: Iterable[Row]) -> list[Payment]:
    """Every payment that ever held or took money, oldest first."""
    found: dict[tuple[str, str], Payment] = {}
    for row in ledger:
        if row["kind"] == "decline":
            continue
        key = (row["gateway"], row["payment_id"])
        payment = found.setdefault(key, Payment(row["gateway"], row["reference"], row["payment_id"]))
        payment.rows.append(row)
        match row["kind"]:
            case "authorize":
                payment.authorized += row["amount"]
                payment.currency = row["currency"]
            case "capture":
                payment.captured += row["amount"]
                payment.currency = row["currency"]
            case "void":
                payment.voided += row["amount"]
                payment.refunds += 1
            case "refund":
                payment.refunded += row["amount"]
                payment.refunds += 1
    return list(found.values())


def by_checkout(all_payments: Iterable[Payment]) -> dict[str, list[Payment]]:
    grouped: dict[str, list[Payment]] = defaultdict(list)
    for payment in all_payments:
        checkout_id = checkout_of(payment.reference)
        if checkout_id is not None:
            grouped[checkout_id].append(payment)
    return grouped
