"""An outage under load, on the running product: `python -m bench.drill [--rate N]`.

A gateway refuses every connection while checkouts keep coming. Prints when its circuit opened, what checkouts
took before and after, how it was probed, and when traffic came back after the gateway did. Exit code 1 where
a checkout failed, or one that was planned after the opening was sent to the gateway without being a probe.
"""

import argparse
import asyncio
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import httpx

from devstack.ports import Ports
from devstack.stack import Stack
from sandbox.client import SandboxClient

SETTINGS: Final = {"CIRCUIT_FAILURES": 5, "CIRCUIT_OPEN_FOR": 2, "CIRCUIT_OPEN_AT_MOST": 8}
"""Shorter than in production, so that a drill takes half a minute."""
BROKEN: Final = "flutterwave"
PATIENCE: Final = 240.0
"""Seconds that a phase may take."""
KNOWN_WITHIN: Final = 2.0
"""Seconds after which every process has heard of an open circuit."""
AT_ONCE: Final = 16
"""Checkouts under way, at most: a machine that cannot keep up with the rate is not buried under it."""

BODY: Final = {
    "amount": 780_000,
    "currency": "NGN",
    "customer": {"email": "customer@example.com", "name": "A. Customer", "country": "NG"},
    "payment_method": {
        "type": "card",
        "tokens": {"stripe": "pm_card_visa", "flutterwave": "flw-t1nf-success"},
    },
    "allow_redirect": False,
}
"""Planned for Flutterwave, then Stripe."""


@dataclass(frozen=True)
class Shot:
    """One checkout of the load."""

    sent_at: float
    """Seconds since the drill began."""
    seconds: float
    """Until its end was known."""
    status: str
    accounts: tuple[str, ...]
    """That were sent to."""
    first: str
    """Account that its plan begins with."""
    health: str | None
    """Why that one is in the plan although its circuit is not closed."""

    @property
    def probe(self) -> bool:
        return self.first == BROKEN and self.health == "probe"

    def before_return(self, repaired: float) -> bool:
        """Whether it asked the broken gateway while that was broken. Under way when the gateway came back, it
        may have been planned and paid there afterwards."""
        return self.accounts != (BROKEN,) or self.sent_at + self.seconds <= repaired


@dataclass
class Record:
    """What happened when, in seconds since the drill began."""

    shots: list[Shot] = field(default_factory=list)
    broken: float = 0.0
    opened: float = 0.0
    repaired: float = 0.0
    returned: float = 0.0
    """When the first checkout was sent that was asked of the repaired gateway and was no probe."""
    opens: int = 0

    def between(self, begin: float, end: float) -> list[Shot]:
        return [shot for shot in self.shots if begin <= shot.sent_at < end]

    @property
    def problems(self) -> list[str]:
        """What must not have happened."""
        failed = [shot for shot in self.shots if shot.status != "succeeded"]
        stray = [
            shot
            for shot in self.between(self.opened + KNOWN_WITHIN, self.repaired)
            if BROKEN in shot.accounts and not shot.probe and shot.before_return(self.repaired)
        ]
        told = [f"{len(failed)} checkouts did not succeed: {failed[:3]}"] if failed else []
        return told + ([f"{len(stray)} were sent to the open circuit: {stray[:3]}"] if stray else [])


class Drill:
    """`async with Drill(stack) as drill: record = await drill.run()`; the stack has `SETTINGS`."""

    def __init__(self, stack: Stack, *, rate: float = 10.0, calm: int = 30) -> None:
        """`rate`: checkouts a second. `calm`: how many are sent before and after the outage."""
        headers = {"Authorization": f"Bearer {stack.api_key}"}
        self._http = httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=120, trust_env=False)
        self._office = {"Authorization": f"Bearer {stack.operator_token}"}
        self._sandbox = SandboxClient(stack.sandbox_url)
        self._rate, self._calm = rate, calm
        self._began = time.monotonic()
        self._began_at = datetime.now(UTC)
        self._record = Record()
        self._under_way: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        await self._http.aclose()
        await self._sandbox.aclose()

    async def run(self) -> Record:
        """Raises TimeoutError where something does not happen in `PATIENCE` seconds.

        Raises httpx.HTTPError where a checkout is refused, or not answered at all.
        """
        record = self._record
        load = asyncio.create_task(self._load())
        try:
            await self._until(lambda: self._answered(0, self._calm))
            record.broken = self._now()
            await self._sandbox.fault(BROKEN, "*", "refuse")
            await self._until(self._open)
            await self._until(lambda: self._answered(record.opened + KNOWN_WITHIN, 2 * self._calm))
            await self._until(self._probed)
            record.repaired = self._now()
            await self._sandbox.clear_faults()
            await self._until(self._back)
            await self._until(lambda: self._answered(record.returned, self._calm))
        finally:
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*self._under_way)
        return record

    def _now(self) -> float:
        return time.monotonic() - self._began

    async def _load(self) -> None:
        due = time.monotonic()
        while True:
            if len(self._under_way) < AT_ONCE:
                task = asyncio.create_task(self._check_out())
                self._under_way.add(task)
                task.add_done_callback(self._ended)
            due += 1 / self._rate
            await asyncio.sleep(max(due - time.monotonic(), 0))

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._error = error

    async def _check_out(self) -> None:
        sent_at = self._now()
        headers = {"Idempotency-Key": f"drill-{secrets.token_hex(8)}", "Prefer": "wait=20"}
        while True:  # as a shop does that is told to come back
            answer = await self._http.post("/v1/checkouts", json=BODY, headers=headers)
            if answer.status_code not in (429, 503):
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        told: dict[str, Any] = answer.raise_for_status().json()
        while told["status"] == "processing":
            # Its request was cut off when the gateway went: only that gateway can tell, once it is back.
            await asyncio.sleep(0.5)
            told = (await self._http.get(f"/v1/checkouts/{told['id']}")).raise_for_status().json()
        plan = (told.get("routing") or {}).get("plan") or [{"account": "", "health": None}]
        self._record.shots.append(
            Shot(
                sent_at=sent_at,
                seconds=self._now() - sent_at,
                status=str(told.get("status")),
                accounts=tuple(attempt["account"] for attempt in told.get("attempts", ())),
                first=plan[0]["account"],
                health=plan[0]["health"],
            )
        )

    async def _until(self, done: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await done():
                if self._error:
                    raise self._error
                await asyncio.sleep(0.1)

    async def _answered(self, since: float, number: int) -> bool:
        return sum(shot.sent_at >= since for shot in self._record.shots) >= number

    async def _circuit(self) -> dict[str, Any] | None:
        answer = await self._http.get("/v1/admin/accounts", headers=self._office)
        if answer.status_code == 503:
            return None  # overloaded: ask again
        accounts = answer.raise_for_status().json()["data"]
        circuits = next(each for each in accounts if each["account"] == BROKEN)["circuits"]
        return next((dict(each) for each in circuits if each["method"] == "card"), None)

    async def _open(self) -> bool:
        circuit = await self._circuit()
        if circuit is None or not circuit["opens"]:
            return False
        opened = datetime.fromisoformat(circuit["opened_at"])
        self._record.opened = (opened - self._began_at).total_seconds()
        return True

    async def _probed(self) -> bool:
        """At least once in vain."""
        circuit = await self._circuit()
        if circuit is not None:
            self._record.opens = circuit["opens"]
        return self._record.opens >= 2

    async def _back(self) -> bool:
        found = [
            shot.sent_at
            for shot in self._record.shots
            if shot.sent_at >= self._record.repaired and shot.accounts == (BROKEN,) and not shot.health
        ]
        self._record.returned = min(found, default=0.0)
        return bool(found)


def report(record: Record) -> str:
    """The drill in words and numbers."""
    known = record.opened + KNOWN_WITHIN
    phases = (
        ("before the outage", record.between(0, record.broken)),
        ("outage, circuit closed", record.between(record.broken, record.opened)),
        ("outage, circuit open", [s for s in record.between(record.opened, record.repaired) if not s.probe]),
        ("probes", [shot for shot in record.shots if shot.probe]),
        ("after the return", record.between(record.returned, float("inf"))),
    )
    back_in = record.returned - record.repaired
    lines = [
        f"gateway refuses connections   {record.broken:6.1f} s",
        f"circuit opens                 {record.opened:6.1f} s  (+{record.opened - record.broken:.1f} s)",
        f"gateway is back               {record.repaired:6.1f} s  (opened {record.opens} times by then)",
        f"traffic is back               {record.returned:6.1f} s  (+{back_in:.1f} s)",
        "",
        f"{'checkouts':24} {'number':>6} {'median':>8} {'slowest':>8} {'asked ' + BROKEN:>18}",
    ]
    for name, shots in phases:
        taken = [shot.seconds for shot in shots] or [0.0]
        asked = sum(BROKEN in shot.accounts for shot in shots)
        median, slowest = 1000 * statistics.median(taken), 1000 * max(taken)
        lines.append(f"{name:24} {len(shots):6} {median:5.0f} ms {slowest:5.0f} ms {asked:18}")
    late = sum(BROKEN in shot.accounts and not shot.probe for shot in record.between(record.opened, known))
    lines.append(f"asked in the {KNOWN_WITHIN:.0f} s that processes have to hear of it: {late}")
    return "\n".join(lines)


async def _drill(rate: float) -> int:
    with tempfile.TemporaryDirectory(prefix="smartpay-drill-") as directory:
        async with (
            Stack(Path(directory), ports=Ports.free(), workers=2, settings_overrides=SETTINGS) as stack,
            Drill(stack, rate=rate) as drill,
        ):
            record = await drill.run()
    print(report(record))
    for problem in record.problems:
        print(f"PROBLEM: {problem}", file=sys.stderr)
    return 1 if record.problems else 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.drill", description="An outage under load.")
    parser.add_argument("--rate", type=float, default=10.0, help="checkouts a second")
    return asyncio.run(_drill(parser.parse_args(arguments).rate))


if __name__ == "__main__":
    sys.exit(main())
