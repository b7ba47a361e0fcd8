"""What operators sign in with: a password (Argon2id) and a time-based code (RFC 6238), and what a wrong try
does. Every change is recorded in `audit_log` in the same transaction."""

import hmac
import time
from functools import cache
from typing import Final, NamedTuple

import pyotp
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import func
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import KeyRing, Purpose, Sealed
from domain.passwords import generate
from storage import audit_log, tables
from storage.tables import OperatorCredential, OperatorSession
from storage.vault import vault_of

MOST_FAILURES: Final = 10
LOCK_MINUTES: Final = 30
STEP_SECONDS: Final = 30
_WINDOW: Final = 1
"""Codes of so many steps before and after now are taken too: clocks differ (RFC 6238, section 5.2)."""

_ISSUER: Final = "smartpay"
_HASHES: Final = PasswordHash((Argon2Hasher(),))


class Issued(NamedTuple):
    """What the operator has to be told, once."""

    totp_secret: str
    totp_uri: str


def hash_of(password: str) -> str:
    """Slow on purpose: some tens of milliseconds and 64 MiB. Not for the event loop."""
    return _HASHES.hash(password)


@cache
def _nobodys() -> str:
    """A hash that no password has."""
    return hash_of(generate())


def verify_password(password: str, stored: str | None) -> bool:
    """Whether it is the password. None takes as long and is never right. Not for the event loop."""
    nobodys = _nobodys()  # asked for every time, so that the first time tells nothing either
    return _HASHES.verify(password, stored or nobodys) and stored is not None


async def get(session: AsyncSession, operator_id: str, *, held: bool = False) -> OperatorCredential | None:
    """With `held`, as it is now, until the transaction ends."""
    query = select(OperatorCredential).where(col(OperatorCredential.operator_id) == operator_id)
    if held:
        query = query.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(query)).first()


async def locked(session: AsyncSession, operator_id: str) -> bool:
    found = await session.exec(
        select(col(OperatorCredential.locked_until) > func.now()).where(
            col(OperatorCredential.operator_id) == operator_id
        )
    )
    return bool(found.first())


async def issue(
    session: AsyncSession,
    operator: tables.Operator,
    password_hash: str,
    *,
    actor: str,
    reason: str | None = None,
) -> Issued:
    """A new password and TOTP secret. Every session of the operator ends, and so does a lock.

    Raises BadKeys where the database was opened without keys.
    """
    secret = pyotp.random_base32()
    key, sealed = seal(secret, operator.id, vault_of(session).keys)
    values = {
        "password_hash": password_hash,
        "totp_secret": sealed,
        "key": key,
        "totp_step": None,
        "failures": 0,
        "locked_until": None,
    }
    await session.exec(
        insert(OperatorCredential)
        .values(operator_id=operator.id, **values)
        .on_conflict_do_update(index_elements=["operator_id"], set_={**values, "changed_at": func.now()})
    )
    await session.exec(delete(OperatorSession).where(col(OperatorSession.operator_id) == operator.id))
    await audit_log.record(
        session, actor=actor, action="operator.credentials_issued", subject=operator.id, reason=reason
    )
    uri = pyotp.TOTP(secret).provisioning_uri(name=operator.name, issuer_name=_ISSUER)
    return Issued(secret, uri)


async def take_code(session: AsyncSession, held: OperatorCredential, code: str) -> bool:
    """Use up a code. False where it is wrong, or it or a later one was used before.

    Raises CannotOpen where the key that sealed the secret is gone.
    """
    totp = pyotp.TOTP(unsealed(held, vault_of(session).keys))
    now = int(time.time()) // STEP_SECONDS
    for step in range(now - _WINDOW, now + _WINDOW + 1):
        right = hmac.compare_digest(totp.generate_otp(step).encode(), code.encode())
        if right and (held.totp_step is None or step > held.totp_step):
            await session.exec(
                update(OperatorCredential)
                .where(col(OperatorCredential.operator_id) == held.operator_id)
                .values(totp_step=step, failures=0, locked_until=None)
            )
            return True
    return False


async def count_failure(session: AsyncSession, held: OperatorCredential) -> bool:
    """A wrong try; True where it is the one that locks the operator out."""
    failures = held.failures + 1
    locks = failures >= MOST_FAILURES
    lock_ends = func.now() + func.make_interval(0, 0, 0, 0, 0, LOCK_MINUTES)
    await session.exec(
        update(OperatorCredential)
        .where(col(OperatorCredential.operator_id) == held.operator_id)
        .values(failures=0 if locks else failures, locked_until=lock_ends if locks else held.locked_until)
    )
    return locks


async def unlock(
    session: AsyncSession, operator: tables.Operator, *, actor: str, reason: str | None = None
) -> bool:
    """Let an operator try again at once; False where it was not locked out."""
    result = await session.exec(
        update(OperatorCredential)
        .where(
            col(OperatorCredential.operator_id) == operator.id,
            col(OperatorCredential.locked_until) > func.now(),
        )
        .values(locked_until=None, failures=0)
    )
    if result.rowcount != 1:
        return False
    await audit_log.record(
        session, actor=actor, action="operator.unlocked", subject=operator.id, reason=reason
    )
    return True


def seal(secret: str, operator_id: str, keys: KeyRing) -> Sealed:
    """A TOTP secret as it is kept."""
    return keys.seal(secret.encode(), Purpose.PERSONAL, _about(operator_id))


def unsealed(row: OperatorCredential, keys: KeyRing) -> str:
    """Raises CannotOpen."""
    sealed = Sealed(row.key, row.totp_secret)
    return keys.open(sealed, Purpose.PERSONAL, _about(row.operator_id)).decode()


def _about(operator_id: str) -> bytes:
    """What a sealed secret is bound to."""
    return f"totp/{operator_id}".encode()
