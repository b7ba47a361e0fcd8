"""What waits, for Prometheus. It is the installation's: every API process tells the same."""

import asyncio
from collections.abc import Iterator
from typing import Final

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from storage.backlog import Backlog, backlog
from storage.database import Database

log = structlog.get_logger()

EVERY: Final = 15.0
"""Seconds between counts: as often as Prometheus usually asks."""


class BacklogCollector(Collector):
    def __init__(self) -> None:
        self.known = Backlog()

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Reads what was counted last: no query."""
        known = self.known
        alerts = GaugeMetricFamily(
            "smartpay_alerts_open", "Alerts that nobody has acknowledged.", labels=["kind"]
        )
        for kind, number in known.alerts.items():
            alerts.add_metric([kind], number)
        yield alerts
        yield GaugeMetricFamily(
            "smartpay_webhooks_waiting", "Webhooks whose run is not told yet.", value=known.webhooks
        )
        yield GaugeMetricFamily(
            "smartpay_webhooks_oldest_seconds", "How long the oldest of them waits.", value=known.webhook_age
        )
        yield GaugeMetricFamily(
            "smartpay_notifications_waiting",
            "Notifications whose delivery has not begun.",
            value=known.notifications,
        )


async def count_for_ever(database: Database, registry: CollectorRegistry) -> None:
    """Until cancelled."""
    collector = BacklogCollector()
    registry.register(collector)
    try:
        while True:
            try:
                async with database.transaction() as session:
                    collector.known = await backlog(session)
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("backlog.not_counted", error=type(error).__name__)
            await asyncio.sleep(EVERY)
    finally:
        registry.unregister(collector)
