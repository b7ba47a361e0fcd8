"""The audit log: who, what, when, from where, with what result, before, after and why. Only ever added to.

What operators do is recorded by whoever does it, in the same transaction. Every change of a checkout's, an
attempt's or a refund's status is recorded by a trigger: what a person changes by hand is there as well.
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from storage.tables import AuditEntry

ORIGIN: Final[ContextVar[str | None]] = ContextVar("audit_origin", default=None)
"""Where the caller is, as `api 203.0.113.7`; None: the program that is connected (`smartpay worker`)."""

SYSTEM: Final = "system"
"""Who acts when nobody in particular does."""


class Result(StrEnum):
    SUCCESS = "success"
    REFUSED = "refused"


async def record(
    session: AsyncSession,
    *,
    actor: str,
    action: str,
    subject: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    result: Result = Result.SUCCESS,
) -> None:
    """Write a change in its own transaction. `before` and `after` are JSON, without secrets."""
    entry = AuditEntry(
        actor=actor,
        action=action,
        subject=subject,
        result=result,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
        reason=reason,
    )
    origin = ORIGIN.get()
    if origin is not None:
        entry.origin = origin
    session.add(entry)
    await session.flush()


async def about(session: AsyncSession, subject: str) -> Sequence[AuditEntry]:
    """What was done to `subject`, oldest first."""
    found = await session.exec(
        select(AuditEntry).where(col(AuditEntry.subject) == subject).order_by(col(AuditEntry.id))
    )
    return found.all()


async def page(
    session: AsyncSession,
    *,
    limit: int,
    before: int | None = None,
    actor: str | None = None,
    action: str | None = None,
    subject: str | None = None,
    checkout_id: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[AuditEntry]:
    """Entries, newest first, from just before the entry `before`."""
    query = select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(AuditEntry.id) < before)
    if since is not None:
        query = query.where(col(AuditEntry.at) >= since)
    if until is not None:
        query = query.where(col(AuditEntry.at) < until)
    for column, wanted in (
        (AuditEntry.actor, actor),
        (AuditEntry.action, action),
        (AuditEntry.subject, subject),
        (AuditEntry.checkout_id, checkout_id),
    ):
        if wanted is not None:
            query = query.where(col(column) == wanted)
    return (await session.exec(query)).all()
