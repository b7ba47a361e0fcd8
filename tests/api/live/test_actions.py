"""What operators do to a checkout by hand: it happens, it is recorded, and only its role may."""

import json
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from devstack.stack import Stack
from domain.ids import attempt_id
from domain.operator import Role
from sandbox.client import SandboxClient
from tests.desk import Json
from tests.e2e.requests import card, challenged, nigerian_card, page
from tests.live import Customer, Shop, eventually, new_key, open_office
from tests.notifications.receiver import receiving

CHECKOUTS = "/v1/admin/checkouts"
BECAUSE = "to see what happens"


@pytest.fixture
async def office(stack: Stack, database: asyncpg.Connection) -> AsyncIterator[httpx.AsyncClient]:
    async with open_office(stack, Role.OPERATOR) as opened:
        yield opened
    await database.execute("DELETE FROM switches")


async def ask(
    office: httpx.AsyncClient, checkout: Json, what: str, *, key: str | None = None, **body: object
) -> httpx.Response:
    headers = {"Idempotency-Key": key} if key else {}
    path = f"{CHECKOUTS}/{checkout['id']}/{what}"
    return await office.post(path, json={"reason": BECAUSE, **body}, headers=headers)


async def done(answer: httpx.Response) -> Json:
    assert answer.status_code == 200, answer.text
    detail: Json = answer.json()
    return detail


async def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def record(database: asyncpg.Connection, checkout: Json) -> list[str]:
    rows = await database.fetch(
        "SELECT action FROM audit_log WHERE subject = $1 AND actor <> 'system' ORDER BY id", checkout["id"]
    )
    return [row["action"] for row in rows]


async def test_an_authorized_checkout_is_captured_in_part(
    office: httpx.AsyncClient, shop: Shop, database: asyncpg.Connection
) -> None:
    held = await shop.until(
        (await shop.check_out(card(5000, capture_method="manual")))["id"], "requires_capture"
    )
    detail = await done(await office.get(f"{CHECKOUTS}/{held['id']}"))
    assert detail["actions"] == ["capture", "cancel"]
    await refused(await ask(office, held, "capture", amount=5001), 422, "invalid_request")
    detail = await done(await ask(office, held, "capture", amount=4000))
    assert (detail["checkout"]["status"], detail["checkout"]["amount_captured"]) == ("succeeded", 4000)
    await refused(await ask(office, held, "capture"), 409, "not_capturable")
    assert await record(database, held) == [
        "checkout.capture_requested",
        "checkout.capture_refused",
        "checkout.capture_requested",
        "checkout.capture_requested",
        "checkout.capture_refused",
    ]
    shown = (await done(await office.get(f"{CHECKOUTS}/{held['id']}")))["record"]
    assert shown[2]["name"].startswith("operator ")
    assert (shown[2]["reason"], shown[2]["after"]) == (BECAUSE, {"amount": 4000})


async def test_a_waiting_checkout_is_canceled(office: httpx.AsyncClient, shop: Shop) -> None:
    waiting = await shop.until((await shop.check_out(challenged()))["id"], "requires_action")
    detail = await done(await ask(office, waiting, "cancel"))
    assert detail["checkout"]["status"] == "canceled"
    assert f"Asked to cancel: {BECAUSE}." in [entry["text"] for entry in detail["timeline"]]
    paid = await shop.check_out(card())
    await refused(await ask(office, paid, "cancel"), 409, "already_paid")


async def test_a_paid_checkout_is_refunded_in_part_and_once_per_key(
    office: httpx.AsyncClient, shop: Shop, sandbox: SandboxClient
) -> None:
    paid = await shop.check_out(card(5000))
    await refused(await ask(office, paid, "refunds", amount=1000), 400, "idempotency_key_missing")
    key = new_key()
    for _ in range(2):
        detail = await done(await ask(office, paid, "refunds", key=key, amount=1500))
        assert [(each["amount"], each["status"]) for each in detail["refunds"]] == [(1500, "succeeded")]
    await refused(await ask(office, paid, "refunds", key=key, amount=1), 422, "idempotency_key_reused")
    await refused(
        await ask(office, paid, "refunds", key=new_key(), amount=3501), 409, "refund_exceeds_captured"
    )
    detail = await done(await ask(office, paid, "refunds", key=new_key()))
    assert detail["checkout"]["amount_refunded"] == 5000
    assert detail["actions"] == []
    kinds = [row["kind"] for row in await sandbox.ledger(reference=attempt_id(paid["id"], 1))]
    assert kinds == ["capture", "refund", "refund"]


async def test_a_merchants_own_key_is_another_one(office: httpx.AsyncClient, shop: Shop) -> None:
    paid = await shop.check_out(card(5000))
    key = new_key()
    await done(await ask(office, paid, "refunds", key=key, amount=1000))
    answer = await shop.http.post(
        f"/v1/checkouts/{paid['id']}/refunds", json={"amount": 1000}, headers={"Idempotency-Key": key}
    )
    assert answer.status_code == 201, answer.text
    assert (await shop.get(paid["id"]))["amount_refunded"] == 2000


async def test_a_notification_is_sent_again(office: httpx.AsyncClient, shop: Shop) -> None:
    async with receiving() as receiver:
        paid = await shop.check_out(card(notification_url=receiver.url))

        async def delivered() -> Json | None:
            detail = await done(await office.get(f"{CHECKOUTS}/{paid['id']}"))
            return next((each for each in detail["notifications"] if each["delivered_at"]), None)

        notification = await eventually("the notification", delivered)
        first = len(await receiver.wait())
        detail = await done(await ask(office, paid, f"notifications/{notification['id']}/resend"))
        assert detail["timeline"][-1]["kind"] == "notification.resent"
        again = await receiver.wait(first + 1)
        assert again[-1].headers["webhook-id"] == notification["id"]
    other = await shop.check_out(card())
    await refused(await ask(office, other, f"notifications/{notification['id']}/resend"), 404, "not_found")


async def test_the_next_gateway_is_chosen_by_hand(
    office: httpx.AsyncClient, shop: Shop, sandbox: SandboxClient, database: asyncpg.Connection
) -> None:
    waiting = await shop.until((await shop.check_out(challenged()))["id"], "requires_action")
    detail = await done(await office.get(f"{CHECKOUTS}/{waiting['id']}"))
    assert "next_gateway" in detail["actions"]
    can = {each["account"]: each["exclusion"] for each in detail["candidates"]}
    assert can["stripe"] is None
    assert can["flutterwave"] is None
    later = await done(await ask(office, waiting, "next-gateway", account="flutterwave"))
    assert later["next_gateway"] == {"account": "flutterwave"}
    assert later["checkout"]["status"] == "requires_action"

    await done(await ask(office, waiting, "next-gateway", account="flutterwave", close_page=True))
    ended = await shop.until(waiting["id"])
    assert (ended["status"], ended["gateway"]) == ("succeeded", "flutterwave")
    assert [(each["account"], each["status"]) for each in ended["attempts"]] == [
        ("stripe", "canceled"),
        ("flutterwave", "captured"),
    ]
    charged = [row["gateway"] for row in await sandbox.ledger() if waiting["id"][3:] in row["reference"]]
    assert charged == ["flutterwave"]
    detail = await done(await office.get(f"{CHECKOUTS}/{waiting['id']}"))
    assert detail["next_gateway"] is None
    assert "An operator chose flutterwave for the next attempt and had the open page closed." in [
        entry["text"] for entry in detail["timeline"]
    ]
    row = await database.fetchrow(
        "SELECT * FROM audit_log WHERE subject = $1 AND actor <> 'system' ORDER BY id DESC LIMIT 1",
        waiting["id"],
    )
    assert row is not None
    assert (row["action"], row["reason"]) == ("checkout.next_gateway_requested", BECAUSE)
    assert json.loads(row["after"]) == {"account": "flutterwave", "close_page": True}


async def test_a_choice_that_cannot_be_is_refused(
    office: httpx.AsyncClient, shop: Shop, database: asyncpg.Connection
) -> None:
    paid = await shop.check_out(card())
    await refused(await ask(office, paid, "next-gateway", account="flutterwave"), 409, "next_gateway_refused")
    waiting = await shop.until((await shop.check_out(page()))["id"], "requires_action")
    for account in ("nowhere", "paystack"):  # unknown; does not charge in EUR
        answer = await ask(office, waiting, "next-gateway", account=account)
        await refused(answer, 409, "next_gateway_refused")
    assert (
        await record(database, waiting)
        == [
            "checkout.next_gateway_requested",
            "checkout.next_gateway_refused",
        ]
        * 2
    )
    await done(await ask(office, waiting, "cancel"))


async def test_money_on_the_page_that_is_left_is_found_first(
    office: httpx.AsyncClient, shop: Shop, customer: Customer, sandbox: SandboxClient
) -> None:
    """I9: Flutterwave confirms no close. Paid just after it, the page's money is the checkout's."""
    waiting = await shop.until(
        (await shop.check_out(nigerian_card(650_000, payment_method={"type": "hosted"})))["id"],
        "requires_action",
    )
    assert waiting["attempts"][0]["account"] == "flutterwave"
    await customer.pay(waiting)
    await ask(office, waiting, "next-gateway", account="paystack", close_page=True)
    ended = await shop.until(waiting["id"])
    assert (ended["status"], ended["gateway"]) == ("succeeded", "flutterwave")
    rows = [row for row in await sandbox.ledger() if waiting["id"][3:] in row["reference"]]
    assert [(row["gateway"], row["kind"]) for row in rows] == [("flutterwave", "capture")]


async def test_every_action_needs_its_reason(office: httpx.AsyncClient, shop: Shop) -> None:
    paid = await shop.check_out(card())
    path = f"{CHECKOUTS}/{paid['id']}"
    for what in ("capture", "cancel", "refunds", "next-gateway", f"notifications/evt_{'0' * 26}/resend"):
        for body in ({}, {"reason": " "}, {"reason": BECAUSE, "more": 1}):
            answer = await office.post(
                f"{path}/{what}", json={"account": "stripe", **body}, headers={"Idempotency-Key": new_key()}
            )
            await refused(answer, 422, "invalid_request")
