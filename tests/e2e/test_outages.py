"""A part is down and known to be: what is accepted is kept, the rest is refused plainly (A1, T1, D1)."""

import asyncio
import contextlib

import asyncpg
import httpx

from devstack.stack import Stack
from sandbox.client import SandboxClient
from tests.e2e.load import by_reference, judged
from tests.e2e.requests import card, nigerian_card
from tests.live import Shop, eventually, new_key


async def test_while_temporal_is_down_nothing_accepted_is_lost(
    stack: Stack, shop: Shop, sandbox: SandboxClient, database: asyncpg.Connection
) -> None:
    old_key, noticing, refused, orphan = (new_key() for _ in range(4))
    for gateway in ("stripe", "flutterwave"):  # or a webhook might find out first that Temporal is down
        await sandbox.fault(gateway, "webhook", "drop")
    paid = await shop.check_out(card(1000), key=old_key)

    async def inbox_empty() -> bool:
        count = "SELECT count(*) FROM webhook_events WHERE delivered_at IS NULL"
        return bool(await database.fetchval(count) == 0)

    await eventually("no webhook waits to be delivered", inbox_empty)

    async with stack.down("temporal"):
        # The first one finds out. Its row is written, so it is accepted.
        first = await shop.check_out(card(1100), key=noticing, wait=0)
        assert first["status"] == "processing"

        # From now on new ones are refused before anything is written.
        answer = await shop.post(card(1200), key=refused)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "unavailable"
        assert int(answer.headers["retry-after"]) >= 1
        assert await id_under(database, refused) is None
        assert (await shop.http.get("/readyz")).status_code == 503

        # What was accepted before is answered as ever.
        again = await shop.post(card(1000), key=old_key)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
        assert again.json() == paid

        # An API killed between the row and the start of the workflow.
        stack.kill("api")
        await eventually("the API serves", lambda: alive(stack))
        posting = asyncio.create_task(shop.post(nigerian_card(), key=orphan, wait=0))
        written = await eventually("the row is written", lambda: id_under(database, orphan), every=0.005)
        stack.kill("api")
        with contextlib.suppress(httpx.TransportError):  # it may have answered just before it died
            await posting
        await eventually("the API serves", lambda: alive(stack))
        replayed = await shop.post(nigerian_card(), key=orphan, wait=0)
        assert (replayed.status_code, replayed.json()["id"]) == (200, written), replayed.text

        # A command that cannot be handed over is not pretended to stand.
        cancel = await shop.http.post(f"/v1/checkouts/{written}/cancel", headers={"Prefer": "wait=1"})
        assert (cancel.status_code, cancel.json()["code"]) == (503, "unavailable")

    await stack.wait_ready()
    late = await shop.insist(card(1200), key=refused)
    ended = [await shop.until(each) for each in (first["id"], written, late["id"])]
    ledger = by_reference(await sandbox.ledger())
    assert [judged(checkout, ledger, status="succeeded") for checkout in ended] == [[], [], []]


async def test_while_the_database_is_down_everything_is_refused_and_nothing_started(
    stack: Stack, shop: Shop, database: asyncpg.Connection
) -> None:
    key = new_key()
    async with stack.down("postgres"):
        for answer in (
            await shop.post(card(1400), key=key),
            await shop.http.get("/v1/checkouts"),
            await shop.http.get("/readyz"),
        ):
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert "retry-after" in answer.headers
        assert (await shop.http.get("/healthz")).status_code == 200
    created = await shop.insist(card(1400), key=key)
    assert (await shop.until(created["id"]))["status"] == "succeeded"


async def alive(stack: Stack) -> bool:
    async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
        try:
            return (await client.get(f"{stack.api_url}/healthz")).is_success
        except httpx.TransportError:
            return False


async def id_under(database: asyncpg.Connection, key: str) -> str | None:
    found: str | None = await database.fetchval("SELECT id FROM checkouts WHERE idempotency_key = $1", key)
    return found
