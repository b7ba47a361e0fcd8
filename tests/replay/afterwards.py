"""Paths of what comes after a checkout: reconciliation, refunds, disputes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from api.dispute_runs import scan_disputes
from api.refund_runs import refund_run_id
from domain.dispute import DisputeStatus
from domain.ids import attempt_id
from gateways.base import RefundStatus
from tests.refunds.till import Till, till_in
from tests.workflow.plays import never
from tests.workflow.world import World
from workflows.dispute import Dispute
from workflows.messages import (
    GatewayNews,
    LookInput,
    ReconcileAllInput,
    ReconcileInput,
    RefundInput,
)
from workflows.reconciliation import Reconcile, ReconcileAll, reconcile_id
from workflows.refund import Refund
from workflows.refund_check import RefundCheck


async def reconciled(world: World) -> str:
    """One account's books, with money on an attempt that was left behind."""
    world.banks["momo"].charge_script = [never()]
    checkout = await world.checkout()
    await world.run(checkout)
    await world.lose(world.watcher(checkout), at_rest=True)
    world.banks["momo"].appear(attempt_id(checkout, 1), 12_500, "NGN")
    now = datetime.now(UTC)
    handle = await world.client.start_workflow(
        Reconcile.run,
        ReconcileInput(account="momo", since=now - timedelta(days=1), until=now + timedelta(days=1)),
        id=reconcile_id("momo", checkout),
        task_queue=world.task_queue,
    )
    await handle.result()
    return handle.id


async def reconciled_all(world: World) -> str:
    handle = await world.client.start_workflow(
        ReconcileAll.run, ReconcileAllInput(), id="reconcile-all/recorded", task_queue=world.task_queue
    )
    await handle.result()
    return handle.id


async def _refunded(world: World, **changes: Any) -> tuple[str, str]:
    """A refund that the gateway keeps pending for hours. Returns its id and its first run's."""
    till = await till_in(world, "card-a")
    till.bank.settle_script = [till.slow()]
    refund = (await till.accept(5_000)).refund
    run = await world.client.start_workflow(
        Refund.run,
        RefundInput(
            refund_id=refund.id,
            account="card-a",
            intervals=(60, 3600),
            timeout=60,
            unclear_after=21_600,
            overdue_after=86_400,
            **changes,
        ),
        id=refund_run_id(refund.id),
        task_queue=world.task_queue,
    )
    await world.skip(timedelta(hours=5))
    await run.signal(Refund.gateway_news, GatewayNews(attempt_id=till.attempt))
    till.decide(RefundStatus.SUCCEEDED)
    await run.result()
    return run.id, run.first_execution_run_id or ""


async def refund_pending_then_succeeded(world: World) -> str:
    return (await _refunded(world))[0]


async def refund_continued_as_new(world: World) -> tuple[str, str]:
    """The first of the runs."""
    return await _refunded(world, looks_per_run=3)


async def refund_continued(world: World) -> str:
    """The last of the runs."""
    return (await _refunded(world, looks_per_run=3))[0]


async def _look(world: World, workflow: Any, name: str, prepare: Callable[[Till], None]) -> str:
    till = await till_in(world, "card-a")
    prepare(till)
    run = await world.client.start_workflow(
        workflow,
        LookInput(
            checkout_id=till.checkout,
            attempt_id=till.attempt,
            account="card-a",
            intervals=(60, 3600),
            timeout=60,
        ),
        id=f"{name}/{till.attempt}",
        task_queue=world.task_queue,
        start_signal="gateway_news",
        start_signal_args=[GatewayNews(attempt_id=till.attempt)],
    )
    await world.skip(timedelta(hours=2))
    till.bank.dispute(till.attempt, DisputeStatus.WON)
    await run.result()
    return run.id


async def dispute_won(world: World) -> str:
    def disputed(till: Till) -> None:
        till.bank.dispute(till.attempt, DisputeStatus.NEEDS_RESPONSE)

    return await _look(world, Dispute.run, "dispute", disputed)


async def refund_check(world: World) -> str:
    return await _look(world, RefundCheck.run, "refund-check", lambda _till: None)


async def dispute_scan(world: World) -> str:
    till = await till_in(world, "card-a")
    till.bank.dispute(till.attempt, DisputeStatus.LOST)
    await scan_disputes(till.parts, "card-a")
    run = world.client.get_workflow_handle("disputes/card-a")
    await run.result()
    return run.id
