"""Merchants. Every change is recorded in the same transaction."""

from collections.abc import Sequence

from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.ids import Prefix, new_id
from storage import api_keys, audit_log, merchant_secrets
from storage.audit_log import SYSTEM
from storage.tables import ApiKey, Merchant, MerchantOrigin


async def create_merchant(
    session: AsyncSession, name: str, *, actor: str = SYSTEM, reason: str | None = None
) -> Merchant:
    """With the secret that signs its notifications. Raises IntegrityError where the name is taken."""
    merchant = Merchant(id=new_id(Prefix.MERCHANT), name=name)
    session.add(merchant)
    await session.flush()
    await merchant_secrets.issue(session, merchant.id)
    await audit_log.record(
        session,
        actor=actor,
        action="merchant.created",
        subject=merchant.id,
        after={"name": name},
        reason=reason,
    )
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
        .where(col(ApiKey.merchant_id) == col(Merchant.id), api_keys.LIVE)
        .scalar_subquery()
    )
    rows = await session.exec(select(Merchant, live).order_by(col(Merchant.created_at)))
    return [(merchant, int(count)) for merchant, count in rows]


async def origins(session: AsyncSession, merchant_id: str) -> Sequence[str]:
    """Where the merchant's customers may be sent back to; none: see `Settings.return_origins_required`."""
    found = await session.exec(
        select(MerchantOrigin.origin)
        .where(col(MerchantOrigin.merchant_id) == merchant_id)
        .order_by(col(MerchantOrigin.origin))
    )
    return found.all()


async def change_origins(
    session: AsyncSession,
    merchant_id: str,
    *,
    add: Sequence[str],
    remove: Sequence[str],
    actor: str,
    reason: str | None = None,
) -> Sequence[str]:
    """Add to the merchant's origins and take from them. Returns the list as it is then."""
    before = await origins(session, merchant_id)
    if remove:
        await session.exec(
            delete(MerchantOrigin).where(
                col(MerchantOrigin.merchant_id) == merchant_id, col(MerchantOrigin.origin).in_(remove)
            )
        )
    if add:
        rows = [{"merchant_id": merchant_id, "origin": origin} for origin in dict.fromkeys(add)]
        await session.exec(insert(MerchantOrigin).values(rows).on_conflict_do_nothing())
    after = await origins(session, merchant_id)
    if after != before:
        await audit_log.record(
            session,
            actor=actor,
            action="merchant.origins_changed",
            subject=merchant_id,
            before={"origins": list(before)},
            after={"origins": list(after)},
            reason=reason,
        )
    return after
