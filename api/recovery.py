"""Runs that ought to be there and are not: Temporal's data was lost, restored from an old backup, or a person
terminated them (T3, T4). What they are about is in PostgreSQL, so they are started again.

Every API process walks through the open rows, some at a time, and asks Temporal after each. A walk that finds
a loss goes on sooner. Starting twice is harmless, and so is starting wrongly: a run does again what the rows
say is left to do, and an attempt that may have been sent is looked up before it is sent again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

import structlog
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from api.refund_runs import refund_run_id, start_refund
from api.runs import RPC_TIMEOUT, calling_temporal, run_id, start_checkout, start_watcher
from api.services import Services
from storage import recovery
from storage.events import cancel_requested, capture_under_way
from storage.tables import Attempt, Checkout, Notification, Refund
from workflows.messages import CheckoutInput

log = structlog.get_logger()

EVERY = 10.0
"""Seconds between two steps of a walk."""
SOON = 0.5
"""Seconds, where the last step has found a loss: then there are more."""
BATCH = 100
AT_ONCE = 10
"""Questions to Temporal at a time."""

Row = TypeVar("Row", Checkout, Attempt, Refund, Notification)


@dataclass
class Walk(Generic[Row]):
    """Through the rows of one kind, by id, and from the beginning again."""

    page: Callable[[AsyncSession, str], Awaitable[Sequence[Row]]]
    """The next rows after this id."""
    look: Callable[[Row], Awaitable[bool]]
    """Asks after the row's run; True where it was lost and is started again."""
    after: str = field(default="")

    async def step(self, parts: Services) -> int:
        """Look at the next rows; how many runs were lost. Raises RPCError or SQLAlchemyError."""
        async with parts.database.transaction() as session:
            rows = await self.page(session, self.after)
        self.after = rows[-1].id if len(rows) == BATCH else ""
        lost = 0
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            answers = await asyncio.gather(*(self.look(row) for row in some), return_exceptions=True)
            for answer in answers:
                if isinstance(answer, BaseException):
                    raise answer
                lost += answer
        return lost


class Recovery:
    def __init__(self, parts: Services) -> None:
        self._parts = parts
        self._quiet = parts.settings.recover_after
        self._walks = (
            Walk(self._checkouts, self._checkout),
            Walk(self._attempts, self._attempt),
            Walk(self._refunds, self._refund),
            Walk(self._notifications, self._notification),
        )

    async def for_ever(self) -> None:
        while True:
            lost = 0
            try:
                lost = await self.step()
            except Exception as error:  # whatever it was: nobody else would start the walk again
                log.warning("recovery.failed", error=type(error).__name__)
            await asyncio.sleep(SOON if lost else EVERY)

    async def step(self) -> int:
        """One step of every walk; how many runs were started again."""
        return sum([await walk.step(self._parts) for walk in self._walks])

    async def _checkouts(self, session: AsyncSession, after: str) -> Sequence[Checkout]:
        return await recovery.quiet_checkouts(session, quiet_for=self._quiet, after=after, limit=BATCH)

    async def _checkout(self, checkout: Checkout) -> bool:
        parts = self._parts
        if await _runs(parts.temporal, run_id(checkout.id)):
            return False
        async with parts.database.transaction() as session:
            row = await recovery.still_open(session, checkout.id)
            anew = CheckoutInput(
                checkout_id=checkout.id,
                canceled=await cancel_requested(session, checkout.id),
                capturing=await capture_under_way(session, checkout.id),
            )
        if row is None:
            return False  # it has ended between the two questions
        await start_checkout(parts.temporal, parts.settings, row, anew=anew)
        async with parts.database.transaction() as session:
            await recovery.restarted(session, checkout.id)
        log.warning("recovery.restarted", checkout=checkout.id)
        return True

    async def _attempts(self, session: AsyncSession, after: str) -> Sequence[Attempt]:
        watch_for = self._parts.settings.watch_for
        return await recovery.left_behind(
            session, quiet_for=self._quiet, watch_for=watch_for, after=after, limit=BATCH
        )

    async def _attempt(self, attempt: Attempt) -> bool:
        """A watcher ends by itself when its time is over; one that ended sooner was a single look."""
        parts = self._parts
        sent_at = attempt.sent_at or attempt.created_at
        ends = sent_at + timedelta(seconds=parts.settings.watch_for)
        if await _runs(parts.temporal, f"watch/{attempt.id}"):
            return False
        left = (ends - datetime.now(UTC)).total_seconds()
        if left <= 0:
            return False
        await start_watcher(parts.temporal, parts.settings, attempt, watch_for=left)
        log.warning("recovery.watching_again", attempt=attempt.id)
        return True

    async def _refunds(self, session: AsyncSession, after: str) -> Sequence[Refund]:
        return await recovery.quiet_refunds(session, quiet_for=self._quiet, after=after, limit=BATCH)

    async def _refund(self, refund: Refund) -> bool:
        if await _runs(self._parts.temporal, refund_run_id(refund.id)):
            return False
        await start_refund(self._parts, refund.id)
        log.warning("recovery.restarted", refund=refund.id)
        return True

    async def _notifications(self, session: AsyncSession, after: str) -> Sequence[Notification]:
        return await recovery.quiet_notifications(session, quiet_for=self._quiet, after=after, limit=BATCH)

    async def _notification(self, notification: Notification) -> bool:
        if await _runs(self._parts.temporal, f"notify/{notification.id}"):
            return False
        async with self._parts.database.transaction() as session:
            await recovery.deliver_again(session, notification.id)
        self._parts.changes.outbox.set()
        log.warning("recovery.delivering_again", notification=notification.id)
        return True


async def _runs(temporal: Client, workflow_id: str) -> bool:
    """Whether a run with this id is open. Raises RPCError where the server cannot be asked."""
    try:
        with calling_temporal():
            described = await temporal.get_workflow_handle(workflow_id).describe(rpc_timeout=RPC_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    except ValueError:
        return True  # paused: a state that this client does not know
    return described.status is WorkflowExecutionStatus.RUNNING
