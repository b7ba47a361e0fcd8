"""`/v1/admin/accounts` and `smartpay accounts`: what operators see of the accounts, and order about them."""

import json

import asyncpg
import httpx
import pytest

from devstack.stack import Stack
from domain.circuit import Mode
from domain.operator import Role
from tests.e2e.requests import card, nigerian_card
from tests.live import Shop, eventually, open_office
from tests.operators.shell import Shell


async def order(
    office: httpx.AsyncClient, mode: str, reason: str = "test", account: str = "stripe"
) -> httpx.Response:
    return await office.put(f"/v1/admin/accounts/{account}/mode", json={"mode": mode, "reason": reason})


async def test_an_order_holds_for_new_checkouts_and_is_recorded(
    stack: Stack, shop: Shop, database: asyncpg.Connection
) -> None:
    async with open_office(stack, Role.OPERATOR) as office:
        me = (await office.get("/v1/admin/me")).json()["id"]
        answer = await order(office, "drain", "Maintenance")
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["mode"], told["mode_reason"], told["mode_by"]) == ("drain", "Maintenance", me)
        try:

            async def kept_out() -> bool:
                routing = (await shop.check_out(card()))["routing"]
                return {"gateway": "stripe", "account": "stripe", "reason": "disabled"} in routing["excluded"]

            await eventually("new checkouts go elsewhere", kept_out)
            query = {"currency": "USD", "country": "US"}
            resolved = (await shop.http.get("/v1/routing/resolve", params=query)).json()
            assert [each["account"] for each in resolved["plan"]] == ["flutterwave"]
            assert (
                'smartpay_account_mode{account="stripe",mode="drain"} 1.0'
                in (await office.get("/metrics")).text
            )
        finally:
            assert (await order(office, "auto", "Over")).status_code == 200

        async def back() -> bool:
            return bool((await shop.check_out(card()))["routing"]["plan"][0]["account"] == "stripe")

        await eventually("traffic is back", back)
    rows = await database.fetch(
        "SELECT action, after, reason FROM audit_log WHERE actor = $1 AND subject = 'stripe' ORDER BY id",
        me,
    )
    assert [(row["action"], json.loads(row["after"])["mode"], row["reason"]) for row in rows] == [
        ("account.mode", "drain", "Maintenance"),
        ("account.mode", "auto", "Over"),
    ]


async def test_who_may_look_may_not_order(stack: Stack) -> None:
    async with open_office(stack, Role.VIEWER) as office:
        told = (await office.get("/v1/admin/accounts")).json()
        assert [each["account"] for each in told["data"]] == ["adyen", "flutterwave", "paystack", "stripe"]
        answer = await order(office, "disable")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_wrong_orders_are_refused_without_an_echo(stack: Stack) -> None:
    async with open_office(stack, Role.ADMIN) as office:
        assert (await order(office, "drain", account="nosuch")).status_code == 404
        for mode, reason in (("stop", "x"), ("drain", "  "), ("drain", "x" * 501), ("drain", "a\x1bb")):
            answer = await order(office, mode, reason)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
            assert mode == "drain" or mode not in answer.text


async def test_scores_are_learnt_from_what_checkouts_come_to(stack: Stack, shop: Shop) -> None:
    for _ in range(3):
        assert (await shop.check_out(nigerian_card()))["status"] == "succeeded"
    async with open_office(stack, Role.VIEWER) as office:

        async def learnt() -> list[dict[str, float]]:
            told = (await office.get("/v1/admin/accounts")).json()["data"]
            return [
                score
                for account in told
                if account["account"] == "flutterwave"
                for score in account["scores"]
                if score["group"].startswith("card/NGN/") and score["good"] > 1
            ]

        assert (await eventually("scores", learnt))[0]["rate"] > 0.5


def test_the_command_lists_and_orders(new_shell: Shell) -> None:
    assert "stripe: drain" in new_shell("accounts", "set", "stripe", "drain", "--reason", "Maintenance")
    told = {row["account"]: row for row in json.loads(new_shell("accounts", "list", "--json"))}
    assert told["stripe"] == {
        "account": "stripe",
        "mode": Mode.DRAIN,
        "reason": "Maintenance",
        "by": "cli:ada",
        "circuits": {},
    }
    assert told["flutterwave"]["mode"] == "auto"
    assert "Maintenance" in new_shell("accounts", "list")
    assert "There is no account 'x'" in new_shell("accounts", "set", "x", "drain", "--reason", "r", code=1)


@pytest.fixture
async def new_shell(database_url: str) -> Shell:
    return Shell(database_url)
