"""Every test leaves the stack running as it found it."""

from collections.abc import AsyncIterator

import pytest

from devstack.stack import Stack


@pytest.fixture(autouse=True)
async def _all_running_again(stack: Stack) -> AsyncIterator[None]:
    yield
    await stack.wait_ready()
