"""Rotation of the encryption keys in the database: what an older key seals is sealed again under the newest.

Data keys are only wrapped anew: what they seal stays as it is, so a rotation touches one row per customer.
Safe while the product runs, as long as every process has both keys; safe to stop and begin again.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import KeyRing, Purpose, Sealed
from domain.screening import ListKind
from storage import lists, operator_credentials
from storage.merchant_secrets import about
from storage.tables import DataKey, ListEntry, MerchantSecret, OperatorCredential
from storage.vault import Cipher, subjects, unwrapped, vault_of


class Use(NamedTuple):
    """How many rows of a table one key seals."""

    table: str
    key: str
    rows: int


async def uses(session: AsyncSession) -> Sequence[Use]:
    """Which keys seal what, by table and key."""
    found: list[Use] = []
    for table in (DataKey, MerchantSecret, ListEntry, OperatorCredential):
        rows = await session.exec(
            select(table.key, func.count())
            .where(col(table.key).is_not(None))
            .group_by(col(table.key))
            .order_by(col(table.key))
        )
        found += [Use(str(table.__tablename__), str(key), int(count)) for key, count in rows]
    return found


async def rotate(session: AsyncSession, *, limit: int) -> int:
    """Seal at most so many rows of each table anew. Returns how many; 0: nothing is left.

    Raises CannotOpen where the key of a row is not on the ring.
    """
    keys = vault_of(session).keys
    return (
        await _wrap_data_keys(session, keys, limit)
        + await _seal_secrets(session, keys, limit)
        + await _seal_lists(session, keys, limit)
        + await _seal_authenticators(session, keys, limit)
    )


async def _wrap_data_keys(session: AsyncSession, keys: KeyRing, limit: int) -> int:
    rows = await session.exec(
        select(DataKey).where(col(DataKey.key) != keys.sealing).limit(limit).with_for_update()
    )
    count = 0
    for row in rows.all():
        raw = unwrapped(keys, row.id, Sealed(row.key, row.wrapped))
        if row.identity is not None:
            email = Cipher(raw).open(row.identity, row.id).decode()
            row.subject = subjects(keys, row.merchant_id, email)[0]
        row.key, row.wrapped = keys.seal(raw, Purpose.PERSONAL, row.id.encode())
        session.add(row)
        count += 1
    await session.flush()
    return count


async def _seal_secrets(session: AsyncSession, keys: KeyRing, limit: int) -> int:
    rows = await session.exec(
        select(MerchantSecret).where(col(MerchantSecret.key) != keys.sealing).limit(limit).with_for_update()
    )
    count = 0
    for row in rows.all():
        plain = keys.open(Sealed(row.key, row.sealed), Purpose.PERSONAL, about(row.merchant_id))
        row.key, row.sealed = keys.seal(plain, Purpose.PERSONAL, about(row.merchant_id))
        session.add(row)
        count += 1
    await session.flush()
    return count


async def _seal_lists(session: AsyncSession, keys: KeyRing, limit: int) -> int:
    rows = await session.exec(
        select(ListEntry).where(col(ListEntry.key) != keys.sealing).limit(limit).with_for_update()
    )
    count = 0
    for row in rows.all():
        if row.key is None or row.sealed is None:
            continue
        kind = ListKind(row.kind)
        plain = keys.open(Sealed(row.key, row.sealed), Purpose.PERSONAL, lists.about(kind)).decode()
        for name, value in lists.sealed(keys, kind, plain).items():
            setattr(row, name, value)
        session.add(row)
        count += 1
    await session.flush()
    return count


async def _seal_authenticators(session: AsyncSession, keys: KeyRing, limit: int) -> int:
    rows = await session.exec(
        select(OperatorCredential)
        .where(col(OperatorCredential.key) != keys.sealing)
        .limit(limit)
        .with_for_update()
    )
    count = 0
    for row in rows.all():
        plain = operator_credentials.unsealed(row, keys)
        row.key, row.totp_secret = operator_credentials.seal(plain, row.operator_id, keys)
        session.add(row)
        count += 1
    await session.flush()
    return count
