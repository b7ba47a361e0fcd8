"""Card numbers and security codes that nothing may keep: made for a campaign, sent in it, and searched for.

A number passes the Luhn check and begins like a Visa card. Three digits could not be searched for, so a
security code is a long word under a name that only card data has.
"""

import base64
import random
from pathlib import Path
from typing import Final

_STEM: Final = 9
"""Characters that all numbers of a campaign share, so that one quick search finds where to look closely."""
_BLOCK: Final = 4 * 1024 * 1024


class Canaries:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"canaries {seed}")  # noqa: S311 - repeatable, protects nothing
        self._stem = "4" + "".join(self._random.choices("0123456789", k=_STEM - 1))
        self._code = f"cvvcanary{self._random.randrange(10**9):09d}"
        self._stems = {self._code, *(form[:_STEM] for form in _forms(self._stem + "0" * (16 - _STEM)))}
        self._sent: set[str] = set()

    @property
    def sent(self) -> int:
        """How many words there are to be searched for."""
        return len(self._sent)

    def number(self) -> tuple[str, ...]:
        """A fresh card number: plainly, with spaces, with dashes, in base64."""
        digits = self._stem + "".join(self._random.choices("0123456789", k=15 - _STEM))
        forms = _forms(digits + _check_digit(digits))
        self._sent.update(forms)
        return forms

    def code(self) -> str:
        """What is sent as a security code."""
        code = f"{self._code}x{len(self._sent):04d}"
        self._sent.add(code)
        return code

    def within(self, text: str) -> bool:
        return any(stem in text for stem in self._stems) and any(word in text for word in self._sent)

    def search(self, directory: Path) -> list[str]:
        """The files below that hold one, relative to it: databases, write-ahead logs, logs, all of them."""
        return [
            str(file.relative_to(directory))
            for file in sorted(directory.rglob("*"))
            if file.is_file() and not file.is_symlink() and self._is_in(file)
        ]

    def _is_in(self, file: Path) -> bool:
        stems = [stem.encode() for stem in self._stems]
        words = [word.encode() for word in self._sent]
        overlap = max((len(word) for word in words), default=1) - 1
        with file.open("rb") as content:
            before = b""
            while block := content.read(_BLOCK):
                here = before + block
                if any(stem in here for stem in stems) and any(word in here for word in words):
                    return True
                before = here[-overlap:]
        return False


def _forms(number: str) -> tuple[str, ...]:
    groups = [number[at : at + 4] for at in range(0, len(number), 4)]
    return number, " ".join(groups), "-".join(groups), base64.b64encode(number.encode()).decode()


def _check_digit(digits: str) -> str:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)
