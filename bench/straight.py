"""The straight checkout, started on Temporal without the API: its row is written before the clock starts."""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import func
from sqlmodel import col, update
from temporalio.client import Client

from bench import empty
from bench.http_load import Load
from domain.checkout import CaptureMethod, CheckoutStatus, Customer, PaymentMethod
from domain.ids import Prefix, new_id
from domain.money import to_major
from storage import checkouts, tables
from storage.database import Database
from workflows.checkout import Checkout
from workflows.messages import CheckoutInput
from workflows.search_attributes import at_start

TASK_QUEUE: Final = "checkouts"
AMOUNT: Final = 12_500
CURRENCY: Final = "USD"
MOST: Final = 60
"""Checkouts a second for which rows are written ahead."""
TASK_TIMEOUT: Final = timedelta(seconds=10)


def body(number: int) -> dict[str, Any]:
    """The n-th customer's request: planned for Stripe, which approves at once."""
    return {
        "reference": f"order-{number}",
        "amount": AMOUNT,
        "currency": CURRENCY,
        "customer": {
            "email": f"customer-{number}@example.com",
            "name": "A. Customer",
            "ip": f"81.2.{69 + number // 200 % 100}.{1 + number % 200}",
            "country": "US",
        },
        "payment_method": {"type": "card", "bin": "424242", "tokens": {"stripe": "pm_card_visa"}},
        "metadata": {"cart": str(number)},
    }


class Accepted:
    """Writes checkouts that are accepted and not started."""

    def __init__(self, database: Database, merchant_id: str) -> None:
        self.merchant_id = merchant_id
        self._database = database
        self._number = 0

    async def rows(self, number: int) -> list[str]:
        """Ids of so many new ones."""
        ids = []
        async with self._database.transaction() as session:
            for _ in range(number):
                self._number += 1
                row = _row(self.merchant_id, body(self._number))
                await checkouts.create(session, row)
                ids.append(row.id)
            # A while ahead: what was accepted and not started, the API would start after three seconds.
            later = func.now() + timedelta(hours=1)
            await session.exec(
                update(tables.Checkout).where(col(tables.Checkout.id).in_(ids)).values(created_at=later)
            )
        return ids


def _row(merchant_id: str, request: Mapping[str, Any]) -> tables.Checkout:
    checkout_id = new_id(Prefix.CHECKOUT)
    return tables.Checkout(
        id=checkout_id,
        merchant_id=merchant_id,
        idempotency_key=f"direct-{checkout_id}",
        request_digest=hashlib.sha256(checkout_id.encode()).digest(),
        reference=request["reference"],
        status=CheckoutStatus.PROCESSING,
        amount=request["amount"],
        currency=request["currency"],
        capture_method=CaptureMethod.AUTOMATIC,
        customer=Customer.model_validate(request["customer"]).model_dump(mode="json"),
        payment_method=PaymentMethod.model_validate(request["payment_method"]).model_dump(mode="json"),
        allow_redirect=False,
        gateway_choice=None,
        return_url=None,
        notification_url=None,
        meta=request["metadata"],
    )


class Direct:
    """Starts workflows and waits for their results, in this process."""

    def __init__(self, client: Client, accepted: Accepted) -> None:
        self._client = client
        self._accepted = accepted

    async def empty(self, *, at_once: int, seconds: float, rate: float | None = None) -> Load:
        """Empty workflows, so many at a time, or begun so many times a second."""

        async def one(_: str) -> bool:
            await self._client.execute_workflow(
                empty.Empty.run,
                id=f"empty/{new_id(Prefix.CHECKOUT)}",
                task_queue=empty.TASK_QUEUE,
                task_timeout=TASK_TIMEOUT,
            )
            return True

        if rate is not None:
            return await pace(one, lambda: "", rate=rate, seconds=seconds)
        return await keep_up(one, lambda: "", at_once=at_once, seconds=seconds)

    async def accepted(self, *, seconds: float, rate: float | None = None) -> list[str]:
        """Ids of checkouts for so many seconds."""
        return await self._accepted.rows(int((MOST if rate is None else rate + 1) * seconds) + 2)

    async def checkouts(
        self, ids: list[str], *, at_once: int, seconds: float, rate: float | None = None
    ) -> Load:
        """Straight checkouts, so many at a time, or begun so many times a second; takes their `ids`."""

        async def one(checkout_id: str) -> bool:
            result = await self.start(checkout_id)
            return bool(result.status == "succeeded")

        if rate is not None:
            return await pace(one, ids.pop, rate=rate, seconds=seconds)
        return await keep_up(one, ids.pop, at_once=at_once, seconds=seconds)

    async def history(self) -> tuple[int, int]:
        """Events and bytes in the history of one straight checkout."""
        [checkout_id] = await self._accepted.rows(1)
        await self.start(checkout_id)
        history = await self._client.get_workflow_handle(f"checkout/{checkout_id}").fetch_history()
        return len(history.events), sum(event.ByteSize() for event in history.events)

    async def start(self, checkout_id: str) -> Any:
        """Run it as the API would, to its end."""
        return await self._client.execute_workflow(
            Checkout.run,
            CheckoutInput(checkout_id=checkout_id),
            id=f"checkout/{checkout_id}",
            task_queue=TASK_QUEUE,
            task_timeout=TASK_TIMEOUT,
            search_attributes=at_start(
                merchant_id=self._accepted.merchant_id, amount=AMOUNT, currency=CURRENCY
            ),
            static_summary=f"{to_major(AMOUNT, CURRENCY)} {CURRENCY}",
        )


async def pace(
    one: Callable[[str], Awaitable[bool]], task: Callable[[], str], *, rate: float, seconds: float
) -> Load:
    """Begin `one` so many times a second, for so long; all are waited for."""
    latencies: list[float] = []
    wrong = 0
    began = time.monotonic()

    async def timed(subject: str, due: float) -> None:
        nonlocal wrong
        wrong += not await one(subject)
        latencies.append(time.perf_counter() - due)

    async with asyncio.TaskGroup() as running:
        due = time.perf_counter()
        while time.monotonic() < began + seconds:
            running.create_task(timed(task(), due))
            due += 1 / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
    return Load(time.monotonic() - began, len(latencies), wrong, sorted(latencies))


async def keep_up(
    one: Callable[[str], Awaitable[bool]], task: Callable[[], str], *, at_once: int, seconds: float
) -> Load:
    """Do `one` after the other, so many at a time, for so long; what has begun is finished, and counted."""
    latencies: list[float] = []
    wrong = 0
    began = time.monotonic()
    until = began + seconds

    async def line() -> None:
        nonlocal wrong
        while time.monotonic() < until:
            try:
                subject = task()
            except IndexError:
                return
            start = time.perf_counter()
            wrong += not await one(subject)
            latencies.append(time.perf_counter() - start)

    await asyncio.gather(*(line() for _ in range(at_once)))
    return Load(time.monotonic() - began, len(latencies), wrong, sorted(latencies))
