"""The contract of webhooks: whose are believed, and what they hint at."""

from datetime import UTC, datetime, timedelta

import pytest

from gateways.base import (
    InvalidSignature,
)
from sandbox.client import SandboxClient
from tests.contract.case import ACCOUNT, ContractCase, Signed, spoilt_headers
from tests.contract.every import every
from tests.contract.scripted import scripted_server, text
from tests.contract.trial import Trial


def _event(trial: Trial) -> bytes:
    return trial.case.webhook.write(reference=trial.reference, payment_id="pi_1", event_id="evt_1")


@every()
async def test_a_genuine_webhook_is_a_hint(trial: Trial, case: ContractCase) -> None:
    webhook, now = case.webhook, datetime.now(UTC)
    body = _event(trial)
    secrets = [webhook.secret, *([webhook.previous_secret] if webhook.previous_secret else [])]

    for secret in secrets:
        event = trial.gateway.read_webhook(*webhook.signed(body, secret=secret, at=now), now)
        assert (event.reference, event.payment_id) == (trial.reference, "pi_1")
        assert (event.event_id is not None) == webhook.has_event_id


@every()
async def test_a_forged_webhook_is_refused(trial: Trial, case: ContractCase) -> None:
    webhook, now = case.webhook, datetime.now(UTC)
    body = _event(trial)
    genuine = webhook.signed(body, secret=webhook.secret, at=now)
    forged = [
        *(webhook.spoil or spoilt_headers)(genuine),
        *(webhook.signed(body, secret=secret, at=now) for secret in ("another-secret", "")),
    ]
    if webhook.binds_body:
        forged.append(Signed(genuine.body.replace(b"pi_1", b"pi_2"), genuine.headers))
    if webhook.binds_time:
        for off in (-10_000, -301, 301, 10_000):
            at = now + timedelta(seconds=off)
            forged.append(webhook.signed(body, secret=webhook.secret, at=at))
    for content, headers in forged:
        with pytest.raises(InvalidSignature):
            trial.gateway.read_webhook(content, headers, now)


@every(where=lambda case, _can: case.webhook.spoil is None)
async def test_a_genuine_webhook_without_sense_is_unreadable(trial: Trial, case: ContractCase) -> None:
    now = datetime.now(UTC)
    for body in (b"", b"null", b"[]", b"\xff", b"{"):
        event = trial.gateway.read_webhook(
            *case.webhook.signed(body, secret=case.webhook.secret, at=now), now
        )
        assert event.kind == "unreadable"


@every()
async def test_the_webhook_of_a_payment_names_it(
    trial: Trial, case: ContractCase, control: SandboxClient
) -> None:
    route = f"POST /webhooks/{ACCOUNT}"
    async with scripted_server() as ours:
        ours.on(route, text(200, trial.registration.webhook_reply))
        await control.settings(webhook_base=f"{ours.base_url}/webhooks")
        handle = await trial.paid()

        async def hints() -> set[tuple[str | None, str | None]]:
            events = [
                trial.gateway.read_webhook(sent.body, sent.headers, datetime.now(UTC))
                for sent in ours.asked(route)
            ]
            return {(event.reference, event.payment_id) for event in events}

        wanted = (handle.reference, handle.payment_id)
        await trial.until(hints, lambda seen: wanted in seen)
        await control.settings(webhook_base=None)
