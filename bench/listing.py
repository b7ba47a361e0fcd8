"""`make bench-listing`: how long a page of the operators' list takes over 100,000 checkouts, over HTTP.

Prints the median and the slowest of each question. Ends with 1 where a median is over 200 ms.
"""

import argparse
import asyncio
import contextlib
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import httpx
from pydantic import SecretStr

from bench.many_checkouts import analyze, insert_checkouts
from config.keys import new_key
from config.settings import Settings
from devstack.ports import HOST, Ports
from devstack.postgres import create_database, running_postgres
from devstack.programs import Program, environment, run_once, spawn
from domain.operator import Role
from storage import operators
from storage.database import Database

LIMIT: Final = 0.2
"""Seconds."""
QUESTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "the newest": {},
    "failed ones": {"status": "failed"},
    "at a gateway": {"gateway": "stripe"},
    "from a country": {"country": "KE"},
    "in a currency": {"currency": "EUR"},
    "by amount": {"amount_min": "1100", "amount_max": "1101"},
    "several filters": {"status": "succeeded", "country": "NG", "currency": "NGN", "gateway": "flutterwave"},
    "by id": {"q": "co_" + "7".zfill(26)},
    "by reference": {"q": "order-1999"},
    "by payment id": {"q": "pi_4711"},
    "by e-mail address": {"q": "customer@example.com"},
    "by card": {"q": "400123"},
}


async def measure(rows: int, repeats: int) -> int:
    keys = new_key("bench")
    with tempfile.TemporaryDirectory(prefix="bench-listing-") as name:
        directory, ports = Path(name), Ports.free()
        async with running_postgres(directory / "postgres", ports.postgres) as server:
            url = await create_database(server, "listing")
            given = environment(
                {
                    "DATABASE_URL": url,
                    "ENCRYPTION_KEYS": keys,
                    "TEMPORAL_ADDRESS": f"{HOST}:1",
                    "API_PORT": str(ports.api),
                    "DATA_DIR": str(Settings().data_dir.absolute()),
                    "LOG_LEVEL": "WARNING",
                }
            )
            migrations = Program("migrations", (sys.executable, "-m", "alembic", "upgrade", "head"), given)
            await run_once(migrations, directory / "migrations.log")
            settings = Settings(database_url=url, encryption_keys=SecretStr(keys))
            token = await _filled(settings, rows)
            api = await spawn(Program("api", (sys.executable, "-m", "api"), given), directory / "api.log")
            try:
                return await _asked(f"http://{HOST}:{ports.api}", token, rows, repeats)
            finally:
                api.send_signal(signal.SIGTERM)
                await api.wait()


async def _filled(settings: Settings, rows: int) -> str:
    """A viewer's token."""
    database = Database(settings.sqlalchemy_url, pool_size=2, keys=settings.keys)
    try:
        async with database.transaction() as session:
            await insert_checkouts(session, rows)
        await analyze(database)
        async with database.transaction() as session:
            viewer = await operators.create(session, "bench", Role.VIEWER, actor="bench")
            return await operators.issue_token(session, viewer, actor="bench")
    finally:
        await database.aclose()


async def _asked(url: str, token: str, rows: int, repeats: int) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    slow = 0
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as http:
        await _until_serving(http)
        print(f"{rows:,} checkouts, {repeats} pages of 50 each, milliseconds")
        for name, query in QUESTIONS.items():
            taken = [await _page(http, query) for _ in range(repeats)]
            median = statistics.median(taken)
            slow += median > LIMIT
            print(f"  {name:<20} median {median * 1000:6.1f}   slowest {max(taken) * 1000:6.1f}")
    limit = f"{LIMIT * 1000:.0f} ms"
    print(f"every median is under {limit}" if not slow else f"{slow} medians are over {limit}")
    return int(slow > 0)


async def _page(http: httpx.AsyncClient, query: Mapping[str, str]) -> float:
    """Seconds until it is there."""
    began = time.perf_counter()
    (await http.get("/v1/admin/checkouts", params={"limit": "50", **query})).raise_for_status()
    return time.perf_counter() - began


async def _until_serving(http: httpx.AsyncClient) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(60):
        while True:
            with contextlib.suppress(httpx.TransportError):
                if (await http.get("/healthz")).is_success:
                    return
            await asyncio.sleep(0.1)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rows", type=int, default=100_000)
    arguments.add_argument("--repeats", type=int, default=20)
    given = arguments.parse_args()
    return asyncio.run(measure(given.rows, given.repeats))


if __name__ == "__main__":
    sys.exit(main())
