"""Links what was added to the audit log into its chain, a moment after it was committed.

Entries are written unchained, so that no transaction waits for another. One worker at a time (an advisory
lock decides which) lists the new ones in a seal. Entries commit in another order than that of their ids: an
id that is missing when a later one is sealed stays open for `SETTLED_AFTER`, and is sealed when it shows up.
After that it can only have been added by somebody else, and `audit_checking` reports it.
"""

import asyncio
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import func, text
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import KeyRing, Purpose
from domain.audit import FIRST, Entry, Seal
from storage import audit_log
from storage.database import Database
from storage.tables import AuditEntry, AuditSeal

log = structlog.get_logger()

SETTLED_AFTER: Final = 600.0
"""Seconds. Far longer than any transaction of ours, which statement and idle time-outs end."""
EVERY: Final = 1.0
"""Seconds between two looks for new entries."""
AT_ONCE: Final = 2000

_LOCK: Final = 7310002
COLUMNS: Final[Sequence[Any]] = [getattr(AuditEntry, each.name) for each in fields(Entry)]
"""What an entry is read from: rows alone, which are much quicker to make than objects of the session."""


@dataclass
class Gaps:
    """Ids below the highest sealed one that were not there yet, as ranges, with the time they were missed."""

    after: int = 0
    """The number of the seal that this was true after."""
    ranges: list[tuple[int, int, float]] = field(default_factory=list)

    def without(self, ids: Sequence[int], low: int, high: int, now: float) -> None:
        """Take out the `ids` that were sealed now; what is missing between `low` and `high` is new."""
        if high > low:
            self.ranges.append((low + 1, high, now))
        kept: list[tuple[int, int, float]] = []
        for first, last, since in self.ranges:
            if now - since < SETTLED_AFTER:
                inside = [each for each in ids if first <= each <= last]
                kept += [(start, end, since) for start, end in holes(inside, first, last)]
        self.ranges = kept


def holes(ids: Iterable[int], first: int, last: int) -> Iterator[tuple[int, int]]:
    """The ranges of `first`..`last` without these ids, which are in order."""
    start = first
    for each in ids:
        if each > start:
            yield start, each - 1
        start = each + 1
    if start <= last:
        yield start, last


async def seal(
    session: AsyncSession, gaps: Gaps, keys: KeyRing, *, clock: float, at: datetime | None = None
) -> int:
    """Seal what is committed and not sealed, at most `AT_ONCE` entries: returns how many.

    0 where nothing is new, or another process is sealing right now. `clock`: monotonic seconds; `at`: the
    seal's time, the database's own if left out.
    """
    if not (await session.exec(select(func.pg_try_advisory_xact_lock(_LOCK)))).one():
        return 0
    last = (await session.exec(select(AuditSeal).order_by(col(AuditSeal.number).desc()).limit(1))).first()
    number, low = (0, 0) if last is None else (last.number, last.last_id)
    if number != gaps.after:
        gaps.after, gaps.ranges = number, [(*hole, clock) for hole in await _unsettled(session, low)]
    entries = await _new(session, gaps, low)
    if not entries:
        gaps.without((), low, low, clock)
        return 0
    ids = [entry.id for entry in entries]
    made = Seal(
        number=number + 1,
        at=at or (await session.exec(select(func.clock_timestamp()))).one(),
        ids=ids,
        digests=b"".join(entry.digest() for entry in entries),
        last_id=max(low, ids[-1]),
        previous=FIRST if last is None else last.hash,
    )
    linked = made.hash()
    key, signature = keys.sign(linked, Purpose.AUDIT)
    session.add(AuditSeal(**made.model_dump(), hash=linked, key=key, signature=signature))
    await session.flush()
    gaps.without(ids, low, made.last_id, clock)
    gaps.after = made.number
    return len(ids)


async def _new(session: AsyncSession, gaps: Gaps, low: int) -> Sequence[Entry]:
    """Entries above `low` and in the gaps, in the order of their ids."""
    found: list[Entry] = []
    if gaps.ranges:
        ranges = {
            "firsts": [each[0] for each in gaps.ranges],
            "lasts": [each[1] for each in gaps.ranges],
        }
        missed = (
            select(*COLUMNS)
            .where(
                text(
                    "audit_log.id IN (SELECT late.id"
                    " FROM unnest(CAST(:firsts AS bigint[]), CAST(:lasts AS bigint[])) AS gap (low, high)"
                    " JOIN audit_log late ON late.id BETWEEN gap.low AND gap.high)"
                )
            )
            .order_by(col(AuditEntry.id))
            .limit(AT_ONCE)
        )
        found += [Entry(**row) for row in (await session.exec(missed, params=ranges)).mappings()]
    new = select(*COLUMNS).where(col(AuditEntry.id) > low).order_by(col(AuditEntry.id)).limit(AT_ONCE)
    found += [Entry(**row) for row in (await session.exec(new)).mappings()]
    return found[:AT_ONCE]


async def _unsettled(session: AsyncSession, low: int) -> list[tuple[int, int]]:
    """What the process that sealed last still waited for: the gaps of the seals that are not settled."""
    recent = (
        await session.exec(
            select(AuditSeal)
            .where(col(AuditSeal.at) > func.now() - func.make_interval(0, 0, 0, 0, 0, 0, SETTLED_AFTER))
            .order_by(col(AuditSeal.number))
        )
    ).all()
    if not recent:
        return []
    before = await session.get(AuditSeal, recent[0].number - 1)
    floor = 0 if before is None else before.last_id
    ids = sorted(each for one in recent for each in one.ids if each > floor)
    return list(holes(ids, floor + 1, low))


class Sealer:
    """Seals for as long as the worker runs."""

    def __init__(self, database: Database, keys: KeyRing) -> None:
        self._database = database
        self._keys = keys
        self._gaps = Gaps()

    async def catch_up(self) -> int:
        """Seal everything that is committed. Returns how many entries. Raises SQLAlchemyError or OSError."""
        count = 0
        while True:
            async with self._database.transaction() as session:
                sealed = await seal(session, self._gaps, self._keys, clock=time.monotonic())
            count += sealed
            if sealed < AT_ONCE:
                return count

    async def run(self) -> None:
        """Until it is cancelled. What fails is tried again: `smartpay audit verify` tells what waits."""
        noted = False
        while True:
            try:
                if not noted:
                    async with self._database.transaction() as session:
                        await note_keys(session, self._keys)
                    noted = True
                await self.catch_up()
            except (SQLAlchemyError, OSError) as error:
                self._gaps = Gaps()
                log.warning("audit.not_sealed", error=type(error).__name__)
            await asyncio.sleep(EVERY)


async def note_keys(session: AsyncSession, keys: KeyRing) -> None:
    """Record the names of the encryption keys where they are others than were recorded last."""
    await session.exec(select(func.pg_advisory_xact_lock(_LOCK + 1)))
    known = await session.exec(
        select(AuditEntry.after)
        .where(col(AuditEntry.subject) == "encryption", col(AuditEntry.action) == "keys.changed")
        .order_by(col(AuditEntry.id).desc())
        .limit(1)
    )
    before, after = known.first(), {"sealing": keys.sealing, "names": list(keys.names)}
    if before != after:
        await audit_log.record(
            session,
            actor=audit_log.SYSTEM,
            action="keys.changed",
            subject="encryption",
            before=before,
            after=after,
        )
