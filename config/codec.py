"""What leaves for Temporal is encrypted, and its key named, before it leaves.

Every payload (arguments, results, signals, updates, details) becomes an encrypted one. Failures carry their
messages and stack traces in a payload too, so they are covered. Workflow ids, search attributes and timer
lengths are not payloads: nothing personal may be in them.
"""

from collections.abc import Sequence
from typing import Final

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

from config.keys import CannotOpen, KeyRing, Purpose, Sealed

ENCODING: Final = b"binary/encrypted"
CIPHER: Final = b"AES-256-GCM"
_ENCODING: Final = "encoding"
_CIPHER: Final = "encryption-cipher"
_KEY: Final = "encryption-key-id"


class EncryptingCodec(PayloadCodec):
    """Payloads from before encryption was switched on bear no mark and pass unchanged: they stay readable."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypted(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Raises CannotOpen, and the task fails and is tried again: a missing key loses nothing."""
        return [
            self._decrypted(payload) if payload.metadata.get(_ENCODING) == ENCODING else payload
            for payload in payloads
        ]

    def _encrypted(self, payload: Payload) -> Payload:
        key, data = self._keys.seal(payload.SerializeToString(), Purpose.HISTORIES)
        return Payload(metadata={_ENCODING: ENCODING, _CIPHER: CIPHER, _KEY: key.encode()}, data=data)

    def _decrypted(self, payload: Payload) -> Payload:
        key = payload.metadata.get(_KEY, b"").decode("ascii", "replace")
        plain = self._keys.open(Sealed(key, payload.data), Purpose.HISTORIES)
        try:
            return Payload.FromString(plain)
        except DecodeError:
            raise CannotOpen("not a payload") from None
