"""Disputes: written from the gateways' own look-ups alone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.dispute import BARRING, DisputeStatus
from storage.tables import Dispute

_OF_CHECKOUT: Final = (
    select(Dispute).where(col(Dispute.checkout_id) == bindparam("of_checkout")).order_by(col(Dispute.id))
)


async def create(session: AsyncSession, dispute: Dispute) -> bool:
    """Insert the row; False where this dispute of the attempt is known."""
    values = dispute.model_dump(exclude_none=True)
    result = await session.exec(
        insert(Dispute)
        .values(**values)
        .on_conflict_do_nothing(constraint="uq_disputes_gateway_id")
        .returning(col(Dispute.id))
    )
    return result.scalar_one_or_none() is not None


async def known(session: AsyncSession, attempt_id: str, gateway_dispute_id: str) -> Dispute | None:
    query = select(Dispute).where(
        col(Dispute.attempt_id) == attempt_id, col(Dispute.gateway_dispute_id) == gateway_dispute_id
    )
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def record(
    session: AsyncSession, dispute_id: str, status: DisputeStatus, looked_at: datetime, **values: Any
) -> bool:
    """Write what a look-up that began at `looked_at` has told; False where a later one has written."""
    closed_at = None if status.open else func.coalesce(col(Dispute.closed_at), func.now())
    result = await session.exec(
        update(Dispute)
        .where(col(Dispute.id) == dispute_id, col(Dispute.looked_at) <= looked_at)
        .values(status=status, looked_at=looked_at, closed_at=closed_at, **values)
    )
    return bool(result.rowcount == 1)


async def of_attempt(session: AsyncSession, attempt_id: str) -> Sequence[Dispute]:
    found = await session.exec(
        select(Dispute).where(col(Dispute.attempt_id) == attempt_id).order_by(col(Dispute.id))
    )
    return found.all()


async def of_checkout(session: AsyncSession, checkout_id: str) -> Sequence[Dispute]:
    """Oldest first."""
    return (await session.exec(_OF_CHECKOUT, params={"of_checkout": checkout_id})).all()


async def of_checkouts(session: AsyncSession, checkout_ids: Sequence[str]) -> dict[str, list[Dispute]]:
    """checkout id -> its disputes, oldest first, in one query."""
    found = await session.exec(
        select(Dispute).where(col(Dispute.checkout_id).in_(checkout_ids)).order_by(col(Dispute.id))
    )
    by_checkout: dict[str, list[Dispute]] = {}
    for dispute in found:
        by_checkout.setdefault(dispute.checkout_id, []).append(dispute)
    return by_checkout


async def barring(session: AsyncSession, attempt_id: str) -> DisputeStatus | None:
    """Why no money of this attempt may be given back: `lost` before an open one; None: it may.

    Holds until the transaction ends where the caller holds the attempt, as whoever records disputes does.
    """
    found = await session.exec(
        select(Dispute.status).where(col(Dispute.attempt_id) == attempt_id, col(Dispute.status).in_(BARRING))
    )
    statuses = {DisputeStatus(status) for status in found}
    if DisputeStatus.LOST in statuses:
        return DisputeStatus.LOST
    return min(statuses, default=None)


async def clock(session: AsyncSession) -> datetime:
    """The database's time, in which look-ups are dated."""
    now: datetime = (await session.exec(select(func.clock_timestamp()))).one()
    return now
