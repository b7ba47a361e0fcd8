"""The oracle's view of sending: I7 to I10, and that a keyless gateway is never sent a charge twice."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from chaos.evidence import Evidence, Row
from chaos.oracle.payments import Payment, by_checkout, checkout_of, payments
from chaos.oracle.violations import Harm, Violation

_NEGATIVE = frozenset(
    {
        "attempt.declined",
        "attempt.not_sent",
        "attempt.not_found",
        "attempt.canceled",
        "attempt.voided",
        "attempt.refunded",
    }
)
"""Timeline entries after which the next account may be asked."""

_POSITIONAL = frozenset({"attempt.late_success"})
"""Entries that say nothing about whether an attempt is over."""

_CLAIMS = ("attempt.sent", "attempt.sent_again")

_NO_EFFECT = ("rate_limit", "unauthorized")
"""Faults that the gateway answers with a definite refusal: such a charge may be sent again."""

_STORED_FAILURES = ("error_before", "error_after")
"""Faults whose answer a gateway with keys keeps under the key."""

_LATENESS = timedelta(milliseconds=100)
"""How much earlier than a look-up's own record the quiet period may seem to end: clocks of two processes."""


def judge_order(evidence: Evidence) -> Iterator[Violation]:
    attempts = {row["id"]: row for row in evidence.attempts}
    charges: dict[str, list[Row]] = defaultdict(list)
    for request in evidence.requests:
        if request["operation"] == "charge" and request["reference"] is not None:
            charges[request["reference"]].append(request)
    yield from _intents(evidence, attempts, charges)
    yield from _keys(evidence)
    yield from _second_sends(evidence, charges)
    yield from _failovers(evidence, attempts, charges)
    yield from _not_found(evidence, charges)


def _intents(
    evidence: Evidence, attempts: dict[str, Row], charges: dict[str, list[Row]]
) -> Iterator[Violation]:
    """Every request that moves money was intended in the database before it was sent (I7)."""
    for reference, sent in charges.items():
        attempt = attempts.get(reference)
        if attempt is None:
            yield Violation("I7", Harm.ORDER, reference, f"{len(sent)} charges without an attempt")
        elif attempt["created_at"] > sent[0]["at"]:
            yield Violation("I7", Harm.ORDER, reference, "sent before it was intended")
        elif len(sent) > attempt["sends"]:
            what = f"{len(sent)} charges arrived, {attempt['sends']} were claimed"
            yield Violation("I7", Harm.ORDER, reference, what)
    intended: dict[str, datetime] = {}
    claimed: Counter[str] = Counter()
    for row in evidence.refunds:
        identity = row["attempt_id"]
        intended[identity] = min(row["created_at"], intended.get(identity, row["created_at"]))
        claimed[identity] += row["sends"]
    spent: set[str] = set()
    for request in evidence.requests:
        if request["operation"] != "refund" or request["method"] != "POST":
            continue
        since = intended.get(request["reference"])
        if since is None or since > request["at"]:
            yield Violation("I7", Harm.ORDER, str(request["reference"]), "refund sent before it was intended")
            continue
        key = request["idempotency_key"]
        if key is not None and key in spent:
            continue  # the kept failure again: no effect, and the claim goes on under the next key
        if key is not None and request["fault"] in _STORED_FAILURES:
            spent.add(key)
        claimed[request["reference"]] -= 1
        if claimed[request["reference"]] == -1:
            yield Violation("I7", Harm.ORDER, request["reference"], "more refunds arrived than were claimed")


def _keys(evidence: Evidence) -> Iterator[Violation]:
    """One operation on one attempt: one key, one body. Different ones never share a key (I8)."""
    sent: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    owner: dict[tuple[str, str], tuple[str, ...]] = {}
    for request in evidence.requests:
        if request["method"] != "POST" or request["reference"] is None:
            continue
        if request["operation"] not in ("charge", "capture", "refund"):
            continue
        key = request["idempotency_key"]
        same: tuple[str, ...] = (request["gateway"], request["reference"], request["operation"])
        if request["operation"] == "refund":  # one payment may have many, each with its own key
            if key is None:
                continue
            same = (*same, key)
        sent[same].append(request)
        if key is not None and owner.setdefault((request["gateway"], key), same) != same:
            yield Violation("I8", Harm.ORDER, request["reference"], f"key {key} serves two operations")
    for (_, reference, operation, *_key), requests in sent.items():
        if len({request["idempotency_key"] for request in requests}) > 1 + _spent(operation, requests):
            yield Violation("I8", Harm.ORDER, reference, f"{operation}: another key at each send")
        if len({(request["path"], request["body_sha256"]) for request in requests}) > 1:
            yield Violation("I8", Harm.ORDER, reference, f"{operation}: other parameters at a resend")
    refunds = Counter(row["attempt_id"] for row in evidence.refunds)
    for (_, reference, operation, *_key), requests in sent.items():
        refunds[reference] += _spent(operation, requests) if operation == "refund" else 0
    keys = Counter(reference for _, reference, operation, *_key in sent if operation == "refund")
    for reference, number in keys.items():
        if number > refunds[reference]:
            what = f"{number} keys for {refunds[reference]} refunds"
            yield Violation("I8", Harm.ORDER, reference, what)


def _spent(operation: str, requests: list[Row]) -> int:
    """Keys that can never succeed any more: the gateway keeps a failure under them, and repeats it.

    A capture or refund may then go on under a next key; a charge never.
    """
    if operation == "charge":
        return 0
    return len({request["idempotency_key"] for request in requests if request["fault"] in _STORED_FAILURES})


def _second_sends(evidence: Evidence, charges: dict[str, list[Row]]) -> Iterator[Violation]:
    """A repeat is allowed there only after an answer that proves the one before had no effect."""
    for reference, sent in charges.items():
        if sent[0]["gateway"] not in evidence.keyless:
            continue
        if any(request["fault"] not in _NO_EFFECT for request in sent[:-1]):
            yield Violation("I8", Harm.SECOND_SEND, reference, f"{len(sent)} charges to a keyless gateway")


def _failovers(
    evidence: Evidence, attempts: dict[str, Row], charges: dict[str, list[Row]]
) -> Iterator[Violation]:
    """Nobody is asked while an earlier attempt may hold or take money (I9), or while late money lives."""
    timelines: dict[str, list[Row]] = defaultdict(list)
    for event in evidence.checkout_events:
        if event["attempt_id"] is not None and event["kind"] not in _POSITIONAL:
            timelines[event["attempt_id"]].append(event)
    made = by_checkout(payments(evidence.ledger))
    numbered: dict[str, list[Row]] = defaultdict(list)
    for row in evidence.attempts:
        numbered[row["checkout_id"]].append(row)
    for reference, sent in charges.items():
        attempt = attempts.get(reference)
        if attempt is None:
            continue
        earlier = [each for each in numbered[attempt["checkout_id"]] if each["number"] < attempt["number"]]
        for request in sent:
            for before in earlier:
                last = _last(timelines[before["id"]], request["at"])
                if last is not None and not _negative(last):
                    what = f"sent while {before['id']} was at {last['kind']}"
                    yield Violation("I9", Harm.ORDER, reference, what)
            for payment in made.get(checkout_of(reference) or "", []):
                if payment.reference == reference or not payment.live_at(request["at"]):
                    continue
                if not _broke_its_bound(evidence, payment, charges, request):
                    what = f"sent while {payment.gateway} {payment.payment_id} had the money"
                    yield Violation("I9", Harm.ORDER, reference, what)


def _broke_its_bound(
    evidence: Evidence, payment: Payment, charges: dict[str, list[Row]], request: Row
) -> bool:
    """The gateway took it after its longest in-flight time, and nobody had learnt of it when `request` was
    claimed: what is learnt between a claim and its arrival comes too late to hold it back.

    Then going on was right, since the attempt was believed not found by the rules of I10, which are judged
    by themselves; and giving it back is judged by I11.
    """
    sent = [each["at"] for each in charges.get(payment.reference or "", ())]
    taken = payment.taken_at()
    if not sent or taken is None:
        return False
    learnt = any(
        event["kind"] == "attempt.late_success" and event["attempt_id"] == payment.reference
        for event in _before_claim(evidence, request)
    )
    return not learnt and taken - max(sent) > timedelta(seconds=evidence.quiet_period)


def _before_claim(evidence: Evidence, request: Row) -> list[Row]:
    """The timeline up to the claim of this send, in the order of the database's locks; up to its arrival
    where nobody claimed it."""
    before = [event for event in evidence.checkout_events if event["at"] <= request["at"]]
    claims = [
        index
        for index, event in enumerate(before)
        if event["kind"] in _CLAIMS and event["attempt_id"] == request["reference"]
    ]
    return before[: claims[-1]] if claims else before


def _negative(event: Row) -> bool:
    return event["kind"] in _NEGATIVE


def _last(timeline: list[Row], moment: datetime) -> Row | None:
    earlier = [event for event in timeline if event["at"] <= moment]
    return earlier[-1] if earlier else None


def _not_found(evidence: Evidence, charges: dict[str, list[Row]]) -> Iterator[Violation]:
    """ "Not found" was believed only after the quiet period and with two look-ups that agree (I10)."""
    look_ups = [request for request in evidence.requests if request["operation"] == "lookup"]
    gateways = {row["id"]: row["gateway"] for row in evidence.attempts}
    quiet = timedelta(seconds=evidence.quiet_period) - _LATENESS
    for event in evidence.checkout_events:
        if event["kind"] != "attempt.not_found":
            continue
        reference = event["attempt_id"]
        sent = [request["at"] for request in charges.get(reference, ()) if request["at"] <= event["at"]]
        if sent and event["at"] - max(sent) < quiet:
            what = f"believed {(event['at'] - max(sent)).total_seconds():.1f} s after the send"
            yield Violation("I10", Harm.ORDER, reference, what)
        since = max(sent, default=None)
        looks = [
            request
            for request in look_ups
            if request["gateway"] == gateways.get(reference)
            and request["reference"] in (reference, None)  # a list names nobody
            and (since is None or request["at"] > since)
            and request["at"] <= event["at"] + _LATENESS
        ]
        if len(looks) < 2:
            yield Violation("I10", Harm.ORDER, reference, f"believed after {len(looks)} look-ups")
