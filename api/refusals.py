"""Who was turned away at the operators' door, in the audit log (PCI DSS 10.2.1.4), within limits."""

import time
from collections.abc import Mapping
from typing import Any, Final

from storage import audit_log
from storage.audit_log import Result
from storage.database import Database

MOST_PER_MINUTE: Final = 60
"""Entries of one process. A flood of forged tokens must not become a flood of writes: the rest is counted,
and the next entry tells how many there were."""


class Refusals:
    def __init__(self) -> None:
        self._minute = 0
        self._written = 0
        self._left_out = 0

    async def record(
        self,
        database: Database,
        *,
        actor: str,
        action: str,
        subject: str,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Raises SQLAlchemyError or OSError."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            self._minute, self._written = minute, 0
        if self._written >= MOST_PER_MINUTE:
            self._left_out += 1
            return
        self._written += 1
        left_out, self._left_out = self._left_out, 0
        told = {**(after or {}), **({"not_recorded_before": left_out} if left_out else {})}
        async with database.transaction() as session:
            await audit_log.record(
                session,
                actor=actor,
                action=action,
                subject=subject,
                after=told or None,
                result=Result.REFUSED,
            )
