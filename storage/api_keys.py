"""Merchants' API keys: issued, rotated with an overlap, revoked, used. Every change is recorded."""

import hashlib
import secrets
from collections.abc import Collection, Sequence
from typing import Final

from sqlalchemy import ColumnElement, bindparam, func, text
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.api_key import Caller, KeyScope
from domain.ids import Prefix, new_id
from storage import audit_log
from storage.audit_log import SYSTEM
from storage.tables import ApiKey

PREFIX_LENGTH: Final = 9
"""So many characters of a key are kept readable, to name it by."""
_KEY_BYTES = 32

LIVE: Final[ColumnElement[bool]] = col(ApiKey.revoked_at).is_(None) & (
    col(ApiKey.expires_at).is_(None) | (col(ApiKey.expires_at) > func.now())
)
"""Neither revoked nor expired."""
_IDLE: Final = text("coalesce(last_used_at < now() - interval '1 minute', true)")

_CALLER: Final = select(ApiKey.id, ApiKey.merchant_id, ApiKey.scopes, _IDLE).where(
    col(ApiKey.digest) == bindparam("of_digest"), LIVE
)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def issue(
    session: AsyncSession,
    merchant_id: str,
    *,
    scopes: Collection[KeyScope] | None = None,
    actor: str = SYSTEM,
    reason: str | None = None,
) -> str:
    """A new key; `scopes` None: all. This is the only time that it can be read: its digest is kept."""
    key, prefix = await _add(session, merchant_id, scopes)
    await audit_log.record(
        session,
        actor=actor,
        action="merchant.key_issued",
        subject=merchant_id,
        after={"prefix": prefix, "scopes": _listed(scopes)},
        reason=reason,
    )
    return key


async def rotate(
    session: AsyncSession,
    merchant_id: str,
    *,
    replaced: Sequence[ApiKey],
    scopes: Collection[KeyScope] | None,
    overlap: float,
    actor: str,
    reason: str | None = None,
) -> str:
    """A new key in place of the `replaced` ones, which go on for `overlap` more seconds."""
    await session.exec(
        update(ApiKey)
        .where(col(ApiKey.id).in_([row.id for row in replaced]))
        .values(
            expires_at=func.least(
                col(ApiKey.expires_at), func.now() + func.make_interval(0, 0, 0, 0, 0, 0, overlap)
            )
        )
    )
    key, prefix = await _add(session, merchant_id, scopes)
    await audit_log.record(
        session,
        actor=actor,
        action="merchant.key_rotated",
        subject=merchant_id,
        before={"prefixes": [row.prefix for row in replaced]},
        after={"prefix": prefix, "scopes": _listed(scopes), "overlap_seconds": overlap},
        reason=reason,
    )
    return key


async def revoke(
    session: AsyncSession,
    merchant_id: str,
    prefix: str | None,
    *,
    actor: str = SYSTEM,
    reason: str | None = None,
) -> int:
    """Revoke a merchant's keys, all or those that begin with `prefix`. Returns how many."""
    change = (
        update(ApiKey)
        .where(col(ApiKey.merchant_id) == merchant_id, col(ApiKey.revoked_at).is_(None))
        .values(revoked_at=func.now())
    )
    if prefix is not None:
        change = change.where(col(ApiKey.prefix) == prefix)
    count = int((await session.exec(change)).rowcount)
    if count:
        await audit_log.record(
            session,
            actor=actor,
            action="merchant.keys_revoked",
            subject=merchant_id,
            after={"prefix": prefix, "count": count},
            reason=reason,
        )
    return count


async def every(session: AsyncSession, merchant_id: str) -> Sequence[ApiKey]:
    """A merchant's keys, revoked and expired ones too, newest first."""
    found = await session.exec(
        select(ApiKey).where(col(ApiKey.merchant_id) == merchant_id).order_by(col(ApiKey.created_at).desc())
    )
    return found.all()


async def live(session: AsyncSession, merchant_id: str, prefix: str | None = None) -> Sequence[ApiKey]:
    """A merchant's keys that open something now, oldest first, locked."""
    query = select(ApiKey).where(col(ApiKey.merchant_id) == merchant_id, LIVE)
    if prefix is not None:
        query = query.where(col(ApiKey.prefix) == prefix)
    return (await session.exec(query.order_by(col(ApiKey.created_at)).with_for_update())).all()


async def caller(session: AsyncSession, key: str) -> Caller | None:
    """Who holds this live key, found by its digest. Notes, once a minute, that it was used."""
    found = await session.exec(_CALLER, params={"of_digest": _digest(key)})
    row = found.first()
    if row is None:
        return None
    key_id, merchant_id, scopes, idle = row
    if idle:
        # Whoever else is writing it down at this moment does it for this request as well.
        unwritten = select(ApiKey.id).where(col(ApiKey.id) == key_id, _IDLE)
        await session.exec(
            update(ApiKey)
            .where(col(ApiKey.id).in_(unwritten.with_for_update(skip_locked=True)))
            .values(last_used_at=func.now())
        )
    known = None if scopes is None else frozenset(scope for scope in KeyScope if scope in scopes)
    return Caller(merchant_id=merchant_id, key_id=key_id, scopes=known)


async def _add(
    session: AsyncSession, merchant_id: str, scopes: Collection[KeyScope] | None
) -> tuple[str, str]:
    key = f"sp_{secrets.token_urlsafe(_KEY_BYTES)}"
    prefix = key[:PREFIX_LENGTH]
    session.add(
        ApiKey(
            id=new_id(Prefix.KEY),
            merchant_id=merchant_id,
            prefix=prefix,
            digest=_digest(key),
            scopes=_listed(scopes),
        )
    )
    await session.flush()
    return key, prefix


def _listed(scopes: Collection[KeyScope] | None) -> list[str] | None:
    return None if scopes is None else sorted(scopes)
