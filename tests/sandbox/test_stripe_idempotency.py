"""Idempotency keys as https://docs.stripe.com/api/idempotent_requests describes them."""

import asyncio

import httpx

from sandbox.client import SandboxClient
from tests.sandbox.wire import error, eventually, intent

INTENTS = "/v1/payment_intents"


async def test_the_same_key_replays_the_first_answer(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    headers = {"Idempotency-Key": reference}
    first = await stripe.post(INTENTS, data=intent(reference), headers=headers)
    again = await stripe.post(INTENTS, data=intent(reference), headers=headers)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["original-request"] == first.headers["request-id"]
    assert (again.status_code, again.content) == (first.status_code, first.content)
    [row] = await control.ledger(reference=reference)
    assert row["idempotency_key"] == reference


async def test_a_decline_is_replayed_too(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    headers = {"Idempotency-Key": reference}
    form = intent(reference, payment_method="pm_card_chargeDeclined")
    answers = [await stripe.post(INTENTS, data=form, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [402, 402]
    assert answers[0].content == answers[1].content
    assert len(await control.ledger(reference=reference)) == 1


async def test_other_parameters_under_a_key_are_refused(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    headers = {"Idempotency-Key": reference}
    await stripe.post(INTENTS, data=intent(reference), headers=headers)
    answer = await stripe.post(INTENTS, data=intent(reference, amount="3000"), headers=headers)
    assert (answer.status_code, error(answer)["type"]) == (400, "idempotency_error")
    assert len(await control.ledger(reference=reference)) == 1


async def test_a_key_in_use_is_a_409(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await control.fault("stripe", "charge", "slow", seconds=4, count=1, reference=reference)
    headers = {"Idempotency-Key": reference}
    first = asyncio.create_task(stripe.post(INTENTS, data=intent(reference), headers=headers))
    await eventually(lambda: control.requests(reference=reference), bool)
    second = await stripe.post(INTENTS, data=intent(reference), headers=headers)
    assert (second.status_code, error(second)["code"]) == (409, "idempotency_key_in_use")
    assert (await first).status_code == 200
    third = await stripe.post(INTENTS, data=intent(reference), headers=headers)
    assert third.content == (await first).content
    assert len(await control.ledger(reference=reference)) == 1


async def test_failed_validation_does_not_use_the_key_up(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    headers = {"Idempotency-Key": reference}
    assert (
        await stripe.post(INTENTS, data=intent(reference, amount="x"), headers=headers)
    ).status_code == 400
    assert (await stripe.post(INTENTS, data=intent(reference), headers=headers)).status_code == 200


async def test_a_refused_state_is_kept(stripe: httpx.AsyncClient, reference: str) -> None:
    paid = (await stripe.post(INTENTS, data=intent(reference))).json()
    headers = {"Idempotency-Key": reference}
    answers = [await stripe.post(f"{INTENTS}/{paid['id']}/cancel", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[1].headers["idempotent-replayed"] == "true"


async def test_refusals_at_the_door_are_not_kept(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    headers = {"Idempotency-Key": reference}
    for fault, status in (("rate_limit", 429), ("unauthorized", 401)):
        await control.fault("stripe", "charge", fault, count=1, reference=reference)
        answer = await stripe.post(INTENTS, data=intent(reference), headers=headers)
        assert answer.status_code == status
    answer = await stripe.post(INTENTS, data=intent(reference), headers=headers)
    assert answer.status_code == 200
    assert "idempotent-replayed" not in answer.headers


async def test_a_500_is_kept_whether_or_not_the_money_moved(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    for fault, moved in (("error_before", 0), ("error_after", 1)):
        key = f"{fault}-{reference}"
        await control.fault("stripe", "charge", fault, count=1, reference=key)
        headers = {"Idempotency-Key": key}
        answers = [await stripe.post(INTENTS, data=intent(key), headers=headers) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [500, 500]
        assert answers[1].headers["idempotent-replayed"] == "true"
        assert len(await control.ledger(reference=key)) == moved


async def test_accounts_do_not_share_keys(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    other = {"Idempotency-Key": reference, "Authorization": "Bearer sk_test_sandbox_stripe-eu"}
    await stripe.post(INTENTS, data=intent(reference), headers={"Idempotency-Key": reference})
    answer = await stripe.post(INTENTS, data=intent(reference), headers=other)
    assert "idempotent-replayed" not in answer.headers
    assert {row["account"] for row in await control.ledger(reference=reference)} == {"stripe", "stripe-eu"}
