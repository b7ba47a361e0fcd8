"""The overview and the page about gateways."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from devstack.stack import Stack
from domain.operator import Role
from tests.desk import Json
from tests.e2e.requests import DECLINED, STOLEN, card, nigerian_card
from tests.live import Shop, open_office

OVERVIEW = "/v1/admin/overview"


@pytest.fixture
async def viewer(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with open_office(stack, Role.VIEWER) as opened:
        yield opened


def grown(after: Json, before: Json, *names: str) -> list[int]:
    return [after[name] - before[name] for name in names]


def of(rows: list[Json], key: str, value: str) -> Json:
    empty = dict.fromkeys(("checkouts", "succeeded", "failed", "attempts", "paid", "declined", "amount"), 0)
    return next((row for row in rows if row[key] == value), empty)


async def test_the_figures_grow_by_what_happens(viewer: httpx.AsyncClient, shop: Shop) -> None:
    since = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    before = (await viewer.get(OVERVIEW, params={"since": since})).json()
    requests = (card(), card(7200, stripe=DECLINED), card(6000, stripe=STOLEN), nigerian_card(500_000))
    for request in requests:
        await shop.until((await shop.check_out(request))["id"])
    after = (await viewer.get(OVERVIEW, params={"since": since})).json()

    counts = ("checkouts", "succeeded", "failed", "saved_by_failover", "open")
    assert grown(after["totals"], before["totals"], *counts) == [4, 3, 1, 1, 0]
    naira = of(after["currencies"], "currency", "NGN"), of(before["currencies"], "currency", "NGN")
    assert grown(*naira, "checkouts", "succeeded", "amount") == [1, 1, 500_000]
    nigeria = of(after["countries"], "country", "NG"), of(before["countries"], "country", "NG")
    assert grown(*nigeria, "checkouts") == [1]
    stripe = of(after["accounts"], "account", "stripe"), of(before["accounts"], "account", "stripe")
    assert grown(*stripe, "attempts", "paid", "declined") == [3, 1, 2]
    assert sum(each["checkouts"] for each in after["statuses"]) == after["totals"]["checkouts"]
    assert sum(each["checkouts"] for each in after["buckets"]) == after["totals"]["checkouts"]
    assert after["bucket_seconds"] == 300
    assert 0 < after["totals"]["first_attempt_rate"] <= after["totals"]["success_rate"] < 1
    assert 0 < after["median_seconds"] <= after["p95_seconds"]


async def test_of_a_time_without_checkouts_nothing_is_claimed(viewer: httpx.AsyncClient) -> None:
    query = {"since": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}
    found = (await viewer.get(OVERVIEW, params=query)).json()
    assert found["totals"]["checkouts"] == 0
    assert (found["totals"]["success_rate"], found["median_seconds"]) == (None, None)
    assert (found["bucket_seconds"], len(found["buckets"])) == (900, 96)
    assert found["buckets"][0]["at"] == "2020-01-01T00:00:00.000Z"
    for wrong in (
        {"since": query["until"], "until": query["since"]},
        {"since": "2020-01-01T00:00:00"},
        {"since": "2000-01-01T00:00:00Z"},
    ):
        answer = await viewer.get(OVERVIEW, params=wrong)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_reviews_and_alerts_that_wait_are_counted(viewer: httpx.AsyncClient) -> None:
    found = (await viewer.get(OVERVIEW)).json()
    alerts = (await viewer.get("/v1/admin/alerts", params={"acknowledged": False, "limit": 100})).json()
    assert found["open_alerts"] >= len(alerts["data"])
    reviews = await viewer.get("/v1/admin/checkouts", params={"status": "in_review", "limit": 100})
    assert found["open_reviews"] >= len(reviews.json()["data"])


async def test_gateways_are_told_with_what_they_lack_and_no_secret(
    viewer: httpx.AsyncClient, stack: Stack
) -> None:
    answer = await viewer.get("/v1/admin/gateways")
    gateways = {each["gateway"]: each for each in answer.json()["data"]}
    assert {"stripe", "flutterwave", "paystack"} <= gateways.keys()
    stripe = gateways["stripe"]
    assert stripe["fence"] is True
    assert stripe["key_life"] == 24 * 3600
    assert "USD" in stripe["currencies"]
    assert "NG" in gateways["flutterwave"]["countries"]
    [account] = stripe["accounts"]
    assert account == {
        "account": "stripe",
        "has_credentials": True,
        "missing": [],
        "webhook_url": f"{stack.api_url}/webhooks/stripe",
        "last_webhook_at": account["last_webhook_at"],
    }
    assert "sk_test" not in answer.text
    assert "whsec" not in answer.text


async def test_errors_of_a_kind_are_one_group_that_leads_to_its_checkouts(
    viewer: httpx.AsyncClient, shop: Shop
) -> None:
    since = datetime.now(UTC).isoformat()
    made = [(await shop.check_out(card(7200, stripe=STOLEN)))["id"] for _ in range(2)]
    for checkout_id in made:
        await shop.until(checkout_id)
    found = (await viewer.get("/v1/admin/errors", params={"since": since})).json()["data"]
    group = next(each for each in found if (each["kind"], each["account"]) == ("attempt.declined", "stripe"))
    assert (group["times"], group["checkouts"]) == (2, 2)
    assert group["newest"] == made[::-1]
    assert since < group["first_at"] <= group["last_at"]
    assert group["what"]


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-01-01T00:00:00"},
        {"since": "2026-01-01T00:00:00Z", "until": "2026-03-01T00:00:00Z"},
        {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"},
    ],
)
async def test_errors_of_no_time_or_too_long_a_one_are_refused(
    viewer: httpx.AsyncClient, query: dict[str, str]
) -> None:
    assert (await viewer.get("/v1/admin/errors", params=query)).status_code == 422
