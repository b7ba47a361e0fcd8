"""Refunds: money on its way back. A reservation on the attempt row bounds them all (I12)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.refund import FINAL, RefundFailure, RefundKind, RefundState
from storage.tables import Attempt, Refund

RENEWED: Final[dict[str, Any]] = {
    "status": RefundState.PENDING,
    "sent_at": None,
    "last_sent_at": None,
    "gateway_refund_id": None,
    "reopened": col(Refund.reopened) + 1,
}
"""As if nothing had left, but under the next key."""


async def reserve(session: AsyncSession, attempt_id: str, amount: int) -> bool:
    """Set `amount` of a captured attempt aside for a refund; False where so much is not left."""
    result = await session.exec(
        update(Attempt)
        .where(
            col(Attempt.id) == attempt_id,
            col(Attempt.amount_refunded) + col(Attempt.amount_reserved) + amount
            <= col(Attempt.amount_captured),
        )
        .values(amount_reserved=col(Attempt.amount_reserved) + amount)
    )
    return bool(result.rowcount == 1)


async def create(session: AsyncSession, refund: Refund) -> bool:
    """Insert the row; False where it exists, or its merchant has used the key before."""
    result = await session.exec(
        insert(Refund)
        .values(**refund.model_dump(exclude={"created_at", "updated_at"}))
        .on_conflict_do_nothing()
        .returning(col(Refund.id))
    )
    return result.scalar_one_or_none() is not None


async def get(session: AsyncSession, refund_id: str, merchant_id: str | None = None) -> Refund | None:
    """As the database has it now; with `merchant_id`, only where that merchant asked for it (I21)."""
    query = select(Refund).where(col(Refund.id) == refund_id)
    if merchant_id is not None:
        query = query.where(col(Refund.merchant_id) == merchant_id)
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def by_key(session: AsyncSession, merchant_id: str, idempotency_key: str) -> Refund | None:
    found = await session.exec(
        select(Refund).where(
            col(Refund.merchant_id) == merchant_id, col(Refund.idempotency_key) == idempotency_key
        )
    )
    return found.first()


async def of_checkout(
    session: AsyncSession, checkout_id: str, *, limit: int, before: str | None = None
) -> Sequence[Refund]:
    """What the merchant asked for of a checkout, newest first, from just before the refund `before`."""
    query = (
        select(Refund)
        .where(col(Refund.checkout_id) == checkout_id, col(Refund.kind) == RefundKind.MERCHANT)
        .order_by(col(Refund.id).desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(col(Refund.id) < before)
    return (await session.exec(query)).all()


async def open_of_attempt(session: AsyncSession, attempt_id: str) -> Sequence[Refund]:
    """The refunds of an attempt that are not decided."""
    found = await session.exec(
        select(Refund).where(col(Refund.attempt_id) == attempt_id, col(Refund.status).not_in(FINAL))
    )
    return found.all()


async def succeeded_of_attempt(session: AsyncSession, attempt_id: str) -> Sequence[Refund]:
    found = await session.exec(
        select(Refund).where(
            col(Refund.attempt_id) == attempt_id, col(Refund.status) == RefundState.SUCCEEDED
        )
    )
    return found.all()


async def unattended(
    session: AsyncSession, *, never_for: float, last_for: float, limit: int
) -> Sequence[Refund]:
    """Refunds asked for by merchants that no worker has had in hand for so many seconds since they were
    accepted, or since the last time: the start of their run, or the run itself, may be lost (A1, T3, T4)."""
    found = await session.exec(
        select(Refund)
        .where(
            col(Refund.kind) == RefundKind.MERCHANT,
            col(Refund.status).not_in(FINAL),
            func.coalesce(
                col(Refund.looked_at) + func.make_interval(0, 0, 0, 0, 0, 0, last_for),
                col(Refund.created_at) + func.make_interval(0, 0, 0, 0, 0, 0, never_for),
            )
            < func.now(),
        )
        .order_by(col(Refund.created_at))
        .limit(limit)
    )
    return found.all()


async def lock(session: AsyncSession, refund_id: str) -> Refund:
    """The row as it is now, held until the transaction ends. Raises NoResultFound."""
    query = select(Refund).where(col(Refund.id) == refund_id).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one()


async def another_is_unclear(session: AsyncSession, refund: Refund) -> bool:
    """Whether another refund of the attempt may have reached the gateway, which has not told us of it."""
    found = await session.exec(
        select(func.count()).where(
            col(Refund.attempt_id) == refund.attempt_id,
            col(Refund.id) != refund.id,
            col(Refund.status).not_in(FINAL),
            col(Refund.sent_at).is_not(None),
            col(Refund.gateway_refund_id).is_(None),
        )
    )
    return bool(found.one())


async def claim_send(session: AsyncSession, refund_id: str) -> int | None:
    """Claim a send: its number, or None where an earlier one may have left."""
    result = await session.exec(
        update(Refund)
        .where(col(Refund.id) == refund_id, col(Refund.sent_at).is_(None), col(Refund.status).not_in(FINAL))
        .values(
            sent_at=func.clock_timestamp(),
            last_sent_at=func.clock_timestamp(),
            sends=col(Refund.sends) + 1,
        )
        .returning(col(Refund.sends))
    )
    number = result.scalar_one_or_none()
    return None if number is None else int(number)


async def claim_resend(session: AsyncSession, refund_id: str, *, renew_key: bool) -> int:
    """Claim a repeat of a send that was looked up and not found, on a row that the caller holds locked.

    `renew_key`: the gateway forgot the key, or has none; the life of the key begins anew.
    """
    values: dict[str, Any] = {"sent_at": func.clock_timestamp()} if renew_key else {}
    result = await session.exec(
        update(Refund)
        .where(col(Refund.id) == refund_id)
        .values(last_sent_at=func.clock_timestamp(), sends=col(Refund.sends) + 1, **values)
        .returning(col(Refund.sends))
    )
    return int(result.scalar_one())


async def record_not_sent(session: AsyncSession, refund_id: str, send: int, detail: str) -> None:
    """Undo the claim of send number `send`, unless another was claimed since: nothing left."""
    await session.exec(
        update(Refund)
        .where(col(Refund.id) == refund_id, col(Refund.sends) == send)
        .values(sent_at=None, detail=detail, updated_at=func.now())
    )


async def settle(
    session: AsyncSession, refund: Refund, *, failure: RefundFailure | None, **values: Any
) -> bool:
    """Turn the reservation into a refund, or with a `failure` release it. Once: False where it is settled."""
    refunded = failure is None
    result = await session.exec(
        update(Refund)
        .where(col(Refund.id) == refund.id, col(Refund.status).not_in(FINAL))
        .values(
            status=RefundState.SUCCEEDED if refunded else RefundState.FAILED,
            failure_code=failure,
            updated_at=func.now(),
            **values,
        )
    )
    if result.rowcount != 1:
        return False
    await session.exec(
        update(Attempt)
        .where(col(Attempt.id) == refund.attempt_id)
        .values(
            amount_reserved=col(Attempt.amount_reserved) - refund.amount,
            amount_refunded=col(Attempt.amount_refunded) + (refund.amount if refunded else 0),
        )
    )
    return True


async def take_back(session: AsyncSession, refund: Refund, *, failure: RefundFailure, **values: Any) -> bool:
    """Undo a success that the gateway has taken back. Once: False where it is not a success any more.

    A merchant's refund has failed, and its money is free again. A compensation is open again with its money
    reserved: that must not stay where it is. The sum that bounds all refunds (I12) never grows by this.
    """
    again = refund.kind == RefundKind.COMPENSATION
    change = RENEWED if again else {"status": RefundState.FAILED, "failure_code": failure}
    result = await session.exec(
        update(Refund)
        .where(col(Refund.id) == refund.id, col(Refund.status) == RefundState.SUCCEEDED)
        .values(updated_at=func.now(), **change, **values)
    )
    if result.rowcount != 1:
        return False
    await session.exec(
        update(Attempt)
        .where(col(Attempt.id) == refund.attempt_id)
        .values(
            amount_refunded=col(Attempt.amount_refunded) - refund.amount,
            amount_reserved=col(Attempt.amount_reserved) + (refund.amount if again else 0),
        )
    )
    return True


async def renew(session: AsyncSession, refund_id: str, **values: Any) -> None:
    """Begin an open refund anew, under another key: what was sent before has definitely failed."""
    await note(session, refund_id, **RENEWED, **values)


async def clock(session: AsyncSession) -> datetime:
    """The database's time, in which sends are dated."""
    now: datetime = (await session.exec(select(func.clock_timestamp()))).one()
    return now


async def looked(session: AsyncSession, refund_id: str) -> None:
    """A worker has the refund in hand."""
    await session.exec(
        update(Refund).where(col(Refund.id) == refund_id).values(looked_at=func.clock_timestamp())
    )


async def note(session: AsyncSession, refund_id: str, **values: Any) -> None:
    """Keep what is known so far of a refund under way."""
    await session.exec(
        update(Refund).where(col(Refund.id) == refund_id).values(updated_at=func.now(), **values)
    )
