"""What operators always refuse, or never stop."""

from collections.abc import Iterable, Sequence

from sqlalchemy import tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.ids import Prefix, new_id
from domain.screening import ListEffect, ListKind
from storage import audit_log
from storage.tables import ListEntry


async def matching(session: AsyncSession, values: Iterable[tuple[ListKind, str]]) -> Sequence[ListEntry]:
    """The entries that name one of these."""
    wanted = list(values)
    if not wanted:
        return []
    found = await session.exec(
        select(ListEntry).where(tuple_(col(ListEntry.kind), col(ListEntry.value)).in_(wanted))
    )
    return found.all()


async def page(
    session: AsyncSession,
    *,
    limit: int,
    before: str | None = None,
    kind: ListKind | None = None,
    effect: ListEffect | None = None,
) -> Sequence[ListEntry]:
    """Newest first, from just before the entry `before`."""
    query = select(ListEntry).order_by(col(ListEntry.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(ListEntry.id) < before)
    if kind is not None:
        query = query.where(col(ListEntry.kind) == kind)
    if effect is not None:
        query = query.where(col(ListEntry.effect) == effect)
    return (await session.exec(query)).all()


async def add(
    session: AsyncSession, effect: ListEffect, kind: ListKind, value: str, *, actor: str, reason: str
) -> ListEntry:
    """Write an entry and record who and why. One that is there gets the new effect and reason."""
    before = await _of(session, kind, value)
    values = {"effect": effect, "reason": reason, "actor": actor}
    await session.exec(
        insert(ListEntry)
        .values(id=new_id(Prefix.LIST_ENTRY), kind=kind, value=value, **values)
        .on_conflict_do_update(constraint="uq_list_entries_value", set_=values)
    )
    after = await _of(session, kind, value)
    assert after is not None  # noqa: S101  # written just now
    await audit_log.record(
        session,
        actor=actor,
        action="list.added",
        subject=after.id,
        before=None if before is None else _state(before),
        after=_state(after),
        reason=reason,
    )
    return after


async def remove(session: AsyncSession, entry_id: str, *, actor: str, reason: str) -> ListEntry | None:
    """Take an entry away and record who and why; None where there is none."""
    found = await session.exec(select(ListEntry).where(col(ListEntry.id) == entry_id).with_for_update())
    row = found.first()
    if row is None:
        return None
    await session.exec(delete(ListEntry).where(col(ListEntry.id) == entry_id))
    await audit_log.record(
        session, actor=actor, action="list.removed", subject=row.id, before=_state(row), reason=reason
    )
    return row


async def find(session: AsyncSession, kind: ListKind, value: str) -> ListEntry | None:
    return await _of(session, kind, value)


async def _of(session: AsyncSession, kind: ListKind, value: str) -> ListEntry | None:
    query = select(ListEntry).where(col(ListEntry.kind) == kind, col(ListEntry.value) == value)
    found = (await session.exec(query.execution_options(populate_existing=True))).first()
    return None if found is None else found.model_copy()


def _state(row: ListEntry) -> dict[str, str]:
    """For the record, which is kept for ever: a person's e-mail address is not in it."""
    personal = row.kind == ListKind.EMAIL
    return {"effect": row.effect, "kind": row.kind, **({} if personal else {"value": row.value})}
