"""A merchant with checkouts in a real database, and delivery runs on a real Temporal."""

import itertools
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlmodel import col, select
from temporalio.client import Client
from temporalio.worker import Worker

from activities.callback import Callbacks
from activities.notifying import Notifying
from api.outbox import start_due
from config.draining import drained
from config.settings import Settings
from domain.checkout import CheckoutStatus
from domain.ids import Prefix, new_id
from storage import checkouts, merchant_secrets, merchants, notifications
from storage.database import Database
from storage.tables import Alert, Checkout, Notification
from worker import GONE
from workflows.merchant_notification import MerchantNotification, notification_queue

_numbers = itertools.count(1)


@dataclass(frozen=True)
class World:
    database: Database
    settings: Settings
    merchant_id: str

    async def secrets(self) -> list[str]:
        async with self.database.transaction() as session:
            return list(await merchant_secrets.live(session, self.merchant_id))

    async def check_out(self, url: str | None, *statuses: CheckoutStatus, **values: Any) -> str:
        """A checkout that has gone through these statuses."""
        checkout = Checkout(
            id=new_id(Prefix.CHECKOUT),
            merchant_id=self.merchant_id,
            idempotency_key=secrets.token_hex(8),
            request_digest=b"",
            reference="order-1001",
            status=CheckoutStatus.PROCESSING,
            amount=12500,
            currency="NGN",
            capture_method="automatic",
            customer={"email": "customer@example.com", "phone": "+2348031234567"},
            payment_method={"type": "card", "tokens": {"stripe": "pm_secret"}},
            allow_redirect=True,
            gateway_choice=None,
            return_url=None,
            notification_url=url,
            meta={"cart": "42"},
        )
        async with self.database.transaction() as session:
            assert await checkouts.create(session, checkout)
        for each in statuses:
            await self.advance(checkout.id, each, **values)
        return checkout.id

    async def advance(self, checkout_id: str, status: CheckoutStatus, **values: Any) -> None:
        async with self.database.transaction() as session:
            await checkouts.advance(session, checkout_id, status, **values)

    async def outbox(self, checkout_id: str) -> list[Notification]:
        async with self.database.transaction() as session:
            return list(await notifications.of_checkout(session, checkout_id))

    async def only(self, checkout_id: str) -> Notification:
        (row,) = await self.outbox(checkout_id)
        return row

    async def alerts(self, subject: str) -> list[str]:
        async with self.database.transaction() as session:
            return list(await session.exec(select(Alert.kind).where(col(Alert.subject) == subject)))

    async def start(self, client: Client) -> int:
        """What the API does when it is woken."""
        return await start_due(self.database, client, self.settings)

    @asynccontextmanager
    async def workers(self, client: Client, callbacks: Callbacks | None = None) -> AsyncIterator[None]:
        async with self.runs(client), self.deliveries(client, callbacks):
            yield

    def runs(self, client: Client) -> AbstractAsyncContextManager[None]:
        """Workflows run in the sandbox: there their determinism is checked."""
        worker = Worker(client, task_queue=self.settings.task_queue, workflows=[MerchantNotification])
        return drained(worker, within=GONE)

    def deliveries(
        self, client: Client, callbacks: Callbacks | None = None
    ) -> AbstractAsyncContextManager[None]:
        """On leaving it drops what it is at."""
        notifying = Notifying(self.database, self.settings, callbacks)
        worker = Worker(
            client,
            task_queue=notification_queue(self.settings.task_queue),
            activities=[notifying.deliver_notification, notifying.give_up_notification],
            graceful_shutdown_timeout=timedelta(0),
        )
        return drained(worker, within=GONE)


@asynccontextmanager
async def new_world(database_url: str, **changes: Any) -> AsyncIterator[World]:
    number = next(_numbers)
    settings = Settings.model_validate(
        {"database_url": database_url, "task_queue": f"queue-{number}", "notification_timeout": 1} | changes
    )
    database = Database(settings.sqlalchemy_url, pool_size=3, keys=settings.keys)
    try:
        async with database.transaction() as session:
            merchant = await merchants.create_merchant(session, f"merchant {number} {secrets.token_hex(4)}")
        yield World(database, settings, merchant.id)
    finally:
        await database.aclose()
