"""What all payments under one reference amount to."""

from domain.checkout import CaptureMethod
from domain.conclude import conclude
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.outcome import Approved, Canceled, Declined, GatewayPayment, Mismatch, NotFound, Outcome, Pending
from domain.outcome import PaymentStatus as Status

REFERENCE = "att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"
INSUFFICIENT = Decline(
    category=DeclineCategory.SOFT, code=DeclineCode.INSUFFICIENT_FUNDS, message="Insufficient funds"
)


def payment(status: Status, **changes: object) -> GatewayPayment:
    captured = 500 if status is Status.CAPTURED else 0
    decline = INSUFFICIENT if status is Status.DECLINED else None
    values: dict[str, object] = {
        "payment_id": "1",
        "reference": REFERENCE,
        "status": status,
        "amount": 500,
        "currency": "NGN",
        "amount_captured": captured,
        "decline": decline,
        **changes,
    }
    return GatewayPayment.model_validate(values)


def outcome(*payments: GatewayPayment, page: bool = False) -> Outcome:
    return conclude(
        payments,
        reference=REFERENCE,
        amount=500,
        currency="NGN",
        capture_method=CaptureMethod.AUTOMATIC,
        page=page,
    )


def test_nothing_is_not_found() -> None:
    assert outcome() == NotFound()


def test_money_wins_over_failed_tries() -> None:
    found = outcome(payment(Status.DECLINED), payment(Status.CAPTURED), page=True)
    assert isinstance(found, Approved)


def test_a_failed_try_on_an_open_page_is_pending_and_on_a_closed_one_a_decline() -> None:
    assert isinstance(outcome(payment(Status.DECLINED), page=True), Pending)
    assert outcome(payment(Status.DECLINED)) == Declined(decline=INSUFFICIENT, payment_id="1")


def test_an_undecided_payment_keeps_a_decline_open() -> None:
    assert isinstance(outcome(payment(Status.DECLINED), payment(Status.PENDING)), Pending)


def test_everything_closed_is_canceled() -> None:
    assert isinstance(outcome(payment(Status.CANCELED)), Canceled)


def test_another_amount_currency_or_reference_is_never_paid() -> None:
    """G12, I6."""
    wrong = ({"amount": 501, "amount_captured": 501}, {"currency": "USD"}, {"reference": "att_other_1"})
    for change in wrong:
        assert isinstance(outcome(payment(Status.CAPTURED, **change)), Mismatch)


def test_less_captured_than_asked_for_is_never_paid() -> None:
    assert isinstance(outcome(payment(Status.CAPTURED, amount_captured=499)), Mismatch)


def test_two_payments_under_one_reference_need_a_person() -> None:
    """A page paid twice: I1 is broken at the gateway, and nobody may guess which one counts."""
    both = outcome(payment(Status.CAPTURED), payment(Status.CAPTURED, payment_id="2"))
    assert isinstance(both, Mismatch)
    assert both.payment.payment_id == "2"
