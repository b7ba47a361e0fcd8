"""Many checkouts at once, driven to their end, and judged by the gateways' own books."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import httpx

from gateways.registry import registrations
from sandbox.client import SandboxClient
from tests.e2e.requests import SORTS, Sort
from tests.live import FINAL, Customer, Json, Shop, eventually, new_key, story
from tests.patience import PATIENCE


class Load:
    """`async with Load(...) as load:` posts them all; leave it through `finish` and `judge`."""

    def __init__(self, shop: Shop, sandbox: SandboxClient, customer: Customer, *, of_each: int) -> None:
        self._shop = shop
        self._sandbox = sandbox
        self._customer = customer
        self.orders: list[tuple[str, Sort]] = [(new_key(), sort) for sort in SORTS for _ in range(of_each)]
        self._since = 0
        self._posting: list[asyncio.Task[Json]] = []

    async def start(self) -> None:
        """Post them all, each under its key until it is accepted. Returns at once."""
        self._since = max((row["seq"] for row in await self._sandbox.requests()), default=0)
        self._posting = [
            asyncio.create_task(self._shop.insist(sort.request, key=key)) for key, sort in self.orders
        ]

    async def charges(self, at_least: int) -> None:
        """Wait until so many charges have reached a gateway: now the checkouts are in the middle of it."""

        async def arrived() -> bool:
            return len(await self._charge_requests()) >= at_least

        await eventually(f"{at_least} charges at the gateways", arrived, every=0.01)

    async def finish(self) -> list[Json]:
        """Every accepted checkout in its final state, the customers having done their part."""
        accepted = await asyncio.gather(*self._posting)
        ids = [checkout["id"] for checkout in accepted]
        assert len(set(ids)) == len(self.orders), "one checkout for each key"
        deadline = time.monotonic() + PATIENCE
        acted: set[str] = set()
        latest: dict[str, Json] = {}
        while True:
            with contextlib.suppress(httpx.HTTPError):
                latest = {checkout["id"]: checkout for checkout in await self._all()}
            known = [latest[each] for each in ids if each in latest]
            open_ones = [checkout for checkout in known if checkout["status"] not in FINAL]
            if len(known) == len(ids) and not open_ones:
                return known
            for checkout in open_ones:
                action = checkout["next_action"]
                if action and action["type"] == "redirect" and action["url"] not in acted:
                    acted.add(action["url"])
                    await self._customer.pay(checkout)
            if time.monotonic() > deadline:
                stories = "\n".join(story(checkout) for checkout in open_ones) or f"{len(known)} listed"
                raise AssertionError(f"not over after {PATIENCE:.0f} s:\n{stories}")
            await asyncio.sleep(0.25)

    async def judge(self, checkouts: Sequence[Json]) -> None:
        """One net capture each at the gateways, of the right money; nothing sent twice without a key."""
        ledger = by_reference(await self._sandbox.ledger())
        requests = by_reference(await self._charge_requests())
        problems: list[str] = []
        for checkout, (_key, sort) in zip(checkouts, self.orders, strict=True):
            wrong = [
                *judged(checkout, ledger, status=sort.status),
                *sent_twice(checkout, requests),
            ]
            problems += [f"{sort.title}: {each}: {story(checkout)}" for each in wrong]
        assert not problems, "\n".join(problems)

    async def _all(self) -> list[Json]:
        found: list[Json] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await self._shop.http.get("/v1/checkouts", params={"limit": "100", **cursor})
            part = answer.raise_for_status().json()
            found += part["data"]
            if not part["has_more"]:
                return found
            cursor = {"cursor": part["next_cursor"]}

    async def _charge_requests(self) -> list[Json]:
        rows = await self._sandbox.requests(after_seq=self._since)
        return [row for row in rows if row["operation"] == "charge"]


def by_reference(rows: Sequence[Json]) -> dict[str, list[Json]]:
    grouped: defaultdict[str, list[Json]] = defaultdict(list)
    for row in rows:
        grouped[row["reference"]].append(row)
    return grouped


def judged(checkout: Json, ledger: dict[str, list[Json]], *, status: str) -> list[str]:
    """What is wrong by the gateways' ledgers, joined on our attempts' references (I1 to I6)."""
    rows = [row for attempt in checkout["attempts"] for row in ledger.get(attempt["id"], ())]
    net: defaultdict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        sign = {"capture": 1, "refund": -1}.get(row["kind"], 0)
        net[(row["gateway"], row["payment_id"])] += sign * row["amount"]
    live = [amount for amount in net.values() if amount]
    paid = [checkout["amount"]] if status == "succeeded" else []
    captured = [attempt for attempt in checkout["attempts"] if attempt["status"] == "captured"]
    facts: tuple[tuple[str, Any, Any], ...] = (
        ("status", checkout["status"], status),
        ("net captures in the ledgers", live, paid),
        ("amount_captured", checkout["amount_captured"], sum(paid)),
        ("captured attempts", len(captured), len(paid)),
        ("refunds", [row for row in rows if row["kind"] == "refund"], []),
        (
            "currency in the ledgers",
            {row["currency"] for row in rows} - {checkout["currency"]},
            set(),
        ),
    )
    return [f"{what} {is_!r} instead of {want!r}" for what, is_, want in facts if is_ != want]


def sent_twice(checkout: Json, requests: dict[str, list[Json]]) -> list[str]:
    """Without keys never a second charge of an attempt, with keys only the same key and bytes (I8)."""

    def told_apart_by(row: Json) -> object:
        keyed = registrations()[row["gateway"]].capabilities.key_life is not None
        return (row["idempotency_key"], row["body_sha256"]) if keyed else row["seq"]

    problems = []
    for attempt in checkout["attempts"]:
        rows = requests.get(attempt["id"], [])
        if len({told_apart_by(row) for row in rows}) > 1:
            problems.append(f"{attempt['id']} was charged again: {rows}")
    return problems
