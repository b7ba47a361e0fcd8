"""Money that no checkout counts is found, however long ago it came, by whoever looks at everything (I13)."""

from datetime import UTC, datetime, timedelta

from domain.attempt import AttemptStatus
from domain.ids import Prefix, attempt_id, new_id
from storage import attempts, checkouts
from storage.database import Database
from storage.merchants import create_merchant
from storage.tables import Attempt
from tests.screening.test_counting import row_of
from tests.workflow.world import settings


async def test_recent_and_old_strays(module_database_url: str) -> None:
    read = settings(module_database_url)
    database = Database(read.sqlalchemy_url, pool_size=2, keys=read.keys)
    now = datetime.now(UTC)
    made = {}
    async with database.transaction() as session:
        merchant = await create_merchant(session, new_id(Prefix.MERCHANT))
        for name, ago in (("recent", 10), ("old", 3600)):
            checkout = row_of(merchant.id)
            await checkouts.create(session, checkout)
            made[name] = attempt_id(checkout.id, 1)
            session.add(
                Attempt(
                    id=made[name],
                    checkout_id=checkout.id,
                    number=1,
                    gateway="stripe",
                    account="stripe",
                    method="card",
                    status=AttemptStatus.CAPTURED,
                    sent_at=now - timedelta(seconds=ago + 1),
                    ended_at=now - timedelta(seconds=ago),
                )
            )
    async with database.transaction() as session:
        every = {each.id for each in await attempts.stray_money(session, limit=1000)}
        recent = {each.id for each in await attempts.stray_money(session, limit=1000, since=300)}
    assert {made["recent"], made["old"]} <= every
    assert made["recent"] in recent
    assert made["old"] not in recent
    await database.aclose()
