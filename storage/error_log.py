"""What went wrong with checkouts, in groups: from the timeline, of a time, most frequent first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

MOST: Final = 100
"""Groups that are told."""
_NAMED: Final = 5
"""Checkouts that a group names, the newest."""

GROUPS: Final = text(
    """
    SELECT
        e.kind,
        coalesce(e.data ->> 'account', a.account) AS account,
        coalesce(e.data ->> 'code', e.data ->> 'detail') AS what,
        count(*) AS times,
        count(DISTINCT e.checkout_id) AS checkouts,
        min(e.at) AS first_at,
        max(e.at) AS last_at,
        (array_agg(e.checkout_id ORDER BY e.id DESC))[1:50] AS newest
    FROM checkout_events AS e LEFT JOIN attempts AS a ON a.id = e.attempt_id
    WHERE e.kind IN (
        'attempt.declined', 'attempt.not_sent', 'attempt.unknown', 'attempt.mismatch', 'attempt.late_success',
        'capture.failed', 'capture.refused', 'refund.failed', 'notification.undeliverable'
    ) AND e.at >= :since AND e.at < :until
    GROUP BY 1, 2, 3
    ORDER BY times DESC, last_at DESC
    LIMIT :most
    """
)
"""The kinds are those of the index `ix_checkout_events_errors`, written as it writes them."""


class ErrorGroup(NamedTuple):
    kind: str
    account: str | None
    what: str | None
    """The decline's code, or what the gateway answered."""
    times: int
    checkouts: int
    first_at: datetime
    last_at: datetime
    newest: Sequence[str]
    """Checkouts that it happened to lately."""


async def groups(session: AsyncSession, since: datetime, until: datetime) -> Sequence[ErrorGroup]:
    connection = await session.connection()
    rows = await connection.execute(GROUPS, {"since": since, "until": until, "most": MOST})
    return [
        ErrorGroup(**{**row._mapping, "newest": list(dict.fromkeys(row.newest))[:_NAMED]}) for row in rows
    ]
