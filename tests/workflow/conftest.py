"""Worlds for tests, each on a time-skipping server of its own."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest

from tests.workflow.world import World, skipping_world


class NewWorld(Protocol):
    def __call__(self, *order: str, **changes: Any) -> AbstractAsyncContextManager[World]: ...


@pytest.fixture
def new_world(module_database_url: str) -> NewWorld:
    """Makes a world with these accounts in the plan, and changed settings."""

    @asynccontextmanager
    async def make(*order: str, **changes: Any) -> AsyncIterator[World]:
        async with skipping_world(module_database_url, order, **changes) as world:
            yield world

    return make
