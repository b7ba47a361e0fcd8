"""A shop in one file: sells one thing, sends the customer to pay, and ships once it is paid.

    pip install clients/python fastapi uvicorn
    export SMARTPAY_URL=http://127.0.0.1:8000 SMARTPAY_KEY=... SMARTPAY_SECRET=whsec_...
    SHOP_URL=http://127.0.0.1:9000 uvicorn examples.shop:app --port 9000

`SMARTPAY_KEY` is in `.data/demo.json` of `make demo`, `SMARTPAY_SECRET` is what
`smartpay notifications secret "Demo shop"` prints. The orders are in memory: yours belong in a database.
"""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from smartpay_client import AsyncClient, InvalidSignature, Webhook


@dataclass
class Order:
    id: str
    checkout_id: str | None = None
    status: str = "open"
    last_sequence: int = 0
    shipped: int = 0
    seen: set[str] = field(default_factory=set)


orders: dict[str, Order] = {}
SHOP = os.environ.get("SHOP_URL", "http://127.0.0.1:9000")
webhook = Webhook(os.environ["SMARTPAY_SECRET"])
pay: AsyncClient


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    global pay
    async with AsyncClient(os.environ["SMARTPAY_URL"], api_key=os.environ["SMARTPAY_KEY"]) as pay:
        yield


app = FastAPI(title="A shop", lifespan=lifespan)


@app.get("/", response_class=HTMLResponse)
async def window() -> str:
    return '<h1>A shop</h1><form method="post" action="/buy"><button>Buy a hat, 49.99 USD</button></form>'


@app.post("/buy")
async def buy() -> Response:
    order = Order(uuid.uuid4().hex)
    orders[order.id] = order
    checkout = await pay.create_checkout(
        amount=4999,
        currency="USD",
        reference=order.id,
        idempotency_key=order.id,  # whatever happens in between, this order is charged once
        customer={"email": "ada@example.com", "country": "US"},
        return_url=f"{SHOP}/orders/{order.id}",
        notification_url=f"{SHOP}/hooks",
    )
    order.checkout_id = checkout.id
    # The customer pays on the gateway's page; without one the order's own page tells what became of it.
    page = checkout.next_action.url if checkout.next_action else None
    return RedirectResponse(page or f"/orders/{order.id}", status_code=303)


@app.get("/orders/{order_id}", response_class=HTMLResponse)
async def show(order_id: str) -> str:
    order = orders.get(order_id)
    if order is None or order.checkout_id is None:
        raise HTTPException(404)
    checkout = await pay.get_checkout(order.checkout_id)
    return f"<h1>Your hat</h1><p>Payment: {checkout.status}. Shipped: {order.shipped}.</p>"


@app.post("/hooks", status_code=204)
async def hooks(request: Request) -> None:
    try:
        event = webhook.read(await request.body(), request.headers)
    except InvalidSignature:
        raise HTTPException(401) from None
    order = next((each for each in orders.values() if each.checkout_id == event.checkout_id), None)
    if order is None:
        # Told before `buy` knew the checkout's id: an answer that is no 2xx, and it comes again.
        raise HTTPException(503)
    if event.id in order.seen or event.sequence <= order.last_sequence:
        return  # again, or overtaken by a later one
    order.seen.add(event.id)
    order.last_sequence, order.status = event.sequence, event.status
    if event.type == "checkout.succeeded":
        order.shipped += 1
