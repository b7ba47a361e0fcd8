"""The same purchase, many times at once (I17)."""

import asyncio

from temporalio.client import Client

from devstack.stack import Stack
from domain.ids import attempt_id
from sandbox.client import SandboxClient
from tests.e2e.load import by_reference, judged
from tests.e2e.requests import card
from tests.live import Shop, new_key, open_shop


async def test_twenty_at_once_get_one_id_one_run_and_one_charge(
    shop: Shop, sandbox: SandboxClient, temporal: Client
) -> None:
    key = new_key()
    answers = await asyncio.gather(*(shop.post(card(), key=key) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 19 + [201]
    replayed = [answer for answer in answers if "idempotent-replayed" in answer.headers]
    assert {answer.status_code for answer in replayed} == {200}
    assert len(replayed) == 19
    (checkout_id,) = {answer.json()["id"] for answer in answers}

    paid = await shop.until(checkout_id)
    listed = (await shop.http.get("/v1/checkouts")).json()["data"]
    assert [each["id"] for each in listed] == [checkout_id]
    assert judged(paid, by_reference(await sandbox.ledger()), status="succeeded") == []
    requests = await sandbox.requests(reference=attempt_id(checkout_id, 1))
    assert [row["operation"] for row in requests].count("charge") == 1
    history = await temporal.get_workflow_handle(f"checkout/{checkout_id}").fetch_history()
    scheduled = [
        event for event in history.events if event.HasField("activity_task_scheduled_event_attributes")
    ]
    assert len(scheduled) == 1, "one run, and one send in it"


async def test_a_key_belongs_to_one_request_of_one_merchant(stack: Stack, shop: Shop) -> None:
    key = new_key()
    first = await shop.check_out(card(2000), key=key)
    others = await asyncio.gather(*(shop.post(card(2001), key=key) for _ in range(5)))
    assert {(answer.status_code, answer.json()["code"]) for answer in others} == {
        (422, "idempotency_key_reused")
    }
    assert (await shop.get(first["id"]))["amount"] == 2000
    async with open_shop(stack) as somebody_else:
        assert (await somebody_else.check_out(card(2001), key=key))["id"] != first["id"]


async def test_other_requests_racing_for_one_key_leave_one_checkout(shop: Shop) -> None:
    key = new_key()
    answers = await asyncio.gather(*(shop.post(card(3000 + number % 2), key=key) for number in range(10)))
    accepted = [answer.json() for answer in answers if answer.is_success]
    assert len({checkout["id"] for checkout in accepted}) == 1
    assert len({checkout["amount"] for checkout in accepted}) == 1
    refused = [answer for answer in answers if not answer.is_success]
    assert {answer.status_code for answer in refused} == {422}
    assert len(refused) == 5
