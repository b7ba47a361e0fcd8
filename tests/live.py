"""The running product for tests: one stack for the whole run, and a merchant's and a customer's view of it.

Everything is waited for with a deadline, and what did not come in time is told with its attempts.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar

import asyncpg
import httpx
import pytest
from temporalio.client import Client

from config.keys import load_keys
from config.temporal import DATA_CONVERTER
from devstack.ports import Ports
from devstack.settings import KEYS_FILE
from devstack.stack import Stack
from domain.operator import Role
from sandbox.client import SandboxClient
from storage import api_keys, operators
from storage.database import Database
from storage.merchants import create_merchant
from tests.patience import PATIENCE

Json = dict[str, Any]
_Answer = TypeVar("_Answer")

FINAL: Final = frozenset({"succeeded", "failed", "canceled", "expired"})

_POLL: Final = 0.15


class Shop:
    """A merchant's application."""

    def __init__(self, merchant_id: str, http: httpx.AsyncClient) -> None:
        self.merchant_id = merchant_id
        self.http = http

    async def post(
        self, body: Mapping[str, Any], *, key: str | None = None, wait: int | None = None
    ) -> httpx.Response:
        """`POST /v1/checkouts`, once. Raises httpx.TransportError."""
        headers = {"Idempotency-Key": key or new_key()}
        if wait is not None:
            headers["Prefer"] = f"wait={wait}"
        return await self.http.post("/v1/checkouts", json=body, headers=headers)

    async def check_out(
        self, body: Mapping[str, Any], *, key: str | None = None, wait: int | None = None
    ) -> Json:
        """The checkout as it was accepted."""
        answer = await self.post(body, key=key, wait=wait)
        assert answer.status_code == 201, answer.text
        accepted: Json = answer.json()
        return accepted

    async def insist(self, body: Mapping[str, Any], *, key: str, wait: int = 0) -> Json:
        """Send under one key until it is accepted: as a shop does whose connection was lost, or told 503."""
        deadline = time.monotonic() + PATIENCE
        last = "nothing"
        while time.monotonic() < deadline:
            try:
                answer = await self.post(body, key=key, wait=wait)
            except httpx.TransportError as error:
                last = type(error).__name__
            else:
                if answer.is_success:
                    accepted: Json = answer.json()
                    return accepted
                assert answer.status_code in (429, 503), answer.text
                assert "Retry-After" in answer.headers
                last = answer.text
            await asyncio.sleep(_POLL)
        raise AssertionError(f"not accepted within {PATIENCE:.0f} s, last: {last}")

    async def get(self, checkout_id: str) -> Json:
        answer = await self.http.get(f"/v1/checkouts/{checkout_id}")
        found: Json = answer.raise_for_status().json()
        return found

    async def until(
        self, checkout_id: str, *statuses: str, within: float = PATIENCE, until: float | None = None
    ) -> Json:
        """The checkout once it has one of these statuses (any final one where none is named)."""
        wanted = set(statuses) or FINAL
        deadline = time.monotonic() + within if until is None else until
        while True:
            try:
                found = await self.get(checkout_id)
            except httpx.HTTPError as error:
                found = {"id": checkout_id, "status": f"unreadable: {error!r}", "attempts": []}
            if found["status"] in wanted:
                return found
            if found["status"] in FINAL or time.monotonic() > deadline:
                raise AssertionError(f"waited for {', '.join(sorted(wanted))}, not: {story(found)}")
            await asyncio.sleep(_POLL)


class Customer:
    """Whoever sits before the gateway's page."""

    def __init__(self) -> None:
        self._browser = httpx.AsyncClient(timeout=10, trust_env=False)

    async def pay(self, checkout: Json) -> None:
        """Open the page that the checkout names and press its first button."""
        url = checkout["next_action"]["url"]
        (await self._browser.get(url)).raise_for_status()
        answer = await self._browser.post(url, data={"action": "pay"})
        assert answer.is_redirect or answer.is_success, answer.text

    async def aclose(self) -> None:
        await self._browser.aclose()


def new_key() -> str:
    return f"key-{secrets.token_hex(8)}"


def story(checkout: Json) -> str:
    """One line about a checkout, for a failure's message."""
    attempts = "; ".join(
        f"{attempt['id']} at {attempt['account']}: {attempt['status']}" for attempt in checkout["attempts"]
    )
    return f"{checkout['id']} {checkout['status']} {checkout.get('review_reason') or ''} [{attempts}]"


async def eventually(
    what: str, ask: Callable[[], Awaitable[_Answer | None]], *, within: float = PATIENCE, every: float = 0.05
) -> _Answer:
    """Ask until there is an answer that counts. Fails, naming `what`, when the time is over."""
    deadline = time.monotonic() + within
    while True:
        answer = await ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}; last answer: {answer!r}")
        await asyncio.sleep(every)


def open_database(stack: Stack) -> Database:
    """The stack's database, with its keys."""
    url = stack.database_url.replace("postgresql://", "postgresql+asyncpg://", 1)
    return Database(url, pool_size=1, keys=load_keys(None, stack.data_dir / KEYS_FILE))


@asynccontextmanager
async def open_shop(stack: Stack) -> AsyncIterator[Shop]:
    """A merchant of its own, with a key."""
    database = open_database(stack)
    try:
        async with database.transaction() as session:
            merchant = await create_merchant(session, f"Shop {secrets.token_hex(6)}")
            key = await api_keys.issue(session, merchant.id)
    finally:
        await database.aclose()
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(
        base_url=stack.api_url, headers=headers, timeout=35, trust_env=False
    ) as http:
        yield Shop(merchant.id, http)


@asynccontextmanager
async def open_office(stack: Stack, role: Role) -> AsyncIterator[httpx.AsyncClient]:
    """The API as an operator of its own with this role sees it."""
    database = open_database(stack)
    try:
        async with database.transaction() as session:
            name = f"{role} {secrets.token_hex(6)}"
            operator = await operators.create(session, name, role, actor="test")
            token = await operators.issue_token(session, operator, actor="test")
    finally:
        await database.aclose()
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=stack.api_url, headers=headers, timeout=35, trust_env=False
    ) as http:
        yield http


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """The whole product, started once for all tests that want it."""
    async with Stack(tmp_path_factory.mktemp("stack"), ports=Ports.free()) as running:
        yield running


@pytest.fixture
async def shop(stack: Stack) -> AsyncIterator[Shop]:
    async with open_shop(stack) as opened:
        yield opened


@pytest.fixture
async def customer() -> AsyncIterator[Customer]:
    person = Customer()
    yield person
    await person.aclose()


@pytest.fixture
async def sandbox(stack: Stack) -> AsyncIterator[SandboxClient]:
    """The gateways' control surface; no fault outlives its test."""
    async with SandboxClient(stack.sandbox_url) as client:
        await client.clear_faults()
        yield client
        await client.clear_faults()


@pytest.fixture
async def database(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    """A connection of one's own, for what no call of the API shows."""
    connection = await asyncpg.connect(stack.database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def temporal(stack: Stack) -> Client:
    return await Client.connect(stack.temporal_address, data_converter=DATA_CONVERTER)
