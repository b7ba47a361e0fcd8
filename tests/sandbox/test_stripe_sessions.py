"""Checkout Sessions: the page can fail, be paid, be closed."""

import time

import httpx
import pytest

from sandbox.client import SandboxClient
from tests.sandbox.wire import effects, error, session

SESSIONS = "/v1/checkout/sessions"


async def test_a_session_has_no_payment_until_the_customer_tries(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    made = (await stripe.post(SESSIONS, data=session(reference))).json()
    assert (made["object"], made["status"], made["payment_status"]) == ("checkout.session", "open", "unpaid")
    assert (made["amount_total"], made["currency"], made["payment_intent"]) == (5000, "eur", None)
    assert made["id"].startswith("cs_test_")
    await control.settle(made["id"], "failed")
    tried = (await stripe.get(f"{SESSIONS}/{made['id']}")).json()
    assert (tried["status"], tried["payment_status"]) == ("open", "unpaid")
    await control.settle(reference, "paid")
    paid = (await stripe.get(f"{SESSIONS}/{made['id']}", params={"expand[]": "payment_intent"})).json()
    assert (paid["status"], paid["payment_status"], paid["url"]) == ("complete", "paid", None)
    assert paid["payment_intent"]["id"] == tried["payment_intent"]
    assert paid["payment_intent"]["metadata"] == {"attempt": reference}
    assert effects(await control.ledger(reference=reference)) == [
        ("decline", 5000, "EUR"),
        ("capture", 5000, "EUR"),
    ]


async def test_an_expired_session_cancels_its_payment_and_cannot_be_paid(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    made = (await stripe.post(SESSIONS, data=session(reference))).json()
    await control.settle(made["id"], "failed")
    expired = (await stripe.post(f"{SESSIONS}/{made['id']}/expire")).json()
    assert expired["status"] == "expired"
    intent = (await stripe.get(f"/v1/payment_intents/{expired['payment_intent']}")).json()
    assert intent["status"] == "canceled"
    with pytest.raises(httpx.HTTPStatusError, match="409"):
        await control.settle(made["id"], "paid")
    again = await stripe.post(f"{SESSIONS}/{made['id']}/expire")
    assert again.status_code == 400


async def test_the_payment_of_an_open_session_is_closed_by_expiring_the_session(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    made = (await stripe.post(SESSIONS, data=session(reference))).json()
    await control.settle(made["id"], "failed")
    intent = (await stripe.get(f"{SESSIONS}/{made['id']}")).json()["payment_intent"]
    refused = await stripe.post(f"/v1/payment_intents/{intent}/cancel")
    assert (refused.status_code, error(refused)["code"]) == (400, "payment_intent_unexpected_state")


async def test_a_session_can_hold_the_money_for_a_later_capture(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    form = session(reference, **{"payment_intent_data[capture_method]": "manual"})
    made = (await stripe.post(SESSIONS, data=form)).json()
    await control.settle(made["id"], "paid")
    held = (await stripe.get(f"{SESSIONS}/{made['id']}")).json()
    assert (held["status"], held["payment_status"]) == ("complete", "unpaid")
    await stripe.post(f"/v1/payment_intents/{held['payment_intent']}/capture")
    assert (await stripe.get(f"{SESSIONS}/{made['id']}")).json()["payment_status"] == "paid"
    assert [row["kind"] for row in await control.ledger(reference=reference)] == ["authorize", "capture"]


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"surprise": "1"}, "surprise"),
        ({"payment_intent_data[surprise]": "1"}, "payment_intent_data[surprise]"),
        ({"line_items[0][surprise]": "1"}, "line_items[0][surprise]"),
        ({"mode": "subscription"}, "mode"),
        ({"success_url": ""}, "success_url"),
        (
            {"line_items[0][price_data][product_data][name]": ""},
            "line_items[0][price_data][product_data][name]",
        ),
        ({"expires_at": str(int(time.time()) + 60)}, "expires_at"),
        ({"expires_at": str(int(time.time()) + 90000)}, "expires_at"),
    ],
)
async def test_what_stripe_cannot_read_is_refused(
    stripe: httpx.AsyncClient, reference: str, changes: dict[str, str], param: str
) -> None:
    answer = await stripe.post(SESSIONS, data=session(reference, **changes))
    assert (answer.status_code, error(answer)["param"]) == (400, param)
