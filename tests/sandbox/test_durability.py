"""A killed sandbox forgets nothing that it has answered."""

import signal
from pathlib import Path

import httpx

from sandbox.client import SandboxClient
from tests.patience import PATIENCE
from tests.sandbox.webhook_receiver import Receiver
from tests.sandbox.wire import eventually, intent, mobile_money, token_charge
from tests.sandbox_process import run_sandbox, start_sandbox

HELD = 120.0
"""Seconds."""
STRIPE = {"Authorization": "Bearer sk_test_sandbox_stripe"}
FLUTTERWAVE = {"Authorization": "Bearer FLWSECK_TEST-sandbox-flutterwave"}


async def test_nothing_answered_is_lost_by_kill_9(tmp_path: Path, receiver: Receiver, reference: str) -> None:
    first = start_sandbox(tmp_path, webhook_base=receiver.url, prompt_seconds=1.5)
    keyed = {**STRIPE, "Idempotency-Key": reference}
    try:
        async with httpx.AsyncClient(trust_env=False) as client:
            base, flutterwave = first.gateways["stripe"], first.gateways["flutterwave"]
            answers = [
                await client.post(
                    f"{base}/v1/payment_intents", data=intent(f"{reference}-{n}"), headers=STRIPE
                )
                for n in range(20)
            ]
            paid = await client.post(f"{base}/v1/payment_intents", data=intent(reference), headers=keyed)
            await client.post(
                f"{flutterwave}/charges?type=mobile_money_ghana",
                json=mobile_money(f"{reference}-prompt"),
                headers=FLUTTERWAVE,
            )
            async with SandboxClient(first.control) as control:
                await control.fault("flutterwave", "*", "refuse", seconds=60)
    finally:
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
    with run_sandbox(tmp_path, ports=first.ports) as second:
        assert second.ports == first.ports
        async with (
            SandboxClient(second.control) as control,
            httpx.AsyncClient(base_url=second.gateways["stripe"], trust_env=False) as client,
        ):
            captured = {row["payment_id"] for row in await control.ledger("stripe")}
            assert captured == {answer.json()["id"] for answer in (*answers, paid)}
            again = await client.post("/v1/payment_intents", data=intent(reference), headers=keyed)
            assert (again.headers["idempotent-replayed"], again.content) == ("true", paid.content)
            [fault] = await control.faults()
            assert fault["fault"] == "refuse"
            await control.clear_faults()
            rows = await eventually(
                lambda: control.ledger("flutterwave", f"{reference}-prompt"), lambda found: len(found) == 1
            )
            assert rows[0]["kind"] == "capture"
            await eventually(
                lambda: control.webhooks(),
                lambda found: {item["status"] for item in found} == {"delivered"},
            )


async def test_transaction_ids_are_never_given_out_twice(tmp_path: Path, reference: str) -> None:
    seen = []
    async with httpx.AsyncClient(headers=FLUTTERWAVE, trust_env=False) as client:
        for number in range(2):
            with run_sandbox(tmp_path) as sandbox:
                answer = await client.post(
                    f"{sandbox.gateways['flutterwave']}/tokenized-charges",
                    json=token_charge(f"{reference}-{number}"),
                )
                seen.append(answer.json()["data"]["id"])
    assert seen[0] < seen[1]


async def test_held_requests_do_not_hold_up_the_end(tmp_path: Path, reference: str) -> None:
    with run_sandbox(tmp_path) as sandbox:
        async with SandboxClient(sandbox.control) as control, httpx.AsyncClient(trust_env=False) as client:
            await control.fault("stripe", "charge", "timeout_before", reference=reference)
            await control.fault("stripe", "charge", "slow", seconds=HELD, reference=f"{reference}-slow")
            for name in (reference, f"{reference}-slow"):
                try:
                    await client.post(
                        f"{sandbox.gateways['stripe']}/v1/payment_intents",
                        data=intent(name),
                        headers=STRIPE,
                        timeout=httpx.Timeout(PATIENCE, read=0.5),
                    )
                except httpx.ReadTimeout:
                    continue
        sandbox.process.terminate()
        assert sandbox.process.wait(HELD / 2) == 0
        assert not (tmp_path / "ready.json").exists()
