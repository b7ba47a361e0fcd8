"""PaymentIntents as Stripe answers them: statuses, declines, challenges, captures, refusals."""

import base64

import httpx
import pytest

from sandbox.client import SandboxClient
from tests.sandbox.wire import effects, error, intent
from tests.sandbox_process import SandboxProcess

INTENTS = "/v1/payment_intents"


async def test_a_confirmed_intent_takes_the_money_at_once(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    answer = await stripe.post(INTENTS, data={**intent(reference), "expand[]": "latest_charge"})
    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["request-id"].startswith("req_")
    assert body["object"] == "payment_intent"
    assert (body["status"], body["amount_received"], body["currency"]) == ("succeeded", 2000, "usd")
    assert body["payment_method"] != "pm_card_visa"
    assert body["metadata"] == {"attempt": reference}
    charge = body["latest_charge"]
    assert (charge["status"], charge["captured"], charge["payment_method_details"]["card"]["brand"]) == (
        "succeeded",
        True,
        "visa",
    )
    [row] = await control.ledger(reference=reference)
    assert (row["gateway"], row["kind"], row["amount"], row["currency"], row["payment_id"]) == (
        "stripe",
        "capture",
        2000,
        "USD",
        body["id"],
    )


@pytest.mark.parametrize(
    ("token", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", None),
    ],
)
async def test_a_decline_is_a_402_that_carries_the_intent(
    stripe: httpx.AsyncClient,
    control: SandboxClient,
    reference: str,
    token: str,
    code: str,
    decline_code: str | None,
) -> None:
    answer = await stripe.post(INTENTS, data=intent(reference, payment_method=token))
    found = error(answer)
    assert answer.status_code == 402
    assert (found["type"], found["code"], found.get("decline_code")) == ("card_error", code, decline_code)
    assert found["payment_intent"]["status"] == "requires_payment_method"
    assert found["payment_intent"]["last_payment_error"]["code"] == code
    assert found["charge"] == found["payment_intent"]["latest_charge"]
    assert effects(await control.ledger(reference=reference)) == [("decline", 2000, "USD")]


async def test_a_declined_intent_can_be_confirmed_with_another_card(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    declined = await stripe.post(INTENTS, data=intent(reference, payment_method="pm_card_chargeDeclined"))
    identifier = error(declined)["payment_intent"]["id"]
    answer = await stripe.post(
        f"{INTENTS}/{identifier}/confirm", data={"payment_method": "pm_card_mastercard"}
    )
    assert answer.json()["status"] == "succeeded"
    assert [row["kind"] for row in await control.ledger(reference=reference)] == ["decline", "capture"]


async def test_manual_capture_holds_takes_a_part_and_releases_the_rest(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    held = (await stripe.post(INTENTS, data=intent(reference, capture_method="manual"))).json()
    assert (held["status"], held["amount_capturable"]) == ("requires_capture", 2000)
    too_much = await stripe.post(f"{INTENTS}/{held['id']}/capture", data={"amount_to_capture": "2001"})
    assert (too_much.status_code, error(too_much)["code"]) == (400, "amount_too_large")
    taken = (await stripe.post(f"{INTENTS}/{held['id']}/capture", data={"amount_to_capture": "1500"})).json()
    assert (taken["status"], taken["amount_received"], taken["amount_capturable"]) == ("succeeded", 1500, 0)
    again = await stripe.post(f"{INTENTS}/{held['id']}/capture")
    assert (again.status_code, error(again)["code"]) == (400, "payment_intent_unexpected_state")
    assert error(again)["payment_intent"]["id"] == held["id"]
    assert effects(await control.ledger(reference=reference)) == [
        ("authorize", 2000, "USD"),
        ("capture", 1500, "USD"),
    ]


async def test_cancel_voids_what_is_held_and_refuses_what_is_taken(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    held = (await stripe.post(INTENTS, data=intent(reference, capture_method="manual"))).json()
    canceled = await stripe.post(f"{INTENTS}/{held['id']}/cancel", data={"cancellation_reason": "abandoned"})
    assert (canceled.json()["status"], canceled.json()["cancellation_reason"]) == ("canceled", "abandoned")
    assert effects(await control.ledger(reference=reference)) == [
        ("authorize", 2000, "USD"),
        ("void", 2000, "USD"),
    ]
    paid = (await stripe.post(INTENTS, data=intent(reference))).json()
    refused = await stripe.post(f"{INTENTS}/{paid['id']}/cancel")
    assert (refused.status_code, error(refused)["code"]) == (400, "payment_intent_unexpected_state")
    assert error(refused)["payment_intent"]["status"] == "succeeded"


async def test_a_challenge_asks_for_a_redirect_and_then_lets_the_money_through(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    form = intent(
        reference, payment_method="pm_card_threeDSecure2Required", return_url="https://shop.example/return"
    )
    asked = (await stripe.post(INTENTS, data=form)).json()
    assert asked["status"] == "requires_action"
    assert asked["next_action"]["type"] == "redirect_to_url"
    assert asked["next_action"]["redirect_to_url"]["return_url"] == "https://shop.example/return"
    assert await control.ledger(reference=reference) == []
    await control.settle(asked["id"], "paid")
    assert (await stripe.get(f"{INTENTS}/{asked['id']}")).json()["status"] == "succeeded"
    assert effects(await control.ledger(reference=reference)) == [("capture", 2000, "USD")]


async def test_a_failed_challenge_needs_another_payment_method(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    form = intent(reference, payment_method="pm_card_authenticationRequired")
    asked = (await stripe.post(INTENTS, data=form)).json()
    assert asked["next_action"]["type"] == "use_stripe_sdk"  # nowhere to redirect to
    await control.settle(reference, "failed")
    failed = (await stripe.get(f"{INTENTS}/{asked['id']}")).json()
    assert failed["status"] == "requires_payment_method"
    assert failed["last_payment_error"]["code"] == "payment_intent_authentication_failure"


async def test_a_challenge_can_be_followed_by_a_decline(
    stripe: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    form = intent(reference, payment_method="pm_card_threeDSecureRequiredChargeDeclined")
    asked = (await stripe.post(INTENTS, data=form)).json()
    await control.settle(asked["id"], "paid")
    failed = (await stripe.get(f"{INTENTS}/{asked['id']}")).json()
    assert failed["last_payment_error"]["decline_code"] == "generic_decline"


@pytest.mark.parametrize("refusing", [{"error_on_requires_action": "true"}, {"off_session": "true"}])
async def test_a_challenge_that_cannot_be_shown_is_a_decline(
    stripe: httpx.AsyncClient, reference: str, refusing: dict[str, str]
) -> None:
    form = intent(reference, payment_method="pm_card_authenticationRequired", **refusing)
    answer = await stripe.post(INTENTS, data=form)
    assert answer.status_code == 402
    assert error(answer)["code"] == "authentication_required"


async def test_three_d_secure_is_asked_for_where_the_card_can(
    stripe: httpx.AsyncClient, reference: str
) -> None:
    request = {"payment_method_options[card][request_three_d_secure]": "any"}
    able = intent(reference, payment_method="pm_card_threeDSecureOptional", **request)
    assert (await stripe.post(INTENTS, data=able)).json()["status"] == "requires_action"
    unable = intent(reference, payment_method="pm_card_visa", **request)
    assert (await stripe.post(INTENTS, data=unable)).json()["status"] == "succeeded"


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"surprise": "1"}, "parameter_unknown", "surprise"),
        (
            {"payment_method_options[card][surprise]": "1"},
            "parameter_unknown",
            "payment_method_options[card][surprise]",
        ),
        ({"amount": ""}, "parameter_missing", "amount"),
        ({"currency": ""}, "parameter_missing", "currency"),
        ({"amount": "20.00"}, "parameter_invalid_integer", "amount"),
        ({"amount": "-5"}, "parameter_invalid_integer", "amount"),
        ({"amount": "49"}, "amount_too_small", "amount"),
        ({"amount": "100000000"}, "amount_too_large", "amount"),
        ({"currency": "zzz"}, None, "currency"),
        ({"payment_method": "pm_nobody"}, "resource_missing", "payment_method"),
        ({"payment_method": ""}, "payment_intent_unexpected_state", None),
        ({"confirm": "false", "return_url": "https://shop.example"}, None, "return_url"),
        ({"return_url": "javascript:alert(1)"}, "url_invalid", "return_url"),
        ({"metadata[attempt]": "x" * 501}, None, "metadata[attempt]"),
    ],
)
async def test_what_stripe_cannot_read_is_refused_without_effect(
    stripe: httpx.AsyncClient,
    control: SandboxClient,
    reference: str,
    changes: dict[str, str],
    code: str | None,
    param: str | None,
) -> None:
    answer = await stripe.post(INTENTS, data=intent(reference, **changes))
    found = error(answer)
    assert answer.status_code == 400
    assert (found["type"], found.get("code"), found.get("param")) == ("invalid_request_error", code, param)
    assert await control.ledger(reference=reference) == []


async def test_automatic_payment_methods_need_a_return_url_unless_redirects_are_out(
    stripe: httpx.AsyncClient, reference: str
) -> None:
    form = intent(reference)
    del form["payment_method_types[]"]
    assert error(await stripe.post(INTENTS, data=form))["param"] == "return_url"
    never = {
        "automatic_payment_methods[enabled]": "true",
        "automatic_payment_methods[allow_redirects]": "never",
    }
    assert (await stripe.post(INTENTS, data={**form, **never})).json()["status"] == "succeeded"


async def test_keys_open_their_own_account_only(sandbox: SandboxProcess, reference: str) -> None:
    base = sandbox.gateways["stripe"]
    async with httpx.AsyncClient(base_url=base, trust_env=False) as client:
        assert (await client.get(INTENTS)).status_code == 401
        bad = await client.get(INTENTS, headers={"Authorization": "Bearer sk_live_nobody"})
        assert (bad.status_code, error(bad)["type"]) == (401, "invalid_request_error")
        assert "sk_live_nobody" not in bad.text
        basic = base64.b64encode(b"sk_test_sandbox_stripe-eu:").decode()
        european = {"Authorization": f"Basic {basic}"}
        made = await client.post(INTENTS, data=intent(reference), headers=european)
        identifier = made.json()["id"]
        other = await client.get(
            f"{INTENTS}/{identifier}", headers={"Authorization": "Bearer sk_test_sandbox_stripe"}
        )
        assert (other.status_code, error(other)["code"]) == (404, "resource_missing")
        assert (await client.get(f"{INTENTS}/{identifier}", headers=european)).status_code == 200


async def test_an_unknown_path_is_a_404_in_stripes_words(stripe: httpx.AsyncClient) -> None:
    answer = await stripe.get("/v1/unicorns")
    assert answer.status_code == 404
    assert error(answer)["message"].startswith("Unrecognized request URL (GET: /v1/unicorns)")
