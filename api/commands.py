"""Commands to a running checkout, as workflow updates."""

import asyncio
from datetime import timedelta
from typing import NoReturn

from temporalio.client import (
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
    WorkflowUpdateStage,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from api.errors import (
    AlreadyPaid,
    Conflict,
    InProgress,
    InvalidRequest,
    NotCancelable,
    NotCapturable,
    Unavailable,
)
from api.runs import calling_temporal, run_id
from api.services import Services
from domain.checkout import CheckoutStatus
from storage.events import tell
from storage.tables import Checkout
from workflows.messages import CancelCheckout, CaptureCheckout, CommandResult

ACCEPTED_WITHIN = timedelta(seconds=4)
"""So long a run may take to accept or refuse a command. One whose worker was killed moves on in less."""

_REFUSALS: dict[str, type[Conflict]] = {
    "NotCancelable": NotCancelable,
    "NotCapturable": NotCapturable,
    "InProgress": InProgress,
}


async def cancel_checkout(parts: Services, row: Checkout, reason: str | None, seconds: float) -> None:
    """Cancel, waiting so long for the result. Raises AlreadyPaid, NotCancelable, InProgress, Unavailable."""
    status = CheckoutStatus(row.status)
    if status.final:
        return _canceled(status)
    async with parts.database.transaction() as session:
        tell(session, row.id, "checkout.cancel_requested", reason=reason)
    # One id: everybody who cancels waits for the same update.
    result = await _update(parts, row.id, CancelCheckout(), seconds, update_id="cancel")
    if result is not None:
        _canceled(result.status)
    return None


def _canceled(status: CheckoutStatus) -> None:
    match status:
        case CheckoutStatus.SUCCEEDED:
            raise AlreadyPaid
        case CheckoutStatus.FAILED | CheckoutStatus.EXPIRED:
            raise NotCancelable


async def capture_checkout(parts: Services, row: Checkout, amount: int | None, seconds: float) -> None:
    """Capture, waiting so long. Raises NotCapturable, InProgress, InvalidRequest, Unavailable."""
    if row.status != CheckoutStatus.REQUIRES_CAPTURE:
        raise NotCapturable
    if amount is not None and amount > row.amount:
        raise InvalidRequest.at("/amount", "too_large", "must be at most the authorized amount")
    account = parts.accounts.known.get(row.account or "")
    if amount not in (None, row.amount) and account and not account.capabilities.partial_capture:
        raise InvalidRequest.at("/amount", "partial_capture", "this gateway captures the whole amount only")
    result = await _update(parts, row.id, CaptureCheckout(amount=amount), seconds)
    if result is not None and not result.done:
        raise NotCapturable


async def _update(
    parts: Services,
    checkout_id: str,
    command: CancelCheckout | CaptureCheckout,
    seconds: float,
    update_id: str | None = None,
) -> CommandResult | None:
    """The result, or None where it did not come in time: the command stands all the same."""
    handle = parts.temporal.get_workflow_handle(run_id(checkout_id))
    name = "cancel" if isinstance(command, CancelCheckout) else "capture"
    try:
        with calling_temporal():
            update = await handle.start_update(
                name,
                command,
                id=update_id,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
                result_type=CommandResult,
                rpc_timeout=ACCEPTED_WITHIN,
            )
    except WorkflowUpdateRPCTimeoutOrCancelledError:
        raise Unavailable from None  # not accepted: the command may be lost
    except RPCError as error:
        if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.RESOURCE_EXHAUSTED):
            raise InProgress from None  # not started yet, or just ended: the next try sees which
        parts.door.temporal_failed()
        raise Unavailable from None
    try:
        async with asyncio.timeout(seconds):
            result: CommandResult = await update.result()
            return result
    except (TimeoutError, RPCError, WorkflowUpdateRPCTimeoutOrCancelledError):
        return None
    except WorkflowUpdateFailedError as error:
        _refuse(error)


def _refuse(error: WorkflowUpdateFailedError) -> NoReturn:
    cause = error.cause
    kind = cause.type if isinstance(cause, ApplicationError) else None
    raise _REFUSALS.get(kind or "", InProgress) from None
