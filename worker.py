"""The worker: the composition root of everything that runs inside workflows and activities.

    python worker.py

Start as many as you like. SIGTERM drains it: running activities end, nothing new is taken.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.attempting import Attempting
from activities.capturing import Capturing
from activities.compensating import Compensating
from activities.context import Context
from activities.disputing import Disputing
from activities.finishing import Finishing
from activities.notifying import Notifying
from activities.planning import Planning
from activities.refund_checking import RefundChecking
from activities.refunding import Refunding
from config import logging as logs
from config.keys import BadKeys
from config.settings import Settings
from config.temporal import connect, register_search_attributes
from gateways.registry import BadAccounts, load_accounts
from routing.country import open_tables
from routing.country_map import BadCountryMap, load_country_map
from routing.datasets import BadDataset
from routing.router import Router
from storage.audit_sealing import Sealer
from storage.database import Database
from workflows.abandoned_attempt import AbandonedAttempt
from workflows.checkout import Checkout
from workflows.dispute import Dispute
from workflows.dispute_scan import DisputeScan
from workflows.merchant_notification import MerchantNotification, notification_queue
from workflows.refund import Refund
from workflows.refund_check import RefundCheck
from workflows.search_attributes import NAMES

log = structlog.get_logger()

WORKFLOWS: Sequence[type] = (
    Checkout,
    AbandonedAttempt,
    Refund,
    RefundCheck,
    Dispute,
    DisputeScan,
    MerchantNotification,
)

DRAIN = timedelta(seconds=30)
"""How long running activities may take after SIGTERM."""
NOTIFICATIONS_AT_ONCE = 50


def build_context(settings: Settings) -> Context:
    """Raises BadAccounts, BadCountryMap, BadDataset or BadKeys: with a wrong configuration nothing starts."""
    accounts = load_accounts(os.environ)
    if accounts.longest_call >= settings.charge_timeout:
        # The activity would be given up, and started again, while its call is still on the way.
        raise BadAccounts(
            f"CHARGE_TIMEOUT is {settings.charge_timeout:g} s, but a gateway call may take"
            f" {accounts.longest_call:g} s (connect plus read time-out); it must be longer"
        )
    tables = open_tables(settings.datasets_dir, settings.geo_database)
    country_map = load_country_map(settings.countries_file, accounts.known)
    return Context(
        database=Database(
            settings.sqlalchemy_url,
            pool_size=settings.database_pool,
            keys=settings.required_keys,
            program="smartpay worker",
        ),
        accounts=accounts,
        router=Router(accounts.known, country_map, tables.bins, tables.geo),
        settings=settings,
    )


def activity_methods(context: Context) -> list[Callable[..., Any]]:
    attempting, capturing, refunding = Attempting(context), Capturing(context), Refunding(context)
    disputing = Disputing(context)
    return [
        Planning(context).plan_checkout,
        attempting.send_attempt,
        attempting.look_up_attempt,
        attempting.close_attempt,
        capturing.capture_attempt,
        capturing.void_attempt,
        Compensating(context, refunding).compensate_attempt,
        refunding.carry_out_refund,
        RefundChecking(context).check_refunds,
        disputing.look_up_disputes,
        disputing.find_disputes,
        Finishing(context).finish_checkout,
    ]


def build_worker(client: Client, context: Context) -> Worker:
    return Worker(
        client,
        task_queue=context.settings.task_queue,
        workflows=WORKFLOWS,
        activities=activity_methods(context),
        # The sandbox costs a quarter of the throughput; tests run every workflow inside it and replay all
        # recorded histories, which is where its checks belong (docs/decisions/0003).
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_cached_workflows=1000,
        max_concurrent_activities=100,
        max_concurrent_local_activities=100,
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=context.settings.sticky_queue_timeout),
        graceful_shutdown_timeout=DRAIN,
    )


def build_notifier(client: Client, context: Context) -> Worker:
    """Deliveries to merchants, on a queue of their own: slow servers of theirs hold up no charge."""
    notifying = Notifying(context.database, context.settings)
    return Worker(
        client,
        task_queue=notification_queue(context.settings.task_queue),
        activities=[notifying.deliver_notification, notifying.give_up_notification],
        max_concurrent_activities=NOTIFICATIONS_AT_ONCE,
        graceful_shutdown_timeout=DRAIN,
    )


async def main() -> None:
    settings = Settings()
    logs.configure(settings)
    if settings.metrics_port is not None:
        metrics = PrometheusConfig(bind_address=f"127.0.0.1:{settings.metrics_port}")
        Runtime.set_default(Runtime(telemetry=TelemetryConfig(metrics=metrics)))
    try:
        context = build_context(settings)
    except (BadAccounts, BadCountryMap, BadDataset, BadKeys) as error:
        sys.exit(f"The worker does not start: {error}")
    client = await connect(settings)
    await register_search_attributes(client, NAMES)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    sealing = asyncio.create_task(
        Sealer(context.database, settings.required_keys).run(), name="audit sealing"
    )
    try:
        async with build_notifier(client, context), build_worker(client, context):
            log.info(
                "worker.started", task_queue=settings.task_queue, accounts=sorted(context.accounts.known)
            )
            await stop.wait()
            log.info("worker.draining", seconds=DRAIN.total_seconds())
    finally:
        sealing.cancel()
        await asyncio.gather(sealing, return_exceptions=True)
        await context.accounts.aclose()
        await context.database.aclose()
    log.info("worker.stopped")


if __name__ == "__main__":
    asyncio.run(main())
