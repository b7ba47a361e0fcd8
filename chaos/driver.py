"""The client of a campaign: posts checkouts as applications do, and acts as their customers do.

It knows no part of the product but its HTTP API. Whatever fails for an outage is asked again under the same
key, as the API's documentation tells its users to.
"""

import asyncio
import hashlib
import json
import random
import time
from collections.abc import Callable
from typing import Any, Final

import httpx

from chaos.scenarios import Command, Customer, Scenario
from chaos.transcript import Answer, Forgery, Record, Transcript
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
        *,
        api: str,
        api_key: str,
        sandbox: str,
        seed: int,
        patience: float,
        done: Callable[[Record], None] = lambda _record: None,
    ) -> None:
        """`patience`: seconds that a checkout may take until it counts as stuck."""
        limits = httpx.Limits(max_connections=300, max_keepalive_connections=100)
        headers = {"Authorization": f"Bearer {api_key}"}
        self._api = httpx.AsyncClient(
            base_url=api, headers=headers, timeout=20, trust_env=False, limits=limits
        )
        self._browser = httpx.AsyncClient(timeout=10, trust_env=False)
        self._sandbox = SandboxClient(sandbox)
        self._seed = seed
        self._patience = patience
        self._done = done
        self.transcript = Transcript()

    async def aclose(self) -> None:
        await self._api.aclose()
        await self._browser.aclose()
        await self._sandbox.aclose()

    async def run(self, scenarios: list[Scenario], *, at_once: int, per_second: float) -> Transcript:
        """All of them, at most `at_once` open and so many started per second."""
        slots = asyncio.Semaphore(at_once)
        started = time.monotonic()

        async def one(index: int, scenario: Scenario) -> None:
            await asyncio.sleep(max(0.0, started + index / per_second - time.monotonic()))
            async with slots:
                await self._play(scenario)

        await asyncio.gather(*(one(index, scenario) for index, scenario in enumerate(scenarios)))
        return self.transcript

    async def forge(self, number: int) -> None:
        """Send webhooks whose signatures are wrong: they must change nothing (I19)."""
        for index in range(number):
            event_id = f"evt_forged_{self._seed}_{index}"
            body = json.dumps({"id": event_id, "object": "event", "type": "payment_intent.succeeded"})
            account, headers = (
                ("stripe", {"stripe-signature": f"t={int(time.time())},v1={'0' * 64}"})
                if index % 2
                else ("flutterwave", {"verif-hash": "not-the-secret"})
            )
            try:
                answer = await self._browser.post(
                    str(self._api.base_url.join(f"/webhooks/{account}")),
                    content=body,
                    headers={"Content-Type": "application/json", **headers},
                )
                status = answer.status_code
            except httpx.HTTPError:
                status = 0
            kept_as = event_id if account == "stripe" else hashlib.sha256(body.encode()).hexdigest()
            self.transcript.forgeries.append(Forgery(account=account, dedupe_key=kept_as, status=status))

    async def refresh(self) -> None:
        """Read every checkout once more, for the comparison with the ledgers."""
        for record in self.transcript.records:
            if record.checkout_id is not None:
                await self._read(record)

    async def _play(self, scenario: Scenario) -> None:
        record = Record(scenario=scenario, key=f"key-{scenario.marker}")
        self.transcript.records.append(record)
        rng = random.Random(scenario.marker)  # noqa: S311 - has to be repeatable, protects nothing
        try:
            async with asyncio.timeout(self._patience):
                for fault in scenario.faults:
                    await self._sandbox.fault(**fault.body(scenario.marker))
                await self._create(record, rng)
                if record.checkout_id is not None:
                    await self._see_through(record)
        except TimeoutError:
            record.gave_up = f"not over after {self._patience:.0f} s"
        self._done(record)

    async def _create(self, record: Record, rng: random.Random) -> None:
        scenario = record.scenario
        wait = "wait=0" if scenario.command is Command.CANCEL else f"wait={rng.choice((0, 2, 8))}"
        posts = [self._post(record, scenario.request, wait, mutated=False)]
        posts += [
            self._post(record, scenario.request, wait, mutated=False) for _ in range(scenario.duplicates)
        ]
        await asyncio.gather(*posts)
        if scenario.mutated:
            other = {**scenario.request, "amount": scenario.request["amount"] + 100}
            await self._post(record, other, "wait=0", mutated=True)

    async def _post(self, record: Record, body: Any, wait: str, *, mutated: bool) -> None:
        """Until there is a definite answer."""
        headers = {"Idempotency-Key": record.key, "Prefer": wait}
        while True:
            answer = await self._call("POST", "/v1/checkouts", json=body, headers=headers)
            told = _json(answer)
            status = 0 if answer is None else answer.status_code
            accepted = status in (200, 201)
            record.answers.append(
                Answer(
                    key=record.key,
                    status=status,
                    checkout_id=told.get("id") if accepted else None,
                    mutated=mutated,
                    code=told.get("code"),
                )
            )
            if accepted and not mutated:
                record.checkout_id = told["id"]
                self._saw(record, told)
            if status not in _RETRY:
                return
            await asyncio.sleep(0.5)

    async def _see_through(self, record: Record) -> None:
        """Act as the customer and the application until the checkout is over, and late money has come."""
        scenario = record.scenario
        command = asyncio.create_task(self._command(record))
        acted, pause = False, 0.4
        try:
            while record.view["status"] not in _OVER:
                action = record.view.get("next_action")
                if action and not acted and scenario.customer in (Customer.PAYS, Customer.FAILS_THEN_PAYS):
                    acted = await self._act(scenario.customer, action)
                elif action and not acted and scenario.customer is Customer.LATE:
                    acted = await self._settle(record, "abandoned")
                await asyncio.sleep(pause)
                pause = min(pause * 1.3, 2.0)
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
                answer = await self._call("POST", path, json=body, headers={"Prefer": "wait=2"})
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
        answer = await self._call("GET", f"/v1/checkouts/{record.checkout_id}")
        if answer is not None and answer.status_code == 200:
            self._saw(record, _json(answer))

    @staticmethod
    def _saw(record: Record, told: dict[str, Any]) -> None:
        record.view = told
        if not record.seen or record.seen[-1] != told["status"]:
            record.seen.append(told["status"])

    async def _call(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        try:
            return await self._api.request(method, path, **more)
        except httpx.HTTPError:
            return None


def _json(answer: httpx.Response | None) -> dict[str, Any]:
    if answer is None:
        return {}
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
