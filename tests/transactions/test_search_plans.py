"""The operators' list over many checkouts: every question is answered by an index, page by page."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession

from bench.many_checkouts import analyze, checkout_id, insert_checkouts
from config.settings import Settings
from domain.checkout import CheckoutStatus, Customer
from storage import checkout_search, error_log, overview, personal
from storage.checkout_search import Filters
from storage.database import Database
from storage.tables import Checkout

ROWS = 20_000


@pytest.fixture(scope="module")
async def database(module_database_url: str) -> AsyncIterator[Database]:
    read = Settings(database_url=module_database_url)
    opened = Database(read.sqlalchemy_url, pool_size=2, keys=read.keys)
    async with opened.transaction() as session:
        await insert_checkouts(session, ROWS)
        await seal(session, checkout_id(77), Customer(email="Customer77@example.com"))
    await analyze(opened)
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
    "id": Filters(q=checkout_id(7)),
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
async def test_a_page_is_newest_first(database: Database, name: str) -> None:
    async with database.transaction() as session:
        found = await checkout_search.page(session, WANTED[name], limit=51, before=BEFORE)
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


async def test_the_overview_of_a_day_counts_that_day(database: Database) -> None:
    async with database.transaction() as session:
        now = datetime.now(UTC)
        found = await overview.overview(session, now - timedelta(days=1), now, 900)
    total = next(row for row in found.groups if row.of == "total")
    assert 4300 < total.checkouts <= 4320


async def test_errors_are_found_by_an_index_that_is_written_for_errors_alone(database: Database) -> None:
    """A small table is read from end to end whatever it has: forbidden here, to see that the index fits."""
    now = datetime.now(UTC)
    written = str(error_log.GROUPS.text)
    for name, value in {"since": f"'{now - timedelta(days=1)}'", "until": f"'{now}'", "most": "10"}.items():
        written = written.replace(f":{name}", value)
    async with database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explained = await connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {written}")
        assert "ix_checkout_events_errors" in str(explained.scalar_one())
        assert await error_log.groups(session, now - timedelta(days=1), now) == []
