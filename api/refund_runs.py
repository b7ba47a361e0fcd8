"""The API's side of the refund workflow: start it and tell it news."""

from datetime import timedelta

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from api.runs import RPC_TIMEOUT, calling_temporal
from api.services import Services
from storage import attempts, refunds
from storage.tables import Attempt
from workflows.messages import GatewayNews, LookInput, RefundInput
from workflows.refund import Refund
from workflows.refund_check import RefundCheck

_LONGEST_LOOK = 4
"""Calls that one look may make, each of at most a look-up's time: payment, refunds, refund, refunds again."""


def refund_run_id(refund_id: str) -> str:
    return f"refund/{refund_id}"


async def start_refund(parts: Services, refund_id: str) -> None:
    """Start the refund's run; nothing happens where it runs or has ended well. Raises RPCError.

    A run that failed or was terminated by an operator may be started again: what it may have sent is in the
    database, and looked up first.
    """
    async with parts.database.transaction() as session:
        refund = await refunds.get(session, refund_id)
        attempt = None if refund is None else await attempts.get(session, refund.attempt_id)
    if refund is None or attempt is None:
        return
    settings = parts.settings
    try:
        await parts.temporal.start_workflow(
            Refund.run,
            RefundInput(
                refund_id=refund.id,
                account=attempt.account,
                intervals=settings.refund_intervals,
                timeout=_LONGEST_LOOK * settings.look_up_timeout,
                unclear_after=settings.unresolved_after,
                overdue_after=settings.refund_overdue_after,
            ),
            id=refund_run_id(refund.id),
            task_queue=settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            task_timeout=timedelta(seconds=settings.workflow_task_timeout),
            static_summary=f"refund of {refund.checkout_id} at {attempt.account}",
            rpc_timeout=RPC_TIMEOUT,
        )
    except WorkflowAlreadyStartedError:
        return


async def tell_refunds(parts: Services, attempt_id: str) -> bool:
    """Wake the runs of this attempt's undecided refunds. False where there are none. Raises RPCError."""
    async with parts.database.transaction() as session:
        undecided = await refunds.open_of_attempt(session, attempt_id)
    told = False
    for refund in undecided:
        handle = parts.temporal.get_workflow_handle(refund_run_id(refund.id))
        try:
            await handle.signal("gateway_news", GatewayNews(attempt_id=attempt_id), rpc_timeout=RPC_TIMEOUT)
            told = True
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
    return told


async def check_refunds(parts: Services, attempt: Attempt) -> None:
    """Have it checked whether the successes of an attempt's refunds still stand: a webhook says that one
    failed. Raises RPCError."""
    settings = parts.settings
    with calling_temporal():
        await parts.temporal.start_workflow(
            RefundCheck.run,
            LookInput(
                checkout_id=attempt.checkout_id,
                attempt_id=attempt.id,
                account=attempt.account,
                intervals=settings.refund_intervals,
                timeout=_LONGEST_LOOK * settings.look_up_timeout,
            ),
            id=f"refund-check/{attempt.id}",
            task_queue=settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal="gateway_news",
            start_signal_args=[GatewayNews(attempt_id=attempt.id)],
            static_summary=f"refunds at {attempt.account}",
            rpc_timeout=RPC_TIMEOUT,
        )
