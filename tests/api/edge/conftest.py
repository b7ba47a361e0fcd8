from collections.abc import AsyncIterator

import httpx
import pytest

from tests.api.edge.toy import client


@pytest.fixture(scope="session")
async def api() -> AsyncIterator[httpx.AsyncClient]:
    async with client() as opened:
        yield opened
