"""The worker: the composition root of everything that runs inside workflows and activities.

    python worker.py

Start as many as you like. SIGTERM drains it: running activities end, nothing new is taken.
"""

import config.quiet_imports  # noqa: F401

# isort: split

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog
import uvloop
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities import measuring
from activities.account_health import account_health
from activities.alert_delivery import AlertDelivery, BadAlertUrls, targets_of
from activities.attempting import Attempting
from activities.capturing import Capturing
from activities.compensating import Compensating
from activities.context import Context
from activities.disputing import Disputing
from activities.finishing import Finishing
from activities.notifying import Notifying
from activities.planning import Planning
from activities.policy_in_force import PolicyInForce
from activities.reconciling import Reconciling
from activities.refund_checking import RefundChecking
from activities.refunding import Refunding
from activities.screening import screener_of
from config import logging as logs
from config import tracing
from config.draining import drained
from config.keys import BadKeys
from config.settings import Settings
from config.temporal import connect, register_search_attributes
from gateways.registry import BadAccounts, load_accounts
from routing.country_map import BadCountryMap
from routing.data_files import DataFiles
from routing.datasets import BadDataset
from routing.fees import BadFees
from routing.policy_files import BadPolicyFile, load_policy
from screening.rules import BadScreeningRules
from storage.audit_sealing import Sealer
from storage.database import Database
from workflows.abandoned_attempt import AbandonedAttempt
from workflows.checkout import Checkout
from workflows.dispute import Dispute
from workflows.dispute_scan import DisputeScan
from workflows.merchant_notification import MerchantNotification, notification_queue
from workflows.reconcile_schedule import keep_schedule
from workflows.reconciliation import Reconcile, ReconcileAll
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
    Reconcile,
    ReconcileAll,
)

DRAIN = timedelta(seconds=30)
"""How long running activities may take after SIGTERM."""
GONE = DRAIN + timedelta(seconds=5)
"""When the process ends after SIGTERM, whatever still runs: before it is killed (`stop_grace_period` in
docker-compose.yml, `terminationGracePeriodSeconds` in deploy/kubernetes/worker.yaml)."""
ACTIVITIES_AT_ONCE = 100
CALLS_OF_AN_ACCOUNT = 400
"""Activities that wait for one account's gateway: the 200 connections of its pool (`gateways/transport.py`),
and as many that wait for one of those until they are given up. Each account brings places of its own, so that
a slow gateway takes none from the others. A waiting call is a coroutine: it costs kilobytes."""
NOTIFICATIONS_AT_ONCE = 50
PREPARED_EVERY = 15.0
"""Seconds. While the search attributes are missing no checkout starts."""


def build_context(settings: Settings) -> Context:
    """Raises BadAccounts, BadCountryMap, BadPolicyFile, BadDataset, BadFees, BadScreeningRules
    or BadKeys: a wrong configuration."""
    accounts = load_accounts(os.environ)
    if accounts.longest_call >= settings.charge_timeout:
        # The activity would be given up, and started again, while its call is still on the way.
        raise BadAccounts(
            f"CHARGE_TIMEOUT is {settings.charge_timeout:g} s, but a gateway call may take"
            f" {accounts.longest_call:g} s (connect plus read time-out); it must be longer"
        )
    files = DataFiles(settings.datasets_dir, settings.geo_database, settings.bin_database)
    policy = load_policy(settings.countries_file, settings.overrides_file, accounts.known)
    health = account_health(settings, accounts.known)
    return Context(
        database=Database(
            settings.sqlalchemy_url,
            pool_size=settings.database_pool,
            keys=settings.required_keys,
            program="smartpay worker",
        ),
        accounts=accounts,
        router=PolicyInForce(accounts.known, policy, files, health.heed),
        settings=settings,
        screener=screener_of(settings),
        health=health,
    )


def activity_methods(context: Context) -> list[Callable[..., Any]]:
    attempting, capturing, refunding = Attempting(context), Capturing(context), Refunding(context)
    reconciling = Reconciling(context)
    disputing = Disputing(context)
    planning = Planning(context)
    return [
        planning.plan_checkout,
        planning.choose_account,
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
        reconciling.list_reconcilable,
        reconciling.begin_reconciliation,
        reconciling.reconcile_listed,
        reconciling.reconcile_unlisted,
        reconciling.reconcile_breaks,
        reconciling.end_reconciliation,
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
        max_concurrent_activities=ACTIVITIES_AT_ONCE + CALLS_OF_AN_ACCOUNT * len(context.accounts.known),
        max_concurrent_local_activities=100,
        # Half of them ask the common queue, where new runs and those of a dead worker wait. By the SDK's own
        # ratio one of five does, and after a kill fifty runs stood in line for seconds behind it.
        max_concurrent_workflow_task_polls=8,
        nonsticky_to_sticky_poll_ratio=0.5,
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


async def follow_policy(context: Context) -> None:
    """Until cancelled."""
    if isinstance(context.router, PolicyInForce):
        await context.router.keep(context.database, context.settings.database_url)


async def known_policy(context: Context, stop: asyncio.Event) -> bool:
    """Wait until the policy has been read: by that of the files nothing is planned. False: told to stop."""
    if isinstance(context.router, PolicyInForce):
        waiting = [asyncio.create_task(event.wait()) for event in (context.router.known, stop)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
    return not stop.is_set()


def measured(host: str, port: int) -> Runtime:
    """Serves the SDK's metrics and ours there."""
    metrics = PrometheusConfig(
        bind_address=f"{host}:{port}",
        histogram_bucket_overrides={measuring.RESOLUTION: measuring.RESOLUTION_BUCKETS},
    )
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))


async def prepare_namespace(client: Client, settings: Settings, *, only_missing: bool = False) -> None:
    """What the namespace must know besides runs. Raises RPCError."""
    await register_search_attributes(client, NAMES)
    await keep_schedule(
        client,
        task_queue=settings.task_queue,
        every=settings.reconcile_every,
        only_missing=only_missing,
    )


async def keep_prepared(client: Client, settings: Settings) -> None:
    """Again and again: a server whose data was lost comes back without any of it (T3)."""
    while True:
        await asyncio.sleep(PREPARED_EVERY)
        try:
            await prepare_namespace(client, settings, only_missing=True)
        except RPCError as error:
            log.warning("worker.namespace_not_prepared", error=type(error).__name__)


async def main() -> None:
    gc.enable()
    settings = Settings()
    logs.configure(settings)
    tracing.start(settings, "smartpay-worker")
    if settings.metrics_port is not None:
        Runtime.set_default(measured(settings.metrics_host, settings.metrics_port))
    try:
        context = build_context(settings)
        alert_delivery = AlertDelivery(context.database, targets_of(settings), settings.public_url)
    except (
        BadAlertUrls,
        BadAccounts,
        BadCountryMap,
        BadPolicyFile,
        BadDataset,
        BadFees,
        BadScreeningRules,
        BadKeys,
    ) as error:
        sys.exit(f"The worker does not start: {error}")
    client = await connect(settings)
    await prepare_namespace(client, settings)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    beside = [
        asyncio.create_task(follow_policy(context), name="routing policy"),
        asyncio.create_task(
            context.health.keep(context.database, settings.database_url, learning=True),
            name="account health",
        ),
        asyncio.create_task(keep_prepared(client, settings), name="namespace"),
        asyncio.create_task(alert_delivery.for_ever(), name="alert delivery"),
        asyncio.create_task(Sealer(context.database, settings.required_keys).run(), name="audit sealing"),
    ]
    try:
        if await known_policy(context, stop):
            gc.collect()
            gc.freeze()  # what a start makes lives as long as the process: no collection looks at it again
            async with drained(build_notifier(client, context), build_worker(client, context), within=GONE):
                log.info(
                    "worker.started", task_queue=settings.task_queue, accounts=sorted(context.accounts.known)
                )
                await stop.wait()
                log.info("worker.draining", seconds=DRAIN.total_seconds())
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await context.accounts.aclose()
        await context.database.aclose()
    await asyncio.to_thread(tracing.stop)
    log.info("worker.stopped")


if __name__ == "__main__":
    uvloop.run(main())
