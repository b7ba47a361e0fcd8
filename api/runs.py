"""The API's side of the workflows: start them and tell them news."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from config.settings import Settings
from domain.ids import checkout_of_attempt
from domain.money import to_major
from storage.tables import Attempt, Checkout
from workflows.abandoned_attempt import AbandonedAttempt
from workflows.checkout import Checkout as CheckoutWorkflow
from workflows.messages import CheckoutInput, GatewayNews, WatchInput
from workflows.search_attributes import at_start

RPC_TIMEOUT = timedelta(seconds=3)


def run_id(checkout_id: str) -> str:
    return f"checkout/{checkout_id}"


@contextmanager
def calling_temporal() -> Iterator[None]:
    """Makes every outage an RPCError: a client that has never been connected raises RuntimeError instead."""
    try:
        yield
    except RuntimeError as error:
        raise RPCError("Temporal cannot be reached", RPCStatusCode.UNAVAILABLE, b"") from error


async def start_checkout(
    temporal: Client, settings: Settings, checkout: Checkout, *, anew: CheckoutInput | None = None
) -> None:
    """Start the checkout's workflow; nothing happens where it runs or has run. Raises RPCError.

    `anew`: also where it has run, with what is known of the run that was lost.
    """
    reuse = WorkflowIDReusePolicy
    with calling_temporal(), suppress(WorkflowAlreadyStartedError):
        await temporal.start_workflow(
            CheckoutWorkflow.run,
            anew or CheckoutInput(checkout_id=checkout.id),
            id=run_id(checkout.id),
            task_queue=settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=reuse.ALLOW_DUPLICATE if anew else reuse.REJECT_DUPLICATE,
            task_timeout=timedelta(seconds=settings.workflow_task_timeout),
            search_attributes=at_start(
                merchant_id=checkout.merchant_id, amount=checkout.amount, currency=checkout.currency
            ),
            static_summary=f"{to_major(checkout.amount, checkout.currency)} {checkout.currency}",
            rpc_timeout=RPC_TIMEOUT,
        )


async def start_watcher(
    temporal: Client, settings: Settings, attempt: Attempt, *, watch_for: float | None = None
) -> None:
    """Have stray money given back; nothing happens where a watcher is at it. Raises RPCError.

    `watch_for`: seconds that it keeps looking where it finds nothing; 0 is one look.
    """
    with calling_temporal(), suppress(WorkflowAlreadyStartedError):
        await temporal.start_workflow(
            AbandonedAttempt.run,
            WatchInput(
                checkout_id=attempt.checkout_id,
                attempt_id=attempt.id,
                account=attempt.account,
                intervals=settings.watch_intervals,
                watch_for=settings.watch_for if watch_for is None else watch_for,
                timeout=3 * settings.look_up_timeout,
                unclear_after=settings.unresolved_after,
            ),
            id=f"watch/{attempt.id}",
            task_queue=settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
            static_summary=f"late money at {attempt.account}?",
            rpc_timeout=RPC_TIMEOUT,
        )


async def tell_news(temporal: Client, attempt_id: str) -> bool:
    """Wake the run that this attempt matters to: its checkout, or its watcher. False where neither runs.

    Raises RPCError where the server cannot be asked.
    """
    told = False
    for workflow_id in (run_id(checkout_of_attempt(attempt_id) or ""), f"watch/{attempt_id}"):
        try:
            with calling_temporal():
                await temporal.get_workflow_handle(workflow_id).signal(
                    "gateway_news", GatewayNews(attempt_id=attempt_id), rpc_timeout=RPC_TIMEOUT
                )
            told = True
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
    return told
