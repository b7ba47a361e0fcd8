"""The watcher: an attempt that was left behind is looked at for days, and a late success is given back.

It outlives its checkout. It stops as soon as the money is back, or when the time is over and nothing came.
While money is owed, be it that an operator does not let it go back, it never stops; after a while it tells a
person, and then looks once a day.
"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.compensating import Compensating
    from activities.messages import CompensateAttempt, Compensated
    from workflows.messages import GatewayNews, WatchInput
    from workflows.options import FROZEN_WATCH, GATEWAY_RETRIES, LOOKS_A_RUN, OVERDUE_PAUSE


@workflow.defn
class AbandonedAttempt:
    @workflow.init
    def __init__(self, task: WatchInput) -> None:
        self._task = task
        self._began = workflow.now() - timedelta(seconds=task.waited)
        self._looks = task.looks
        self._owed_since = None if task.owed is None else workflow.now() - timedelta(seconds=task.owed)
        self._taken = False
        self._news = 0

    @workflow.run
    async def run(self, task: WatchInput) -> Compensated:
        while True:
            seen = self._news
            result = await self._compensate()
            self._looks += 1
            if result.result in ("refunded", "voided", "disputed", "adopted"):
                return result
            workflow.set_current_details(f"{task.account}: {result.result} after {self._looks} look-ups")
            if result.result == "nothing" and self._waited >= task.watch_for:
                return result
            self._note(result)
            await self._pause(seen, frozen=result.result == "frozen")
            if self._looks - task.looks >= LOOKS_A_RUN or workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._so_far())

    @property
    def _waited(self) -> float:
        return (workflow.now() - self._began).total_seconds()

    @property
    def _owed(self) -> float | None:
        """Seconds since the gateway has, or may have, money to give back."""
        return None if self._owed_since is None else (workflow.now() - self._owed_since).total_seconds()

    @property
    def _overdue(self) -> bool:
        patience = self._task.watch_for if self._taken else self._task.unclear_after
        return self._owed is not None and self._owed >= patience

    def _note(self, result: Compensated) -> None:
        self._taken = result.taken
        if result.result == "nothing":
            self._owed_since = None
        elif self._owed_since is None:
            self._owed_since = workflow.now()

    def _so_far(self) -> WatchInput:
        """For the next run of a watch that has looked very often: its history stays bounded (T5)."""
        return self._task.model_copy(
            update={"looks": self._looks, "waited": self._waited, "owed": self._owed}
        )

    async def _pause(self, seen: int, *, frozen: bool) -> None:
        intervals = self._task.intervals
        pause = timedelta(seconds=intervals[min(self._looks, len(intervals)) - 1])
        if self._overdue:
            pause = max(pause, OVERDUE_PAUSE)
        if frozen:
            pause = min(pause, FROZEN_WATCH)
        try:
            await workflow.wait_condition(lambda: self._news > seen, timeout=pause, timeout_summary="watch")
        except TimeoutError:
            return

    @workflow.signal
    def gateway_news(self, news: GatewayNews) -> None:
        self._news += 1

    async def _compensate(self) -> Compensated:
        task = self._task
        return await workflow.execute_activity_method(
            Compensating.compensate_attempt,
            CompensateAttempt(
                checkout_id=task.checkout_id,
                attempt_id=task.attempt_id,
                account=task.account,
                overdue=self._overdue,
            ),
            start_to_close_timeout=timedelta(seconds=task.timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"late money at {task.account}?",
        )
