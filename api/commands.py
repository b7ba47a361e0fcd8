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

from activities.messages import CHARGES_FROZEN
from api.errors import (
    AlreadyPaid,
    ChargesFrozen,
    Conflict,
    InProgress,
    InvalidRequest,
    NextGatewayRefused,
    NotCancelable,
    NotCapturable,
    NotInReview,
    Problem,
    Unavailable,
    WrongDecision,
)
from api.runs import calling_temporal, run_id
from api.services import Services
from domain.checkout import CheckoutStatus, ReviewReason
from domain.switches import Switch
from storage import reviews, switches
from storage.events import tell
from storage.tables import Checkout
from workflows.messages import (
    CancelCheckout,
    CaptureCheckout,
    ChooseNext,
    CommandResult,
    DecideReview,
    Decision,
)

ACCEPTED_WITHIN = timedelta(seconds=4)
"""So long a run may take to accept or refuse a command. One whose worker was killed moves on in less."""

DECIDED_WITHIN = 4.0
"""Seconds for the run to take a decision, which it does at once."""

_REFUSALS: dict[str, type[Conflict]] = {
    "NotCancelable": NotCancelable,
    "NotCapturable": NotCapturable,
    "InProgress": InProgress,
    "NotInReview": NotInReview,
    "WrongDecision": WrongDecision,
    "NextRefused": NextGatewayRefused,
}

_NAMES: dict[type[object], str] = {
    CancelCheckout: "cancel",
    CaptureCheckout: "capture",
    DecideReview: "decide_review",
    ChooseNext: "choose_next",
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
    """Capture, waiting so long. Raises NotCapturable, InProgress, InvalidRequest, Unavailable,
    ChargesFrozen."""
    if row.status != CheckoutStatus.REQUIRES_CAPTURE:
        raise NotCapturable
    if amount is not None and amount > row.amount:
        raise InvalidRequest.at("/amount", "too_large", "must be at most the authorized amount")
    account = parts.accounts.known.get(row.account or "")
    if amount not in (None, row.amount) and account and not account.capabilities.partial_capture:
        raise InvalidRequest.at("/amount", "partial_capture", "this gateway captures the whole amount only")
    async with parts.database.transaction() as session:
        if Switch.CHARGES in await switches.around(session, row.account or ""):
            raise ChargesFrozen
    result = await _update(parts, row.id, CaptureCheckout(amount=amount), seconds)
    if result is not None and not result.done:
        raise ChargesFrozen if result.detail == CHARGES_FROZEN else NotCapturable


async def decide_checkout(
    parts: Services, row: Checkout, decision: Decision, *, actor: str, reason: str
) -> None:
    """Tell a checkout in review what a person has decided. Raises NotInReview, WrongDecision,
    InProgress, Unavailable.

    Recorded before it is told, so that no decision is without its record.
    """
    if row.status != CheckoutStatus.IN_REVIEW:
        raise NotInReview
    if not decision.fits(ReviewReason(row.review_reason) if row.review_reason else None):
        raise WrongDecision
    async with parts.database.transaction() as session:
        await reviews.asked(session, row.id, decision, actor=actor, reason=reason)
    try:
        await _update(parts, row.id, DecideReview(decision=decision), DECIDED_WITHIN)
    except Problem as refusal:
        async with parts.database.transaction() as session:
            await reviews.refused(session, row.id, decision, actor=actor, why=refusal.code)
        raise


async def choose_next(parts: Services, row: Checkout, account: str, *, close_page: bool) -> None:
    """Say which account is asked next. Raises NextGatewayRefused, InProgress, Unavailable."""
    await _update(parts, row.id, ChooseNext(account=account, close_page=close_page), DECIDED_WITHIN)


async def _update(
    parts: Services,
    checkout_id: str,
    command: CancelCheckout | CaptureCheckout | DecideReview | ChooseNext,
    seconds: float,
    update_id: str | None = None,
) -> CommandResult | None:
    """The result, or None where it did not come in time: the command stands all the same."""
    handle = parts.temporal.get_workflow_handle(run_id(checkout_id))
    name = _NAMES[type(command)]
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
