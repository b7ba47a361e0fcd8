"""Stripe's units on the wire, ISO 4217 minor units in the ledger."""

import httpx
import pytest

from sandbox.client import SandboxClient
from tests.sandbox.wire import effects, error, intent


@pytest.mark.parametrize(
    ("sent", "currency", "minor"),
    [
        ("2000", "USD", 2000),
        ("500", "JPY", 500),
        ("5000", "XOF", 5000),
        ("500", "MGA", 50000),  # zero-decimal at Stripe, two decimals in ISO 4217
        ("50000", "UGX", 500),  # two decimals at Stripe, none in ISO 4217
        ("50000", "ISK", 500),
        ("5120", "KWD", 5120),
    ],
)
async def test_the_ledger_counts_in_iso_minor_units(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str, sent: str, currency: str, minor: int
) -> None:
    answer = await stripe.post(
        "/v1/payment_intents", data=intent(reference, amount=sent, currency=currency.lower())
    )
    assert (answer.json()["amount"], answer.json()["currency"]) == (int(sent), currency.lower())
    assert effects(await control.ledger(reference=reference)) == [("capture", minor, currency)]


@pytest.mark.parametrize(("sent", "currency"), [("5123", "kwd"), ("50001", "ugx"), ("150", "isk")])
async def test_digits_that_must_be_zero_are_insisted_on(
    stripe: httpx.AsyncClient, reference: str, sent: str, currency: str
) -> None:
    answer = await stripe.post("/v1/payment_intents", data=intent(reference, amount=sent, currency=currency))
    assert (answer.status_code, error(answer)["param"]) == (400, "amount")
