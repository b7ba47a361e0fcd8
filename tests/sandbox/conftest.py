"""One sandbox process for these tests; each test has its own reference and, where it matters, account."""

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx
import pytest
import pytest_asyncio

from sandbox.client import SandboxClient
from tests.sandbox.webhook_receiver import Receiver, receiving
from tests.sandbox_process import SandboxProcess, run_sandbox


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[SandboxProcess]:
    extra = ["--refund-seconds", "0.1", "--search-seconds", "0.5"]
    with run_sandbox(
        tmp_path_factory.mktemp("sandbox"), webhook_base=receiver.url, prompt_seconds=0.3, extra=extra
    ) as process:
        yield process


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def surface(sandbox: SandboxProcess) -> AsyncIterator[SandboxClient]:
    async with SandboxClient(sandbox.control) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def control(surface: SandboxClient) -> AsyncIterator[SandboxClient]:
    """Leaves no fault behind."""
    yield surface
    await surface.clear_faults()


@pytest.fixture
def reference() -> str:
    """As our attempts have one: unique."""
    return f"att_{uuid4().hex}"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stripe(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=sandbox.gateways["stripe"],
        headers={"Authorization": "Bearer sk_test_sandbox_stripe"},
        trust_env=False,
    ) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def flutterwave(sandbox: SandboxProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=sandbox.gateways["flutterwave"],
        headers={"Authorization": "Bearer FLWSECK_TEST-sandbox-flutterwave"},
        trust_env=False,
    ) as client:
        yield client


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[httpx.AsyncClient]:
    """Sees redirects, does not follow them."""
    async with httpx.AsyncClient(follow_redirects=False, trust_env=False) as client:
        yield client
