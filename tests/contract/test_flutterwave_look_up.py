"""Looking up, closing and refunding at Flutterwave, against a scripted wire."""

import json

import httpx
import pytest

from domain.outcome import (
    Approved,
    Canceled,
    Declined,
    Mismatch,
    NotSent,
    NotSentCause,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.base import (
    Found,
    FoundRefunds,
    GatewayRefund,
    RefundRefused,
    RefundRequest,
    RefundStatus,
)
from tests.contract.flutterwave_wire import (
    BY_ID,
    BY_REFERENCE,
    LIST,
    NONE,
    REFERENCE,
    Answer,
    Wire,
    error,
    handle,
    pages,
    success,
    transaction,
)


async def test_nothing_is_found_only_if_no_view_shows_anything() -> None:
    wire = Wire({BY_REFERENCE: NONE, LIST: pages()})
    assert await wire.gateway.look_up(handle()) == Found(payments=())
    wire = Wire({BY_REFERENCE: NONE, LIST: pages([transaction()])})
    found = await wire.gateway.look_up(handle())
    assert isinstance(found, Found)
    assert [payment.status for payment in found.payments] == [PaymentStatus.CAPTURED]
    wire = Wire({BY_REFERENCE: success(transaction()), LIST: pages()})
    found = await wire.gateway.look_up(handle())
    assert isinstance(found, Found)
    assert len(found.payments) == 1


async def test_every_try_on_a_page_is_found_oldest_first_over_several_lists() -> None:
    failed = transaction(
        id="100", status="failed", processor_response="Incorrect PIN", created_at="2026-03-01T11:00:00.000Z"
    )
    other = transaction(id=7, tx_ref=f"{REFERENCE}0")
    wire = Wire({BY_REFERENCE: success(transaction()), LIST: pages([transaction(), other], [failed])})
    found = await wire.gateway.look_up(handle())
    assert isinstance(found, Found)
    assert [(payment.payment_id, payment.status) for payment in found.payments] == [
        ("100", PaymentStatus.DECLINED),
        ("288200108", PaymentStatus.CAPTURED),
    ]
    assert all(asked.url.params["tx_ref"] == REFERENCE for asked in wire.sent)


async def test_a_stale_view_hides_neither_money_nor_the_verification() -> None:
    stale = transaction(status="pending")
    failed = transaction(status="failed", processor_response="Incorrect PIN")
    for verified, others, expected in (
        (transaction(), stale, PaymentStatus.CAPTURED),
        (stale, transaction(), PaymentStatus.CAPTURED),
        (failed, stale, PaymentStatus.DECLINED),
    ):
        wire = Wire({BY_ID: success(verified), BY_REFERENCE: success(others), LIST: pages([others])})
        found = await wire.gateway.look_up(handle(payment_id="288200108"))
        assert isinstance(found, Found)
        assert [payment.status for payment in found.payments] == [expected]


async def test_a_list_without_end_is_unknown() -> None:
    wire = Wire({BY_REFERENCE: NONE, LIST: pages(*[[transaction(id=n, tx_ref="else")] for n in range(400)])})
    assert isinstance(await wire.gateway.look_up(handle()), Unknown)
    assert len(wire.sent) < 10


@pytest.mark.parametrize("path", [BY_REFERENCE, LIST, BY_ID])
@pytest.mark.parametrize(
    "fault",
    [
        httpx.Response(500, content=b""),
        error("Authorization required", 401),
        httpx.Response(429, json={}),
        httpx.Response(200, content=b"{"),
        error("Invalid Transaction ID"),
        error("An error occurred. Please contact support", 400),
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
    ],
)
async def test_one_silent_view_makes_a_look_up_unknown(
    path: str, fault: httpx.Response | httpx.HTTPError
) -> None:
    answers: dict[str, httpx.Response | Answer | Exception] = {
        BY_ID: NONE,
        BY_REFERENCE: NONE,
        LIST: pages(),
        path: fault,
    }
    assert isinstance(await Wire(answers).gateway.look_up(handle(payment_id="288200108")), Unknown)


DISABLE = "/payments/link/disable"
LINK = "https://checkout.flutterwave.com/v3/hosted/pay/flwlnk-1"
DISABLED = success(True)


@pytest.mark.parametrize(
    ("disabled", "rows", "kind"),
    [
        (DISABLED, [], Canceled),
        (error("This payment link is currently inactive"), [], Canceled),
        (DISABLED, [transaction(status="failed")], Canceled),
        (DISABLED, [transaction()], Approved),
        (DISABLED, [transaction(amount=1)], Mismatch),
        (DISABLED, [transaction(status="pending")], Pending),
        (error("Link not found", 404), [], Pending),
        (error("Link not found", 404), [transaction(status="failed")], Pending),
        (httpx.ReadTimeout("slow"), [], Unknown),
        (httpx.ConnectError("refused"), [], Unknown),
        (httpx.ReadTimeout("slow"), [transaction()], Approved),
        (httpx.Response(500, content=b""), [transaction(status="pending")], Unknown),
    ],
)
async def test_a_page_is_disabled_and_then_looked_up(
    disabled: httpx.Response | httpx.HTTPError, rows: list[dict[str, object]], kind: type
) -> None:
    wire = Wire({DISABLE: disabled, BY_REFERENCE: NONE, LIST: pages(rows)})
    assert isinstance(await wire.gateway.close(handle(page_url=LINK)), kind)
    assert wire.sent[0].url.path == f"/v3{DISABLE}"
    assert json.loads(wire.sent[0].content) == {"link": LINK}


async def test_a_prompt_cannot_be_closed() -> None:
    rows = {"pending": Pending, "successful": Approved, "failed": Declined}
    for status, kind in rows.items():
        wire = Wire({BY_REFERENCE: NONE, LIST: pages([transaction(status=status)])})
        assert isinstance(await wire.gateway.close(handle()), kind)
    assert isinstance(await Wire({BY_REFERENCE: NONE, LIST: pages()}).gateway.close(handle()), Pending)


REFUND = "/transactions/288200108/refund"


def refund_row(**changes: object) -> dict[str, object]:
    return {
        "id": 75923,
        "tx_id": 288200108,
        "flw_ref": "URF_1",
        "amount_refunded": 25.5,
        "status": "completed-mpgs",
        "comments": "re_1",
        "meta": {"source": "availablebalance"},
    } | changes


def refund_request(**changes: object) -> RefundRequest:
    return RefundRequest(
        handle=handle(payment_id="288200108", **changes),
        refund_id="re_1",
        amount=2_550,
        idempotency_key="key",
    )


@pytest.mark.parametrize(
    ("state", "meta", "expected"),
    [
        ("completed", None, RefundStatus.PENDING),
        ("completed", '{"disburse_status":"successful"}', RefundStatus.SUCCEEDED),
        ("completed", {"disburse_status": "failed"}, RefundStatus.FAILED),
        ("completed", "not json", RefundStatus.PENDING),
        ("completed-mpgs", None, RefundStatus.SUCCEEDED),
        ("completed-momo", None, RefundStatus.SUCCEEDED),
        ("completed-bank-transfer", None, RefundStatus.SUCCEEDED),
        ("pending-momo", None, RefundStatus.PENDING),
        ("processing", None, RefundStatus.PENDING),
        ("failed", None, RefundStatus.FAILED),
        ("a state of tomorrow", None, RefundStatus.PENDING),
    ],
)
async def test_a_refund_carries_our_id_and_its_state(
    state: str, meta: object, expected: RefundStatus
) -> None:
    wire = Wire({REFUND: success(refund_row(status=state, meta=meta, comments=None))})
    answer = await wire.gateway.refund(refund_request())
    assert isinstance(answer, GatewayRefund)
    assert (answer.gateway_refund_id, answer.refund_id, answer.amount) == ("75923", "re_1", 2_550)
    assert answer.status is expected
    assert wire.sent[0].content == b'{"amount":25.50,"comments":"re_1"}'


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error("Refund amount is greater than the transaction amount"), RefundRefused),
        (error("No transaction was found for this id", 404), RefundRefused),
        (success(refund_row(amount_refunded=None)), Unknown),
        (httpx.Response(503, content=b""), Unknown),
        (httpx.Response(401, content=b""), NotSent),
    ],
)
async def test_what_a_refund_answers(answer: httpx.Response, kind: type) -> None:
    assert isinstance(await Wire({REFUND: answer}).gateway.refund(refund_request()), kind)


@pytest.mark.parametrize(
    ("listed", "kind"),
    [
        ([refund_row()], GatewayRefund),
        ([refund_row(comments="re_other", amount_refunded=120)], RefundRefused),
        ([refund_row(comments="re_other", amount_refunded=120, status="failed")], Unknown),
        ([refund_row(comments="re_other", amount_refunded=20)], Unknown),
        ([], Unknown),
    ],
)
@pytest.mark.parametrize(
    "message",
    [
        "Transaction already refunded",
        "An error occurred. Please contact support",
        "A refund is in progress",
    ],
)
async def test_a_refusal_that_hints_at_an_earlier_refund_is_looked_up(
    message: str, listed: list[dict[str, object]], kind: type
) -> None:
    wire = Wire({REFUND: error(message), "/refunds": pages(listed)})
    assert isinstance(await wire.gateway.refund(refund_request()), kind)
    unanswered = Wire({REFUND: error(message), "/refunds": httpx.ReadTimeout("slow")})
    assert isinstance(await unanswered.gateway.refund(refund_request()), Unknown)


async def test_a_refund_without_an_id_finds_the_captured_payment_first() -> None:
    failed = transaction(id=1, status="failed")
    answers: dict[str, httpx.Response | Answer | Exception] = {
        BY_REFERENCE: success(failed),
        LIST: pages([failed, transaction()]),
        REFUND: success(refund_row()),
    }
    asked = RefundRequest(handle=handle(), refund_id="re_1", amount=2_550, idempotency_key="key")
    assert isinstance(await Wire(answers).gateway.refund(asked), GatewayRefund)
    answers[LIST] = pages([failed])
    assert isinstance(await Wire(answers).gateway.refund(asked), RefundRefused)
    answers[LIST] = httpx.ReadTimeout("slow")
    unsent = await Wire(answers).gateway.refund(asked)
    assert isinstance(unsent, NotSent)
    assert unsent.cause is NotSentCause.UNREACHABLE


async def test_refunds_are_listed_for_their_payment_alone_in_either_spelling() -> None:
    listed = {
        "id": 75924,
        "transaction_id": 288200108,
        "AmountRefunded": "100.00",
        "status": "failed",
        "comment": "re_2",
    }
    wire = Wire({"/refunds": pages([refund_row(), refund_row(id=9, tx_id=1)], [listed])})
    found = await wire.gateway.look_up_refunds(handle(payment_id="288200108"))
    assert isinstance(found, FoundRefunds)
    assert [(item.refund_id, item.status, item.amount) for item in found.refunds] == [
        ("re_1", RefundStatus.SUCCEEDED, 2_550),
        ("re_2", RefundStatus.FAILED, 10_000),
    ]
    assert {asked.url.params["id"] for asked in wire.sent} == {"288200108"}


async def test_refunds_of_what_was_never_captured_are_none() -> None:
    wire = Wire({BY_REFERENCE: NONE, LIST: pages()})
    assert await wire.gateway.look_up_refunds(handle()) == FoundRefunds(refunds=())
    wire = Wire({BY_REFERENCE: httpx.Response(500), LIST: pages()})
    assert isinstance(await wire.gateway.look_up_refunds(handle()), Unknown)
