"""Whatever gateways, networks, webhooks and processes do: the promises hold, by the gateways' own ledgers.

Each example is a script of answers for up to three accounts, webhooks in any order and number, cancels, and
commits that are lost; it runs on a server whose time skips. A failure prints how to replay it
(`@reproduce_failure`). `HYPOTHESIS_PROFILE=nightly` runs many more examples.
"""

import os
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import event as counted
from hypothesis import strategies as st
from temporalio.client import WorkflowUpdateStage
from temporalio.service import RPCError

from domain.attempt import NEGATIVE
from domain.checkout import FINAL
from domain.decline import DeclineCategory
from domain.ids import attempt_id
from domain.outcome import NotSentCause, PaymentStatus
from gateways.base import ChargeRequest
from storage import attempts
from tests.workflow.plays import Play, action, approve, decline, lost, never, not_sent, pending, wrong_amount
from tests.workflow.world import ACCOUNTS, AMOUNT, World, skipping_world
from workflows.messages import CancelCheckout

pytestmark = pytest.mark.long

EXAMPLES: Final = 300 if os.environ.get("HYPOTHESIS_PROFILE") == "nightly" else 12

BOUNDED: Final = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

ANSWERS: Final[dict[str, Callable[[], Play]]] = {
    "approve": approve,
    "approve, answer lost": lambda: lost(approve()),
    "silence": never,
    "soft": lambda: decline(DeclineCategory.SOFT),
    "soft, answer lost": lambda: lost(decline(DeclineCategory.SOFT)),
    "hard": lambda: decline(DeclineCategory.HARD),
    "unreachable": not_sent,
    "unauthorized": lambda: not_sent(NotSentCause.UNAUTHORIZED),
    "challenge": action,
    "challenge, answer lost": lambda: lost(action()),
    "prompt": lambda: action(url=None, closable=False),
    "pending": pending,
    "wrong amount": lambda: wrong_amount(AMOUNT + 1),
}

LATER: Final = ("captured", "declined", "appears", "news", "news twice", "news of another", "cancel")
"""What may happen while it runs; `appears`: a request that was lost is executed after all."""


SERVER_STOPPED: Final = "Timeout expired"
"""The time-skipping server sometimes answers no more, with runs that wait or after the last has ended. Such a
life is judged by what holds at any moment."""

LONGEST_HISTORY: Final = 1_000
"""Events of a run, many times what the longest life takes."""


@dataclass(frozen=True)
class Script:
    accounts: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    """For each account, what its charges come to."""
    silent_look_ups: tuple[int, ...]
    unclear_closes: bool
    manual: bool
    later: tuple[tuple[str, int, int], ...]
    """(what, number of the attempt, minutes that pass before)."""
    lost_commits: frozenset[tuple[int, bool]]
    """Transactions whose connection is lost; True: after the commit."""


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    accounts = tuple(draw(st.lists(st.sampled_from(sorted(ACCOUNTS)), min_size=1, max_size=3, unique=True)))
    answers = st.lists(st.sampled_from(sorted(ANSWERS)), max_size=3).map(tuple)
    later = st.tuples(st.sampled_from(LATER), st.integers(1, len(accounts)), st.sampled_from([0, 1, 8, 25]))
    return Script(
        accounts=accounts,
        answers=tuple(draw(answers) for _ in accounts),
        silent_look_ups=tuple(draw(st.sampled_from([0, 0, 1, 4, 60])) for _ in accounts),
        unclear_closes=draw(st.booleans()),
        manual=draw(st.integers(0, 4)) == 0,
        later=tuple(draw(st.lists(later, max_size=4))),
        lost_commits=frozenset(draw(st.lists(st.tuples(st.integers(1, 14), st.booleans()), max_size=2))),
    )


class Witness:
    """Stands at every gateway's door: what must be true at the moment a charge arrives."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.broken: list[str] = []
        self._sent: dict[str, ChargeRequest] = {}
        self._last: dict[str, datetime] = {}
        for account, bank in world.banks.items():
            bank.on_charge = self._at(account)

    def _at(self, account: str) -> Callable[[ChargeRequest], Awaitable[None]]:
        async def arrived(request: ChargeRequest) -> None:
            await self._judge(account, request)

        return arrived

    async def may_appear(self, account: str, reference: str) -> ChargeRequest | None:
        """A request that was lost and may be executed yet: within its gateway's longest time in flight, which
        the quiet period covers with room to spare."""
        quiet = ACCOUNTS[account].capabilities.quiet_period
        last = self._last.get(reference)
        if last is None or await self._world.now() - last > quiet - timedelta(minutes=1):
            return None
        return self._sent[reference]

    async def _judge(self, account: str, request: ChargeRequest) -> None:
        self._last[request.reference] = await self._world.now()
        checkout = f"co_{request.reference.removeprefix('att_').rpartition('_')[0]}"
        async with self._world.database.transaction() as session:
            rows = {row.id: row for row in await attempts.of_checkout(session, checkout)}
        row = rows.get(request.reference)
        if row is None or row.sent_at is None:
            self.broken.append(f"I7: {request.reference} arrived before it was intended and claimed")
            return
        if self._sent.setdefault(request.reference, request) != request:
            self.broken.append(f"I8: {request.reference} arrived with other bytes")
        arrived = len(self._world.banks[account].sent(request.reference))
        if arrived > 1 and not ACCOUNTS[account].capabilities.key_life:
            self.broken.append(f"I8: {request.reference} was sent {arrived} times without keys")
        for before in rows.values():
            if before.number < row.number and before.status not in (*NEGATIVE, "refunded"):
                self.broken.append(f"I9: {row.id} was sent while {before.id} was {before.status}")
        for name, payments in ((name, bank.payments) for name, bank in self._world.banks.items()):
            for payment in payments.values():
                before_it = payment.reference in rows and payment.reference != row.id
                if before_it and self._live(
                    payment.status, payment.amount_captured - payment.amount_refunded
                ):
                    self.broken.append(f"I1: {row.id} was sent while {name} had the money")

    @staticmethod
    def _live(status: PaymentStatus, net: int) -> bool:
        return status is PaymentStatus.AUTHORIZED or net > 0


async def act(world: World, witness: Witness, checkout: str, what: str, number: int) -> None:
    """One thing that happens outside."""
    reference = attempt_id(checkout, number)
    made = {attempt.id: attempt.account for attempt in await world.attempts(checkout)}
    bank = world.banks.get(made.get(reference, ""))
    run = world.client.get_workflow_handle(f"checkout/{checkout}")
    told = [run] if what != "cancel" else []
    if bank is not None:
        open_ = [each for each in bank.payments.values() if each.reference == reference]
        undecided = [e for e in open_ if e.status in (PaymentStatus.PENDING, PaymentStatus.REQUIRES_ACTION)]
        if what == "captured" and undecided:
            bank.settle(reference, PaymentStatus.CAPTURED)
        elif what == "declined" and undecided:
            answer = decline(DeclineCategory.SOFT).decline
            bank.settle(reference, PaymentStatus.DECLINED, decline=answer)
        elif what == "appears" and not open_:
            request = await witness.may_appear(made[reference], reference)
            if request is not None:
                bank.execute_late(request)
        told.append(world.watcher(checkout, number))
    for handle in told * (2 if what == "news twice" else 1):
        try:
            about = number if what != "news of another" else number + 1
            await world.news(handle, checkout, about, heard=False)
        except RPCError as gone:  # it has ended, or there is none: nobody is told
            note(f"{handle.id}: {gone.status}")
    if what == "cancel":
        try:
            await run.start_update(
                "cancel",
                CancelCheckout(),
                id="cancel",
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            )
        except RPCError as ended:
            note(f"cancel: {ended.status}")


async def play(script: Script, database_url: str) -> None:
    note(repr(script))
    async with skipping_world(database_url, script.accounts, watch_for=6 * 3600.0) as world:
        for name, answers, silent in zip(
            script.accounts, script.answers, script.silent_look_ups, strict=True
        ):
            world.banks[name].charge_script = [ANSWERS[each]() for each in answers]
            world.banks[name].look_up_faults = silent
            if script.unclear_closes:
                world.banks[name].settle_script = [lost(approve())]
        for number, committed in script.lost_commits:
            (world.faults.lost_after if committed else world.faults.lost_before).add(number)
        witness = Witness(world)
        checkout = await world.checkout(capture_method="manual" if script.manual else "automatic")
        await world.start(checkout)
        try:
            await live(world, witness, checkout, script)
        except RPCError as error:
            if error.message != SERVER_STOPPED:
                raise
            counted("the server stopped answering")
            await judge_so_far(world, checkout, witness)
            await judge_rest(world)
        else:
            await judge(world, checkout, witness)


async def live(world: World, witness: Witness, checkout: str, script: Script) -> None:
    """What happens outside, and then more time than any run of the checkout may take."""
    for what, number, minutes in script.later:
        await world.skip(timedelta(minutes=minutes, seconds=1))
        await act(world, witness, checkout, what, number)
    for _ in range(7):  # the life of an authorization, after a week in which the gateway could not be asked
        if await world.anything_runs():
            await world.skip(timedelta(days=2))


async def judge_rest(world: World) -> None:
    """Where no time passes any more: the product has ended, or waits. It does not go round in circles."""
    for run, events in (await world.lengths()).items():
        assert events <= LONGEST_HISTORY, f"I15: {run} goes round in circles: {events} events"


@dataclass(frozen=True)
class Books:
    """The gateways' ledgers by attempt."""

    net: Counter[str]
    """What was taken and not given back."""
    refunds: Counter[str]
    """How often something was given back."""
    states: str
    """Of our rows, in words."""


async def judge_so_far(world: World, checkout: str, witness: Witness) -> Books:
    """What holds at any moment."""
    row = await world.row(checkout)
    rows = await world.attempts(checkout)
    states = f"{row.status} {[(a.id, a.account, a.status, a.amount_refunded) for a in rows]}"
    note(states)
    net: Counter[str] = Counter()
    captures: Counter[str] = Counter()
    refunds: Counter[str] = Counter()
    for _, effect in world.ledger(checkout):
        sign = {"capture": 1, "refund": -1}.get(effect.kind, 0)
        net[effect.reference] += sign * effect.amount
        captures[effect.reference] += effect.kind == "capture"
        refunds[effect.reference] += effect.kind == "refund"
    assert not witness.broken, (witness.broken, states)
    assert max(captures.values(), default=0) <= 1, ("I2", captures)
    assert max(refunds.values(), default=0) <= 1, ("I11", refunds)
    return Books(net, refunds, states)


async def judge(world: World, checkout: str, witness: Witness) -> None:
    """What holds in the end."""
    books = await judge_so_far(world, checkout, witness)
    net, states = books.net, books.states
    row = await world.row(checkout)
    rows = await world.attempts(checkout)
    held = [reference for reference, amount in net.items() if amount]
    assert len(held) <= 1, ("I1", net, states)
    assert row.status in FINAL or row.status == "in_review", ("I15", states)
    if row.status == "in_review":
        assert await world.alerts(checkout), "I15: in review, and nobody knows"
    elif row.status == "succeeded":
        assert held == [row.paid_attempt_id], ("I4", held, states)
        assert net[held[0]] == row.amount_captured == AMOUNT, ("I5", net, states)
    else:
        assert not held, ("I5, I13", net, states)
        every = [each for bank in world.banks.values() for each in bank.payments.values()]
        assert not [each for each in every if each.status is PaymentStatus.AUTHORIZED], ("I13", states)
    finals = [await world.told(checkout, f"checkout.{status}") for status in sorted(FINAL)]
    assert sum(finals) == (row.status in FINAL), ("I14", finals)
    for attempt in rows:
        if books.refunds[attempt.id]:
            assert "attempt.late_success" in await world.alerts(attempt.id), ("I13", states)
        if attempt.status == "not_found" and attempt.sent_at is not None:
            assert await world.told(checkout, "attempt.not_found"), ("I10", states)


@pytest.mark.timeout(1500)  # many lives in one test
@BOUNDED
@given(script=scripts())
async def test_the_promises_hold_whatever_happens(module_database_url: str, script: Script) -> None:
    """I1, I2, I4, I5, I7 to I11, I13 to I15."""
    await play(script, module_database_url)


@st.composite
def deliveries(draw: st.DrawFn) -> list[str]:
    """The genuine events of one payment, each at least once, in any order and number."""
    more = draw(st.lists(st.sampled_from(["created", "pending", "captured"]), max_size=4))
    return draw(st.permutations(["created", "pending", "captured", *more]))


@BOUNDED
@given(events=deliveries(), account=st.sampled_from(["card-a", "momo"]), pause=st.sampled_from([0, 0, 40]))
async def test_any_order_of_the_genuine_webhooks_ends_alike(
    module_database_url: str, events: list[str], account: str, pause: int
) -> None:
    """I18: events are hints; how many come, and in which order, changes nothing about the end."""
    async with skipping_world(module_database_url, (account, "card-b")) as world:
        world.banks[account].charge_script = [pending()]
        checkout = await world.checkout()
        handle = await world.start(checkout)
        await world.until_told(checkout, "attempt.pending")
        for index, event in enumerate(events):
            if event == "captured" and "captured" not in events[:index]:
                world.banks[account].settle(attempt_id(checkout, 1), PaymentStatus.CAPTURED)
            with suppress(RPCError):  # told after the end: nobody listens
                await world.news(handle, checkout, heard=pause > 0 or index == len(events) - 1)
            if pause:
                await world.skip(timedelta(seconds=pause))
        assert (await handle.result()).status == "succeeded"
        row = await world.row(checkout)
        assert (row.status, row.account, row.amount_captured, row.amount_refunded) == (
            "succeeded",
            account,
            AMOUNT,
            0,
        )
        assert await world.statuses(checkout) == [f"{account} captured"]
        assert [effect.kind for _, effect in world.ledger(checkout)] == ["capture"]
        assert await world.told(checkout, "checkout.succeeded") == 1
