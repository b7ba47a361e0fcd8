"""Scores from recorded attempts, in a real database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from activities.account_health import AccountHealth, groups
from config.settings import Settings
from domain.attempt import AttemptStatus
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.ids import Prefix, attempt_id, new_id
from routing.scores import Scores
from storage import merchants, scores
from storage.database import Database
from storage.tables import AccountScoresState, Attempt, Checkout

HALF_LIFE = 600.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    settings = Settings(database_url=database_url)
    opened = Database(settings.sqlalchemy_url, pool_size=5, keys=settings.keys)
    async with opened.transaction() as session:
        state = (await session.exec(select(AccountScoresState))).one()
        state.counted_to = datetime.now(UTC) - timedelta(days=1)
    yield opened
    await opened.aclose()


@pytest.fixture
async def merchant_id(database: Database) -> str:
    async with database.transaction() as session:
        return (await merchants.create_merchant(session, "Shop")).id


def declined(code: DeclineCode) -> dict[str, Any]:
    told = Decline(category=DeclineCategory.SOFT, code=code, message="-")
    return told.model_dump(mode="json")


async def attempt(
    database: Database,
    merchant_id: str,
    status: AttemptStatus,
    code: DeclineCode | None = None,
    *,
    account: str = "stripe",
    ago: float = 10,
    by_bin: str | None = "NG",
) -> None:
    """One that ended so many seconds ago."""
    checkout_id = new_id(Prefix.CHECKOUT)
    checkout = Checkout(
        id=checkout_id,
        merchant_id=merchant_id,
        idempotency_key=checkout_id,
        request_digest=b"",
        reference=None,
        status="processing",
        amount=100,
        currency="NGN",
        capture_method="automatic",
        customer={},
        payment_method={"type": "card", "bin": "539983"},
        allow_redirect=False,
        gateway_choice=None,
        return_url=None,
        notification_url=None,
        meta={},
        routing={"country": {"code": "GH", "by_bin": by_bin}},
    )
    async with database.transaction() as session:
        session.add(checkout)
        await session.flush()
        session.add(
            Attempt(
                id=attempt_id(checkout_id, 1),
                checkout_id=checkout_id,
                number=1,
                gateway=account,
                account=account,
                method="card",
                status=status,
                decline=None if code is None else declined(code),
                ended_at=datetime.now(UTC) - timedelta(seconds=ago),
            )
        )


async def learn(database: Database) -> int:
    async with database.transaction() as session:
        return await scores.learn(session, groups, half_life=HALF_LIFE)


async def read(database: Database) -> Scores:
    process = AccountHealth()
    await process.look(database)
    return process.scores


async def test_only_what_is_the_accounts_fault_counts_against_it(
    database: Database, merchant_id: str
) -> None:
    status = AttemptStatus
    for good in (status.CAPTURED, status.AUTHORIZED, status.VOIDED):
        await attempt(database, merchant_id, good)
    for bad in (status.NOT_SENT, status.NOT_FOUND):
        await attempt(database, merchant_id, bad)
    for code in (DeclineCode.PROCESSING_ERROR, DeclineCode.GENERIC_DECLINE):
        await attempt(database, merchant_id, status.DECLINED, code)
    for code in (DeclineCode.INSUFFICIENT_FUNDS, DeclineCode.DO_NOT_HONOR, DeclineCode.SUSPECTED_FRAUD):
        await attempt(database, merchant_id, status.DECLINED, code)
    await attempt(database, merchant_id, status.CANCELED)
    await attempt(database, merchant_id, status.CAPTURED, ago=0)  # may not be committed everywhere yet
    assert await learn(database) == 11
    known = await read(database)
    assert known.version == 1
    groups_known = ["", "card", "card/NGN", "card/NGN/NG", "card/NGN/NG/mastercard"]
    assert sorted(known.tallies) == [("stripe", group) for group in groups_known]
    for tally in known.tallies.values():
        assert (round(tally.good, 1), round(tally.bad, 1)) == (3.0, 4.0)


async def test_every_attempt_is_counted_once_whoever_counts(database: Database, merchant_id: str) -> None:
    for _ in range(20):
        await attempt(database, merchant_id, AttemptStatus.CAPTURED)
    assert sum(await asyncio.gather(*(learn(database) for _ in range(5)))) == 20
    assert await learn(database) == 0
    known = await read(database)
    assert known.version == 1
    assert round(known.tallies["stripe", ""].good) == 20


async def test_what_is_long_ago_fades(database: Database, merchant_id: str) -> None:
    for _ in range(8):
        await attempt(database, merchant_id, AttemptStatus.NOT_SENT, ago=2 * HALF_LIFE)
    await learn(database)
    assert round((await read(database)).tallies["stripe", ""].bad, 1) == 2.0
    async with database.transaction() as session:
        await scores._fade(session, datetime.now(UTC) + timedelta(seconds=HALF_LIFE), HALF_LIFE)
    async with database.transaction() as session:
        assert round((await scores.read(session)).tallies["stripe", ""][1], 1) == 1.0


async def test_without_a_bin_the_payers_country_counts(database: Database, merchant_id: str) -> None:
    await attempt(database, merchant_id, AttemptStatus.CAPTURED, by_bin=None)
    await learn(database)
    assert ("stripe", "card/NGN/GH") in (await read(database)).tallies
