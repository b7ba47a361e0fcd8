"""The paths whose histories are kept: how each is walked, by name."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from temporalio.client import WorkflowHandle, WorkflowUpdateStage

from api.dispute_runs import scan_disputes
from api.refund_runs import refund_run_id
from domain.decline import DeclineCategory
from domain.dispute import DisputeStatus
from domain.ids import attempt_id
from domain.outcome import PaymentStatus
from domain.screening import ListEffect, ListKind
from domain.switches import Switch
from gateways.base import RefundStatus
from storage import lists
from tests.operators.freezing import Hand
from tests.refunds.till import Till, till_in
from tests.workflow.bank import action, approve, decline, lost, never, not_sent, pending
from tests.workflow.world import World
from workflows.checkout import Checkout
from workflows.dispute import Dispute
from workflows.messages import (
    CancelCheckout,
    CaptureCheckout,
    ChooseNext,
    DecideReview,
    Decision,
    GatewayNews,
    LookInput,
    ReconcileAllInput,
    ReconcileInput,
    RefundInput,
)
from workflows.reconciliation import Reconcile, ReconcileAll, reconcile_id
from workflows.refund import Refund
from workflows.refund_check import RefundCheck


class Scenario(NamedTuple):
    accounts: tuple[str, ...]
    walk: Callable[[World], Awaitable[str | tuple[str, str]]]
    """Walks the path to its end and returns the id of the workflow to keep, or that and the run's."""


async def straight(world: World) -> str:
    checkout = await world.checkout()
    await world.run(checkout)
    return f"checkout/{checkout}"


async def soft_decline_then_next(world: World) -> str:
    world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
    return await straight(world)


async def not_reached_then_next(world: World) -> str:
    world.banks["card-a"].charge_script = [not_sent(), not_sent()]
    return await straight(world)


async def page_after_decline(world: World) -> str:
    world.banks["card-a"].charge_script = [decline(DeclineCategory.CUSTOMER), approve()]
    checkout = await world.checkout(allow_redirect=True)
    await world.run(checkout)
    return f"checkout/{checkout}"


async def action_and_webhook(world: World) -> str:
    world.banks["card-a"].charge_script = [action()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until(checkout, "requires_action")
    world.banks["card-a"].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
    await world.news(handle, checkout)
    await handle.result()
    return handle.id


async def unknown_then_found(world: World) -> str:
    world.banks["momo"].charge_script = [lost(approve())]
    return await straight(world)


async def unknown_then_resent(world: World) -> str:
    world.banks["card-a"].charge_script = [never()]
    return await straight(world)


async def not_found_then_next(world: World) -> str:
    world.banks["momo"].charge_script = [never()]
    return await straight(world)


async def review_and_decision(world: World) -> str:
    world.banks["momo"].charge_script = [pending()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(minutes=45))
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.LOOK_AGAIN))
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.NOT_PAID))
    await handle.result()
    return handle.id


async def _held_back(world: World) -> tuple[str, WorkflowHandle[Any, Any]]:
    """Screening wants a person to be asked."""
    checkout = await world.checkout(customer={"ip": "185.220.101.1", "email": "x@mailinator.com"})
    handle = await world.start(checkout)
    await world.until(checkout, "in_review")
    return checkout, handle


async def risk_approved(world: World) -> str:
    _, handle = await _held_back(world)
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.APPROVE))
    await handle.result()
    return handle.id


async def risk_declined(world: World) -> str:
    _, handle = await _held_back(world)
    await handle.execute_update(Checkout.decide_review, DecideReview(decision=Decision.DECLINE))
    await handle.result()
    return handle.id


async def risk_canceled(world: World) -> str:
    _, handle = await _held_back(world)
    await handle.execute_update(Checkout.cancel, CancelCheckout())
    await handle.result()
    return handle.id


async def risk_undecided(world: World) -> str:
    _, handle = await _held_back(world)
    await handle.result()
    return handle.id


async def risk_blocked(world: World) -> str:
    async with world.database.transaction() as session:
        await lists.add(
            session, ListEffect.BLOCK, ListKind.EMAIL, "mallory@shop.test", actor="test", reason="to record"
        )
    checkout = await world.checkout(customer={"email": "mallory@shop.test"})
    await world.run(checkout)
    return f"checkout/{checkout}"


async def risk_challenged(world: World) -> str:
    checkout = await world.checkout(customer={"ip": "185.220.101.1"})
    await world.run(checkout)
    return f"checkout/{checkout}"


async def manual_capture(world: World) -> str:
    checkout = await world.checkout(capture_method="manual")
    handle = await world.start(checkout)
    await world.until(checkout, "requires_capture")
    await handle.execute_update(Checkout.capture, CaptureCheckout(amount=4_000))
    await handle.result()
    return handle.id


async def cancel_while_waiting(world: World) -> str:
    world.banks["card-a"].charge_script = [action()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until(checkout, "requires_action")
    await handle.execute_update(Checkout.cancel, CancelCheckout())
    await handle.result()
    return handle.id


async def page_canceled_unclear(world: World) -> str:
    """The link was lost with the answer: asked for again, and closed."""
    world.banks["mute"].charge_script = [lost(action())]
    checkout = await world.checkout(payment_method={"type": "hosted"})
    handle = await world.start(checkout)
    await world.until_told(checkout, "attempt.unknown")
    await handle.start_update(Checkout.cancel, CancelCheckout(), wait_for_stage=WorkflowUpdateStage.ACCEPTED)
    await handle.result()
    return handle.id


async def canceled_then_lost(world: World) -> str:
    """The run that recovery starts instead of the lost one."""
    world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
    world.banks["card-b"].charge_script = [action()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until(checkout, "requires_action")
    await world.lose(handle)
    await world.run(checkout, canceled=True)
    return handle.id


async def chosen_while_waiting(world: World) -> str:
    world.banks["card-a"].charge_script = [action()]
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until(checkout, "requires_action")
    await handle.execute_update(Checkout.choose_next, ChooseNext(account="card-b", close_page=True))
    await handle.result()
    return handle.id


async def expiry(world: World) -> str:
    world.banks["momo"].charge_script = [action(url=None, closable=False)]
    return await straight(world)


async def frozen_then_thawed(world: World) -> str:
    hand = Hand(world.database)
    await hand.freeze(Switch.CHARGES)
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(seconds=10))
    await hand.thaw(Switch.CHARGES)
    await handle.result()
    return handle.id


async def frozen_until_canceled(world: World) -> str:
    hand = Hand(world.database)
    await hand.freeze(Switch.CHARGES)
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(seconds=10))
    await handle.execute_update(Checkout.cancel, CancelCheckout())
    await handle.result()
    await hand.thaw(Switch.CHARGES)
    return handle.id


async def frozen_failover(world: World) -> str:
    hand = Hand(world.database)
    await hand.freeze(Switch.FAILOVER)
    kept = await soft_decline_then_next(world)
    await hand.thaw(Switch.FAILOVER)
    return kept


async def frozen_watcher(world: World) -> str:
    hand = Hand(world.database)
    world.banks["momo"].charge_script = [never()]
    checkout = await world.checkout()
    await world.run(checkout)
    await hand.freeze(Switch.COMPENSATION)
    world.banks["momo"].appear(attempt_id(checkout, 1), 12_500, "NGN")
    await world.skip(timedelta(minutes=40))
    await hand.thaw(Switch.COMPENSATION)
    await world.compensated(checkout)
    return world.watcher(checkout).id


async def watcher_refunds(world: World) -> str:
    world.banks["momo"].charge_script = [never()]
    checkout = await world.checkout()
    await world.run(checkout)
    await world.skip(timedelta(minutes=30))
    world.banks["momo"].appear(attempt_id(checkout, 1), 12_500, "NGN")
    await world.compensated(checkout)
    return world.watcher(checkout).id


async def watcher_goes_on(world: World) -> str:
    """A refund that stays pending: the run that began anew."""
    world.banks["card-a"].charge_script = [never(), never(), never()]
    checkout = await world.checkout()
    await world.run(checkout)
    world.banks["card-a"].refund_status = RefundStatus.PENDING
    world.banks["card-a"].appear(attempt_id(checkout, 1), 12_500, "NGN")
    for _ in range(4):
        await world.skip(timedelta(days=10))
    world.banks["card-a"].decide_refunds(attempt_id(checkout, 1), RefundStatus.SUCCEEDED)
    await world.compensated(checkout)
    return world.watcher(checkout).id


async def review_resolved_by_itself(world: World) -> str:
    world.banks["momo"].charge_script = [never()]
    world.banks["momo"].look_up_faults = 100_000
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.skip(timedelta(minutes=45))
    world.banks["momo"].look_up_faults = 0
    await handle.result()
    return handle.id


async def blocked_then_next(world: World) -> str:
    """An attempt that was declined turns out to hold money until it is given back."""
    world.banks["card-a"].charge_script = [decline(DeclineCategory.SOFT)]
    world.faults.stall[4] = 1.0
    checkout = await world.checkout()
    handle = await world.start(checkout)
    await world.until_told(checkout, "attempt.declined")
    await world.become(attempt_id(checkout, 1), "captured")
    async with asyncio.timeout(20):
        while not await world.alerts(attempt_id(checkout, 2)):  # noqa: ASYNC110 - a worker writes it
            await asyncio.sleep(0.05)
    await world.become(attempt_id(checkout, 1), "refunded")
    await handle.result()
    return handle.id


async def watcher_adopts(world: World) -> str:
    """Late money is the checkout's own by the time its watcher looks."""
    world.banks["momo"].charge_script = [lost(approve())]
    checkout = await world.checkout()
    await world.run(checkout)
    watch = await world.watch(checkout, account="momo")
    await watch.result()
    return watch.id


async def reconciled(world: World) -> str:
    """One account's books, with money on an attempt that was left behind."""
    world.banks["momo"].charge_script = [never()]
    checkout = await world.checkout()
    await world.run(checkout)
    await world.lose(world.watcher(checkout))
    world.banks["momo"].appear(attempt_id(checkout, 1), 12_500, "NGN")
    now = datetime.now(UTC)
    handle = await world.client.start_workflow(
        Reconcile.run,
        ReconcileInput(account="momo", since=now - timedelta(days=1), until=now + timedelta(days=1)),
        id=reconcile_id("momo", checkout),
        task_queue=world.task_queue,
    )
    await handle.result()
    return handle.id


async def reconciled_all(world: World) -> str:
    handle = await world.client.start_workflow(
        ReconcileAll.run, ReconcileAllInput(), id="reconcile-all/recorded", task_queue=world.task_queue
    )
    await handle.result()
    return handle.id


async def _refunded(world: World, **changes: Any) -> tuple[str, str]:
    """A refund that the gateway keeps pending for hours. Returns its id and its first run's."""
    till = await till_in(world, "card-a")
    till.bank.settle_script = [till.slow()]
    refund = (await till.accept(5_000)).refund
    run = await world.client.start_workflow(
        Refund.run,
        RefundInput(
            refund_id=refund.id,
            account="card-a",
            intervals=(60, 3600),
            timeout=60,
            unclear_after=21_600,
            overdue_after=86_400,
            **changes,
        ),
        id=refund_run_id(refund.id),
        task_queue=world.task_queue,
    )
    await world.skip(timedelta(hours=5))
    await run.signal(Refund.gateway_news, GatewayNews(attempt_id=till.attempt))
    till.decide(RefundStatus.SUCCEEDED)
    await run.result()
    return run.id, run.first_execution_run_id or ""


async def refund_pending_then_succeeded(world: World) -> str:
    return (await _refunded(world))[0]


async def refund_continued_as_new(world: World) -> tuple[str, str]:
    """The first of the runs."""
    return await _refunded(world, looks_per_run=3)


async def refund_continued(world: World) -> str:
    """The last of the runs."""
    return (await _refunded(world, looks_per_run=3))[0]


async def _look(world: World, workflow: Any, name: str, prepare: Callable[[Till], None]) -> str:
    till = await till_in(world, "card-a")
    prepare(till)
    run = await world.client.start_workflow(
        workflow,
        LookInput(
            checkout_id=till.checkout,
            attempt_id=till.attempt,
            account="card-a",
            intervals=(60, 3600),
            timeout=60,
        ),
        id=f"{name}/{till.attempt}",
        task_queue=world.task_queue,
        start_signal="gateway_news",
        start_signal_args=[GatewayNews(attempt_id=till.attempt)],
    )
    await world.skip(timedelta(hours=2))
    till.bank.dispute(till.attempt, DisputeStatus.WON)
    await run.result()
    return run.id


async def dispute_won(world: World) -> str:
    def disputed(till: Till) -> None:
        till.bank.dispute(till.attempt, DisputeStatus.NEEDS_RESPONSE)

    return await _look(world, Dispute.run, "dispute", disputed)


async def refund_check(world: World) -> str:
    return await _look(world, RefundCheck.run, "refund-check", lambda _till: None)


async def dispute_scan(world: World) -> str:
    till = await till_in(world, "card-a")
    till.bank.dispute(till.attempt, DisputeStatus.LOST)
    await scan_disputes(till.parts, "card-a")
    run = world.client.get_workflow_handle("disputes/card-a")
    await run.result()
    return run.id


CARDS = ("card-a", "card-b")
MOBILE = ("momo", "card-b")
SCENARIOS = {
    "straight": Scenario(CARDS, straight),
    "soft_decline_then_next": Scenario(CARDS, soft_decline_then_next),
    "not_reached_then_next": Scenario(CARDS, not_reached_then_next),
    "page_after_decline": Scenario(CARDS, page_after_decline),
    "action_and_webhook": Scenario(CARDS, action_and_webhook),
    "unknown_then_found": Scenario(MOBILE, unknown_then_found),
    "unknown_then_resent": Scenario(CARDS, unknown_then_resent),
    "not_found_then_next": Scenario(MOBILE, not_found_then_next),
    "review_and_decision": Scenario(MOBILE, review_and_decision),
    "manual_capture": Scenario(CARDS, manual_capture),
    "risk_approved": Scenario(CARDS, risk_approved),
    "risk_declined": Scenario(CARDS, risk_declined),
    "risk_canceled": Scenario(CARDS, risk_canceled),
    "risk_undecided": Scenario(CARDS, risk_undecided),
    "risk_blocked": Scenario(CARDS, risk_blocked),
    "risk_challenged": Scenario(CARDS, risk_challenged),
    "cancel_while_waiting": Scenario(CARDS, cancel_while_waiting),
    "page_canceled_unclear": Scenario(("mute",), page_canceled_unclear),
    "canceled_then_lost": Scenario(CARDS, canceled_then_lost),
    "chosen_while_waiting": Scenario(CARDS, chosen_while_waiting),
    "expiry": Scenario(("momo",), expiry),
    "watcher_refunds": Scenario(MOBILE, watcher_refunds),
    "watcher_goes_on": Scenario(CARDS, watcher_goes_on),
    "watcher_adopts": Scenario(MOBILE, watcher_adopts),
    "review_resolved_by_itself": Scenario(MOBILE, review_resolved_by_itself),
    "blocked_then_next": Scenario(CARDS, blocked_then_next),
    "reconciled": Scenario(MOBILE, reconciled),
    "reconciled_all": Scenario(CARDS, reconciled_all),
    "refund_pending_then_succeeded": Scenario(("card-a",), refund_pending_then_succeeded),
    "refund_continued_as_new": Scenario(("card-a",), refund_continued_as_new),
    "refund_continued": Scenario(("card-a",), refund_continued),
    "dispute_won": Scenario(("card-a",), dispute_won),
    "refund_check": Scenario(("card-a",), refund_check),
    "dispute_scan": Scenario(("card-a",), dispute_scan),
    "frozen_then_thawed": Scenario(CARDS, frozen_then_thawed),
    "frozen_until_canceled": Scenario(CARDS, frozen_until_canceled),
    "frozen_failover": Scenario(CARDS, frozen_failover),
    "frozen_watcher": Scenario(MOBILE, frozen_watcher),
}
