"""The request headers of the contract: what they may hold and what they mean.

The dependencies are coroutines: plain functions would be sent through a thread, at every request.
"""

import re
from typing import Annotated, Final

from fastapi import Header, Request

from api.errors import IdempotencyKeyInvalid, IdempotencyKeyMissing

MAX_KEY_LENGTH: Final = 255
LONGEST_WAIT: Final = 30.0
"""Seconds that `Prefer: wait` may ask for."""

_VISIBLE: Final = re.compile(r"[!-~]+")
_PREFERENCE: Final = re.compile(r'(?:[^,"]|"[^"]*+")++')
_WAIT: Final = re.compile(r"\s*wait\s*=\s*(?:\"([0-9]+)\"|([0-9]+))\s*(?:;.*)?", re.IGNORECASE)


def parse_idempotency_key(value: str | None) -> str:
    """The key as sent. Raises IdempotencyKeyMissing, IdempotencyKeyInvalid."""
    if value is None:
        raise IdempotencyKeyMissing
    if not _VISIBLE.fullmatch(value) or len(value) > MAX_KEY_LENGTH:
        raise IdempotencyKeyInvalid
    return value


def parse_prefer_wait(value: str | None) -> float | None:
    """Seconds of the first `wait` preference (RFC 7240, section 4.3), at most 30, or None."""
    for preference in _PREFERENCE.findall(value or ""):
        name = preference.partition("=")[0].strip().lower()
        if name == "wait":
            wait = _WAIT.fullmatch(preference)
            digits = (wait[1] or wait[2]) if wait else None
            return min(LONGEST_WAIT, float(digits[:10])) if digits else None
    return None


async def idempotency_key(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            description="One value per purchase, the same on every try: 1 to 255 visible ASCII characters.",
            examples=["order-1001"],
        ),
    ] = None,
) -> str:
    """FastAPI dependency. Two such headers are as invalid as none that can be read."""
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise IdempotencyKeyInvalid
    return parse_idempotency_key(idempotency_key)


async def prefer_wait(
    request: Request,
    prefer: Annotated[
        str | None,
        Header(
            description="`wait=N`: seconds that the answer may wait for an outcome, at most 30 (RFC 7240).",
            examples=["wait=10"],
        ),
    ] = None,
) -> float | None:
    """FastAPI dependency. Several `Prefer` headers read as one, in their order."""
    return parse_prefer_wait(", ".join(request.headers.getlist("prefer"))) if prefer else None
