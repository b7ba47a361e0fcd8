"""A failure that Stripe keeps under a key is got past, and nothing is done twice for it."""

import pytest

from domain.outcome import Approved, Canceled, Unknown
from gateways.base import CaptureRequest, GatewayRefund, RefundRequest, VoidRequest
from gateways.stripe import Stripe
from tests.contract.scripted import Scripted, says
from tests.contract.stripe_wire import (
    CANCEL,
    CAPTURE,
    LIST_REFUNDS,
    REFUND,
    error,
    handle,
    intent,
    listing,
    refund,
    scripted_stripe,
)

FAILED = says(error("api_error"), 500)
REPEATED = says(error("api_error"), 500, Idempotent_Replayed="true")


def keys(script: Scripted, route: str) -> list[str]:
    return [request.headers["idempotency-key"] for request in script.asked(route)]


async def give_back(stripe: Stripe) -> object:
    return await stripe.refund(
        RefundRequest(handle=handle("pi_1"), refund_id="re_ours", amount=345, idempotency_key="k")
    )


async def test_a_first_failure_is_unclear_and_keeps_its_key() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(REFUND, FAILED)
        assert isinstance(await give_back(stripe), Unknown)
        assert keys(script, REFUND) == ["k"]


async def test_a_repeated_failure_is_looked_up_and_goes_on_under_the_next_key() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(REFUND, REPEATED, REPEATED, says(refund()))
        script.on(LIST_REFUNDS, says(listing()))
        assert isinstance(await give_back(stripe), GatewayRefund)
        assert keys(script, REFUND) == ["k", "k:2", "k:3"]
        assert len(script.asked(LIST_REFUNDS)) == 2


async def test_what_the_failed_request_did_all_the_same_is_found_and_not_done_again() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(REFUND, REPEATED)
        script.on(LIST_REFUNDS, says(listing(refund(metadata={"refund": "re_ours"}))))
        found = await give_back(stripe)
        assert isinstance(found, GatewayRefund)
        assert found.refund_id == "re_ours"
        assert keys(script, REFUND) == ["k"]


async def test_without_a_look_up_nothing_more_is_sent() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(REFUND, REPEATED)
        script.on(LIST_REFUNDS, FAILED)
        assert isinstance(await give_back(stripe), Unknown)
        assert keys(script, REFUND) == ["k"]


async def test_it_gives_up_for_now_after_a_few_keys() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(REFUND, REPEATED)
        script.on(LIST_REFUNDS, says(listing()))
        assert isinstance(await give_back(stripe), Unknown)
        assert keys(script, REFUND) == ["k", "k:2", "k:3", "k:4", "k:5"]


@pytest.mark.parametrize("operation", ["capture", "void"])
async def test_captures_and_voids_go_on_as_well(operation: str) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(CAPTURE, REPEATED, says(intent("succeeded")))
        script.on(CANCEL, REPEATED, says(intent("canceled")))
        if operation == "capture":
            request = CaptureRequest(handle=handle("pi_1"), amount=12_000, idempotency_key="k")
            assert isinstance(await stripe.capture(request), Approved)
            assert keys(script, CAPTURE) == ["k", "k:2"]
        else:
            voiding = VoidRequest(handle=handle("pi_1"), idempotency_key="k")
            assert isinstance(await stripe.void(voiding), Canceled)
            assert keys(script, CANCEL) == ["k", "k:2"]
