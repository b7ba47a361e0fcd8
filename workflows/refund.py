"""A refund, from acceptance to the gateway's decision, however many days that takes.

It needs nothing of its checkout's run, which may have closed months before: everything is in the database.
"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import RefundReport, RefundTask
    from activities.refunding import Refunding
    from workflows.messages import GatewayNews, RefundInput, RefundResult
    from workflows.options import FROZEN_PAUSE, GATEWAY_RETRIES
    from workflows.story import Story

MAX_RETRY_AFTER = 3600.0
"""Seconds: however long a gateway asks us to wait."""


@workflow.defn
class Refund:
    @workflow.init
    def __init__(self, task: RefundInput) -> None:
        self._task = task
        self._began = workflow.now() - timedelta(seconds=task.waited)
        self._looks = task.looks
        self._news = 0
        self._frozen = False
        self._story = Story()

    @workflow.run
    async def run(self, task: RefundInput) -> RefundResult:
        taken = task.taken
        while True:
            seen = self._news
            deadline = task.overdue_after if taken else task.unclear_after
            report = await self._carry_out(overdue=self._waited >= deadline)
            if report.status.final:
                self._story.tell(f"**{report.status}**")
                return RefundResult(status=report.status)
            if not (report.frozen and self._frozen):
                self._story.tell(f"{task.account}: {report.detail or 'not decided'}")
            self._frozen = report.frozen
            taken = report.taken
            await self._pause(report, seen)
            enough = self._looks - task.looks >= task.looks_per_run
            if enough or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._so_far(taken=taken))

    def _so_far(self, *, taken: bool) -> RefundInput:
        """For the next run of a refund that has been looked at very often."""
        return self._task.model_copy(update={"looks": self._looks, "waited": self._waited, "taken": taken})

    @property
    def _waited(self) -> float:
        return (workflow.now() - self._began).total_seconds()

    async def _carry_out(self, *, overdue: bool) -> RefundReport:
        self._looks += 1
        return await workflow.execute_activity_method(
            Refunding.carry_out_refund,
            RefundTask(refund_id=self._task.refund_id, overdue=overdue),
            start_to_close_timeout=timedelta(seconds=self._task.timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"refund at {self._task.account}",
        )

    async def _pause(self, report: RefundReport, seen: int) -> None:
        """Until the next look is due, or a webhook says that there may be something to see."""
        intervals = self._task.intervals
        seconds = intervals[min(self._looks, len(intervals)) - 1]
        if report.frozen:
            seconds = min(seconds, FROZEN_PAUSE.total_seconds())
        asked = min(report.retry_after or 0, MAX_RETRY_AFTER)
        try:
            await workflow.wait_condition(
                lambda: self._news > seen,
                timeout=timedelta(seconds=max(seconds, asked)),
                timeout_summary="refund not decided",
            )
        except TimeoutError:
            return

    @workflow.signal
    def gateway_news(self, news: GatewayNews) -> None:
        self._news += 1
