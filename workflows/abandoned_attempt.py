"""The watcher: an attempt that was left behind is looked at for days, and a late success is given back.

It outlives its checkout. It stops as soon as the money is back, or when the time is over and nothing came;
while there is money that an operator does not let go back, it goes on.
"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.compensating import Compensating
    from activities.messages import AttemptTask, Compensated
    from workflows.messages import GatewayNews, WatchInput
    from workflows.options import FROZEN_WATCH, GATEWAY_RETRIES


@workflow.defn
class AbandonedAttempt:
    def __init__(self) -> None:
        self._news = 0

    @workflow.run
    async def run(self, task: WatchInput) -> Compensated:
        until = workflow.now() + timedelta(seconds=task.watch_for)
        looks = 0
        while True:
            seen = self._news
            result = await self._compensate(task)
            if result.result in ("refunded", "voided", "disputed"):
                return result
            workflow.set_current_details(f"{task.account}: {result.result} after {looks + 1} look-ups")
            if workflow.now() >= until and result.result == "nothing":
                return result
            pause = task.intervals[min(looks, len(task.intervals) - 1)]
            looks += 1
            if result.result == "frozen":
                pause = min(pause, FROZEN_WATCH.total_seconds())
            await self._pause(pause, seen)

    async def _pause(self, seconds: float, seen: int) -> None:
        try:
            await workflow.wait_condition(
                lambda: self._news > seen, timeout=timedelta(seconds=seconds), timeout_summary="watch"
            )
        except TimeoutError:
            return

    @workflow.signal
    def gateway_news(self, news: GatewayNews) -> None:
        self._news += 1

    async def _compensate(self, task: WatchInput) -> Compensated:
        return await workflow.execute_activity_method(
            Compensating.compensate_attempt,
            AttemptTask(checkout_id=task.checkout_id, attempt_id=task.attempt_id, account=task.account),
            start_to_close_timeout=timedelta(seconds=task.timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"late money at {task.account}?",
        )
