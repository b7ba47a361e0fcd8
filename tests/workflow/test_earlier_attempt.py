"""An earlier attempt that may hold money blocks the next account; late money in between is adopted."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import ActivityEnvironment

from activities.attempting import Attempting
from activities.compensating import Compensating
from activities.messages import AttemptTask, CompensateAttempt, Kind, LookUpAttempt, SendAttempt
from activities.refunding import Refunding
from domain.checkout import MethodType
from domain.decline import DeclineCategory
from domain.ids import attempt_id
from tests.patience import PATIENCE
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import decline, never
from tests.workflow.world import AMOUNT, World
from workflows.checkout import Checkout
from workflows.messages import CancelCheckout


async def blocked(world: World) -> tuple[str, WorkflowHandle[Any, Any]]:
    """A checkout that was declined at its first account, which then turns out to hold money."""
    world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
    told = world.faults.held[4] = asyncio.Event()  # plan, claim, record; the next claim waits
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until_told(checkout, "attempt.declined")
    await world.become(attempt_id(checkout, 1), "captured")
    told.set()
    return checkout, handle


async def alerted(world: World, checkout: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await world.alerts(attempt_id(checkout, 2)):  # noqa: ASYNC110 - a worker writes it
            await asyncio.sleep(0.05)
    assert await world.alerts(attempt_id(checkout, 2)) == ["attempt.blocked"]


async def test_the_next_account_waits_until_the_money_is_back(new_world: NewWorld) -> None:
    """I11: while late money lives, no further charge; a person knows, and the story tells."""
    async with new_world("card-a", "card-b") as world:
        checkout, handle = await blocked(world)
        await alerted(world, checkout)
        assert not world.banks["card-b"].charges
        await world.become(attempt_id(checkout, 1), "refunded")
        assert (await handle.result()).status == "succeeded"
        assert len(world.banks["card-b"].charges) == 1


async def test_what_stays_blocked_fails_and_is_never_sent(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        checkout, handle = await blocked(world)
        assert (await handle.result()).status == "failed"
        assert await world.alerts(attempt_id(checkout, 2)) == ["attempt.blocked"]
        assert not world.banks["card-b"].charges


async def test_what_is_blocked_can_be_canceled(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        checkout, handle = await blocked(world)
        await alerted(world, checkout)
        result = await handle.execute_update(Checkout.cancel, CancelCheckout())
        assert result.status == "canceled"
        assert not world.banks["card-b"].charges


class Left:
    """An attempt believed not found, whose money then appears; its checkout is open, nobody else asked."""

    def __init__(self, world: World, checkout: str) -> None:
        self.world, self.checkout = world, checkout
        self._attempting = Attempting(world.context)
        self._compensating = Compensating(world.context, Refunding(world.context))

    def _task(self, number: int, account: str) -> AttemptTask:
        return AttemptTask(
            checkout_id=self.checkout, attempt_id=attempt_id(self.checkout, number), account=account
        )

    async def send(self, number: int, account: str) -> Kind:
        task = SendAttempt(
            **self._task(number, account).model_dump(), number=number, gateway=account, method=MethodType.CARD
        )
        return (await ActivityEnvironment().run(self._attempting.send_attempt, task)).kind

    async def believe(self) -> Kind:
        task = LookUpAttempt(**self._task(1, "momo").model_dump(), believe_not_found=True)
        return (await ActivityEnvironment().run(self._attempting.look_up_attempt, task)).kind

    async def compensate(self) -> str:
        task = CompensateAttempt(**self._task(1, "momo").model_dump())
        return (await ActivityEnvironment().run(self._compensating.compensate_attempt, task)).result

    def net(self) -> int:
        kinds = [effect.kind for _, effect in self.world.ledger(self.checkout)]
        return kinds.count("capture") - kinds.count("refund")


async def left(world: World, amount: int = AMOUNT) -> Left:
    world.banks["momo"].charge_script = [never()]
    it = Left(world, await world.checkout())
    assert await it.send(1, "momo") is Kind.UNKNOWN
    assert await it.believe() is Kind.NOT_FOUND
    world.banks["momo"].appear(attempt_id(it.checkout, 1), amount, "NGN")
    return it


async def test_late_money_is_adopted_while_nobody_else_was_asked(new_world: NewWorld) -> None:
    """I14: it is what the customer wanted to pay; charging elsewhere and refunding here would be worse."""
    async with new_world("momo", "card-b", work=False) as world:
        it = await left(world)
        assert await it.compensate() == "adopted"
        row = await world.row(it.checkout)
        assert (row.status, row.account, row.amount_captured) == ("succeeded", "momo", AMOUNT)
        assert await it.send(2, "card-b") is Kind.STOPPED
        assert not world.banks["card-b"].charges
        assert it.net() == 1


async def test_late_money_goes_back_once_the_next_account_was_asked(new_world: NewWorld) -> None:
    async with new_world("momo", "card-b", work=False) as world:
        it = await left(world)
        assert await it.send(2, "card-b") is Kind.APPROVED
        assert await it.compensate() == "refunded"
        assert (await world.row(it.checkout)).account == "card-b"
        assert it.net() == 1


async def test_late_money_of_another_amount_is_not_adopted(new_world: NewWorld) -> None:
    """G12."""
    async with new_world("momo", "card-b", work=False) as world:
        it = await left(world, AMOUNT - 1)
        assert await it.compensate() == "refunded"
        assert (await world.row(it.checkout)).status == "processing"
        assert it.net() == 0


@pytest.mark.parametrize("round_", range(5))
async def test_adoption_and_the_next_account_exclude_each_other(new_world: NewWorld, round_: int) -> None:
    """I1, I9: both take the checkout's row first."""
    async with new_world("momo", "card-b", work=False) as world:
        it = await left(world)
        told = await asyncio.gather(it.compensate(), it.send(2, "card-b"))
        assert tuple(told) in (("adopted", Kind.STOPPED), ("refunded", Kind.APPROVED))
        assert it.net() == 1


async def test_a_watcher_of_adopted_money_ends(new_world: NewWorld) -> None:
    async with new_world("momo", "card-b", watch_for=86_400) as world:
        it = await left(world)
        watch = await world.watch(it.checkout, account="momo")
        assert (await watch.result()).result == "adopted"
        ended = await watch.describe()
        assert ended.close_time is not None
        assert ended.close_time - ended.start_time < timedelta(hours=1)
