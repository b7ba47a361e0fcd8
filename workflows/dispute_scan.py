"""List an account's disputes once, and have those looked up that are not known: no webhook told of them."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.disputing import Disputing
    from activities.messages import AttemptTask, FindDisputes
    from workflows.dispute import Dispute
    from workflows.messages import LookInput, ScanInput, ScanResult
    from workflows.options import SCAN_RETRIES


@workflow.defn
class DisputeScan:
    @workflow.run
    async def run(self, task: ScanInput) -> ScanResult:
        found = await workflow.execute_activity_method(
            Disputing.find_disputes,
            FindDisputes(account=task.account),
            start_to_close_timeout=timedelta(seconds=10 * task.timeout),
            retry_policy=SCAN_RETRIES,
            summary=f"disputes of {task.account}",
        )
        for attempt in found.attempts:
            await self._look_up(task, attempt)
        return ScanResult(found=len(found.attempts))

    async def _look_up(self, task: ScanInput, attempt: AttemptTask) -> None:
        try:
            await workflow.start_child_workflow(
                Dispute.run,
                LookInput(
                    checkout_id=attempt.checkout_id,
                    attempt_id=attempt.attempt_id,
                    account=attempt.account,
                    intervals=task.intervals,
                    timeout=task.timeout,
                ),
                id=f"dispute/{attempt.attempt_id}",
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                static_summary=f"dispute at {attempt.account}",
            )
        except WorkflowAlreadyStartedError:
            return  # it is being looked at
