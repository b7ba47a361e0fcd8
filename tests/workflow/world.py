"""A small world around the real workflows, activities and database: scripted gateways, a clock that skips.

Accounts: `card-a` and `card-b` have keys and a fence, `momo` and `momo-b` have neither; `mute` is like
`card-a`, but cannot be asked.
"""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func
from sqlmodel import col, select
from temporalio.api.enums.v1 import EventType
from temporalio.api.testservice.v1 import LockTimeSkippingRequest, UnlockTimeSkippingRequest
from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

from activities.context import Context
from activities.messages import Compensated
from activities.screening import screener_of
from config.draining import drained
from config.settings import Settings
from config.temporal import DATA_CONVERTER
from domain.capabilities import Account, Capabilities
from domain.checkout import CaptureMethod, CheckoutStatus, MethodType
from domain.ids import Prefix, attempt_id, new_id
from gateways.registry import Accounts
from routing.country import BinTable
from routing.policy import Policy
from routing.router import Router
from storage import attempts, checkouts, merchants
from storage.database import Database
from storage.tables import Alert, Attempt, CheckoutEvent, Refund
from storage.tables import Checkout as CheckoutRow
from tests.patience import PATIENCE
from tests.workflow.bank import Bank, Effect
from tests.workflow.faulty_database import FaultyDatabase
from worker import GONE, WORKFLOWS, activity_methods
from workflows.abandoned_attempt import AbandonedAttempt
from workflows.checkout import Checkout
from workflows.messages import CheckoutInput, CheckoutResult, GatewayNews, WatchInput

AMOUNT = 12_500
_numbers = itertools.count(1)

IN_A_TASK = (EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED)
"""How a history ends while a workflow task is waiting or being worked on."""
IN_AN_ACTIVITY = (EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)


def _capabilities(name: str, *, keyed: bool) -> Capabilities:
    return Capabilities(
        name=name,
        display_name=name,
        methods=frozenset(MethodType),
        captures=frozenset(CaptureMethod),
        currencies=frozenset({"NGN", "UGX"}),
        mobile_money={"NGN": frozenset({""})},
        partial_capture=True,
        challenge=keyed,
        key_life=timedelta(hours=24) if keyed else None,
        fence=keyed,
        quiet_period=timedelta(minutes=5 if keyed else 10),
        authorization_life=timedelta(days=7),
        told_by_webhook=name == "mute",
    )


ACCOUNTS = {
    name: Account(name=name, capabilities=_capabilities(gateway, keyed=keyed), has_credentials=True)
    for name, gateway, keyed in (
        ("card-a", "card-a", True),
        ("card-b", "card-b", True),
        ("momo", "momo", False),
        ("momo-b", "momo-b", False),
        ("mute", "mute", True),
    )
}


TEST_SERVER = str(Path(sys.executable).with_name("temporal-test-server"))

LONGEST_SKIP = timedelta(days=5)


class NoAddresses:
    def by_ip(self, _text: str | None, /) -> str | None:
        return None


def settings(database_url: str, **changes: Any) -> Settings:
    """Production's durations, but a short backoff and watch, so that no test waits in real time."""
    values: dict[str, Any] = {
        "max_not_sent_retries": 1,
        "not_sent_backoff": 0.1,
        "unresolved_after": 1800,
        **changes,
    }
    return Settings(database_url=database_url, database_pool=5, **values)


@dataclass
class World:
    client: Client
    database: Database
    """The same database, for looking: without faults."""
    context: Context
    faults: FaultyDatabase
    """The database that the activities use."""
    banks: dict[str, Bank]
    merchant_id: str
    task_queue: str
    env: WorkflowEnvironment | None = None
    """The server whose time skips; None where time is real."""
    indexed: bool = False
    made: list[str] = field(default_factory=list)

    async def checkout(self, *, capture_method: str = "automatic", **changes: Any) -> str:
        """Insert a checkout as the API does, by default a card with a token at every account."""
        checkout_id = new_id(Prefix.CHECKOUT)
        token = f"tok_{checkout_id}"
        values: dict[str, Any] = {
            "id": checkout_id,
            "merchant_id": self.merchant_id,
            "idempotency_key": checkout_id,
            "request_digest": b"\0" * 32,
            "reference": None,
            "status": CheckoutStatus.PROCESSING,
            "amount": AMOUNT,
            "currency": "NGN",
            "capture_method": capture_method,
            "customer": {"email": "customer@example.com"},
            "payment_method": {"type": "card", "tokens": dict.fromkeys(ACCOUNTS, token)},
            "allow_redirect": False,
            "gateway_choice": None,
            "return_url": None,
            "notification_url": None,
            "meta": {},
            **changes,
        }
        async with self.database.transaction() as session:
            await checkouts.create(session, CheckoutRow(**values))
        self.made.append(checkout_id)
        return checkout_id

    async def start(self, checkout_id: str, **known: Any) -> WorkflowHandle[Checkout, CheckoutResult]:
        """`known`: of the run that was lost, as recovery starts it anew."""
        return await self.client.start_workflow(
            Checkout.run,
            CheckoutInput(checkout_id=checkout_id, indexed=self.indexed, **known),
            id=f"checkout/{checkout_id}",
            task_queue=self.task_queue,
            task_timeout=timedelta(seconds=10),
        )

    async def run(self, checkout_id: str, **known: Any) -> CheckoutStatus:
        """Start it and let time pass to its end."""
        return (await (await self.start(checkout_id, **known)).result()).status

    async def lose(self, handle: WorkflowHandle[Any, Any], *, at_rest: bool = False) -> None:
        """End this run as if Temporal had lost it.

        Between two of its tasks: the time-skipping server never skips again once a run has been terminated
        in the middle of one. `at_rest`: between its activities, too, which would still act for it.
        """
        await _until_not(handle, IN_A_TASK + IN_AN_ACTIVITY if at_rest else IN_A_TASK)
        await handle.terminate("lost")

    def watcher(self, checkout_id: str, number: int = 1) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(
            f"watch/{attempt_id(checkout_id, number)}", result_type=Compensated
        )

    async def news(
        self, handle: WorkflowHandle[Any, Any], checkout_id: str, number: int = 1, *, heard: bool = True
    ) -> None:
        """A webhook about this attempt has arrived.

        `heard`: the run knows of it. Where the time-skipping server leaps before, it can hand out a workflow
        task that nobody gets, and waits for ever.
        """
        await handle.signal("gateway_news", GatewayNews(attempt_id=attempt_id(checkout_id, number)))
        if heard:
            await _until_not(handle, (*IN_A_TASK, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED))

    async def compensated(self, checkout_id: str, number: int = 1) -> str:
        """Let time pass until the watcher of this attempt has ended, and tell what it says."""
        service = self.client.test_service
        await service.unlock_time_skipping(UnlockTimeSkippingRequest())
        result: Compensated = await _ended(self.watcher(checkout_id, number))
        await service.lock_time_skipping(LockTimeSkippingRequest())
        return result.result

    async def watch(self, checkout_id: str, *, account: str, number: int = 1) -> WorkflowHandle[Any, Any]:
        """Start a watcher by hand, as an operator may."""
        settings = self.context.settings
        return await self.client.start_workflow(
            AbandonedAttempt.run,
            WatchInput(
                checkout_id=checkout_id,
                attempt_id=attempt_id(checkout_id, number),
                account=account,
                intervals=settings.watch_intervals,
                watch_for=settings.watch_for,
                timeout=settings.look_up_timeout,
            ),
            id=f"watch/{attempt_id(checkout_id, number)}",
            task_queue=self.task_queue,
        )

    async def now(self) -> datetime:
        assert self.env is not None
        return await self.env.get_current_time()

    async def skip(self, duration: timedelta) -> None:
        """In steps: the server answers when all the work of the skipped time is done, but within a minute.

        Where the last run ends in a step, it may not answer at all: nothing is left to wait for.
        """
        assert self.env is not None
        while duration > timedelta(0):
            step = min(duration, LONGEST_SKIP)
            try:
                await self.env.sleep(step)
            except RPCError:
                if await self.anything_runs():
                    raise
                return
            duration -= step

    async def anything_runs(self) -> bool:
        """Whether a checkout of this world or a watcher of its attempts has not ended."""
        return any(each.status is WorkflowExecutionStatus.RUNNING for each in await self._runs())

    async def lengths(self) -> dict[str, int]:
        """Events of each run: of the checkouts of this world, and the watchers of their attempts."""
        return {each.id: each.history_length for each in await self._runs()}

    async def _runs(self) -> list[WorkflowExecutionDescription]:
        ids = [f"checkout/{each}" for each in self.made]
        ids += [f"watch/{attempt.id}" for each in self.made for attempt in await self.attempts(each)]
        found = []
        for each in ids:
            try:
                found.append(await self.client.get_workflow_handle(each).describe())
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
        return found

    async def row(self, checkout_id: str) -> CheckoutRow:
        async with self.database.transaction() as session:
            found = await checkouts.get(session, checkout_id)
        assert found is not None
        return found

    async def until(self, checkout_id: str, status: str, *, within: float = PATIENCE) -> CheckoutRow:
        """The row, once it has this status. Time is real here: nothing is skipped while nobody waits."""
        async with asyncio.timeout(within):
            while (row := await self.row(checkout_id)).status != status:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)
        return row

    async def until_told(self, checkout_id: str, kind: str, *, within: float = PATIENCE) -> None:
        """Returns once the timeline says so. Time is real here."""
        async with asyncio.timeout(within):
            while await self.told(checkout_id, kind) == 0:  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.02)

    async def attempts(self, checkout_id: str) -> Sequence[Attempt]:
        async with self.database.transaction() as session:
            return await attempts.of_checkout(session, checkout_id)

    async def become(self, attempt: str, status: str) -> None:
        """As if another process had written it."""
        async with self.database.transaction() as session:
            await attempts.change(session, attempt, status=status)

    async def statuses(self, checkout_id: str) -> list[str]:
        return [f"{attempt.account} {attempt.status}" for attempt in await self.attempts(checkout_id)]

    async def refunds(self, checkout_id: str) -> Sequence[Refund]:
        async with self.database.transaction() as session:
            return (await session.exec(select(Refund).where(col(Refund.checkout_id) == checkout_id))).all()

    async def alerts(self, subject: str) -> list[str]:
        async with self.database.transaction() as session:
            found = await session.exec(select(Alert.kind).where(col(Alert.subject).like(f"{subject}%")))
            return sorted(found)

    async def told(self, checkout_id: str, kind: str) -> int:
        """How often the timeline says so."""
        async with self.database.transaction() as session:
            found = await session.exec(
                select(func.count()).where(
                    col(CheckoutEvent.checkout_id) == checkout_id, col(CheckoutEvent.kind) == kind
                )
            )
            return int(found.one())

    def ledger(self, checkout_id: str, kind: str | None = None) -> list[tuple[str, Effect]]:
        """(account, effect): what the gateways did about a checkout."""
        body = checkout_id.removeprefix("co_")
        return [
            (account, effect)
            for account, bank in self.banks.items()
            for effect in bank.ledger
            if body in effect.reference and kind in (None, effect.kind)
        ]

    def worker(self, **options: Any) -> AbstractAsyncContextManager[None]:
        """A worker that runs workflows inside the sandbox: there their determinism is checked.

        On leaving it drops what it is at.
        """
        worker = Worker(
            self.client,
            task_queue=self.task_queue,
            workflows=WORKFLOWS,
            activities=activity_methods(self.context),
            graceful_shutdown_timeout=timedelta(0),
            **options,
        )
        return drained(worker, within=GONE)


async def _until_not(handle: WorkflowHandle[Any, Any], ends: Sequence[EventType.ValueType]) -> None:
    """Returns once the history ends with none of these events. Time is real here."""
    async with asyncio.timeout(PATIENCE):
        while (await handle.fetch_history()).events[-1].event_type in ends:  # noqa: ASYNC110 - a server's
            await asyncio.sleep(0.02)


async def _ended(handle: WorkflowHandle[Any, Any]) -> Any:
    """Its result. In skipped time the server's long poll may run out before the run ends: then again."""
    while True:
        try:
            return await handle.result()
        except RuntimeError as error:
            if "No completion event" not in str(error):
                raise


def new_context(
    database: Database, database_url: str, order: Sequence[str], banks: dict[str, Bank], **changes: Any
) -> Context:
    known = {name: ACCOUNTS[name] for name in order}
    chosen = settings(database_url, **changes)
    return Context(
        database=database,
        accounts=Accounts(known, banks),
        router=Router(known, Policy(default=tuple(order)), BinTable.of({}), NoAddresses()),
        settings=chosen,
        screener=screener_of(chosen),
    )


async def new_merchant(database: Database) -> str:
    async with database.transaction() as session:
        return (await merchants.create_merchant(session, f"merchant {next(_numbers)}")).id


@asynccontextmanager
async def world_on(
    client: Client,
    database_url: str,
    order: Sequence[str] = ("card-a", "card-b"),
    *,
    env: WorkflowEnvironment | None = None,
    indexed: bool = False,
    work: bool = True,
    **changes: Any,
) -> AsyncIterator[World]:
    """`order`: the accounts that every checkout is planned for. `changes`: settings."""
    banks = {
        name: Bank(keyed=ACCOUNTS[name].capabilities.fence, mute=ACCOUNTS[name].capabilities.told_by_webhook)
        for name in order
    }
    read = settings(database_url)
    faults = FaultyDatabase(read.sqlalchemy_url, pool_size=5, keys=read.keys)
    database = Database(read.sqlalchemy_url, pool_size=2, keys=read.keys)
    context = new_context(faults, database_url, order, banks, **changes)
    world = World(
        client=client,
        database=database,
        context=context,
        faults=faults,
        banks=banks,
        merchant_id=await new_merchant(database),
        task_queue=f"checkouts-{next(_numbers)}",
        env=env,
        indexed=indexed,
    )
    try:
        if work:
            async with world.worker():
                yield world
        else:
            yield world
    finally:
        await faults.aclose()
        await database.aclose()


@asynccontextmanager
async def skipping_world(database_url: str, order: Sequence[str], **changes: Any) -> AsyncIterator[World]:
    """As `world_on`, on a server of its own whose time skips: what one test lets pass passes in no other."""
    async with (
        await WorkflowEnvironment.start_time_skipping(
            test_server_existing_path=TEST_SERVER, data_converter=DATA_CONVERTER
        ) as env,
        world_on(env.client, database_url, order, env=env, **changes) as world,
    ):
        yield world
