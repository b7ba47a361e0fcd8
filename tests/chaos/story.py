"""Evidence of one small, clean campaign, for tests to spoil."""

import base64
import copy
import hashlib
import hmac
import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from chaos.evidence import Evidence, Row
from chaos.scenario import Scenario
from chaos.transcript import (
    Answer,
    CardSent,
    Receipt,
    Record,
    RefundAnswer,
    Transcript,
    Trespass,
)

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
BODY = "01jdk2m3xv8q4w7y9z0a1b2c3d"
CHECKOUT = f"co_{BODY}"
FIRST = f"att_{BODY}_1"
SECOND = f"att_{BODY}_2"
AMOUNT = 5000
REFUNDED = 2000
OURS = "mer_ours"
THEIRS = "mer_theirs"
SECRET = b"a secret of twenty-four b"


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def row(**values: Any) -> Row:
    return values


def request(seconds: float, gateway: str, operation: str, reference: str | None, **more: Any) -> Row:
    return {
        "at": at(seconds),
        "gateway": gateway,
        "operation": operation,
        "reference": reference,
        "idempotency_key": f"{reference}:{operation}",
        "body_sha256": f"body of {reference} {operation}",
        "fault": None,
        "method": "GET" if operation == "lookup" else "POST",
        "path": f"/{operation}",
        **more,
    }


def effect(seconds: float, gateway: str, kind: str, reference: str, **more: Any) -> Row:
    return {
        "at": at(seconds),
        "gateway": gateway,
        "kind": kind,
        "amount": AMOUNT,
        "currency": "NGN",
        "reference": reference,
        "payment_id": f"{gateway}-{reference}",
        **more,
    }


def event(seconds: float, kind: str, attempt_id: str | None = None, **data: Any) -> Row:
    return {
        "at": at(seconds),
        "checkout_id": CHECKOUT,
        "kind": kind,
        "attempt_id": attempt_id,
        "data": data,
    }


def attempt(number: int, gateway: str, status: str, **more: Any) -> Row:
    return {
        "id": f"att_{BODY}_{number}",
        "checkout_id": CHECKOUT,
        "number": number,
        "gateway": gateway,
        "status": status,
        "sends": 1,
        "amount_captured": 0,
        "amount_refunded": 0,
        "amount_reserved": 0,
        "created_at": at(number - 0.9),
        **more,
    }


def entry(number: int, subject: str, before: str | None, after: str) -> Row:
    """Of the audit log."""
    return {
        "id": number,
        "subject": subject,
        "checkout_id": CHECKOUT,
        "before": None if before is None else {"status": before},
        "after": {"status": after},
    }


def receipt(seconds: float, identity: str, kind: str, sequence: int, **more: Any) -> Receipt:
    """A signed notification that was acknowledged."""
    body = json.dumps({"id": identity, "type": kind, "sequence": sequence, "data": {"id": CHECKOUT}}).encode()
    stamp = str(int(at(seconds).timestamp()))
    signed = hmac.new(SECRET, b".".join((identity.encode(), stamp.encode(), body)), hashlib.sha256)
    headers = {
        "webhook-id": identity,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,bm90 v1,{base64.b64encode(signed.digest()).decode()}",
    }
    values: dict[str, Any] = {"merchant": OURS, "acknowledged": True, "durable": True} | more
    return Receipt(at=at(seconds), headers=headers, body=body, **values)


def refund(identity: str, attempt_id: str, amount: int, **more: Any) -> Row:
    return {
        "id": identity,
        "checkout_id": CHECKOUT,
        "attempt_id": attempt_id,
        "amount": amount,
        "status": "succeeded",
        "sends": 1,
        "detail": None,
        **more,
    }


def failover() -> Evidence:
    """Flutterwave is silent, nothing is found in the quiet period, Stripe takes it, Flutterwave pays late
    and gets its money back. Then a part is refunded. Two webhooks, one key, two notifications, all in
    order."""
    scenario = Scenario(
        "late success of a charge",
        {"amount": AMOUNT, "currency": "NGN"},
        marker="chaos-1-00000x",
    )
    shown = {
        "id": CHECKOUT,
        "status": "succeeded",
        "amount": AMOUNT,
        "currency": "NGN",
        "amount_captured": AMOUNT,
        "amount_refunded": REFUNDED,
    }
    record = Record(
        scenario=scenario,
        key="key-1",
        answers=[Answer("key-1", 201, CHECKOUT, mutated=False)],
        checkout_id=CHECKOUT,
        view=dict(shown),
        seen=["processing", "succeeded"],
        refunds=[
            RefundAnswer("key-1-part", 201, "re_2", REFUNDED),
            RefundAnswer("key-1-more", 409, None, code="refund_exceeds_captured"),
        ],
    )
    return Evidence(
        keyless=frozenset({"flutterwave"}),
        ledger=[
            effect(8.0, "stripe", "capture", SECOND),
            effect(12.0, "flutterwave", "capture", FIRST),
            effect(14.0, "flutterwave", "refund", FIRST),
            effect(21.0, "stripe", "refund", SECOND, amount=REFUNDED),
        ],
        requests=[
            request(0.2, "flutterwave", "charge", FIRST),
            request(3.0, "flutterwave", "lookup", FIRST),
            request(4.0, "flutterwave", "lookup", FIRST),
            request(7.9, "stripe", "charge", SECOND),
            request(13.0, "flutterwave", "refund", FIRST),
            request(20.9, "stripe", "refund", SECOND, idempotency_key="re_2:refund"),
        ],
        webhooks=[
            row(account="stripe", event_id="evt_1", body={"id": "evt_1"}, status="delivered", fault=None),
            row(account="flutterwave", event_id=None, body={"data": 1}, status="delivered", fault=None),
        ],
        checkouts=[
            {
                **shown,
                "merchant_id": OURS,
                "notification_url": "http://127.0.0.1/ours",
                "capture_method": "automatic",
                "paid_attempt_id": SECOND,
                "planned_at": at(0.1),
                "created_at": at(0),
            }
        ],
        attempts=[
            attempt(1, "flutterwave", "refunded", amount_captured=AMOUNT, amount_refunded=AMOUNT),
            attempt(2, "stripe", "captured", amount_captured=AMOUNT, amount_refunded=REFUNDED),
        ],
        checkout_events=[
            event(0, "checkout.created"),
            event(0.1, "checkout.planned"),
            event(0.15, "attempt.sent", FIRST),
            event(2.2, "attempt.unknown", FIRST),
            event(3.1, "attempt.nothing_found", FIRST, detail="not found"),
            event(4.1, "attempt.not_found", FIRST, account="flutterwave"),
            event(7.8, "attempt.sent", SECOND),
            event(8.1, "attempt.captured", SECOND),
            event(8.1, "checkout.succeeded"),
            event(12.5, "attempt.late_success", FIRST),
            event(14.1, "refund.succeeded", FIRST, refund_id="re_1", amount=AMOUNT),
            event(14.1, "attempt.refunded", FIRST),
            event(20.5, "refund.requested", SECOND, refund_id="re_2", amount=REFUNDED),
            event(21.1, "refund.succeeded", SECOND, refund_id="re_2", amount=REFUNDED),
        ],
        refunds=[
            refund("re_1", FIRST, AMOUNT, kind="compensation", created_at=at(12.5)),
            refund("re_2", SECOND, REFUNDED, kind="merchant", created_at=at(20.5)),
        ],
        alerts=[row(kind="attempt.late_success", subject=FIRST)],
        webhook_events=[
            row(account="stripe", dedupe_key="evt_1"),
            row(account="flutterwave", dedupe_key="sha"),
        ],
        notifications=[
            row(id="evt_end", merchant_id=OURS, checkout_id=CHECKOUT),
            row(id="evt_back", merchant_id=OURS, checkout_id=CHECKOUT),
        ],
        merchant_secrets=[
            row(merchant_id=OURS, secret=f"whsec_{base64.b64encode(SECRET).decode()}"),
            row(merchant_id=THEIRS, secret=f"whsec_{base64.b64encode(b'another').decode()}"),
        ],
        audit_log=[
            entry(1, CHECKOUT, None, "processing"),
            entry(2, FIRST, None, "started"),
            entry(3, FIRST, "started", "not_found"),
            entry(4, SECOND, None, "started"),
            entry(5, SECOND, "started", "captured"),
            entry(6, CHECKOUT, "processing", "succeeded"),
            entry(7, "re_1", None, "pending"),
            entry(8, "re_1", "pending", "succeeded"),
            entry(9, FIRST, "not_found", "refunded"),
            entry(10, "re_2", None, "pending"),
            entry(11, "re_2", "pending", "succeeded"),
            row(id=12, subject=OURS, checkout_id=None, before=None, after={"name": "Demo"}),
        ],
        transcript=Transcript(
            records=[record],
            merchants=[OURS, THEIRS],
            heard={OURS: {CHECKOUT: "POST /v1/checkouts", FIRST: "POST /v1/checkouts"}, THEIRS: {}},
            trespasses=[Trespass(THEIRS, f"GET /v1/checkouts/{CHECKOUT}", 404)],
            cards_sent=[CardSent("metadata", 422)],
            receipts=[
                receipt(8.3, "evt_end", "checkout.succeeded", 1, acknowledged=False),
                receipt(9.3, "evt_end", "checkout.succeeded", 1),
                receipt(21.3, "evt_back", "refund.succeeded", 2),
            ],
        ),
        quiet_period=3.0,
    )


def shuffled(evidence: Evidence, seed: int) -> Evidence:
    """The same evidence with everything of no natural order in another one."""
    other = copy.deepcopy(evidence)
    rng = random.Random(seed)  # noqa: S311 - has to be repeatable, protects nothing
    for rows in (other.checkouts, other.attempts, other.alerts, other.webhook_events, other.webhooks):
        rng.shuffle(rows)
    return other
