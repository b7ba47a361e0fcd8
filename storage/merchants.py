"""Merchants and their API keys."""

import hashlib
import secrets

from sqlalchemy import func
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.ids import Prefix, new_id
from storage import audit_log, merchant_secrets
from storage.audit_log import SYSTEM
from storage.tables import ApiKey, Merchant

_KEY_BYTES = 32


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


async def create_merchant(session: AsyncSession, name: str, *, actor: str = SYSTEM) -> Merchant:
    """With the secret that signs its notifications. Raises IntegrityError where the name is taken."""
    merchant = Merchant(id=new_id(Prefix.MERCHANT), name=name)
    session.add(merchant)
    await session.flush()
    await audit_log.record(
        session, actor=actor, action="merchant.created", subject=merchant.id, after={"name": name}
    )
    await merchant_secrets.issue(session, merchant.id)
    return merchant


async def find_merchant(session: AsyncSession, name_or_id: str) -> Merchant | None:
    found = await session.exec(
        select(Merchant).where((col(Merchant.id) == name_or_id) | (col(Merchant.name) == name_or_id))
    )
    return found.first()


async def list_merchants(session: AsyncSession) -> list[tuple[Merchant, int]]:
    """Every merchant with the number of its live keys."""
    live = (
        select(func.count())
        .where(col(ApiKey.merchant_id) == col(Merchant.id), col(ApiKey.revoked_at).is_(None))
        .scalar_subquery()
    )
    rows = await session.exec(select(Merchant, live).order_by(col(Merchant.created_at)))
    return [(merchant, int(count)) for merchant, count in rows]


async def issue_key(session: AsyncSession, merchant_id: str, *, actor: str = SYSTEM) -> str:
    """A new API key. This is the only time that it can be read; the database keeps its digest."""
    key = f"sp_{secrets.token_urlsafe(_KEY_BYTES)}"
    session.add(ApiKey(id=new_id(Prefix.KEY), merchant_id=merchant_id, prefix=key[:9], digest=_digest(key)))
    await session.flush()
    await audit_log.record(
        session, actor=actor, action="merchant.key_issued", subject=merchant_id, after={"prefix": key[:9]}
    )
    return key


async def revoke_keys(
    session: AsyncSession, merchant_id: str, prefix: str | None, *, actor: str = SYSTEM
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
        )
    return count


async def merchant_of_key(session: AsyncSession, key: str) -> str | None:
    """The merchant id behind a live key, found by its digest."""
    found = await session.exec(
        select(ApiKey.merchant_id).where(col(ApiKey.digest) == _digest(key), col(ApiKey.revoked_at).is_(None))
    )
    return found.first()
