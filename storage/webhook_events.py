"""The webhook inbox."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import WebhookEventRow


async def store(session: AsyncSession, event: WebhookEventRow) -> bool:
    """Keep the event; False where it is there already (a repeat)."""
    result = await session.exec(
        insert(WebhookEventRow)
        .values(**event.model_dump(exclude={"received_at"}))
        .on_conflict_do_nothing(constraint="uq_webhook_events_dedupe")
        .returning(col(WebhookEventRow.id))
    )
    return result.scalar_one_or_none() is not None


async def mark_delivered(session: AsyncSession, event_id: str, disposition: str) -> None:
    """`signalled`: a workflow was told; `known`: its money is counted already; `closed`: its workflow has
    ended; `recovering`: its workflow is lost and will be started again; `unrelated`: not one of ours;
    `scanned`: a dispute of a payment that it does not name, so that the account's disputes were listed."""
    await session.exec(
        update(WebhookEventRow)
        .where(col(WebhookEventRow.id) == event_id)
        .values(delivered_at=func.now(), disposition=disposition)
    )


async def notices(
    session: AsyncSession, account: str, *, reference: str, payment_id: str | None
) -> tuple[str, ...]:
    """What the account's webhooks have told of one payment, oldest first: of the payment under our reference,
    and of whatever was done to it."""
    told = col(WebhookEventRow.notice).is_not(None)
    own = (col(WebhookEventRow.account) == account) & told
    named = select(WebhookEventRow.payment_id).where(own, col(WebhookEventRow.reference) == reference)
    found = await session.exec(
        select(WebhookEventRow.notice)
        .where(
            own,
            (col(WebhookEventRow.reference) == reference)
            | (col(WebhookEventRow.payment_id) == payment_id)
            | col(WebhookEventRow.payment_id).in_(named),
        )
        .order_by(col(WebhookEventRow.received_at), col(WebhookEventRow.id))
    )
    return tuple(notice for notice in found if notice is not None)


async def undelivered(session: AsyncSession, *, older_than: float, limit: int) -> Sequence[WebhookEventRow]:
    """Events that nobody was told of after so many seconds."""
    found = await session.exec(
        select(WebhookEventRow)
        .where(
            col(WebhookEventRow.delivered_at).is_(None),
            col(WebhookEventRow.received_at) < func.now() - func.make_interval(0, 0, 0, 0, 0, 0, older_than),
        )
        .order_by(col(WebhookEventRow.received_at))
        .limit(limit)
    )
    return found.all()
