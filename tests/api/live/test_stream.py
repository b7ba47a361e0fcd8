"""The stream of checkouts that the panel follows."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import httpx

from api import live_feed
from devstack.stack import Stack
from domain.operator import Role
from tests.desk import Json, browser, new_person, sign_in
from tests.e2e.requests import DECLINED, card
from tests.live import Shop, open_office
from tests.patience import PATIENCE

STREAM = "/v1/admin/stream"


@asynccontextmanager
async def followed(at: httpx.AsyncClient) -> AsyncIterator[asyncio.Queue[Json]]:
    """The rows as they come; an empty one at the stream's end."""
    rows: asyncio.Queue[Json] = asyncio.Queue()
    async with at.stream("GET", STREAM) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"

        async def read() -> None:
            kind = ""
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind == "checkout":
                    rows.put_nowait(json.loads(value))
            rows.put_nowait({})

        reading = asyncio.create_task(read())
        try:
            yield rows
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def until(rows: asyncio.Queue[Json], checkout_id: str, status: str) -> Json:
    async with asyncio.timeout(PATIENCE):
        while True:
            row = await rows.get()
            assert row, "the stream has ended"
            if (row["id"], row["status"]) == (checkout_id, status):
                return row


async def test_new_and_changed_checkouts_come_by_themselves_to_everybody(stack: Stack, shop: Shop) -> None:
    async with (
        open_office(stack, Role.VIEWER) as one,
        browser(stack) as two,
    ):
        await sign_in(two, await new_person(stack, Role.VIEWER))
        async with followed(one) as first, followed(two) as second:
            await shop.check_out(card(100))  # until the reader has begun, nothing is promised
            checkout = await shop.check_out(card(7200, stripe=DECLINED), wait=0)
            for rows in (first, second):
                row = await until(rows, checkout["id"], "succeeded")
                assert row["attempts"] == ["stripe", "flutterwave"]
            listed = (await one.get("/v1/admin/checkouts", params={"q": checkout["id"]})).json()["data"]
            assert listed == [row]


async def test_a_checkout_appears_that_nobody_has_changed(
    stack: Stack, shop: Shop, database: asyncpg.Connection
) -> None:
    """Accepted, and its run does not begin: no notification tells of it."""
    async with open_office(stack, Role.VIEWER) as office, followed(office) as rows:
        first = await shop.check_out(card(100))
        await until(rows, first["id"], "succeeded")
        columns = (
            "merchant_id, request_digest, status, amount, currency, capture_method, customer,"
            " payment_method, allow_redirect, meta, planned_at, amount_captured, amount_refunded"
        )
        made = f"co_{'z' * 25}{first['id'][-1]}"
        copied = columns.replace("status", "'in_review'")
        await database.execute(
            f"INSERT INTO checkouts (id, idempotency_key, {columns})"  # noqa: S608 - names of columns
            f" SELECT $1, $1, {copied} FROM checkouts WHERE id = $2",
            made,
            first["id"],
        )
        try:
            await until(rows, made, "in_review")
        finally:
            await database.execute("DELETE FROM checkouts WHERE id = $1", made)


async def test_a_stream_ends_with_its_session(stack: Stack, database: asyncpg.Connection) -> None:
    person = await new_person(stack, Role.VIEWER)
    async with browser(stack) as at:
        await sign_in(at, person)
        async with followed(at) as rows:
            await database.execute("DELETE FROM operator_sessions WHERE operator_id = $1", person.id)
            async with asyncio.timeout(live_feed.HEARTBEAT + PATIENCE):
                while await rows.get():
                    pass
