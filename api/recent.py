"""Answers of the database from a moment ago, for questions that touch neither money nor a merchant's data."""

import time
from typing import Final, Generic, TypeVar

_Value = TypeVar("_Value")

LIFE: Final = 1.0
"""Seconds that an answer is taken for the present one."""
MOST: Final = 10_000


class Recent(Generic[_Value]):
    """Question -> answer, for a moment."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[float, _Value]] = {}

    def get(self, question: bytes) -> _Value | None:
        found = self._known.get(question)
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def keep(self, question: bytes, answer: _Value) -> None:
        if len(self._known) >= MOST:
            self._known.clear()
        self._known[question] = (time.monotonic() + LIFE, answer)
