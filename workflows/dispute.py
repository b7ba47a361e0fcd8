"""A disputed payment, from the first hint until the bank has decided, which takes weeks or months.

It needs nothing of its checkout's run. What a webhook says is a hint: each look asks the gateway.
"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.disputing import Disputing
    from activities.messages import AttemptTask, DisputeReport
    from workflows.messages import DisputeResult, GatewayNews, LookInput
    from workflows.options import GATEWAY_RETRIES, NOTHING_YET
    from workflows.story import Story


@workflow.defn
class Dispute:
    @workflow.init
    def __init__(self, task: LookInput) -> None:
        self._task = task
        self._looks = task.looks
        self._news = 0
        self._story = Story()

    @workflow.run
    async def run(self, task: LookInput) -> DisputeResult:
        while True:
            seen = self._news
            report = await self._look()
            self._story.tell(f"{task.account}: {report.detail or ', '.join(report.statuses) or 'no dispute'}")
            if self._settled(report) and self._news == seen:
                return DisputeResult(statuses=report.statuses)
            await self._pause(seen)
            enough = self._looks - task.looks >= task.looks_per_run
            if enough or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(task.model_copy(update={"looks": self._looks}))

    def _settled(self, report: DisputeReport) -> bool:
        """Every dispute is over; or there is none, which a list may need a moment to deny for certain."""
        if not report.answered or report.open:
            return False
        return bool(report.statuses) or self._looks >= NOTHING_YET

    async def _look(self) -> DisputeReport:
        self._looks += 1
        task = self._task
        return await workflow.execute_activity_method(
            Disputing.look_up_disputes,
            AttemptTask(checkout_id=task.checkout_id, attempt_id=task.attempt_id, account=task.account),
            start_to_close_timeout=timedelta(seconds=task.timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"disputes at {task.account}",
        )

    async def _pause(self, seen: int) -> None:
        intervals = self._task.intervals
        seconds = intervals[min(self._looks, len(intervals)) - 1]
        try:
            await workflow.wait_condition(
                lambda: self._news > seen,
                timeout=timedelta(seconds=seconds),
                timeout_summary="dispute not over",
            )
        except TimeoutError:
            return

    @workflow.signal
    def gateway_news(self, news: GatewayNews) -> None:
        self._news += 1
