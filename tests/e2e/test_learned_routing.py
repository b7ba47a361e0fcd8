"""A policy with an objective steers real checkouts by what became of earlier ones, and by what they cost."""

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from devstack.ports import Ports
from devstack.stack import Stack
from domain.operator import Role
from tests.e2e.requests import card
from tests.live import Json, Shop, eventually, open_office, open_shop, story

pytestmark = pytest.mark.long

POLICY = "/v1/admin/routing/policy"
FAILING = "pm_card_chargeDeclinedProcessingError"
"""Stripe declines, and not by the customer's or the issuer's fault."""
FEES = {
    "stripe": {"home": "US", "source": "made up", "fees": [{"percent": "1"}]},
    "flutterwave": {"home": "NG", "source": "made up", "fees": [{"percent": "99"}]},
}
CHECKOUTS = 8


@pytest.fixture(autouse=True)
def _all_well_afterwards() -> None:
    """This stack is the test's own."""


async def save(office: httpx.AsyncClient, shop: Shop, **changes: object) -> None:
    """The next version of the policy, once it is in force."""
    now = (await office.get(POLICY)).raise_for_status()
    policy = now.json()["policy"] | changes
    saved = await office.put(POLICY, json={"policy": policy}, headers={"If-Match": now.headers["etag"]})
    version = saved.raise_for_status().json()["version"]

    async def in_force() -> bool:
        return bool((await resolve(shop))["policy_version"] >= version)

    await eventually(f"version {version} is in force", in_force)


async def resolve(shop: Shop) -> Json:
    params = {"currency": "USD", "country": "US", "amount": "4999"}
    found: Json = (await shop.http.get("/v1/routing/resolve", params=params)).raise_for_status().json()
    return found


async def paid(shop: Shop, stripe: str = "pm_card_visa") -> list[str]:
    """The accounts that a checkout asked, in order."""
    made = await shop.check_out(card(stripe=stripe), wait=20)
    ended = await shop.until(made["id"])
    assert ended["status"] == "succeeded", story(ended)
    return [attempt["account"] for attempt in ended["attempts"]]


async def test_checkouts_leave_an_account_that_declines_and_go_where_most_is_left(tmp_path: Path) -> None:
    fees = tmp_path / "fees.json"
    fees.write_text(json.dumps(FEES))
    async with (
        Stack(
            tmp_path / "stack",
            ports=Ports.free(),
            settings_overrides={"FEES_FILE": fees, "EXPLORATION_SHARE": 0.5},
        ) as stack,
        open_shop(stack) as shop,
        open_office(stack, Role.ADMIN) as office,
    ):
        asked = await asyncio.gather(*(paid(shop, FAILING) for _ in range(CHECKOUTS)))
        assert asked == [["stripe", "flutterwave"]] * CHECKOUTS
        # The policy's thresholds count in place of the settings: here, nobody explores.
        await save(office, shop, objective="success_rate", thresholds={"exploration_percent": 0})

        async def left() -> bool:
            return bool((await resolve(shop))["plan"][0]["account"] == "flutterwave")

        await eventually("what was declined is counted", left)
        first = (await resolve(shop))["plan"][0]
        assert (first["reason"], "recent attempts" in first["detail"]) == ("default", True)
        assert await asyncio.gather(*(paid(shop) for _ in range(4))) == [["flutterwave"]] * 4

        # Flutterwave takes nearly everything, so more is left where less succeeds.
        await save(office, shop, objective="cost")
        assert "fee 50)" in (await resolve(shop))["plan"][0]["detail"]
        assert await paid(shop) == ["stripe"]

        fixed = (await office.get(f"{POLICY}/versions/1")).json()["policy"]
        still = {"exploration_percent": 0}
        for draft in (fixed, fixed | {"objective": "cost", "thresholds": still}):
            answer = await office.post("/v1/admin/routing/simulate", json={"policy": draft, "last": 100})
            told = answer.raise_for_status().json()
            assert (told["checkouts"], told["moved"]) == (CHECKOUTS + 5, 4)
            assert told["moves"] == [{"before": "flutterwave", "after": "stripe", "checkouts": 4}]
            assert told["fees"] == [
                {"currency": "USD", "checkouts": 13, "before": 9 * 50 + 4 * 4949, "after": 13 * 50}
            ]
