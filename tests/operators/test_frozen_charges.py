"""What a frozen switch does to running checkouts: the gateways' own books are the witness."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowHandle
from temporalio.testing import ActivityEnvironment

from activities.attempting import Attempting
from activities.messages import Kind, PlanCheckout, SendAttempt
from activities.planning import Planning
from domain.checkout import MethodType
from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.switches import EVERYTHING, Switch
from tests.operators.freezing import Hand
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import Play, approve, decline, lost, never, not_sent, then
from tests.workflow.world import World
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout

pytestmark = pytest.mark.usefixtures("switches_off")

BOTH = pytest.mark.parametrize("where", [EVERYTHING, "card-a"], ids=["everything", "account"])


def soft() -> Play:
    return decline(DeclineCategory.SOFT)


def freezing(world: World, switch: Switch, account: str = EVERYTHING) -> Callable[[], Awaitable[None]]:
    async def do() -> None:
        await Hand(world.database).freeze(switch, account)

    return do


def asked(world: World) -> dict[str, int]:
    """Charge requests that reached each gateway."""
    return {account: len(bank.charges) for account, bank in world.banks.items()}


async def details(handle: WorkflowHandle[Any, Any]) -> str:
    """What the Temporal web UI shows under "current details"."""
    metadata = await handle.query("__temporal_workflow_metadata", result_type=WorkflowMetadata)
    return str(metadata.current_details)


async def waiting(world: World, checkout: str) -> WorkflowHandle[Any, Any]:
    """The checkout's run, ten minutes after it met the freeze."""
    handle = await world.start(checkout)
    await world.skip(timedelta(minutes=10))
    assert (await world.row(checkout)).status == "processing"
    return handle


async def test_a_frozen_account_is_out_of_the_plan(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await Hand(world.database).freeze(Switch.CHARGES, "card-a")
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        routing = (await world.row(checkout)).routing or {}
        assert [(out["account"], out["reason"]) for out in routing["excluded"]] == [("card-a", "frozen")]
        assert asked(world) == {"card-a": 0, "card-b": 1}


async def test_an_account_frozen_after_the_plan_is_skipped_at_the_first_claim(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        checkout = await world.checkout()
        plan = Planning(world.context).plan_checkout
        await ActivityEnvironment().run(plan, PlanCheckout(checkout_id=checkout))
        await Hand(world.database).freeze(Switch.CHARGES, "card-a")
        assert await world.run(checkout) == "succeeded"
        assert asked(world) == {"card-a": 0, "card-b": 1}
        assert await world.statuses(checkout) == ["card-b captured"]
        assert await world.told(checkout, "account.skipped") == 1


async def test_an_account_frozen_meanwhile_is_skipped_at_failover(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b", "momo") as world:
        world.banks["card-a"].charge_script = [then(soft(), freezing(world, Switch.CHARGES, "card-b"))]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert asked(world) == {"card-a": 1, "card-b": 0, "momo": 1}


@BOTH
async def test_what_was_not_reached_is_not_tried_again_while_frozen(new_world: NewWorld, where: str) -> None:
    async with new_world("card-a") as world:
        world.banks["card-a"].charge_script = [not_sent()]
        checkout = await world.checkout()
        task = SendAttempt(
            checkout_id=checkout,
            attempt_id=attempt_id(checkout, 1),
            account="card-a",
            number=1,
            gateway="card-a",
            method=MethodType.CARD,
        )
        send = Attempting(world.context).send_attempt
        assert (await ActivityEnvironment().run(send, task)).kind is Kind.NOT_SENT
        await Hand(world.database).freeze(Switch.CHARGES, where)
        again = await ActivityEnvironment().run(send, task)
        assert again.kind is (Kind.NOT_SENT if where else Kind.FROZEN)
        assert again.negative
        assert asked(world) == {"card-a": 0}


async def test_charges_frozen_for_everything_wait_and_go_on(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await Hand(world.database).freeze(Switch.CHARGES)
        checkout = await world.checkout()
        handle = await waiting(world, checkout)
        assert asked(world) == {"card-a": 0, "card-b": 0}
        assert await world.attempts(checkout) == []
        assert await world.told(checkout, "charges.frozen") == 1
        assert (await details(handle)).count("charges are frozen") == 1
        await Hand(world.database).thaw(Switch.CHARGES)
        assert (await handle.result()).status == "succeeded"
        assert asked(world) == {"card-a": 1, "card-b": 0}
        assert await world.told(checkout, "charges.frozen") == 1


async def test_a_failover_waits_as_well(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [then(soft(), freezing(world, Switch.CHARGES))]
        checkout = await world.checkout()
        handle = await waiting(world, checkout)
        assert asked(world) == {"card-a": 1, "card-b": 0}
        await Hand(world.database).thaw(Switch.CHARGES)
        assert (await handle.result()).status == "succeeded"
        assert asked(world) == {"card-a": 1, "card-b": 1}


async def test_a_checkout_expires_when_the_freeze_outlasts_its_customer(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await Hand(world.database).freeze(Switch.CHARGES)
        checkout = await world.checkout()
        assert await world.run(checkout) == "expired"
        assert (await world.row(checkout)).status == "expired"
        assert asked(world) == {"card-a": 0, "card-b": 0}


async def test_a_waiting_checkout_is_canceled_and_never_sent(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await Hand(world.database).freeze(Switch.CHARGES)
        checkout = await world.checkout()
        handle = await waiting(world, checkout)
        await Hand(world.database).thaw(Switch.CHARGES)
        result = await handle.execute_update(Checkout.cancel, CancelCheckout())
        assert (result.status, result.done) == ("canceled", True)
        assert asked(world) == {"card-a": 0, "card-b": 0}


async def test_webhooks_do_not_make_a_waiting_checkout_spin(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await Hand(world.database).freeze(Switch.CHARGES)
        checkout = await world.checkout()
        handle = await waiting(world, checkout)
        await world.news(handle, checkout)
        before = (await handle.describe()).history_length
        await world.skip(timedelta(minutes=5))
        assert (await handle.describe()).history_length - before < 120
        await handle.execute_update(Checkout.cancel, CancelCheckout())


@BOTH
@pytest.mark.parametrize("account", ["card-a", "momo"])
async def test_what_was_sent_is_found_out_while_frozen(new_world: NewWorld, account: str, where: str) -> None:
    async with new_world(account) as world:
        freeze = freezing(world, Switch.CHARGES, where and account)
        world.banks[account].charge_script = [then(lost(approve()), freeze)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert asked(world) == {account: 1}


@BOTH
async def test_nothing_is_sent_again_while_frozen(new_world: NewWorld, where: str) -> None:
    """Under its key a repeat would be harmless, but a freeze is a freeze. "Not found" is proven."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [then(never(), freezing(world, Switch.CHARGES, where))]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.skip(timedelta(minutes=25))
        assert asked(world)["card-a"] == 1
        assert (await world.attempts(checkout))[0].status == "not_found"
        if where == EVERYTHING:
            assert asked(world)["card-b"] == 0
            await Hand(world.database).thaw(Switch.CHARGES)
        assert (await handle.result()).status == "succeeded"
        assert asked(world) == {"card-a": 1, "card-b": 1}


@pytest.mark.parametrize(
    ("where", "status", "reached"),
    [
        (EVERYTHING, "failed", {"card-a": 1, "card-b": 0, "momo": 0}),
        ("card-b", "succeeded", {"card-a": 1, "card-b": 0, "momo": 1}),
        ("card-a", "succeeded", {"card-a": 1, "card-b": 1, "momo": 0}),
    ],
)
async def test_frozen_failover_asks_nobody_after_a_definite_no(
    new_world: NewWorld, where: str, status: str, reached: dict[str, int]
) -> None:
    async with new_world("card-a", "card-b", "momo") as world:
        await Hand(world.database).freeze(Switch.FAILOVER, where)
        world.banks["card-a"].charge_script = [soft()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        assert (await handle.result()).status == status
        assert asked(world) == reached
        row = await world.row(checkout)
        if status == "failed":
            assert (row.decline or {})["code"] == "generic_decline"
            assert "failover_frozen" in await details(handle)
            assert await world.told(checkout, "account.skipped") == 2


async def test_the_first_account_is_asked_and_its_page_opened_while_failover_is_frozen(
    new_world: NewWorld,
) -> None:
    async with new_world("card-a", "card-b") as world:
        await Hand(world.database).freeze(Switch.FAILOVER)
        world.banks["card-a"].charge_script = [decline(DeclineCategory.CUSTOMER), approve()]
        checkout = await world.checkout(allow_redirect=True)
        assert await world.run(checkout) == "succeeded"
        assert asked(world) == {"card-a": 2, "card-b": 0}
