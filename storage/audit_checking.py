"""Whether the audit log is what was written: every entry against its digest, every seal against the chain."""

import hmac
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from sqlalchemy import func, text
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import CannotOpen, KeyRing, Purpose, Sealed
from domain.audit import FIRST, Entry, Seal
from storage.audit_sealing import COLUMNS, SETTLED_AFTER
from storage.tables import AuditEntry, AuditSeal

LATE_AFTER: Final = 60.0
"""Seconds after which an entry that is not sealed is reported: no worker seals."""
MOST_FAULTS: Final = 100
_SEALS_AT_ONCE: Final = 50


@dataclass
class Verdict:
    entries: int = 0
    """Entries that are sealed and still here."""
    purged: int = 0
    """Entries that left for an archive with their seals."""
    seals: int = 0
    head: str = f"0:{FIRST.hex()}"
    """`{number}:{hash}` of the last seal: kept elsewhere, it shows later that nothing was cut off."""
    faults: list[str] = field(default_factory=list)
    """What was found, in the order of the chain; at most `MOST_FAULTS`."""
    unsigned: int = 0
    """Seals at the end that no key on the ring has signed. One before them that is signed vouches for all
    earlier ones: its hash covers theirs."""
    waiting: int = 0
    """Entries that should be sealed by now."""
    waiting_since: datetime | None = None

    def fault(self, what: str) -> None:
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(what)


async def verify(
    session: AsyncSession,
    keys: KeyRing | None,
    *,
    expected: str | None = None,
    settled_after: float = SETTLED_AFTER,
) -> Verdict:
    """Check everything. `expected`: a head from before (or its number and the beginning of its hash)."""
    await session.exec(text("SET LOCAL statement_timeout = 0"))  # type: ignore[call-overload]  # plain SQL
    verdict = Verdict()
    previous = FIRST
    async for row in _seals(session):
        _check_seal(row, verdict, previous, keys)
        previous = row.hash
        if row.purged_at is None:
            await _check_entries(session, row, verdict)
        else:
            verdict.purged += len(row.ids)
        if expected is not None and expected.startswith(f"{row.number}:"):
            if not f"{row.number}:{row.hash.hex()}".startswith(expected):
                verdict.fault(f"seal {row.number} has another hash than expected")
            expected = None
    if expected is not None:
        verdict.fault(f"seal {expected.partition(':')[0]} is gone: the end of the log was cut off")
    await _check_unsealed(session, verdict, settled_after)
    return verdict


async def _seals(session: AsyncSession) -> AsyncIterator[AuditSeal]:
    after = -1
    while True:
        found = await session.exec(
            select(AuditSeal)
            .where(col(AuditSeal.number) > after)
            .order_by(col(AuditSeal.number))
            .limit(_SEALS_AT_ONCE)
        )
        rows = found.all()
        for row in rows:
            yield row
        session.expunge_all()
        if len(rows) < _SEALS_AT_ONCE:
            return
        after = rows[-1].number


def _check_seal(row: AuditSeal, verdict: Verdict, previous: bytes, keys: KeyRing | None) -> None:
    verdict.seals += 1
    if row.number != verdict.seals:
        missing = f"{verdict.seals}" + (f" to {row.number - 1}" if row.number - 1 > verdict.seals else "")
        verdict.fault(f"seal {missing} is gone")
        verdict.seals = row.number
    elif row.previous != previous:
        verdict.fault(f"seal {row.number} does not continue the one before")
    if Seal.model_validate(row).hash() != row.hash:
        verdict.fault(f"seal {row.number} was changed")
    try:
        if keys is None:
            verdict.unsigned += 1
        elif not keys.signed(row.hash, Sealed(row.key, row.signature), Purpose.AUDIT):
            verdict.fault(f"seal {row.number} bears a forged signature")
        else:
            verdict.unsigned = 0
    except CannotOpen:
        verdict.unsigned += 1
    verdict.head = f"{row.number}:{row.hash.hex()}"


async def _check_entries(session: AsyncSession, row: AuditSeal, verdict: Verdict) -> None:
    found = {entry.id: entry for entry in await entries_of(session, row)}
    sealed = Seal.model_validate(row)
    for position, each in enumerate(row.ids):
        entry = found.get(each)
        if entry is None:
            verdict.fault(f"entry {each} is gone")
        elif not hmac.compare_digest(entry.digest(), sealed.digest_of(position)):
            verdict.fault(f"entry {each} was changed")
        else:
            verdict.entries += 1


async def entries_of(session: AsyncSession, row: AuditSeal) -> Sequence[Entry]:
    """The entries that a seal lists, in its order, but those that are gone."""
    found = await session.exec(select(*COLUMNS).where(col(AuditEntry.id).in_(row.ids)))
    by_id = {each["id"]: Entry(**each) for each in found.mappings()}
    return [by_id[each] for each in row.ids if each in by_id]


async def _check_unsealed(session: AsyncSession, verdict: Verdict, settled_after: float) -> None:
    """What no seal lists: below ids that were sealed long ago it was slipped in, above it waits."""
    settled = func.now() - func.make_interval(0, 0, 0, 0, 0, 0, settled_after)
    mark = (await session.exec(select(func.max(AuditSeal.last_id)).where(col(AuditSeal.at) <= settled))).one()
    unsealed = (
        select(AuditEntry.id, AuditEntry.at)
        .where(text("audit_log.id IN (SELECT id FROM audit_log EXCEPT SELECT unnest(ids) FROM audit_seals)"))
        .order_by(col(AuditEntry.id))
    )
    now = (await session.exec(select(func.now()))).one()
    for number, at in (await session.exec(unsealed)).all():
        if number is not None and number <= (mark or 0):
            verdict.fault(f"entry {number} was slipped in: entries after it had been sealed long before")
        elif (now - at).total_seconds() > LATE_AFTER:
            verdict.waiting += 1
            verdict.waiting_since = at if verdict.waiting_since is None else min(at, verdict.waiting_since)
