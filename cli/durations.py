"""Durations as people type them: `90s`, `30m`, `24h`, `7d`."""

import re
from typing import Final

from cli.running import fail

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str, what: str, *, most: float) -> float:
    """Ends the command where the text is no duration, or a longer one than `most` seconds."""
    parts = re.fullmatch(r"([0-9]{1,6})([smhd])", text.strip())
    if parts is None:
        fail(f"The {what} must be a number with s, m, h or d, like 24h.")
    found = float(parts[1]) * _UNITS[parts[2]]
    if found > most:
        fail(f"The {what} must be at most {most / 86400:g} days.")
    return found
