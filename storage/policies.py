"""Versions of the routing policy. The highest one is in force; none is ever changed."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from storage import audit_log
from storage.tables import PolicyVersion

CHANNEL: Final = "routing_policy"
"""Notified with the number of every new version."""
FROM_FILES: Final = "config"
"""The author of the version that the first start made."""


async def current(session: AsyncSession, newer_than: int = 0) -> PolicyVersion | None:
    """The version in force; None where it is not newer than that."""
    return next(iter(await newest(session, limit=1, newer_than=newer_than)), None)


async def newest(
    session: AsyncSession, *, limit: int, newer_than: int = 0, before: int | None = None
) -> Sequence[PolicyVersion]:
    """Versions, the newest first."""
    query = select(PolicyVersion).where(col(PolicyVersion.version) > newer_than)
    if before is not None:
        query = query.where(col(PolicyVersion.version) < before)
    found = await session.exec(query.order_by(col(PolicyVersion.version).desc()).limit(limit))
    return found.all()


async def get(session: AsyncSession, version: int) -> PolicyVersion | None:
    found = await session.exec(select(PolicyVersion).where(col(PolicyVersion.version) == version))
    return found.first()


async def seed(session: AsyncSession, document: Mapping[str, Any]) -> None:
    """Make version 1 of what the files say, where there is no version yet. Any number of processes may."""
    await session.exec(
        insert(PolicyVersion)
        .values(version=1, document=dict(document), author=FROM_FILES, reason=None, diff=[])
        .on_conflict_do_nothing()
    )


async def save(
    session: AsyncSession,
    base: int,
    document: Mapping[str, Any],
    *,
    author: str,
    diff: Sequence[Mapping[str, Any]],
    reason: str | None = None,
    action: str = "policy.saved",
) -> PolicyVersion | None:
    """The version after `base`; None where `base` is not in force (any more), then nothing changed.

    Of two who start from the same version, one gets it and the other None: both would be the same row.
    """
    last = (await session.exec(select(func.max(PolicyVersion.version)))).one()
    if last != base:
        return None
    made = await session.exec(
        insert(PolicyVersion)
        .values(
            version=base + 1,
            document=dict(document),
            author=author,
            reason=reason,
            diff=[dict(each) for each in diff],
        )
        .on_conflict_do_nothing()
    )
    if made.rowcount != 1:
        return None
    await audit_log.record(
        session,
        actor=author,
        action=action,
        subject="routing_policy",
        before={"version": base},
        after={"version": base + 1, "diff": [dict(each) for each in diff]},
        reason=reason,
    )
    await session.exec(select(func.pg_notify(CHANNEL, str(base + 1))))
    return await get(session, base + 1)
