"""One attempt inside a checkout's run: send, wait, look up, and say definitely what came of it.

Runs inside the checkout's workflow; not a workflow of its own.
"""

import contextlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

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
    from domain.checkout import MethodType, ReviewReason
    from domain.ids import attempt_id
    from workflows.abandoned_attempt import AbandonedAttempt
    from workflows.messages import Decision, WatchInput
    from workflows.options import FROZEN_INTERVALS, GATEWAY_RETRIES
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
        leave_wanted: Callable[[], bool],
        take_decision: Callable[[], Decision | None],
        on_review: Callable[[ReviewReason], Awaitable[None]],
        on_waiting: Callable[[], None],
        only_known: bool = False,
    ) -> None:
        self.step = step
        self.expired = False
        """The customer did not act in time."""
        self.too_late = False
        """Finding out took so long that nobody expects a charge any more: no further account is asked."""
        self._checkout_id = checkout_id
        self._number = number
        self._id = attempt_id(checkout_id, number)
        self._timings = timings
        self._story = story
        self._news = news
        self._cancel_wanted = cancel_wanted
        self._leave_wanted = leave_wanted
        self._take_decision = take_decision
        self._on_review = on_review
        self._on_waiting = on_waiting
        self._only_known = only_known
        self._closed = False
        self._watched = False
        self._news_seen = news()
        self._quiet_since = workflow.now()
        """Since the last send or close, from when the quiet period counts."""
        self._agreeing = 0
        """Look-ups in a row, after the quiet period, that found nothing."""

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

    @property
    def _leaving(self) -> bool:
        """An operator wants this account left for another one, and nothing has been closed yet. Where closing
        does not end it, the customer is waited for as before: only a definite no opens the next account."""
        return self._leave_wanted() and not self._closed

    async def capture(self, amount: int | None) -> Report:
        """Take the authorized money; repeats under its key until the answer is definite."""
        task = CaptureAttempt(**self._task().model_dump(), amount=amount)
        return await workflow.execute_activity_method(
            Capturing.capture_attempt,
            task,
            start_to_close_timeout=timedelta(seconds=2 * self._timings.charge_timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"capture at {self.step.account}",
        )

    async def release(self) -> Report:
        """Void the authorization."""
        return await workflow.execute_activity_method(
            Capturing.void_attempt,
            self._task(),
            start_to_close_timeout=timedelta(seconds=2 * self._timings.charge_timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"void at {self.step.account}",
        )

    async def _send(self, *, looked_up: bool = False) -> Report:
        """Send; while an earlier attempt of the checkout may hold or take money, wait for its end instead.

        Ends as `BLOCKED`, with nothing sent, where that takes too long or the checkout is canceled.
        """
        began = workflow.now()
        waits = 0
        while True:
            self._news_seen = self._news()
            report = await self._ask(looked_up=looked_up)
            if report.kind is Kind.FROZEN:
                report = await self._wait_for_thaw(report, looked_up=looked_up)
            if report.kind is not Kind.BLOCKED or self._cancel_wanted():
                return report
            self.too_late = self._overdue(began)
            if self.too_late:
                return report
            pause = self._look_up_pause(waits)
            waits += 1
            await self._pause(pause, "an earlier attempt is unsettled")

    async def _wait_for_thaw(self, report: Report, *, looked_up: bool) -> Report:
        """Charges are frozen and nothing has left: wait as long as a customer would, then send or expire."""
        until = workflow.now() + timedelta(seconds=self._timings.action_expires_after)
        polls = 0
        while report.kind is Kind.FROZEN and not self._cancel_wanted():
            left = until - workflow.now()
            if left <= timedelta(0):
                self.expired = True
                break
            self._news_seen = self._news()
            pause = timedelta(seconds=FROZEN_INTERVALS[min(polls, len(FROZEN_INTERVALS) - 1)])
            polls += 1
            await self._pause(min(pause, left), "charges are frozen")
            if not self._cancel_wanted():
                report = await self._ask(looked_up=looked_up, quietly=True)
        return report

    async def _ask(self, *, looked_up: bool, quietly: bool = False) -> Report:
        """Send. `quietly`: that it is still frozen is not told again."""
        task = SendAttempt(
            **self._task().model_dump(),
            number=self._number,
            gateway=self.step.gateway,
            method=self.step.method,
            recheck=self._number > 1,
        )
        if looked_up:
            task = task.model_copy(update={"looked_up": True})
        if self._only_known:
            task = task.model_copy(update={"only_known": True})
        report = await workflow.execute_activity_method(
            Attempting.send_attempt,
            task,
            start_to_close_timeout=timedelta(seconds=self._timings.charge_timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"charge at {self.step.account}",
        )
        self._quiet_since = workflow.now()
        if not (quietly and report.kind is Kind.FROZEN):
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
        """The customer acts; a webhook or a poll tells. At the deadline, or when canceled or left for another
        account, it is closed."""
        self._on_waiting()
        until = workflow.now() + timedelta(seconds=self._timings.action_expires_after)
        polls = 0
        while workflow.now() < until and not self._cancel_wanted() and not self._leaving:
            interval = self._timings.action_poll_intervals
            pause = min(timedelta(seconds=interval[min(polls, len(interval) - 1)]), until - workflow.now())
            polls += 1
            await self._pause(pause, "customer acts")
            report = await self._look_up()
            if self._definite(report) or report.kind is Kind.MISMATCH:
                return report
        self.expired = not self._cancel_wanted() and not self._leaving
        return await self._close()

    async def _close(self) -> Report:
        report = await workflow.execute_activity_method(
            Attempting.close_attempt,
            self._task(),
            # A call and a look-up: each ends by the adapters' own caps, which the worker holds to be shorter.
            start_to_close_timeout=timedelta(seconds=2 * self._timings.charge_timeout),
            retry_policy=GATEWAY_RETRIES,
            summary=f"close at {self.step.account}",
        )
        self._closed = True
        self._quiet_since = workflow.now()
        self._tell("close", report)
        return report

    async def _find_out(self, report: Report) -> Report:
        """Unclear: look up, send again where a key makes that safe, and wait out the quiet period.

        "Not found" is believed only after the quiet period since the last send, twice in a row (I10). A
        prompt that cannot be closed is left, once nobody waits for it, to the watcher. However long our own
        outage was, the gateway is asked before a person is.
        """
        began = workflow.now()
        looks = resends = 0
        while report.kind is not Kind.MISMATCH:
            report = await self._look_up(believe_not_found=self._agreeing > 0)
            self.too_late = self._overdue(began)
            if report.kind is Kind.ACTION_REQUIRED:
                leave = self.given_up or self._leaving
                report = await (self._close() if leave else self._wait_for_customer())
            elif self._page_has_lapsed(report, began):
                self.expired = True
                report = await self._close()
            elif self._worth_resending(report, resends):
                resends += 1
                report = await self._send(looked_up=True)
                if report.kind is Kind.ACTION_REQUIRED and self._looking_for_a_page:
                    report = await self._close()
            if self._definite(report) or (report.kind in _LEFT_OPEN and self.given_up):
                return report
            if report.kind is Kind.MISMATCH:
                break
            self._count_agreement(report)
            if self.too_late and self._agreeing == 0:
                return await self._ask_a_person(ReviewReason.UNRESOLVED_OUTCOME)
            pause = self._look_up_pause(looks)
            looks += 1
            left = self._quiet_left()
            if left > timedelta(0):
                pause = min(pause, left + timedelta(milliseconds=10))
            await self._pause(pause, "unclear, look up again")
        return await self._ask_a_person(ReviewReason.MISMATCH)

    def _worth_resending(self, report: Report, resends: int) -> bool:
        """Where the gateway cannot be asked, sending again under the key is the question."""
        if not self._may_resend():
            return False
        if report.kind is Kind.UNKNOWN and self.step.mute:
            return True
        return report.kind is Kind.NOT_FOUND and resends < self._timings.max_resends

    def _may_resend(self) -> bool:
        if not self.step.keyed or self._closed or self.too_late:
            return False
        return not self.given_up or self._looking_for_a_page

    @property
    def _looking_for_a_page(self) -> bool:
        """Canceled, and nobody pays by the request itself: sent again it tells the page, to close that. A
        charge that nobody waits for is not sent again, for it might be the first to arrive."""
        only_a_page = self.step.mute and self.step.method is MethodType.HOSTED
        return self.given_up and only_a_page and workflow.patched("page-asked-for-after-cancel")

    def _page_has_lapsed(self, report: Report, since: datetime) -> bool:
        """The gateway waits at its page, whose link was lost with the answer: nobody can pay there. So it has
        been for as long as a customer would have been given."""
        waits = report.kind is Kind.PENDING and self.step.method is MethodType.HOSTED
        over = workflow.now() - since > timedelta(seconds=self._timings.action_expires_after)
        return waits and over and not self._closed and workflow.patched("lost-page-lapses")

    def _overdue(self, since: datetime) -> bool:
        return workflow.now() - since > timedelta(seconds=self._timings.unresolved_after)

    def _quiet_left(self) -> timedelta:
        return timedelta(seconds=self.step.quiet_period) - (workflow.now() - self._quiet_since)

    def _count_agreement(self, report: Report) -> None:
        quiet_over = self._quiet_left() <= timedelta(0)
        self._agreeing = self._agreeing + 1 if report.kind is Kind.NOT_FOUND and quiet_over else 0

    def _look_up_pause(self, looks: int) -> timedelta:
        intervals = self._timings.look_up_intervals
        return timedelta(seconds=intervals[min(looks, len(intervals) - 1)])

    async def _ask_a_person(self, reason: ReviewReason) -> Report:
        """In review: keeps looking, rarely and at every webhook, until the outcome or a decision is known.

        An unresolved outcome ends by itself as soon as the gateway says something definite, or nothing
        twice after the quiet period. After a mismatch nothing of the kind is believed: money has moved.
        """
        self.too_late = True
        self._agreeing = 0
        unresolved = reason is ReviewReason.UNRESOLVED_OUTCOME
        await self._on_review(reason)
        while True:
            rarely = timedelta(seconds=self._timings.watch_intervals[-1])
            await self._pause(self._look_up_pause(0) if self._agreeing else rarely, "in review")
            if self._take_decision() is Decision.NOT_PAID:
                await self._leave_a_watcher()
                return Report(kind=Kind.STOPPED, status=AttemptStatus.UNKNOWN)
            report = await self._look_up(believe_not_found=self._agreeing > 0)
            if unresolved and report.kind is Kind.ACTION_REQUIRED and not self._closed:
                report = await self._close()  # nobody is asked to act any more
            left_open = unresolved and report.kind in _LEFT_OPEN and self._cancel_wanted()
            if self._definite(report) or left_open:
                return report
            if unresolved:
                self._count_agreement(report)

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
                    unclear_after=self._timings.unresolved_after,
                    timeout=3 * self._timings.look_up_timeout,
                ),
                id=f"watch/{self._id}",
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"late money at {self.step.account}?",
            )

    async def _pause(self, pause: timedelta, summary: str) -> None:
        """Until the time is over, a cancel or another account is wanted, or there are news that no look-up
        has answered yet."""
        wanted = (self._cancel_wanted(), self._leaving)
        try:
            await workflow.wait_condition(
                lambda: self._news() > self._news_seen or (self._cancel_wanted(), self._leaving) != wanted,
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
