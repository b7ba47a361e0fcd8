"""The record of what operators change: who, what, when and why. Only ever added to."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import AdminEvent


async def record(
    session: AsyncSession,
    *,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Write a change in its own transaction. `before` and `after` are JSON, without secrets."""
    session.add(
        AdminEvent(
            actor=actor,
            action=action,
            subject=subject,
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
            reason=reason,
        )
    )
    await session.flush()


async def about(session: AsyncSession, subject: str) -> Sequence[AdminEvent]:
    """What was done to `subject`, oldest first."""
    found = await session.exec(
        select(AdminEvent).where(col(AdminEvent.subject) == subject).order_by(col(AdminEvent.id))
    )
    return found.all()
