"""What waits: for a person, or to be told. Counted over indexes that hold the waiting alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import Alert, Notification, WebhookEventRow


@dataclass(frozen=True)
class Backlog:
    alerts: Mapping[str, int] = field(default_factory=dict)
    """Unacknowledged, by kind."""
    webhooks: int = 0
    """Stored, and their run not told yet."""
    webhook_age: float = 0.0
    """Seconds since the oldest of them arrived."""
    notifications: int = 0
    """Written, and their delivery not begun."""


async def backlog(session: AsyncSession) -> Backlog:
    alerts = await session.exec(
        select(Alert.kind, func.count()).where(col(Alert.acknowledged_at).is_(None)).group_by(Alert.kind)
    )
    age = func.extract("epoch", func.now() - func.min(WebhookEventRow.received_at))
    webhooks, oldest = (
        await session.exec(
            select(func.count(), func.coalesce(age, 0)).where(col(WebhookEventRow.delivered_at).is_(None))
        )
    ).one()
    waiting = await session.exec(
        select(func.count()).select_from(Notification).where(col(Notification.start_at).is_not(None))
    )
    return Backlog(
        alerts=dict(alerts.all()),
        webhooks=webhooks,
        webhook_age=float(oldest),
        notifications=waiting.one(),
    )
