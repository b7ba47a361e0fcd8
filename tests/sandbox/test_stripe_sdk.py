"""Stripe's own client library, which knows nothing of the sandbox, understands it."""

import pytest
import stripe as sdk

from tests.sandbox_process import SandboxProcess


@pytest.fixture
def client(sandbox: SandboxProcess) -> sdk.StripeClient:
    return sdk.StripeClient(
        "sk_test_sandbox_stripe",
        base_addresses={"api": sandbox.gateways["stripe"]},
        max_network_retries=0,
    )


async def test_the_library_creates_finds_and_refunds(client: sdk.StripeClient, reference: str) -> None:
    paid = client.v1.payment_intents.create(
        {
            "amount": 2000,
            "currency": "usd",
            "payment_method": "pm_card_visa",
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"attempt": reference},
            "expand": ["latest_charge"],
        },
        {"idempotency_key": reference},
    )
    assert isinstance(paid.latest_charge, sdk.Charge)
    assert client.v1.payment_intents.retrieve(paid.id).status == "succeeded"
    assert client.v1.payment_intents.list({"limit": 1}).data[0].id == paid.id
    assert client.v1.refunds.create({"payment_intent": paid.id, "amount": 500}).status == "succeeded"
    assert len(client.v1.refunds.list({"payment_intent": paid.id}).data) == 1


async def test_the_library_raises_its_own_errors(client: sdk.StripeClient, reference: str) -> None:
    with pytest.raises(sdk.CardError) as declined:
        client.v1.payment_intents.create(
            {
                "amount": 2000,
                "currency": "usd",
                "payment_method": "pm_card_chargeDeclinedInsufficientFunds",
                "confirm": True,
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "metadata": {"attempt": reference},
            }
        )
    assert declined.value.code == "card_declined"
    assert declined.value.error is not None
    assert declined.value.error.decline_code == "insufficient_funds"
    with pytest.raises(sdk.InvalidRequestError, match="No such payment_intent"):
        client.v1.payment_intents.retrieve("pi_nobody")
