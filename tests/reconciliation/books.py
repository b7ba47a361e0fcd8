"""Reconciling a world of scripted gateways, and reading what came of it."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlmodel import col, select

from storage import attempts, reconciliations
from storage.tables import Reconciliation, ReconciliationBreak, ReconciliationItem
from tests.workflow.world import World
from workflows.messages import ReconcileInput, ReconcileResult
from workflows.reconciliation import Reconcile, reconcile_id

A_DAY = timedelta(days=1)
_numbers = itertools.count(1)


async def reconciled(
    world: World, account: str, *, since: datetime | None = None, until: datetime | None = None
) -> ReconcileResult:
    """The account's books compared, by default over today."""
    now = datetime.now(UTC)
    task = ReconcileInput(account=account, since=since or now - A_DAY, until=until or now + A_DAY)
    return await world.client.execute_workflow(
        Reconcile.run,
        task,
        id=reconcile_id(account, f"test-{next(_numbers)}"),
        task_queue=world.task_queue,
    )


async def counts(world: World, account: str) -> dict[str, int]:
    result = await reconciled(world, account)
    assert result.status == "completed"
    return result.counts


async def breaks(world: World, *, resolved: bool = False) -> Sequence[ReconciliationBreak]:
    condition = col(ReconciliationBreak.resolved_at)
    async with world.database.transaction() as session:
        found = await session.exec(
            select(ReconciliationBreak)
            .where(condition.is_not(None) if resolved else condition.is_(None))
            .order_by(col(ReconciliationBreak.id))
        )
        return found.all()


async def run_of(world: World, result: ReconcileResult) -> Reconciliation:
    async with world.database.transaction() as session:
        found = await reconciliations.get(session, result.reconciliation_id)
    assert found is not None
    return found


async def items_left(world: World) -> int:
    async with world.database.transaction() as session:
        return len((await session.exec(select(ReconciliationItem))).all())


async def set_attempt(world: World, attempt: str, **values: object) -> None:
    """What a fault of ours, or a hand in the database, has done."""
    async with world.database.transaction() as session:
        await attempts.change(session, attempt, **values)
