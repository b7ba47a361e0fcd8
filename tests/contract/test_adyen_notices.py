"""What Adyen's webhooks vouch for, and what they come to together."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.checkout import CaptureMethod
from domain.decline import DeclineCode
from domain.dispute import DisputeStatus
from domain.outcome import (
    PaymentStatus,
)
from gateways import adyen_notices as notices
from gateways.adyen_notices import Notice
from gateways.base import (
    EventSubject,
    Found,
    InvalidSignature,
    RefundStatus,
)
from tests.contract.adyen_wire import (
    NOW,
    PSP,
    REFERENCE,
    Json,
    adapter,
    handle,
    notice,
    read,
)
from tests.contract.case import ACCOUNT
from tests.contract.cases.adyen import CASE


def test_a_payment_is_what_its_notices_say_together() -> None:
    manual = CaptureMethod.MANUAL
    paid = notice()
    assert read(handle(paid)).status is PaymentStatus.CAPTURED
    assert read(handle(paid, method=manual)).status is PaymentStatus.AUTHORIZED
    taken = read(handle(paid, notice("CAPTURE", value=5_000), method=manual))
    assert (taken.status, taken.amount_captured) == (PaymentStatus.CAPTURED, 5_000)
    assert read(handle(paid, notice("CANCELLATION"), method=manual)).status is PaymentStatus.CANCELED
    assert (
        read(handle(paid, notice("CAPTURE", success=False), method=manual)).status is PaymentStatus.AUTHORIZED
    )
    assert read(handle(paid, notice("REFUND", value=345))).amount_refunded == 345
    assert read(handle(paid, notice("CAPTURE_FAILED"))).status is PaymentStatus.PENDING
    refused = read(handle(notice(success=False, reason="Expired Card")))
    assert refused.decline is not None
    assert refused.decline.code is DeclineCode.EXPIRED_CARD


STORY = (
    notice(success=False, reason="Refused"),
    notice(),
    notice("CAPTURE", value=9_000),
    notice("CAPTURE", psp="another", value=99_000, success=False),
    notice("REFUND", psp="refund-1", value=1_000, reference="re_1"),
    notice("REFUND", psp="refund-2", value=2_000, reference="re_2"),
    notice("REFUNDED_REVERSED", psp="refund-2", value=2_000),
    notice("CHARGEBACK", psp="dispute-1"),
    notice("CHARGEBACK_REVERSED", psp="dispute-1"),
)


@given(st.permutations([*STORY, *STORY]), st.integers(min_value=0, max_value=3))
def test_neither_order_nor_repeats_of_webhooks_matter(told: list[Notice], cut: int) -> None:
    """I18."""
    expected = handle(*STORY, method=CaptureMethod.MANUAL)
    given_so = handle(*told, *told[:cut], method=CaptureMethod.MANUAL)

    assert read(given_so) == read(expected)
    assert read(given_so).amount_captured == 9_000
    made = {each.refund_id: each for each in notices.refunds(PSP, notices.read(given_so))}
    assert {name: each.status for name, each in made.items()} == {
        "re_1": RefundStatus.SUCCEEDED,
        "re_2": RefundStatus.FAILED,
    }
    [dispute] = notices.disputes(PSP, notices.read(given_so))
    assert dispute.status is DisputeStatus.WON


def test_notices_of_other_payments_are_not_ours() -> None:
    strange = notice(reference="att_another_1", psp="OTHERPAYMENT2222")
    other_capture = notice("CAPTURE", original="OTHERPAYMENT2222")
    found = handle(strange, other_capture, notice(), method=CaptureMethod.MANUAL)
    assert read(found).status is PaymentStatus.AUTHORIZED


async def test_a_payment_that_was_named_and_never_told_of_is_undecided() -> None:
    gateway = adapter()
    answer = await gateway.look_up(handle(payment_id=PSP))
    assert isinstance(answer, Found)
    assert [each.status for each in answer.payments] == [PaymentStatus.PENDING]
    await gateway.aclose()


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        ("AUTHORISATION", EventSubject.PAYMENT),
        ("CHARGEBACK", EventSubject.DISPUTE),
        ("REFUND_FAILED", EventSubject.FAILED_REFUND),
        ("CAPTURE_FAILED", EventSubject.FAILED_CAPTURE),
    ],
)
def test_a_webhook_says_what_it_is_about(event: str, subject: EventSubject) -> None:
    body = changed(eventCode=event, originalReference="" if event == "AUTHORISATION" else PSP)
    told = notices.read_webhook(body, [bytes.fromhex(CASE.webhook.secret)], f"SandboxECOM-{ACCOUNT}")
    assert (told.subject, told.reference) == (subject, REFERENCE)
    assert told.payment_id == ("pi_1" if event == "AUTHORISATION" else PSP)


@pytest.mark.parametrize(
    "changes",
    [
        {"merchantAccountCode": "SomebodyElse"},
        {"pspReference": ""},
        {"success": "perhaps"},
        {"amount": {"value": 5, "currency": "euro"}},
        {"amount": {"value": 50, "currency": "ISK"}},
    ],
)
def test_a_genuine_webhook_that_makes_no_sense_vouches_for_nothing(changes: Json) -> None:
    told = notices.read_webhook(
        changed(**changes), [bytes.fromhex(CASE.webhook.secret)], f"SandboxECOM-{ACCOUNT}"
    )
    assert (told.kind, told.notice, told.reference) == ("unreadable", None, None)


def test_a_batch_is_not_read_in_part() -> None:
    one = json.loads(changed())
    body = json.dumps({**one, "notificationItems": one["notificationItems"] * 2}).encode()
    with pytest.raises(InvalidSignature):
        notices.read_webhook(body, [bytes.fromhex(CASE.webhook.secret)], f"SandboxECOM-{ACCOUNT}")


def test_a_notice_holds_nothing_of_the_card() -> None:
    body = changed(
        additionalData={"cardSummary": "1111", "cardHolderName": "Ada", "shopperEmail": "ada@example.com"}
    )
    told = notices.read_webhook(body, [bytes.fromhex(CASE.webhook.secret)], f"SandboxECOM-{ACCOUNT}")
    assert told.notice is not None
    for secret in ("1111", "Ada", "ada@example.com"):
        assert secret not in told.notice


def changed(**changes: object) -> bytes:
    """A genuine webhook with other contents."""
    body = json.loads(CASE.webhook.write(reference=REFERENCE, payment_id="pi_1", event_id="evt_1"))
    body["notificationItems"][0]["NotificationRequestItem"] |= changes
    return CASE.webhook.signed(json.dumps(body).encode(), secret=CASE.webhook.secret, at=NOW).body
