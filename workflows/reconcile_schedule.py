"""The schedule that reconciles every account, one per deployment: made, changed and removed by workers."""

from datetime import timedelta

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from workflows.messages import ReconcileAllInput
from workflows.reconciliation import ReconcileAll

CATCH_UP = timedelta(hours=1)
"""A run that Temporal's outage has missed is made up for so long; windows overlap, so none is lost."""


def schedule_id(task_queue: str) -> str:
    return f"reconcile/{task_queue}"


async def keep_schedule(client: Client, *, task_queue: str, every: float, only_missing: bool = False) -> None:
    """Bring the schedule to these settings, however often it is called; `every` 0 removes it.

    A schedule that an operator has paused stays paused. `only_missing`: one that is there stays as it is,
    which costs its history nothing. Raises RPCError.
    """
    handle = client.get_schedule_handle(schedule_id(task_queue))
    if every == 0:
        if only_missing:
            return
        try:
            await handle.delete()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
        return
    schedule = Schedule(
        action=ScheduleActionStartWorkflow(
            ReconcileAll.run,
            ReconcileAllInput(),
            id=f"reconcile-all/{task_queue}",
            task_queue=task_queue,
            static_summary="reconcile every account",
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=timedelta(seconds=every))]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )

    def change(known: ScheduleUpdateInput) -> ScheduleUpdate:
        schedule.state = known.description.schedule.state
        return ScheduleUpdate(schedule=schedule)

    try:
        await client.create_schedule(schedule_id(task_queue), schedule)
    except ScheduleAlreadyRunningError:
        if not only_missing:
            await handle.update(change)
