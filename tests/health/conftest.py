"""The world of the workflow tests, with a database of its own for every test: health outlives a checkout."""

import pytest

from tests.workflow.conftest import NewWorld, new_world

__all__ = ["NewWorld", "new_world"]


@pytest.fixture
async def module_database_url(database_url: str) -> str:
    return database_url
