"""One campaign: start the product, send the checkouts, kill what can be killed, wait for quiet, judge."""

import asyncio
import resource
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chaos.canaries import Canaries
from chaos.client import MerchantClient
from chaos.driver import Driver
from chaos.evidence import Evidence, gather
from chaos.intruder import Intruder
from chaos.killer import Kill, Killer
from chaos.oracle import judge
from chaos.oracle.violations import Violation
from chaos.receiver import Receiver
from chaos.report import measure
from chaos.scenario import Scenario
from chaos.small_disk import SmallDisk, unmount
from chaos.transcript import Record, Transcript
from config.keys import KeyRing, Purpose, Sealed
from devstack.ports import Ports
from devstack.settings import KEYS_FILE
from devstack.stack import Stack
from gateways.registry import registrations
from storage import audit_checking
from storage.database import Database
from storage.merchant_secrets import about

KEYLESS: Final = frozenset(
    name for name, found in registrations().items() if found.capabilities.key_life is None
)
"""Gateways without idempotency: a charge sent twice is taken twice."""

QUIET_PERIOD: Final = 3.0

SETTINGS: Final[Mapping[str, object]] = {
    "QUIET_PERIOD": QUIET_PERIOD,
    "ACTION_EXPIRES_AFTER": 12,
    "UNRESOLVED_AFTER": 30,
    "LOOK_UP_INTERVALS": [0.5, 1, 1.5],
    "WATCH_INTERVALS": [2, 6, 15],
    "WATCH_FOR": 45,
    "NOTIFICATION_TIMEOUT": 2,
    "REFUND_INTERVALS": [0.5, 1, 2, 4],
}
"""Shorter than in production, on top of what the demo shortens: a campaign has minutes, not days."""


@dataclass(frozen=True)
class Plan:
    """How a campaign is run."""

    scenarios: list[Scenario]
    seed: int
    data_dir: Path
    workers: int = 2
    per_second: float = 1.5
    at_once: int = 16
    """Open checkouts at which no further one is started: a slow machine then takes longer, and is not judged
    by a queue that grows all the time."""
    patience: float = 150.0
    """Seconds after which an open checkout counts as stuck."""
    kill_every: float | None = 6.0
    """Seconds between kills on average; None: nothing is killed."""
    settle_within: float = 45.0
    """Seconds after the last checkout in which late money must have gone back."""
    intrusions: int = 10
    """Rounds of a forged webhook, a request with card data, and a look at another merchant's data."""
    fill_disk: bool = True
    """Put the database on a small disk, where that can be mounted, so that it can be full."""
    commands: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Programs that run instead of the product's own: mutants."""
    judge: Callable[[Evidence], list[Violation]] = judge


@dataclass
class Outcome:
    evidence: Evidence
    violations: list[Violation]
    kills: list[Kill]
    report: dict[str, Any]


async def run(
    plan: Plan,
    *,
    say: Callable[[str], None] = lambda _text: None,
    done: Callable[[Record], None] = lambda _record: None,
) -> Outcome:
    """Empties the plan's directory first. Raises what `Stack` raises where the product cannot be started."""
    database = plan.data_dir / "postgres"
    unmount(database)
    shutil.rmtree(plan.data_dir, ignore_errors=True)
    disk = SmallDisk.mount(database) if plan.fill_disk else "not wanted"
    try:
        return await _on(disk, plan, say, done)
    finally:
        if isinstance(disk, SmallDisk):
            disk.unmount()


async def _on(
    disk: SmallDisk | str, plan: Plan, say: Callable[[str], None], done: Callable[[Record], None]
) -> Outcome:
    started = time.monotonic()
    before = _processor_time()
    own_before = time.process_time()
    canaries = Canaries(plan.seed)
    stack = Stack(
        plan.data_dir,
        ports=Ports.free(),
        workers=plan.workers,
        settings_overrides=SETTINGS,
        commands=plan.commands,
        say=lambda part: say(f"starting {part} ..."),
    )
    async with stack:
        ready = time.monotonic()
        killer = Killer(
            stack,
            plan.seed,
            every=plan.kill_every or 1.0,
            workers=plan.workers > 1,
            disk=disk if isinstance(disk, SmallDisk) else None,
        )
        merchants = await two_merchants(stack)
        async with cast(stack, plan, merchants, canaries, done) as (driver, intruder, transcript):
            await _play(stack, plan, driver, intruder, killer)
            played = time.monotonic()
            say("waiting for quiet ...")
            evidence, violations = await _when_quiet(stack, driver, transcript, plan)
    quiet = time.monotonic()
    spent = _processor_time() - before
    say("searching for card data ...")
    evidence.files_with_cards = await asyncio.to_thread(canaries.search, plan.data_dir)
    violations = plan.judge(evidence)
    report = measure(evidence, violations, killer.kills, seed=plan.seed)
    report["disk_full"] = "yes" if isinstance(disk, SmallDisk) else f"skipped: {disk}"
    report["cards"] = {"sent": len(evidence.transcript.cards_sent), "words_searched_for": canaries.sent}
    report["cpu"] = {"product": round(spent, 1), "campaign": round(time.process_time() - own_before, 1)}
    report["seconds"] = {
        "starting": round(ready - started, 1),
        "checkouts": round(played - ready, 1),
        "until_quiet_and_stopped": round(quiet - played, 1),
        "search": round(time.monotonic() - quiet, 1),
        "all": round(time.monotonic() - started, 1),
    }
    return Outcome(evidence=evidence, violations=violations, kills=killer.kills, report=report)


def _processor_time() -> float:
    """Seconds that all processes which have ended below this one have worked."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def two_merchants(stack: Stack) -> Sequence[tuple[str, str]]:
    """Id and API key of each."""
    return ((stack.merchant_id, stack.api_key), await stack.create_merchant("Another shop"))


@asynccontextmanager
async def cast(
    stack: Stack,
    plan: Plan,
    merchants: Sequence[tuple[str, str]],
    canaries: Canaries,
    done: Callable[[Record], None] = lambda _record: None,
) -> AsyncIterator[tuple[Driver, Intruder, Transcript]]:
    """Everybody who talks to the product, for two merchants: each with id and API key."""
    transcript = Transcript()
    async with AsyncExitStack() as leaving:
        clients = []
        for merchant, api_key in merchants:
            transcript.merchants.append(merchant)
            clients.append(MerchantClient(stack.api_url, merchant, api_key, transcript, canaries))
            leaving.push_async_callback(clients[-1].aclose)
        receiver = await leaving.enter_async_context(Receiver(transcript, stack.database_url, plan.seed))
        intruder = Intruder(
            clients, transcript, canaries, webhooks=f"{stack.api_url}/webhooks", seed=plan.seed
        )
        leaving.push_async_callback(intruder.aclose)
        driver = Driver(
            clients,
            transcript,
            sandbox=stack.sandbox_url,
            patience=plan.patience,
            notify=receiver.url,
            done=done,
        )
        leaving.push_async_callback(driver.aclose)
        yield driver, intruder, transcript


async def _play(stack: Stack, plan: Plan, driver: Driver, intruder: Intruder, killer: Killer) -> None:
    """All checkouts from the first POST to the last answer, under kills and intrusions."""
    seconds = len(plan.scenarios) / plan.per_second
    others = [
        asyncio.create_task(intruder.run(plan.intrusions, every=seconds / max(1, plan.intrusions))),
    ]
    killing = asyncio.create_task(killer.run()) if plan.kill_every is not None else None
    try:
        await driver.run(plan.scenarios, at_once=plan.at_once, per_second=plan.per_second)
        await asyncio.gather(*others)
        if killing is not None:
            killer.stop()
            await killing
            await stack.wait_ready()
    finally:
        left = [task for task in (*others, killing) if task is not None]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


async def evidence_of(stack: Stack, transcript: Transcript) -> Evidence:
    """Everything that the oracle joins, as it is now."""
    evidence = await gather(
        sandbox_url=stack.sandbox_url,
        database_url=stack.database_url,
        transcript=transcript,
        quiet_period=QUIET_PERIOD,
        keyless=KEYLESS,
    )
    await _open(stack, evidence)
    return evidence


async def _when_quiet(
    stack: Stack, driver: Driver, transcript: Transcript, plan: Plan
) -> tuple[Evidence, list[Violation]]:
    """Judge again and again: what holds only at quiescence has so many seconds to become true."""
    deadline = time.monotonic() + plan.settle_within
    while True:
        await driver.refresh()
        evidence = await evidence_of(stack, transcript)
        violations = plan.judge(evidence)
        if not violations or time.monotonic() > deadline:
            return evidence, violations
        await asyncio.sleep(2.0)


async def _open(stack: Stack, evidence: Evidence) -> None:
    """What takes the keys: merchants' secrets, with which the oracle checks signatures, and the check of the
    audit log's chain."""
    keys = KeyRing.parse((stack.data_dir / KEYS_FILE).read_text())
    for row in evidence.merchant_secrets:
        sealed = Sealed(row["key"], row["sealed"])
        row["secret"] = keys.open(sealed, Purpose.PERSONAL, about(row["merchant_id"])).decode()
    database = Database(stack.database_url.replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=1)
    try:
        async with database.transaction() as session:
            evidence.audit_faults = (await audit_checking.verify(session, keys)).faults
    finally:
        await database.aclose()
