"""The API's side of disputes: start what looks them up, and tell it news."""

import contextlib

from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from api.runs import RPC_TIMEOUT, calling_temporal
from api.services import Services
from storage.tables import Attempt
from workflows.dispute import Dispute
from workflows.dispute_scan import DisputeScan
from workflows.messages import GatewayNews, LookInput, ScanInput

_LONGEST_LOOK = 4
"""Calls that one look may make, each of at most a look-up's time: payment, its views, disputes."""


async def look_at_disputes(parts: Services, attempt: Attempt) -> None:
    """Have the disputes of a payment looked up now, by its run or a new one. Raises RPCError."""
    settings = parts.settings
    run = f"dispute/{attempt.id}"
    news = GatewayNews(attempt_id=attempt.id)
    # Others may start it at this moment: then it is there, and is told.
    with calling_temporal(), contextlib.suppress(WorkflowAlreadyStartedError):
        await parts.temporal.start_workflow(
            Dispute.run,
            LookInput(
                checkout_id=attempt.checkout_id,
                attempt_id=attempt.id,
                account=attempt.account,
                intervals=settings.dispute_intervals,
                timeout=_LONGEST_LOOK * settings.look_up_timeout,
            ),
            id=run,
            task_queue=settings.task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            start_signal="gateway_news",
            start_signal_args=[news],
            static_summary=f"dispute at {attempt.account}",
            rpc_timeout=RPC_TIMEOUT,
        )
        return
    with calling_temporal():
        await parts.temporal.get_workflow_handle(run).signal("gateway_news", news, rpc_timeout=RPC_TIMEOUT)


async def scan_disputes(parts: Services, account: str) -> None:
    """Have an account's disputes listed; nothing happens where that is under way. Raises RPCError."""
    settings = parts.settings
    with calling_temporal():
        await parts.temporal.start_workflow(
            DisputeScan.run,
            ScanInput(
                account=account,
                intervals=settings.dispute_intervals,
                timeout=_LONGEST_LOOK * settings.look_up_timeout,
            ),
            id=f"disputes/{account}",
            task_queue=settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"disputes of {account}",
            rpc_timeout=RPC_TIMEOUT,
        )


async def scan_all_disputes(parts: Services) -> None:
    """The same for every account that can be asked. Raises RPCError."""
    for name, account in parts.accounts.known.items():
        if account.has_credentials:
            await scan_disputes(parts, name)
