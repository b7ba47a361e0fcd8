"""One real PostgreSQL for the whole run. A test gets its own database, copied from a migrated template."""

import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from hypothesis import HealthCheck, settings

from config.keys import new_key
from devstack.ports import Ports
from devstack.postgres import create_database, drop_database, running_postgres
from devstack.programs import ROOT

pytest_plugins = ["tests.live"]

TEMPLATE = "migrated"

# Wherever personal data is stored there are keys. A stack makes its own.
os.environ.setdefault("ENCRYPTION_KEYS", new_key("tests"))

# How long a machine takes to think of an example is no fault of the code.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

NewDatabase = Callable[[], Awaitable[str]]


@pytest.fixture(scope="session")
async def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """URL of the server's `postgres` database, for making others. The server dies with the run."""
    directory = tmp_path_factory.mktemp("postgres") / "postgres"
    async with running_postgres(directory, Ports.free().postgres) as url:
        yield url


@pytest.fixture(scope="session")
async def migrated(postgres_url: str) -> str:
    """Name of the template database: brought to the newest schema by the migrations themselves."""
    url = await create_database(postgres_url, TEMPLATE)
    subprocess.run(  # noqa: ASYNC221 - our own interpreter, once a run
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
        timeout=60,
    )
    return TEMPLATE


@pytest.fixture(scope="session")
async def new_database(postgres_url: str, migrated: str) -> AsyncIterator[NewDatabase]:
    """Makes an empty migrated database and returns its URL. All are dropped at the end of the run."""
    numbers = itertools.count(1)
    made: list[str] = []

    async def make() -> str:
        made.append(f"test_{next(numbers)}")
        return await create_database(postgres_url, made[-1], template=migrated)

    yield make
    for name in made:
        await drop_database(postgres_url, name)


@pytest.fixture(scope="module")
async def module_database_url(new_database: NewDatabase) -> str:
    """A database that the tests of one module share."""
    return await new_database()


@pytest.fixture
async def database_url(new_database: NewDatabase) -> str:
    """A database for one test."""
    return await new_database()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first: begun last, one of them would keep a single process busy at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)
