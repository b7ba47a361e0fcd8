"""`make bench-slow-gateway`: one gateway answers after ten seconds; what do the others' customers notice?

Checkouts for two gateways come at a steady rate, about half of what two cores carry. In every second phase
one of them is slow. Prints the other one's latencies in both kinds of phases, and ends with 1 where its p95
has grown by more than a fifth.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from bench.contestants import encoded, requests, succeeded
from bench.http_load import Load, put_load
from bench.stand import SETTINGS
from bench.straight import body
from devstack.ports import Ports
from devstack.stack import Stack
from sandbox.client import SandboxClient

SLOW: Final = "flutterwave"
SECONDS: Final = 10.0
"""That the slow gateway takes for each charge."""
GOAL: Final = 1.2
CONNECTIONS: Final = 400


def slow_body(number: int) -> dict[str, Any]:
    """Planned for the slow gateway first."""
    request = body(number)
    request["currency"] = "NGN"
    request["customer"] = {**request["customer"], "country": "NG", "ip": "41.58.0.1"}
    request["payment_method"] = {"type": "card", "tokens": {SLOW: "flw-t1nf-success"}}
    return request


async def phase(stack: Stack, *, rate: float, slow_rate: float, seconds: float) -> tuple[Load, Load]:
    """Both streams for so long: the healthy gateway's, and the slow one's."""

    async def stream(bodies: Sequence[bytes], rate: float) -> Load:
        port, number = stack.ports.api, int(rate * seconds * 1.5) + 2 * CONNECTIONS
        return await put_load(
            [port],
            requests(port, stack.api_key, number, bodies),
            connections=CONNECTIONS,
            seconds=seconds,
            warm_up=0.0,
            good=succeeded,
            rate=rate,
        )

    return await asyncio.gather(stream(encoded(body), rate), stream(encoded(slow_body), slow_rate))


def line(name: str, measured: Load) -> str:
    p50, p95 = (1000 * measured.percentile(percent) for percent in (50, 95))
    wrong = f", {measured.wrong} not paid within their wait" if measured.wrong else ""
    return f"{name:34} {measured.answers:5} answers, p50 {p50:6.0f} ms, p95 {p95:6.0f} ms{wrong}"


async def measure(*, rate: float, slow_rate: float, seconds: float, rounds: int) -> float:
    """Print the figures; answers how much the healthy gateway's p95 has grown. Raises StartFailed."""
    p95: dict[bool, list[float]] = {False: [], True: []}
    # Waiting callers hold a place at the door: there have to be enough for those of the slow gateway.
    settings = {**SETTINGS, "MAX_OPEN_REQUESTS": 2 * CONNECTIONS}
    print(
        f"{rate:g}/s at the healthy gateway, {slow_rate:g}/s at the one that takes {SECONDS:g} s", flush=True
    )
    with tempfile.TemporaryDirectory(prefix="smartpay-bench-") as directory:
        os.chmod(directory, 0o755)  # noqa: S103  # PostgreSQL may have to run as another user
        async with (
            Stack(Path(directory), ports=Ports.free(), settings_overrides=settings) as stack,
            SandboxClient(stack.sandbox_url) as sandbox,
        ):
            await phase(stack, rate=rate, slow_rate=slow_rate, seconds=3.0)
            for number in range(rounds):
                for slow in (False, True) if number % 2 == 0 else (True, False):
                    if slow:
                        await sandbox.fault(SLOW, "charge", "slow", probability=1.0, seconds=SECONDS)
                    healthy, other = await phase(stack, rate=rate, slow_rate=slow_rate, seconds=seconds)
                    await sandbox.clear_faults()
                    p95[slow].append(healthy.percentile(95))
                    print(f"round {number + 1}, {'one gateway slow' if slow else 'both quick'}")
                    print(line("  healthy gateway", healthy))
                    print(line("  the other one", other), flush=True)
    before, after = statistics.median(p95[False]), statistics.median(p95[True])
    grown = after / before
    print(
        f"the healthy gateway's p95, medians: {1000 * before:.0f} ms, and {1000 * after:.0f} ms beside a slow"
        f" one: {grown - 1:+.0%} (goal: at most {GOAL - 1:+.0%})"
    )
    return grown


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="bench.slow_gateway", description="One slow gateway under load.")
    parser.add_argument("--rate", type=float, default=4.0, help="checkouts a second at the healthy gateway")
    parser.add_argument("--slow-rate", type=float, default=2.0, help="and at the slow one")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each phase")
    parser.add_argument("--rounds", type=int, default=6)
    given = parser.parse_args(arguments)
    grown = uvloop.run(
        measure(rate=given.rate, slow_rate=given.slow_rate, seconds=given.seconds, rounds=given.rounds)
    )
    return 1 if grown > GOAL else 0


if __name__ == "__main__":
    sys.exit(main())
