"""Runs scripted checkouts as an application and its customer would, and compares what came of them."""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx

from devstack.demo_cases import Case
from devstack.stack import Stack
from sandbox.client import SandboxClient

_FINAL: Final = frozenset({"succeeded", "failed", "canceled", "expired", "in_review"})

_PATIENCE: Final = 45.0
"""Seconds a checkout may take. The longest case waits out a silent gateway and a quiet period: about 10 s."""

_AT_ONCE: Final = 4
"""Cases without faults that run side by side."""


@dataclass
class Result:
    case: Case
    checkout: dict[str, Any] = field(default_factory=dict)
    """The checkout as the API last told it; empty where it was not even accepted."""
    ledger: list[dict[str, Any]] = field(default_factory=list)
    """All rows of all gateways under the references of its attempts."""
    actions: list[str] = field(default_factory=list)
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems

    @property
    def accounts(self) -> tuple[str, ...]:
        return tuple(attempt["account"] for attempt in self.checkout.get("attempts", ()))


class Demo:
    def __init__(self, stack: Stack, done: Callable[[Result], None]) -> None:
        """`done` is told of each result as it comes."""
        headers = {"Authorization": f"Bearer {stack.api_key}"}
        self._api = httpx.AsyncClient(base_url=stack.api_url, headers=headers, timeout=30, trust_env=False)
        self._browser = httpx.AsyncClient(timeout=10, trust_env=False)
        self._sandbox = SandboxClient(stack.sandbox_url)
        self._done = done
        self._run = secrets.token_hex(4)

    async def aclose(self) -> None:
        await self._api.aclose()
        await self._browser.aclose()
        await self._sandbox.aclose()

    async def run(self, cases: Sequence[Case]) -> list[Result]:
        """First those without faults, some at a time; then those with faults, one after another."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def beside_others(case: Case) -> Result:
            async with limit:
                return await self._one(case)

        await self._sandbox.clear_faults()
        results = await asyncio.gather(*(beside_others(case) for case in cases if not case.faults))
        for case in cases:
            if not case.faults:
                continue
            for fault in case.faults:
                await self._sandbox.fault(**fault)
            try:
                results.append(await self._one(case))
            finally:
                await self._sandbox.clear_faults()
        return sorted(results, key=lambda result: cases.index(result.case))

    async def _one(self, case: Case) -> Result:
        result, started = Result(case), time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._check_out(case, result)
        except TimeoutError:
            result.problems.append(f"not over after {_PATIENCE:.0f} s")
        except httpx.HTTPStatusError as error:
            result.problems.append(f"{error.request.url.path}: {error.response.status_code} {_code(error)}")
        except httpx.HTTPError as error:
            result.problems.append(f"{type(error).__name__} {error}".strip())
        result.seconds = time.monotonic() - started
        for attempt in result.checkout.get("attempts", ()):
            result.ledger += await self._sandbox.ledger(reference=attempt["id"])
        result.problems += differences(result)
        self._done(result)
        return result

    async def _check_out(self, case: Case, result: Result) -> None:
        key = f"demo-{self._run}-{secrets.token_hex(8)}"
        body = {"reference": f"demo-{self._run}", "return_url": "https://shop.example/return", **case.request}
        answer = await self._api.post("/v1/checkouts", json=body, headers={"Idempotency-Key": key})
        result.checkout = answer.raise_for_status().json()
        captured = False
        while result.checkout["status"] not in _FINAL:
            action = result.checkout["next_action"]
            if action and action["type"] not in result.actions:
                result.actions.append(action["type"])
                if action["type"] == "redirect":
                    await self._pay_on_page(action["url"])
            if case.capture and not captured and result.checkout["status"] == "requires_capture":
                captured = True
                await self._post("capture", result)
            await asyncio.sleep(0.1)
            answer = await self._api.get(f"/v1/checkouts/{result.checkout['id']}")
            result.checkout = answer.raise_for_status().json()

    async def _post(self, command: str, result: Result) -> None:
        answer = await self._api.post(f"/v1/checkouts/{result.checkout['id']}/{command}", json={})
        answer.raise_for_status()

    async def _pay_on_page(self, url: str) -> None:
        """What the customer's browser does: open the page, press its first button."""
        (await self._browser.get(url)).raise_for_status()
        answer = await self._browser.post(url, data={"action": "pay"})
        if not answer.is_redirect:
            answer.raise_for_status()


def differences(result: Result) -> list[str]:
    """In words, one each; empty where all is as expected."""
    case, checkout = result.case, result.checkout
    if not checkout:
        return []
    country = f"{checkout['routing']['country']} by {checkout['routing']['country_source']}"
    decline = checkout["decline"]["category"] if checkout["decline"] else None
    ledger = tuple(f"{row['gateway']} {row['kind']}" for row in sorted(result.ledger, key=_seq))
    told = (
        ("status", checkout["status"], case.status),
        ("accounts", result.accounts, case.accounts),
        ("ledger", ledger, case.ledger),
        ("actions", tuple(result.actions), case.actions),
        ("decline", decline if case.status == "failed" else None, case.decline),
        ("country", country, case.country or country),
    )
    found = [f"{what} {_plain(is_)} instead of {_plain(want)}" for what, is_, want in told if is_ != want]
    asked = (case.request["amount"], case.request["currency"])
    found += [
        f"{row['gateway']} was asked for {row['amount']} {row['currency']}"
        for row in result.ledger
        if (row["amount"], row["currency"]) != asked
    ]
    paid = asked[0] if case.status == "succeeded" else 0
    if checkout["amount_captured"] != paid:
        found.append(f"amount_captured {checkout['amount_captured']} instead of {paid}")
    return found


def _seq(row: dict[str, Any]) -> int:
    return int(row["seq"])


def _plain(value: object) -> str:
    return (", ".join(map(str, value)) or "nothing") if isinstance(value, tuple) else str(value)


def _code(error: httpx.HTTPStatusError) -> str:
    """The problem's code, where the answer is one."""
    try:
        problem = error.response.json()
    except ValueError:
        return error.response.text[:200]
    return str(problem.get("code") or problem)[:200] if isinstance(problem, dict) else str(problem)[:200]
