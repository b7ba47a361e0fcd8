"""What operators measure. Counted once the transaction that records it has committed.

The instruments belong to the exporter of the Temporal SDK: one port of the worker (`METRICS_PORT`)
serves these and the SDK's. Without the setting they cost nothing.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import event
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio import activity

from domain.attempt import AttemptStatus
from domain.checkout import CheckoutStatus
from domain.screening import Assessment
from storage.tables import Attempt

_COUNTS: Final = "counts"
CHECKOUTS: Final = "smartpay_checkouts_total"
ATTEMPTS: Final = "smartpay_attempts_total"
SCREENINGS: Final = "smartpay_screenings_total"
RESOLUTION: Final = "smartpay_unknown_resolution_seconds"

RESOLUTION_BUCKETS: Final = (
    1.0,
    5.0,
    15.0,
    60.0,
    300.0,
    600.0,
    900.0,
    3600.0,
    6 * 3600.0,
    86400.0,
    7 * 86400.0,
)
"""Seconds: look-ups within the first minute, quiet periods of 5 and 10 minutes, review after 6 hours."""


def checkout_ended(session: AsyncSession, status: CheckoutStatus) -> None:
    """A checkout has reached this final status."""

    def count() -> None:
        meter = activity.metric_meter()
        meter.create_counter(CHECKOUTS, "Checkouts by final status").add(1, {"status": status})

    _once_committed(session, count)


def checkout_screened(session: AsyncSession, assessment: Assessment) -> None:
    """Screening has judged a checkout."""
    labels = {"verdict": assessment.verdict, "enforced": "yes" if assessment.enforced else "no"}

    def count() -> None:
        meter = activity.metric_meter()
        meter.create_counter(SCREENINGS, "Checkouts by what screening says of them").add(1, labels)

    _once_committed(session, count)


def attempt_ended(session: AsyncSession, attempt: Attempt, status: AttemptStatus) -> None:
    """An attempt has come to this; where it was unknown before, that took so long."""
    account, since = attempt.account, attempt.unknown_since

    def count() -> None:
        meter = activity.metric_meter()
        attempts = meter.create_counter(ATTEMPTS, "Attempts by outcome; one sent again may count again")
        attempts.add(1, {"account": account, "outcome": status})
        if since is not None:
            seconds = max((datetime.now(UTC) - since).total_seconds(), 0.0)
            description = "From the first unknown outcome of an attempt to its definite one"
            resolution = meter.create_histogram_float(RESOLUTION, description)
            resolution.record(seconds, {"account": account, "result": status})

    _once_committed(session, count)


def _once_committed(session: AsyncSession, count: Callable[[], None]) -> None:
    session.info.setdefault(_COUNTS, []).append(count)


@event.listens_for(Session, "after_commit")
def _committed(session: Session) -> None:
    """Heard of every session: to listen to one alone, and to stop, takes longer than to count."""
    for count in session.info.pop(_COUNTS, ()):
        count()
