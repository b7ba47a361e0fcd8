"""Keys that were valid a moment ago."""

import time
from typing import Final

LIFE: Final = 1.0
"""Seconds that a key is taken for valid after it was."""
MOST: Final = 10_000


class RecentKeys:
    """Digest of a key -> merchant, for a moment. Wrong keys are not kept."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, str]] = {}

    def get(self, digest: bytes) -> str | None:
        found = self._known.get(digest)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def keep(self, digest: bytes, merchant: str) -> None:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[digest] = (time.monotonic() + LIFE, merchant)
