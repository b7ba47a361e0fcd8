"""Deliver the notifications of the outbox, signed as the Standard Webhooks specification says.

webhook-id: evt_...          the same at every try: receivers recognise repeats by it
webhook-timestamp: seconds   of this try
webhook-signature: v1,...    one for each live secret of the merchant, parted by spaces
"""

import json
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from standardwebhooks import Webhook
from temporalio import activity

from activities.callback import Answer, Callbacks
from activities.errors import Gone, NotAcknowledged
from activities.messages import Delivered, DeliverNotification, Delivery
from config.settings import Settings
from storage import merchant_secrets, notifications
from storage.database import Database
from storage.events import alert, tell
from storage.tables import Notification

log = structlog.get_logger()

_JITTER: Final = 0.1
"""Pauses are this much longer or shorter by chance, so that what failed together does not return together."""
_chance = secrets.SystemRandom()


class Notifying:
    def __init__(self, database: Database, settings: Settings, callbacks: Callbacks | None = None) -> None:
        """`callbacks`: another way out than the one that the settings describe."""
        self._database = database
        self._intervals = settings.notification_intervals
        self._callbacks = callbacks or Callbacks(
            timeout=settings.notification_timeout, allow_loopback=settings.allow_loopback
        )

    @activity.defn
    async def deliver_notification(self, task: DeliverNotification) -> Delivered:
        """Send it and record the answer. Raises NotAcknowledged (to be retried) unless it was a 2xx or a 410.

        At least once: whoever is killed between the answer and the record sends again, under the same id.
        """
        async with self._database.transaction() as session:
            row = await notifications.get(session, task.notification_id)
            keys = () if row is None else await merchant_secrets.live(session, row.merchant_id)
        if row is None:
            raise Gone(task.notification_id)
        if row.delivered_at is not None:
            return Delivered(result=Delivery.DELIVERED)
        if row.gave_up_at is not None:
            return Delivered(result=Delivery.GAVE_UP)
        body = body_of(row)
        headers = {"Content-Type": "application/json", "User-Agent": "smartpay", **sign(row.id, body, keys)}
        answer = await self._callbacks.post(row.url, headers, body)
        await self._record(row, answer)
        if answer.acknowledged:
            return Delivered(result=Delivery.DELIVERED)
        if answer.gone:
            await self._give_up(row, "its address answered 410 Gone")
            return Delivered(result=Delivery.GONE)
        why = f"answered {answer.status}" if answer.fault is None else str(answer.fault)
        raise NotAcknowledged(why, pause=self._pause())

    @activity.defn
    async def give_up_notification(self, task: DeliverNotification) -> Delivered:
        """The time is over: note it and raise an alert. It can still be sent again by command."""
        async with self._database.transaction() as session:
            row = await notifications.get(session, task.notification_id)
        if row is None:
            raise Gone(task.notification_id)
        if row.delivered_at is not None:
            return Delivered(result=Delivery.DELIVERED)
        await self._give_up(row, f"not acknowledged in {row.attempts} attempts")
        return Delivered(result=Delivery.GAVE_UP)

    async def _record(self, row: Notification, answer: Answer) -> None:
        async with self._database.transaction() as session:
            await notifications.record_attempt(
                session,
                row.id,
                status=answer.status,
                fault=answer.fault,
                delivered=answer.acknowledged,
            )
        log.info(
            "notification.delivered" if answer.acknowledged else "notification.refused",
            notification=row.id,
            checkout=row.checkout_id,
            type=row.type,
            status=answer.status,
            fault=answer.fault,
        )

    async def _give_up(self, row: Notification, why: str) -> None:
        async with self._database.transaction() as session:
            if not await notifications.give_up(session, row.id):
                return
            await alert(
                session, "notification.undeliverable", row.id, f"{row.type} of {row.checkout_id}: {why}"
            )
            tell(session, row.checkout_id, "notification.undeliverable", notification=row.id, type=row.type)
        log.warning("notification.undeliverable", notification=row.id, checkout=row.checkout_id)

    def _pause(self) -> timedelta:
        seconds = self._intervals[min(activity.info().attempt, len(self._intervals)) - 1]
        return timedelta(seconds=seconds * _chance.uniform(1 - _JITTER, 1 + _JITTER))


def body_of(row: Notification) -> bytes:
    moment = row.created_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    event = {
        "id": row.id,
        "type": row.type,
        "timestamp": f"{moment}Z",
        "sequence": row.sequence,
        "data": row.data,
    }
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()


def sign(notification_id: str, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The three headers of the specification."""
    now = datetime.now(UTC)
    signatures = (Webhook(key).sign(notification_id, now, body.decode()) for key in keys)
    return {
        "webhook-id": notification_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
