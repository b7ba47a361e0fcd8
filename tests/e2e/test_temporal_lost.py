"""Temporal's data is gone while checkouts are under way, and it comes back empty (T3).

What each was about is in PostgreSQL: every one goes on by itself and reaches its end, and by the gateways'
own ledgers nobody is charged twice. On a stack of its own, since it destroys Temporal's data.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import asyncpg
import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from devstack.ports import Ports
from devstack.stack import TASK_QUEUE, Stack
from domain.ids import attempt_id
from sandbox.client import SandboxClient
from tests.e2e.load import by_reference, judged, sent_twice
from tests.e2e.requests import DECLINED, card, challenged, nigerian_card, page
from tests.live import Customer, Json, Shop, eventually, new_key, story
from workflows.reconcile_schedule import schedule_id

SETTINGS: Final = {"RECOVER_AFTER": 8, "WATCH_INTERVALS": [1, 2, 5], "DISPUTE_SCAN_INTERVAL": 3}


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    directory = tmp_path_factory.mktemp("temporal-lost")
    async with Stack(directory, ports=Ports.free(), settings_overrides=SETTINGS) as running:
        yield running


@dataclass
class Case:
    """One checkout: how it stands when the data is lost, and what has to become of it."""

    request: Json
    stands: str
    """Its attempts in the database at the loss."""
    accounts: tuple[str, ...] = ("stripe",)
    """Who was asked in the end."""
    status: str = "succeeded"
    fault: str | None = None
    """Of the last account's charge that is sent before the loss."""
    refunded: bool = False
    checkout: Json = field(default_factory=dict)

    @property
    def id(self) -> str:
        return str(self.checkout["id"])

    @property
    def attempts(self) -> list[str]:
        """Those at the loss."""
        return [attempt_id(self.id, number) for number in range(1, self.stands.count(";") + 2)]


def cases() -> dict[str, Case]:
    nigerian = ("flutterwave",)
    link = page(650_000, currency="NGN", country="NG")
    pending = nigerian_card(flutterwave="flw-t1nf-pending")
    return {
        "paid": Case(card(1100), "stripe captured", refunded=True),
        "being refunded": Case(card(1200), "stripe captured", refunded=True),
        "disputed": Case(nigerian_card(), "flutterwave captured", nigerian),
        "answer lost, keys": Case(card(1300), "stripe unknown", fault="timeout_after"),
        "answer lost, no keys": Case(nigerian_card(), "flutterwave unknown", nigerian, fault="timeout_after"),
        "never arrived, keys": Case(card(1400), "stripe unknown", fault="timeout_before"),
        "never arrived, no keys": Case(
            nigerian_card(), "flutterwave unknown", ("flutterwave", "paystack"), fault="timeout_before"
        ),
        "never arrived, canceled": Case(
            nigerian_card(), "flutterwave unknown", nigerian, fault="timeout_before", status="canceled"
        ),
        "failed over, answer lost": Case(
            card(1500, stripe=DECLINED),
            "stripe declined; flutterwave unknown",
            ("stripe", "flutterwave"),
            fault="timeout_after",
        ),
        "3-D Secure": Case(challenged(), "stripe requires_action"),
        "3-D Secure, canceled": Case(challenged(), "stripe requires_action", status="canceled"),
        "page": Case(link, "flutterwave pending", nigerian),
        "pending": Case(pending, "flutterwave pending", nigerian),
        "left behind": Case(pending, "flutterwave pending", nigerian, status="canceled"),
        "authorized": Case(card(1600, capture_method="manual"), "stripe authorized"),
        "being captured": Case(card(1650, capture_method="manual"), "stripe authorized"),
    }


async def test_every_checkout_goes_on_from_postgresql(
    stack: Stack,
    shop: Shop,
    customer: Customer,
    sandbox: SandboxClient,
    database: asyncpg.Connection,
) -> None:
    every = cases()
    await begin(stack, shop, sandbox, every)
    await as_they_stand(every, database)
    refund, disputed = every["being refunded"], every["disputed"]
    await command(shop, every["left behind"], "cancel")
    await shop.until(every["left behind"].id, "canceled")
    await sandbox.fault("stripe", "refund", "timeout_after", count=1, reference=refund.attempts[0])
    await sandbox.fault("stripe", "lookup", "error_before")  # or it would be found before the loss
    assert (await ask_back(shop, refund))["status"] == "pending"
    asked = await command(shop, every["never arrived, canceled"], "cancel")
    assert asked["status"] == "processing", "it is not known yet what became of the charge"
    captured = every["being captured"]
    await sandbox.fault("stripe", "capture", "timeout_before", reference=captured.attempts[0])
    assert (await command(shop, captured, "capture"))["status"] == "requires_capture"
    worker = stack.pids["worker"]

    async with stack.down("temporal"):
        for file in stack.data_dir.glob("temporal.db*"):
            file.unlink()
        await as_they_stand(every, database)
        await sandbox.clear_faults()

    temporal = await Client.connect(stack.temporal_address)
    assert not await known(temporal, f"checkout/{every['paid'].id}"), "the data is gone"

    # Nobody waits until everything is well again.
    await sandbox.settle(every["pending"].attempts[0], "paid")
    await sandbox.settle(every["left behind"].attempts[0], "paid")
    await sandbox.dispute(disputed.attempts[0], outcome="won")
    for title in ("3-D Secure", "page"):
        await customer.pay(await shop.get(every[title].id))
    await asyncio.gather(
        command(shop, every["authorized"], "capture"),
        command(shop, every["3-D Secure, canceled"], "cancel"),
        ask_back(shop, every["paid"]),
    )

    ended = {title: await shop.until(case.id, case.status) for title, case in every.items()}
    for title in (title for title, case in every.items() if case.refunded):
        ended[title] = await refunded(shop, every[title])
    await eventually("late money is back", lambda: given_back(sandbox, every["left behind"].attempts[0]))
    await eventually("the dispute is followed", lambda: dispute_won(shop, disputed.id))
    await judge(every, ended, sandbox)
    open_at_the_loss = {case.id for case in every.values() if "captured" not in case.stands}
    assert await restarted(database) == open_at_the_loss - {every["left behind"].id}

    # What the namespace has to have besides runs.
    await eventually("reconciliation is planned", lambda: planned(temporal))
    assert stack.pids["worker"] == worker, "it went on by itself"
    late = await shop.check_out(card(1700), wait=20)
    assert late["status"] == "succeeded"


async def begin(stack: Stack, shop: Shop, sandbox: SandboxClient, every: dict[str, Case]) -> None:
    """Post them all while no worker runs, so that faults can name their attempts before they are sent."""
    async with stack.down("worker"):
        for case in every.values():
            case.checkout = await shop.check_out(case.request, wait=0)
            if case.fault is not None:
                gateway = case.accounts[len(case.attempts) - 1]
                for operation, fault in (("charge", case.fault), ("lookup", "error_before")):
                    await sandbox.fault(gateway, operation, fault, reference=case.attempts[-1])


async def as_they_stand(every: dict[str, Case], database: asyncpg.Connection) -> None:
    """Until every checkout has come as far as it shall have at the loss."""
    stands = (
        "SELECT string_agg(account || ' ' || status, '; ' ORDER BY number) FROM attempts"
        " WHERE checkout_id = $1"
    )
    for title, case in every.items():

        async def as_wanted(case: Case = case) -> bool:
            return bool(await database.fetchval(stands, case.id) == case.stands)

        await eventually(f"{title}: {case.stands}", as_wanted)


async def ask_back(shop: Shop, case: Case) -> Json:
    """All of the money."""
    answer = await shop.http.post(
        f"/v1/checkouts/{case.id}/refunds",
        json={},
        headers={"Idempotency-Key": new_key(), "Prefer": "wait=1"},
    )
    assert answer.status_code == 201, answer.text
    accepted: Json = answer.json()
    return accepted


async def command(shop: Shop, case: Case, name: str) -> Json:
    """As a shop does it: while there is no run that could take it, it is told so and tries again."""

    async def done() -> Json | None:
        answer = await shop.http.post(f"/v1/checkouts/{case.id}/{name}", headers={"Prefer": "wait=1"})
        if answer.is_success:
            result: Json = answer.json()
            return result
        assert answer.status_code in (409, 503), answer.text
        assert answer.json()["code"] in ("in_progress", "unavailable"), answer.text
        return None

    return await eventually(f"{name} is taken", done, every=0.5)


async def refunded(shop: Shop, case: Case) -> Json:
    """The checkout, once all of its money is back."""

    async def back() -> Json | None:
        found = await shop.get(case.id)
        return found if found["amount_refunded"] == found["amount_captured"] else None

    return await eventually("the refund is made", back)


async def given_back(sandbox: SandboxClient, reference: str) -> bool:
    return "refund" in {row["kind"] for row in await sandbox.ledger(reference=reference)}


async def dispute_won(shop: Shop, checkout: str) -> bool:
    return [each["status"] for each in (await shop.get(checkout))["disputes"]] == ["won"]


async def judge(every: dict[str, Case], ended: dict[str, Json], sandbox: SandboxClient) -> None:
    """By the ledgers: one capture each, what was given back was so once, and nothing belongs to nobody."""
    ledger = by_reference(await sandbox.ledger())
    charges = by_reference([row for row in await sandbox.requests() if row["operation"] == "charge"])
    problems: list[str] = []
    for title, case in every.items():
        checkout = ended[title]
        if case.refunded or title == "left behind":
            [reference] = case.attempts
            kinds = [row["kind"] for row in ledger[reference]]
            wrong = [] if kinds == ["capture", "refund"] else [f"its ledger has {kinds}"]
        else:
            wrong = judged(checkout, ledger, status=case.status)
        wrong += sent_twice(checkout, charges)
        asked = tuple(attempt["account"] for attempt in checkout["attempts"])
        if asked != case.accounts:
            wrong.append(f"asked {asked}")
        problems += [f"{title}: {each}: {story(checkout)}" for each in wrong]
    assert not problems, "\n".join(problems)
    ours = {attempt["id"] for checkout in ended.values() for attempt in checkout["attempts"]}
    assert ledger.keys() <= ours, "money that no attempt of ours has"


async def restarted(database: asyncpg.Connection) -> set[str]:
    rows = await database.fetch(
        "SELECT checkout_id FROM checkout_events WHERE kind = 'checkout.run_restarted'"
    )
    return {row["checkout_id"] for row in rows}


async def known(temporal: Client, run: str) -> bool:
    try:
        await temporal.get_workflow_handle(run).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def planned(temporal: Client) -> bool:
    try:
        await temporal.get_schedule_handle(schedule_id(TASK_QUEUE)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True
