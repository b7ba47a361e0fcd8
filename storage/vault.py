"""Data keys: one per customer of a merchant, itself sealed under the encryption keys.

What is personal in the database is sealed with its customer's data key. To delete the key is to erase the
person: nothing else has to be found and overwritten. A customer is who has an e-mail address at a merchant; a
checkout without one has a data key of its own.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from config.keys import KEY_BYTES, BadKeys, CannotOpen, KeyRing, Purpose, Sealed
from domain.ids import Prefix, new_id
from storage.tables import DataKey
from storage.tables.columns import table_of

REMEMBERED_FOR: Final = 120.0
"""Seconds that an unwrapped data key stays in a process."""
MOST_REMEMBERED: Final = 10_000
_NONCE_BYTES: Final = 12
_HERE: Final = "vault"


_OF_CUSTOMER: Final = (
    select(DataKey.id, DataKey.key, DataKey.wrapped)
    .where(col(DataKey.subject).in_(bindparam("subjects", expanding=True)))
    .limit(1)
)
_BY_ID: Final = select(DataKey.id, DataKey.key, DataKey.wrapped).where(
    col(DataKey.id).in_(bindparam("ids", expanding=True))
)
_INSERT: Final = insert(table_of(DataKey))


class Cipher:
    """A customer's data key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, plain: bytes, about: str) -> bytes:
        """Encrypt. `about` is bound to it and has to be given again to open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """Raises CannotOpen."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode())
        except (InvalidTag, ValueError):
            raise CannotOpen("not what was sealed") from None


class Vault:
    """The encryption keys of a process, and the data keys that it has unwrapped lately."""

    def __init__(self, keys: KeyRing) -> None:
        self.keys = keys
        self._remembered: OrderedDict[str, tuple[float, Cipher]] = OrderedDict()

    def remembered(self, data_key: str) -> Cipher | None:
        found = self._remembered.get(data_key)
        if found is None or found[0] < time.monotonic():
            return None
        return found[1]

    def unwrap(self, data_key: str, wrapped: Sealed) -> Cipher:
        """The data key of this id. Raises CannotOpen."""
        known = self.remembered(data_key)
        return known or self._remember(data_key, unwrapped(self.keys, data_key, wrapped))

    def make(self, merchant_id: str, email: str | None) -> tuple[DataKey, Cipher]:
        """A new data key, and the row that keeps it."""
        data_key, raw = new_id(Prefix.DATA_KEY), secrets.token_bytes(KEY_BYTES)
        cipher = self._remember(data_key, raw)
        key, wrapped = self.keys.seal(raw, Purpose.PERSONAL, data_key.encode())
        row = DataKey(id=data_key, merchant_id=merchant_id, key=key, wrapped=wrapped)
        if email is not None:
            row.subject = subjects(self.keys, merchant_id, email)[0]
            row.identity = cipher.seal(email.encode(), data_key)
        return row, cipher

    def _remember(self, data_key: str, raw: bytes) -> Cipher:
        cipher = Cipher(raw)
        self._remembered[data_key] = (time.monotonic() + REMEMBERED_FOR, cipher)
        self._remembered.move_to_end(data_key)
        while len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return cipher


def info(keys: KeyRing | None) -> dict[str, Any]:
    """What a session has to know: given to it when it is made."""
    return {} if keys is None else {_HERE: Vault(keys)}


def vault_of(session: AsyncSession) -> Vault:
    """The vault of the session's database. Raises BadKeys where it was opened without keys."""
    found = session.info.get(_HERE)
    if not isinstance(found, Vault):
        raise BadKeys("personal data and secrets need ENCRYPTION_KEYS; see `smartpay encryption new-key`")
    return found


def unwrapped(keys: KeyRing, data_key: str, wrapped: Sealed) -> bytes:
    """Raises CannotOpen."""
    return keys.open(wrapped, Purpose.PERSONAL, data_key.encode())


def subjects(keys: KeyRing, merchant_id: str, email: str) -> Sequence[bytes]:
    """Keyed hashes of a merchant's customer, that of the sealing key first: found without being readable."""
    return keys.digests(f"customer\0{merchant_id}\0{email.strip().casefold()}".encode())


async def for_customer(session: AsyncSession, merchant_id: str, email: str | None) -> tuple[str, Cipher]:
    """The id and the data key of a customer, made at the first time.

    Where it is deleted before the caller refers to it, the foreign key refuses the row: IntegrityError.
    """
    vault = vault_of(session)
    if email is not None:
        found = await session.exec(
            _OF_CUSTOMER, params={"subjects": list(subjects(vault.keys, merchant_id, email))}
        )
        known = found.first()
        if known is not None:
            data_key, key, wrapped = known
            return data_key, vault.unwrap(data_key, Sealed(key, wrapped))
    row, cipher = vault.make(merchant_id, email)
    values = row.model_dump(exclude={"created_at"})
    await (await session.connection()).execute(_INSERT, values)
    return row.id, cipher


async def ciphers(session: AsyncSession, data_keys: Sequence[str]) -> Mapping[str, Cipher]:
    """id -> data key; those that were deleted are missing. One query at most. Raises CannotOpen."""
    if not data_keys:
        return {}
    vault = vault_of(session)
    known = {each: cipher for each in data_keys if (cipher := vault.remembered(each)) is not None}
    missing = set(data_keys) - known.keys()
    if missing:
        rows = await session.exec(_BY_ID, params={"ids": list(missing)})
        known |= {each: vault.unwrap(each, Sealed(key, wrapped)) for each, key, wrapped in rows}
    return known
