"""`/v1/admin/overview`: how payments go."""

from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import APIRouter

from api.auth import Parts
from api.errors import Forbidden, InvalidRequest, Unauthorized, Unavailable, problem_responses
from api.operators import Viewing
from api.periods import Since, Until, period
from api.schemas_overview import (
    AccountFigures,
    Bucket,
    CountryFigures,
    CurrencyFigures,
    Figures,
    Overview,
    StatusFigures,
)
from storage import overview as queries

router = APIRouter(prefix="/overview")

_LONGEST: Final = timedelta(days=366)
_BUCKETS: Final = (60, 300, 900, 3600, 3 * 3600, 6 * 3600, 86400, 7 * 86400)
"""Seconds. The shortest that makes at most 100 of them is taken."""
_MOST_BUCKETS: Final = 100
_MOST_COUNTRIES: Final = 50


@router.get(
    "",
    response_model=Overview,
    summary="Read the overview",
    responses=problem_responses(Unauthorized, Forbidden, InvalidRequest, Unavailable),
)
async def get(
    parts: Parts,
    _operator: Viewing,
    since: Since = None,
    until: Until = None,
) -> Overview:
    """Of the checkouts accepted in the time, as they stand now. At most 366 days."""
    begin, end = period(since, until, longest=_LONGEST)
    length = (end - begin).total_seconds()
    seconds = next((each for each in _BUCKETS if length / each <= _MOST_BUCKETS), _BUCKETS[-1])
    begin = begin.replace(microsecond=0) - timedelta(seconds=int(begin.timestamp()) % min(seconds, 86400))
    async with parts.database.transaction() as session:
        found = await queries.overview(session, begin, end, seconds)
    return _view(found, begin, end, seconds)


def _view(found: queries.Overview, since: datetime, until: datetime, seconds: int) -> Overview:
    groups: dict[str, list[Any]] = {name: [] for name in ("total", "status", "currency", "country", "bucket")}
    for row in sorted(found.groups, key=lambda row: -int(row.checkouts)):
        groups[row.of].append(row)
    total = groups["total"][0]
    countries = groups["country"][:_MOST_COUNTRIES]
    median, p95 = total.percentiles or (None, None)
    return Overview(
        since=since,
        until=until,
        bucket_seconds=seconds,
        totals=Figures(**_figures(total)),
        median_seconds=median,
        p95_seconds=p95,
        statuses=[
            StatusFigures(status=row.status, checkouts=row.checkouts, **_sums(row))
            for row in groups["status"]
        ],
        accounts=[_account(row) for row in found.accounts],
        countries=[CountryFigures(country=row.country, **_figures(row)) for row in countries],
        currencies=[CurrencyFigures(**_figures(row), **_sums(row)) for row in groups["currency"]],
        buckets=_buckets(groups["bucket"], since, until, seconds),
        open_reviews=found.open_reviews,
        open_alerts=found.open_alerts,
    )


def _figures(row: Any) -> dict[str, Any]:
    ended = row.succeeded + row.failed + row.expired
    return {
        "checkouts": row.checkouts,
        "succeeded": row.succeeded,
        "failed": row.failed,
        "expired": row.expired,
        "canceled": row.canceled,
        "open": row.checkouts - ended - row.canceled,
        "success_rate": _rate(row.succeeded, ended),
        "first_attempt_rate": _rate(row.at_first, ended),
        "saved_by_failover": row.saved,
    }


def _sums(row: Any) -> dict[str, Any]:
    return {
        "currency": row.currency,
        "amount": row.amount,
        "amount_captured": row.amount_captured,
        "amount_refunded": row.amount_refunded,
    }


def _rate(part: int, whole: int) -> float | None:
    return None if whole == 0 else round(part / whole, 4)


def _account(row: Any) -> AccountFigures:
    known = row.paid + row.declined + row.not_taken
    return AccountFigures(
        gateway=row.gateway,
        account=row.account,
        attempts=row.attempts,
        paid=row.paid,
        declined=row.declined,
        not_taken=row.not_taken,
        undecided=row.attempts - known,
        success_rate=_rate(row.paid, known),
    )


def _buckets(rows: list[Any], since: datetime, until: datetime, seconds: int) -> list[Bucket]:
    known = {row.bucket: _figures(row) for row in rows}
    empty = _figures(_EMPTY)
    buckets: list[Bucket] = []
    at = since
    while at < until:
        buckets.append(Bucket(at=at, **known.get(at, empty)))
        at += timedelta(seconds=seconds)
    return buckets


class _Empty:
    checkouts = succeeded = failed = expired = canceled = at_first = saved = 0


_EMPTY: Final = _Empty()
