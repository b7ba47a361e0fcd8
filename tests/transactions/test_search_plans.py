"""The operators' list over many checkouts: every question is answered by an index, page by page."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from config.settings import Settings
from domain.checkout import CheckoutStatus, Customer
from storage import checkout_search, overview, personal
from storage.checkout_search import Filters
from storage.database import Database
from storage.tables import Checkout

ROWS = 20_000

SEED = """
INSERT INTO merchants (id, name) VALUES ('mer_1', 'Shop');
INSERT INTO checkouts (
    id, merchant_id, idempotency_key, request_digest, reference, status, amount, currency, capture_method,
    customer, payment_method, allow_redirect, meta, gateway, account, routing, planned_at, created_at,
    paid_attempt_id, amount_captured, amount_refunded
)
SELECT
    'co_' || lpad(n::text, 26, '0'), 'mer_1', n::text, '\\x00', 'order-' || n,
    (ARRAY['succeeded', 'succeeded', 'succeeded', 'succeeded', 'failed', 'expired'])[1 + n % 6],
    1000 + n % 500, (ARRAY['NGN', 'USD', 'EUR', 'KES'])[1 + n % 4], 'automatic',
    '{}',
    jsonb_build_object('type', 'card', 'bin', lpad((400000 + n % 9000)::text, 6, '0')),
    true, '{}', (ARRAY['stripe', 'flutterwave'])[1 + n % 2], (ARRAY['stripe', 'flutterwave'])[1 + n % 2],
    jsonb_build_object('country', jsonb_build_object('code', (ARRAY['NG', 'US', 'DE', 'KE'])[1 + n % 4])),
    now(), now() - make_interval(secs => n * 20), 'att_' || lpad(n::text, 26, '0') || '_1', 0, 0
FROM generate_series(1, ROWS) AS n;
INSERT INTO attempts (id, checkout_id, number, gateway, account, method, status, sends, gateway_payment_id,
    amount_captured, amount_refunded, amount_reserved)
SELECT 'att_' || lpad(n::text, 26, '0') || '_1', 'co_' || lpad(n::text, 26, '0'), 1, 'stripe', 'stripe',
    'card', 'captured', 1, 'pi_' || n, 0, 0, 0
FROM generate_series(1, ROWS) AS n;
"""


@pytest.fixture(scope="module")
async def database(module_database_url: str) -> AsyncIterator[Database]:
    read = Settings(database_url=module_database_url)
    opened = Database(read.sqlalchemy_url, pool_size=2, keys=read.keys)
    async with opened.transaction() as session:
        connection = await session.connection()
        for statement in filter(str.strip, SEED.replace("ROWS", str(ROWS)).split(";\n")):
            await connection.exec_driver_sql(statement)
        await seal(session, f"co_{77:026}", Customer(email="Customer77@example.com"))
    async with opened.engine.connect() as alone:
        await alone.execution_options(isolation_level="AUTOCOMMIT")
        for table in ("checkouts", "attempts", "merchants"):
            await alone.execute(text(f"VACUUM ANALYZE {table}"))
    yield opened
    await opened.aclose()


BEFORE = (datetime(2100, 1, 1, tzinfo=UTC), "co_z")
WANTED = {
    "everything": Filters(),
    "status": Filters(status=CheckoutStatus.FAILED),
    "a rare status": Filters(status=CheckoutStatus.IN_REVIEW),
    "gateway": Filters(gateway="stripe"),
    "an unused gateway": Filters(gateway="adyen"),
    "account": Filters(account="flutterwave"),
    "country": Filters(country="KE"),
    "a rare country": Filters(country="FR"),
    "currency": Filters(currency="EUR"),
    "an unused currency": Filters(currency="JPY"),
    "amount": Filters(amount_min=1100, amount_max=1101),
    "time": Filters(created_to=datetime(2100, 1, 1, tzinfo=UTC)),
    "several": Filters(status=CheckoutStatus.SUCCEEDED, country="NG", currency="NGN", gateway="stripe"),
    "id": Filters(q=f"co_{7:026}"),
    "attempt": Filters(q=f"att_{7:026}_1"),
    "reference": Filters(q="order-19999"),
    "a reference's beginning": Filters(q="order-1999"),
    "payment": Filters(q="pi_4711"),
    "e-mail": Filters(q="customer77@EXAMPLE.com"),
    "card": Filters(q="400123"),
    "nothing": Filters(q="no such thing"),
}


async def seal(session: AsyncSession, checkout_id: str, customer: Customer) -> None:
    """As accepting the checkout would have done."""
    row = await session.get_one(Checkout, checkout_id)
    row.customer = customer.model_dump(mode="json")
    row.sqlmodel_update(await personal.sealed(session, row))
    session.add(row)
    await session.flush()


def scans(plan: dict[str, Any]) -> list[str]:
    """The tables that are read from end to end."""
    own = [plan["Relation Name"]] if plan["Node Type"] == "Seq Scan" else []
    return own + [table for inner in plan.get("Plans", ()) for table in scans(inner)]


@pytest.mark.parametrize("name", WANTED)
async def test_no_table_is_read_from_end_to_end(database: Database, name: str) -> None:
    async with database.transaction() as session:
        customers = await checkout_search.customers_of(session, WANTED[name].q)
        query = checkout_search.page_query(WANTED[name], limit=51, before=BEFORE, customers=customers)
        compiled = str(query.compile(dialect=database.engine.dialect, compile_kwargs={"literal_binds": True}))
        connection = await session.connection()
        explained = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {compiled}")
        [found] = explained.scalar_one()
    assert {"checkouts", "attempts"} & set(scans(found["Plan"])) == set(), found


@pytest.mark.parametrize("name", WANTED)
async def test_a_page_comes_at_once(database: Database, name: str) -> None:
    """The best of a few, on a machine that does other things too."""
    taken: list[float] = []
    for _ in range(4):
        async with database.transaction() as session:
            began = time.perf_counter()
            found = await checkout_search.page(session, WANTED[name], limit=51, before=BEFORE)
            taken.append(time.perf_counter() - began)
    assert min(taken) < 0.2
    shown = [(each.checkout.created_at, each.checkout.id) for each in found]
    assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("id", 1),
        ("attempt", 1),
        ("reference", 1),
        ("a reference's beginning", 11),
        ("payment", 1),
        ("e-mail", 1),
        ("card", 3),
        ("nothing", 0),
        ("a rare status", 0),
    ],
)
async def test_it_finds_what_there_is(database: Database, name: str, count: int) -> None:
    async with database.transaction() as session:
        found = await checkout_search.page(session, WANTED[name], limit=51)
    assert len(found) == count
    if count:
        assert found[0].merchant == "Shop"
        assert found[0].accounts == ["stripe"]


async def test_pages_follow_each_other_without_a_gap(database: Database) -> None:
    seen: list[str] = []
    before = None
    async with database.transaction() as session:
        for _ in range(6):
            found = await checkout_search.page(session, Filters(currency="USD"), limit=40, before=before)
            seen += [each.checkout.id for each in found]
            before = found[-1].checkout.created_at, found[-1].checkout.id
        whole = await checkout_search.page(session, Filters(currency="USD"), limit=240)
    assert seen == [each.checkout.id for each in whole]


async def test_the_overview_of_a_day_is_quick(database: Database) -> None:
    async with database.transaction() as session:
        now = datetime.now(UTC)
        began = time.perf_counter()
        found = await overview.overview(session, now - timedelta(days=1), now, 900)
    assert time.perf_counter() - began < 1
    total = next(row for row in found.groups if row.of == "total")
    assert 4300 < total.checkouts <= 4320
