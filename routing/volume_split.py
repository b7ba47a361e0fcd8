"""Which share of a volume split a checkout falls into: the same at every time and in every process."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

POINTS: Final = 10_000
"""Hundredths of a percent."""


def point_of(rule: str, checkout_id: str | None) -> int:
    """From 0 to 9999, evenly spread over checkouts, and independently for every rule.

    Not for keeping secrets; the hash only has to be the same everywhere, which `hash()` is not.
    """
    digest = blake2b(f"{rule}\0{checkout_id or ''}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") * POINTS >> 64


def share_at(percents: Sequence[int], point: int) -> int:
    """Number of the share that a point falls into."""
    reached = 0
    for number, percent in enumerate(percents):
        reached += percent * POINTS // 100
        if point < reached:
            return number
    return len(percents) - 1
