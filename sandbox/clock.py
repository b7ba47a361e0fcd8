"""Wall-clock time, in the two shapes that the sandbox writes."""

import time
from datetime import UTC, datetime


def now() -> float:
    """Seconds since 1970, UTC."""
    return time.time()


def rfc3339(moment: float) -> str:
    """For example `2026-01-31T09:30:00.123456Z`."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def milliseconds(moment: float) -> str:
    """For example `2026-01-31T09:30:00.123Z`, the way Flutterwave writes times."""
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
