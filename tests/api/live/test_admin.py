"""What operators steer through the running API: switches, reviews, alerts."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
import pytest

from devstack.settings import product_environment
from devstack.stack import Stack
from domain.ids import attempt_id
from domain.operator import Role
from sandbox.client import SandboxClient
from tests.e2e.requests import Json, card
from tests.live import Shop, eventually, new_key, open_office
from tests.operators.shell import Shell

BECAUSE = "to see what happens"
DECIDED = "SELECT * FROM audit_log WHERE subject = $1 AND checkout_id IS NULL ORDER BY id"
"""What people did to a checkout, without its transitions."""


@pytest.fixture
async def office(stack: Stack, database: asyncpg.Connection) -> AsyncIterator[httpx.AsyncClient]:
    """An operator; nothing stays frozen."""
    async with open_office(stack, Role.OPERATOR) as opened:
        yield opened
    await database.execute("DELETE FROM switches")


async def put(office: httpx.AsyncClient, switch: str, *, frozen: bool) -> Json:
    answer = await office.put(f"/v1/admin/switches/{switch}", json={"frozen": frozen, "reason": BECAUSE})
    view: Json = answer.raise_for_status().json()
    return view


@asynccontextmanager
async def frozen(office: httpx.AsyncClient, switch: str) -> AsyncIterator[None]:
    await put(office, switch, frozen=True)
    yield
    await put(office, switch, frozen=False)


async def money(sandbox: SandboxClient, checkout: Json) -> list[str]:
    return [row["kind"] for row in await sandbox.ledger(reference=attempt_id(checkout["id"], 1))]


async def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_switch_is_set_listed_recorded_and_raises_an_alert(
    office: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    me = (await office.get("/v1/admin/me")).json()
    body = {"frozen": True, "reason": f"  {BECAUSE} "}
    for _ in range(2):
        view = (await office.put("/v1/admin/switches/refunds/stripe", json=body)).raise_for_status().json()
        told = [view[name] for name in ("kind", "account", "frozen", "reason", "actor", "name")]
        assert told == ["refunds", "stripe", True, BECAUSE, me["id"], me["name"]]
    listed = (await office.get("/v1/admin/switches")).json()["data"]
    assert listed[-1]["name"] == me["name"]
    assert [(each["kind"], each["account"], each["frozen"]) for each in listed] == [
        ("charges", None, False),
        ("failover", None, False),
        ("refunds", None, False),
        ("compensation", None, False),
        ("refunds", "stripe", True),
    ]

    wanted = {"kind": "switch.frozen", "subject": "refunds/stripe"}
    [alert] = (await office.get("/v1/admin/alerts", params=wanted)).json()["data"]
    assert alert["acknowledged_at"] is None
    assert await put(office, "refunds/stripe", frozen=False) == {
        "kind": "refunds",
        "account": "stripe",
        "frozen": False,
        "reason": None,
        "actor": None,
        "name": None,
        "since": None,
    }
    await put(office, "refunds/stripe", frozen=False)
    [over] = (await office.get("/v1/admin/alerts", params=wanted)).json()["data"]
    assert over["acknowledged_at"] is not None
    rows = await database.fetch(
        "SELECT action, reason, before, after FROM audit_log"
        " WHERE actor = $1 AND subject = 'refunds/stripe' ORDER BY id",
        me["id"],
    )
    assert [(row["action"], row["reason"]) for row in rows] == [
        ("switch.frozen", BECAUSE),
        ("switch.frozen", BECAUSE),
        ("switch.thawed", BECAUSE),
    ]
    assert json.loads(rows[0]["before"]) == json.loads(rows[2]["after"]) == {"frozen": False}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"frozen": True}, "/reason"),
        ({"frozen": True, "reason": " "}, "/reason"),
        ({"frozen": True, "reason": "x" * 256}, "/reason"),
        ({"frozen": True, "reason": 1}, "/reason"),
        ({"frozen": "yes", "reason": BECAUSE}, "/frozen"),
        ({"reason": BECAUSE}, "/frozen"),
        ({"frozen": True, "reason": BECAUSE, "more": 1}, "/more"),
    ],
)
async def test_a_wrong_switch_is_refused(office: httpx.AsyncClient, body: Json, path: str) -> None:
    answer = await office.put("/v1/admin/switches/charges", json=body)
    await refused(answer, 422, "invalid_request")
    assert [error["path"] for error in answer.json()["errors"]] == [path]


async def test_a_switch_that_does_not_exist_is_refused(office: httpx.AsyncClient) -> None:
    body = {"frozen": True, "reason": BECAUSE}
    await refused(await office.put("/v1/admin/switches/everything", json=body), 404, "not_found")
    await refused(await office.put("/v1/admin/switches/charges/strpe", json=body), 404, "not_found")
    await refused(await office.put("/v1/admin/switches/charges/Stripe", json=body), 404, "not_found")


async def test_a_role_that_is_too_low_and_a_merchant_change_nothing(
    stack: Stack, shop: Shop, office: httpx.AsyncClient
) -> None:
    calls: list[tuple[str, str, Any]] = [
        ("PUT", "/v1/admin/switches/charges", {"frozen": True, "reason": BECAUSE}),
        ("PUT", "/v1/admin/switches/charges/stripe", {"frozen": True, "reason": BECAUSE}),
        ("POST", f"/v1/admin/checkouts/co_{'0' * 26}/decide", {"decision": "not_paid", "reason": BECAUSE}),
        ("POST", f"/v1/admin/alerts/alr_{'0' * 26}/acknowledge", None),
    ]
    async with open_office(stack, Role.VIEWER) as viewer:
        for method, path, body in calls:
            await refused(await viewer.request(method, path, json=body), 403, "forbidden")
            await refused(await shop.http.request(method, path, json=body), 401, "unauthorized")
        assert (await viewer.get("/v1/admin/switches")).is_success
        assert (await viewer.get("/v1/admin/alerts")).is_success
    assert not any(each["frozen"] for each in (await office.get("/v1/admin/switches")).json()["data"])


async def test_frozen_charges_refuse_new_checkouts_and_store_nothing(
    office: httpx.AsyncClient, shop: Shop, database: asyncpg.Connection
) -> None:
    before = await shop.check_out(card(), key=(known := new_key()))
    async with frozen(office, "charges"):
        answer = await shop.post(card(), key=(fresh := new_key()))
        await refused(answer, 503, "charges_frozen")
        assert answer.headers["retry-after"] == "60"
        replayed = await shop.post(card(), key=known)
        assert (replayed.status_code, replayed.json()) == (200, before)
        count = "SELECT count(*) FROM checkouts WHERE idempotency_key = $1"
        assert await database.fetchval(count, fresh) == 0
    assert (await shop.check_out(card(), key=fresh))["status"] == "succeeded"


async def test_a_frozen_account_is_left_out_and_explained(
    office: httpx.AsyncClient, shop: Shop, sandbox: SandboxClient
) -> None:
    async with frozen(office, "charges/stripe"):
        resolved = (await shop.http.get("/v1/routing/resolve?currency=USD&country=US")).json()
        assert {"gateway": "stripe", "account": "stripe", "reason": "frozen"} in resolved["excluded"]
        checkout = await shop.check_out(card())
        assert checkout["status"] == "succeeded"
        assert [attempt["account"] for attempt in checkout["attempts"]] == ["flutterwave"]
        assert await sandbox.requests(gateway="stripe", reference=attempt_id(checkout["id"], 1)) == []


async def test_frozen_charges_refuse_captures_and_let_cancels_pass(
    office: httpx.AsyncClient, shop: Shop, sandbox: SandboxClient
) -> None:
    held, released = [await shop.check_out(card(capture_method="manual")) for _ in range(2)]
    async with frozen(office, "charges/stripe"):
        answer = await shop.http.post(f"/v1/checkouts/{held['id']}/capture")
        await refused(answer, 503, "charges_frozen")
        assert answer.headers["retry-after"] == "60"
        assert (await shop.http.post(f"/v1/checkouts/{released['id']}/cancel")).json()["status"] == "canceled"
        assert await money(sandbox, held) == ["authorize"]
        assert await money(sandbox, released) == ["authorize", "void"]
    assert (await shop.http.post(f"/v1/checkouts/{held['id']}/capture")).json()["status"] == "succeeded"


async def test_frozen_refunds_are_refused(
    office: httpx.AsyncClient, shop: Shop, sandbox: SandboxClient
) -> None:
    paid = await shop.check_out(card())
    headers = {"Idempotency-Key": new_key(), "Prefer": "wait=10"}
    async with frozen(office, "refunds/stripe"):
        answer = await shop.http.post(f"/v1/checkouts/{paid['id']}/refunds", headers=headers)
        await refused(answer, 503, "refunds_frozen")
        assert await money(sandbox, paid) == ["capture"]
    answer = await shop.http.post(f"/v1/checkouts/{paid['id']}/refunds", headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "succeeded")


async def reviewed(shop: Shop, sandbox: SandboxClient) -> Json:
    """A checkout in review: the gateway charged another amount."""
    await sandbox.fault("stripe", "charge", "wrong_amount", count=1)
    accepted = await shop.check_out(card())
    return await shop.until(accepted["id"], "in_review")


def stripped(row: asyncpg.Record) -> tuple[Any, ...]:
    return row["actor"], row["action"], row["reason"], json.loads(row["after"])["decision"]


async def test_a_review_is_decided(
    office: httpx.AsyncClient, shop: Shop, sandbox: SandboxClient, database: asyncpg.Connection
) -> None:
    checkout = await reviewed(shop, sandbox)
    path = f"/v1/admin/checkouts/{checkout['id']}/decide"
    look = await office.post(path, json={"decision": "look_again", "reason": BECAUSE})
    assert (look.status_code, look.json()["status"]) == (200, "in_review")
    wrong = {"decision": "paid", "reason": BECAUSE}
    await refused(await office.post(path, json=wrong), 422, "invalid_request")
    decided = await office.post(path, json={"decision": "not_paid", "reason": BECAUSE})
    assert (decided.status_code, decided.json()["status"]) == (200, "failed")
    late = {"decision": "not_paid", "reason": BECAUSE}
    await refused(await office.post(path, json=late), 409, "not_in_review")
    me = (await office.get("/v1/admin/me")).json()["id"]
    rows = await database.fetch(DECIDED, checkout["id"])
    assert [stripped(row) for row in rows] == [
        (me, "review.decided", BECAUSE, "look_again"),
        (me, "review.decided", BECAUSE, "not_paid"),
    ]
    unknown = f"/v1/admin/checkouts/co_{'0' * 26}/decide"
    await refused(await office.post(unknown, json=late), 404, "not_found")


async def test_a_review_is_decided_in_a_shell(
    stack: Stack, shop: Shop, sandbox: SandboxClient, database: asyncpg.Connection
) -> None:
    checkout = (await reviewed(shop, sandbox))["id"]
    environment = product_environment(
        ports=stack.ports,
        data_dir=stack.data_dir,
        database_url=stack.database_url,
        gateway_urls={},
        overrides={},
    )
    shell = Shell(stack.database_url, **environment)
    words = ("decide", checkout, "not_paid", "--reason", BECAUSE)
    assert await asyncio.to_thread(shell, *words) == f"{checkout}: not_paid\n"
    assert (await shop.until(checkout, "failed"))["status"] == "failed"
    told = await asyncio.to_thread(lambda: shell(*words, code=1))
    assert "not in review: it is failed" in told
    rows = await database.fetch(DECIDED, checkout)
    assert [stripped(row) for row in rows] == [("cli:ada", "review.decided", BECAUSE, "not_paid")]


async def test_alerts_are_listed_in_parts_and_acknowledged(
    office: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    for subject in ("charges/stripe", "charges/flutterwave", "failover"):
        await put(office, subject, frozen=True)
    query: Json = {"kind": "switch.frozen", "acknowledged": False, "limit": 2}
    first = (await office.get("/v1/admin/alerts", params=query)).json()
    rest = (await office.get("/v1/admin/alerts", params=query | {"cursor": first["next_cursor"]})).json()
    shown = [*first["data"], *rest["data"]]
    assert [each["subject"] for each in shown] == ["failover", "charges/flutterwave", "charges/stripe"]
    assert (first["has_more"], rest["has_more"]) == (True, False)

    path = f"/v1/admin/alerts/{shown[0]['id']}/acknowledge"
    acknowledged = (await office.post(path)).json()
    assert acknowledged["acknowledged_at"] is not None
    assert (await office.post(path)).json() == acknowledged
    count = "SELECT count(*) FROM audit_log WHERE subject = $1"
    assert await database.fetchval(count, shown[0]["id"]) == 1
    await put(office, "failover", frozen=True)
    again = (await office.get("/v1/admin/alerts", params=query)).json()["data"][0]
    assert (again["subject"], again["acknowledged_at"]) == ("failover", None)
    await refused(await office.post(f"/v1/admin/alerts/alr_{'0' * 26}/acknowledge"), 404, "not_found")
    bad = await office.get("/v1/admin/alerts", params={"cursor": "x"})
    await refused(bad, 422, "invalid_request")


async def test_running_checkouts_wait_and_go_on(
    office: httpx.AsyncClient, shop: Shop, sandbox: SandboxClient
) -> None:
    """Stripe is slow to decline, and the failover meets the freeze."""
    await sandbox.fault("stripe", "charge", "slow", count=1, seconds=5)
    accepted = await shop.check_out(card(stripe="pm_card_chargeDeclinedInsufficientFunds"), wait=0)
    first = attempt_id(accepted["id"], 1)
    await eventually("stripe is asked", lambda: sandbox.requests(reference=first), every=0.02)
    async with frozen(office, "charges"):

        async def declined() -> bool:
            found = await shop.get(accepted["id"])
            return [attempt["status"] for attempt in found["attempts"]] == ["declined"]

        await eventually("declined at stripe", declined)
        assert (await shop.get(accepted["id"]))["status"] == "processing"
        second = attempt_id(accepted["id"], 2)
        assert await sandbox.requests(reference=second) == []
    ended = await shop.until(accepted["id"])
    assert (ended["status"], ended["gateway"]) == ("succeeded", "flutterwave")
