"""A run that is started again walks the recorded plan, and charges nothing before it has looked (T3, T4).

The run is terminated, as by an operator, or as good as lost with Temporal's data; then started anew under
the same id.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from sqlmodel import col, update
from temporalio.client import WorkflowHandle, WorkflowUpdateStage

from api.door import Door
from api.rate_limits import RateLimits
from api.recovery import Recovery
from api.services import Services
from domain.attempt import AttemptStatus
from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from storage import attempts, tables
from storage.changes import Changes
from storage.events import capture_under_way
from tests.patience import PATIENCE
from tests.workflow.conftest import NewWorld, new_world
from tests.workflow.plays import action, approve, decline, lost, never, not_sent
from tests.workflow.world import World, skipping_world
from workflows.checkout import Checkout
from workflows.messages import CaptureCheckout, CheckoutResult

__all__ = ["new_world"]

PART: Final = 4_000
"""Minor units, less than all."""
LONG_AGO = timedelta(hours=1)


def recovery_in(world: World) -> Recovery:
    """The API's walk over this world."""
    settings = world.context.settings.model_copy(update={"task_queue": world.task_queue})
    return Recovery(
        Services(
            settings=settings,
            database=world.database,
            changes=Changes(settings.database_url),
            temporal=world.client,
            accounts=world.context.accounts,
            router=world.context.router,
            door=Door(world.client, most=100),
            rate_limits=RateLimits(settings),
            schema_head="",
        )
    )


async def age(world: World, checkout: str) -> None:
    """An hour passes in the database: what was sent was sent then."""
    then_ = datetime.now(UTC) - LONG_AGO
    async with world.database.transaction() as session:
        row = tables.Checkout
        await session.exec(update(row).where(col(row.id) == checkout).values(updated_at=then_))
        for attempt in await attempts.of_checkout(session, checkout):
            if attempt.sent_at is not None:
                await attempts.change(session, attempt.id, sent_at=then_, last_sent_at=then_)


async def run_again(world: World, checkout: str, **known: Any) -> str:
    await age(world, checkout)
    return await world.run(checkout, **known)


@asynccontextmanager
async def interrupted(world: World, *, on_charge: int = 1, **changes: Any) -> AsyncIterator[str]:
    """A checkout whose run is terminated while its n-th charge is with the gateway."""
    reached = asyncio.Event()
    seen = 0

    async def count(_request: object) -> None:
        nonlocal seen
        seen += 1
        if seen == on_charge:
            reached.set()

    for bank in world.banks.values():
        bank.on_charge = count
    checkout = await world.checkout(**changes)
    handle = await world.start(checkout)
    await asyncio.wait_for(reached.wait(), PATIENCE)
    await handle.terminate("lost")
    for bank in world.banks.values():
        bank.on_charge = None
    yield checkout


async def settled_rows(world: World, checkout: str, *wanted: str) -> None:
    """The activity that was running when the run was terminated still writes down what it heard."""
    async with asyncio.timeout(PATIENCE):
        while await world.statuses(checkout) != list(wanted):  # noqa: ASYNC110 - another task writes it
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("account", ["card-a", "momo"])
async def test_a_charge_whose_answer_was_lost_is_looked_up_not_repeated(
    new_world: NewWorld, account: str
) -> None:
    async with new_world(account, "card-b") as world:
        bank = world.banks[account]
        bank.charge_script = [lost(approve())]
        async with interrupted(world) as checkout:
            await settled_rows(world, checkout, f"{account} unknown")
        assert await run_again(world, checkout) == "succeeded"
        assert len(bank.sent(attempt_id(checkout, 1))) == 1
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]


async def test_a_charge_that_never_arrived_is_sent_again_only_after_a_look_up(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        bank = world.banks["card-a"]
        bank.charge_script = [never()]
        async with interrupted(world) as checkout:
            await settled_rows(world, checkout, "card-a unknown")
        looked = bank.look_ups
        order: list[str] = []

        async def note(_request: object) -> None:
            order.append(f"charge after {bank.look_ups - looked} look-ups")

        bank.on_charge = note
        assert await run_again(world, checkout) == "succeeded"
        assert order == ["charge after 2 look-ups"]
        assert await world.statuses(checkout) == ["card-a captured"]
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]


@pytest.mark.parametrize(
    "first", [[decline(DeclineCategory.SOFT)], [not_sent(), not_sent(), not_sent(), not_sent()]]
)
async def test_a_run_that_had_gone_on_is_taken_up_at_the_later_account(
    new_world: NewWorld, first: list[Any]
) -> None:
    """The first account is not asked again, and the checkout does not fail for that."""
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = list(first)
        world.banks["card-b"].charge_script = [lost(approve())]
        async with interrupted(world, on_charge=2 if len(first) == 1 else 1) as checkout:
            status = "declined" if len(first) == 1 else "not_sent"
            await settled_rows(world, checkout, f"card-a {status}", "card-b unknown")
        before = len(world.banks["card-a"].charges)
        assert await run_again(world, checkout) == "succeeded"
        assert len(world.banks["card-a"].charges) == before
        assert [(name, effect.kind) for name, effect in world.ledger(checkout, "capture")] == [
            ("card-b", "capture")
        ]


async def test_a_customer_who_is_at_it_can_still_pay(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        bank = world.banks["card-a"]
        bank.charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await world.lose(handle)
        bank.settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
        assert await run_again(world, checkout) == "succeeded"
        assert len(bank.charges) == 1


async def test_an_authorization_is_held_on(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_capture")
        await world.lose(handle)
        await age(world, checkout)
        assert await world.run(checkout) == "expired"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["authorize", "void"]


# Canceled, and the run that was told so is lost


@pytest.mark.parametrize("account", ["card-a", "momo"])
@pytest.mark.parametrize("arrived", [True, False])
async def test_what_is_canceled_is_not_sent_again_nor_elsewhere(
    new_world: NewWorld, account: str, *, arrived: bool
) -> None:
    # Time is real here: the server skips none once a run was terminated in the middle of a task.
    async with new_world(account, "card-b", quiet_period=0.2, look_up_intervals=(0.1,)) as world:
        bank = world.banks[account]
        bank.charge_script = [lost(approve()) if arrived else never()]
        async with interrupted(world) as checkout:
            await settled_rows(world, checkout, f"{account} unknown")
        # Money that was taken before stays the checkout's, as it does with a run that is there.
        assert await run_again(world, checkout, canceled=True) == ("succeeded" if arrived else "canceled")
        assert len(bank.sent(attempt_id(checkout, 1))) == 1
        assert not world.banks["card-b"].charges


async def test_a_page_is_closed_at_the_later_account(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
        world.banks["card-b"].charge_script = [action()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until(checkout, "requires_action")
        await world.lose(handle)
        assert await run_again(world, checkout, canceled=True) == "canceled"
        assert await world.statuses(checkout) == ["card-a declined", "card-b canceled"]


async def test_an_authorization_is_released(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
        checkout = await world.checkout(capture_method="manual")
        handle = await world.start(checkout)
        await world.until(checkout, "requires_capture")
        await world.lose(handle)
        assert await run_again(world, checkout, canceled=True) == "canceled"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["decline", "authorize", "void"]


async def test_what_was_never_sent_is_not_sent(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        checkout = await world.checkout()
        assert await run_again(world, checkout, canceled=True) == "canceled"
        assert not world.banks["card-a"].charges + world.banks["card-b"].charges


# A capture was sent, and the run that sent it is lost


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_capture_that_was_sent_is_made_once(new_world: NewWorld, *, arrived: bool) -> None:
    async with new_world("card-a") as world:
        bank = world.banks["card-a"]
        checkout, handle = await authorized(world)
        bank.settle_script = [lost(approve()) if arrived else never()]
        bank.look_up_faults = 1
        await capture(handle, PART)
        async with asyncio.timeout(PATIENCE):
            while bank.look_up_faults:  # noqa: ASYNC110 - a worker asks
                await asyncio.sleep(0.02)
        await world.lose(handle)
        assert await under_way(world, checkout) == PART
        assert await run_again(world, checkout, capturing=PART) == "succeeded"
        assert (await world.row(checkout)).amount_captured == PART
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["authorize", "capture"]


async def test_a_capture_that_was_refused_is_not_made_again(new_world: NewWorld) -> None:
    async with new_world("card-a") as world:
        checkout, handle = await authorized(world)
        assert await under_way(world, checkout) is None
        world.banks["card-a"].settle_script = [decline(DeclineCategory.SOFT)]
        await capture(handle, PART)
        await world.until_told(checkout, "capture.refused")
        assert await under_way(world, checkout) is None
        await world.lose(handle)


async def authorized(world: World) -> tuple[str, WorkflowHandle[Checkout, CheckoutResult]]:
    checkout = await world.checkout(capture_method="manual")
    handle = await world.start(checkout)
    await world.until(checkout, "requires_capture")
    return checkout, handle


async def capture(handle: WorkflowHandle[Checkout, CheckoutResult], amount: int) -> None:
    accepted = WorkflowUpdateStage.ACCEPTED
    await handle.start_update(Checkout.capture, CaptureCheckout(amount=amount), wait_for_stage=accepted)


async def under_way(world: World, checkout: str) -> int | None:
    async with world.database.transaction() as session:
        return await capture_under_way(session, checkout)


async def test_soon_after_a_send_its_repetition_needs_no_look_up(new_world: NewWorld) -> None:
    """W2: an activity repeated after its worker's death sends under its key at once, as it always did."""
    async with new_world("card-a") as world:
        bank = world.banks["card-a"]
        bank.charge_script = [lost(approve())]
        async with interrupted(world) as checkout:
            await settled_rows(world, checkout, "card-a unknown")
        assert await world.run(checkout) == "succeeded"
        assert bank.look_ups == 0
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]


# The walk


async def test_the_walk_watches_again(database_url: str) -> None:
    """In a database of its own: the walk sees every checkout there is."""
    async with skipping_world(database_url, ("momo", "card-b")) as world:
        world.banks["momo"].charge_script = [never()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await world.statuses(checkout) == ["momo not_found", "card-b captured"]
        recovery = recovery_in(world)
        await age(world, checkout)
        assert await recovery.step() == 0, "its watcher runs"
        await world.lose(world.watcher(checkout), at_rest=True)
        assert await recovery.step() == 1
        world.banks["momo"].appear(attempt_id(checkout, 1), 12_500, "NGN")
        assert await world.compensated(checkout) == "refunded"
        assert (await world.attempts(checkout))[0].status == AttemptStatus.REFUNDED
        assert await recovery.step() == 0
