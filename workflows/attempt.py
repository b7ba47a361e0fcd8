"""One attempt inside a checkout's run: send, wait, look up, and say definitely what came of it.

Runs inside the checkout's workflow; not a workflow of its own.
"""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.workflow import ParentClosePolicy

with workflow.unsafe.imports_passed_through():
    from activities.attempting import Attempting
    from activities.capturing import Capturing
    from activities.messages import (
        AttemptTask,
        CaptureAttempt,
        Kind,
        LookUpAttempt,
        Report,
        SendAttempt,
        Step,
        Timings,
    )
    from domain.attempt import AttemptStatus
    from domain.checkout import ReviewReason
    from domain.ids import attempt_id
    from workflows.abandoned_attempt import AbandonedAttempt
    from workflows.messages import Decision, WatchInput
    from workflows.options import CLOSE_TIMEOUT, GATEWAY_RETRIES, SETTLING_RETRIES
    from workflows.story import Story

MAX_RETRY_AFTER = 10.0
"""Seconds: a gateway that asks for a longer pause is left for the next account (G7)."""

_LEFT_OPEN = (Kind.ACTION_REQUIRED, Kind.PENDING)
"""The customer can still pay, and the gateway has no way to prevent it."""


class Attempt:
    def __init__(
        self,
        *,
        checkout_id: str,
        number: int,
        step: Step,
        timings: Timings,
        story: Story,
        news: Callable[[], int],
        cancel_wanted: Callable[[], bool],
        take_decision: Callable[[], Decision | None],
        on_review: Callable[[ReviewReason], Awaitable[None]],
        on_waiting: Callable[[], None],
    ) -> None:
        self.step = step
        self.expired = False
        """The customer did not act in time."""
        self._checkout_id = checkout_id
        self._number = number
        self._id = attempt_id(checkout_id, number)
        self._timings = timings
        self._story = story
        self._news = news
        self._cancel_wanted = cancel_wanted
        self._take_decision = take_decision
        self._on_review = on_review
        self._on_waiting = on_waiting
        self._closed = False
        self._watched = False
        self._news_seen = news()

    async def take_money(self) -> Report:
        """Money, or a definite no. Anything else only after a person's decision."""
        report = await self._send()
        tries = 0
        while report.kind is Kind.NOT_SENT and tries < self._timings.max_not_sent_retries:
            if (report.retry_after or 0) > MAX_RETRY_AFTER or self._cancel_wanted():
                break
            tries += 1
            pause = max(report.retry_after or 0, self._timings.not_sent_backoff)
            await workflow.sleep(pause, summary=f"{self.step.account} not reached")
            report = await self._send()
        if report.kind is Kind.ACTION_REQUIRED:
            report = await self._wait_for_customer()
        if not self._definite(report):
            report = await self._find_out(report)
        if report.kind in (*_LEFT_OPEN, Kind.NOT_FOUND, Kind.LATE) or (
            self._closed and not self.step.fence and not self._has_money(report)
        ):
            await self._leave_a_watcher()
        return report

    @property
    def given_up(self) -> bool:
        """Nobody waits for the customer any more: expired or canceled."""
        return self.expired or self._cancel_wanted()

    async def capture(self, amount: int | None) -> Report:
        """Take the authorized money; repeats under its key until the answer is definite."""
        task = CaptureAttempt(**self._task().model_dump(), amount=amount)
        return await workflow.execute_activity_method(
            Capturing.capture_attempt,
            task,
            start_to_close_timeout=timedelta(seconds=2 * self._timings.charge_timeout),
            retry_policy=SETTLING_RETRIES,
            summary=f"capture at {self.step.account}",
        )

    async def release(self) -> Report:
        """Void the authorization."""
        return await workflow.execute_activity_method(
            Capturing.void_attempt,
            self._task(),
            start_to_close_timeout=timedelta(seconds=2 * self._timings.charge_timeout),
            retry_policy=SETTLING_RETRIES,
            summary=f"void at {self.step.account}",
        )

    async def _send(self) -> Report:
        report = await workflow.execute_activity_method(
            Attempting.send_attempt,
            SendAttempt(
                **self._task().model_dump(),
                number=self._number,
                gateway=self.step.gateway,
                method=self.step.method,
                recheck=self._number > 1,
            ),
            start_to_close_timeout=timedelta(seconds=self._timings.charge_timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"charge at {self.step.account}",
        )
        self._tell("charge", report)
        return report

    async def _look_up(self, *, believe_not_found: bool = False) -> Report:
        self._news_seen = self._news()
        report = await workflow.execute_activity_method(
            Attempting.look_up_attempt,
            LookUpAttempt(**self._task().model_dump(), believe_not_found=believe_not_found),
            start_to_close_timeout=timedelta(seconds=self._timings.look_up_timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"look up at {self.step.account}",
        )
        self._tell("look-up", report)
        return report

    async def _wait_for_customer(self) -> Report:
        """The customer acts; a webhook or a poll tells. At the deadline, or when canceled, it is closed."""
        self._on_waiting()
        until = workflow.now() + timedelta(seconds=self._timings.action_expires_after)
        polls = 0
        while workflow.now() < until and not self._cancel_wanted():
            interval = self._timings.action_poll_intervals
            pause = min(timedelta(seconds=interval[min(polls, len(interval) - 1)]), until - workflow.now())
            polls += 1
            await self._pause(pause, "customer acts")
            report = await self._look_up()
            if self._definite(report) or report.kind is Kind.MISMATCH:
                return report
        self.expired = not self._cancel_wanted()
        return await self._close()

    async def _close(self) -> Report:
        report = await workflow.execute_activity_method(
            Attempting.close_attempt,
            self._task(),
            start_to_close_timeout=CLOSE_TIMEOUT,
            retry_policy=GATEWAY_RETRIES,
            summary=f"close at {self.step.account}",
        )
        self._closed = True
        self._tell("close", report)
        return report

    async def _find_out(self, report: Report) -> Report:
        """Unclear: look up, send again where a key makes that safe, and wait out the quiet period.

        "Not found" is believed only after the quiet period since the last send, twice in a row (I10). A
        prompt that cannot be closed is left, once nobody waits for it, to the watcher.
        """
        began = quiet_since = workflow.now()
        quiet = timedelta(seconds=self.step.quiet_period)
        looks = resends = agreeing = 0
        while True:
            if report.kind is Kind.MISMATCH:
                return await self._ask_a_person(ReviewReason.MISMATCH)
            if workflow.now() - began > timedelta(seconds=self._timings.unresolved_after):
                return await self._ask_a_person(ReviewReason.UNRESOLVED_OUTCOME)
            report = await self._look_up(believe_not_found=agreeing > 0)
            if report.kind is Kind.ACTION_REQUIRED:
                report = await (self._close() if self.given_up else self._wait_for_customer())
            elif self._worth_resending(report, resends):
                resends += 1
                report = await self._send()
                quiet_since = workflow.now()
            if self._definite(report) or (report.kind in _LEFT_OPEN and self.given_up):
                return report
            quiet_over = workflow.now() - quiet_since >= quiet
            agreeing = agreeing + 1 if report.kind is Kind.NOT_FOUND and quiet_over else 0
            intervals = self._timings.look_up_intervals
            pause = timedelta(seconds=intervals[min(looks, len(intervals) - 1)])
            looks += 1
            if not quiet_over:
                left = quiet - (workflow.now() - quiet_since)
                pause = min(pause, left + timedelta(milliseconds=10))
            await self._pause(pause, "unclear, look up again")

    def _worth_resending(self, report: Report, resends: int) -> bool:
        """Where the gateway cannot be asked, sending again under the key is the question."""
        if not self._may_resend():
            return False
        if report.kind is Kind.UNKNOWN and self.step.mute:
            return True
        return report.kind is Kind.NOT_FOUND and resends < self._timings.max_resends

    def _may_resend(self) -> bool:
        return self.step.keyed and not self._closed and not self.given_up

    async def _ask_a_person(self, reason: ReviewReason) -> Report:
        """In review: keeps looking, rarely and at every webhook, until the outcome or a decision is known."""
        await self._on_review(reason)
        while True:
            await self._pause(timedelta(seconds=self._timings.watch_intervals[-1]), "in review")
            if self._take_decision() is Decision.NOT_PAID:
                await self._leave_a_watcher()
                return Report(kind=Kind.STOPPED, status=AttemptStatus.UNKNOWN)
            report = await self._look_up()
            if self._definite(report):
                return report

    async def _leave_a_watcher(self) -> None:
        """Money may still arrive here after we have gone on: somebody keeps looking."""
        if self._watched:
            return
        self._watched = True
        # After a reset of this run the watcher of the run before is still there: one is enough.
        with contextlib.suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                AbandonedAttempt.run,
                WatchInput(
                    **self._task().model_dump(),
                    intervals=self._timings.watch_intervals,
                    watch_for=self._timings.watch_for,
                    timeout=3 * self._timings.look_up_timeout,
                ),
                id=f"watch/{self._id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"late money at {self.step.account}?",
            )

    async def _pause(self, pause: timedelta, summary: str) -> None:
        """Until the time is over, a cancel is wanted, or there are news that no look-up has answered yet."""
        canceled = self._cancel_wanted()
        try:
            await workflow.wait_condition(
                lambda: self._news() > self._news_seen or self._cancel_wanted() is not canceled,
                timeout=pause,
                timeout_summary=summary,
            )
        except TimeoutError:
            return

    def _task(self) -> AttemptTask:
        return AttemptTask(checkout_id=self._checkout_id, attempt_id=self._id, account=self.step.account)

    @staticmethod
    def _has_money(report: Report) -> bool:
        return report.kind is Kind.APPROVED

    def _definite(self, report: Report) -> bool:
        return self._has_money(report) or report.negative or report.kind in (Kind.STOPPED, Kind.LATE)

    def _tell(self, what: str, report: Report) -> None:
        more = f" ({report.detail})" if report.detail else ""
        self._story.tell(f"{self.step.account}: {what} -> {report.kind}{more}")
