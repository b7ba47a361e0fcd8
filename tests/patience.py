"""How long a test waits for what must come."""

from typing import Final

PATIENCE: Final = 120.0
"""Seconds. Much longer than it takes on a busy machine that stands still now and then: how fast something is,
the benchmarks say."""
