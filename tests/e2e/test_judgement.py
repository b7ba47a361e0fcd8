"""The judgement itself: that a second charge, a missing one or another amount does not pass."""

from typing import Any

import pytest

from tests.e2e.load import judged, sent_twice
from tests.e2e.requests import Json

PAID: Json = {
    "status": "succeeded",
    "amount": 100,
    "amount_captured": 100,
    "currency": "USD",
    "attempts": [
        {"id": "att_1", "status": "declined"},
        {"id": "att_2", "status": "captured"},
    ],
}


def row(reference: str = "att_2", **other: Any) -> Json:
    good = {"gateway": "stripe", "kind": "capture", "amount": 100, "currency": "USD", "payment_id": "pi_1"}
    return {"reference": reference, **good, **other}


def test_one_capture_of_the_right_money_passes() -> None:
    ledger = {"att_1": [row("att_1", kind="decline")], "att_2": [row()]}
    assert judged(PAID, ledger, status="succeeded") == []


@pytest.mark.parametrize(
    "ledger",
    [
        {},
        {"att_2": [row(), row(payment_id="pi_2")]},
        {"att_1": [row("att_1", gateway="flutterwave")], "att_2": [row()]},
        {"att_2": [row(amount=200)]},
        {"att_2": [row(currency="EUR")]},
        {"att_2": [row(), row(kind="refund")]},
    ],
)
def test_anything_else_in_the_ledgers_is_told(ledger: dict[str, list[Json]]) -> None:
    assert judged(PAID, ledger, status="succeeded")


def test_money_for_a_failed_checkout_is_told() -> None:
    failed = PAID | {
        "status": "failed",
        "amount_captured": 0,
        "attempts": [{"id": "att_1", "status": "declined"}],
    }
    assert judged(failed, {"att_1": [row("att_1")]}, status="failed")
    assert judged(failed, {}, status="failed") == []


def test_a_repeated_charge_is_told_unless_key_and_bytes_are_the_same() -> None:
    keyed = {"gateway": "stripe", "idempotency_key": "k", "body_sha256": "b", "seq": 1}
    assert sent_twice(PAID, {"att_2": [keyed, keyed | {"seq": 2}]}) == []
    assert sent_twice(PAID, {"att_2": [keyed, keyed | {"seq": 2, "idempotency_key": "other"}]})
    assert sent_twice(PAID, {"att_2": [keyed, keyed | {"seq": 2, "body_sha256": "other"}]})
    keyless = keyed | {"gateway": "flutterwave", "idempotency_key": None}
    assert sent_twice(PAID, {"att_2": [keyless]}) == []
    assert sent_twice(PAID, {"att_2": [keyless, keyless | {"seq": 2}]})
