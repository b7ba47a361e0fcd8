"""Hashing and checking passwords off the event loop, a few at a time."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from api.errors import Overloaded
from storage.operator_credentials import hash_of, verify_password

_T = TypeVar("_T")

_AT_ONCE: Final = 2
"""Passwords that a process checks at the same time: each takes 64 MiB."""
_MOST: Final = 20
"""Checked or waiting; more are refused."""


class PasswordQueue:
    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(_AT_ONCE)
        self._inside = 0

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether it is the password; takes as long where none is stored. Raises Overloaded."""
        return await self._do(lambda: verify_password(password, stored))

    async def hash(self, password: str) -> str:
        """Raises Overloaded."""
        return await self._do(lambda: hash_of(password))

    async def _do(self, work: Callable[[], _T]) -> _T:
        if self._inside >= _MOST:
            raise Overloaded("Too many people are signing in. Try again in a moment.")
        self._inside += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._inside -= 1
