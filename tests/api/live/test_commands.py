"""Cancel and capture through the running API."""

import asyncio

from domain.ids import attempt_id
from sandbox.client import SandboxClient
from tests.e2e.requests import STOLEN, Json, card, challenged, page
from tests.live import Shop


async def command(shop: Shop, checkout: Json, name: str, body: Json | None = None) -> tuple[int, Json]:
    """Status and answer. Waits long enough for a gateway's page to be closed and looked up."""
    answer = await shop.http.post(
        f"/v1/checkouts/{checkout['id']}/{name}", json=body, headers={"Prefer": "wait=15"}
    )
    told: Json = answer.json()
    return answer.status_code, told


async def kinds(sandbox: SandboxClient, checkout: Json) -> list[tuple[str, int]]:
    rows = await sandbox.ledger(reference=attempt_id(checkout["id"], 1))
    return [(row["kind"], row["amount"]) for row in rows]


async def test_a_waiting_checkout_is_canceled_and_can_no_longer_be_paid(
    shop: Shop, sandbox: SandboxClient
) -> None:
    waiting = await shop.check_out(challenged())
    status, canceled = await command(shop, waiting, "cancel", {"reason": "changed their mind"})
    assert (status, canceled["status"], canceled["next_action"]) == (200, "canceled", None)
    assert [attempt["status"] for attempt in canceled["attempts"]] == ["canceled"]
    assert await command(shop, waiting, "cancel") == (200, canceled)
    assert await kinds(sandbox, waiting) == []


async def test_an_open_page_is_closed_at_either_gateway(shop: Shop) -> None:
    pages = [
        await shop.check_out(request) for request in (page(), page(650_000, currency="NGN", country="NG"))
    ]
    assert [checkout["next_action"]["type"] for checkout in pages] == ["redirect", "redirect"]
    ended = await asyncio.gather(*(command(shop, checkout, "cancel") for checkout in pages))
    assert [(status, canceled["status"]) for status, canceled in ended] == [(200, "canceled")] * 2


async def test_what_is_over_cannot_be_canceled(shop: Shop) -> None:
    paid, refused = await shop.check_out(card()), await shop.check_out(card(stripe=STOLEN))
    for checkout, code in ((paid, "already_paid"), (refused, "not_cancelable")):
        status, problem = await command(shop, checkout, "cancel")
        assert (status, problem["code"]) == (409, code)
        assert await shop.get(checkout["id"]) == checkout


async def test_an_authorization_is_captured_once_in_full(shop: Shop, sandbox: SandboxClient) -> None:
    held = await shop.check_out(card(30_000, capture_method="manual"))
    assert (held["status"], held["amount_captured"]) == ("requires_capture", 0)
    answers = await asyncio.gather(*(command(shop, held, "capture") for _ in range(4)))
    captured = [answer for status, answer in answers if status == 200]
    assert captured
    assert {(each["status"], each["amount_captured"]) for each in captured} == {("succeeded", 30_000)}
    assert {(status, answer.get("code")) for status, answer in answers if status != 200} <= {
        (409, "in_progress"),
        (409, "not_capturable"),
    }
    assert await kinds(sandbox, held) == [("authorize", 30_000), ("capture", 30_000)]
    status, problem = await command(shop, held, "capture")
    assert (status, problem["code"]) == (409, "not_capturable")


async def test_part_of_an_authorization_is_captured(shop: Shop, sandbox: SandboxClient) -> None:
    held = await shop.check_out(card(30_000, capture_method="manual"))
    for amount in (30_001, 0, -1, 1.5, "100"):
        status, problem = await command(shop, held, "capture", {"amount": amount})
        assert (status, problem["code"]) == (422, "invalid_request"), amount
    status, captured = await command(shop, held, "capture", {"amount": 12_000})
    assert (status, captured["status"], captured["amount_captured"]) == (200, "succeeded", 12_000)
    assert ("capture", 12_000) in await kinds(sandbox, held)


async def test_an_authorization_is_released_by_a_cancel(shop: Shop, sandbox: SandboxClient) -> None:
    held = await shop.check_out(card(30_000, capture_method="manual"))
    status, canceled = await command(shop, held, "cancel")
    assert (status, canceled["status"], canceled["amount_captured"]) == (200, "canceled", 0)
    assert await kinds(sandbox, held) == [("authorize", 30_000), ("void", 30_000)]
    status, problem = await command(shop, held, "capture")
    assert (status, problem["code"]) == (409, "not_capturable")


async def test_what_holds_no_authorization_cannot_be_captured(shop: Shop) -> None:
    for checkout in (await shop.check_out(card()), await shop.check_out(challenged())):
        status, problem = await command(shop, checkout, "capture")
        assert (status, problem["code"]) == (409, "not_capturable")
