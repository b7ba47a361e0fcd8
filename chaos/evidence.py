"""Everything that the oracle joins, gathered once the campaign is quiet.

Gateways: ledger, request log and webhooks, read from the sandbox's control surface. Database: the rows
themselves, by plain SQL and not through the product's own queries, which must not vouch for themselves.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import asyncpg

from chaos.transcript import Transcript
from sandbox.client import SandboxClient

Row = dict[str, Any]

_TABLES: Final = (
    "checkouts",
    "attempts",
    "checkout_events",
    "refunds",
    "alerts",
    "webhook_events",
    "notifications",
    "merchant_secrets",
    "audit_log",
)


@dataclass
class Evidence:
    """Times are aware datetimes, amounts minor units."""

    ledger: list[Row] = field(default_factory=list)
    requests: list[Row] = field(default_factory=list)
    webhooks: list[Row] = field(default_factory=list)
    checkouts: list[Row] = field(default_factory=list)
    attempts: list[Row] = field(default_factory=list)
    checkout_events: list[Row] = field(default_factory=list)
    refunds: list[Row] = field(default_factory=list)
    alerts: list[Row] = field(default_factory=list)
    webhook_events: list[Row] = field(default_factory=list)
    notifications: list[Row] = field(default_factory=list)
    merchant_secrets: list[Row] = field(default_factory=list)
    audit_log: list[Row] = field(default_factory=list)
    audit_faults: list[str] = field(default_factory=list)
    """What the check of the audit log's chain has found."""
    files_with_cards: list[str] = field(default_factory=list)
    """Files of the stack, once it has stopped, that hold card data which the campaign has sent."""
    transcript: Transcript = field(default_factory=Transcript)
    quiet_period: float = 0.0
    """Seconds that the product was told to wait before it believes "not found"."""
    keyless: frozenset[str] = frozenset()
    """Gateways without idempotency: a charge sent twice is taken twice."""


async def gather(
    *,
    sandbox_url: str,
    database_url: str,
    transcript: Transcript,
    quiet_period: float,
    keyless: frozenset[str],
) -> Evidence:
    evidence = Evidence(transcript=transcript, quiet_period=quiet_period, keyless=keyless)
    async with SandboxClient(sandbox_url) as sandbox:
        evidence.ledger = _timed(await sandbox.ledger())
        evidence.requests = _timed(await sandbox.requests())
        evidence.webhooks = _timed(await sandbox.webhooks())
    connection = await asyncpg.connect(database_url)
    try:
        await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            for table in _TABLES:
                rows = await connection.fetch(f"SELECT * FROM {table} ORDER BY 1")  # noqa: S608 - our names
                setattr(evidence, table, [dict(row) for row in rows])
    finally:
        await connection.close()
    return evidence


def _timed(rows: list[Row]) -> list[Row]:
    return [{**row, "at": datetime.fromisoformat(row["at"])} for row in rows]
