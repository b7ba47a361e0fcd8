"""Refunds: money on its way back. A reservation on the attempt row bounds them all (I12)."""

from typing import Any

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import Attempt, Refund


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
    """Insert the row; False where it exists."""
    result = await session.exec(
        insert(Refund)
        .values(**refund.model_dump(exclude={"created_at", "updated_at"}))
        .on_conflict_do_nothing(index_elements=["id"])
        .returning(col(Refund.id))
    )
    return result.scalar_one_or_none() is not None


async def get(session: AsyncSession, refund_id: str) -> Refund | None:
    return (await session.exec(select(Refund).where(col(Refund.id) == refund_id))).first()


async def lock(session: AsyncSession, refund_id: str) -> Refund:
    """The row as it is now, held until the transaction ends. Raises NoResultFound."""
    query = select(Refund).where(col(Refund.id) == refund_id).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one()


async def claim_send(session: AsyncSession, refund_id: str) -> int | None:
    """Claim a send: its number, or None where an earlier one may have left."""
    result = await session.exec(
        update(Refund)
        .where(col(Refund.id) == refund_id, col(Refund.sent_at).is_(None))
        .values(sent_at=func.clock_timestamp(), sends=col(Refund.sends) + 1, status="sent")
        .returning(col(Refund.sends))
    )
    number = result.scalar_one_or_none()
    return None if number is None else int(number)


async def record_not_sent(session: AsyncSession, refund_id: str, send: int, detail: str) -> None:
    """Undo the claim of send number `send`, unless another was claimed since: nothing left."""
    await session.exec(
        update(Refund)
        .where(col(Refund.id) == refund_id, col(Refund.sends) == send)
        .values(sent_at=None, detail=detail, updated_at=func.now())
    )


async def settle(session: AsyncSession, refund: Refund, *, refunded: bool, **values: Any) -> bool:
    """Turn the reservation into a refund, or release it. Once: False where it is settled already."""
    result = await session.exec(
        update(Refund)
        .where(col(Refund.id) == refund.id, col(Refund.status).not_in(("succeeded", "failed")))
        .values(status="succeeded" if refunded else "failed", updated_at=func.now(), **values)
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


async def note(session: AsyncSession, refund_id: str, **values: Any) -> None:
    """Keep what is known so far of a refund under way."""
    await session.exec(
        update(Refund).where(col(Refund.id) == refund_id).values(updated_at=func.now(), **values)
    )
