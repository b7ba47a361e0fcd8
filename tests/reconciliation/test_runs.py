"""An account's books against ours: every class, what a break sets going, and when it is over."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from domain.attempt import AttemptStatus
from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import NotSent, NotSentCause, PaymentStatus, Unknown
from tests.reconciliation.books import A_DAY, breaks, counts, items_left, reconciled, run_of, set_attempt
from tests.workflow.plays import approve, decline, lost, never
from tests.workflow.world import AMOUNT, World, skipping_world


class NewBooks(Protocol):
    def __call__(self, *order: str, **changes: Any) -> AbstractAsyncContextManager[World]: ...


@pytest.fixture
def new_books(database_url: str) -> NewBooks:
    """A world with a database of its own: whatever is in the books is in one test's."""

    @asynccontextmanager
    async def make(*order: str, **changes: Any) -> AsyncIterator[World]:
        async with skipping_world(database_url, order, **{"reconcile_grace": 0, **changes}) as world:
            yield world

    return make


async def paid(world: World) -> str:
    checkout = await world.checkout()
    assert await world.run(checkout) == "succeeded"
    return checkout


async def test_books_that_agree(new_books: NewBooks) -> None:
    async with new_books("card-a") as world:
        assert await counts(world, "card-a") == {}
        for _ in range(5):  # three pages
            await paid(world)
        world.banks["card-a"].charge_script = [decline(DeclineCategory.HARD)]
        assert await world.run(await world.checkout()) == "failed"
        result = await reconciled(world, "card-a")
        assert (result.status, result.counts) == ("completed", {"match": 6})
        run = await run_of(world, result)
        assert (run.listed, run.unreadable, run.detail) == (6, 0, None)
        assert run.ended_at is not None
        assert await breaks(world) == []
        assert await items_left(world) == 0


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"amount": AMOUNT + 100}, ["amount"]),
        ({"currency": "UGX"}, ["currency"]),
        ({"amount_captured": AMOUNT - 100}, ["captured"]),
        ({"amount_refunded": 700}, ["refunded"]),
        ({"status": PaymentStatus.DECLINED, "amount_captured": 0}, ["status"]),
    ],
)
async def test_a_mismatch_says_in_what(
    new_books: NewBooks, changes: dict[str, Any], fields: list[str]
) -> None:
    async with new_books("card-a") as world:
        checkout = await paid(world)
        bank = world.banks["card-a"]
        ((payment_id, before),) = bank.payments.items()
        bank.payments[payment_id] = before.model_copy(update=changes)

        assert await counts(world, "card-a") == {"mismatch": 1}
        (found,) = await breaks(world)
        assert (found.verdict, found.fields, found.reference, found.payment_id) == (
            "mismatch",
            fields,
            attempt_id(checkout, 1),
            payment_id,
        )
        assert found.ours is not None
        assert (found.ours["status"], found.ours["captured"]) == ("captured", AMOUNT)
        assert found.theirs is not None
        assert found.theirs["status"] == changes.get("status", "captured")

        assert await counts(world, "card-a") == {"mismatch": 1}
        assert await world.alerts(f"card-a/{payment_id}") == ["reconciliation.mismatch"], "told once"

        bank.payments[payment_id] = before
        assert await counts(world, "card-a") == {"match": 1}
        assert await breaks(world) == []
        (over,) = await breaks(world, resolved=True)
        assert over.id == found.id


async def test_money_of_nobody(new_books: NewBooks) -> None:
    """H5: money under a reference that we never gave out. No call of ours follows."""
    async with new_books("card-a") as world:
        bank = world.banks["card-a"]
        bank.appear("order-77-of-another-shop", 900, "NGN")
        assert await counts(world, "card-a") == {"missing_here": 1}
        (found,) = await breaks(world)
        assert (found.verdict, found.reference, found.ours) == (
            "missing_here",
            "order-77-of-another-shop",
            None,
        )
        assert [effect.kind for effect in bank.ledger] == ["capture"]


async def test_money_on_an_attempt_that_was_left_behind_goes_back(new_books: NewBooks) -> None:
    """The watcher is lost, the money is found by its books alone: the normal machinery refunds it."""
    async with new_books("card-a", "card-b") as world:
        world.banks["card-a"].charge_script = [never(), never(), never()]
        checkout = await paid(world)
        first = attempt_id(checkout, 1)
        await world.lose(world.watcher(checkout), at_rest=True)
        world.banks["card-a"].appear(first, AMOUNT, "NGN")

        assert await counts(world, "card-a") == {"missing_here": 1}
        assert await world.compensated(checkout) == "refunded"
        assert [row.status for row in await world.attempts(checkout)] == ["refunded", "captured"]
        assert await counts(world, "card-a") == {"match": 1}
        assert await breaks(world) == []
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture", "refund", "capture"]


async def test_money_on_an_open_attempt_wakes_its_checkout(new_books: NewBooks) -> None:
    """In review, where look-ups are rare: the run hears of it and takes it."""
    async with new_books("momo", watch_intervals=(5 * 86400,), unresolved_after=60) as world:
        world.banks["momo"].charge_script = [lost(approve())]
        world.banks["momo"].look_up_faults = 8
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.skip(timedelta(minutes=10))
        assert (await world.until(checkout, "in_review")).review_reason == "unresolved_outcome"
        world.banks["momo"].look_up_faults = 0
        assert await counts(world, "momo") == {"missing_here": 1}
        assert (await handle.result()).status == "succeeded"
        assert await counts(world, "momo") == {"match": 1}
        assert await breaks(world) == []


async def test_what_is_young_and_undecided_is_no_break(new_books: NewBooks) -> None:
    async with new_books("card-a", reconcile_grace=7200) as world:
        checkout = await paid(world)
        await set_attempt(world, attempt_id(checkout, 1), status=AttemptStatus.UNKNOWN, amount_captured=0)
        assert await counts(world, "card-a") == {"in_flight": 1}
        assert await breaks(world) == []


async def test_money_that_they_do_not_know(new_books: NewBooks) -> None:
    async with new_books("card-a") as world:
        checkout = await paid(world)
        bank = world.banks["card-a"]
        ((payment_id, payment),) = bank.payments.items()
        bank.payments.clear()
        assert await counts(world, "card-a") == {"missing_there": 1}
        (found,) = await breaks(world)
        assert (found.verdict, found.reference, found.theirs) == (
            "missing_there",
            attempt_id(checkout, 1),
            None,
        )
        bank.payments[payment_id] = payment
        assert await counts(world, "card-a") == {"match": 1}
        assert await breaks(world) == []


async def test_a_payment_made_outside_the_window_is_looked_up_not_missed(new_books: NewBooks) -> None:
    """A page may be paid long after it was opened: then its payment is in another day's list."""
    async with new_books("card-a") as world:
        await paid(world)
        bank = world.banks["card-a"]
        ((payment_id, _),) = bank.payments.items()
        bank.made[payment_id] = datetime.now(UTC) + 2 * A_DAY
        assert await counts(world, "card-a") == {"match": 1}


async def test_two_payments_under_one_reference(new_books: NewBooks) -> None:
    async with new_books("card-a") as world:
        checkout = await paid(world)
        bank = world.banks["card-a"]
        bank.appear(attempt_id(checkout, 1), AMOUNT, "NGN")
        first, second = bank.payments
        assert await counts(world, "card-a") == {"match": 1, "duplicate": 1}
        (found,) = await breaks(world)
        assert (found.verdict, found.payment_id) == ("duplicate", second)
        assert first != second
        assert len(bank.ledger) == 2, "nothing is moved by reconciling"


async def test_two_payments_of_which_we_count_none(new_books: NewBooks) -> None:
    async with new_books("card-a") as world:
        for _ in range(2):
            world.banks["card-a"].appear("att_somebodys", AMOUNT, "NGN")
        assert await counts(world, "card-a") == {"duplicate": 2}


async def test_refunds_that_the_list_does_not_tell_are_looked_up(new_books: NewBooks) -> None:
    async with new_books("card-a") as world:
        world.banks["card-a"].tells_refunds = False
        checkout = await paid(world)
        attempt = attempt_id(checkout, 1)
        await set_attempt(world, attempt, amount_refunded=700)
        assert await counts(world, "card-a") == {"mismatch": 1}
        (found,) = await breaks(world)
        assert found.fields == ["refunded"]


async def test_a_break_older_than_the_window_is_seen_to_be_over(new_books: NewBooks) -> None:
    async with new_books("card-a") as world:
        checkout = await paid(world)
        attempt = attempt_id(checkout, 1)
        await set_attempt(world, attempt, amount_refunded=700)
        assert await counts(world, "card-a") == {"mismatch": 1}
        await set_attempt(world, attempt, amount_refunded=0)
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        result = await reconciled(world, "card-a", since=long_ago, until=long_ago + A_DAY)
        assert result.counts == {}
        assert await breaks(world) == []


async def test_a_list_that_fails_for_a_while_is_asked_again(new_books: NewBooks) -> None:
    async with new_books("card-a") as world:
        await paid(world)
        busy = NotSent(cause=NotSentCause.RATE_LIMITED, detail="status 429", retry_after=30)
        world.banks["card-a"].list_faults = [Unknown(detail="status 500"), busy]
        assert await counts(world, "card-a") == {"match": 1}


async def test_a_list_that_keeps_failing_ends_the_run_and_tells(new_books: NewBooks) -> None:
    async with new_books("card-a") as world:
        checkout = await paid(world)
        world.banks["card-a"].list_faults = [Unknown(detail="status 500")] * 50
        result = await reconciled(world, "card-a")
        assert (result.status, result.counts) == ("failed", {})
        assert (await run_of(world, result)).detail == "status 500"
        assert await world.alerts("card-a/rec_") == ["reconciliation.failed"]
        assert await breaks(world) == [], "nothing is said of payments that could not be compared"
        assert (await world.row(checkout)).status == "succeeded"


async def test_all_accounts_after_one_another(new_books: NewBooks) -> None:
    async with new_books("card-a", "card-b") as world:
        await paid(world)
        names = await world.client.execute_workflow(
            "ReconcileAll", {}, id="reconcile-all/test", task_queue=world.task_queue
        )
        assert names == ["card-a", "card-b"]
