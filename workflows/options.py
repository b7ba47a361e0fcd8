"""Every timeout and retry policy, in one place.

Activities are repeated until they succeed: what they do is safe to repeat, and the outage of a database or a
gateway ends some day. A checkout's own deadlines are timers in its workflow, not activity time-outs.
"""

from datetime import timedelta
from typing import Final

from temporalio.common import RetryPolicy

LOCAL_TIMEOUT: Final = timedelta(seconds=10)
"""Start-to-close of a local activity: one short database transaction."""

LOCAL_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=5)
)

GATEWAY_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=200),
    backoff_coefficient=2,
    maximum_interval=timedelta(seconds=10),
)
"""For all that asks a gateway: only our own faults are repeated so. Sends and look-ups answer with an
outcome; captures and voids, which repeat until that is definite, name the pauses of look-ups for it."""

SCAN_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=4, maximum_attempts=5
)
"""For listing an account's disputes: what stays unanswered is asked again by the next scan."""

NOTHING_YET: Final = 6
"""Looks at a payment of whose dispute a webhook told and whose look-up shows none, before it is given up."""

CAPTURE_PATIENCE: Final = timedelta(seconds=2)
"""How long a capture waited for the run to hear that the payment is authorized, before it waited for it."""

OVERDUE_PAUSE: Final = timedelta(days=1)
"""Between looks at late money whose return is overdue: a person knows, webhooks still wake the watcher."""

LOOKS_A_RUN: Final = 50
"""Looks of a watcher, of about eleven events each, after which it begins a new history."""

NOTIFICATION_TIMEOUT: Final = timedelta(seconds=30)
"""One delivery to a merchant (at most 10 s) and two short database transactions."""

NOTIFICATION_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=5), backoff_coefficient=2, maximum_interval=timedelta(hours=1)
)
"""For faults of our own, such as a database that is away. After a merchant's refusal the activity itself
names the next pause, from a schedule."""

NOTIFICATION_ENDING: Final = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)
)
"""For writing down that a notification is given up: until it is written."""

LISTING_TIMEOUT: Final = timedelta(minutes=30)
"""For some pages of a gateway's list with their look-ups; a heartbeat keeps where it has got to."""

LISTING_HEARTBEAT: Final = timedelta(minutes=3)
"""Longest silence: one payment's look-ups, at most four calls of the adapters' 28 s."""

LISTING_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(seconds=2),
    backoff_coefficient=2,
    maximum_interval=timedelta(minutes=5),
    maximum_attempts=12,
)
"""A gateway that does not answer for half an hour is asked again by the next reconciliation."""

FROZEN_INTERVALS: Final = (1, 2, 4, 8, 15, 30)
"""Seconds between looks whether charges are still frozen; the last one repeats."""

FROZEN_PAUSE: Final = timedelta(minutes=5)
"""The longest that a frozen refund waits before it looks again."""

FROZEN_WATCH: Final = timedelta(minutes=15)
"""The longest that a watcher with money, frozen, waits before it looks again."""
