"""Merchants, an operator and the compensation refund one payment at once: the ledger judges (I12)."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from devstack.stack import Stack
from domain.ids import Prefix, new_id
from domain.refund import RefundKind, RefundState
from sandbox.client import SandboxClient
from storage import attempts, refunds
from storage.database import Database
from storage.tables import Refund
from tests.live import Json, Shop, eventually, new_key
from tests.patience import PATIENCE
from tests.refunds.test_live import AMOUNT, GATEWAYS, ask, given_back, pay

EACH = 1_500
"""Seconds. Without keys one refund after the other is sent, and each waits for its turn."""


class NothingLeft(Exception):
    """The operator's refund is refused, and nothing of it is kept."""


@pytest.fixture
async def rows(stack: Stack) -> AsyncIterator[Database]:
    url = stack.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    opened = Database(url, pool_size=5)
    yield opened
    await opened.aclose()


async def by_operator(rows: Database, shop: Shop, attempt_id: str, checkout_id: str) -> bool:
    """Accept a refund beside the API, as another actor does: in one transaction with its reservation."""
    refund = Refund(
        id=new_id(Prefix.REFUND),
        checkout_id=checkout_id,
        attempt_id=attempt_id,
        merchant_id=shop.merchant_id,
        idempotency_key=new_key(),
        request_digest=b"",
        kind=RefundKind.MERCHANT,
        amount=EACH,
        status=RefundState.PENDING,
    )
    try:
        async with rows.transaction() as session:
            await attempts.lock(session, attempt_id, checkout_id)
            await refunds.create(session, refund)
            if not await refunds.reserve(session, attempt_id, EACH):
                raise NothingLeft
    except NothingLeft:
        return False
    return True


@GATEWAYS
async def test_twenty_of_all_kinds_at_once(
    stack: Stack,
    shop: Shop,
    sandbox: SandboxClient,
    database: asyncpg.Connection,
    rows: Database,
    gateway: str,
) -> None:
    checkout = await pay(shop, gateway)
    [attempt] = checkout["attempts"]

    async def by_merchant() -> bool:
        return (await ask(shop, checkout, {"amount": EACH}, wait=0)).status_code == 201

    async def by_the_watcher() -> bool:
        """Nobody counts the payment any more: what is left of it has to go back."""
        await database.execute("UPDATE checkouts SET paid_attempt_id = NULL WHERE id = $1", checkout["id"])
        return True

    accepted = await asyncio.gather(
        *(by_merchant() for _ in range(10)),
        *(by_operator(rows, shop, attempt["id"], checkout["id"]) for _ in range(10)),
    )
    assert sum(accepted) == AMOUNT // EACH
    await by_the_watcher()
    more = await asyncio.gather(
        *(by_merchant() for _ in range(5)),
        *(by_operator(rows, shop, attempt["id"], checkout["id"]) for _ in range(5)),
    )
    assert not any(more)

    async def all_back() -> Json | None:
        found: Json = (await shop.get(checkout["id"]))["attempts"][0]
        assert await given_back(sandbox, checkout) <= AMOUNT
        return found if found["status"] == "refunded" else None

    last = await eventually("all of it is back", all_back, within=PATIENCE, every=0.5)
    assert last["amount_refunded"] == AMOUNT
    assert await given_back(sandbox, checkout) == AMOUNT
    made = await sandbox.ledger(reference=attempt["id"])
    amounts = sorted(row["amount"] for row in made if row["kind"] == "refund")
    assert amounts == [AMOUNT % EACH, *[EACH] * (AMOUNT // EACH)]
