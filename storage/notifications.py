"""The outbox of notifications to merchants.

A row is written in the transaction of the change that it tells of: there is no change without its event, and
no event before its change is durable (I24). PostgreSQL wakes the API when that transaction commits; the API
starts a delivery run; the run delivers and writes here what came of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func, insert
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.ids import Prefix, new_id
from domain.notification import NotificationType
from storage.tables import Checkout, Notification

CHANNEL: Final = "notification"
"""Notified with the id whenever a notification waits for its delivery run."""

SHOWN: Final = (
    "id",
    "status",
    "review_reason",
    "reference",
    "amount",
    "currency",
    "amount_captured",
    "amount_refunded",
    "gateway",
    "capture_method",
    "decline",
)
"""What is told of a checkout: fields of the API's answer, under the same names and with the same values.

A snapshot of the moment, taken in the transaction: rendered at delivery, days later, an event would show a
state that it does not speak of. No customer, link or metadata: this leaves over the merchant's callback and
stays in the outbox; whoever needs more reads the checkout with an API key.
"""


async def announce(
    session: AsyncSession,
    checkout_id: str,
    kind: NotificationType,
    *,
    refund: Mapping[str, Any] | None = None,
) -> str | None:
    """Write a notification to the checkout's merchant; its id, or None where the checkout has no address.

    Call it after the change, in the same transaction: it holds the checkout's row from here on (which gives
    the sequence its order) and shows the row as it is now. `refund` (JSON values) is the refund it is about.
    """
    query = select(Checkout).where(col(Checkout.id) == checkout_id).with_for_update()
    checkout = (await session.exec(query.execution_options(populate_existing=True))).one()
    if checkout.notification_url is None:
        return None
    last = await session.exec(
        select(func.coalesce(func.max(Notification.sequence), 0)).where(
            col(Notification.checkout_id) == checkout_id
        )
    )
    data: dict[str, Any] = {"object": "checkout", **{name: getattr(checkout, name) for name in SHOWN}}
    if refund is not None:
        data["refund"] = dict(refund)
    notification_id = new_id(Prefix.EVENT)
    await session.exec(
        insert(Notification).values(
            id=notification_id,
            merchant_id=checkout.merchant_id,
            checkout_id=checkout_id,
            sequence=int(last.one()) + 1,
            type=kind,
            data=data,
            url=checkout.notification_url,
            start_at=func.now(),
            attempts=0,
        )
    )
    await _wake(session, notification_id)
    return notification_id


async def claim_due(session: AsyncSession, *, lease: float, limit: int) -> Sequence[tuple[str, int]]:
    """Notifications whose delivery run this process is to start: id, and attempts made so far.

    Nobody else gets them for `lease` seconds; whoever dies before `mark_started` leaves them to others.
    """
    due = (
        select(Notification.id)
        .where(col(Notification.start_at) <= func.now())
        .order_by(col(Notification.start_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = await session.exec(
        update(Notification)
        .where(col(Notification.id).in_(due))
        .values(start_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, lease))
        .returning(col(Notification.id), col(Notification.attempts))
    )
    return sorted((str(row[0]), int(row[1])) for row in found)


async def mark_started(session: AsyncSession, ids: Sequence[str]) -> None:
    """Their runs exist."""
    await session.exec(update(Notification).where(col(Notification.id).in_(ids)).values(start_at=None))


async def get(session: AsyncSession, notification_id: str) -> Notification | None:
    return (await session.exec(select(Notification).where(col(Notification.id) == notification_id))).first()


async def of_checkout(session: AsyncSession, checkout_id: str) -> Sequence[Notification]:
    """In their order."""
    found = await session.exec(
        select(Notification)
        .where(col(Notification.checkout_id) == checkout_id)
        .order_by(col(Notification.sequence))
    )
    return found.all()


async def record_attempt(
    session: AsyncSession, notification_id: str, *, status: int | None, fault: str | None, delivered: bool
) -> None:
    """Keep what came of one send. A delivery is never undone by a later failure."""
    values: dict[str, Any] = {
        "attempts": col(Notification.attempts) + 1,
        "last_attempt_at": func.now(),
        "last_status": status,
        "last_fault": fault,
    }
    if delivered:
        values |= {"delivered_at": func.coalesce(Notification.delivered_at, func.now()), "gave_up_at": None}
    await session.exec(update(Notification).where(col(Notification.id) == notification_id).values(**values))


async def give_up(session: AsyncSession, notification_id: str) -> bool:
    """No more attempts; False where it is delivered or given up already."""
    result = await session.exec(
        update(Notification)
        .where(
            col(Notification.id) == notification_id,
            col(Notification.delivered_at).is_(None),
            col(Notification.gave_up_at).is_(None),
        )
        .values(gave_up_at=func.now())
    )
    return bool(result.rowcount == 1)


async def resend(session: AsyncSession, notification_id: str) -> bool:
    """Have it delivered (again) at once, under the same id; False where there is no such notification."""
    result = await session.exec(
        update(Notification)
        .where(col(Notification.id) == notification_id)
        .values(start_at=func.now(), delivered_at=None, gave_up_at=None)
    )
    await _wake(session, notification_id)
    return bool(result.rowcount == 1)


async def _wake(session: AsyncSession, notification_id: str) -> None:
    """Heard once the transaction commits."""
    await session.exec(select(func.pg_notify(CHANNEL, notification_id)))
