"""The secrets that sign a merchant's notifications: `whsec_` and base64 of 24 to 64 bytes.

They lie in the database sealed under the encryption keys: a symmetric signature cannot be made from a digest.
"""

import base64
import secrets
from collections.abc import Sequence

from sqlalchemy import func
from sqlmodel import col, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import Purpose, Sealed
from storage import audit_log
from storage.audit_log import SYSTEM
from storage.tables import MerchantSecret
from storage.vault import vault_of

_BYTES = 32


async def issue(session: AsyncSession, merchant_id: str) -> str:
    """The first secret of a new merchant. Raises IntegrityError where there is a current one."""
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(_BYTES)).decode()}"
    key, sealed = vault_of(session).keys.seal(secret.encode(), Purpose.PERSONAL, about(merchant_id))
    session.add(MerchantSecret(merchant_id=merchant_id, sealed=sealed, key=key))
    await session.flush()
    return secret


async def rotate(session: AsyncSession, merchant_id: str, *, overlap: float, actor: str = SYSTEM) -> str:
    """A new secret; for `overlap` more seconds the old one signs as well, so that no delivery is refused
    while the merchant changes it."""
    await session.exec(
        update(MerchantSecret)
        .where(col(MerchantSecret.merchant_id) == merchant_id, col(MerchantSecret.expires_at).is_(None))
        .values(expires_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, overlap))
    )
    await audit_log.record(
        session,
        actor=actor,
        action="merchant.secret_rotated",
        subject=merchant_id,
        after={"overlap": overlap},
    )
    return await issue(session, merchant_id)


async def live(session: AsyncSession, merchant_id: str) -> Sequence[str]:
    """The secrets that sign now, the current one first. Raises CannotOpen, BadKeys."""
    found = await session.exec(
        select(MerchantSecret.key, MerchantSecret.sealed)
        .where(
            col(MerchantSecret.merchant_id) == merchant_id,
            col(MerchantSecret.expires_at).is_(None) | (col(MerchantSecret.expires_at) > func.now()),
        )
        .order_by(col(MerchantSecret.id).desc())
    )
    keys = vault_of(session).keys
    return [
        keys.open(Sealed(key, sealed), Purpose.PERSONAL, about(merchant_id)).decode() for key, sealed in found
    ]


def about(merchant_id: str) -> bytes:
    """What a sealed secret is bound to."""
    return f"merchant_secrets/{merchant_id}".encode()
