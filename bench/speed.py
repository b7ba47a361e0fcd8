"""`make bench`: the straight checkout beside an empty workflow, a naive handler and DBOS, in one run.

Starts its own stack, measures everything interleaved, prints progress, and writes `bench/REPORT.md` and a
plot. Ratios are the result: absolute figures are this machine's, at this moment.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import uvloop

from bench.contestants import CONTESTANTS, Contestant, load, ready
from bench.http_load import Load
from bench.profile import profile
from bench.server_work import asked
from bench.speed_report import write
from bench.stand import Stand, standing
from sandbox.client import SandboxClient

LIMIT: Final = 1200.0
"""Seconds that the whole run may take."""
AT_ONCE: Final = 24
"""In flight where throughput is measured: enough to keep two cores busy."""
_THROUGH_HTTP: Final = next(each for each in CONTESTANTS if each.key == "c")
PROFILED: Final = 15.0
"""Seconds of load in which is looked at whose code runs."""
IDLE: Final = 4.0
"""Seconds in which is measured what everything costs without a load."""


@dataclass
class Round:
    """One contestant in one round. Processor time in seconds per checkout."""

    full: Load
    cpu: dict[str, float]
    asked: dict[str, float]
    """What Temporal's server was asked to do, per checkout."""
    alone: Load
    half: Load | None = None


@dataclass
class Findings:
    at_once: int
    seconds: float
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    """Contestant -> its rounds."""
    events: int = 0
    history: int = 0
    """Bytes."""
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    """Memory by part, in bytes."""
    checkouts: int = 0
    """Made by our own product, before `after`."""
    profiles: dict[str, dict[str, float]] = field(default_factory=dict)
    """Part -> whose code -> share of its time."""
    load_before: float = 0.0
    took: float = 0.0

    def rate(self, key: str) -> float:
        return statistics.median(each.full.rate for each in self.rounds[key])

    def ratio(self, key: str, base: str) -> float:
        """Of two rates: the median of the rounds' ratios, since machines do not stay the same."""
        pairs = zip(self.rounds[key], self.rounds[base], strict=True)
        return statistics.median(one.full.rate / other.full.rate for one, other in pairs)


class Run:
    def __init__(self, stand: Stand, *, rounds: int, seconds: float, most: int, began: float) -> None:
        self._stand = stand
        self._rounds = rounds
        self._seconds = seconds
        self._most = most
        self._began = began
        self._idle: dict[str, float] = {}
        """Part -> processor seconds a second without a load."""
        self._asked_idle: dict[str, float] = {}
        """What Temporal's server is asked to do a second without a load."""
        self.found = Findings(AT_ONCE, seconds, load_before=os.getloadavg()[0])

    async def all(self) -> Findings:
        await self._warm_up()
        for number in range(self._rounds):
            turned = number % len(CONTESTANTS)
            for contestant in (*CONTESTANTS[turned:], *CONTESTANTS[:turned]):
                await self._one(number, contestant)
        for number in range(self._rounds):
            for contestant in CONTESTANTS:
                await self._half(number, contestant)
        self.found.events, self.found.history = await self._stand.direct.history()
        await self._profile()
        await self._many()
        self.found.took = time.monotonic() - self._began
        return self.found

    async def _warm_up(self) -> None:
        for contestant in CONTESTANTS:
            await load(self._stand, contestant, at_once=8, seconds=2.0)
        self.found.before = self._stand.meter.memory()
        asked_before = await self._asked()
        before, began = self._stand.meter.seconds(), time.monotonic()
        await asyncio.sleep(IDLE)
        spent = time.monotonic() - began
        asked_idle = await self._asked() - asked_before
        self._asked_idle = {kind: number / spent for kind, number in asked_idle.items()}
        self._idle = {part: used / spent for part, used in self._stand.meter.since(before).items()}
        self._say("idle: " + ", ".join(f"{part} {used:.1%}" for part, used in self._idle.items()))

    async def _one(self, number: int, contestant: Contestant) -> None:
        put = await ready(self._stand, contestant, at_once=AT_ONCE, seconds=self._seconds)
        asked_before = await self._asked()
        before, began = self._stand.meter.seconds(), time.monotonic()
        full = await put()
        spent = time.monotonic() - began
        used = self._stand.meter.since(before)
        asked_since = await self._asked() - asked_before
        each = max(1, full.answers)
        cpu = {part: max(0.0, used[part] - spent * self._idle[part]) / each for part in contestant.parts}
        asked_each = {
            kind: max(0.0, number - spent * self._asked_idle.get(kind, 0.0)) / each
            for kind, number in asked_since.items()
        }
        alone = await load(self._stand, contestant, at_once=1, seconds=self._seconds / 3)
        self.found.rounds.setdefault(contestant.key, []).append(Round(full, cpu, asked_each, alone))
        self._count(contestant, full.answers + alone.answers)
        self._say(
            f"round {number + 1}  ({contestant.key}) {contestant.name}: {full.rate:.1f}/s,"
            f" alone {_ms(alone, 50)} ms, cpu {1000 * sum(cpu.values()):.1f} ms each"
            + (f", {full.wrong} WRONG" if full.wrong else "")
        )

    async def _asked(self) -> Counter[str]:
        return await asked(self._stand.stack.temporal_metrics_url)

    async def _half(self, number: int, contestant: Contestant) -> None:
        rate = self.found.rate(contestant.key) / 2
        if rate <= 0:
            return
        half = await load(
            self._stand, contestant, at_once=AT_ONCE, seconds=max(self._seconds / 2, 5 / rate), rate=rate
        )
        self.found.rounds[contestant.key][number].half = half
        self._count(contestant, half.answers)
        self._say(
            f"half of maximum {number + 1}  ({contestant.key}) {rate:.1f}/s:"
            f" p50 {_ms(half, 50)}, p95 {_ms(half, 95)}, p99 {_ms(half, 99)} ms"
        )

    async def _profile(self) -> None:
        looked, put = await asyncio.gather(
            profile(self._stand.pids("worker", "api"), PROFILED),
            load(self._stand, _THROUGH_HTTP, at_once=AT_ONCE, seconds=PROFILED),
        )
        self.found.profiles = looked
        self._count(_THROUGH_HTTP, put.answers)
        self._say(f"looked at whose code runs in {', '.join(looked) or 'nothing: no right to'}")

    async def _many(self) -> None:
        """Go on with checkouts through HTTP until there are many, or time is over."""
        while self.found.checkouts < self._most and time.monotonic() - self._began < LIMIT - 45:
            left = LIMIT - 40 - (time.monotonic() - self._began)
            more = await load(self._stand, _THROUGH_HTTP, at_once=AT_ONCE, seconds=min(15.0, left))
            self._count(_THROUGH_HTTP, more.answers)
            self._say(f"{self.found.checkouts} checkouts, {more.rate:.1f}/s")
        self.found.after = self._stand.meter.memory()

    def _count(self, contestant: Contestant, number: int) -> None:
        if contestant.key in "bc":
            self.found.checkouts += number

    def _say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:5.0f} s  {text}", flush=True)


def _ms(measured: Load, percent: float) -> str:
    return f"{1000 * measured.percentile(percent):.0f}" if measured.answers else "-"


async def measure(*, rounds: int, seconds: float, most: int) -> Findings:
    """Raises StartFailed."""
    began = time.monotonic()
    print(
        "starting PostgreSQL, Temporal, the sandbox, API, worker and what they are compared with", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="smartpay-bench-") as directory:
        os.chmod(directory, 0o755)  # noqa: S103  # PostgreSQL may have to run as another user
        async with standing(Path(directory)) as stand, SandboxClient(stand.stack.sandbox_url) as sandbox:
            # Nobody but ours would take them: without webhooks all have the same to do.
            await sandbox.settings(webhook_base=None)
            return await Run(stand, rounds=rounds, seconds=seconds, most=most, began=began).all()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.speed", description="How fast a straight checkout is.")
    parser.add_argument("--quick", action="store_true", help="shorter rounds, fewer checkouts")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, help="of load for each contestant in each round")
    parser.add_argument("--checkouts", type=int, help="after which memory is measured, if time allows")
    given = parser.parse_args(arguments)
    seconds = given.seconds or (4.0 if given.quick else 9.0)
    most = given.checkouts if given.checkouts is not None else 500 if given.quick else 10_000
    found = uvloop.run(measure(rounds=given.rounds, seconds=seconds, most=most))
    print(write(found))
    wrong = sum(each.full.wrong + each.alone.wrong for those in found.rounds.values() for each in those)
    if wrong:
        print(f"{wrong} answers were wrong", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
