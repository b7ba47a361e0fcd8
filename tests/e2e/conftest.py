"""Every test leaves the stack running as it found it, and no request may have ended in a 500."""

from collections.abc import AsyncIterator

import pytest

from devstack.stack import Stack


@pytest.fixture(autouse=True)
async def _all_well_afterwards(stack: Stack) -> AsyncIterator[None]:
    log = stack.logs / "api.log"
    before = log.stat().st_size
    yield
    await stack.wait_ready()
    with log.open() as written:
        written.seek(before)
        failures = [line for line in written if '"request.failed"' in line]
    assert not failures, "\n".join(failures)
