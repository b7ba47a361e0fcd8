"""Flutterwave v3 as it answers: saved cards, prompts, look-ups, refunds."""

import httpx
import pytest

from sandbox.client import SandboxClient
from tests.sandbox.wire import effects, eventually, mobile_money, token_charge
from tests.sandbox_process import SandboxProcess

NO_TRANSACTION = {"status": "error", "message": "No transaction was found for this id", "data": None}


async def verified(flutterwave: httpx.AsyncClient, reference: str) -> dict[str, object]:
    answer = await flutterwave.get("/transactions/verify_by_reference", params={"tx_ref": reference})
    found: dict[str, object] = answer.json()["data"]
    return found


async def test_a_saved_card_is_charged_in_major_units(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    answer = (await flutterwave.post("/tokenized-charges", json=token_charge(reference))).json()
    data = answer["data"]
    assert (answer["status"], data["status"], data["processor_response"]) == (
        "success",
        "successful",
        "Approved",
    )
    assert (data["amount"], data["charged_amount"], data["currency"]) == (125.5, 125.5, "NGN")
    assert isinstance(data["id"], int)
    assert data["customer"]["email"] == "customer@example.com"
    assert effects(await control.ledger(reference=reference)) == [("capture", 12550, "NGN")]
    fetched = (await flutterwave.get(f"/transactions/{data['id']}/verify")).json()
    assert fetched["message"] == "Transaction fetched successfully"
    assert (fetched["data"]["id"], fetched["data"]["tx_ref"]) == (data["id"], reference)


@pytest.mark.parametrize(
    ("token", "response"),
    [
        ("flw-t1nf-insufficient-funds", "Insufficient Funds"),
        ("flw-t1nf-do-not-honor", "Do Not Honour"),
        ("flw-t1nf-expired-card", "Expired Card"),
        ("flw-t1nf-suspected-fraud", "Suspected Fraud"),
    ],
)
async def test_a_declined_card_is_a_failed_transaction(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str, token: str, response: str
) -> None:
    answer = await flutterwave.post("/tokenized-charges", json=token_charge(reference, token=token))
    data = answer.json()["data"]
    assert (answer.status_code, data["status"], data["processor_response"]) == (200, "failed", response)
    assert effects(await control.ledger(reference=reference)) == [("decline", 12550, "NGN")]


async def test_a_pending_card_stays_pending_until_settled(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    charge = token_charge(reference, token="flw-t1nf-pending")
    data = (await flutterwave.post("/tokenized-charges", json=charge)).json()["data"]
    assert data["status"] == "pending"
    assert await control.ledger(reference=reference) == []
    await control.settle(str(data["id"]), "paid")
    assert (await verified(flutterwave, reference))["status"] == "successful"


async def test_the_same_charge_twice_charges_twice(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    headers = {"Idempotency-Key": reference}
    for _ in range(2):
        await flutterwave.post("/tokenized-charges", json=token_charge(reference), headers=headers)
    assert effects(await control.ledger(reference=reference)) == [("capture", 12550, "NGN")] * 2
    listed = (await flutterwave.get("/transactions", params={"tx_ref": reference})).json()
    assert listed["meta"]["page_info"] == {"total": 2, "current_page": 1, "total_pages": 1}
    assert {item["tx_ref"] for item in listed["data"]} == {reference}
    assert len({item["id"] for item in listed["data"]}) == 2


async def test_mobile_money_prompts_and_the_customer_agrees_after_a_moment(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    answer = await flutterwave.post("/charges?type=mobile_money_ghana", json=mobile_money(reference))
    assert (answer.json()["message"], answer.json()["meta"]["authorization"]["mode"]) == (
        "Charge initiated",
        "redirect",
    )
    assert "data" not in answer.json()  # this type names no transaction
    assert (await verified(flutterwave, reference))["status"] == "pending"
    await eventually(lambda: verified(flutterwave, reference), lambda found: found["status"] == "successful")
    assert effects(await control.ledger(reference=reference)) == [("capture", 15000, "GHS")]


@pytest.mark.parametrize(
    ("kind", "currency", "mode"),
    [
        ("mobile_money_uganda", "UGX", "redirect"),
        ("mobile_money_rwanda", "RWF", "redirect"),
        ("mobile_money_zambia", "ZMW", "redirect"),
        ("mobile_money_tanzania", "TZS", None),
        ("mobile_money_franco", "XOF", "callback"),
        ("mpesa", "KES", None),
        ("ussd", "NGN", "ussd"),
        ("bank_transfer", "NGN", "banktransfer"),
    ],
)
async def test_every_type_answers_in_its_own_shape(
    flutterwave: httpx.AsyncClient, reference: str, kind: str, currency: str, mode: str | None
) -> None:
    body = mobile_money(reference, currency=currency, account_bank="058")
    answer = (await flutterwave.post(f"/charges?type={kind}", json=body)).json()
    assert answer.get("meta", {}).get("authorization", {}).get("mode") == mode
    assert ("data" in answer) is (mode not in ("redirect", "banktransfer"))
    assert (await verified(flutterwave, reference))["status"] == "pending"


async def test_a_walked_away_prompt_stays_pending(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    await flutterwave.post("/charges?type=mobile_money_ghana", json=mobile_money(reference))
    await control.settle(reference, "abandoned")
    other = f"{reference}-later"
    await flutterwave.post("/charges?type=mobile_money_ghana", json=mobile_money(other))
    await eventually(lambda: verified(flutterwave, other), lambda found: found["status"] == "successful")
    assert (await verified(flutterwave, reference))["status"] == "pending"


@pytest.mark.parametrize("number", ["233121212121", "256010101011", "+233 12 121 2121"])
async def test_the_documented_numbers_fail(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str, number: str
) -> None:
    body = mobile_money(reference, phone_number=number)
    await flutterwave.post("/charges?type=mobile_money_ghana", json=body)
    found = await verified(flutterwave, reference)
    assert (found["status"], found["processor_response"]) == ("failed", "Mocked a Failed Transaction")
    assert effects(await control.ledger(reference=reference)) == [("decline", 15000, "GHS")]


async def test_refunds_are_accepted_first_and_paid_out_later(
    flutterwave: httpx.AsyncClient, control: SandboxClient, reference: str
) -> None:
    paid = (await flutterwave.post("/tokenized-charges", json=token_charge(reference))).json()["data"]
    path = f"/transactions/{paid['id']}/refund"
    answer = (await flutterwave.post(path, json={"amount": "25.5", "comments": "re_1"})).json()
    assert answer["message"] == "Transaction refund initiated"
    refund = answer["data"]
    assert (refund["amount_refunded"], refund["tx_id"], refund["status"]) == (25.5, paid["id"], "completed")

    async def status() -> str:
        return str((await flutterwave.get(f"/refunds/{refund['id']}")).json()["data"]["status"])

    await eventually(status, lambda found: found == "completed-mpgs")
    too_much = await flutterwave.post(path, json={"amount": 100.01})
    assert (too_much.status_code, too_much.json()["status"]) == (400, "error")
    await flutterwave.post(path, json={})
    assert (await flutterwave.post(path, json={})).status_code == 400
    listed = (await flutterwave.get("/refunds", params={"id": paid["id"]})).json()["data"]
    assert [(item["amount_refunded"], item["comments"]) for item in listed] == [(100, None), (25.5, "re_1")]
    assert effects(await control.ledger(reference=reference)) == [
        ("capture", 12550, "NGN"),
        ("refund", 2550, "NGN"),
        ("refund", 10000, "NGN"),
    ]


async def test_what_is_not_there_is_an_error_in_its_own_words(flutterwave: httpx.AsyncClient) -> None:
    for path in ("/transactions/1/verify", "/transactions/verify_by_reference?tx_ref=att_nobody"):
        answer = await flutterwave.get(path)
        assert (answer.status_code, answer.json()) == (400, NO_TRANSACTION)
    assert (await flutterwave.get("/refunds/1")).status_code == 404
    assert (await flutterwave.get("/unicorns")).json()["message"] == "Cannot GET /unicorns"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tx_ref": ""}, "tx_ref is required"),
        ({"email": None}, "email is required"),
        ({"amount": None}, "amount is required"),
        ({"amount": "ten"}, "amount must be a number"),
        ({"amount": -1}, "amount is not valid for this currency"),
        ({"amount": 10.001}, "amount is not valid for this currency"),
        ({"amount": 10.5, "currency": "RWF"}, "amount is not valid for this currency"),
        ({"currency": "XXX"}, "Invalid currency: XXX"),
        ({"token": "flw-t1nf-nobody"}, "Wrong token or email passed"),
    ],
)
async def test_what_it_cannot_read_is_refused_without_effect(
    flutterwave: httpx.AsyncClient,
    control: SandboxClient,
    reference: str,
    changes: dict[str, object],
    message: str,
) -> None:
    answer = await flutterwave.post("/tokenized-charges", json=token_charge(reference, **changes))
    assert answer.status_code == 400
    assert answer.json() == {"status": "error", "message": message, "data": None}
    assert await control.ledger(reference=reference) == []


async def test_keys_open_their_own_account_only(sandbox: SandboxProcess, reference: str) -> None:
    async with httpx.AsyncClient(base_url=sandbox.gateways["flutterwave"], trust_env=False) as client:
        missing = await client.get("/transactions")
        assert (missing.status_code, missing.json()["message"]) == (401, "Authorization required")
        wrong = await client.get("/transactions", headers={"Authorization": "Bearer FLWSECK-nobody"})
        assert (wrong.status_code, wrong.json()["message"]) == (401, "Invalid authorization key")
        mine = {"Authorization": "Bearer FLWSECK_TEST-sandbox-flutterwave-ke"}
        await client.post("/tokenized-charges", json=token_charge(reference), headers=mine)
        theirs = {"Authorization": "Bearer FLWSECK_TEST-sandbox-flutterwave"}
        params = {"tx_ref": reference}
        answer = await client.get("/transactions/verify_by_reference", params=params, headers=theirs)
        assert answer.json() == NO_TRANSACTION
