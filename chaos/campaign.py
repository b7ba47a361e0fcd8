"""One campaign: start the product, send the checkouts, kill what can be killed, wait for quiet, judge."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chaos.driver import Driver
from chaos.evidence import Evidence, gather
from chaos.killer import Killer
from chaos.oracle import judge
from chaos.report import measure
from chaos.scenarios import Scenario
from chaos.transcript import Record
from chaos.violations import Violation
from devstack.ports import Ports
from devstack.stack import Stack

QUIET_PERIOD: Final = 3.0

SETTINGS: Final[Mapping[str, object]] = {
    "QUIET_PERIOD": QUIET_PERIOD,
    "ACTION_EXPIRES_AFTER": 12,
    "UNRESOLVED_AFTER": 30,
    "WATCH_INTERVALS": [1, 2, 4, 8, 15],
    "WATCH_FOR": 120,
    "LOG_LEVEL": "WARNING",
}
"""Shorter than in production, on top of what the demo shortens: a campaign has minutes, not days."""


@dataclass(frozen=True)
class Plan:
    """How a campaign is run."""

    scenarios: list[Scenario]
    seed: int
    data_dir: Path
    workers: int = 2
    per_second: float = 4.0
    at_once: int = 60
    patience: float = 150.0
    """Seconds after which an open checkout counts as stuck."""
    kill_every: float | None = 6.0
    """Seconds between kills on average; None: nothing is killed."""
    settle_within: float = 45.0
    """Seconds after the last checkout in which late money must have gone back."""
    forgeries: int = 10
    commands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Programs that run instead of the product's own: mutants."""
    judge: Callable[[Evidence], list[Violation]] = judge


@dataclass
class Outcome:
    evidence: Evidence
    violations: list[Violation]
    report: dict[str, Any]


async def run(
    plan: Plan,
    *,
    say: Callable[[str], None] = lambda _text: None,
    done: Callable[[Record], None] = lambda _record: None,
) -> Outcome:
    """Raises what `Stack` raises where the product cannot be started."""
    stack = Stack(
        plan.data_dir,
        ports=Ports.free(),
        workers=plan.workers,
        settings_overrides=SETTINGS,
        commands=plan.commands,
        say=lambda part: say(f"starting {part} ..."),
    )
    async with stack:
        started = time.monotonic()
        driver = Driver(
            api=stack.api_url,
            api_key=stack.api_key,
            sandbox=stack.sandbox_url,
            seed=plan.seed,
            patience=plan.patience,
            done=done,
        )
        killer = Killer(stack, plan.seed, every=plan.kill_every or 1.0, workers=plan.workers > 1)
        killing = asyncio.create_task(killer.run()) if plan.kill_every is not None else None
        try:
            forging = asyncio.create_task(driver.forge(plan.forgeries))
            await driver.run(plan.scenarios, at_once=plan.at_once, per_second=plan.per_second)
            await forging
            if killing is not None:
                killer.stop()
                await killing
                await stack.wait_ready()
            say("waiting for quiet ...")
            evidence, violations = await _when_quiet(stack, driver, plan)
        finally:
            if killing is not None:
                killing.cancel()
                await asyncio.gather(killing, return_exceptions=True)
            await driver.aclose()
        report = measure(
            evidence, violations, killer.kills, seed=plan.seed, seconds=time.monotonic() - started
        )
    return Outcome(evidence=evidence, violations=violations, report=report)


async def _when_quiet(stack: Stack, driver: Driver, plan: Plan) -> tuple[Evidence, list[Violation]]:
    """Judge again and again: what holds only at quiescence has so many seconds to become true."""
    deadline = time.monotonic() + plan.settle_within
    while True:
        await driver.refresh()
        evidence = await gather(
            sandbox_url=stack.sandbox_url,
            database_url=stack.database_url,
            transcript=driver.transcript,
            quiet_period=QUIET_PERIOD,
        )
        violations = plan.judge(evidence)
        if not violations or time.monotonic() > deadline:
            return evidence, violations
        await asyncio.sleep(2.0)
