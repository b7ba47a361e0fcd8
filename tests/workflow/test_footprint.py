"""What a straight checkout costs the Temporal server: history events and bytes bound the throughput."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.testing import WorkflowEnvironment

from config.temporal import DATA_CONVERTER
from tests.workflow.world import world_on
from workflows.search_attributes import ALL

EVENTS = 13
BYTES = 3_000
"""Times and numbers in it take a few bytes more or less."""
IDENTITY = "12345@machine"
"""Of the worker, in several events; by default as long as the machine's name."""


async def test_a_straight_checkout_stays_small(
    module_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the real server, with the search attributes; the limits are what was measured."""
    async with (
        await WorkflowEnvironment.start_local(
            dev_server_existing_path=str(Path(sys.executable).with_name("temporal")),
            data_converter=DATA_CONVERTER,
            search_attributes=ALL,
            identity=IDENTITY,
        ) as env,
        world_on(env.client, module_database_url, indexed=True) as world,
    ):
        checkout = await world.checkout()
        handle = await world.start(checkout)
        assert (await handle.result()).status == "succeeded"
        history = await handle.fetch_history()
    size = sum(event.ByteSize() for event in history.events)
    kinds = Counter(EventType.Name(event.event_type) for event in history.events)
    with capsys.disabled():
        print(f"\na straight checkout: {len(history.events)} events, {size} bytes")
        for kind, count in kinds.items():
            print(f"  {count} {kind.removeprefix('EVENT_TYPE_').lower()}")
    assert len(history.events) <= EVENTS
    assert size <= BYTES
