"""How payments go, over the checkouts accepted in a time: two statements, each one range of an index."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import text
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.checkout import CheckoutStatus
from storage.tables import Alert, Checkout

_CHECKOUTS: Final = text(
    """
    WITH counted AS (
        SELECT
            status,
            currency,
            routing #>> '{country,code}' AS country,
            date_bin(make_interval(secs => :seconds), created_at, :since) AS bucket,
            amount,
            amount_captured,
            amount_refunded,
            status = 'succeeded' AND number = 1 AS at_first,
            status = 'succeeded' AND number > 1 AND EXISTS (
                SELECT FROM attempts
                WHERE attempts.checkout_id = counted.id AND attempts.account <> counted.account
            ) AS saved,
            CASE WHEN status IN ('succeeded', 'failed', 'canceled', 'expired') AND amount_refunded = 0
                THEN extract(epoch FROM updated_at - created_at)
            END AS seconds
        FROM (
            SELECT *, substring(paid_attempt_id FROM '[0-9]+$')::int AS number
            FROM checkouts
            WHERE created_at >= :since AND created_at < :until
        ) AS counted
    )
    SELECT
        CASE
            WHEN grouping(status) = 0 THEN 'status'
            WHEN grouping(country) = 0 THEN 'country'
            WHEN grouping(currency) = 0 THEN 'currency'
            WHEN grouping(bucket) = 0 THEN 'bucket'
            ELSE 'total'
        END AS of,
        status, currency, country, bucket,
        count(*) AS checkouts,
        count(*) FILTER (WHERE counted.status = 'succeeded') AS succeeded,
        count(*) FILTER (WHERE counted.status = 'failed') AS failed,
        count(*) FILTER (WHERE counted.status = 'expired') AS expired,
        count(*) FILTER (WHERE counted.status = 'canceled') AS canceled,
        count(*) FILTER (WHERE at_first) AS at_first,
        count(*) FILTER (WHERE saved) AS saved,
        sum(amount)::bigint AS amount,
        sum(amount_captured)::bigint AS amount_captured,
        sum(amount_refunded)::bigint AS amount_refunded,
        CASE WHEN grouping(status, currency, country, bucket) = 15
            THEN percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY seconds)
        END AS percentiles
    FROM counted
    GROUP BY GROUPING SETS ((), (status, currency), (currency), (country), (bucket))
    """
)

_ATTEMPTS: Final = text(
    """
    SELECT
        attempts.gateway,
        attempts.account,
        count(*) AS attempts,
        count(*) FILTER (WHERE attempts.status IN ('captured', 'authorized', 'refunded')) AS paid,
        count(*) FILTER (WHERE attempts.status = 'declined') AS declined,
        count(*) FILTER (
            WHERE attempts.status IN ('not_sent', 'not_found', 'canceled', 'voided')
        ) AS not_taken
    FROM checkouts
    JOIN attempts ON attempts.checkout_id = checkouts.id
    WHERE checkouts.created_at >= :since AND checkouts.created_at < :until
    GROUP BY attempts.gateway, attempts.account
    ORDER BY count(*) DESC, attempts.account
    """
)


class Overview(NamedTuple):
    groups: Sequence[Any]
    """Rows of figures; `of` says by what each is grouped."""
    accounts: Sequence[Any]
    open_reviews: int
    open_alerts: int


async def overview(session: AsyncSession, since: datetime, until: datetime, seconds: int) -> Overview:
    """`seconds`: the length of a bucket."""
    times = {"since": since, "until": until}
    connection = await session.connection()
    groups = await connection.execute(_CHECKOUTS, {**times, "seconds": seconds})
    accounts = await connection.execute(_ATTEMPTS, times)
    reviews = await session.exec(select(func.count()).where(col(Checkout.status) == CheckoutStatus.IN_REVIEW))
    open_alerts = await session.exec(select(func.count()).where(col(Alert.acknowledged_at).is_(None)))
    return Overview(groups.all(), accounts.all(), int(reviews.one()), int(open_alerts.one()))
