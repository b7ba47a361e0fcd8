"""A shop whose checkout is paid, on a server whose time skips."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest

from tests.refunds.till import Till, till_in
from tests.workflow.conftest import NewWorld, new_world

__all__ = ["new_world"]


class NewTill(Protocol):
    def __call__(self, account: str, **changes: Any) -> AbstractAsyncContextManager[Till]: ...


@pytest.fixture
def new_till(new_world: NewWorld) -> NewTill:
    """Makes a till with one checkout that `account` has captured, and changed settings."""

    @asynccontextmanager
    async def make(account: str, **changes: Any) -> AsyncIterator[Till]:
        address = changes.pop("notification_url", None)
        async with new_world(account, **changes) as world:
            yield await till_in(world, account, notification_url=address)

    return make
