"""`/v1/admin/checkouts/{id}/...`: what an operator does to a checkout by hand. Each with its reason."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path

from api import operator_actions
from api.auth import Parts
from api.errors import (
    OPERATOR_CHANGES,
    AlreadyPaid,
    ChargesFrozen,
    IdempotencyKeyInvalid,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    InProgress,
    NextGatewayRefused,
    NotCancelable,
    NotCapturable,
    NotFound,
    NotRefundable,
    PaymentDisputed,
    RefundExceedsCaptured,
    RefundsFrozen,
    problem_responses,
)
from api.operators import Steering
from api.refund_requests import decided, start
from api.routes.admin.transactions import read_detail
from api.routes.checkouts import CheckoutId
from api.schemas_headers import idempotency_key
from api.schemas_transactions import (
    CancelActionBody,
    CaptureActionBody,
    CheckoutDetail,
    NextGatewayBody,
    RefundActionBody,
    ResendBody,
)
from api.services import Services
from storage import checkouts, tables

router = APIRouter(prefix="/checkouts/{checkout_id}")

NotificationId = Annotated[str, Path(pattern="^evt_[0-9a-z]{26}$", description="Id of the notification.")]


@router.post(
    "/capture",
    response_model=CheckoutDetail,
    summary="Capture an authorized checkout by hand",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound, NotCapturable, InProgress, ChargesFrozen),
)
async def capture(
    checkout_id: CheckoutId, body: CaptureActionBody, parts: Parts, operator: Steering
) -> CheckoutDetail:
    """All of the authorized amount, or part of it; the rest is released."""
    row = await _known(parts, checkout_id)
    wait = parts.settings.default_wait
    await operator_actions.capture(parts, operator, row, body.amount, body.reason, wait)
    return await read_detail(parts, checkout_id)


@router.post(
    "/cancel",
    response_model=CheckoutDetail,
    summary="Cancel a checkout by hand",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound, AlreadyPaid, NotCancelable, InProgress),
)
async def cancel(
    checkout_id: CheckoutId, body: CancelActionBody, parts: Parts, operator: Steering
) -> CheckoutDetail:
    """Final once the open attempt is closed or known."""
    row = await _known(parts, checkout_id)
    await operator_actions.cancel(parts, operator, row, body.reason, parts.settings.default_wait)
    return await read_detail(parts, checkout_id)


@router.post(
    "/refunds",
    response_model=CheckoutDetail,
    summary="Refund a checkout by hand",
    responses=problem_responses(
        *OPERATOR_CHANGES,
        NotFound,
        NotRefundable,
        RefundExceedsCaptured,
        PaymentDisputed,
        IdempotencyKeyMissing,
        IdempotencyKeyInvalid,
        IdempotencyKeyReused,
        RefundsFrozen,
    ),
)
async def refund(
    checkout_id: CheckoutId,
    body: RefundActionBody,
    parts: Parts,
    operator: Steering,
    key: Annotated[str, Depends(idempotency_key)],
) -> CheckoutDetail:
    """All that is left, or part of it. The same again under its key refunds nothing more."""
    row = await _known(parts, checkout_id)
    news = parts.changes.subscribe(checkout_id)
    try:
        accepted = await operator_actions.refund(parts, operator, row, body.amount, body.reason, key)
        if accepted.new or accepted.refund.looked_at is None:
            await start(parts, accepted.refund)
        if accepted.new:
            await decided(parts, accepted.refund.id, news, parts.settings.default_wait)
    finally:
        parts.changes.unsubscribe(checkout_id, news)
    return await read_detail(parts, checkout_id)


@router.post(
    "/next-gateway",
    response_model=CheckoutDetail,
    summary="Choose the account that is asked next",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound, NextGatewayRefused, InProgress),
)
async def next_gateway(
    checkout_id: CheckoutId, body: NextGatewayBody, parts: Parts, operator: Steering
) -> CheckoutDetail:
    """Only once the present attempt is definitely without money; nothing is sent twice."""
    row = await _known(parts, checkout_id)
    await operator_actions.next_gateway(
        parts, operator, row, body.account, body.reason, close_page=body.close_page
    )
    return await read_detail(parts, checkout_id)


@router.post(
    "/notifications/{notification_id}/resend",
    response_model=CheckoutDetail,
    summary="Tell the merchant again",
    responses=problem_responses(*OPERATOR_CHANGES, NotFound),
)
async def resend(
    checkout_id: CheckoutId,
    notification_id: NotificationId,
    body: ResendBody,
    parts: Parts,
    operator: Steering,
) -> CheckoutDetail:
    """At once, under the same event id."""
    await operator_actions.resend(parts, operator, checkout_id, notification_id, body.reason)
    return await read_detail(parts, checkout_id)


async def _known(parts: Services, checkout_id: str) -> tables.Checkout:
    async with parts.database.transaction() as session:
        row = await checkouts.get(session, checkout_id)
    if row is None:
        raise NotFound("There is no such checkout.")
    return row
