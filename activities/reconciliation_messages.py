"""What passes between the reconciliation's workflows and activities: ids, times and counts only."""

from datetime import datetime

from domain.outcome import Frozen
from domain.reconciliation import ReconciliationStatus


class Reconcilable(Frozen):
    """What the settings say, decided once per run."""

    accounts: tuple[str, ...]
    """Those with credentials."""
    window: float
    """Seconds back from now."""


class BeginReconciliation(Frozen):
    id: str
    account: str
    since: datetime
    until: datetime


class Watching(Frozen):
    """How an attempt is watched: see `WATCH_INTERVALS`, `WATCH_FOR`. Seconds."""

    intervals: tuple[float, ...]
    watch_for: float
    timeout: float


class ReconcilePart(Frozen):
    id: str
    cursor: str | None = None
    """Where to go on; None: at the beginning."""


class Stray(Frozen):
    """An attempt on which the gateway has money that we do not count."""

    checkout_id: str
    attempt_id: str
    account: str
    abandoned: bool
    """Its checkout has gone on or ended: a watcher gives the money back. Else its run looks it up."""


class ReconciliationPart(Frozen):
    cursor: str | None = None
    """For the next part; None: this was the last."""
    strays: tuple[Stray, ...] = ()


class EndReconciliation(Frozen):
    id: str
    status: ReconciliationStatus
    detail: str | None = None


class ReconciliationEnd(Frozen):
    counts: dict[str, int]
    """`Verdict` -> how many."""
