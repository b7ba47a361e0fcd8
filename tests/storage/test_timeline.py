"""The lines of a timeline: all of a transaction's, in their order, or none."""

import pytest

from domain.ids import Prefix, new_id
from storage import checkouts
from storage.database import Database
from storage.events import tell, timeline
from storage.merchants import create_merchant
from tests.screening.test_counting import row_of
from tests.workflow.world import settings


class Lost(Exception):
    """The transaction fails before its commit."""


async def _tell_and_fail(database: Database, checkout_id: str) -> None:
    async with database.transaction() as session:
        tell(session, checkout_id, "never")
        raise Lost


async def test_lines_come_with_their_transaction(module_database_url: str) -> None:
    read = settings(module_database_url)
    database = Database(read.sqlalchemy_url, pool_size=2, keys=read.keys)
    async with database.transaction() as session:
        merchant = await create_merchant(session, new_id(Prefix.MERCHANT))
    checkout = row_of(merchant.id)
    async with database.transaction() as session:
        await checkouts.create(session, checkout)
        tell(session, checkout.id, "first", attempt_id="att_1", number=1)
        tell(session, checkout.id, "second")
    with pytest.raises(Lost):
        await _tell_and_fail(database, checkout.id)
    async with database.transaction() as session:
        tell(session, checkout.id, "third")
    async with database.transaction() as session:
        told = await timeline(session, checkout.id)
    assert [line.kind for line in told] == ["checkout.created", "first", "second", "third"]
    assert (told[1].attempt_id, told[1].data) == ("att_1", {"number": 1})
    await database.aclose()
