"""Screening as merchants and operators meet it: through the running product."""

import json
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from devstack.stack import Stack
from domain.ids import attempt_id
from domain.operator import Role
from sandbox.client import SandboxClient
from tests.e2e.requests import Json, card
from tests.live import Shop, open_office

BECAUSE = "to see what happens"
RISKY = {"email": "x@mailinator.com", "ip": "185.220.101.1"}
"""Tor, and a throw-away mailbox: held back for a person."""


@pytest.fixture
async def office(stack: Stack, database: asyncpg.Connection) -> AsyncIterator[httpx.AsyncClient]:
    """An operator; no list is left behind."""
    async with open_office(stack, Role.OPERATOR) as opened:
        yield opened
    await database.execute("DELETE FROM list_entries")


def risky(**more: str) -> Json:
    return card(country="NG", currency="NGN", amount=780_000) | {"customer": RISKY | {"name": "A."} | more}


async def decide(office: httpx.AsyncClient, checkout: Json, decision: str) -> httpx.Response:
    body = {"decision": decision, "reason": BECAUSE}
    return await office.post(f"/v1/admin/checkouts/{checkout['id']}/decide", json=body)


async def add(office: httpx.AsyncClient, effect: str, kind: str, value: str) -> Json:
    body = {"effect": effect, "kind": kind, "value": value, "reason": BECAUSE}
    answer = await office.post("/v1/admin/lists", json=body)
    assert answer.status_code == 201, answer.text
    entry: Json = answer.json()
    return entry


async def test_a_checkout_is_held_back_and_approved(
    shop: Shop, office: httpx.AsyncClient, sandbox: SandboxClient
) -> None:
    held = await shop.check_out(risky())
    assert (held["status"], held["review_reason"], held["attempts"]) == ("in_review", "risk", [])
    assert "score" not in json.dumps(held)
    assert "screening" not in held
    assert await sandbox.ledger(reference=attempt_id(held["id"], 1)) == []

    view = (await office.get(f"/v1/admin/checkouts/{held['id']}/screening")).raise_for_status().json()
    assert (view["verdict"], view["enforced"]) == ("review", True)
    assert {reason["signal"] for reason in view["reasons"]} >= {"address_tor", "email_disposable"}
    assert view["score"] == sum(reason["points"] for reason in view["reasons"])

    wrong = await decide(office, held, "not_paid")
    assert (wrong.status_code, wrong.json()["code"]) == (409, "wrong_decision")
    assert (await decide(office, held, "approve")).status_code == 200
    paid = await shop.until(held["id"])
    assert (paid["status"], paid["review_reason"]) == ("succeeded", None)


async def test_a_checkout_is_held_back_and_declined(shop: Shop, office: httpx.AsyncClient) -> None:
    held = await shop.check_out(risky())
    answer = await decide(office, held, "decline")
    view: Json = answer.raise_for_status().json()
    assert (view["status"], view["attempts"]) == ("failed", [])
    assert (view["decline"]["category"], view["decline"]["code"]) == ("fraud", "suspected_fraud")
    late = await decide(office, held, "approve")
    assert (late.status_code, late.json()["code"]) == (409, "not_in_review")


async def test_a_challenge_is_asked_for(shop: Shop) -> None:
    """Tor alone: Stripe asks for 3-D Secure of a card that supports it."""
    body = card(15_900, currency="EUR", country="FR", stripe="pm_card_threeDSecureOptional")
    body["customer"] |= {"ip": "185.220.101.1", "country": "DE"}
    asked = await shop.check_out(body)
    assert asked["status"] == "requires_action", asked
    assert asked["next_action"]["type"] == "redirect"


async def test_the_lists_are_kept_and_followed(
    shop: Shop, office: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    entry = await add(office, "block", "domain", "Blocked.example")
    assert (entry["value"], entry["effect"]) == ("blocked.example", "block")
    refused = await shop.check_out(
        card() | {"customer": {"email": "a@shop.blocked.example", "country": "US"}}
    )
    assert (refused["status"], refused["decline"]["code"]) == ("failed", "suspected_fraud")
    assert refused["attempts"] == []

    same = await add(office, "allow", "domain", "blocked.example")
    assert (same["id"], same["effect"]) == (entry["id"], "allow")
    person = await add(office, "block", "email", "Eve@example.com")
    listed = (await office.get("/v1/admin/lists", params={"limit": 1})).json()
    assert ([each["id"] for each in listed["data"]], listed["has_more"]) == ([person["id"]], True)
    rest = (await office.get("/v1/admin/lists", params={"cursor": listed["next_cursor"]})).json()
    assert [each["id"] for each in rest["data"]] == [entry["id"]]
    only = (await office.get("/v1/admin/lists", params={"kind": "email", "effect": "allow"})).json()
    assert only["data"] == []

    gone = await office.delete(f"/v1/admin/lists/{person['id']}", params={"reason": BECAUSE})
    assert gone.json()["value"] == "eve@example.com"
    again = await office.delete(f"/v1/admin/lists/{person['id']}", params={"reason": BECAUSE})
    assert again.status_code == 404
    rows = await database.fetch(
        "SELECT action, before, after FROM audit_log WHERE subject = ANY($1) ORDER BY id",
        [entry["id"], person["id"]],
    )
    assert [row["action"] for row in rows] == ["list.added", "list.added", "list.added", "list.removed"]
    assert "eve" not in "".join(f"{row['before']}{row['after']}" for row in rows)


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"kind": "bin", "value": "53"}, "/value"),
        ({"kind": "ip", "value": "::/200"}, "/value"),
        ({"kind": "planet", "value": "Mars"}, "/kind"),
        ({"kind": "country", "value": ""}, "/value"),
        ({"kind": "country", "value": "NG", "effect": "maybe"}, "/effect"),
        ({"kind": "country", "value": "NG", "reason": " "}, "/reason"),
    ],
)
async def test_a_wrong_entry_is_refused(office: httpx.AsyncClient, body: Json, path: str) -> None:
    answer = await office.post("/v1/admin/lists", json={"effect": "block", "reason": BECAUSE} | body)
    assert answer.status_code == 422, answer.text
    assert [error["path"] for error in answer.json()["errors"]] == [path]


async def test_who_may_look_and_who_may_change(stack: Stack, shop: Shop) -> None:
    body = {"effect": "block", "kind": "country", "value": "AQ", "reason": BECAUSE}
    async with open_office(stack, Role.VIEWER) as viewer:
        assert (await viewer.get("/v1/admin/lists")).status_code == 200
        assert (await viewer.post("/v1/admin/lists", json=body)).status_code == 403
        path = f"/v1/admin/lists/le_{'0' * 26}"
        assert (await viewer.delete(path, params={"reason": BECAUSE})).status_code == 403
        assert (await viewer.get(f"/v1/admin/checkouts/co_{'0' * 26}/screening")).status_code == 404
    assert (await shop.http.get("/v1/admin/lists")).status_code == 401
