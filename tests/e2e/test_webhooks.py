"""Webhooks are hints: forged ones change nothing, repeated ones count once, lost ones cost time (I18-I20)."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import asyncpg
import httpx
import pytest
from temporalio.client import Client

from devstack.stack import Stack
from domain.ids import Prefix, attempt_id, new_id
from sandbox.client import SandboxClient
from tests.e2e.load import by_reference, judged
from tests.e2e.requests import Json, card, challenged, nigerian_card
from tests.live import Customer, Shop, eventually, new_key
from tests.patience import PATIENCE

FLUTTERWAVE_SECRET = "sandbox-hash-flutterwave"
STRIPE_SECRET = "whsec_sandbox_stripe"


def event_of(reference: str, payment_id: str = "pi_unknown") -> bytes:
    """A Stripe event which says that this payment has succeeded."""
    intent = {
        "id": payment_id,
        "object": "payment_intent",
        "status": "succeeded",
        "metadata": {"attempt": reference},
    }
    event = {"id": f"evt_{new_key()}", "object": "event", "type": "payment_intent.succeeded"}
    return json.dumps({**event, "data": {"object": intent}}).encode()


def signed(body: bytes, *, secret: str = STRIPE_SECRET, age: int = 0, scheme: str = "v1") -> dict[str, str]:
    stamp = str(int(time.time()) - age)
    mac = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={stamp},{scheme}={mac}"}


class Gate:
    """Whoever knows the webhooks' address."""

    def __init__(self, http: httpx.AsyncClient, database: asyncpg.Connection) -> None:
        self._http = http
        self._database = database

    async def send(
        self, body: bytes, headers: Mapping[str, str], *, account: str = "stripe"
    ) -> httpx.Response:
        return await self._http.post(
            f"/webhooks/{account}", content=body, headers={"Content-Type": "application/json", **headers}
        )

    async def stored(self) -> int:
        count: int = await self._database.fetchval("SELECT count(*) FROM webhook_events")
        return count

    async def dispositions(self, reference: str, account: str) -> list[str | None]:
        rows = await self._database.fetch(
            "SELECT disposition FROM webhook_events WHERE reference = $1 AND account = $2", reference, account
        )
        return [row["disposition"] for row in rows]

    async def alerts(self, subject: str) -> list[str]:
        return [
            row["kind"]
            for row in await self._database.fetch("SELECT kind FROM alerts WHERE subject = $1", subject)
        ]


@pytest.fixture
async def gate(stack: Stack, database: asyncpg.Connection) -> Any:
    async with httpx.AsyncClient(base_url=stack.api_url, timeout=PATIENCE, trust_env=False) as http:
        yield Gate(http, database)


@pytest.fixture
async def silence(sandbox: SandboxClient) -> None:
    """Stripe sends no webhooks of its own."""
    await sandbox.fault("stripe", "webhook", "drop")


async def waiting(shop: Shop) -> tuple[Json, str]:
    """A checkout whose customer has yet to pass 3-D Secure, and the reference of its attempt."""
    checkout = await shop.check_out(challenged())
    assert checkout["status"] == "requires_action", checkout
    return checkout, attempt_id(checkout["id"], 1)


async def signals(temporal: Client, checkout: Json) -> int:
    """How often the run was told of news."""
    history = await temporal.get_workflow_handle(f"checkout/{checkout['id']}").fetch_history()
    return sum(event.HasField("workflow_execution_signaled_event_attributes") for event in history.events)


@pytest.mark.usefixtures("silence")
async def test_what_is_not_proven_genuine_is_refused_and_changes_nothing(
    shop: Shop, gate: Gate, temporal: Client
) -> None:
    checkout, reference = await waiting(shop)
    body = event_of(reference)
    before, told = await gate.stored(), await signals(temporal, checkout)
    forged: dict[str, dict[str, str]] = {
        "unsigned": {},
        "empty": {"Stripe-Signature": ""},
        "garbage": {"Stripe-Signature": "t=abc,v1=\u00ff,,=,"},
        "another secret": signed(body, secret="whsec_another"),
        "another body": signed(body + b" "),
        "another scheme": signed(body, scheme="v0"),
        "expired": signed(body, age=301),
        "from the future": signed(body, age=-310),
    }
    for title, headers in forged.items():
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = await gate.send(body, raw)  # type: ignore[arg-type]  # httpx takes bytes as well
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), title
        assert reference not in answer.text
    for value in ("", "sandbox-hash-stripe", FLUTTERWAVE_SECRET + "x"):
        headers = {"verif-hash": value} if value else {}
        assert (await gate.send(body, headers, account="flutterwave")).status_code == 401
    for account in ("nobody", "stripe-eu", "x" * 100, "..%2fstripe"):
        assert (await gate.send(body, signed(body), account=account)).status_code in (404, 422), account
    assert (await gate.stored(), await signals(temporal, checkout)) == (before, told)
    assert (await shop.get(checkout["id"])) == checkout


@pytest.mark.usefixtures("silence")
async def test_a_genuine_webhook_that_is_wrong_is_only_a_hint(
    shop: Shop, gate: Gate, sandbox: SandboxClient, temporal: Client
) -> None:
    """It says paid. The gateway, asked, says otherwise."""
    checkout, reference = await waiting(shop)
    body = event_of(reference)
    looked = len(await look_ups(sandbox, reference))
    assert (await gate.send(body, signed(body))).status_code == 200

    async def looked_again() -> bool:
        return len(await look_ups(sandbox, reference)) > looked

    await eventually("the payment is looked up", looked_again)
    assert await gate.dispositions(reference, "stripe") == ["signalled"]
    assert (await shop.get(checkout["id"]))["status"] == "requires_action"


@pytest.mark.usefixtures("silence")
async def test_fifty_copies_at_once_have_one_effect(shop: Shop, gate: Gate, temporal: Client) -> None:
    checkout, reference = await waiting(shop)
    body = event_of(reference)
    answers = await asyncio.gather(*(gate.send(body, signed(body)) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await gate.dispositions(reference, "stripe")) == 1
    assert await signals(temporal, checkout) == 1


@pytest.mark.usefixtures("silence")
async def test_another_accounts_webhook_has_no_effect_on_this_attempt(
    shop: Shop, gate: Gate, temporal: Client
) -> None:
    checkout, reference = await waiting(shop)
    body = json.dumps({"event": "charge.completed", "data": {"id": 1, "tx_ref": reference}}).encode()
    answer = await gate.send(body, {"verif-hash": FLUTTERWAVE_SECRET}, account="flutterwave")
    assert answer.status_code == 200
    assert await gate.dispositions(reference, "flutterwave") == ["unrelated"]
    assert await signals(temporal, checkout) == 0
    assert await gate.alerts(f"flutterwave/{reference}") == ["webhook.unknown_reference"]


@pytest.mark.usefixtures("silence")
async def test_a_webhook_about_nothing_of_ours_is_kept_and_told_once(gate: Gate) -> None:
    """H5."""
    reference = attempt_id(new_id(Prefix.CHECKOUT), 1)
    for _ in range(2):
        unknown = event_of(reference)
        assert (await gate.send(unknown, signed(unknown))).status_code == 200
    assert set(await gate.dispositions(reference, "stripe")) == {"unrelated"}
    assert await gate.alerts(f"stripe/{reference}") == ["webhook.unknown_reference"]


async def test_a_webhook_for_a_checkout_that_is_over_is_stored_and_acknowledged(
    shop: Shop, gate: Gate, sandbox: SandboxClient
) -> None:
    await sandbox.fault("stripe", "webhook", "drop")
    for request in (card(4100), card(4200, stripe="pm_card_chargeDeclinedStolenCard")):
        over = await shop.check_out(request)
        assert over["status"] in ("succeeded", "failed")
        reference = attempt_id(over["id"], 1)
        body = event_of(reference)
        count = len(await gate.dispositions(reference, "stripe"))
        assert (await gate.send(body, signed(body))).status_code == 200
        assert len(await gate.dispositions(reference, "stripe")) == count + 1
        assert await shop.get(over["id"]) == over


async def test_lost_late_and_repeated_webhooks_lead_to_the_same_end(
    shop: Shop, sandbox: SandboxClient, customer: Customer
) -> None:
    checkouts = []
    for fault in ("drop", "duplicate", "delay", "reorder"):
        checkout, reference = await waiting(shop)
        await sandbox.fault("stripe", "webhook", fault, reference=reference, seconds=1)
        checkouts.append(checkout)
    for checkout in checkouts:
        await customer.pay(checkout)
    ended = [await shop.until(checkout["id"]) for checkout in checkouts]
    ledger = by_reference(await sandbox.ledger())
    assert [judged(checkout, ledger, status="succeeded") for checkout in ended] == [[], [], [], []]


async def test_a_webhook_that_comes_before_the_answer_does_no_harm(
    shop: Shop, sandbox: SandboxClient
) -> None:
    """H1: the charge's answer is lost, its webhook is not."""
    await sandbox.fault("flutterwave", "charge", "timeout_after", count=1)
    checkout = await shop.check_out(nigerian_card(), wait=0)
    paid = await shop.until(checkout["id"])
    assert judged(paid, by_reference(await sandbox.ledger()), status="succeeded") == []


async def look_ups(sandbox: SandboxClient, reference: str) -> list[Json]:
    """Stripe is asked by its own id, once that is known."""
    rows = await sandbox.requests(gateway="stripe")
    return [row for row in rows if row["operation"] == "lookup" and row["reference"] == reference]
