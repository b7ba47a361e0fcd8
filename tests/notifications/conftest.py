from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

from config.temporal import DATA_CONVERTER
from tests.notifications.receiver import Receiver, receiving
from tests.notifications.world import World, new_world
from tests.workflow.world import TEST_SERVER


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as running:
        yield running


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[World]:
    async with new_world(database_url) as made:
        yield made


@pytest.fixture
async def env() -> AsyncIterator[WorkflowEnvironment]:
    """A time-skipping server of its own: time that one test lets pass must not pass in another."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=TEST_SERVER, data_converter=DATA_CONVERTER
    ) as running:
        yield running
