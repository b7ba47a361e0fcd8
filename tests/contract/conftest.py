"""One sandbox for the whole suite, and every case against it."""

from collections.abc import AsyncIterator, Iterator

import pytest

from sandbox.client import SandboxClient
from tests.contract.case import ContractCase
from tests.contract.every import CASES
from tests.contract.live import LIVE, LiveTrial
from tests.contract.trial import Adapters, Trial
from tests.sandbox_process import SandboxProcess, run_sandbox


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    with run_sandbox(tmp_path_factory.mktemp("sandbox"), prompt_seconds=0.3) as running:
        yield running


@pytest.fixture(scope="session")
async def client(sandbox: SandboxProcess) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(sandbox.control) as opened:
        yield opened


@pytest.fixture
async def control(client: SandboxClient) -> AsyncIterator[SandboxClient]:
    """The control surface, left without faults."""
    yield client
    await client.clear_faults()


@pytest.fixture(scope="session")
async def adapters(sandbox: SandboxProcess) -> AsyncIterator[dict[str, Adapters]]:
    built = {case.gateway: Adapters(case, sandbox.gateways[case.gateway]) for case in CASES}
    yield built
    for each in built.values():
        await each.aclose()


@pytest.fixture
def trial(case: ContractCase, control: SandboxClient, adapters: dict[str, Adapters]) -> Trial:
    """The adapter of `case`, which each test names by parameter, in front of its simulator."""
    if LIVE:
        return LiveTrial(case, control, adapters[case.gateway])
    return Trial(case, control, adapters[case.gateway])
