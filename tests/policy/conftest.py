"""A database with an empty policy store, and processes that follow it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from activities.policy_in_force import PolicyInForce
from config.settings import Settings
from routing.bins import encode
from routing.data_files import DataFiles
from routing.policy import Policy
from storage.database import Database
from tests.patience import PATIENCE
from tests.routing.conftest import write_mmdb
from tests.routing.policy import POLICY, accounts

Follow = Callable[..., PolicyInForce]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(Settings(database_url=database_url).sqlalchemy_url, pool_size=4)
    yield opened
    await opened.aclose()


@pytest.fixture
def data_files(tmp_path: Path) -> tuple[Path, Path]:
    """A small card table and address table: files that a test may replace."""
    bins = tmp_path / "bins.dat"
    bins.write_bytes(encode({"539983": "NG"}))
    return bins, write_mmdb(tmp_path / "geo.mmdb", {"41.58.0.0/16": {"country_code": "NG"}})


def in_force(
    data_files: tuple[Path, Path],
    policy: Policy = POLICY,
    *,
    without: frozenset[str] = frozenset(),
    heed: Callable[[Policy], None] | None = None,
) -> PolicyInForce:
    """One process's policy; `without`: accounts that it does not know at all."""
    known = {name: account for name, account in accounts().items() if name not in without}
    bins, geo = data_files
    return PolicyInForce(known, policy, DataFiles(Path(), geo, bins), heed)


@asynccontextmanager
async def following(database: Database, database_url: str, *processes: PolicyInForce) -> AsyncIterator[None]:
    """All of them follow, as API and workers do."""
    async with AsyncExitStack() as stack:
        for process in processes:
            task = asyncio.create_task(process.keep(database, database_url))
            stack.push_async_callback(asyncio.wait, [task])
            stack.callback(task.cancel)
        for process in processes:
            await asyncio.wait_for(process.known.wait(), PATIENCE)
        yield
