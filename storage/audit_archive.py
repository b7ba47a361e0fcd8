"""The audit log outside the database: exports, and archives of what leaves it."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from sqlalchemy import func, text
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.audit import Entry, Seal
from storage.audit_checking import entries_of
from storage.audit_sealing import COLUMNS
from storage.tables import AuditEntry, AuditSeal

_AT_ONCE = 1000


class Broken(Exception):
    """An entry is not what was sealed: it must not leave before somebody has looked."""


async def lines(
    session: AsyncSession, *, since: datetime | None = None, until: datetime | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Every entry from `since` to just before `until`, as JSON values with `digest` and `seal` (or null)."""
    await _take_time(session)
    after = 0
    while True:
        query = (
            select(*COLUMNS).where(col(AuditEntry.id) > after).order_by(col(AuditEntry.id)).limit(_AT_ONCE)
        )
        if since is not None:
            query = query.where(col(AuditEntry.at) >= since)
        if until is not None:
            query = query.where(col(AuditEntry.at) < until)
        entries = [Entry(**row) for row in (await session.exec(query)).mappings()]
        if not entries:
            return
        ids = [entry.id for entry in entries]
        seals = await session.exec(
            select(AuditSeal).where(col(AuditSeal.last_id) >= ids[0], text("ids && CAST(:ids AS bigint[])")),
            params={"ids": ids},
        )
        listed = {each: seal.number for seal in seals for each in seal.ids}
        for entry in entries:
            yield _line(entry, listed.get(entry.id))
        session.expunge_all()
        after = ids[-1]


async def leaving(session: AsyncSession, *, before: datetime) -> AsyncIterator[dict[str, Any]]:
    """What `purge` will take out, seal by seal. Raises Broken."""
    await _take_time(session)
    seals = await session.exec(
        select(AuditSeal.number)
        .where(col(AuditSeal.at) < before, col(AuditSeal.purged_at).is_(None))
        .order_by(col(AuditSeal.number))
    )
    for number in seals.all():
        row = await session.get_one(AuditSeal, number)
        sealed = Seal.model_validate(row)
        entries = {entry.id: entry for entry in await entries_of(session, row)}
        for position, each in enumerate(row.ids):
            entry = entries.get(each)
            if entry is None or entry.digest() != sealed.digest_of(position):
                raise Broken(f"entry {each} is not what was sealed")
            yield _line(entry, number)
        session.expunge_all()


async def purge(session: AsyncSession, *, before: datetime) -> None:
    """Delete the entries of the seals made before then; the seals stay. Raises DBAPIError where one of them
    is younger than three months, or the user lacks the right."""
    marked = await session.exec(
        update(AuditSeal)
        .where(col(AuditSeal.at) < before, col(AuditSeal.purged_at).is_(None))
        .values(purged_at=func.now())
        .returning(col(AuditSeal.number))
    )
    for number in marked.scalars().all():
        listed = select(func.unnest(AuditSeal.ids)).where(col(AuditSeal.number) == number)
        await session.exec(delete(AuditEntry).where(col(AuditEntry.id).in_(listed.scalar_subquery())))


def _line(entry: Entry, seal: int | None) -> dict[str, Any]:
    return {**entry.document(), "digest": entry.digest().hex(), "seal": seal}


async def _take_time(session: AsyncSession) -> None:
    await session.exec(text("SET LOCAL statement_timeout = 0"))  # type: ignore[call-overload]  # plain SQL
