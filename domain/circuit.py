"""The circuit of an account and method: closed, open, half open. Pure: the clock is an argument.

    closed --(failures)--> open --(its time is over, one checkout is let through)--> half open
       ^                    ^                                                          |   |
       |                    +----------------(the probe failed: longer)----------------+   |
       +------------------------------------(it worked)------------------------------------+

A circuit is advice: it keeps checkouts away from an account that fails at the moment. An operator's `Mode`
is an order.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from domain.decline import DeclineCode
from domain.outcome import Declined, NotSent, NotSentCause, Outcome, Unknown


class CircuitState(StrEnum):
    CLOSED = "closed"
    """Healthy: everything goes through."""
    OPEN = "open"
    """New checkouts go elsewhere."""
    HALF_OPEN = "half_open"
    """One checkout at a time is let through, to see."""


class Mode(StrEnum):
    """What an operator says of an account."""

    AUTO = "auto"
    """The circuit decides."""
    DRAIN = "drain"
    """No new checkouts; those already planned for it may still be sent."""
    DISABLE = "disable"
    """Nothing is sent any more. What was sent is looked up, closed and refunded as ever."""
    FORCE = "force"
    """The circuit is ignored."""


@dataclass(frozen=True)
class CircuitRules:
    """When a circuit opens and returns. Durations in seconds."""

    failures: int = 5
    """So many failures with no success between them open it; or so many recent ones, where they are ..."""
    share: float = 0.5
    """... at least this share of the recent calls."""
    window: float = 30.0
    """What is recent: a call's weight falls to 1/e in this time."""
    slow_after: float = 15.0
    """An answer that took longer counts as a failure."""
    open_for: float = 15.0
    """How long it stays open the first time; doubled every time that it opens again soon."""
    open_at_most: float = 300.0
    """Where the doubling ends, and how long a circuit has to stay closed for it to begin anew."""
    probe_for: float = 45.0
    """A probe that has not told anything after so long is given up for another one."""


class Sample(NamedTuple):
    """What one call says of an account's health."""

    good: bool
    began: datetime
    """When it was sent: what was sent before a circuit opened or closed says nothing of now."""
    detail: str = ""


@dataclass(frozen=True)
class Circuit:
    state: CircuitState = CircuitState.CLOSED
    good: float = 0.0
    bad: float = 0.0
    """Recent calls, faded, as of `counted_at`. Known only while something fails: see `clean`."""
    streak: int = 0
    """Failures since the last success."""
    counted_at: datetime | None = None
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    retry_at: datetime | None = None
    """From then on it is half open."""
    probing_since: datetime | None = None
    again: int = 0
    """How often it has opened in a row."""
    last_failure: str | None = None

    def clean(self, now: datetime, rules: CircuitRules) -> bool:
        """Closed, and nothing recent against it: successes need not be counted."""
        return self.state is CircuitState.CLOSED and not self.streak and self._faded(now, rules)[1] < 0.1

    def may_probe(self, now: datetime, rules: CircuitRules) -> bool:
        """Whether a checkout may be let through to see whether it works again."""
        match self.state:
            case CircuitState.CLOSED:
                return False
            case CircuitState.OPEN:
                return self.retry_at is not None and now >= self.retry_at
            case CircuitState.HALF_OPEN:
                since = self.probing_since
                return since is None or now >= since + timedelta(seconds=rules.probe_for)

    def shown(self, now: datetime) -> CircuitState:
        """Its state for people: one whose time is over is half open, whether anyone has come by or not."""
        over = self.state is CircuitState.OPEN and self.retry_at is not None and now >= self.retry_at
        return CircuitState.HALF_OPEN if over else self.state

    def probing(self, now: datetime) -> "Circuit":
        """After a checkout has been let through."""
        return replace(self, state=CircuitState.HALF_OPEN, probing_since=now)

    def counted(self, samples: Sequence[Sample], now: datetime, rules: CircuitRules) -> "Circuit":
        """After these calls, in the order of their answers."""
        circuit = self
        for sample in samples:
            circuit = circuit._after(sample, now, rules)
        return circuit

    def _after(self, sample: Sample, now: datetime, rules: CircuitRules) -> "Circuit":
        match self.state:
            case CircuitState.CLOSED:
                if self.closed_at is not None and sample.began < self.closed_at:
                    return self
                return self._count(sample, now, rules)
            case CircuitState.OPEN | CircuitState.HALF_OPEN:
                if sample.good:
                    sent_since = self.opened_at is None or sample.began >= self.opened_at
                    return self._close(now) if sent_since else self
                since = self.probing_since
                probe = self.state is CircuitState.HALF_OPEN and since is not None and sample.began >= since
                return self._open(sample, now, rules) if probe else self

    def _count(self, sample: Sample, now: datetime, rules: CircuitRules) -> "Circuit":
        good, bad = self._faded(now, rules)
        if sample.good:
            return replace(self, good=good + 1, bad=bad, streak=0, counted_at=now)
        after = replace(
            self,
            good=good,
            bad=bad + 1,
            streak=self.streak + 1,
            counted_at=now,
            last_failure=sample.detail or None,
        )
        many = round(after.bad) >= rules.failures and after.bad >= rules.share * (after.good + after.bad)
        return after._open(sample, now, rules) if many or after.streak >= rules.failures else after

    def _open(self, sample: Sample, now: datetime, rules: CircuitRules) -> "Circuit":
        soon = self.state is not CircuitState.CLOSED or (
            self.closed_at is not None and now - self.closed_at < timedelta(seconds=rules.open_at_most)
        )
        again = self.again + 1 if soon else 1
        pause = min(rules.open_for * 2.0 ** min(again - 1, 60), rules.open_at_most)
        return replace(
            self,
            state=CircuitState.OPEN,
            opened_at=now,
            retry_at=now + timedelta(seconds=pause),
            probing_since=None,
            again=again,
            last_failure=sample.detail or None,
        )

    def _close(self, now: datetime) -> "Circuit":
        return replace(
            self,
            state=CircuitState.CLOSED,
            good=0.0,
            bad=0.0,
            streak=0,
            counted_at=now,
            closed_at=now,
            retry_at=None,
            probing_since=None,
        )

    def _faded(self, now: datetime, rules: CircuitRules) -> tuple[float, float]:
        if self.counted_at is None:
            return self.good, self.bad
        factor = math.exp(-max((now - self.counted_at).total_seconds(), 0.0) / rules.window)
        return self.good * factor, self.bad * factor


def sample_of(outcome: Outcome, *, began: datetime, seconds: float, slow_after: float) -> Sample | None:
    """What a gateway's answer to a charge says of the account's health; None: nothing.

    An answer is an answer, whatever it says: a decline by the customer's or the issuer's fault is as good as
    an approval. A decline because of our own set-up may concern one currency or card only, and raises an
    alert of its own.
    """
    match outcome:
        case NotSent(cause=NotSentCause.HELD_BACK):
            return None
        case NotSent(cause=cause, detail=detail):
            return Sample(False, began, f"{cause}: {detail}")
        case Unknown(detail=detail):
            return Sample(False, began, detail)
        case Declined(decline=decline) if decline.code is DeclineCode.GATEWAY_UNAVAILABLE:
            return Sample(False, began, "the gateway says that it is not available")
        case Declined(decline=decline) if decline.category == "configuration":
            return None
        case _ if seconds > slow_after:
            return Sample(False, began, f"answered after {seconds:.1f} s")
        case _:
            return Sample(True, began)
