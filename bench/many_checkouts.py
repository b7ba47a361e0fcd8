"""Many checkouts by SQL: succeeded, failed and expired ones, in four currencies and at two gateways."""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.database import Database
from storage.tables import Merchant

MERCHANT: Final = "mer_1"

_ROWS: Final = """
INSERT INTO checkouts (
    id, merchant_id, idempotency_key, request_digest, reference, status, amount, currency, capture_method,
    customer, payment_method, allow_redirect, meta, gateway, account, routing, planned_at, created_at,
    paid_attempt_id, amount_captured, amount_refunded
)
SELECT
    'co_' || lpad(n::text, 26, '0'), 'MERCHANT', n::text, '\\x00', 'order-' || n,
    (ARRAY['succeeded', 'succeeded', 'succeeded', 'succeeded', 'failed', 'expired'])[1 + n % 6],
    1000 + n % 500, (ARRAY['NGN', 'USD', 'EUR', 'KES'])[1 + n % 4], 'automatic',
    '{}', jsonb_build_object('type', 'card', 'bin', lpad((400000 + n % 9000)::text, 6, '0')),
    true, '{}', (ARRAY['stripe', 'flutterwave'])[1 + n % 2], (ARRAY['stripe', 'flutterwave'])[1 + n % 2],
    jsonb_build_object('country', jsonb_build_object('code', (ARRAY['NG', 'US', 'DE', 'KE'])[1 + n % 4])),
    now(), now() - make_interval(secs => n * 20), 'att_' || lpad(n::text, 26, '0') || '_1', 0, 0
FROM generate_series(FIRST, LAST) AS n;
INSERT INTO attempts (id, checkout_id, number, gateway, account, method, status, sends, gateway_payment_id,
    amount_captured, amount_refunded, amount_reserved)
SELECT 'att_' || lpad(n::text, 26, '0') || '_1', 'co_' || lpad(n::text, 26, '0'), 1, 'stripe', 'stripe',
    'card', 'captured', 1, 'pi_' || n, 0, 0, 0
FROM generate_series(FIRST, LAST) AS n;
"""
_AT_ONCE: Final = 5_000
"""Rows of one statement: the audit log's triggers write as many entries, and no statement runs for ever."""
_TABLES: Final = ("checkouts", "attempts", "merchants", "data_keys")


async def insert_checkouts(session: AsyncSession, rows: int) -> None:
    """The newest is `checkout_id(1)`; each one is 20 seconds older than the one before."""
    session.add(Merchant(id=MERCHANT, name="Shop"))
    await session.flush()
    connection = await session.connection()
    for first in range(1, rows + 1, _AT_ONCE):
        for statement in _statements(first, min(first + _AT_ONCE - 1, rows)):
            await connection.exec_driver_sql(statement)


async def analyze(database: Database) -> None:
    """What PostgreSQL does by itself after a while: a planner that knows nothing decides by guesses."""
    async with database.engine.connect() as alone:
        await alone.execution_options(isolation_level="AUTOCOMMIT")
        for table in _TABLES:
            await alone.execute(text(f"VACUUM ANALYZE {table}"))


def checkout_id(number: int) -> str:
    return f"co_{number:026}"


def _statements(first: int, last: int) -> Iterator[str]:
    written = _ROWS.replace("MERCHANT", MERCHANT).replace("FIRST", str(first)).replace("LAST", str(last))
    return filter(str.strip, written.split(";\n"))
