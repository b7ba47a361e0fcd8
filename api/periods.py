"""The stretch of time that an operator asks about."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import Query

from api.errors import InvalidRequest

Since = Annotated[datetime | None, Query(description="From then on; a day before if left out.")]
Until = Annotated[datetime | None, Query(description="Until just before; now if left out.")]


def period(
    since: datetime | None, until: datetime | None, *, longest: timedelta
) -> tuple[datetime, datetime]:
    """Its begin and end in UTC. Raises InvalidRequest where a zone lacks, or it is empty or too long."""
    end = _in_utc("until", until) or datetime.now(UTC)
    begin = _in_utc("since", since) or end - timedelta(days=1)
    if not timedelta(0) < end - begin <= longest:
        raise InvalidRequest.at(
            "query:since", "invalid", f"must be before `until`, by at most {longest.days} days"
        )
    return begin, end


def _in_utc(name: str, when: datetime | None) -> datetime | None:
    if when is not None and when.tzinfo is None:
        raise InvalidRequest.at(f"query:{name}", "invalid", "must be a time with its zone (RFC 3339)")
    return None if when is None else when.astimezone(UTC)
