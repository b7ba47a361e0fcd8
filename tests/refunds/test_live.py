"""Refunds through the running product, with the sandbox gateways' own ledgers as the witness."""

import asyncio
from typing import Any

import httpx
import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from devstack.stack import Stack
from sandbox.client import SandboxClient
from tests.live import Json, Shop, eventually, new_key, open_shop

pytestmark = pytest.mark.long

TOKENS = {"stripe": "pm_card_visa", "flutterwave": "flw-t1nf-success"}
GATEWAYS = pytest.mark.parametrize("gateway", sorted(TOKENS))
AMOUNT = 10_000


async def pay(shop: Shop, gateway: str, **changes: Any) -> Json:
    body = {
        "amount": AMOUNT,
        "currency": "NGN",
        "customer": {"email": "customer@example.com", "country": "NG"},
        "payment_method": {"type": "card", "tokens": {gateway: TOKENS[gateway]}},
        "gateway": gateway,
        **changes,
    }
    return await shop.check_out(body, wait=20)


async def ask(
    shop: Shop, checkout: Json, body: Json | None = None, *, key: str | None = None, wait: int = 20
) -> httpx.Response:
    headers = {"Idempotency-Key": key or new_key(), "Prefer": f"wait={wait}"}
    path = f"/v1/checkouts/{checkout['id']}/refunds"
    return await shop.http.post(path, json=body or {}, headers=headers)


async def given_back(sandbox: SandboxClient, checkout: Json) -> int:
    [attempt] = checkout["attempts"]
    rows = await sandbox.ledger(reference=attempt["id"])
    return sum(row["amount"] for row in rows if row["kind"] == "refund")


@GATEWAYS
async def test_partial_then_the_rest(shop: Shop, sandbox: SandboxClient, gateway: str) -> None:
    checkout = await pay(shop, gateway)
    assert checkout["status"] == "succeeded"
    key = new_key()
    first = await ask(shop, checkout, {"amount": 4_000, "reason": "returned"}, key=key)
    assert first.status_code == 201, first.text
    refund = first.json()
    assert refund["object"] == "refund"
    assert (refund["status"], refund["amount"], refund["currency"]) == ("succeeded", 4_000, "NGN")
    assert (refund["checkout_id"], refund["reason"], refund["failure"]) == (checkout["id"], "returned", None)

    again = await ask(shop, checkout, {"amount": 4_000, "reason": "returned"}, key=key)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.json() == refund
    other = await ask(shop, checkout, {"amount": 4_001}, key=key)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    more = await ask(shop, checkout, {"amount": 6_001})
    assert (more.status_code, more.json()["code"]) == (409, "refund_exceeds_captured")

    rest = await ask(shop, checkout)
    assert (rest.status_code, rest.json()["amount"], rest.json()["status"]) == (201, 6_000, "succeeded")
    after = await shop.get(checkout["id"])
    assert (after["status"], after["amount_captured"], after["amount_refunded"]) == (
        "succeeded",
        AMOUNT,
        AMOUNT,
    )
    assert after["attempts"][0]["status"] == "refunded"
    assert await given_back(sandbox, checkout) == AMOUNT

    listed = await shop.http.get(f"/v1/checkouts/{checkout['id']}/refunds", params={"limit": 1})
    assert [each["id"] for each in listed.json()["data"]] == [rest.json()["id"]]
    cursor = listed.json()["next_cursor"]
    listed = await shop.http.get(f"/v1/checkouts/{checkout['id']}/refunds", params={"cursor": cursor})
    assert (listed.json()["data"], listed.json()["has_more"]) == ([refund], False)
    assert (await shop.http.get(f"/v1/refunds/{refund['id']}")).json() == refund


@GATEWAYS
async def test_months_after_the_run_has_closed_and_is_forgotten(
    shop: Shop, sandbox: SandboxClient, temporal: Client, gateway: str
) -> None:
    checkout = await pay(shop, gateway)
    run = temporal.get_workflow_handle(f"checkout/{checkout['id']}")
    await run.result()
    await temporal.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=temporal.namespace, workflow_execution=WorkflowExecution(workflow_id=run.id)
        )
    )

    async def forgotten() -> bool:
        try:
            await run.describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await eventually("the history is deleted", forgotten, within=120)
    refund = await ask(shop, checkout)
    assert (refund.status_code, refund.json()["status"]) == (201, "succeeded")
    assert await given_back(sandbox, checkout) == AMOUNT


@GATEWAYS
@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before", "error_after", "reset_before"])
async def test_an_unclear_answer_refunds_once(
    shop: Shop, sandbox: SandboxClient, gateway: str, fault: str
) -> None:
    """G17."""
    checkout = await pay(shop, gateway)
    await sandbox.fault(gateway, "refund", fault, count=1)
    accepted = await ask(shop, checkout, {"amount": 3_000}, wait=0)
    assert (accepted.status_code, accepted.json()["status"]) == (201, "pending")

    async def succeeded() -> bool:
        found = await shop.http.get(f"/v1/refunds/{accepted.json()['id']}")
        return bool(found.json()["status"] == "succeeded")

    await eventually("the refund succeeds", succeeded)
    assert await given_back(sandbox, checkout) == 3_000
    assert (await shop.get(checkout["id"]))["amount_refunded"] == 3_000


@GATEWAYS
async def test_twenty_at_once(shop: Shop, sandbox: SandboxClient, gateway: str) -> None:
    """I12: twenty of a thousand each; ten fit."""
    checkout = await pay(shop, gateway)
    answers = await asyncio.gather(*(ask(shop, checkout, {"amount": 1_000}, wait=0) for _ in range(20)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [201] * 10 + [409] * 10

    async def all_back() -> bool:
        return bool((await shop.get(checkout["id"]))["amount_refunded"] == AMOUNT)

    await eventually("all ten succeed", all_back)
    assert await given_back(sandbox, checkout) == AMOUNT


async def test_what_is_not_captured_cannot_be_refunded(shop: Shop) -> None:
    checkout = await pay(shop, "stripe", capture_method="manual")
    assert checkout["status"] == "requires_capture"
    refund = await ask(shop, checkout)
    assert (refund.status_code, refund.json()["code"]) == (409, "not_refundable")


async def test_refusals(stack: Stack, shop: Shop) -> None:
    """I17, I21: a key is needed, amounts are checked, and strangers see nothing."""
    checkout = await pay(shop, "stripe")
    path = f"/v1/checkouts/{checkout['id']}/refunds"
    keyless = await shop.http.post(path, json={})
    assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency_key_missing")
    for body in ({"amount": 0}, {"amount": 1.5}, {"amount": True}, {"currency": "NGN"}):
        refused = await ask(shop, checkout, body)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
    refund = (await ask(shop, checkout)).json()
    async with open_shop(stack) as stranger:
        assert (await ask(stranger, checkout)).status_code == 404
        assert (await stranger.http.get(path)).status_code == 404
        assert (await stranger.http.get(f"/v1/refunds/{refund['id']}")).status_code == 404
