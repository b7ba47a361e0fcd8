"""Worlds and tills whose switches are all off again after each test."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.refunds.conftest import new_till
from tests.workflow.conftest import new_world

__all__ = ["new_till", "new_world"]


@pytest.fixture
async def switches_off(module_database_url: str) -> AsyncIterator[None]:
    yield
    connection = await asyncpg.connect(module_database_url)
    await connection.execute("DELETE FROM switches")
    await connection.close()
