"""The contract when something goes wrong: what is known afterwards, and that nothing happens twice."""

from collections.abc import Callable

from domain.conclude import check
from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Mismatch,
    NotFound,
    NotSent,
    NotSentCause,
    Pending,
    Unknown,
)
from gateways.base import (
    FoundRefunds,
    GatewayRefund,
)
from tests.contract.case import ContractCase
from tests.contract.every import closable, every, hosted, keyed, manual, tells
from tests.contract.trial import Trial, unpaid

NO_EFFECT = ("timeout_before", "error_before", "reset_before")
EFFECT = ("timeout_after", "error_after", "reset_after", "malformed", "slow")


def _faults(*kinds: str) -> Callable[[ContractCase], list[tuple[object, ...]]]:
    return lambda _case: [(kind,) for kind in kinds]


@every("fault", values=_faults(*NO_EFFECT, *EFFECT))
async def test_an_answer_that_is_lost_is_unknown_and_then_looked_up(trial: Trial, fault: str) -> None:
    asked = trial.request()
    await trial.fault("charge", fault, **({"seconds": 1.0} if fault == "slow" else {}))

    outcome = await trial.hasty.charge(asked)

    assert isinstance(outcome, Unknown)
    if fault in NO_EFFECT:
        told = await trial.concluded(asked, trial.handle(asked))
        assert isinstance(told, Unknown if trial.can.told_by_webhook else NotFound)
        assert await trial.ledger() == []
    else:
        await trial.until(trial.ledger, bool)
        await trial.approved(asked, Pending(detail="to be looked up"))
        assert await trial.ledger() == [("capture", asked.amount, asked.currency)]


@every("fault", where=keyed, values=_faults(*NO_EFFECT, *EFFECT))
async def test_after_a_lost_answer_the_same_key_pays_at_most_once(trial: Trial, fault: str) -> None:
    asked = trial.request()
    await trial.fault("charge", fault, **({"seconds": 1.0} if fault == "slow" else {}))
    assert isinstance(await trial.hasty.charge(asked), Unknown)

    again = await trial.gateway.charge(asked)

    if fault.startswith("error"):
        assert isinstance(again, Unknown), "a stored failure is replayed: look up instead"
    else:
        await trial.approved(asked, again)
    assert len(await trial.ledger()) == (0 if fault == "error_before" else 1)


@every("fault", where=hosted, values=_faults("timeout_before", "timeout_after", "malformed", "error_after"))
async def test_a_page_whose_opening_is_unknown_is_not_paid(trial: Trial, fault: str) -> None:
    asked = trial.page()
    await trial.fault("charge", fault)

    assert isinstance(await trial.hasty.charge(asked), Unknown)

    outcome = await trial.concluded(asked, trial.handle(asked))
    unclear = Unknown if trial.can.told_by_webhook else NotFound
    assert isinstance(outcome, ActionRequired | Pending | unclear)
    assert await trial.ledger() == []


@every(
    "fault",
    "cause",
    values=lambda _case: [
        ("rate_limit", NotSentCause.RATE_LIMITED),
        ("unauthorized", NotSentCause.UNAUTHORIZED),
        ("refuse", NotSentCause.UNREACHABLE),
    ],
)
async def test_a_gateway_that_does_not_take_the_request_has_done_nothing(
    trial: Trial, fault: str, cause: NotSentCause
) -> None:
    handle = await trial.paid()
    before = await trial.ledger()
    await trial.fault("*", fault, **({} if fault == "refuse" else {"count": 10}))

    async with trial.newcomer() as gateway:
        for asked in (trial.request(), *([trial.page()] if hosted(trial.case, trial.can) else [])):
            outcome = await gateway.charge(asked)
            assert isinstance(outcome, NotSent)
            assert outcome.cause is cause
            assert outcome.retry_after is None or 0 <= outcome.retry_after <= 300
        refund = await gateway.refund(trial.refunding(handle, 100))
        assert isinstance(refund, NotSent | Unknown)
        if tells(trial.case, trial.can):
            assert isinstance(await gateway.look_up(handle), Unknown)
            assert isinstance(await gateway.look_up_refunds(handle), Unknown)

    assert await trial.ledger() == before


@every("fault", values=_faults("wrong_amount", "wrong_currency"))
async def test_another_amount_or_currency_is_a_mismatch(trial: Trial, fault: str) -> None:
    asked = trial.request()
    await trial.fault("charge", fault)

    outcome = await trial.gateway.charge(asked)

    if isinstance(outcome, Approved):
        outcome = check(
            outcome.payment,
            reference=asked.reference,
            amount=asked.amount,
            currency=asked.currency,
            capture_method=asked.capture_method,
        )
    else:
        outcome = await trial.concluded(asked, trial.handle(asked, outcome))
    assert isinstance(outcome, Mismatch)
    ((_, amount, currency),) = await trial.ledger()
    assert (outcome.payment.amount, outcome.payment.currency) == (amount, currency)


@every("fault", where=tells, values=_faults("timeout_before", "reset_before", "error_before", "malformed"))
async def test_a_look_up_that_fails_says_nothing(trial: Trial, fault: str) -> None:
    asked = trial.request()
    handle = await trial.paid()
    for known in (handle, trial.handle(asked)):
        await trial.fault("lookup", fault)
        assert isinstance(await trial.hasty.look_up(known), Unknown)
    await trial.fault("lookup", fault)
    assert isinstance(await trial.hasty.look_up_refunds(handle), Unknown)
    await trial.control.clear_faults()
    assert not unpaid(await trial.concluded(asked, handle))


@every("fault", values=_faults("timeout_after", "reset_after", "malformed"))
async def test_a_refund_whose_answer_is_lost_is_found(trial: Trial, fault: str) -> None:
    handle = await trial.paid()
    asked = trial.refunding(handle, 1_000)
    await trial.fault("refund", fault)

    assert isinstance(await trial.hasty.refund(asked), Unknown)

    async def told() -> list[tuple[str | None, int]]:
        found = await trial.gateway.look_up_refunds(handle)
        assert isinstance(found, FoundRefunds)
        return [(made.refund_id, made.amount) for made in found.refunds]

    found = await (trial.until(told, bool) if trial.can.settles_later else told())
    assert found == [(asked.refund_id, 1_000)]
    if trial.can.key_life is not None:
        assert isinstance(await trial.gateway.refund(asked), GatewayRefund)
    assert len(await trial.ledger("refund")) == 1


@every("fault", where=manual, values=_faults("timeout_after", "reset_after", "malformed"))
async def test_a_capture_or_void_whose_answer_is_lost_happens_once(trial: Trial, fault: str) -> None:
    handle = await trial.authorized()
    await trial.fault("capture", fault)
    assert isinstance(await trial.hasty.capture(trial.capturing(handle, handle.amount)), Unknown)
    again = await trial.settled(lambda: trial.gateway.capture(trial.capturing(handle, handle.amount)))
    assert isinstance(again, Approved)
    assert len(await trial.ledger("capture")) == 1


@every("fault", where=closable, values=_faults("timeout_after", "reset_after", "malformed", "timeout_before"))
async def test_a_close_whose_answer_is_lost_is_not_believed(trial: Trial, fault: str) -> None:
    handle = await trial.opened()
    await trial.fault("cancel", fault)

    assert isinstance(await trial.hasty.close(handle), Unknown)

    assert isinstance(await trial.gateway.close(handle), Canceled)
