"""Disputes as the gateways list them, against scripted answers and against the sandbox."""

import json
from datetime import date

import httpx
import pytest

from domain.dispute import DisputeStatus
from domain.outcome import Unknown
from gateways.base import DisputedPayments, EventSubject, FoundDisputes
from tests.contract.flutterwave_wire import BY_ID, NOW, REFERENCE, Wire, pages, success, transaction
from tests.contract.flutterwave_wire import handle as transaction_handle
from tests.contract.scripted import says
from tests.contract.stripe_wire import FAULTS, handle, listing, refund, scripted_stripe
from tests.contract.test_stripe_webhook import event, read

LIST_DISPUTES = "GET /v1/disputes"


def dispute(status: str = "needs_response", **changes: object) -> dict[str, object]:
    return {
        "id": "du_1",
        "object": "dispute",
        "status": status,
        "amount": 12_345,
        "currency": "usd",
        "charge": "ch_1",
        "payment_intent": "pi_1",
        "reason": "fraudulent",
        "created": 1_780_000_000,
        **changes,
    }


def chargeback(status: str | None = "initiated", **changes: object) -> dict[str, object]:
    return {
        "id": 2221,
        "amount": 125.5,
        "flw_ref": "FLW-1",
        "status": status,
        "stage": "new",
        "comment": "Product/service not received",
        "created_at": "2026-03-02T12:00:00.000Z",
        "transaction_id": 288200108,
        "tx_ref": REFERENCE,
        **changes,
    }


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("warning_needs_response", DisputeStatus.INQUIRY),
        ("warning_under_review", DisputeStatus.INQUIRY),
        ("warning_closed", DisputeStatus.CLOSED),
        ("needs_response", DisputeStatus.NEEDS_RESPONSE),
        ("under_review", DisputeStatus.UNDER_REVIEW),
        ("won", DisputeStatus.WON),
        ("lost", DisputeStatus.LOST),
        ("prevented", DisputeStatus.LOST),
        ("something_new", DisputeStatus.UNDER_REVIEW),
    ],
)
async def test_what_stripe_says_of_a_dispute(said: str, status: DisputeStatus) -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(LIST_DISPUTES, says(listing(dispute(said))))
        found = await stripe.look_up_disputes(handle())
    assert isinstance(found, FoundDisputes)
    [made] = found.disputes
    assert (made.gateway_dispute_id, made.status, made.amount, made.currency, made.reason) == (
        "du_1",
        status,
        12_345,
        "USD",
        "fraudulent",
    )
    assert script.received[0].query["payment_intent"] == "pi_1"


async def test_stripes_disputes_are_read_to_the_end_or_not_at_all() -> None:
    async with scripted_stripe() as (stripe, script):
        script.on(
            LIST_DISPUTES, says(listing(dispute(), has_more=True)), says(listing(dispute("won", id="du_2")))
        )
        found = await stripe.disputed_payments(date(2026, 5, 1))
        assert isinstance(found, DisputedPayments)
        assert [(each.gateway_dispute_id, each.payment_id) for each in found.payments] == [
            ("du_1", "pi_1"),
            ("du_2", "pi_1"),
        ]
        assert script.received[1].query["starting_after"] == "du_1"
        for fault in [*FAULTS, says(listing(dispute(amount="12345")))]:
            script.on(LIST_DISPUTES, fault)
            assert isinstance(await stripe.look_up_disputes(handle()), Unknown)
            assert isinstance(await stripe.disputed_payments(date(2026, 5, 1)), Unknown)


def test_what_stripes_events_are_about() -> None:
    told = read(event(dispute(), "charge.dispute.funds_withdrawn"))
    assert (told.subject, told.payment_id) == (EventSubject.DISPUTE, "pi_1")
    assert read(event(refund("failed"), "refund.failed")).subject is EventSubject.FAILED_REFUND
    assert read(event(refund("failed"), "charge.refund.updated")).subject is EventSubject.FAILED_REFUND
    assert read(event(refund("succeeded"), "refund.updated")).subject is EventSubject.PAYMENT


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("initiated", DisputeStatus.NEEDS_RESPONSE),
        ("pending", DisputeStatus.NEEDS_RESPONSE),
        ("declined", DisputeStatus.UNDER_REVIEW),
        ("accepted", DisputeStatus.LOST),
        ("lost", DisputeStatus.LOST),
        ("won", DisputeStatus.WON),
        ("reversed", DisputeStatus.WON),
        ("something-new", DisputeStatus.UNDER_REVIEW),
    ],
)
async def test_what_flutterwave_says_of_a_chargeback(said: str, status: DisputeStatus) -> None:
    rows = [chargeback(said), chargeback(id=9, transaction_id=1)]
    wire = Wire({BY_ID: success(transaction()), "/chargebacks": pages(rows)})
    found = await wire.gateway.look_up_disputes(transaction_handle(payment_id="288200108"))
    assert isinstance(found, FoundDisputes)
    [made] = found.disputes
    assert (made.gateway_dispute_id, made.status, made.amount, made.currency, made.reason) == (
        "2221",
        status,
        12_550,
        "NGN",
        "product_service_not_received",
    )
    assert wire.sent[-1].url.params["flw_ref"] == "FLW-1"


async def test_an_account_of_flutterwave_is_listed() -> None:
    wire = Wire({"/chargebacks": pages([chargeback()], [chargeback("won", id=2222, tx_ref=None)])})
    found = await wire.gateway.disputed_payments(date(2026, 5, 1))
    assert isinstance(found, DisputedPayments)
    assert [(each.reference, each.payment_id) for each in found.payments] == [
        (REFERENCE, "288200108"),
        (None, "288200108"),
    ]
    assert wire.sent[0].url.params["from"] == "2026-05-01"


@pytest.mark.parametrize(
    "broken",
    [
        {BY_ID: httpx.ReadTimeout("slow"), "/chargebacks": pages()},
        {BY_ID: success(transaction(flw_ref=None)), "/chargebacks": pages()},
        {BY_ID: success(transaction()), "/chargebacks": httpx.Response(503)},
        {BY_ID: success(transaction()), "/chargebacks": pages([chargeback(amount="1e3")])},
        {BY_ID: success(transaction()), "/chargebacks": pages([chargeback(status=None)])},
    ],
)
async def test_half_an_answer_of_flutterwave_proves_nothing(broken: dict[str, httpx.Response]) -> None:
    gateway = Wire(broken).gateway
    assert isinstance(await gateway.look_up_disputes(transaction_handle(payment_id="288200108")), Unknown)


def test_what_flutterwaves_events_are_about() -> None:
    def told(body: dict[str, object]) -> tuple[str, EventSubject, str | None]:
        read = Wire({}).gateway.read_webhook(json.dumps(body).encode(), {"verif-hash": "the-hash"}, NOW)
        return read.kind, read.subject, read.payment_id

    # `data.id` is the chargeback's own.
    body: dict[str, object] = {"event": "chargeback.initiated", "data": {"id": 2221, "flw_ref": "FLW-1"}}
    assert told(body) == ("chargeback.initiated", EventSubject.DISPUTE, None)
    named: dict[str, object] = {"event": "chargeback.lost", "data": {"id": 2221, "transaction_id": 288200108}}
    assert told(named) == ("chargeback.lost", EventSubject.DISPUTE, "288200108")
    refund: dict[str, object] = {"id": 5, "TransactionId": 12, "status": "failed"}
    failed: dict[str, object] = {"event": "refund.completed", "data": refund}
    assert told(failed)[1:] == (EventSubject.FAILED_REFUND, "12")
