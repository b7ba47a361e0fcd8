"""Killed around every effect but the charge: look-up, close, capture, void, refund, finish.

Each of these activities is a few transactions with one call between them. Every one of its commits is lost
once, before and after it commits, and its gateway's answer is lost once, before and after the effect: it runs
again, and the money moves once. (Charges: `test_crashes.py`; deliveries to merchants: `tests/notifications`.)
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

import pytest
from temporalio.client import WorkflowUpdateStage

from domain.ids import attempt_id
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import Play, action, approve, lost, never
from tests.workflow.world import AMOUNT, World
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout, CaptureCheckout


class Effect(NamedTuple):
    """One activity: how it is reached, what then starts it, and what must have come of it."""

    reach: Callable[[World], Awaitable[str]]
    trigger: Callable[[World, str], Awaitable[None]]
    transactions: int
    """Of the activity and those after it, from the trigger on."""
    status: str
    ledger: tuple[str, ...]


async def unclear(world: World) -> str:
    world.banks["card-a"].charge_script = [lost(approve())]
    return await world.checkout()


async def straight(world: World) -> str:
    return await world.checkout()


async def run(world: World, checkout: str) -> None:
    await world.run(checkout)


async def challenged(world: World) -> str:
    world.banks["card-a"].charge_script = [action()]
    checkout = await world.checkout()
    await world.start(checkout)
    await world.until(checkout, "requires_action")
    return checkout


async def authorized(world: World) -> str:
    checkout = await world.checkout(capture_method="manual")
    await world.start(checkout)
    await world.until(checkout, "requires_capture")
    return checkout


async def abandoned(world: World) -> str:
    world.banks["card-a"].charge_script = [never(), never(), never()]
    checkout = await world.checkout()
    await world.run(checkout)
    await world.skip(timedelta(seconds=30))
    world.banks["card-a"].appear(attempt_id(checkout, 1), AMOUNT, "NGN")
    return checkout


async def cancel(world: World, checkout: str) -> None:
    handle = world.client.get_workflow_handle(f"checkout/{checkout}")
    await handle.start_update(Checkout.cancel, CancelCheckout(), wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    await handle.result()


async def capture(world: World, checkout: str) -> None:
    handle = world.client.get_workflow_handle(f"checkout/{checkout}")
    await handle.start_update(
        Checkout.capture, CaptureCheckout(), wait_for_stage=WorkflowUpdateStage.ACCEPTED
    )
    await handle.result()


async def compensate(world: World, checkout: str) -> None:
    assert await world.compensated(checkout) == "refunded"


EFFECTS = {
    # plan, claim and record of the charge come first: the counted ones are after them
    "look up": Effect(unclear, run, 5, "succeeded", ("capture",)),
    "close and finish": Effect(challenged, cancel, 3, "canceled", ()),
    "capture": Effect(authorized, capture, 2, "succeeded", ("authorize", "capture")),
    "void and finish": Effect(authorized, cancel, 3, "canceled", ("authorize", "void")),
    "refund": Effect(abandoned, compensate, 5, "succeeded", ("capture", "capture", "refund")),
}


def points() -> list[tuple[str, int, bool]]:
    return [
        (name, number, committed)
        for name, effect in EFFECTS.items()
        for number in range(1, effect.transactions + 1)
        for committed in (False, True)
    ]


async def came_out_right(world: World, name: str, checkout: str) -> None:
    effect = EFFECTS[name]
    row = await world.row(checkout)
    assert row.status == effect.status
    assert sorted(each.kind for _, each in world.ledger(checkout)) == sorted(effect.ledger)
    assert all(each.amount == AMOUNT for _, each in world.ledger(checkout))
    assert await world.told(checkout, f"checkout.{effect.status}") == 1


@pytest.mark.parametrize(("name", "number", "committed"), points())
async def test_a_crash_around_any_commit_has_one_effect(
    new_world: NewWorld, name: str, number: int, *, committed: bool
) -> None:
    """W3, W4, D2, D5."""
    effect = EFFECTS[name]
    async with new_world("card-a", "card-b", quiet_period=1, watch_intervals=(1, 60)) as world:
        checkout = await effect.reach(world)
        world.faults.forget()
        (world.faults.lost_after if committed else world.faults.lost_before).add(number)
        await effect.trigger(world, checkout)
        assert world.faults.count >= number, "the commit that was to be lost never came"
        await came_out_right(world, name, checkout)


@pytest.mark.parametrize("play", [lost(approve()), never()], ids=["after", "before"])
@pytest.mark.parametrize("name", ["close and finish", "capture", "void and finish", "refund"])
async def test_an_answer_that_is_lost_has_one_effect(new_world: NewWorld, name: str, play: Play) -> None:
    """W4, G17: before or after the gateway acted."""
    effect = EFFECTS[name]
    async with new_world("card-a", "card-b", quiet_period=1, watch_intervals=(1, 60)) as world:
        checkout = await effect.reach(world)
        world.banks["card-a"].settle_script = [play]
        await effect.trigger(world, checkout)
        await came_out_right(world, name, checkout)
