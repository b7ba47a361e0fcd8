"""Start the delivery runs of notifications to merchants: as soon as one is written, and whatever was missed.

Every API process does; a claim in PostgreSQL shares the work among them, and the run's id makes a second
start of the same one harmless.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.service import RPCError

from api.services import Services
from config import tracing
from config.settings import Settings
from storage import notifications, traces
from storage.database import Database
from workflows.merchant_notification import MerchantNotification, notification_queue
from workflows.messages import NotifyInput

log = structlog.get_logger()

EVERY = 2.0
"""Seconds after which a look is due without being told: what the dead or a lost connection left."""
LEASE = 10.0
"""Seconds that a process has for starting what it claimed, before another one tries."""
BATCH = 20
RPC_TIMEOUT = timedelta(seconds=3)


async def empty_for_ever(parts: Services) -> None:
    while True:
        try:
            async with asyncio.timeout(EVERY):
                await parts.changes.outbox.wait()
        except TimeoutError:
            pass
        parts.changes.outbox.clear()
        try:
            while await start_due(parts.database, parts.temporal, parts.settings) == BATCH:
                pass
        except (SQLAlchemyError, OSError, RPCError, RuntimeError, TimeoutError) as error:
            log.warning("outbox.failed", error=type(error).__name__)


async def start_due(database: Database, temporal: Client, settings: Settings) -> int:
    """Start the runs of at most `BATCH` notifications; how many were due.

    Raises RPCError, or RuntimeError before the first connection, where Temporal cannot be asked: what was not
    started is due again after `LEASE`.
    """
    async with database.transaction() as session:
        due = await notifications.claim_due(session, lease=LEASE, limit=BATCH)
        ids = [notification_id for notification_id, _ in due]
        carried = await traces.of_notifications(session, ids) if due and tracing.on() else {}
    if not due:
        return 0
    results = await asyncio.gather(
        *(
            _start(temporal, settings, notification_id, attempts, carried.get(notification_id))
            for notification_id, attempts in due
        ),
        return_exceptions=True,
    )
    started = [each[0] for each, result in zip(due, results, strict=True) if result is None]
    async with database.transaction() as session:
        await notifications.mark_started(session, started)
    _raise_first(results)
    return len(due)


async def _start(
    temporal: Client, settings: Settings, notification_id: str, attempts: int, carried: str | None
) -> None:
    """One that was tried before is sent again by command: a run that waits for its next try gives way.

    `carried`: the trace of its checkout.
    """
    policy = WorkflowIDConflictPolicy
    with tracing.joined(carried, "notification", notification_id=notification_id):
        await temporal.start_workflow(
            MerchantNotification.run,
            NotifyInput(
                notification_id=notification_id,
                task_queue=notification_queue(settings.task_queue),
                give_up_after=settings.notification_give_up_after,
            ),
            id=f"notify/{notification_id}",
            task_queue=settings.task_queue,
            id_conflict_policy=policy.TERMINATE_EXISTING if attempts else policy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            rpc_timeout=RPC_TIMEOUT,
        )


def _raise_first(results: Sequence[BaseException | None]) -> None:
    for result in results:
        if result is not None:
            raise result
