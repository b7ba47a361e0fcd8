"""The client of a campaign: posts checkouts as applications do, and acts as their customers do.

It knows no part of the product but its HTTP API. Whatever fails for an outage is asked again under the same
key, as the API's documentation tells its users to.
"""

import asyncio
import random
import time
from collections.abc import Callable
from typing import Any, Final

import httpx

from chaos.client import MerchantClient, told
from chaos.refunder import give_back
from chaos.scenario import Command, Customer, GivingBack, Scenario
from chaos.transcript import Answer, Record, Transcript
from sandbox.client import SandboxClient

FINAL: Final = frozenset({"succeeded", "failed", "canceled", "expired"})
_OVER: Final = FINAL | {"in_review"}

_RETRY: Final = frozenset({0, 409, 429, 500, 502, 503, 504})
"""HTTP statuses after which the same request is sent again."""

_LATE_PATIENCE: Final = 25.0
"""Seconds in which money that comes late must have come."""


class Driver:
    def __init__(
        self,
        clients: list[MerchantClient],
        transcript: Transcript,
        *,
        sandbox: str,
        patience: float,
        notify: Callable[[str], str],
        done: Callable[[Record], None] = lambda _record: None,
    ) -> None:
        """`patience`: seconds that a checkout may take until it counts as stuck. `notify`: where a
        merchant's notifications go."""
        self._clients = clients
        self._transcript = transcript
        self._browser = httpx.AsyncClient(timeout=10, trust_env=False)
        self._sandbox = SandboxClient(sandbox)
        self._patience = patience
        self._notify = notify
        self._done = done

    async def aclose(self) -> None:
        await self._browser.aclose()
        await self._sandbox.aclose()

    async def run(self, scenarios: list[Scenario], *, at_once: int, per_second: float) -> None:
        """All of them, at most `at_once` open and so many started per second."""
        slots = asyncio.Semaphore(at_once)
        started = time.monotonic()

        async def one(index: int, scenario: Scenario) -> None:
            await asyncio.sleep(max(0.0, started + index / per_second - time.monotonic()))
            async with slots:
                await self._play(scenario)

        await asyncio.gather(*(one(index, scenario) for index, scenario in enumerate(scenarios)))

    async def refresh(self) -> None:
        """Read every checkout once more, for the comparison with the ledgers: from the lists, and one by one
        where a list does not have it."""
        asked = time.monotonic()
        shown: dict[str, dict[str, Any]] = {}
        for client in self._clients:
            shown |= {view["id"]: view for view in await _everything(client)}
        for record in self._transcript.records:
            if record.checkout_id in shown:
                self._saw(record, shown[record.checkout_id], asked)
            elif record.checkout_id is not None:
                await self._read(record)

    async def _play(self, scenario: Scenario) -> None:
        record = Record(scenario=scenario, key=f"key-{scenario.marker}")
        self._transcript.records.append(record)
        rng = random.Random(scenario.marker)  # noqa: S311 - has to be repeatable, protects nothing
        try:
            async with asyncio.timeout(self._patience):
                for fault in scenario.faults:
                    await self._sandbox.fault(**fault.body(scenario.marker))
                await self._create(record, rng)
                if record.checkout_id is not None:
                    await self._see_through(record)
                if scenario.giving_back is not GivingBack.NONE and record.view.get("status") == "succeeded":
                    await give_back(self._client(record), record)
        except TimeoutError:
            record.gave_up = f"not over after {self._patience:.0f} s"
        self._done(record)

    def _client(self, record: Record) -> MerchantClient:
        return self._clients[record.scenario.merchant]

    async def _create(self, record: Record, rng: random.Random) -> None:
        scenario = record.scenario
        wait = "wait=0" if scenario.command is Command.CANCEL else f"wait={rng.choice((0, 2, 8))}"
        body = dict(scenario.request)
        if scenario.notified:
            body["notification_url"] = self._notify(self._client(record).merchant)
        posts = [self._post(record, body, wait, mutated=False) for _ in range(1 + scenario.duplicates)]
        await asyncio.gather(*posts)
        if scenario.mutated:
            other = {**body, "amount": body["amount"] + 100}
            await self._post(record, other, "wait=0", mutated=True)

    async def _post(self, record: Record, body: Any, wait: str, *, mutated: bool) -> None:
        """Until there is a definite answer."""
        headers = {"Idempotency-Key": record.key, "Prefer": wait}
        while True:
            asked = time.monotonic()
            answer = await self._client(record).call("POST", "/v1/checkouts", json=body, headers=headers)
            content = told(answer)
            status = 0 if answer is None else answer.status_code
            accepted = status in (200, 201)
            record.answers.append(
                Answer(
                    key=record.key,
                    status=status,
                    checkout_id=content.get("id") if accepted else None,
                    mutated=mutated,
                    code=content.get("code"),
                )
            )
            if accepted and not mutated:
                record.checkout_id = content["id"]
                self._saw(record, content, asked)
            if status not in _RETRY:
                return
            await asyncio.sleep(0.5)

    async def _see_through(self, record: Record) -> None:
        """Act as the customer and the application until the checkout is over, and late money has come."""
        scenario = record.scenario
        command = asyncio.create_task(self._command(record))
        acted, pause = False, 0.5
        try:
            while record.view["status"] not in _OVER:
                action = record.view.get("next_action")
                if action and not acted and scenario.customer in (Customer.PAYS, Customer.FAILS_THEN_PAYS):
                    acted = await self._act(scenario.customer, action)
                elif action and not acted and scenario.customer is Customer.LATE:
                    acted = await self._settle(record, "abandoned")
                await asyncio.sleep(pause)
                pause = min(pause * 1.6, 5.0)
                await self._read(record)
            await command
        finally:
            command.cancel()
        if scenario.customer is Customer.LATE:
            await self._settle(record, "paid")
        if scenario.late:
            await self._late_money(record)
        while record.view["status"] == "in_review" and not scenario.may_stay:
            await asyncio.sleep(1.0)
            await self._read(record)

    async def _command(self, record: Record) -> None:
        scenario = record.scenario
        if scenario.command is Command.NONE:
            return
        await asyncio.sleep(scenario.command_after)
        cancel = scenario.command is Command.CANCEL
        body: dict[str, Any] = {}
        if scenario.command is Command.CAPTURE_PART:
            body = {"amount": scenario.request["amount"] // 2}
        while record.view["status"] not in _OVER:
            if cancel or record.view["status"] == "requires_capture":
                path = f"/v1/checkouts/{record.checkout_id}/{'cancel' if cancel else 'capture'}"
                headers = {"Prefer": "wait=2"}
                answer = await self._client(record).call("POST", path, json=body, headers=headers)
                if answer is not None and answer.status_code == 200:
                    return
            await asyncio.sleep(0.5)

    async def _act(self, customer: Customer, action: Any) -> bool:
        """What a browser does on the gateway's page; True once it is done."""
        if action["type"] != "redirect":
            return True  # the phone rings, and the sandbox's customers agree by themselves
        tries = ("decline", "pay") if customer is Customer.FAILS_THEN_PAYS else ("pay",)
        try:
            await self._browser.get(action["url"])
            for button in tries:
                await self._browser.post(action["url"], data={"action": button})
        except httpx.HTTPError:
            return False
        return True

    async def _settle(self, record: Record, outcome: str) -> bool:
        """The customer acts at the gateway itself, whatever the checkout says. False: try again."""
        attempts = record.view.get("attempts", ())
        for attempt in attempts:
            try:
                await self._sandbox.settle(attempt["id"], outcome)
            except httpx.HTTPStatusError as error:
                if error.response.status_code not in (404, 409):
                    raise
        return bool(attempts)

    async def _late_money(self, record: Record) -> None:
        """Wait until the gateway has taken the late money, if it ever will."""
        deadline = time.monotonic() + _LATE_PATIENCE
        while time.monotonic() < deadline:
            await self._read(record)
            for attempt in record.view["attempts"]:
                rows = await self._sandbox.ledger(reference=attempt["id"])
                taken = [row for row in rows if row["kind"] in ("capture", "authorize")]
                winner = record.view["status"] == "succeeded" and attempt["status"] == "captured"
                if taken and not winner:
                    return
            await asyncio.sleep(1.0)

    async def _read(self, record: Record) -> None:
        asked = time.monotonic()
        answer = await self._client(record).call("GET", f"/v1/checkouts/{record.checkout_id}")
        if answer is not None and answer.status_code == 200:
            self._saw(record, told(answer), asked)

    @staticmethod
    def _saw(record: Record, view: dict[str, Any], asked: float) -> None:
        """`asked`: when the request left. Answers of equal requests at the same time may come in any order:
        one that was asked for before the end was seen may tell of the time before it."""
        if record.ended_at is not None and asked < record.ended_at:
            return
        record.view = view
        if not record.seen or record.seen[-1] != view["status"]:
            record.seen.append(view["status"])
        if record.ended_at is None and view["status"] in FINAL:
            record.ended_at = time.monotonic()


async def _everything(client: MerchantClient) -> list[dict[str, Any]]:
    """All checkouts of a merchant, as its lists show them; fewer where a list is not to be had."""
    views: list[dict[str, Any]] = []
    path = "/v1/checkouts?limit=100"
    cursor: str | None = None
    while True:
        answer = await client.call("GET", path if cursor is None else f"{path}&cursor={cursor}")
        if answer is None or answer.status_code != 200:
            return views
        page = told(answer)
        views += page["data"]
        cursor = page.get("next_cursor")
        if cursor is None:
            return views
