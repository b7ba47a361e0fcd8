"""The audit log's entries and the chain that seals them: what is hashed, and how.

An entry's digest is the SHA-256 of its canonical JSON: names sorted, no blanks, UTF-8, the time in UTC with
microseconds. A seal lists entries with their digests and continues the seal before it: whoever changes,
removes or reorders a sealed entry, or a seal, breaks a hash. Anybody can check an export with these two
functions and nothing else.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

FIRST: Final = b"\0" * 32
"""What the first seal continues."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who did what to which object, when, from where, and with what result."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    checkout_id: str | None = None
    result: str
    origin: str
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values, for the digest and the export."""
        at = self.at.astimezone(UTC).isoformat("T", "microseconds")
        return {each.name: getattr(self, each.name) for each in fields(self)} | {"at": at}

    def digest(self) -> bytes:
        return hashlib.sha256(canonical(self.document())).digest()


class Seal(BaseModel):
    """A link of the chain."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    number: int
    """From 1, without gaps."""
    at: datetime
    ids: Sequence[int]
    """The entries, in their order."""
    digests: bytes
    """Theirs, one after the other."""
    last_id: int
    """The highest id that this seal or one before it lists."""
    previous: bytes
    """The hash of the seal before."""

    def hash(self) -> bytes:
        return hashlib.sha256(
            canonical(
                {
                    "number": self.number,
                    "at": self.at.astimezone(UTC).isoformat("T", "microseconds"),
                    "ids": list(self.ids),
                    "digests": self.digests.hex(),
                    "last_id": self.last_id,
                    "previous": self.previous.hex(),
                }
            )
        ).digest()

    def digest_of(self, position: int) -> bytes:
        """The digest of the entry at this position, from 0."""
        return self.digests[position * 32 : position * 32 + 32]


def canonical(document: Mapping[str, Any]) -> bytes:
    """JSON in the one form that is hashed."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
