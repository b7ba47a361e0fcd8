"""The oracle's view of what merchants were told: I24."""

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

from chaos.evidence import Evidence, Row
from chaos.oracle.records import FINAL
from chaos.oracle.violations import Harm, Violation
from chaos.transcript import Receipt


def judge_notices(evidence: Evidence) -> Iterator[Violation]:
    """Every end is told at least once, signed, under one id, in order, and never before it is so (I24)."""
    secrets: dict[str, list[str]] = defaultdict(list)
    for row in evidence.merchant_secrets:
        secrets[row["merchant_id"]].append(row["secret"])
    told: dict[str, list[tuple[int, str]]] = defaultdict(list)
    bodies: dict[str, bytes] = {}
    for receipt in evidence.transcript.receipts:
        identity = receipt.headers.get("webhook-id", "")
        event = json.loads(receipt.body)
        if not _signed(receipt, secrets[receipt.merchant]):
            yield _violation(identity, "the signature does not verify")
        if event["id"] != identity or bodies.setdefault(identity, receipt.body) != receipt.body:
            yield _violation(identity, "the same id tells something else")
        if receipt.durable is False:
            yield _violation(identity, f"{event['type']} was told before it was written")
        if receipt.acknowledged:
            told[event["data"]["id"]].append((event["sequence"], event["type"]))
    ends: dict[str, list[str]] = defaultdict(list)
    asked_for = {row["id"] for row in evidence.refunds if row["kind"] == "merchant"}
    for change in evidence.checkout_events:
        if _is_end(change, asked_for):
            ends[change["checkout_id"]].append(change["kind"])
    for checkout in evidence.checkouts:
        if checkout["notification_url"] is not None:
            yield from _complete(checkout["id"], ends[checkout["id"]], told[checkout["id"]])


def _is_end(change: Row, asked_for: set[str]) -> bool:
    """Of a checkout, or of a refund that a merchant asked for: a compensation is told to nobody."""
    if change["kind"] in ("refund.succeeded", "refund.failed"):
        return change["data"].get("refund_id") in asked_for
    return change["kind"].removeprefix("checkout.") in FINAL


def _complete(identity: str, ends: Sequence[str], told: Sequence[tuple[int, str]]) -> Iterator[Violation]:
    """The ends of the timeline arrived, and their numbers rise in its order."""
    numbers = dict(sorted(set(told)))
    if len(numbers) < len(set(told)):
        yield _violation(identity, "two events have one number")
    arrived = [kind for kind in numbers.values() if kind in ends]
    for kind in set(ends):
        if arrived.count(kind) < ends.count(kind):
            yield _violation(identity, f"{kind} was told {arrived.count(kind)} times of {ends.count(kind)}")
    if sorted(arrived) == sorted(ends) and arrived != list(ends):
        yield _violation(identity, f"numbered as {arrived}, happened as {list(ends)}")


def _signed(receipt: Receipt, secrets: Sequence[str]) -> bool:
    """By the Standard Webhooks specification: HMAC-SHA256 of id, timestamp and raw body."""
    parts = (receipt.headers.get("webhook-id", ""), receipt.headers.get("webhook-timestamp", ""))
    content = b".".join((*(part.encode() for part in parts), receipt.body))
    given = receipt.headers.get("webhook-signature", "").split(" ")
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        right = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
        if f"v1,{right}" in given:
            return True
    return False


def _violation(identity: str, what: str) -> Violation:
    return Violation("I24", Harm.NOTICE, identity, what)
