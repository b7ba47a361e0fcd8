"""What every adapter promises, each against its own simulator. The ledger is the judge, not the adapter.

A test runs for the cases that declare what it is about; see `case.py` for how a gateway joins.
"""

import asyncio
from datetime import timedelta

import pytest

from domain.checkout import CaptureMethod, MethodType
from domain.outcome import (
    Approved,
    Canceled,
    Declined,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.base import (
    Found,
    FoundRefunds,
    GatewayRefund,
    RefundStatus,
)
from gateways.registry import registrations
from tests.contract.case import ContractCase, card
from tests.contract.every import CASES, every, keyed, manual
from tests.contract.live import LIVE
from tests.contract.trial import Trial, definite


@pytest.mark.skipif(LIVE, reason="only gateways with keys are tried")
def test_every_gateway_is_under_contract() -> None:
    assert {case.gateway for case in CASES} == set(registrations())


@every()
def test_what_is_declared_holds_together(case: ContractCase) -> None:
    can = registrations()[case.gateway].capabilities
    assert can.name == case.gateway
    assert set(case.amounts) <= can.currencies
    assert set(can.minimum) | set(can.maximum) | set(can.mobile_money) <= can.currencies
    assert all(case.amounts[name] >= can.minimum.get(name, 1) for name in case.amounts)
    assert CaptureMethod.AUTOMATIC in can.captures
    ours = registrations()[case.gateway].credentials.model_fields
    longest_call = ours["connect_timeout"].default + ours["read_timeout"].default
    assert can.quiet_period > timedelta(seconds=2 * longest_call)


# Paid


@every("currency", values=lambda case: [(currency,) for currency in case.amounts])
async def test_a_payment_is_in_the_ledger_to_the_last_unit(trial: Trial, currency: str) -> None:
    asked = trial.request(currency=currency)

    payment = await trial.approved(asked, await trial.gateway.charge(asked))

    assert payment.status is PaymentStatus.CAPTURED
    assert payment.amount_captured == asked.amount
    assert payment.reference == asked.reference
    assert await trial.ledger() == [("capture", asked.amount, currency)]


@every()
async def test_a_payment_is_found_by_reference_as_by_id(trial: Trial) -> None:
    asked = trial.request()
    outcome = await trial.gateway.charge(asked)
    payment = await trial.approved(asked, outcome)

    by_id = await trial.found(trial.handle(asked, Approved(payment=payment)))
    by_reference = await trial.found(trial.handle(asked))

    assert by_id == by_reference
    assert [found.payment_id for found in by_id] == [payment.payment_id]


@every()
async def test_what_was_never_asked_for_is_not_found(trial: Trial) -> None:
    answer = await trial.gateway.look_up(trial.handle(trial.request()))

    if trial.can.told_by_webhook:
        assert isinstance(answer, Unknown), "silence is no evidence"
    else:
        assert answer == Found(payments=())


# Refused


@every("token", values=lambda case: [(token,) for token in case.declines])
async def test_a_decline_is_definite_and_free(trial: Trial, case: ContractCase, token: str) -> None:
    asked = trial.request(card(case.gateway, token))

    outcome = await trial.gateway.charge(asked)

    assert isinstance(outcome, Declined)
    assert (outcome.decline.category, outcome.decline.code) == case.declines[token]
    assert token not in outcome.model_dump_json()
    assert await trial.ledger() == []
    for handle in (trial.handle(asked, outcome), trial.handle(asked)):
        assert definite(await trial.concluded(asked, handle))


@every(where=lambda case, _can: case.unknown_token is not None)
async def test_a_token_that_was_never_issued_takes_nothing(trial: Trial, case: ContractCase) -> None:
    outcome = await trial.gateway.charge(trial.request(card(case.gateway, case.unknown_token or "")))

    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "invalid_token"
    assert await trial.ledger() == []


@every()
async def test_a_look_up_goes_by_what_the_gateway_says_not_by_what_we_hope(trial: Trial) -> None:
    """The handle's own figures are never echoed back."""
    handle = await trial.paid()
    mistaken = handle.model_copy(update={"amount": 1, "currency": "XOF"})

    (payment,) = await trial.found(mistaken)

    assert (payment.amount, payment.currency) == (handle.amount, handle.currency)


@pytest.mark.skipif(LIVE, reason="only gateways with keys are tried")
def test_every_method_that_is_declared_is_tried() -> None:
    for case in CASES:
        methods = registrations()[case.gateway].capabilities.methods
        assert (MethodType.MOBILE_MONEY in methods) == bool(case.prompts), case.gateway
        assert case.success.type in methods


# Authorizations


@every(where=manual)
async def test_an_authorization_is_captured_once(trial: Trial) -> None:
    handle = await trial.authorized()

    for _ in range(2):
        outcome = await trial.settled(lambda: trial.gateway.capture(trial.capturing(handle, handle.amount)))
        assert isinstance(outcome, Approved)
        assert outcome.payment.amount_captured == handle.amount

    assert await trial.ledger("capture") == [("capture", handle.amount, handle.currency)]


@every(where=lambda _case, can: can.partial_capture)
async def test_a_part_is_captured_and_the_rest_released(trial: Trial) -> None:
    handle = await trial.authorized()
    part = handle.amount // 2

    outcome = await trial.settled(lambda: trial.gateway.capture(trial.capturing(handle, part)))

    assert isinstance(outcome, Approved)
    assert (outcome.payment.status, outcome.payment.amount_captured) == (PaymentStatus.CAPTURED, part)
    assert await trial.ledger("capture") == [("capture", part, handle.currency)]
    (payment,) = await trial.found(trial.handle(trial.request(capture=CaptureMethod.MANUAL)))
    assert payment.amount_captured == part


@every(where=manual)
async def test_no_more_than_was_authorized_is_captured(trial: Trial) -> None:
    handle = await trial.authorized()

    outcome = await trial.settled(lambda: trial.gateway.capture(trial.capturing(handle, handle.amount + 10)))

    assert isinstance(outcome, Declined)
    assert await trial.ledger("capture") == []


@every(where=manual)
async def test_an_authorization_is_voided_once(trial: Trial) -> None:
    handle = await trial.authorized()

    for _ in range(2):
        assert isinstance(await trial.settled(lambda: trial.gateway.void(trial.voiding(handle))), Canceled)

    assert [kind for kind, _, _ in await trial.ledger()] == ["authorize", "void"]
    assert isinstance(
        await trial.gateway.capture(trial.capturing(handle, handle.amount)), Canceled | Declined
    )
    assert await trial.ledger("capture") == []


@every()
async def test_what_is_settled_is_not_voided(trial: Trial) -> None:
    handle = await trial.paid()

    outcome = await trial.gateway.void(trial.voiding(handle))

    assert isinstance(outcome, Declined)
    assert outcome.decline.code == "processing_error"
    assert [kind for kind, _, _ in await trial.ledger()] == ["capture"]


# Refunds


@every("currency", values=lambda case: [(currency,) for currency in case.amounts])
async def test_a_refund_in_full(trial: Trial, currency: str) -> None:
    handle = await trial.paid(currency=currency)
    asked = trial.refunding(handle, handle.amount)

    made = await trial.refunded(handle, await trial.gateway.refund(asked))

    assert (made.amount, made.refund_id) == (handle.amount, asked.refund_id)
    assert await trial.ledger("refund") == [("refund", handle.amount, currency)]


@every(where=lambda _case, can: can.partial_refund)
async def test_refunds_in_part_up_to_what_was_paid(trial: Trial) -> None:
    handle = await trial.paid()
    first = handle.amount // 3
    rest = handle.amount - first

    for number, amount in enumerate((first, rest), start=1):
        await trial.refunded(
            handle, await trial.gateway.refund(trial.refunding(handle, amount, number=number))
        )
    too_much = await trial.gateway.refund(trial.refunding(handle, 10, number=3))

    if trial.can.key_life or not isinstance(too_much, Unknown):
        await trial.refused(handle, too_much)
    assert [row[:2] for row in await trial.ledger("refund")] == [("refund", first), ("refund", rest)]
    found = await trial.gateway.look_up_refunds(handle)
    assert isinstance(found, FoundRefunds)
    good = [made.amount for made in found.refunds if made.status is not RefundStatus.FAILED]
    assert sorted(good) == sorted([first, rest])


@every()
async def test_no_more_than_was_paid_is_refunded(trial: Trial) -> None:
    handle = await trial.paid()

    outcome = await trial.gateway.refund(trial.refunding(handle, handle.amount + 100))

    await trial.refused(handle, outcome)
    assert await trial.ledger("refund") == []


@every()
async def test_no_refunds_are_found_where_there_are_none(trial: Trial) -> None:
    assert await trial.gateway.look_up_refunds(await trial.paid()) == FoundRefunds(refunds=())


# The same again


@every(where=keyed)
async def test_the_same_request_again_has_one_effect(trial: Trial) -> None:
    asked = trial.request()

    first = await trial.gateway.charge(asked)
    again = await trial.gateway.charge(asked)
    at_once = await asyncio.gather(*[trial.gateway.charge(asked) for _ in range(5)])

    assert isinstance(first, Approved)
    assert first == again
    assert all(isinstance(outcome, Approved | Pending) for outcome in at_once)
    assert [kind for kind, _, _ in await trial.ledger()] == ["capture"]
    sent = await trial.control.requests(gateway=trial.case.gateway, reference=trial.reference)
    charges = [row for row in sent if row["operation"] == "charge"]
    assert {row["idempotency_key"] for row in charges} == {asked.idempotency_key}
    assert len({row["body_sha256"] for row in charges}) == 1


@every(where=keyed)
async def test_requests_at_once_have_one_effect(trial: Trial) -> None:
    await trial.fault("charge", "slow", seconds=0.3)
    asked = trial.request()

    outcomes = await asyncio.gather(*[trial.gateway.charge(asked) for _ in range(5)])

    assert all(isinstance(outcome, Approved | Pending) for outcome in outcomes)
    await trial.approved(asked, outcomes[0])
    assert [kind for kind, _, _ in await trial.ledger()] == ["capture"]


@every(where=keyed)
async def test_another_request_under_a_used_key_is_not_sent_under_a_new_one(trial: Trial) -> None:
    await trial.gateway.charge(trial.request())

    outcome = await trial.gateway.charge(trial.request(amount=trial.case.amount + 10))

    assert isinstance(outcome, Unknown)
    assert [row[1] for row in await trial.ledger()] == [trial.case.amount]


@every(where=keyed)
async def test_the_same_refund_again_has_one_effect(trial: Trial) -> None:
    handle = await trial.paid()
    asked = trial.refunding(handle, 1_000)

    first = await trial.gateway.refund(asked)
    again = await trial.gateway.refund(asked)

    assert isinstance(first, GatewayRefund)
    assert first == again
    await trial.refunded(handle, first)
    assert len(await trial.ledger("refund")) == 1
