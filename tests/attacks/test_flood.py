"""A flood of forged webhooks is soon neither read nor checked any more, and genuine ones are taken beside it.

How much slower they are is printed (`-s`): a figure depends on the machine, so no test hangs on it.
"""

import asyncio
import contextlib
import statistics
import sys
import time
from asyncio.subprocess import DEVNULL
from collections import Counter
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest

from config.settings import Settings
from devstack.ports import HOST, Ports
from devstack.programs import ROOT
from devstack.settings import product_environment
from devstack.stack import Stack
from domain.ids import Prefix, attempt_id, new_id
from tests.e2e.test_webhooks import event_of, signed
from tests.live import eventually
from tests.patience import PATIENCE

ROUNDS: Final = 3
FORGED: Final = 700
"""In each round."""
PACE: Final = 250.0
"""Forged calls a second."""
GENUINE: Final = 40

LIMITS: Final = ("rate_limit_per_key", "rate_limit_per_address", "rate_limit_forged")
"""As they are by default."""

FORGER: Final = {"X-Forwarded-For": "203.0.113.66"}
GATEWAY: Final = {"X-Forwarded-For": "198.51.100.7"}


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Another API process of the same installation, behind a proxy that it trusts."""
    ports = Ports.free()
    environment = product_environment(
        ports=ports,
        data_dir=stack.data_dir,
        database_url=stack.database_url,
        gateway_urls={},
        overrides={
            "TEMPORAL_ADDRESS": stack.temporal_address,
            "TRUSTED_PROXIES": [f"{HOST}/32"],
            **{name.upper(): Settings.model_fields[name].default for name in LIMITS},
        },
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "api", cwd=ROOT, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
    )
    url = f"http://{HOST}:{ports.api}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as http:

            async def ready() -> bool:
                with contextlib.suppress(httpx.TransportError):
                    return (await http.get("/readyz")).is_success
                return False

            await eventually("the API is ready", ready, every=0.2)
            yield http
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE)


async def genuine(http: httpx.AsyncClient) -> list[float]:
    """Seconds that each genuine webhook took, one after another."""
    took: list[float] = []
    for _ in range(GENUINE):
        body = event_of(attempt_id(new_id(Prefix.CHECKOUT), 1))
        start = time.perf_counter()
        answer = await http.post("/webhooks/stripe", content=body, headers={**signed(body), **GATEWAY})
        took.append(time.perf_counter() - start)
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0.02)
    return took


async def forge(http: httpx.AsyncClient, count: int, answers: Counter[int]) -> None:
    """At an even pace over one connection: a client that is busy itself would measure itself."""
    body = event_of("att_forged")
    headers = "".join(
        f"{name}: {value}\r\n" for name, value in {**signed(body, secret="x"), **FORGER}.items()
    )
    head = f"POST /webhooks/stripe HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection(http.base_url.host, http.base_url.port)
    start = time.perf_counter()
    for number in range(count):
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        answers[int(answer.split(b" ")[1])] += 1
        lengths = [line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        await reader.readexactly(int(lengths[0].partition(b":")[2]))
        await asyncio.sleep(max(0.0, start + (number + 1) / PACE - time.perf_counter()))
    writer.close()
    await writer.wait_closed()


def slowest(took: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(took, n=20)[-1]


async def test_a_flood_of_forged_webhooks_is_refused_and_genuine_ones_are_taken(
    api: httpx.AsyncClient,
) -> None:
    await genuine(api)  # connections and caches are warm
    answers: Counter[int] = Counter()
    ratios: list[float] = []
    for _ in range(ROUNDS):
        calm = slowest(await genuine(api))
        flood = asyncio.create_task(forge(api, FORGED, answers))
        busy = slowest(await genuine(api))
        await flood
        ratios.append(busy / calm)
    told = (
        f"p95 beside the flood over p95 without: {', '.join(f'{ratio:.2f}' for ratio in ratios)}; {answers}"
    )
    sys.stdout.write(f"{told}\n")
    assert sum(answers.values()) == ROUNDS * FORGED >= 2000
    assert answers.keys() == {401, 429}, told
    assert answers[429] > answers[401], "most were refused before they were read"
