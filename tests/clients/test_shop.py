"""The example shop, as its users start it, beside the running product."""

import asyncio
import sys
from collections.abc import AsyncIterator

import httpx
import pytest

from devstack.ports import HOST, Ports
from devstack.programs import ROOT, environment
from devstack.stack import Stack
from storage import merchant_secrets
from tests.live import Customer, Shop, eventually, open_database
from tests.patience import PATIENCE


@pytest.fixture
async def hats(stack: Stack, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    """A customer's browser on the shop."""
    database = open_database(stack)
    try:
        async with database.transaction() as session:
            secret = (await merchant_secrets.live(session, shop.merchant_id))[0]
    finally:
        await database.aclose()
    port = Ports.free().api
    url = f"http://{HOST}:{port}"
    settings = {
        "PYTHONPATH": "clients/python",
        "SMARTPAY_URL": stack.api_url,
        "SMARTPAY_KEY": shop.http.headers["Authorization"].removeprefix("Bearer "),
        "SMARTPAY_SECRET": secret,
        "SHOP_URL": url,
    }
    command = (sys.executable, "-m", "uvicorn", "examples.shop:app", "--port", str(port))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment(settings))
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=PATIENCE) as browser:

            async def up() -> bool:
                try:
                    return (await browser.get("/")).is_success
                except httpx.TransportError:
                    return False

            await eventually("the shop answers", up)
            yield browser
    finally:
        process.terminate()
        await process.wait()


async def test_a_hat_is_paid_and_shipped_once(
    hats: httpx.AsyncClient, shop: Shop, customer: Customer
) -> None:
    bought = await hats.post("/buy")
    assert bought.status_code == 303
    (made,) = (await shop.http.get("/v1/checkouts")).json()["data"]
    assert made["next_action"]["url"] == bought.headers["Location"]
    await customer.pay(made)
    await shop.until(made["id"], "succeeded")

    async def shipped() -> bool:
        return "Payment: succeeded. Shipped: 1." in (await hats.get(f"/orders/{made['reference']}")).text

    await eventually("the hat is shipped", shipped)


async def test_a_forged_notification_ships_nothing(hats: httpx.AsyncClient) -> None:
    answer = await hats.post("/hooks", json={"type": "checkout.succeeded"})
    assert answer.status_code == 401
