"""Closing, capturing, voiding and refunding Stripe's payments, whatever id is known."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from domain.outcome import (
    Approved,
    Canceled,
    Declined,
    NotFound,
    NotSent,
    Pending,
    Unknown,
)
from gateways.base import (
    CaptureRequest,
    FoundRefunds,
    GatewayRefund,
    RefundRefused,
    RefundRequest,
    RefundStatus,
    VoidRequest,
)
from gateways.stripe import Stripe
from tests.contract.scripted import Answer, Scripted, reset, says, silent, text
from tests.contract.stripe_wire import (
    CANCEL,
    CAPTURE,
    EXPIRE,
    FAULTS,
    IN_USE,
    INTENT,
    INTENTS,
    LIST_INTENTS,
    LIST_REFUNDS,
    LIST_SESSIONS,
    MISSING,
    NOTHING,
    REFERENCE,
    REFUND,
    SESSION,
    STATE,
    error,
    handle,
    intent,
    listing,
    refund,
    scripted_stripe,
    session,
)


@pytest.mark.parametrize("status", ["requires_action", "requires_payment_method", "processing"])
async def test_closing_cancels_whatever_could_still_be_paid(status: str) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(INTENT, says(intent(status, last_payment_error={"code": "card_declined"})))
        script.on(CANCEL, says(intent("canceled")))
        for _ in range(2):
            assert await stripe.close(handle()) == Canceled(payment_id="pi_1")
    assert len({sent.headers["idempotency-key"] for sent in script.asked(CANCEL)}) == 1


async def test_a_refused_close_does_not_bar_a_later_one() -> None:
    """Stripe keeps its refusals under their keys: what was refused while a bank was working may pass now."""
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_SESSIONS, NOTHING)
        script.on(INTENT, says(intent("processing")))
        script.on(CANCEL, STATE, says(intent("canceled")))
        assert isinstance(await stripe.close(handle()), Pending)
        script.on(
            INTENT, says(intent("requires_payment_method", last_payment_error={"code": "expired_card"}))
        )
        assert isinstance(await stripe.close(handle()), Canceled)
    first, second = (sent.headers["idempotency-key"] for sent in script.asked(CANCEL))
    assert first != second
    assert first.startswith(REFERENCE)


async def test_closing_a_page_expires_it() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(SESSION, says(session("open")))
        script.on(EXPIRE, says(session("expired")))
        assert await stripe.close(handle("cs_1")) == Canceled(payment_id="cs_1")


@pytest.mark.parametrize("status", ["succeeded", "requires_capture"])
async def test_closing_what_was_paid_meanwhile_touches_nothing(status: str) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(INTENT, says(intent(status)))
        assert isinstance(await stripe.close(handle()), Approved)
        script.on(SESSION, says(session("complete", payment_intent=intent(status))))
        assert isinstance(await stripe.close(handle("cs_1")), Approved)
    assert all(sent.method == "GET" for sent in script.received)


async def test_closing_too_late_tells_what_happened_instead() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_SESSIONS, NOTHING)
        script.on(CANCEL, STATE)
        for after, kind in (("succeeded", Approved), ("canceled", Canceled), ("processing", Pending)):
            script.on(INTENT, says(intent("requires_action")), says(intent(after)))
            assert isinstance(await stripe.close(handle()), kind)
        script.on(SESSION, says(session("open")), says(session("complete", payment_intent=intent())))
        script.on(EXPIRE, STATE)
        assert isinstance(await stripe.close(handle("cs_1")), Approved)


async def test_a_payment_of_a_page_is_closed_by_its_page() -> None:
    """Stripe cancels no PaymentIntent that belongs to a Checkout Session."""
    async with scripted_stripe() as (stripe, script):
        script.on(INTENT, says(intent("requires_payment_method")))
        script.on(CANCEL, STATE)
        script.on(LIST_SESSIONS, says(listing(session("open", payment_intent="pi_1"))))
        script.on(EXPIRE, says(session("expired", payment_intent=intent("canceled"))))
        assert await stripe.close(handle()) == Canceled(payment_id="cs_1")
    assert script.asked(LIST_SESSIONS)[0].query["payment_intent"] == "pi_1"


@pytest.mark.parametrize("fault", [*FAULTS[:5], IN_USE])
async def test_a_close_that_may_have_failed_is_not_believed(fault: Answer) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(INTENT, says(intent("requires_action")))
        script.on(SESSION, says(session("open")))
        script.on(CANCEL, fault)
        script.on(EXPIRE, fault)
        for payment_id in ("pi_1", "cs_1"):
            assert isinstance(await stripe.close(handle(payment_id)), Unknown | Pending)
        script.on(INTENT, fault)
        assert isinstance(await stripe.close(handle()), Unknown)


async def test_closing_by_reference_closes_all_and_money_wins() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_SESSIONS, NOTHING)
        script.on(LIST_INTENTS, NOTHING)
        assert await stripe.close(handle(None)) == NotFound()
        script.on(LIST_INTENTS, says(listing(intent("requires_action"), intent(id="pi_2"))))
        script.on(INTENT, says(intent("requires_action")))
        script.on(CANCEL, says(intent("canceled")))
        script.on(f"GET {INTENTS}/pi_2", says(intent(id="pi_2")))
        closed = await stripe.close(handle(None))
        assert isinstance(closed, Approved)
        assert closed.payment.payment_id == "pi_2"
        assert len(script.asked(CANCEL)) == 1


def capturing(amount: int = 12_000, payment_id: str | None = "pi_1") -> CaptureRequest:
    return CaptureRequest(handle=handle(payment_id), amount=amount, idempotency_key="capture")


async def test_a_capture_may_be_for_less() -> None:
    charge = {"id": "ch_1", "object": "charge", "amount_captured": 12_000, "amount_refunded": 0}
    async with scripted_stripe() as (stripe, script):
        script.on(CAPTURE, says(intent(latest_charge=charge)))
        outcome = await stripe.capture(capturing())
    assert isinstance(outcome, Approved)
    assert (outcome.payment.amount, outcome.payment.amount_captured) == (12_345, 12_000)
    (sent,) = script.received
    assert sent.form == {"amount_to_capture": "12000", "expand[0]": "latest_charge"}
    assert sent.headers["idempotency-key"] == "capture"


async def test_a_capture_that_is_refused_is_looked_at() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CAPTURE, STATE)
        for status, kind in (("succeeded", Approved), ("canceled", Canceled), ("requires_capture", Declined)):
            script.on(INTENT, says(intent(status)))
            assert isinstance(await stripe.capture(capturing()), kind)
        script.on(INTENT, reset)
        assert isinstance(await stripe.capture(capturing()), Unknown)
        script.on(CAPTURE, IN_USE)
        assert isinstance(await stripe.capture(capturing()), Pending)


def voiding(payment_id: str | None = "pi_1") -> VoidRequest:
    return VoidRequest(handle=handle(payment_id), idempotency_key="void")


async def test_a_void_cancels_unless_it_is_settled_already() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CANCEL, says(intent("canceled")))
        assert await stripe.void(voiding()) == Canceled(payment_id="pi_1")
        assert script.received[0].headers["idempotency-key"] == "void"
        script.on(CANCEL, STATE)
        script.on(INTENT, says(intent("canceled")))
        assert await stripe.void(voiding()) == Canceled(payment_id="pi_1")
        script.on(INTENT, says(intent("succeeded")))
        settled = await stripe.void(voiding())
        assert isinstance(settled, Declined)
        assert settled.decline.code == "processing_error"


def refunding(payment_id: str | None = "pi_1", amount: int = 345) -> RefundRequest:
    return RefundRequest(handle=handle(payment_id), refund_id="re_1", amount=amount, idempotency_key="refund")


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ("succeeded", RefundStatus.SUCCEEDED),
        ("pending", RefundStatus.PENDING),
        ("requires_action", RefundStatus.PENDING),
        ("failed", RefundStatus.FAILED),
        ("canceled", RefundStatus.FAILED),
        ("a_new_status", RefundStatus.PENDING),
    ],
)
async def test_how_refunds_go(told: str, status: RefundStatus) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(REFUND, says(refund(told)))
        script.on(LIST_REFUNDS, says(listing(refund(told))))
        made = await stripe.refund(refunding())
        assert isinstance(made, GatewayRefund)
        assert (made.status, made.amount, made.refund_id) == (status, 345, "re_1")
        assert await stripe.look_up_refunds(handle()) == FoundRefunds(refunds=(made,))
    (sent,) = script.asked(REFUND)
    assert sent.form == {
        "payment_intent": "pi_1",
        "amount": "345",
        "metadata[refund]": "re_1",
        "metadata[attempt]": REFERENCE,
    }
    assert sent.headers["idempotency-key"] == "refund"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (says(error("charge_already_refunded"), status=400), RefundRefused),
        (says(error(None, param="amount"), status=400), RefundRefused),
        (MISSING, RefundRefused),
        (IN_USE, Unknown),
        (says(error(None, type="idempotency_error"), status=400), Unknown),
        (says(error(type="api_error"), status=500), Unknown),
        (silent, Unknown),
        (text(200, "{}"), Unknown),
        (says(error(None), status=429), NotSent),
        (says(error(None), status=403), NotSent),
    ],
)
async def test_what_is_known_of_a_refund_that_was_not_answered_well(answer: Answer, kind: type) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(REFUND, answer)
        outcome = await stripe.refund(refunding())
    assert isinstance(outcome, kind)
    assert "customer@example.com" not in outcome.model_dump_json()


async def test_refunds_are_read_to_the_end() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(
            LIST_REFUNDS,
            says(listing(refund(id="re_a"), has_more=True)),
            says(listing(refund(id="re_b"))),
        )
        found = await stripe.look_up_refunds(handle())
        assert isinstance(found, FoundRefunds)
        assert [made.gateway_refund_id for made in found.refunds] == ["re_a", "re_b"]
        assert script.received[1].query["starting_after"] == "re_a"
        for fault in FAULTS:
            script.on(LIST_REFUNDS, fault)
            assert isinstance(await stripe.look_up_refunds(handle()), Unknown)


Operation = Callable[[Stripe, str | None], Coroutine[Any, Any, object]]


@pytest.mark.parametrize(
    ("route", "answer", "operation"),
    [
        (CAPTURE, intent("succeeded"), lambda stripe, known: stripe.capture(capturing(payment_id=known))),
        (CANCEL, intent("canceled"), lambda stripe, known: stripe.void(voiding(known))),
        (REFUND, refund(), lambda stripe, known: stripe.refund(refunding(known))),
        (LIST_REFUNDS, listing(), lambda stripe, known: stripe.look_up_refunds(handle(known))),
    ],
)
@pytest.mark.parametrize("known", ["cs_1", None])
async def test_a_page_or_a_reference_leads_to_the_payment(
    route: str, answer: dict[str, Any], operation: Operation, known: str | None
) -> None:
    def prepare(script: Scripted, *pages: dict[str, Any]) -> None:
        script.on(LIST_INTENTS, NOTHING)
        script.on(LIST_SESSIONS, says(listing(*pages)))
        script.on(SESSION, *[says(page) for page in pages] or [MISSING])
        script.on(route, says(answer))

    async with scripted_stripe() as (stripe, script):
        prepare(script, session("complete", payment_intent=intent("requires_capture")))
        assert not isinstance(await operation(stripe, known), Unknown)
        assert len(script.asked(route)) == 1
        for nothing_yet in ([session("open")], []):
            prepare(script, *nothing_yet)
            assert isinstance(await operation(stripe, known), Unknown)
        assert len(script.asked(route)) == 1
