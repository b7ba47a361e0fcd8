"""A few checkouts against one change of the product, on a stack that is up already.

The stack serves one trial after the other, so each is judged by what belongs to it alone: by its checkouts,
and by what happened since it began where nothing names a checkout.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from chaos.campaign import Plan, cast, evidence_of
from chaos.canaries import Canaries
from chaos.evidence import Evidence, Row
from chaos.oracle import judge
from chaos.oracle.payments import checkout_of
from chaos.oracle.violations import Violation
from devstack.stack import Stack

_LOOK_AGAIN: Final = 0.5
"""Seconds between two judgements."""


@dataclass(frozen=True)
class Trial:
    """What was sent, and what the oracle found."""

    number: int
    violations: list[Violation]
    seconds: float


async def aim(
    stack: Stack,
    plan: Plan,
    merchants: Sequence[tuple[str, str]],
    *,
    enough: Callable[[list[Violation]], bool],
) -> Trial:
    """Send the plan's checkouts. Once all are over they are judged, again and again: until what was found is
    `enough`, or until the plan's `settle_within` is over."""
    began, since = time.monotonic(), datetime.now(UTC)
    canaries = Canaries(plan.seed)
    async with cast(stack, plan, merchants, canaries) as (driver, intruder, transcript):
        await asyncio.gather(
            driver.run(plan.scenarios, at_once=plan.at_once, per_second=plan.per_second),
            intruder.run(
                plan.intrusions, every=len(plan.scenarios) / plan.per_second / max(1, plan.intrusions)
            ),
        )
        deadline = time.monotonic() + plan.settle_within
        while True:
            await driver.refresh()
            evidence = of_trial(await evidence_of(stack, transcript), since)
            violations = judge(evidence)
            if enough(violations) or time.monotonic() > deadline:
                return Trial(len(plan.scenarios), violations, time.monotonic() - began)
            await asyncio.sleep(_LOOK_AGAIN)


def of_trial(evidence: Evidence, since: datetime) -> Evidence:
    """What belongs to the checkouts that were made since, and to none at all since then."""
    checkouts = [row for row in evidence.checkouts if row["created_at"] >= since]
    ids = {row["id"] for row in checkouts}

    owners = {row["id"]: row["checkout_id"] for row in evidence.refunds}
    paid = {row["payment_id"]: checkout_of(row["reference"]) for row in evidence.ledger}

    def referring(row: Row, moment: str) -> bool:
        named = row["reference"]
        owner = checkout_of(named) or owners.get(named) or paid.get(row.get("payment_id"))
        return owner in ids if owner is not None else bool(row[moment] >= since)

    def of_checkouts(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["checkout_id"] in ids]

    return replace(
        evidence,
        checkouts=checkouts,
        ledger=[row for row in evidence.ledger if referring(row, "at")],
        requests=[row for row in evidence.requests if referring(row, "at")],
        webhooks=[row for row in evidence.webhooks if referring(row, "at")],
        webhook_events=[row for row in evidence.webhook_events if referring(row, "received_at")],
        attempts=of_checkouts(evidence.attempts),
        checkout_events=of_checkouts(evidence.checkout_events),
        refunds=of_checkouts(evidence.refunds),
        notifications=of_checkouts(evidence.notifications),
        audit_log=[row for row in evidence.audit_log if row["checkout_id"] in ids],
    )
