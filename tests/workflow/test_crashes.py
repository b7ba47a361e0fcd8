"""Killed, stopped or doubled at any point: one capture at most, and a keyless gateway is never sent twice."""

import asyncio
from dataclasses import replace

import pytest

from domain.decline import DeclineCategory
from domain.ids import attempt_id
from tests.patience import PATIENCE
from tests.workflow.conftest import NewWorld
from tests.workflow.plays import approve, decline, lost, never, not_sent, then

ACCOUNTS = pytest.mark.parametrize("account", ["card-a", "momo"])


@ACCOUNTS
@pytest.mark.parametrize("transaction", [1, 2, 3])
@pytest.mark.parametrize("committed", [False, True])
async def test_a_crash_around_any_commit_charges_once(
    new_world: NewWorld, account: str, transaction: int, *, committed: bool
) -> None:
    """W1, W2, W3, D2, D5: plan (1), claim (2), record (3); the activity dies and runs again."""
    async with new_world(account, "card-b") as world:
        (world.faults.lost_after if committed else world.faults.lost_before).add(transaction)
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]
        assert len(world.banks["momo"].charges if account == "momo" else []) <= 1
        row = await world.row(checkout)
        assert row.amount_captured == row.amount


@ACCOUNTS
async def test_an_answer_outlives_a_short_outage_of_the_database(new_world: NewWorld, account: str) -> None:
    """D2: it is recorded as it was given, and nobody has to be asked for it again."""
    async with new_world(account, "card-b") as world:

        async def outage() -> None:
            world.faults.down = True
            asyncio.get_running_loop().call_later(0.6, setattr, world.faults, "down", False)

        bank = world.banks[account]
        bank.charge_script = [then(approve(), outage)]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert (len(bank.charges), bank.look_ups) == (1, 0)


@pytest.mark.parametrize("says_no", [False, True])
async def test_an_answer_is_recorded_once_although_its_commit_is_not_acknowledged(
    new_world: NewWorld, *, says_no: bool
) -> None:
    """D5."""
    async with new_world("momo", "card-b") as world:
        world.faults.unacknowledged.add(3)
        world.banks["momo"].charge_script = [decline(DeclineCategory.SOFT) if says_no else approve()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        expected = ["momo declined", "card-b captured"] if says_no else ["momo captured"]
        assert await world.statuses(checkout) == expected
        assert len(world.banks["momo"].charges) == 1
        assert world.banks["momo"].look_ups == 0


@ACCOUNTS
async def test_two_executions_at_once_charge_once(new_world: NewWorld, account: str) -> None:
    """W5: the first is stopped after the gateway has acted, the second starts, both end."""
    async with new_world(account, "card-b", charge_timeout=1) as world:
        world.banks[account].charge_script = [then(approve(), lambda: asyncio.sleep(2.5))]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        await asyncio.sleep(2)  # the first execution still ends, too late
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]
        assert await world.statuses(checkout) == [f"{account} captured"]
        if account == "momo":
            assert len(world.banks[account].charges) == 1


@ACCOUNTS
async def test_a_process_stopped_before_its_claim_never_sends_afterwards(
    new_world: NewWorld, account: str
) -> None:
    """W5, I9: meanwhile another found the account unreachable, and the next account has the money."""
    async with new_world(account, "card-b", charge_timeout=1) as world:
        stopped = world.faults.held[2] = asyncio.Event()
        world.banks[account].charge_script = [not_sent(), not_sent()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        stopped.set()
        await asyncio.wait_for(world.faults.went_on.wait(), PATIENCE)
        await asyncio.sleep(1)  # in which it would send
        assert not world.banks[account].charges
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]
        assert await world.statuses(checkout) == [f"{account} not_sent", "card-b captured"]


@ACCOUNTS
async def test_a_worker_that_dies_while_charging_is_replaced(new_world: NewWorld, account: str) -> None:
    """W1, W2, W6."""
    async with new_world(account, "card-b", work=False, charge_timeout=2) as world:
        charged = asyncio.Event()

        async def die() -> None:
            charged.set()
            await asyncio.Event().wait()

        world.banks[account].charge_script = [then(lost(approve()), die)]
        checkout = await world.checkout()
        # Without a cache: the test server never takes a task back from a dead worker's sticky queue.
        async with world.worker(max_cached_workflows=0):
            handle = await world.start(checkout)
            await asyncio.wait_for(charged.wait(), PATIENCE)
        async with world.worker():
            assert (await handle.result()).status == "succeeded"
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]
        assert await world.statuses(checkout) == [f"{account} captured"]


async def test_a_keyless_send_that_died_before_it_left_is_not_repeated(new_world: NewWorld) -> None:
    """W1, I10: nobody can know that it did not leave, so the quiet period comes first."""
    async with new_world("momo", "card-b") as world:
        world.faults.lost_after.add(2)
        world.banks["momo"].charge_script = [never()]
        checkout = await world.checkout()
        assert await world.run(checkout) == "succeeded"
        assert not world.banks["momo"].sent(attempt_id(checkout, 1))
        assert await world.statuses(checkout) == ["momo not_found", "card-b captured"]


async def test_a_resend_after_a_deploy_with_other_settings_has_equal_bytes(new_world: NewWorld) -> None:
    """I8, W6: what the first send said is kept with the attempt."""
    async with new_world("card-a", "card-b", work=False, charge_timeout=2) as world:
        charged = asyncio.Event()

        async def die() -> None:
            charged.set()
            await asyncio.Event().wait()

        bank = world.banks["card-a"]
        bank.charge_script = [then(lost(approve()), die)]
        checkout = await world.checkout()
        async with world.worker(max_cached_workflows=0):
            handle = await world.start(checkout)
            await asyncio.wait_for(charged.wait(), PATIENCE)
        changed = world.context.settings.model_copy(
            update={"public_url": "https://elsewhere.example", "action_expires_after": 3600.0}
        )
        world.context = replace(world.context, settings=changed)
        async with world.worker():
            assert (await handle.result()).status == "succeeded"
        first, second = bank.sent(attempt_id(checkout, 1))
        assert first.model_dump_json() == second.model_dump_json()
        assert first.return_url == "http://127.0.0.1:8000/returned"
