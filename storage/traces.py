"""Queries about the traces of checkouts. Asked only while traces are on."""

from collections.abc import Mapping, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import CheckoutTrace, Notification


def keep(session: AsyncSession, checkout_id: str, traceparent: str) -> None:
    session.add(CheckoutTrace(checkout_id=checkout_id, traceparent=traceparent))


async def of_checkout(session: AsyncSession, checkout_id: str) -> str | None:
    return (
        await session.exec(
            select(CheckoutTrace.traceparent).where(col(CheckoutTrace.checkout_id) == checkout_id)
        )
    ).first()


async def of_notifications(session: AsyncSession, ids: Sequence[str]) -> Mapping[str, str]:
    """By notification, for those whose checkout has one."""
    found = await session.exec(
        select(Notification.id, CheckoutTrace.traceparent)
        .join(CheckoutTrace, col(CheckoutTrace.checkout_id) == col(Notification.checkout_id))
        .where(col(Notification.id).in_(ids))
    )
    return dict(found.all())
