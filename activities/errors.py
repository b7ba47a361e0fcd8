"""The one place that says which fault is tried again.

Everything is, by default: a database or network fault of ours ends when the outage does. Two kinds are
not: a checkout that does not exist cannot be helped by repeating, and an unclear money movement must be
looked up before it is repeated, which the activity itself does at its next try.
"""

from datetime import timedelta

from temporalio.exceptions import ApplicationError, ApplicationErrorCategory


class Gone(ApplicationError):
    """The row that the activity is about does not exist. Never retried."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} does not exist", type="Gone", non_retryable=True)


class Unsettled(ApplicationError):
    """The gateway has not given a definite answer yet. Retried after `pause`, else with backoff."""

    def __init__(self, what: str, *, pause: timedelta | None = None) -> None:
        super().__init__(what, type="Unsettled", next_retry_delay=pause)


class NotAcknowledged(ApplicationError):
    """A merchant's address did not take a notification. Retried after `pause`; not logged as a fault."""

    def __init__(self, why: str, *, pause: timedelta) -> None:
        benign = ApplicationErrorCategory.BENIGN
        super().__init__(why, type="NotAcknowledged", next_retry_delay=pause, category=benign)


class NotListed(ApplicationError):
    """The gateway did not answer with its list of payments. Retried, after `pause` seconds where it named
    them."""

    def __init__(self, why: str, *, pause: float | None = None) -> None:
        delay = None if pause is None else timedelta(seconds=pause)
        benign = ApplicationErrorCategory.BENIGN
        super().__init__(why, type="NotListed", next_retry_delay=delay, category=benign)
