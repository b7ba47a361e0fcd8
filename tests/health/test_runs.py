"""Runs that meet an unhealthy account: at the plan, and again before every later attempt."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.circuit import Mode, Sample
from domain.decline import DeclineCategory
from storage import health
from storage.events import timeline
from storage.tables import AccountCircuit
from tests.health.conftest import NewWorld
from tests.workflow.plays import decline, not_sent, then
from tests.workflow.world import World


async def fail(world: World, account: str, *, retry_in: float = 600) -> None:
    """So many failures that the circuit opens, in this process's view as well."""
    known = world.context.health
    await known.look(world.database)
    async with world.database.transaction() as session:
        samples = [Sample(False, datetime.now(UTC), "refused")] * known.rules.failures
        await health.count(session, account, "card", samples, known.rules)
        row = await session.get(AccountCircuit, (account, "card"))
        assert row is not None
        row.retry_at = datetime.now(UTC) + timedelta(seconds=retry_in)
    await known.look(world.database)


async def order(world: World, account: str, mode: Mode) -> None:
    async with world.database.transaction() as session:
        await health.set_mode(session, account, mode, actor="op_1", reason="test")
    await world.context.health.look(world.database)


async def plan(world: World, checkout: str) -> tuple[list[tuple[str, str | None]], dict[str, str]]:
    """What is recorded: (account, why it is in although unhealthy), and why the others are out."""
    routing = (await world.row(checkout)).routing
    assert routing is not None
    return (
        [(entry["account"], entry["health"]) for entry in routing["plan"]],
        {entry["account"]: entry["reason"] for entry in routing["excluded"]},
    )


async def state(world: World, account: str) -> str:
    async with world.database.transaction() as session:
        return (await health.read(session)).circuits[account, "card"].state


async def skipped(world: World, checkout: str) -> list[tuple[str, str]]:
    async with world.database.transaction() as session:
        told = await timeline(session, checkout)
    return [(each.data["account"], each.data["reason"]) for each in told if each.kind == "account.skipped"]


async def test_an_open_circuit_is_skipped_at_the_plan(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await fail(world, "card-a")
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await plan(world, checkout) == ([("card-b", None)], {"card-a": "circuit_open"})
        assert await world.statuses(checkout) == ["card-b captured"]


Change = Callable[[World], Awaitable[None]]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda world: fail(world, "card-b"), "circuit_open"),
        (lambda world: order(world, "card-b", Mode.DISABLE), "disabled"),
    ],
    ids=["circuit", "disable"],
)
async def test_it_is_skipped_before_a_later_attempt_too(
    new_world: NewWorld, change: Change, reason: str
) -> None:
    async with new_world("card-a", "card-b", "momo") as world:

        async def meanwhile() -> None:
            await change(world)

        world.banks["card-a"].charge_script = [then(decline(DeclineCategory.SOFT), meanwhile)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await plan(world, checkout) == ([("card-a", None), ("card-b", None), ("momo", None)], {})
        assert await skipped(world, checkout) == [("card-b", reason)]
        assert await world.statuses(checkout) == ["card-a declined", "momo captured"]


async def test_a_drained_account_finishes_what_it_has_and_gets_no_more(
    new_world: NewWorld,
) -> None:
    async with new_world("card-a", "card-b") as world:

        async def drain() -> None:
            await order(world, "card-b", Mode.DRAIN)

        world.banks["card-a"].charge_script = [then(decline(DeclineCategory.SOFT), drain)]
        running = await world.checkout()
        assert await world.run(running) == "succeeded"
        assert await world.statuses(running) == ["card-a declined", "card-b captured"]
        new = await world.checkout()
        assert await world.run(new) == "succeeded"
        assert await plan(world, new) == ([("card-a", None)], {"card-b": "disabled"})


async def test_the_probe_that_works_closes_the_circuit(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await fail(world, "card-a", retry_in=0)
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await plan(world, checkout) == ([("card-a", "probe"), ("card-b", None)], {})
        assert await state(world, "card-a") == "half_open"
        await world.context.health.tell(world.database)
        assert await state(world, "card-a") == "closed"


async def test_a_probe_that_fails_costs_its_checkout_nothing_but_time(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b", max_not_sent_retries=0) as world:
        await fail(world, "card-a", retry_in=0)
        world.banks["card-a"].charge_script = [not_sent()]
        probing, beside = await world.checkout(), await world.checkout()
        assert await world.run(probing) == "succeeded"
        assert await world.statuses(probing) == ["card-a not_sent", "card-b captured"]
        # While one checkout finds out, no other one does, even before this process has heard of it.
        assert await world.run(beside) == "succeeded"
        assert await plan(world, beside) == ([("card-b", None)], {"card-a": "circuit_open"})
        await world.context.health.tell(world.database)
        assert await state(world, "card-a") == "open"


async def test_where_all_circuits_are_open_the_least_bad_is_asked(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await fail(world, "card-a", retry_in=600)
        await fail(world, "card-b", retry_in=300)
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert await plan(world, checkout) == ([("card-b", "last_resort")], {"card-a": "circuit_open"})
        await world.context.health.tell(world.database)
        assert [await state(world, each) for each in ("card-a", "card-b")] == ["open", "closed"]


async def test_an_order_holds_even_where_nobody_is_left(new_world: NewWorld) -> None:
    async with new_world("card-a", "card-b") as world:
        await fail(world, "card-b")
        await order(world, "card-a", Mode.DISABLE)
        await order(world, "card-b", Mode.DISABLE)
        checkout = await world.checkout()
        assert await world.run(checkout) == "failed"
        assert await plan(world, checkout) == ([], {"card-a": "disabled", "card-b": "disabled"})
        assert not world.ledger(checkout)
