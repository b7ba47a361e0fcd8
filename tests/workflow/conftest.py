"""Time-skipping Temporal servers, one a test: time that one test lets pass must not pass in another."""

import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from temporalio.testing import WorkflowEnvironment

from config.temporal import DATA_CONVERTER
from tests.workflow.world import World, world_on

TEST_SERVER = str(Path(sys.executable).with_name("temporal-test-server"))


class NewWorld(Protocol):
    def __call__(self, *order: str, **changes: Any) -> AbstractAsyncContextManager[World]: ...


@pytest.fixture
def new_world(module_database_url: str) -> NewWorld:
    """Makes a world with these accounts in the plan, and changed settings."""

    @asynccontextmanager
    async def make(*order: str, **changes: Any) -> AsyncIterator[World]:
        async with (
            await WorkflowEnvironment.start_time_skipping(
                test_server_existing_path=TEST_SERVER, data_converter=DATA_CONVERTER
            ) as env,
            world_on(env.client, module_database_url, order, env=env, **changes) as world,
        ):
            yield world

    return make
