"""Freezing and thawing as an operator does, straight in the database."""

from domain.switches import EVERYTHING, Switch
from storage import switches
from storage.database import Database


class Hand:
    """On the switches of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def freeze(self, switch: Switch, account: str = EVERYTHING) -> None:
        async with self._database.transaction() as session:
            await switches.freeze(session, switch, account, actor="test", reason="to see what happens")

    async def thaw(self, switch: Switch, account: str = EVERYTHING) -> None:
        async with self._database.transaction() as session:
            assert await switches.thaw(session, switch, account, actor="test", reason="seen")
