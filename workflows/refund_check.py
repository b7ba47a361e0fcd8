"""A webhook says that a refund failed: do the successes that are recorded still stand?"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.messages import AttemptTask, RefundsChecked
    from activities.refund_checking import RefundChecking
    from workflows.messages import GatewayNews, LookInput
    from workflows.options import GATEWAY_RETRIES


@workflow.defn
class RefundCheck:
    @workflow.init
    def __init__(self, task: LookInput) -> None:
        self._task = task
        self._looks = task.looks
        self._news = 0

    @workflow.run
    async def run(self, task: LookInput) -> RefundsChecked:
        while True:
            seen = self._news
            checked = await self._check()
            if checked.done and self._news == seen:
                return checked
            workflow.set_current_details(f"{task.account}: {checked.detail or 'a refund is under way'}")
            if checked.done:
                continue
            await self._pause(seen)
            enough = self._looks - task.looks >= task.looks_per_run
            if enough or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(task.model_copy(update={"looks": self._looks}))

    async def _check(self) -> RefundsChecked:
        self._looks += 1
        task = self._task
        return await workflow.execute_activity_method(
            RefundChecking.check_refunds,
            AttemptTask(checkout_id=task.checkout_id, attempt_id=task.attempt_id, account=task.account),
            start_to_close_timeout=timedelta(seconds=task.timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"refunds at {task.account}",
        )

    async def _pause(self, seen: int) -> None:
        intervals = self._task.intervals
        seconds = intervals[min(self._looks, len(intervals)) - 1]
        try:
            await workflow.wait_condition(
                lambda: self._news > seen, timeout=timedelta(seconds=seconds), timeout_summary="not settled"
            )
        except TimeoutError:
            return

    @workflow.signal
    def gateway_news(self, news: GatewayNews) -> None:
        self._news += 1
