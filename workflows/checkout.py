"""A checkout, from plan to final state.

    plan -> for each account: send -> (customer acts | unclear: look up) -> paid, or definitely not
         -> next account ... -> finish

The one rule that everything here serves: the next account is asked only when the one before has definitely
taken nothing. What stays unclear is looked up, then reviewed by a person, and never guessed.
"""

import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from activities.finishing import Finishing
    from activities.messages import ChooseAccount, FinishCheckout, Kind, Plan, PlanCheckout, Report, Step
    from activities.planning import Planning
    from domain.attempt import AttemptStatus
    from domain.checkout import CheckoutStatus, MethodType, ReviewReason
    from domain.decline import DeclineCategory
    from domain.screening import ReviewDefault, Verdict
    from workflows.attempt import Attempt
    from workflows.messages import (
        CancelCheckout,
        CaptureCheckout,
        CheckoutInput,
        CheckoutResult,
        ChooseNext,
        CommandResult,
        DecideReview,
        Decision,
        GatewayNews,
    )
    from workflows.options import CAPTURE_PATIENCE, LOCAL_RETRIES, LOCAL_TIMEOUT
    from workflows.search_attributes import ACCOUNT, COUNTRY, GATEWAY, STATUS
    from workflows.story import Story


@workflow.defn
class Checkout:
    @workflow.init
    def __init__(self, task: CheckoutInput) -> None:
        self._task = task
        self._status = CheckoutStatus.PROCESSING
        self._attempt: Attempt | None = None
        self._attempts_made = 0
        self._number = 0
        self._cancel_wanted = task.canceled
        self._capture = None if task.capturing is None else CaptureCheckout(amount=task.capturing)
        self._captured: Report | None = None
        self._decision: Decision | None = None
        self._review_reason: ReviewReason | None = None
        self._choice: ChooseNext | None = None
        self._attempts_allowed: int | None = None
        self._walked = False
        self._news = 0
        self._story = Story()

    @workflow.run
    async def run(self, task: CheckoutInput) -> CheckoutResult:
        plan = await self._plan()
        passed = await self._passes(plan)
        status = await self._walk(plan) if passed else CheckoutStatus.FAILED
        self._walked = True
        if status is not CheckoutStatus.SUCCEEDED:
            status = await self._finish(status, refused=not passed)
        self._status = status
        self._index(plan)
        self._story.tell(f"**{status}**")
        await workflow.wait_condition(workflow.all_handlers_finished)
        return CheckoutResult(status=status)

    async def _plan(self) -> Plan:
        plan = await workflow.execute_local_activity_method(
            Planning.plan_checkout,
            PlanCheckout(checkout_id=self._task.checkout_id),
            start_to_close_timeout=LOCAL_TIMEOUT,
            retry_policy=LOCAL_RETRIES,
        )
        accounts = " then ".join(f"{step.account} ({step.reason})" for step in plan.steps)
        self._story.tell(f"country {plan.country or 'unknown'}; plan: {accounts or 'no account can take it'}")
        return plan

    async def _passes(self, plan: Plan) -> bool:
        """Whether screening lets it go on, or the person whom it wants to be asked."""
        if plan.verdict is Verdict.BLOCK:
            self._story.tell("screening: blocked")
            return False
        if plan.review is None or not plan.steps:
            return True
        await self._review(ReviewReason.RISK)
        self._index(plan)
        decision = await self._decided_within(timedelta(seconds=plan.review.expires_after))
        if decision is None and not self._cancel_wanted:
            self._story.tell(f"nobody has decided: {plan.review.default}")
            return plan.review.default is ReviewDefault.APPROVE
        return decision is not Decision.DECLINE

    async def _decided_within(self, patience: timedelta) -> Decision | None:
        """A person's decision, or None: canceled, or nobody has decided."""
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._decision is not None or self._cancel_wanted,
                timeout=patience,
                timeout_summary="a person decides",
            )
        self._status = CheckoutStatus.PROCESSING
        decision = self._take_decision()
        if decision is not None:
            self._story.tell(f"decided: {decision}")
        return decision

    async def _walk(self, plan: Plan) -> CheckoutStatus:
        """Ask one account after the other until one has the money, or none is left."""
        steps = list(plan.steps)
        self._attempts_allowed = plan.timings.max_attempts
        while self._attempts_made < self._attempts_allowed and (
            self._task.canceled or not self._cancel_wanted
        ):
            chosen = await self._take_choice()
            if chosen is not None:
                steps = [chosen, *(step for step in steps if step.account != chosen.account)]
            if not steps:
                break
            step = steps.pop(0)
            attempt = self._next_attempt(plan, step)
            report = await attempt.take_money()
            if report.kind is Kind.EXCLUDED:
                self._attempts_made -= 1  # its number is not used again: nothing was sent under it
                self._story.tell(f"{step.account}: skipped ({report.detail})")
                continue
            end = await self._end_of(plan, attempt, report)
            if end is not None:
                return end
            if report.decline in (DeclineCategory.CUSTOMER, DeclineCategory.AUTHENTICATION):
                steps = [step.model_copy(update={"method": MethodType.HOSTED, "page_possible": False})]
        return CheckoutStatus.CANCELED if self._cancel_wanted else CheckoutStatus.FAILED

    async def _take_choice(self) -> Step | None:
        """The step that an operator chose last, or None: nobody did, or its account cannot take it now."""
        step: Step | None = None
        while self._choice is not None:
            choice = self._choice
            chosen = await workflow.execute_local_activity_method(
                Planning.choose_account,
                ChooseAccount(checkout_id=self._task.checkout_id, account=choice.account),
                start_to_close_timeout=LOCAL_TIMEOUT,
                retry_policy=LOCAL_RETRIES,
            )
            self._story.tell(f"operator's choice: {choice.account}{f' ({chosen.why})' if chosen.why else ''}")
            step = chosen.step
            if self._choice is choice:
                self._choice = None
        return step

    def _next_attempt(self, plan: Plan, step: Step) -> Attempt:
        self._attempts_made += 1
        self._number += 1
        self._status = CheckoutStatus.PROCESSING
        self._attempt = Attempt(
            checkout_id=self._task.checkout_id,
            number=self._number,
            step=step,
            timings=plan.timings,
            story=self._story,
            news=lambda: self._news,
            cancel_wanted=lambda: self._cancel_wanted,
            leave_wanted=lambda: self._choice is not None and self._choice.close_page,
            take_decision=self._take_decision,
            on_review=self._review,
            on_waiting=lambda: self._index(plan, CheckoutStatus.REQUIRES_ACTION),
            only_known=self._task.canceled,
        )
        return self._attempt

    async def _end_of(self, plan: Plan, attempt: Attempt, report: Report) -> CheckoutStatus | None:
        """The checkout's end after this attempt, or None: the next account may be asked."""
        if report.kind in (Kind.STOPPED, Kind.LATE) or report.status is AttemptStatus.REFUNDED:
            return CheckoutStatus.FAILED  # a person decided so, or the checkout was final already
        match report.status:
            case AttemptStatus.CAPTURED:
                return CheckoutStatus.SUCCEEDED
            case AttemptStatus.AUTHORIZED:
                return await self._hold(plan, attempt)
        if self._task.canceled and report.negative:
            return None  # a later one may have been sent: it is closed before the end
        if attempt.given_up:
            return CheckoutStatus.EXPIRED if attempt.expired else CheckoutStatus.CANCELED
        if attempt.too_late:
            return CheckoutStatus.FAILED  # nobody expects a charge at another account hours later
        match report.decline:
            case DeclineCategory.HARD | DeclineCategory.FRAUD:
                return CheckoutStatus.FAILED
            case DeclineCategory.CUSTOMER | DeclineCategory.AUTHENTICATION if not attempt.step.page_possible:
                return CheckoutStatus.FAILED
        if not report.negative:
            raise AssertionError(f"{report.kind} is not a definite negative")  # I9: never go on from here
        return None

    async def _hold(self, plan: Plan, attempt: Attempt) -> CheckoutStatus:
        """Authorized: wait for the capture, a cancel, or the authorization's end."""
        self._status = CheckoutStatus.REQUIRES_CAPTURE
        self._index(plan, CheckoutStatus.REQUIRES_CAPTURE)
        self._story.tell(f"authorized at {attempt.step.account}; waiting for capture")
        life = attempt.step.authorization_life or plan.timings.action_expires_after
        until = workflow.now() + timedelta(seconds=life)
        while True:
            left = until - workflow.now()
            if left > timedelta(0):
                try:
                    await workflow.wait_condition(
                        lambda: self._cancel_wanted or self._capture is not None,
                        timeout=left,
                        timeout_summary="authorization expires",
                    )
                except TimeoutError:
                    continue
            if self._capture is not None and left > timedelta(0):
                captured = await attempt.capture(self._capture.amount)
                self._capture = None
                self._captured = captured
                if captured.status is AttemptStatus.CAPTURED:
                    return CheckoutStatus.SUCCEEDED
                if captured.negative:  # the gateway has released it: it was too late
                    return CheckoutStatus.EXPIRED
                self._story.tell(f"capture refused: {captured.detail}")
                continue
            released = await attempt.release()
            if released.status is AttemptStatus.CAPTURED:
                return CheckoutStatus.SUCCEEDED
            return CheckoutStatus.CANCELED if self._cancel_wanted else CheckoutStatus.EXPIRED

    def _take_decision(self) -> Decision | None:
        decision, self._decision = self._decision, None
        return decision

    async def _review(self, reason: ReviewReason) -> None:
        self._decision = None
        self._status = CheckoutStatus.IN_REVIEW
        self._review_reason = reason
        self._story.tell(f"**in review**: {reason}; a person has to decide")
        await self._finish(CheckoutStatus.IN_REVIEW, reason)

    async def _finish(
        self, status: CheckoutStatus, reason: ReviewReason | None = None, *, refused: bool = False
    ) -> CheckoutStatus:
        finished = await workflow.execute_local_activity_method(
            Finishing.finish_checkout,
            FinishCheckout(
                checkout_id=self._task.checkout_id, status=status, review_reason=reason, refused=refused
            ),
            start_to_close_timeout=LOCAL_TIMEOUT,
            retry_policy=LOCAL_RETRIES,
        )
        return finished.status

    def _index(self, plan: Plan, status: CheckoutStatus | None = None) -> None:
        if not self._task.indexed:
            return
        updates = [STATUS.value_set(status or self._status)]
        if plan.country is not None:
            updates.append(COUNTRY.value_set(plan.country))
        if self._attempt is not None:
            updates.append(GATEWAY.value_set(self._attempt.step.gateway))
            updates.append(ACCOUNT.value_set(self._attempt.step.account))
        workflow.upsert_search_attributes(updates)

    @workflow.signal
    def gateway_news(self, news: GatewayNews) -> None:
        """A webhook arrived: look now instead of at the next poll."""
        self._news += 1

    @workflow.update
    async def cancel(self, command: CancelCheckout) -> CommandResult:
        """No new attempt starts; the open one is closed or looked up. Answers with what came of it."""
        self._cancel_wanted = True
        await workflow.wait_condition(lambda: self._status.final)
        done = self._status is CheckoutStatus.CANCELED
        return CommandResult(status=self._status, done=done)

    @cancel.validator
    def _may_cancel(self, command: CancelCheckout) -> None:
        if self._status.final:
            raise ApplicationError(f"checkout is {self._status}", type="NotCancelable")

    @workflow.update
    async def capture(self, command: CaptureCheckout) -> CommandResult:
        """Take the authorized money. The row may say "authorized" long before this run hears of it, where the
        worker that charged has died in between: what was accepted waits for that."""
        if not workflow.patched("accepted-capture-waits"):
            await self._authorized_soon(command)
        self._capture = command
        self._captured = None
        await workflow.wait_condition(lambda: self._captured is not None or self._status.final)
        report = self._captured
        done = report is not None and report.status is AttemptStatus.CAPTURED
        status = CheckoutStatus.SUCCEEDED if done else self._status
        return CommandResult(status=status, done=done, detail=None if report is None else report.detail)

    async def _authorized_soon(self, command: CaptureCheckout) -> None:
        """As runs did that were given their capture before: after a moment it is refused, accepted or not."""
        try:
            await workflow.wait_condition(
                lambda: self._status is CheckoutStatus.REQUIRES_CAPTURE or self._status.final,
                timeout=CAPTURE_PATIENCE,
            )
        except TimeoutError:
            raise ApplicationError(f"checkout is {self._status}", type="NotCapturable") from None
        self._may_capture(command)

    @capture.validator
    def _may_capture(self, command: CaptureCheckout) -> None:
        if self._status.final or self._status is CheckoutStatus.IN_REVIEW or self._cancel_wanted:
            raise ApplicationError(f"checkout is {self._status}", type="NotCapturable")
        if self._capture is not None:
            raise ApplicationError("a capture is under way", type="InProgress")

    @workflow.update
    async def choose_next(self, command: ChooseNext) -> CommandResult:
        """The next attempt goes to this account, once the one under way is definitely without money."""
        self._choice = command
        return CommandResult(status=self._status, done=True)

    @choose_next.validator
    def _may_choose(self, command: ChooseNext) -> None:
        if self._status is not CheckoutStatus.PROCESSING or self._walked or self._cancel_wanted:
            raise ApplicationError(f"checkout is {self._status}", type="NextRefused")
        if self._attempts_allowed is not None and self._attempts_made >= self._attempts_allowed:
            raise ApplicationError("no further attempt is allowed", type="NextRefused")

    @workflow.update
    async def decide_review(self, command: DecideReview) -> CommandResult:
        """An operator's decision about a checkout in review."""
        self._decision = command.decision
        self._news += 1
        return CommandResult(status=self._status, done=True)

    @decide_review.validator
    def _may_decide(self, command: DecideReview) -> None:
        if self._status is not CheckoutStatus.IN_REVIEW:
            raise ApplicationError(f"checkout is {self._status}", type="NotInReview")
        if not command.decision.fits(self._review_reason):
            why = f"{command.decision} does not answer a review for {self._review_reason}"
            raise ApplicationError(why, type="WrongDecision")
        if self._review_reason is ReviewReason.RISK and self._decision is not None:
            raise ApplicationError("it is decided already", type="InProgress")
