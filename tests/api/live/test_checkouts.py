"""Create, read and list checkouts through the running API."""

import asyncio
import time

import httpx
import pytest

from devstack.stack import Stack
from storage import api_keys
from storage.database import Database
from tests.e2e.requests import STOLEN, card, challenged, nigerian_card
from tests.live import Json, Shop, new_key, open_shop

FIELDS = {
    *("id", "object", "status", "review_reason", "reference", "amount", "currency", "amount_captured"),
    *("amount_refunded", "gateway", "capture_method", "next_action", "decline", "routing", "attempts"),
    *("disputes", "customer", "metadata", "created_at", "updated_at"),
}


async def test_a_checkout_is_answered_with_its_outcome(shop: Shop) -> None:
    request = card(12_345, reference="order-1001", metadata={"cart": "42"})
    answer = await shop.post(request)
    assert answer.status_code == 201
    assert "idempotent-replayed" not in answer.headers
    assert answer.headers["request-id"].startswith("req_")
    made = answer.json()
    assert made.keys() == FIELDS
    told = {name: made[name] for name in ("object", "status", "amount", "amount_captured", "gateway")}
    assert told == {
        "object": "checkout",
        "status": "succeeded",
        "amount": 12_345,
        "amount_captured": 12_345,
        "gateway": "stripe",
    }
    assert (made["reference"], made["metadata"]) == ("order-1001", {"cart": "42"})
    assert made["customer"]["email"] == request["customer"]["email"]
    assert (made["routing"]["country"], made["routing"]["country_source"]) == ("US", "billing")
    assert [entry["account"] for entry in made["routing"]["plan"]] == ["stripe", "flutterwave"]
    (attempt,) = made["attempts"]
    assert (attempt["number"], attempt["status"], attempt["decline"]) == (1, "captured", None)
    assert attempt["ended_at"] is not None
    assert "pm_card" not in answer.text, "no token is ever shown"
    assert await shop.get(made["id"]) == made


async def test_a_refused_payment_says_why(shop: Shop) -> None:
    made = await shop.check_out(card(stripe=STOLEN))
    assert (made["status"], made["gateway"], made["amount_captured"]) == ("failed", None, 0)
    assert (made["decline"]["category"], made["decline"]["code"]) == ("hard", "card_lost_or_stolen")
    assert made["attempts"][0]["decline"] == made["decline"]


async def test_a_currency_that_nobody_takes_fails_without_an_attempt(shop: Shop) -> None:
    made = await shop.check_out(card(1000, currency="KPW"))
    assert (made["status"], made["attempts"]) == ("failed", [])
    assert made["decline"]["code"] == "no_eligible_gateway"
    assert {entry["reason"] for entry in made["routing"]["excluded"]} == {"currency_unsupported"}


async def test_the_caller_decides_how_long_to_wait(shop: Shop) -> None:
    began = time.monotonic()
    made = await shop.check_out(nigerian_card(), wait=0)
    assert made["status"] == "processing"
    assert (await shop.until(made["id"]))["status"] == "succeeded"
    waiting = await shop.check_out(challenged(), wait=30)
    assert waiting["status"] == "requires_action", "something to do for the customer is worth an answer"
    assert waiting["next_action"]["type"] == "redirect"
    assert time.monotonic() - began < 25


async def test_the_same_request_again_is_answered_with_the_present_state(shop: Shop) -> None:
    key = new_key()
    made = await shop.check_out(nigerian_card(), key=key, wait=0)
    paid = await shop.until(made["id"])
    reordered = dict(reversed(nigerian_card().items())) | {"capture_method": "automatic"}
    again = await shop.post(reordered, key=key)
    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json() == paid


async def test_lists_are_newest_first_in_parts_and_filtered(shop: Shop) -> None:
    requests = [card(1000, reference="same"), nigerian_card(), card(1200, stripe=STOLEN), card(1300)]
    made = [await shop.check_out(request) for request in requests]
    ids = [checkout["id"] for checkout in made]

    async def listed(**params: str) -> list[str]:
        found: list[str] = []
        while True:
            answer = await shop.http.get("/v1/checkouts", params={"limit": "3", **params})
            part: Json = answer.raise_for_status().json()
            assert len(part["data"]) <= 3
            found += [checkout["id"] for checkout in part["data"]]
            if not part["has_more"]:
                assert part["next_cursor"] is None
                return found
            params = params | {"cursor": part["next_cursor"]}

    assert await listed() == ids[::-1]
    assert await listed(status="failed") == [ids[2]]
    assert await listed(gateway="flutterwave") == [ids[1]]
    assert await listed(reference="same") == [ids[0]]
    assert await listed(status="succeeded", gateway="stripe") == [ids[3], ids[0]]
    assert await listed(status="expired") == []
    whole = (await shop.http.get("/v1/checkouts", params={"limit": 100})).json()
    assert whole["data"] == made[::-1]


@pytest.mark.parametrize(
    "query",
    [
        *("limit=0", "limit=101", "limit=x", "cursor=!", "cursor=bnVsbA", "cursor=W10", "status=paid"),
        *("gateway=A;B", "reference=", "cursor=" + "x" * 300, "cursor=WyIyMDI2LTAxLTAxIiwgImNvXyJd"),
    ],
)
async def test_a_list_that_makes_no_sense_is_refused(shop: Shop, query: str) -> None:
    answer = await shop.http.get(f"/v1/checkouts?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_merchant_sees_only_its_own(stack: Stack, shop: Shop) -> None:
    made = await shop.check_out(card())
    waiting = await shop.check_out(challenged())
    async with open_shop(stack) as stranger:
        for method, path in (
            ("GET", f"/v1/checkouts/{made['id']}"),
            ("POST", f"/v1/checkouts/{waiting['id']}/cancel"),
            ("POST", f"/v1/checkouts/{waiting['id']}/capture"),
        ):
            answer = await stranger.http.request(method, path)
            nowhere = await stranger.http.request(method, path.replace(made["id"], "co_" + "0" * 26))
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
            assert answer.json()["detail"] == nowhere.json()["detail"], "nobody learns that it exists"
        assert (await stranger.http.get("/v1/checkouts")).json()["data"] == []
    assert (await shop.get(waiting["id"]))["status"] == "requires_action"


async def test_without_a_live_key_nothing_is_answered(stack: Stack, shop: Shop) -> None:
    good = shop.http.headers["authorization"]
    async with open_shop(stack) as former:
        database = Database(
            stack.database_url.replace("postgresql://", "postgresql+asyncpg://", 1), pool_size=1
        )
        async with database.transaction() as session:
            assert await api_keys.revoke(session, former.merchant_id, None) == 1
        await database.aclose()
        revoked = former.http.headers["authorization"]
    wrong: list[list[tuple[str, str]]] = [
        [],
        [("Authorization", "")],
        [("Authorization", "Bearer")],
        [("Authorization", "Bearer sp_wrong")],
        [("Authorization", good.replace("Bearer", "Basic"))],
        [("Authorization", good[:-1])],
        [("Authorization", "Bearer " + "x" * 5000)],
        [("Authorization", good), ("Authorization", good)],
        [("Authorization", revoked)],
        [("X-Api-Key", good)],
    ]
    async with httpx.AsyncClient(base_url=stack.api_url, trust_env=False) as nobody:
        for method, path in (
            ("GET", "/v1/checkouts"),
            ("POST", "/v1/checkouts"),
            ("GET", "/v1/routing/resolve?currency=USD"),
        ):
            body = card() if method == "POST" else None
            answers = await asyncio.gather(
                *(
                    nobody.request(
                        method, path, json=body, headers=[("Idempotency-Key", new_key()), *headers]
                    )
                    for headers in wrong
                )
            )
            assert {answer.status_code for answer in answers} == {401}
            assert {answer.headers["www-authenticate"] for answer in answers} == {"Bearer"}
            assert len({answer.json()["detail"] for answer in answers}) == 1
    assert (await shop.http.get("/v1/checkouts")).json()["data"] == []
