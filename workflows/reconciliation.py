"""Reconciliation: an account's own books against ours, over the payments of a window.

    begin -> the gateway's list, part by part -> our payments that it does not list
          -> breaks of earlier runs -> end

It moves no money. Where the gateway has money on an attempt that has none here, it wakes what decides about
such money in any case: the checkout's run, or the watcher of an attempt that was left behind.
"""

import contextlib
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.reconciliation_messages import (
        BeginReconciliation,
        EndReconciliation,
        Reconcilable,
        ReconcilePart,
        ReconciliationEnd,
        ReconciliationPart,
        Stray,
        Watching,
    )
    from activities.reconciling import Reconciling
    from domain.ids import Prefix
    from domain.reconciliation import ReconciliationStatus
    from workflows.abandoned_attempt import AbandonedAttempt
    from workflows.messages import (
        GatewayNews,
        ReconcileAllInput,
        ReconcileInput,
        ReconcileResult,
        WatchInput,
    )
    from workflows.options import (
        GATEWAY_RETRIES,
        LISTING_HEARTBEAT,
        LISTING_RETRIES,
        LISTING_TIMEOUT,
        LOCAL_TIMEOUT,
    )
    from workflows.story import Story

_Part = Callable[[Any, ReconcilePart], Coroutine[Any, Any, ReconciliationPart]]


def reconcile_id(account: str, what: str) -> str:
    """The id of a run over a day (`2026-01-31`) or another window in words."""
    return f"reconcile/{account}/{what}"


@workflow.defn
class Reconcile:
    """One account over one window."""

    @workflow.init
    def __init__(self, task: ReconcileInput) -> None:
        self._task = task
        self._id = f"{Prefix.RECONCILIATION}_{workflow.info().run_id}"
        self._story = Story()

    @workflow.run
    async def run(self, task: ReconcileInput) -> ReconcileResult:
        watching = await self._begin()
        status, detail = ReconciliationStatus.COMPLETED, None
        try:
            await self._all_parts(Reconciling.reconcile_listed, watching)
            await self._all_parts(Reconciling.reconcile_unlisted, watching)
            await self._all_parts(Reconciling.reconcile_breaks, watching)
        except ActivityError as error:
            status, detail = ReconciliationStatus.FAILED, _why(error)
        ended = await self._end(status, detail)
        self._story.tell(f"**{status}** {detail or ended.counts}")
        return ReconcileResult(reconciliation_id=self._id, status=status, counts=ended.counts)

    async def _begin(self) -> Watching:
        task = self._task
        return await workflow.execute_activity_method(
            Reconciling.begin_reconciliation,
            BeginReconciliation(id=self._id, account=task.account, since=task.since, until=task.until),
            start_to_close_timeout=LOCAL_TIMEOUT,
            retry_policy=GATEWAY_RETRIES,
        )

    async def _all_parts(self, part: _Part, watching: Watching) -> None:
        cursor: str | None = None
        while True:
            done = await workflow.execute_activity_method(
                part,
                ReconcilePart(id=self._id, cursor=cursor),
                start_to_close_timeout=LISTING_TIMEOUT,
                heartbeat_timeout=LISTING_HEARTBEAT,
                retry_policy=LISTING_RETRIES,
                summary=f"{self._task.account} from {cursor or 'the beginning'}",
            )
            for stray in done.strays:
                await self._wake(stray, watching)
            cursor = done.cursor
            if cursor is None:
                return

    async def _wake(self, stray: Stray, watching: Watching) -> None:
        """Have the attempt looked up by whom it concerns; a run that is lost is started again elsewhere."""
        self._story.tell(f"money at {stray.account} under {stray.attempt_id}")
        if not stray.abandoned:
            run = workflow.get_external_workflow_handle(f"checkout/{stray.checkout_id}")
            with contextlib.suppress(FailureError):
                await run.signal("gateway_news", GatewayNews(attempt_id=stray.attempt_id))
            return
        try:
            await workflow.start_child_workflow(
                AbandonedAttempt.run,
                WatchInput(
                    checkout_id=stray.checkout_id,
                    attempt_id=stray.attempt_id,
                    account=stray.account,
                    intervals=watching.intervals,
                    watch_for=watching.watch_for,
                    timeout=watching.timeout,
                ),
                id=f"watch/{stray.attempt_id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"late money at {stray.account}?",
            )
        except WorkflowAlreadyStartedError:
            watcher = workflow.get_external_workflow_handle(f"watch/{stray.attempt_id}")
            with contextlib.suppress(FailureError):
                await watcher.signal("gateway_news", GatewayNews(attempt_id=stray.attempt_id))

    async def _end(self, status: ReconciliationStatus, detail: str | None) -> ReconciliationEnd:
        return await workflow.execute_activity_method(
            Reconciling.end_reconciliation,
            EndReconciliation(id=self._id, status=status, detail=detail),
            start_to_close_timeout=LISTING_TIMEOUT,
            retry_policy=GATEWAY_RETRIES,
        )


@workflow.defn
class ReconcileAll:
    """Every account, one after the other, over the same window. Started by the schedule."""

    @workflow.run
    async def run(self, task: ReconcileAllInput) -> tuple[str, ...]:
        plan: Reconcilable = await workflow.execute_activity_method(
            Reconciling.list_reconcilable,
            start_to_close_timeout=LOCAL_TIMEOUT,
            retry_policy=GATEWAY_RETRIES,
        )
        until = workflow.now().replace(microsecond=0)
        since = until - timedelta(seconds=plan.window)
        for account in plan.accounts:
            # One that is running already, started by a person, is not disturbed.
            with contextlib.suppress(WorkflowAlreadyStartedError, FailureError):
                await workflow.execute_child_workflow(
                    Reconcile.run,
                    ReconcileInput(account=account, since=since, until=until),
                    id=reconcile_id(account, f"{until:%Y-%m-%dT%H:%M:%SZ}"),
                    static_summary=f"{account}, {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M}",
                )
        return plan.accounts


def _why(error: ActivityError) -> str:
    """The cause in words that name no payment."""
    cause = error.cause
    return str(cause.message if isinstance(cause, ApplicationError) else type(cause).__name__)
