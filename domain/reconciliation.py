"""Our books against a gateway's: what a pair of figures comes to. Pure."""

from enum import StrEnum
from typing import Final

from domain.attempt import AttemptStatus
from domain.outcome import Frozen, PaymentStatus


class Verdict(StrEnum):
    MATCH = "match"
    MISMATCH = "mismatch"
    """Both sides know the payment and disagree; `fields` says in what."""
    MISSING_HERE = "missing_here"
    """The gateway has money that no attempt of ours has."""
    MISSING_THERE = "missing_there"
    """We say that an attempt has money, and the gateway does not know it."""
    DUPLICATE = "duplicate"
    """Two payments under one reference have money."""
    IN_FLIGHT = "in_flight"
    """Not decided here yet, and young: looked at again by a later run."""
    UNCHECKED = "unchecked"
    """The gateway did not answer the question that would have decided it."""

    @property
    def broken(self) -> bool:
        return self in BREAKS


BREAKS: Final = frozenset({Verdict.MISMATCH, Verdict.MISSING_HERE, Verdict.MISSING_THERE, Verdict.DUPLICATE})


class ReconciliationStatus(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    """The gateway's list could not be read to its end: what was found until then is kept."""


class Ours(Frozen):
    """An attempt as our books have it. Amounts in minor units."""

    status: AttemptStatus
    payment_id: str | None
    amount: int
    currency: str
    captured: int
    refunded: int
    reserved: int
    """Refunds under way: the gateway may have them already."""
    young: bool
    """Sent so shortly ago that an undecided state is nothing unusual."""

    @property
    def money(self) -> bool:
        return self.status in _MONEY


class Theirs(Frozen):
    """A payment as the gateway's books have it. Amounts in minor units."""

    status: PaymentStatus
    payment_id: str
    amount: int
    currency: str
    captured: int
    refunded: int | None
    """None: not told."""

    @property
    def money(self) -> bool:
        """It held or took money, whatever went back since."""
        return self.status in (PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED)

    @property
    def live(self) -> bool:
        """It holds money that did not go back."""
        return self.money and (self.captured == 0 or (self.refunded or 0) < self.captured)


class Judgement(Frozen):
    verdict: Verdict
    fields: tuple[str, ...] = ()
    """In what the sides disagree: amount, currency, captured, refunded, status."""


_MONEY: Final = frozenset({AttemptStatus.AUTHORIZED, AttemptStatus.CAPTURED, AttemptStatus.REFUNDED})
_SAME: Final = {
    PaymentStatus.AUTHORIZED: frozenset({AttemptStatus.AUTHORIZED}),
    PaymentStatus.CAPTURED: frozenset({AttemptStatus.CAPTURED, AttemptStatus.REFUNDED}),
}
_UNDECIDED: Final = frozenset({AttemptStatus.STARTED, AttemptStatus.PENDING, AttemptStatus.UNKNOWN})
_NEGATIVE: Final = (PaymentStatus.DECLINED, PaymentStatus.CANCELED)


def judge(ours: Ours | None, theirs: Theirs | None) -> Judgement:
    """What one pair comes to. A side that knows nothing of the payment is None; not both."""
    if ours is None:
        live = theirs is not None and theirs.live
        return Judgement(verdict=Verdict.MISSING_HERE if live else Verdict.MATCH)
    if theirs is None:
        return Judgement(verdict=_unlisted(ours))
    if theirs.live and ours.money and ours.payment_id not in (None, theirs.payment_id):
        return Judgement(verdict=Verdict.DUPLICATE)
    if not theirs.money:
        return _without_money(ours, theirs)
    fields = _differences(ours, theirs)
    if not ours.money:
        return _unknown_money(ours, theirs, fields)
    return Judgement(verdict=Verdict.MISMATCH if fields else Verdict.MATCH, fields=fields)


def _unlisted(ours: Ours) -> Verdict:
    if not ours.money:
        return Verdict.MATCH
    return Verdict.IN_FLIGHT if ours.young else Verdict.MISSING_THERE


def _unknown_money(ours: Ours, theirs: Theirs, fields: tuple[str, ...]) -> Judgement:
    """The gateway has money on an attempt that has none here: expected while it is young and undecided."""
    if ours.young and not ours.status.settled:
        return Judgement(verdict=Verdict.IN_FLIGHT)
    wrong = tuple(field for field in fields if field in ("amount", "currency"))
    if wrong:
        return Judgement(verdict=Verdict.MISMATCH, fields=wrong)
    return Judgement(verdict=Verdict.MISSING_HERE if theirs.live else Verdict.MATCH)


def _without_money(ours: Ours, theirs: Theirs) -> Judgement:
    """A try without money. On a page there may be several, beside the one that paid."""
    if ours.money and ours.payment_id in (None, theirs.payment_id):
        return Judgement(verdict=Verdict.MISMATCH, fields=("status",))
    if ours.status in _UNDECIDED and theirs.status in _NEGATIVE:
        if ours.young:
            return Judgement(verdict=Verdict.IN_FLIGHT)
        return Judgement(verdict=Verdict.MISMATCH, fields=("status",))
    return Judgement(verdict=Verdict.MATCH)


def _differences(ours: Ours, theirs: Theirs) -> tuple[str, ...]:
    back = theirs.refunded
    agree = {
        "amount": ours.amount == theirs.amount,
        "currency": ours.currency == theirs.currency,
        "captured": ours.captured == theirs.captured,
        "refunded": back is None or ours.refunded <= back <= ours.refunded + ours.reserved,
        "status": ours.status in _SAME.get(theirs.status, frozenset()),
    }
    return tuple(field for field, same in agree.items() if not same)
