"""Alerts on their way to people: Slack, e-mail, Teams, PagerDuty, ... by the URLs of `ALERT_URLS`.

The URLs are those of Apprise (https://appriseit.com/services/). Every worker looks every few seconds and
claims what is due in PostgreSQL, so that many share the work. At least once: whoever is killed between the
sending and the record is followed by another, who sends it again. What comes together leaves as one message.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple

import apprise
import structlog
from sqlalchemy.exc import SQLAlchemyError

from config.settings import Settings
from storage import alert_deliveries
from storage.alert_deliveries import Claimed
from storage.database import Database

log = structlog.get_logger()

EVERY: Final = 2.0
"""Seconds between two looks."""
LEASE: Final = 120.0
"""Seconds for sending what was claimed, before another worker tries. Apprise gives up after some ten."""
AT_ONCE: Final = 20
"""Alerts in one message, at most."""
_PAUSES: Final = (5.0, 15.0, 60.0, 300.0, 900.0)
"""Seconds until the next try; the last one repeats."""
_SHOWN: Final = 8
"""Hexadecimal digits of a target's digest that tell two targets of one kind apart."""


class BadAlertUrls(ValueError):
    """One of the URLs is none that Apprise knows. The message tells its place: it may hold a password."""


class NotTaken(Exception):
    """The service has not taken a message."""


class Target(NamedTuple):
    name: str
    """What it is called in the database and on the alerts page: its kind and a digest, never the URL."""
    url: str


class AlertDelivery:
    def __init__(self, database: Database, targets: Sequence[Target], public_url: str) -> None:
        self._database = database
        self._targets = targets
        self._page = f"{public_url.rstrip('/')}/admin/alerts"

    async def for_ever(self) -> None:
        """Until cancelled; at once where nobody is to be told."""
        while self._targets:
            try:
                await self.deliver_due()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("alerts.not_delivered", error=type(error).__name__)
            await asyncio.sleep(EVERY)

    async def deliver_due(self) -> None:
        """Everything that is due now, to each target. Raises SQLAlchemyError, OSError."""
        async with self._database.transaction() as session:
            await alert_deliveries.enqueue(session, [target.name for target in self._targets])
        await asyncio.gather(*(self._deliver_to(target) for target in self._targets))

    async def _deliver_to(self, target: Target) -> None:
        while True:
            async with self._database.transaction() as session:
                claimed = await alert_deliveries.claim(session, target.name, lease=LEASE, limit=AT_ONCE)
            if not claimed:
                return
            try:
                await asyncio.to_thread(send, target.url, *self._message(claimed))
            except NotTaken as error:
                log.warning("alert.not_taken", target=target.name, alerts=len(claimed), why=str(error))
                pause = _PAUSES[min(min(each.attempts for each in claimed), len(_PAUSES)) - 1]
                async with self._database.transaction() as session:
                    await alert_deliveries.put_off(session, target.name, claimed, pause=pause, why=str(error))
                return
            async with self._database.transaction() as session:
                await alert_deliveries.mark_delivered(session, target.name, claimed)
            log.info("alert.delivered", target=target.name, alerts=[each.alert_id for each in claimed])

    def _message(self, claimed: Sequence[Claimed]) -> tuple[str, str]:
        """Title and text."""
        first = claimed[0]
        title = f"smartpay: {first.kind}" if len(claimed) == 1 else f"smartpay: {len(claimed)} alerts"
        lines = [f"{each.kind} ({each.subject}): {each.message}" for each in claimed]
        return title, "\n".join([*lines, "", self._page])


def targets_of(settings: Settings) -> Sequence[Target]:
    """Raises BadAlertUrls."""
    urls = [] if settings.alert_urls is None else settings.alert_urls.get_secret_value().split()
    targets: list[Target] = []
    for number, url in enumerate(urls, 1):
        if not apprise.Apprise(asset=_asset()).add(url):
            raise BadAlertUrls(f"ALERT_URLS: number {number} is no address that Apprise knows")
        kind = url.partition(":")[0].lower()
        targets.append(Target(f"{kind}-{hashlib.sha256(url.encode()).hexdigest()[:_SHOWN]}", url))
    return tuple(dict.fromkeys(targets))


def send(url: str, title: str, text: str) -> None:
    """Send one message and wait for the answer. Raises NotTaken. Not for the event loop."""
    service = apprise.Apprise(asset=_asset())
    service.add(url)
    result = service.notify(
        text,
        title=title,
        notify_type=apprise.NotifyType.WARNING,
        body_format=apprise.NotifyFormat.TEXT,
    )
    if not result:
        # Its log would say more, and might repeat the URL.
        raise NotTaken(result.status.name.lower())


def _asset() -> apprise.AppriseAsset:
    return apprise.AppriseAsset(app_id="smartpay", async_mode=False, secure_logging=True)
