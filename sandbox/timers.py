"""What happens later by itself: prompts that get answered, pages that lapse. Survives a restart."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from sandbox.clock import now
from sandbox.database import Database

_LONGEST_NAP = 60.0
log = logging.getLogger(__name__)


class Timers:
    """Runs `handlers[gateway](action, subject)` when due, in the transaction that removes the timer."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.handlers: dict[str, Callable[[str, str], None]] = {}

    def set(self, gateway: str, action: str, subject: str, due: float) -> None:
        """`due` in seconds since 1970; a second call moves it."""
        self._database.run(
            "INSERT INTO timer (gateway, action, subject, due) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (gateway, action, subject) DO UPDATE SET due = excluded.due",
            gateway,
            action,
            subject,
            due,
        )
        self._database.after_commit(self._changed.set)

    def clear(self, gateway: str, action: str, subject: str) -> None:
        self._database.run(
            "DELETE FROM timer WHERE gateway = ? AND action = ? AND subject = ?", gateway, action, subject
        )

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            self._changed.clear()
            self._run_due()
            following = self._database.row("SELECT MIN(due) AS due FROM timer")
            nap = _LONGEST_NAP
            if following is not None and following["due"] is not None:
                nap = min(max(following["due"] - now(), 0.0), _LONGEST_NAP)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), nap)

    def _run_due(self) -> None:
        due = self._database.rows(
            "SELECT gateway, action, subject FROM timer WHERE due <= ? ORDER BY due", now()
        )
        for timer in due:
            try:
                with self._database.transaction():
                    self.clear(timer["gateway"], timer["action"], timer["subject"])
                    self.handlers[timer["gateway"]](timer["action"], timer["subject"])
            except Exception:
                log.exception("timer failed: %s %s %s", *timer)
                self.clear(timer["gateway"], timer["action"], timer["subject"])
