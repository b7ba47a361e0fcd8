"""Checkouts across merchants, as operators list, search, export and read them."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import asyncpg
import httpx
import pytest

from devstack.stack import Stack
from domain.ids import attempt_id
from domain.operator import Role
from sandbox.client import SandboxClient
from tests.desk import Json
from tests.e2e.requests import DECLINED, card, nigerian_card
from tests.live import Shop, new_key, open_office, open_shop

CHECKOUTS = "/v1/admin/checkouts"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
async def viewer(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with open_office(stack, Role.VIEWER) as opened:
        yield opened


async def ids(viewer: httpx.AsyncClient, **query: object) -> list[str]:
    answer = await viewer.get(CHECKOUTS, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()["data"]]


async def test_every_merchants_checkouts_are_listed_newest_first_in_parts(
    stack: Stack, viewer: httpx.AsyncClient, shop: Shop
) -> None:
    async with open_shop(stack) as other:
        made = [(await each.check_out(card()))["id"] for each in (shop, other, shop)]
    shown: list[str] = []
    query: Json = {"limit": 2}
    while len(shown) < 3:
        part = (await viewer.get(CHECKOUTS, params=query)).json()
        shown += [row["id"] for row in part["data"]]
        query["cursor"] = part["next_cursor"]
    assert shown[:3] == made[::-1]
    bad = await viewer.get(CHECKOUTS, params={"cursor": "x"})
    assert (bad.status_code, bad.json()["code"]) == (422, "invalid_request")


async def test_a_row_says_what_the_list_shows(viewer: httpx.AsyncClient, shop: Shop) -> None:
    body = card(7200, stripe=DECLINED, reference=f"row-{new_key()}")
    body["payment_method"]["bin"] = "424242"
    checkout = await shop.until((await shop.check_out(body))["id"])
    [row] = (await viewer.get(CHECKOUTS, params={"q": checkout["id"]})).json()["data"]
    assert row | {"updated_at": ""} == {
        "id": checkout["id"],
        "merchant": row["merchant"],
        "reference": body["reference"],
        "status": "succeeded",
        "review_reason": None,
        "amount": 7200,
        "currency": "USD",
        "amount_captured": 7200,
        "amount_refunded": 0,
        "gateway": "flutterwave",
        "account": "flutterwave",
        "attempts": ["stripe", "flutterwave"],
        "country": "GB",
        "method": "card",
        "bin": "424242",
        "email": "customer@example.com",
        "decline_code": None,
        "created_at": checkout["created_at"],
        "updated_at": "",
    }
    assert row["merchant"].startswith("Shop ")


async def test_a_checkout_is_found_by_whatever_somebody_has_of_it(
    viewer: httpx.AsyncClient, shop: Shop
) -> None:
    mark = new_key()
    body = card(reference=f"order-{mark}-1")
    body["customer"] = body["customer"] | {"email": f"{mark}@Example.com"}
    body["payment_method"]["bin"] = "53998312"
    checkout = await shop.check_out(body)
    payment_id = checkout["attempts"][0]["gateway_payment_id"]
    for text in (
        checkout["id"],
        attempt_id(checkout["id"], 1),
        body["reference"],
        f"order-{mark}",
        f"{mark}@example.COM",
        payment_id,
    ):
        assert await ids(viewer, q=text) == [checkout["id"]], text
    for card_bin in ("539983", "53998312"):
        assert checkout["id"] in await ids(viewer, q=card_bin)
    for text in (f"{mark}-1", f"co_{'0' * 26}", "nobody@example.com", f"{payment_id}0", "%", "_____"):
        assert await ids(viewer, q=text) == [], text


async def test_filters_combine(viewer: httpx.AsyncClient, shop: Shop) -> None:
    mark = f"mark-{new_key()}"
    dollars = await shop.check_out(card(5000, reference=mark))
    nairas = await shop.check_out(nigerian_card(700_000, reference=mark))
    failed = await shop.until(
        (await shop.check_out(card(6000, reference=mark, stripe="pm_card_chargeDeclinedStolenCard")))["id"]
    )
    one, two, three = dollars["id"], nairas["id"], failed["id"]
    wanted: list[tuple[Json, list[str]]] = [
        ({}, [three, two, one]),
        ({"status": "failed"}, [three]),
        ({"status": "succeeded", "currency": "NGN"}, [two]),
        ({"gateway": "stripe", "status": "succeeded"}, [one]),
        ({"account": nairas["gateway"]}, [two]),
        ({"country": "NG"}, [two]),
        ({"country": "US", "amount_min": 5001}, [three]),
        ({"amount_min": 5000, "amount_max": 6000}, [three, one]),
        ({"created_from": nairas["created_at"]}, [three, two]),
        ({"created_to": failed["created_at"], "currency": "USD"}, [one]),
        ({"country": "FR"}, []),
    ]
    for filters, expected in wanted:
        assert await ids(viewer, q=mark, **filters) == expected, filters
    for wrong in (
        {"status": "paid"},
        {"country": "UK"},
        {"created_from": "2026-01-01T00:00:00"},
        {"limit": 0},
    ):
        answer = await viewer.get(CHECKOUTS, params=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), wrong


async def test_the_file_runs_no_formula_and_holds_what_the_list_shows(
    viewer: httpx.AsyncClient, shop: Shop
) -> None:
    mark = new_key()
    starts = ("=", "+", "-", "@")
    for start in starts:
        await shop.check_out(card(5000, reference=f'{start}{mark}",;cmd|x'))
    await shop.check_out(nigerian_card(123_456, reference=f"{mark} plain"))
    for start in starts:
        answer = await viewer.get(f"{CHECKOUTS}.csv", params={"q": f"{start}{mark}"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="checkouts.csv"'
        [row] = list(csv.DictReader(io.StringIO(answer.text)))
        assert row["reference"] == f"'{start}{mark}\",;cmd|x"
        assert not any(value.startswith(("=", "+", "-", "@", "\t", "\r")) for value in row.values())
    plain = (await viewer.get(f"{CHECKOUTS}.csv", params={"q": mark})).text
    [row] = list(csv.DictReader(io.StringIO(plain)))
    assert (row["amount"], row["currency"], row["accounts_asked"]) == ("1234.56", "NGN", "flutterwave")


async def test_a_checkout_tells_its_whole_story(
    viewer: httpx.AsyncClient, shop: Shop, stack: Stack, sandbox: SandboxClient
) -> None:
    await sandbox.fault("stripe", "charge", "timeout_before", count=1, seconds=3)
    checkout = await shop.until((await shop.check_out(card(9100)))["id"])
    detail = (await viewer.get(f"{CHECKOUTS}/{checkout['id']}")).json()
    assert detail["checkout"]["id"] == checkout["id"]
    assert detail["merchant"]["id"] == shop.merchant_id
    assert detail["method"]["tokens_for"] == ["flutterwave", "paystack", "stripe"]
    assert "pm_card_visa" not in str(detail)
    first = detail["attempts"][0]
    assert first["account"] == "stripe"
    assert first["sends"] >= 1
    times = [entry["at"] for entry in detail["timeline"]]
    assert times == sorted(times)
    texts = [entry["text"] for entry in detail["timeline"]]
    assert texts[0] == "Accepted: 91.00 USD."
    assert texts[1].startswith("Planned for US (by billing): stripe then flutterwave")
    assert "Sent to stripe." in texts
    assert any(text.startswith("No clear answer from stripe") for text in texts)
    assert texts[-1] in ("Paid.", f"{detail['account']} took the money.")
    assert detail["temporal_url"] == (
        f"{stack.temporal_ui_url}/namespaces/default/workflows/checkout%2F{checkout['id']}"
    )
    assert detail["actions"] == ["refund"]
    assert (detail["candidates"], detail["next_gateway"]) == ([], None)
    missing = await viewer.get(f"{CHECKOUTS}/co_{'0' * 26}")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


async def test_markup_in_what_customers_supply_stays_text(viewer: httpx.AsyncClient, shop: Shop) -> None:
    body = card(reference=HOSTILE, metadata={"note": HOSTILE, "<b>": "x"})
    body["customer"] = body["customer"] | {"name": HOSTILE}
    checkout = await shop.check_out(body)
    for path in (CHECKOUTS, f"{CHECKOUTS}/{checkout['id']}"):
        answer = await viewer.get(path, params={"q": HOSTILE} if path == CHECKOUTS else {})
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    shown = answer.json()["checkout"]
    assert (shown["reference"], shown["customer"]["name"]) == (HOSTILE, HOSTILE)
    assert shown["metadata"]["note"] == HOSTILE


async def test_webhooks_and_what_people_did_are_told_with_it(
    viewer: httpx.AsyncClient, shop: Shop, database: asyncpg.Connection
) -> None:
    checkout = await shop.check_out(nigerian_card())
    await database.execute(
        "INSERT INTO webhook_events (id, account, dedupe_key, kind, reference, payment_id, subject)"
        " VALUES ($1, 'flutterwave', $1, 'charge.completed', $2, '77', 'payment')",
        f"evt_{checkout['id'][3:]}",
        attempt_id(checkout["id"], 1),
    )
    detail = (await viewer.get(f"{CHECKOUTS}/{checkout['id']}")).json()
    assert "charge.completed" in [event["kind"] for event in detail["webhooks"]]
    assert detail["record"] == []


async def test_times_are_told_with_their_zone(viewer: httpx.AsyncClient, shop: Shop) -> None:
    checkout = await shop.check_out(card())
    [row] = (await viewer.get(CHECKOUTS, params={"q": checkout["id"]})).json()["data"]
    age = datetime.now().astimezone() - datetime.fromisoformat(row["created_at"])
    assert timedelta(0) <= age < timedelta(minutes=5)
