"""What must happen although the process that should have done it was killed.

Every API process sweeps; doing a thing twice is harmless, since every start and every signal is idempotent.
"""

import asyncio
import time

import structlog

from api.dispute_runs import scan_all_disputes
from api.inbox import deliver
from api.refund_runs import start_refund
from api.runs import start_checkout, start_watcher
from api.services import Services
from storage import attempts, checkouts, refunds, velocity, webhook_events

log = structlog.get_logger()

EVERY = 2.0
LEFT_FOR = 3.0
"""Seconds that the normal way has before the sweep takes over."""
BATCH = 100
WHOLE_EVERY = 120.0
"""Seconds after which every attempt that was ever made is searched for stray money, not only recent ones."""
RECENT = 300.0
"""Seconds: longer than between two whole searches, so that nothing falls between them."""


async def sweep_for_ever(parts: Services) -> None:
    scan_at = whole_at = 0.0
    while True:
        await asyncio.sleep(EVERY)
        try:
            whole = time.monotonic() >= whole_at
            await sweep(parts, since=None if whole else RECENT)
            if whole:
                whole_at = time.monotonic() + WHOLE_EVERY
            if time.monotonic() >= scan_at:
                await scan_all_disputes(parts)
                scan_at = time.monotonic() + parts.settings.dispute_scan_interval
        except Exception as error:  # whatever it was: nobody else would start the sweep again
            log.warning("sweep.failed", error=type(error).__name__)


async def sweep(parts: Services, *, since: float | None = None) -> None:
    """Start what was accepted and never started, deliver webhooks, give money back.

    `since`: seconds within which an attempt has to have ended to be searched for stray money; None: all.
    """
    async with parts.database.transaction() as session:
        lost = await checkouts.not_started(session, older_than=LEFT_FOR, limit=BATCH)
        undelivered = await webhook_events.undelivered(session, older_than=LEFT_FOR, limit=BATCH)
        stray = await attempts.stray_money(session, limit=BATCH, since=since)
        unattended = await refunds.unattended(
            session, never_for=LEFT_FOR, last_for=2 * parts.settings.refund_intervals[-1], limit=BATCH
        )
        await velocity.forget(session)
    for checkout in lost:
        await start_checkout(parts.temporal, parts.settings, checkout)
        log.info("sweep.started", checkout=checkout.id)
    for event in undelivered:
        await deliver(parts, event)
    for attempt in stray:
        await start_watcher(parts.temporal, parts.settings, attempt)
    for refund in unattended:
        await start_refund(parts, refund.id)
        log.info("sweep.started", refund=refund.id)
