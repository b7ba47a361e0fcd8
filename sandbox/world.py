"""Everything that one sandbox process holds, handed to whoever needs it."""

import asyncio
from pathlib import Path

from sandbox.database import Database
from sandbox.faults import Faults
from sandbox.ledger import Ledger
from sandbox.listeners import Listeners
from sandbox.objects import Objects
from sandbox.requestlog import RequestLog
from sandbox.settings import Changeable, Settings
from sandbox.timers import Timers
from sandbox.webhooks import Webhooks


class ShuttingDown(Exception):
    """The process ends; whatever was still being waited for does not happen."""


class World:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.database = Database(Path(settings.data_dir) / "sandbox.sqlite3")
        self.changeable = Changeable(self.database, settings)
        self.ledger = Ledger(self.database)
        self.requests = RequestLog(self.database)
        self.objects = Objects(self.database)
        self.faults = Faults(self.database, settings.seed)
        self.listeners = Listeners(self.faults)
        self.timers = Timers(self.database)
        self.webhooks = Webhooks(self.database, self.faults, self.changeable)
        self.closing = asyncio.Event()
        self.pages_url = ""
        """Base URL of the pages, as browsers reach it."""

    async def pause(self, seconds: float) -> None:
        """Raises ShuttingDown where the process ends first."""
        try:
            async with asyncio.timeout(seconds):
                await self.closing.wait()
        except TimeoutError:
            return
        raise ShuttingDown

    async def close(self) -> None:
        """Once no request can arrive any more."""
        await self.timers.stop()
        await self.webhooks.stop()
        self.database.close()
