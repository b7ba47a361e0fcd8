"""The contract where the customer has to act: challenges, the gateway's own pages, prompts on a phone."""

import httpx
import pytest

from domain.capabilities import Capabilities
from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    NextActionType,
    NotFound,
    Pending,
    Unknown,
)
from gateways.base import (
    PaymentHandle,
)
from tests.contract.case import ContractCase
from tests.contract.every import closable, every, hosted
from tests.contract.trial import Trial, definite


async def _challenged(trial: Trial, case: ContractCase) -> PaymentHandle:
    assert case.challenge is not None
    asked = trial.request(case.challenge)
    outcome = await trial.gateway.charge(asked)
    assert isinstance(outcome, ActionRequired)
    assert outcome.next_action.type is NextActionType.REDIRECT
    assert outcome.next_action.url
    handle = trial.handle(asked, outcome)
    assert isinstance(await trial.concluded(asked, handle), ActionRequired | Pending)
    assert await trial.ledger() == []
    return handle


def challenges(case: ContractCase, _can: Capabilities) -> bool:
    return case.challenge is not None


@every(where=challenges)
async def test_a_challenge_that_is_passed_pays(trial: Trial, case: ContractCase) -> None:
    handle = await _challenged(trial, case)

    await trial.settle(handle, "paid")

    asked = trial.request(case.challenge)
    assert isinstance(await trial.concluded(asked, handle), Approved)
    assert await trial.ledger() == [("capture", asked.amount, asked.currency)]


@every(where=challenges)
async def test_a_challenge_that_is_failed_declines(trial: Trial, case: ContractCase) -> None:
    handle = await _challenged(trial, case)

    await trial.settle(handle, "failed")

    assert isinstance(await trial.concluded(trial.request(case.challenge), handle), Declined)
    assert await trial.ledger() == []


@every(where=lambda case, can: case.challenge is not None and can.fence)
async def test_a_closed_challenge_can_never_be_paid(trial: Trial, case: ContractCase) -> None:
    handle = await _challenged(trial, case)

    assert isinstance(await trial.gateway.close(handle), Canceled)

    with pytest.raises(httpx.HTTPStatusError):
        await trial.settle(handle, "paid")
    assert isinstance(await trial.gateway.close(handle), Canceled)
    assert await trial.ledger() == []


@every(where=challenges)
async def test_closing_what_was_paid_meanwhile_finds_the_money(trial: Trial, case: ContractCase) -> None:
    handle = await _challenged(trial, case)
    await trial.settle(handle, "paid")

    assert isinstance(await trial.gateway.close(handle), Approved)

    assert [kind for kind, _, _ in await trial.ledger()] == ["capture"]


@every(where=hosted)
async def test_an_open_page_is_neither_paid_nor_refused(trial: Trial) -> None:
    handle = await trial.opened()

    for known in (handle, trial.handle(trial.page())):
        outcome = await trial.concluded(trial.page(), known)
        unclear = Unknown if trial.can.told_by_webhook else NotFound
        assert isinstance(outcome, ActionRequired | Pending | unclear)
    assert await trial.ledger() == []


@every(where=hosted)
async def test_a_page_can_be_paid_after_a_failed_try(trial: Trial) -> None:
    handle = await trial.opened()

    await trial.settle(handle, "failed")
    for known in (handle, trial.handle(trial.page())):
        assert isinstance(await trial.concluded(trial.page(), known), ActionRequired | Pending)
    await trial.settle(handle, "paid")

    asked = trial.page()
    for known in (handle, trial.handle(asked)):
        outcome = await trial.concluded(asked, known)
        assert isinstance(outcome, Approved)
        assert outcome.payment.amount_captured == asked.amount
    assert await trial.ledger() == [("capture", asked.amount, asked.currency)]


@every(where=closable)
async def test_a_closed_page_cannot_be_paid(trial: Trial) -> None:
    handle = await trial.opened()

    assert isinstance(await trial.gateway.close(handle), Canceled)

    with pytest.raises(httpx.HTTPStatusError):
        await trial.settle(handle, "paid")
    assert definite(await trial.concluded(trial.page(), handle))
    assert await trial.ledger() == []


@every(where=lambda case, can: hosted(case, can) and not can.closes_pages)
async def test_a_page_that_cannot_be_closed_is_not_called_closed(trial: Trial) -> None:
    handle = await trial.opened()

    assert isinstance(await trial.gateway.close(handle), Pending)
    await trial.settle(handle, "failed")
    assert isinstance(await trial.gateway.close(handle), Pending)

    await trial.settle(handle, "paid")
    assert isinstance(await trial.gateway.close(handle), Approved)


@every(where=hosted)
async def test_closing_a_page_too_late_finds_the_money(trial: Trial) -> None:
    handle = await trial.opened()
    await trial.settle(handle, "paid")

    assert isinstance(await trial.gateway.close(handle), Approved)


@every(where=hosted)
async def test_what_was_paid_on_a_page_is_refunded(trial: Trial) -> None:
    handle = await trial.opened()
    await trial.settle(handle, "paid")
    (payment,) = await trial.found(handle)

    for known, amount in ((handle, 1_000), (trial.handle(trial.page(), Approved(payment=payment)), 500)):
        answer = await trial.gateway.refund(trial.refunding(known, amount, number=amount))
        await trial.refunded(known, answer)

    assert [row[:2] for row in await trial.ledger("refund")] == [("refund", 1_000), ("refund", 500)]


@every(where=lambda case, _can: case.pending is not None)
async def test_what_is_undecided_stays_so_until_it_is_settled(trial: Trial, case: ContractCase) -> None:
    asked = trial.request(case.pending)
    outcome = await trial.gateway.charge(asked)
    assert isinstance(outcome, Pending)
    handle = trial.handle(asked, outcome)
    assert isinstance(await trial.concluded(asked, handle), Pending)
    assert await trial.ledger() == []

    await trial.settle(handle, "paid")

    assert isinstance(await trial.concluded(asked, handle), Approved)
    assert await trial.ledger() == [("capture", asked.amount, asked.currency)]


@every("currency", values=lambda case: [(currency,) for currency in case.prompts])
async def test_a_prompt_on_the_phone_pays_after_a_moment(
    trial: Trial, case: ContractCase, currency: str
) -> None:
    asked = trial.request(case.prompts[currency], currency=currency)

    outcome = await trial.gateway.charge(asked)

    assert isinstance(outcome, ActionRequired | Pending)
    payment = await trial.approved(asked, outcome)
    assert payment.amount_captured == asked.amount
    assert await trial.ledger() == [("capture", asked.amount, currency)]
