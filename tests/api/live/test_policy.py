"""Two operators and the routing policy, through the running API; and what it does to checkouts."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from devstack.stack import Stack
from domain.operator import Role
from tests.e2e.requests import Json, card
from tests.live import Shop, eventually, open_office

POLICY = "/v1/admin/routing/policy"


@pytest.fixture
async def office(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """An operator who may change routing. The policy of before is put back afterwards."""
    async with open_office(stack, Role.ADMIN) as operator:
        before = (await operator.get(POLICY)).raise_for_status().json()
        yield operator
        now = await operator.get(POLICY)
        if now.json()["version"] != before["version"]:
            await save(operator, before["policy"], now.headers["etag"])


async def save(operator: httpx.AsyncClient, policy: Json, etag: str) -> httpx.Response:
    return await operator.put(POLICY, json={"policy": policy, "reason": "test"}, headers={"If-Match": etag})


async def in_force(shop: Shop, version: int) -> None:
    async def told() -> bool:
        answer = await shop.http.get("/v1/routing/resolve", params={"currency": "USD"})
        return bool(answer.json()["policy_version"] >= version)

    await eventually(f"version {version} is in force", told, every=0.02)


def with_rules(policy: Json, *rules: Json) -> Json:
    return {**policy, "rules": list(rules)}


async def test_of_two_operators_one_is_told_what_the_other_saved(
    stack: Stack, shop: Shop, office: httpx.AsyncClient
) -> None:
    async with open_office(stack, Role.ADMIN) as colleague:
        mine, theirs = await office.get(POLICY), await colleague.get(POLICY)
        assert mine.headers["etag"] == theirs.headers["etag"] == f'"{mine.json()["version"]}"'
        base, policy = mine.json()["version"], mine.json()["policy"]
        first = await save(office, {**policy, "override_default": ["stripe"]}, mine.headers["etag"])
        assert (first.status_code, first.json()["version"]) == (200, base + 1)
        second = await save(colleague, {**policy, "default": ["stripe"]}, theirs.headers["etag"])
        assert (second.status_code, second.json()["code"]) == (412, "policy_changed")
        assert (second.json()["current_version"], second.headers["etag"]) == (base + 1, f'"{base + 1}"')
        now = (await colleague.get(POLICY)).json()
        assert (now["version"], now["policy"]["override_default"]) == (base + 1, ["stripe"])
        assert now["diff"] == [{"path": "/override_default", "after": ["stripe"]}]
        me = (await office.get("/v1/admin/me")).json()
        assert (now["author"], now["author_name"]) == (me["id"], me["name"])
        assert now["reason"] == "test"

        again = await save(colleague, {**policy, "default": ["stripe"]}, second.headers["etag"])
        assert again.json()["version"] == base + 2
        listed = (await office.get(f"{POLICY}/versions", params={"limit": 2})).json()
        assert [entry["version"] for entry in listed["data"]] == [base + 2, base + 1]
        older = (await office.get(f"{POLICY}/versions", params={"cursor": listed["next_cursor"]})).json()
        assert older["data"][0]["version"] == base
        assert (await office.get(f"{POLICY}/versions/{base}")).json()["policy"] == policy

        back = await office.post(
            f"{POLICY}/rollback", json={"version": base}, headers={"If-Match": f'"{base + 2}"'}
        )
        assert (back.json()["version"], back.json()["policy"]) == (base + 3, policy)
        await in_force(shop, base + 3)


async def test_without_if_match_nothing_is_saved(office: httpx.AsyncClient) -> None:
    policy = (await office.get(POLICY)).json()["policy"]
    for headers, status, code in (
        ({}, 428, "precondition_required"),
        ({"If-Match": "*"}, 412, "policy_changed"),
        ({"If-Match": '"99999"'}, 412, "policy_changed"),
    ):
        answer = await office.put(POLICY, json={"policy": policy}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_only_an_admin_saves(stack: Stack, role: Role) -> None:
    async with open_office(stack, role) as operator:
        current = await operator.get(POLICY)
        assert current.status_code == 200
        saved = await save(operator, current.json()["policy"], current.headers["etag"])
        assert (saved.status_code, saved.json()["code"]) == (403, "forbidden")


async def test_everything_that_is_wrong_is_told_with_its_place(office: httpx.AsyncClient) -> None:
    current = await office.get(POLICY)
    wrong: dict[str, Any] = {
        "default": ["strpe"],
        "countries": {"UK": ["stripe"]},
        "rules": [
            {"name": "all", "then": {"accounts": ["stripe"]}},
            {"name": "never", "when": {"all": [{"currency": ["EUR"]}]}, "then": {"block": True}},
        ],
    }
    told = (await office.post(f"{POLICY}/validate", json={"policy": wrong})).json()
    assert told["valid"] is False
    found = {(each["path"], each["code"], each["suggestion"]) for each in told["errors"]}
    assert found == {
        ("/default/0", "unknown_account", "stripe"),
        ("/countries/UK", "unknown_country", "GB"),
        ("/rules/1", "unreachable", None),
    }
    refused = await save(office, wrong, current.headers["etag"])
    assert (refused.status_code, refused.json()["code"]) == (422, "policy_invalid")
    assert {each["path"] for each in refused.json()["errors"]} == {f"/policy{path}" for path, _, _ in found}
    assert (await office.get(POLICY)).headers["etag"] == current.headers["etag"]


async def test_a_rule_decides_checkouts_that_are_planned_after_it(
    shop: Shop, office: httpx.AsyncClient
) -> None:
    before = await shop.check_out(card())
    current = await office.get(POLICY)
    rule = {
        "name": "vip",
        "when": {"all": [{"metadata": {"key": "tier", "values": ["vip"]}}, {"merchant": [shop.merchant_id]}]},
        "then": {"accounts": ["flutterwave", "stripe"]},
    }
    block = {
        "name": "no-gifts",
        "when": {
            "all": [{"metadata": {"key": "kind", "values": ["gift"]}}, {"merchant": [shop.merchant_id]}]
        },
        "then": {"block": True},
    }
    saved = await save(office, with_rules(current.json()["policy"], rule, block), current.headers["etag"])
    assert saved.status_code == 200, saved.text
    await in_force(shop, saved.json()["version"])

    async def planned() -> Json | None:
        made = await shop.check_out({**card(), "metadata": {"tier": "vip"}})
        return made if made["routing"]["policy_version"] >= saved.json()["version"] else None

    made = await eventually("the worker has it too", planned)
    assert made is not None
    assert made["routing"]["plan"][0] == {
        "gateway": "flutterwave",
        "account": "flutterwave",
        "reason": "rule:vip",
        "detail": None,
        "health": None,
    }
    assert (await shop.get(before["id"]))["routing"] == before["routing"]

    blocked = await shop.check_out({**card(), "metadata": {"kind": "gift"}})
    assert (blocked["status"], blocked["decline"]["code"]) == ("failed", "blocked_by_rule")
    assert (blocked["routing"]["blocked_by"], blocked["routing"]["plan"], blocked["attempts"]) == (
        "no-gifts",
        [],
        [],
    )
    assert {entry["reason"] for entry in blocked["routing"]["excluded"]} == {"blocked_by_rule"}


async def test_a_draft_is_tried_on_what_has_been(shop: Shop, office: httpx.AsyncClient) -> None:
    for _ in range(3):
        await shop.check_out(card())
    policy = (await office.get(POLICY)).json()["policy"]
    mine = {"merchant": [shop.merchant_id]}
    draft = with_rules(
        policy, {"name": "try", "when": {"all": [mine]}, "then": {"accounts": ["flutterwave"], "only": True}}
    )
    same = (await office.post("/v1/admin/routing/simulate", json={"policy": policy, "last": 3})).json()
    assert (same["checkouts"], same["changed"], same["moves"]) == (3, 0, [])
    tried = (await office.post("/v1/admin/routing/simulate", json={"policy": draft, "last": 3})).json()
    assert (tried["checkouts"], tried["moved"]) == (3, 3)
    assert tried["moves"] == [{"before": "stripe", "after": "flutterwave", "checkouts": 3}]
    assert tried["currencies"] == [{"name": "USD", "checkouts": 3, "moved": 3}]
    assert "unknown" in tried["note"]
    assert (await shop.http.get("/v1/routing/resolve", params={"currency": "USD"})).json()["plan"][0][
        "account"
    ] == "stripe"


async def test_a_policy_of_a_thousand_rules_is_taken(shop: Shop, office: httpx.AsyncClient) -> None:
    current = await office.get(POLICY)
    rules = [
        {
            "name": f"rule-{number}",
            "when": {"all": [{"bin": [f"{400000 + number}", f"{510000 + number}"]}, {"currency": ["USD"]}]},
            "then": {"accounts": ["stripe", "flutterwave"]},
        }
        for number in range(1000)
    ]
    saved = await save(office, with_rules(current.json()["policy"], *rules), current.headers["etag"])
    assert saved.status_code == 200, saved.text[:500]
    await in_force(shop, saved.json()["version"])
    answer = await shop.http.get("/v1/routing/resolve", params={"currency": "USD", "bin": "400777"})
    assert answer.json()["plan"][0]["reason"] == "rule:rule-777"
