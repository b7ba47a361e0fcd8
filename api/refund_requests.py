"""Accept a refund: reserve the money and write the row in one transaction, then start its run.

From the commit on the refund is never lost (I16) and its money cannot be given back twice (I12).
"""

import asyncio
from typing import NamedTuple

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.service import RPCError

from api.errors import (
    IdempotencyKeyReused,
    InvalidRequest,
    NotFound,
    NotRefundable,
    PaymentDisputed,
    RefundExceedsCaptured,
    RefundsFrozen,
)
from api.refund_runs import start_refund
from api.schemas_refunds import Refund, RefundBody, RefundFailureView
from api.services import Services
from api.waiting import until
from domain.attempt import AttemptStatus
from domain.ids import Prefix, new_id
from domain.refund import RefundKind, RefundState
from domain.switches import Switch
from storage import attempts, checkouts, disputes, refunds, switches, tables
from storage.events import tell


class Accepted(NamedTuple):
    refund: tables.Refund
    new: bool
    """False: the same request came before, under the same key."""


async def accept_refund(
    parts: Services, checkout_id: str, merchant: str, key: str, body: RefundBody
) -> Accepted:
    """Raises NotFound, NotRefundable, PaymentDisputed, RefundExceedsCaptured, InvalidRequest,
    IdempotencyKeyReused, RefundsFrozen, and Unavailable while Temporal is down."""
    digest = body.fingerprint(checkout_id)
    async with parts.database.transaction() as session:
        checkout = await checkouts.get(session, checkout_id, merchant)
        if checkout is None:
            raise NotFound
        checkout = await checkouts.lock(session, checkout_id)
        earlier = await refunds.by_key(session, merchant, key)
        if earlier is not None:
            return _replay(earlier, digest)
        parts.door.check_temporal()
        if checkout is None or checkout.paid_attempt_id is None:
            raise NotRefundable
        attempt = await attempts.get(session, checkout.paid_attempt_id)
        if attempt is None or attempt.status not in (AttemptStatus.CAPTURED, AttemptStatus.REFUNDED):
            raise NotRefundable
        if await disputes.barring(session, attempt.id) is not None:
            raise PaymentDisputed
        if Switch.REFUNDS in await switches.around(session, attempt.account):
            raise RefundsFrozen
        row = tables.Refund(
            id=new_id(Prefix.REFUND),
            checkout_id=checkout_id,
            attempt_id=attempt.id,
            merchant_id=merchant,
            idempotency_key=key,
            request_digest=digest,
            kind=RefundKind.MERCHANT,
            amount=_amount(parts, attempt, body.amount),
            reason=body.reason,
            status=RefundState.PENDING,
        )
        if not await refunds.create(session, row):
            earlier = await refunds.by_key(session, merchant, key)
            if earlier is None:
                raise IdempotencyKeyReused
            return _replay(earlier, digest)  # the key was used for another checkout at the same moment
        await _reserve(session, row)
        accepted = await refunds.get(session, row.id)
    return Accepted(accepted or row, new=True)


async def start(parts: Services, refund: tables.Refund) -> None:
    """Start the run; where Temporal cannot be reached, the sweep starts it later."""
    try:
        await start_refund(parts, refund.id)
    except RPCError:
        parts.door.temporal_failed()


async def decided(parts: Services, refund_id: str, news: asyncio.Event, seconds: float) -> tables.Refund:
    """The refund once the gateway has decided it, or as it is after so many seconds.

    `news` of its checkout must have been subscribed before the refund was started.
    """

    async def look() -> tables.Refund:
        async with parts.database.transaction() as session:
            row = await refunds.get(session, refund_id)
        assert row is not None  # noqa: S101  # refunds are never deleted
        return row

    return await until(look, lambda row: RefundState(row.status).final, news, seconds)


def refund_view(row: tables.Refund, currency: str) -> Refund:
    failure = None
    if row.failure_code is not None:
        failure = RefundFailureView.model_validate({"code": row.failure_code, "message": row.detail})
    return Refund.model_validate(
        {
            "id": row.id,
            "checkout_id": row.checkout_id,
            "attempt_id": row.attempt_id,
            "amount": row.amount,
            "currency": currency,
            "status": row.status,
            "reason": row.reason,
            "failure": failure,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
        }
    )


def _replay(earlier: tables.Refund, digest: bytes) -> Accepted:
    if earlier.request_digest != digest:
        raise IdempotencyKeyReused
    return Accepted(earlier, new=False)


def _amount(parts: Services, attempt: tables.Attempt, asked: int | None) -> int:
    left = attempt.amount_captured - attempt.amount_refunded - attempt.amount_reserved
    amount = left if asked is None else asked
    if amount > left or left == 0:
        raise RefundExceedsCaptured(f"{left} of {attempt.amount_captured} minor units can still be refunded.")
    account = parts.accounts.known.get(attempt.account)
    if amount != attempt.amount_captured and account and not account.capabilities.partial_refund:
        raise InvalidRequest.at("/amount", "partial_refund", "this gateway refunds the whole amount only")
    return amount


async def _reserve(session: AsyncSession, row: tables.Refund) -> None:
    if not await refunds.reserve(session, row.attempt_id, row.amount):
        raise RefundExceedsCaptured
    tell(
        session,
        row.checkout_id,
        "refund.requested",
        attempt_id=row.attempt_id,
        refund_id=row.id,
        amount=row.amount,
    )
