"""Finding Stripe's payments, by id or by reference."""

from typing import Any

import pytest

from domain.outcome import (
    PaymentStatus,
    Unknown,
)
from gateways.base import (
    Found,
)
from gateways.stripe import Stripe
from tests.contract.scripted import Answer, reset, says, text
from tests.contract.stripe_wire import (
    FAULTS,
    INTENT,
    INTENTS,
    LIST_INTENTS,
    LIST_SESSIONS,
    MISSING,
    NOTHING,
    REFERENCE,
    SEARCH,
    SENT_AT,
    SESSION,
    handle,
    intent,
    listing,
    scripted_stripe,
    session,
)


async def statuses(stripe: Stripe, payment_id: str | None) -> list[PaymentStatus]:
    found = await stripe.look_up(handle(payment_id))
    assert isinstance(found, Found)
    return [payment.status for payment in found.payments]


async def test_a_payment_by_id_with_what_was_captured_and_refunded() -> None:
    charge = {"id": "ch_1", "object": "charge", "amount_captured": 12_000, "amount_refunded": 345}
    async with scripted_stripe() as (stripe, script):
        script.on(INTENT, says(intent(latest_charge=charge)))
        found = await stripe.look_up(handle())
    assert isinstance(found, Found)
    (payment,) = found.payments
    assert (payment.amount_captured, payment.amount_refunded) == (12_000, 345)
    assert (payment.reference, payment.created_at) == (REFERENCE, SENT_AT)
    assert script.received[0].query == {"expand[0]": "latest_charge"}


@pytest.mark.parametrize(
    ("page", "status"),
    [
        (session("open"), PaymentStatus.REQUIRES_ACTION),
        (
            session(
                "open",
                payment_intent=intent(
                    "requires_payment_method", last_payment_error={"code": "card_declined"}
                ),
            ),
            PaymentStatus.REQUIRES_ACTION,
        ),
        (session("open", payment_intent=intent("succeeded")), PaymentStatus.CAPTURED),
        (session("complete", payment_intent=intent("succeeded")), PaymentStatus.CAPTURED),
        (session("complete", payment_intent=intent("requires_capture")), PaymentStatus.AUTHORIZED),
        (session("complete", payment_intent=intent("processing")), PaymentStatus.PENDING),
        (session("complete", payment_intent="pi_1"), PaymentStatus.CAPTURED),
        (session("complete"), PaymentStatus.PENDING),
        (session("expired"), PaymentStatus.CANCELED),
        (session("expired", payment_intent=intent("canceled")), PaymentStatus.CANCELED),
        (session("expired", payment_intent=intent("requires_payment_method")), PaymentStatus.CANCELED),
        (session("expired", payment_intent=intent("requires_action")), PaymentStatus.CANCELED),
        (session("expired", payment_intent=intent("processing")), PaymentStatus.PENDING),
        (session("expired", payment_intent=intent("a_new_status")), PaymentStatus.PENDING),
        (session("expired", payment_intent=intent("succeeded")), PaymentStatus.CAPTURED),
        (session("expired", payment_intent="pi_1"), PaymentStatus.CAPTURED),
        (session("a_new_status"), PaymentStatus.PENDING),
    ],
)
async def test_what_a_page_has_come_to(page: dict[str, Any], status: PaymentStatus) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(SESSION, says(page))
        script.on(INTENT, says(intent("succeeded")))
        found = await stripe.look_up(handle("cs_1"))
    assert isinstance(found, Found)
    (payment,) = found.payments
    assert payment.status is status
    assert (payment.reference, payment.amount, payment.currency) == (REFERENCE, 12_345, "USD")


async def test_without_an_id_both_lists_are_read_from_before_the_first_send() -> None:
    others = [intent(id=f"pi_other{n}", metadata={"attempt": "att_another"}) for n in range(3)]
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_INTENTS, says(listing(others[0], has_more=True)), says(listing(others[1], intent())))
        script.on(LIST_SESSIONS, NOTHING)
        script.on(INTENT, says(intent()))
        assert await statuses(stripe, None) == [PaymentStatus.CAPTURED]
    first, second = script.asked(LIST_INTENTS)
    assert first.query == {"limit": "100", "created[gte]": str(int(SENT_AT.timestamp()) - 60)}
    assert second.query["starting_after"] == "pi_other0"
    assert script.asked(SEARCH) == []


async def test_a_page_and_its_payment_are_one() -> None:
    paid = intent("succeeded")
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_INTENTS, says(listing(paid)))
        script.on(LIST_SESSIONS, says(listing(session("complete", payment_intent="pi_1"))))
        script.on(SESSION, says(session("complete", payment_intent=paid)))
        assert await statuses(stripe, None) == [PaymentStatus.CAPTURED]


async def test_every_payment_under_the_reference_is_found() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_INTENTS, says(listing(intent(), intent(id="pi_2"))))
        script.on(LIST_SESSIONS, says(listing(session("open"))))
        script.on(SESSION, says(session("open")))
        script.on(INTENT, says(intent("canceled")))
        script.on(f"GET {INTENTS}/pi_2", says(intent(id="pi_2")))
        found = await statuses(stripe, None)
    assert found == [PaymentStatus.REQUIRES_ACTION, PaymentStatus.CANCELED, PaymentStatus.CAPTURED]


async def test_nothing_found_is_an_answer() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_INTENTS, says(listing(intent(metadata={}), intent(metadata={"attempt": "att_2"}))))
        script.on(LIST_SESSIONS, NOTHING)
        assert await stripe.look_up(handle(None)) == Found(payments=())


async def test_an_id_that_stripe_does_not_know_is_looked_for_by_reference() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(INTENT, MISSING, says(intent()))
        script.on(LIST_INTENTS, says(listing(intent())))
        script.on(LIST_SESSIONS, NOTHING)
        assert await statuses(stripe, "pi_1") == [PaymentStatus.CAPTURED]


async def test_a_list_too_long_to_end_proves_nothing_but_the_search_may() -> None:
    other = says(listing(intent(id="pi_other", metadata={}), has_more=True))
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_INTENTS, other)
        script.on(LIST_SESSIONS, NOTHING)
        script.on(INTENT, says(intent()))
        script.on(SEARCH, says({**listing(intent()), "object": "search_result"}))
        assert await statuses(stripe, None) == [PaymentStatus.CAPTURED]
        assert script.asked(SEARCH)[0].query["query"] == f'metadata["attempt"]:"{REFERENCE}"'
        for unseen in (says({**listing(), "object": "search_result"}), MISSING, reset):
            script.on(SEARCH, unseen)
            assert isinstance(await stripe.look_up(handle(None)), Unknown)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", [INTENT, SESSION, LIST_INTENTS, LIST_SESSIONS])
async def test_a_look_up_that_fails_is_unknown(route: str, fault: Answer) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_INTENTS, NOTHING)
        script.on(LIST_SESSIONS, NOTHING)
        script.on(route, fault)
        payment_id = {INTENT: "pi_1", SESSION: "cs_1"}.get(route)
        assert isinstance(await stripe.look_up(handle(payment_id)), Unknown)


async def test_a_page_whose_payment_cannot_be_read_is_unknown() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(SESSION, says(session("complete", payment_intent="pi_1")))
        for fault in (reset, MISSING, text(200, "no")):
            script.on(INTENT, fault)
            script.on(LIST_INTENTS, NOTHING)
            script.on(LIST_SESSIONS, NOTHING)
            assert isinstance(await stripe.look_up(handle("cs_1")), Unknown)
