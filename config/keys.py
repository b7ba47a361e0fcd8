"""The encryption keys: a ring of named keys, of which the first seals and all open.

    ENCRYPTION_KEYS="2026-11:<base64 of 32 bytes>,2026-05:<base64 of 32 bytes>"

or a file with one such pair a line (`ENCRYPTION_KEYS_FILE`). To rotate: put a new key in front, keep the old
ones as long as something sealed with them is kept. What comes from elsewhere (a vault, a KMS) becomes a
`KeyRing` in the same way: everything else sees the ring alone.

A key is never used as it is: each purpose has a key of its own, derived by HKDF (RFC 5869), so that what is
sealed for one place cannot be opened in another.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
"""96 bits, drawn at random: NIST SP 800-38D, 8.3, allows 2^32 messages under one key that way."""
_LONGEST_NAME: Final = 64
_FEWEST_DISTINCT_BYTES: Final = 16
"""Of 32 random bytes fewer are distinct once in more than 10^13 draws; of a phrase or a pattern, mostly."""


class BadKeys(ValueError):
    """The keys cannot be used. The message names the key and never shows it."""


class CannotOpen(Exception):
    """Sealed with a key that is not on the ring, or not what was sealed."""


class Purpose(StrEnum):
    HISTORIES = "histories"
    """Payloads in Temporal."""
    PERSONAL = "personal"
    """Personal data and secrets in the database."""
    LOOKUP = "lookup"
    """Keyed hashes by which sealed values are found again."""
    AUDIT = "audit"
    """Signatures of the audit log's seals."""


class Sealed(NamedTuple):
    key: str
    """The name of the key that opens it."""
    data: bytes
    """Nonce, then AES-256-GCM ciphertext with its tag."""


class KeyRing:
    """Seals with its first key, opens with any. Safe to share between threads."""

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """`keys`: name -> 32 bytes, the sealing key first. Raises BadKeys."""
        if not keys:
            raise BadKeys("there is no key")
        for name, key in keys.items():
            if not name or len(name) > _LONGEST_NAME or not all(c.isalnum() or c in "-_." for c in name):
                raise BadKeys("a key's name is 1 to 64 letters, digits, '-', '_' or '.'")
            if len(key) != KEY_BYTES:
                raise BadKeys(f"key {name}: has {len(key)} bytes, not {KEY_BYTES}")
            if len(set(key)) < _FEWEST_DISTINCT_BYTES:
                raise BadKeys(
                    f"key {name}: is too regular to be random; make one with `smartpay encryption new-key`"
                )
        if len(set(keys.values())) < len(keys):
            raise BadKeys("two names have the same key")
        self._keys = dict(keys)
        self.sealing = next(iter(keys))

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `name:base64` pairs, separated by commas or line ends. Raises BadKeys."""
        keys: dict[str, bytes] = {}
        for entry in text.replace("\n", ",").split(","):
            name, colon, encoded = entry.strip().partition(":")
            if not name and not colon:
                continue
            if not colon:  # what stands there may be a key
                raise BadKeys("an entry is not name:base64")
            try:
                key = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                raise BadKeys(f"key {name}: is not base64") from None
            if name in keys:
                raise BadKeys(f"key {name}: is named twice")
            keys[name] = key
        return cls(keys)

    @property
    def names(self) -> Sequence[str]:
        return tuple(self._keys)

    def seal(self, plain: bytes, purpose: Purpose, about: bytes = b"") -> Sealed:
        """Encrypt. `about` (an id, a column) is bound to it and has to be given again to open it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        cipher = _cipher(self._keys[self.sealing], purpose)
        return Sealed(self.sealing, nonce + cipher.encrypt(nonce, plain, about))

    def open(self, sealed: Sealed, purpose: Purpose, about: bytes = b"") -> bytes:
        """Raises CannotOpen."""
        key = self._keys.get(sealed.key)
        if key is None:
            raise CannotOpen(f"no key named {sealed.key!r:.80} on the ring")
        try:
            nonce, encrypted = sealed.data[:_NONCE_BYTES], sealed.data[_NONCE_BYTES:]
            return _cipher(key, purpose).decrypt(nonce, encrypted, about)
        except (InvalidTag, ValueError):
            raise CannotOpen("not what was sealed") from None

    def digests(self, value: bytes) -> Sequence[bytes]:
        """Keyed hashes of the value, the sealing key's first: written with the first, looked up by all."""
        return tuple(hmac.digest(_derived(key, Purpose.LOOKUP), value, sha256) for key in self._keys.values())

    def sign(self, value: bytes, purpose: Purpose) -> Sealed:
        """An HMAC-SHA-256 with the sealing key: whoever has the database and not the keys cannot make it."""
        return Sealed(self.sealing, hmac.digest(_derived(self._keys[self.sealing], purpose), value, sha256))

    def signed(self, value: bytes, signature: Sealed, purpose: Purpose) -> bool:
        """Whether the signature is right. Raises CannotOpen where its key is not on the ring."""
        key = self._keys.get(signature.key)
        if key is None:
            raise CannotOpen(f"no key named {signature.key!r:.80} on the ring")
        return hmac.compare_digest(hmac.digest(_derived(key, purpose), value, sha256), signature.data)


def load_keys(text: str | None, file: Path | None) -> KeyRing | None:
    """The ring of the settings, None where none is configured. Raises BadKeys."""
    if text is not None and file is not None:
        raise BadKeys("ENCRYPTION_KEYS and ENCRYPTION_KEYS_FILE are both set; one of them has to go")
    if file is not None:
        try:
            text = file.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError):
            raise BadKeys(f"{file}: cannot be read as keys") from None
    return None if text is None else KeyRing.parse(text)


def new_key(name: str) -> str:
    """A fresh random key as the settings take it."""
    return f"{name}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"


@cache
def _derived(key: bytes, purpose: Purpose) -> bytes:
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"smartpay/{purpose}".encode()).derive(key)


@cache
def _cipher(key: bytes, purpose: Purpose) -> AESGCM:
    return AESGCM(_derived(key, purpose))
