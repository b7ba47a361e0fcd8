"""Keys are rotated while shops sell: histories and rows from before stay readable, nothing fails."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import Client

from config.keys import KeyRing, new_key
from config.temporal import data_converter
from devstack.ports import Ports
from devstack.private_files import write_private
from devstack.settings import KEYS_FILE
from devstack.stack import Stack
from tests.e2e.requests import card
from tests.live import FINAL, Shop, open_shop
from tests.live import new_key as idempotency_key
from tests.operators.shell import Shell
from tests.patience import PATIENCE

pytestmark = pytest.mark.long

AT_ONCE = 3


@pytest.fixture
async def encrypting(tmp_path: Path) -> AsyncIterator[Stack]:
    """A stack of its own: its keys change, and its histories are encrypted."""
    overrides = {"ENCRYPT_HISTORIES": True}
    async with Stack(tmp_path, ports=Ports.free(), settings_overrides=overrides) as running:
        yield running


class Selling:
    """Shops that sell without a pause, and see each sale to its end."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._stop = asyncio.Event()
        self.emails: dict[str, str] = {}
        """Checkout -> who paid."""

    async def _one(self, number: int) -> None:
        while not self._stop.is_set():
            email = f"customer-{len(self.emails) % 5}-{number}@example.org"
            body = card(customer={"email": email, "country": "US"})
            made = await self._shop.insist(body, key=idempotency_key())
            self.emails[made["id"]] = email
            ended = await self._shop.until(made["id"])
            assert ended["status"] == "succeeded", ended

    async def __aenter__(self) -> "Selling":
        self._tasks = [asyncio.create_task(self._one(number)) for number in range(AT_ONCE)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks)

    async def some(self, more: int = 6) -> None:
        """Until so many more have been accepted."""
        wanted = len(self.emails) + more
        async with asyncio.timeout(PATIENCE):
            while len(self.emails) < wanted:
                for task in self._tasks:
                    if task.done():
                        task.result()
                await asyncio.sleep(0.1)


async def with_ring(stack: Stack, *keys: str) -> None:
    """Every process is restarted with these keys, one after the other."""
    write_private(stack.data_dir / KEYS_FILE, "\n".join(keys) + "\n")
    for name in ("worker", "api"):
        async with stack.down(name):
            pass


async def names_in_history(client: Client, checkout_id: str) -> set[str]:
    """The keys that sealed the payloads of a checkout's history."""
    found: set[str] = set()
    async for event in client.get_workflow_handle(f"checkout/{checkout_id}").fetch_history_events():
        started = event.workflow_execution_started_event_attributes.input.payloads
        ended = event.workflow_execution_completed_event_attributes.result.payloads
        found |= {each.metadata["encryption-key-id"].decode() for each in (*started, *ended)}
    return found


async def test_keys_are_rotated_while_shops_sell(encrypting: Stack) -> None:
    stack = encrypting
    old, new = (stack.data_dir / KEYS_FILE).read_text().strip(), new_key("new")
    async with open_shop(stack) as shop:
        async with Selling(shop) as selling:
            await selling.some()
            before = set(selling.emails)
            await with_ring(stack, old, new)
            await selling.some()
            await with_ring(stack, new, old)
            turned = set(selling.emails)
            await selling.some()
            shell = Shell(stack.database_url, ENCRYPTION_KEYS_FILE=str(stack.data_dir / KEYS_FILE))
            told = await asyncio.to_thread(shell, "encryption", "rotate", "--batch", "2")
            assert "rows sealed anew" in told
            await selling.some()
        uses = json.loads(await asyncio.to_thread(shell, "encryption", "usage", "--json"))
        assert {use["key"] for use in uses} == {"new"}

        await with_ring(stack, new)
        for checkout, email in selling.emails.items():
            found = await shop.get(checkout)
            assert (found["status"] in FINAL, found["customer"]["email"]) == (True, email)

    ring = KeyRing.parse(f"{new},{old}")
    client = await Client.connect(stack.temporal_address, data_converter=data_converter(ring))
    late = set(selling.emails) - turned
    assert before
    assert late
    for checkout in before:
        assert "demo" in await names_in_history(client, checkout)
        assert await client.get_workflow_handle(f"checkout/{checkout}").result() is not None
    for checkout in sorted(late)[AT_ONCE:]:
        assert await names_in_history(client, checkout) == {"new"}
    for log in stack.logs.glob("*.log"):
        assert "CannotOpen" not in log.read_text()
