"""What operators always refuse, or never stop.

E-mail and network addresses are sealed under the encryption keys, and found by their keyed hashes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import bindparam, or_, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession
from sqlmodel.sql.expression import SelectOfScalar

from config.keys import KeyRing, Purpose, Sealed
from domain.ids import Prefix, new_id
from domain.screening import ListEffect, ListKind
from storage import audit_log
from storage.tables import ListEntry
from storage.vault import vault_of

PERSONAL: Final = frozenset({ListKind.EMAIL, ListKind.IP})
"""Kinds whose values may name a person."""


class Entry(BaseModel):
    """An entry as people read it."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: ListKind
    value: str
    effect: ListEffect
    reason: str
    actor: str
    created_at: datetime


def sealed(keys: KeyRing, kind: ListKind, value: str) -> dict[str, Any]:
    """The columns that keep a value. `keys` is used for personal ones alone."""
    if kind not in PERSONAL:
        return {"value": value, "digest": None, "key": None, "sealed": None}
    key, data = keys.seal(value.encode(), Purpose.PERSONAL, about(kind))
    return {"value": None, "digest": digests(keys, kind, value)[0], "key": key, "sealed": data}


def about(kind: str) -> bytes:
    """What a sealed value is bound to."""
    return f"list_entries/{kind}".encode()


def digests(keys: KeyRing, kind: str, value: str) -> Sequence[bytes]:
    """Keyed hashes by which a sealed value is found, that of the sealing key first."""
    return keys.digests(f"list\0{kind}\0{value}".encode())


async def matching(session: AsyncSession, values: Iterable[tuple[ListKind, str]]) -> Sequence[Entry]:
    """The entries that name one of these. Raises BadKeys, CannotOpen."""
    wanted = list(values)
    return await _all(session, wanted) if wanted else []


async def page(
    session: AsyncSession,
    *,
    limit: int,
    before: str | None = None,
    kind: ListKind | None = None,
    effect: ListEffect | None = None,
) -> Sequence[Entry]:
    """Newest first, from just before the entry `before`. Raises BadKeys, CannotOpen."""
    query = select(ListEntry).order_by(col(ListEntry.id).desc()).limit(limit)
    if before is not None:
        query = query.where(col(ListEntry.id) < before)
    if kind is not None:
        query = query.where(col(ListEntry.kind) == kind)
    if effect is not None:
        query = query.where(col(ListEntry.effect) == effect)
    return [_opened(session, row) for row in await session.exec(query)]


async def add(
    session: AsyncSession, effect: ListEffect, kind: ListKind, value: str, *, actor: str, reason: str
) -> Entry:
    """Write an entry and record who and why. One that is there gets the new effect and reason.

    Raises BadKeys, CannotOpen.
    """
    before = await find(session, kind, value)
    values = {"effect": effect, "reason": reason, "actor": actor}
    if before is None:
        await session.exec(
            insert(ListEntry)
            .values(
                id=new_id(Prefix.LIST_ENTRY),
                kind=kind,
                **sealed(vault_of(session).keys, kind, value),
                **values,
            )
            .on_conflict_do_nothing()
        )
    known = before or await find(session, kind, value)
    assert known is not None  # noqa: S101  # written just now, or before
    await session.exec(update(ListEntry).where(col(ListEntry.id) == known.id).values(**values))
    after = await find(session, kind, value)
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


async def remove(session: AsyncSession, entry_id: str, *, actor: str, reason: str) -> Entry | None:
    """Take an entry away and record who and why; None where there is none. Raises BadKeys, CannotOpen."""
    found = await session.exec(select(ListEntry).where(col(ListEntry.id) == entry_id).with_for_update())
    row = found.first()
    if row is None:
        return None
    entry = _opened(session, row)
    await session.exec(delete(ListEntry).where(col(ListEntry.id) == entry_id))
    await audit_log.record(
        session, actor=actor, action="list.removed", subject=entry.id, before=_state(entry), reason=reason
    )
    return entry


async def find(session: AsyncSession, kind: ListKind, value: str) -> Entry | None:
    """Raises BadKeys, CannotOpen."""
    found = await _all(session, [(kind, value)])
    return found[0] if found else None


async def _all(session: AsyncSession, wanted: Sequence[tuple[ListKind, str]]) -> Sequence[Entry]:
    given = _given(session, wanted)
    query = _matching(frozenset(given))
    return [_opened(session, row) for row in await session.exec(query, params=given)]


@cache
def _matching(kinds: frozenset[str]) -> SelectOfScalar[ListEntry]:
    """Made once for each set of kinds: to make it takes longer than to execute it."""
    columns = {"plain": ListEntry.value, "hashed": ListEntry.digest}
    parts = [
        tuple_(col(ListEntry.kind), col(columns[each])).in_(bindparam(each, expanding=True))
        for each in sorted(kinds)
    ]
    return select(ListEntry).where(or_(*parts)).execution_options(populate_existing=True)


def _given(session: AsyncSession, wanted: Sequence[tuple[ListKind, str]]) -> dict[str, Any]:
    """What the entries of these kinds and values are found by."""
    plain = [each for each in wanted if each[0] not in PERSONAL]
    personal = [each for each in wanted if each[0] in PERSONAL]
    given: dict[str, Any] = {}
    if plain:
        given["plain"] = plain
    if personal:
        keys = vault_of(session).keys
        given["hashed"] = [(kind, each) for kind, value in personal for each in digests(keys, kind, value)]
    return given


def _opened(session: AsyncSession, row: ListEntry) -> Entry:
    value = row.value
    if row.key is not None and row.sealed is not None:
        keys = vault_of(session).keys
        value = keys.open(Sealed(row.key, row.sealed), Purpose.PERSONAL, about(row.kind)).decode()
    return Entry.model_validate({**row.model_dump(), "value": value})


def _state(entry: Entry) -> Mapping[str, str]:
    """For the record, which is kept for ever: no address of a person is in it."""
    plain = {} if entry.kind in PERSONAL else {"value": entry.value}
    return {"effect": entry.effect, "kind": entry.kind, **plain}
