"""The oracle sees a planted violation of every kind, and sees none in a clean campaign."""

from collections.abc import Callable

import pytest

from chaos.evidence import Evidence
from chaos.oracle import counts, judge
from chaos.oracle.violations import Harm
from chaos.transcript import Answer, CardSent, Forgery, Receipt, RefundAnswer, Trespass
from tests.chaos.story import (
    AMOUNT,
    CHECKOUT,
    FIRST,
    SECOND,
    THEIRS,
    at,
    attempt,
    effect,
    entry,
    event,
    failover,
    receipt,
    request,
    row,
    shuffled,
)

Spoil = Callable[[Evidence], object]


def test_a_clean_campaign_is_clean_in_any_order_of_its_rows() -> None:
    for seed in range(5):
        assert judge(shuffled(failover(), seed)) == []


def _both(one: Spoil, other: Spoil) -> Spoil:
    def spoil(evidence: Evidence) -> None:
        one(evidence)
        other(evidence)

    return spoil


def _not_refunded(evidence: Evidence) -> None:
    del evidence.ledger[2]


def _half_refunded(evidence: Evidence) -> None:
    evidence.ledger[2]["amount"] = AMOUNT // 2


def _status(evidence: Evidence, status: str) -> None:
    evidence.checkouts[0]["status"] = status
    evidence.transcript.records[0].view["status"] = status
    evidence.checkout_events[8]["kind"] = f"checkout.{status}"


def _wrong_amount(evidence: Evidence) -> None:
    evidence.ledger[0]["amount"] += 100
    evidence.checkouts[0]["amount_captured"] += 100
    evidence.transcript.records[0].view["amount_captured"] += 100


def _sent_during(evidence: Evidence, kind: str, **data: object) -> None:
    evidence.checkout_events[5] = event(4.1, kind, FIRST, **data)


def _answer(evidence: Evidence, status: int, checkout_id: str | None, *, mutated: bool) -> None:
    evidence.transcript.records[0].answers.append(Answer("key-1", status, checkout_id, mutated=mutated))


def _late_money_first(evidence: Evidence) -> None:
    evidence.ledger.insert(0, effect(2.0, "flutterwave", "capture", FIRST))
    del evidence.ledger[2]


def _received(evidence: Evidence, one_more: Receipt) -> None:
    evidence.transcript.receipts.append(one_more)


def _never_acknowledged(evidence: Evidence) -> None:
    del evidence.transcript.receipts[1]


def _misnumbered(evidence: Evidence) -> None:
    evidence.transcript.receipts[:] = [
        receipt(9.3, "evt_end", "checkout.succeeded", 2),
        receipt(21.3, "evt_back", "refund.succeeded", 1),
    ]


SPOILED: dict[str, tuple[str, Harm, Spoil]] = {
    "two live payments": ("I1", Harm.DOUBLED, _not_refunded),
    "two captures of one attempt": (
        "I1",
        Harm.DOUBLED,
        lambda e: e.ledger.append(effect(8.1, "stripe", "capture", SECOND, payment_id="again")),
    ),
    "a second authorization": (
        "I1",
        Harm.DOUBLED,
        lambda e: e.ledger.append(effect(8.1, "stripe", "authorize", SECOND, payment_id="again")),
    ),
    "money without an attempt": (
        "I3",
        Harm.ORPHANED,
        lambda e: e.ledger.append(effect(9, "stripe", "capture", "att_of_nobody")),
    ),
    "money at another gateway than the attempt's": (
        "I3",
        Harm.ORPHANED,
        lambda e: e.ledger.append(effect(9, "paystack", "capture", SECOND)),
    ),
    "paid, and no money": ("I4", Harm.PHANTOM, lambda e: e.ledger.pop(0)),
    "another amount in the row": (
        "I5",
        Harm.MISMATCH,
        lambda e: e.checkouts[0].update(amount_captured=AMOUNT - 1),
    ),
    "the API shows something else": (
        "I5",
        Harm.MISMATCH,
        lambda e: e.transcript.records[0].view.update(status="processing"),
    ),
    "declined, and the money taken": (
        "I5",
        Harm.ORPHANED,
        _both(_not_refunded, lambda e: e.attempts[0].update(status="declined")),
    ),
    "paid with another amount": ("I6", Harm.MISMATCH, _wrong_amount),
    "paid in another currency": ("I6", Harm.MISMATCH, lambda e: e.ledger[0].update(currency="USD")),
    "a charge that nobody intended": (
        "I7",
        Harm.ORDER,
        lambda e: e.requests.append(request(1, "stripe", "charge", "att_of_nobody")),
    ),
    "sent before it was intended": (
        "I7",
        Harm.ORDER,
        lambda e: e.attempts[1].update(created_at=at(9)),
    ),
    "sent more often than claimed": (
        "I7",
        Harm.ORDER,
        lambda e: e.requests.append(request(8, "stripe", "charge", SECOND)),
    ),
    "a refund that nobody intended": ("I7", Harm.ORDER, lambda e: e.refunds.clear()),
    "another key at the second send": (
        "I8",
        Harm.ORDER,
        _both(
            lambda e: e.requests.append(request(8, "stripe", "charge", SECOND, idempotency_key="other")),
            lambda e: e.attempts[1].update(sends=2),
        ),
    ),
    "another body at the second send": (
        "I8",
        Harm.ORDER,
        _both(
            lambda e: e.requests.append(request(8, "stripe", "charge", SECOND, body_sha256="other")),
            lambda e: e.attempts[1].update(sends=2),
        ),
    ),
    "one key for two operations": (
        "I8",
        Harm.ORDER,
        lambda e: e.requests.append(
            request(9, "stripe", "refund", SECOND, idempotency_key=f"{SECOND}:charge")
        ),
    ),
    "sent twice to a keyless gateway": (
        "I8",
        Harm.SECOND_SEND,
        _both(
            lambda e: e.requests.insert(1, request(0.5, "flutterwave", "charge", FIRST)),
            lambda e: e.attempts[0].update(sends=2),
        ),
    ),
    "failed over from unknown": ("I9", Harm.ORDER, lambda e: _sent_during(e, "attempt.unknown")),
    "failed over from pending": ("I9", Harm.ORDER, lambda e: _sent_during(e, "attempt.pending")),
    "failed over from one look-up": (
        "I9",
        Harm.ORDER,
        lambda e: _sent_during(e, "attempt.nothing_found", detail="not found"),
    ),
    "failed over while money lived": ("I9", Harm.ORDER, _late_money_first),
    "failed over while late money was known": (
        "I9",
        Harm.ORDER,
        _both(
            lambda e: e.ledger[1].update(at=at(5.0)),
            lambda e: e.checkout_events.insert(6, event(5.5, "attempt.late_success", FIRST)),
        ),
    ),
    "not found believed too early": (
        "I10",
        Harm.ORDER,
        lambda e: e.requests[0].update(at=at(2.5)),
    ),
    "not found believed once": ("I10", Harm.ORDER, lambda e: e.requests.pop(2)),
    "given back in part": ("I11", Harm.REFUND, _half_refunded),
    "given back twice": (
        "I12",
        Harm.REFUND,
        lambda e: e.ledger.append(effect(15, "flutterwave", "refund", FIRST)),
    ),
    "more reserved than captured": (
        "I12",
        Harm.REFUND,
        lambda e: e.attempts[0].update(amount_reserved=1),
    ),
    "late money without an alert": ("I13", Harm.ORPHANED, lambda e: e.alerts.clear()),
    "failed, and the money kept": ("I13", Harm.ORPHANED, lambda e: _status(e, "failed")),
    "a final state left": (
        "I14",
        Harm.MISMATCH,
        lambda e: e.checkout_events.insert(8, event(8.05, "checkout.failed")),
    ),
    "two final states shown": (
        "I14",
        Harm.MISMATCH,
        lambda e: e.transcript.records[0].seen.insert(1, "failed"),
    ),
    "never over": ("I15", Harm.STUCK, lambda e: _status(e, "requires_action")),
    "in review without need": ("I15", Harm.STUCK, lambda e: _status(e, "in_review")),
    "never accepted": (
        "I15",
        Harm.STUCK,
        lambda e: vars(e.transcript.records[0]).update(checkout_id=None, gave_up="too long"),
    ),
    "accepted, and no row": (
        "I16",
        Harm.LOST,
        lambda e: setattr(e.transcript.records[0], "checkout_id", "co_none"),
    ),
    "accepted, and nobody carries it out": (
        "I16",
        Harm.LOST,
        lambda e: e.checkouts[0].update(planned_at=None),
    ),
    "one key, two checkouts": ("I17", Harm.KEY, lambda e: _answer(e, 201, "co_other", mutated=False)),
    "another body taken": ("I17", Harm.KEY, lambda e: _answer(e, 200, None, mutated=True)),
    "an equal body refused": ("I17", Harm.KEY, lambda e: _answer(e, 422, None, mutated=False)),
    "an event kept twice": (
        "I18",
        Harm.WEBHOOK,
        lambda e: e.webhook_events.append(row(account="stripe", dedupe_key="evt_1 again")),
    ),
    "a forged webhook taken": (
        "I19",
        Harm.WEBHOOK,
        lambda e: e.transcript.forgeries.append(Forgery("stripe", "evt_forged", 200)),
    ),
    "a forged webhook refused, and kept": (
        "I19",
        Harm.WEBHOOK,
        lambda e: e.transcript.forgeries.append(Forgery("stripe", "evt_1", 401)),
    ),
    "an acknowledged event not kept": (
        "I20",
        Harm.WEBHOOK,
        lambda e: e.webhook_events.pop(0),
    ),
    "an acknowledged event without an id not kept": (
        "I20",
        Harm.WEBHOOK,
        lambda e: e.webhook_events.pop(1),
    ),
    "refunds accepted beyond the capture": (
        "I12",
        Harm.REFUND,
        lambda e: e.checkout_events.append(event(22, "refund.requested", SECOND, amount=AMOUNT)),
    ),
    "a refund accepted, and no row": ("I16", Harm.REFUND, lambda e: e.refunds.pop(1)),
    "a refund accepted, and failed": (
        "I16",
        Harm.REFUND,
        lambda e: e.refunds[1].update(status="failed", detail="refused"),
    ),
    "a refund of another amount": ("I6", Harm.REFUND, lambda e: e.refunds[1].update(amount=1)),
    "a refund that the gateway never saw": ("I5", Harm.REFUND, lambda e: e.ledger.pop()),
    "two refunds under one key": (
        "I17",
        Harm.KEY,
        lambda e: e.transcript.records[0].refunds.append(RefundAnswer("key-1-part", 201, "re_1", AMOUNT)),
    ),
    "more refunds sent than claimed": (
        "I7",
        Harm.ORDER,
        lambda e: e.requests.append(request(22, "stripe", "refund", SECOND, idempotency_key="re_2:refund")),
    ),
    "a refund sent under a second key": (
        "I8",
        Harm.ORDER,
        _both(
            lambda e: e.requests.append(request(22, "stripe", "refund", SECOND, idempotency_key="x")),
            lambda e: e.refunds[1].update(sends=2),
        ),
    ),
    "an answer names another's checkout": (
        "I21",
        Harm.TENANT,
        lambda e: e.transcript.heard[THEIRS].update({CHECKOUT: "GET /v1/checkouts"}),
    ),
    "another's checkout shown": (
        "I21",
        Harm.TENANT,
        lambda e: e.transcript.trespasses.append(Trespass(THEIRS, "GET /v1/checkouts/co_1", 200)),
    ),
    "a notification to another merchant": (
        "I21",
        Harm.TENANT,
        lambda e: _received(e, receipt(9, "evt_end", "checkout.succeeded", 1, merchant=THEIRS)),
    ),
    "a card number taken": (
        "I23",
        Harm.CARD,
        lambda e: e.transcript.cards_sent.append(CardSent("a token", 201)),
    ),
    "a card number in an answer": (
        "I23",
        Harm.CARD,
        lambda e: e.transcript.cards_echoed.append("POST /v1/checkouts"),
    ),
    "a card number in a file": ("I23", Harm.CARD, lambda e: e.files_with_cards.append("logs/api.log")),
    "an end that was never told": ("I24", Harm.NOTICE, _never_acknowledged),
    "a refund's end that was never told": ("I24", Harm.NOTICE, lambda e: e.transcript.receipts.pop()),
    "told before it was written": (
        "I24",
        Harm.NOTICE,
        lambda e: _received(e, receipt(8, "evt_end", "checkout.succeeded", 1, durable=False)),
    ),
    "told with a wrong signature": ("I24", Harm.NOTICE, lambda e: e.merchant_secrets.pop(0)),
    "one id, two contents": (
        "I24",
        Harm.NOTICE,
        lambda e: _received(e, receipt(9, "evt_end", "checkout.failed", 1)),
    ),
    "numbered in another order": ("I24", Harm.NOTICE, _misnumbered),
    "a change without its entry": ("I22", Harm.AUDIT, lambda e: e.audit_log.pop(5)),
    "an entry of a change that was not": (
        "I22",
        Harm.AUDIT,
        lambda e: e.audit_log.append(entry(13, CHECKOUT, "succeeded", "failed")),
    ),
    "entries in another order": ("I22", Harm.AUDIT, lambda e: e.audit_log.reverse()),
    "a chain that does not hold": (
        "I22",
        Harm.AUDIT,
        lambda e: e.audit_faults.append("entry 3 was changed"),
    ),
    "a change that nobody told": ("I22", Harm.MISMATCH, lambda e: e.checkout_events.pop(8)),
}


@pytest.mark.parametrize("name", SPOILED)
def test_a_planted_violation_is_seen(name: str) -> None:
    invariant, harm, spoil = SPOILED[name]
    evidence = failover()
    spoil(evidence)

    found = judge(evidence)

    assert (invariant, harm) in {(violation.invariant, violation.harm) for violation in found}
    assert counts(found)[harm] >= 1


def test_every_harm_has_a_planted_violation() -> None:
    assert {harm for _, harm, _ in SPOILED.values()} == set(Harm)


def test_what_is_allowed_is_not_blamed() -> None:
    refused_first = failover()
    refused_first.requests.insert(0, request(0.1, "flutterwave", "charge", FIRST, fault="rate_limit"))
    refused_first.attempts[0]["sends"] = 2
    assert judge(refused_first) == []

    unknowingly = failover()
    unknowingly.ledger.insert(0, effect(5.0, "flutterwave", "capture", FIRST))
    del unknowingly.ledger[2]
    assert judge(unknowingly) == []

    too_late_to_hold_back = failover()
    too_late_to_hold_back.ledger[1].update(at=at(5.0))
    too_late_to_hold_back.checkout_events.insert(7, event(7.85, "attempt.late_success", FIRST))
    assert judge(too_late_to_hold_back) == []

    kept = failover()
    kept.requests[-1]["fault"] = "error_before"
    again = {"idempotency_key": "re_2:refund"}
    kept.requests.append(request(20.95, "stripe", "refund", SECOND, **again))
    kept.requests.append(request(20.96, "stripe", "refund", SECOND, idempotency_key="re_2:refund:2"))
    kept.refunds[1]["sends"] = 2
    assert judge(kept) == []

    released = failover()
    released.ledger.append(effect(0.3, "flutterwave", "authorize", FIRST, payment_id="held"))
    released.ledger.append(effect(0.4, "flutterwave", "void", FIRST, payment_id="held"))
    assert judge(released) == []

    declined = failover()
    declined.checkout_events[5] = event(4.1, "attempt.declined", FIRST)
    declined.attempts[0] = attempt(1, "flutterwave", "declined")
    declined.ledger = [
        declined.ledger[0],
        declined.ledger[3],
        effect(0.3, "flutterwave", "decline", FIRST),
    ]
    declined.requests = [each for each in declined.requests if each["operation"] != "refund"]
    del declined.refunds[0]
    declined.alerts = []
    declined.audit_log = [each for each in declined.audit_log if each["subject"] not in (FIRST, "re_1")]
    declined.audit_log += [entry(13, FIRST, None, "started"), entry(14, FIRST, "started", "declined")]
    assert judge(declined) == []
